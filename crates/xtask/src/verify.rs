//! `cargo xtask verify [--quick]`: everything but the tests. It never edits.

use crate::build::Profile;
use crate::house::{self, House};
use crate::steps::Steps;
use crate::{changed, deny, floors, packages, prerequisites, rocksdb_notice, tidy};

/// Runs every check and fails when one of them does; `quick` leaves out what takes minutes.
///
/// # Errors
/// Names the checks that failed.
pub fn verify(house: &House, quick: bool) -> anyhow::Result<()> {
    prerequisites::ensure_all(house)?;
    let mut steps = Steps::of(if quick { "verify --quick" } else { "verify" });
    steps.run("fmt", "cargo xtask fix", || house::run(house.cargo().args(["fmt", "--all", "--check"])));
    steps.run("floors", "move the type down, or the code up (docs/ARCHITECTURE.md)", || floors::check(house));
    steps.run("tidy", "mend the files named above by hand", || tidy::check(house));
    if quick {
        steps.run("clippy on changed crates", "cargo xtask fix, then by hand", || clippy_changed(house));
        return steps.finish();
    }
    rocksdb_notice::print_when_cold(house, Profile::Optimised);
    steps.run("clippy", "cargo xtask fix, then by hand", || clippy(house, &["--workspace".to_owned()]));
    steps.run("doc", "mend the links and comments named above", || {
        let mut cargo = house.cargo();
        cargo.env("RUSTDOCFLAGS", "-D warnings");
        house::run(cargo.args(["doc", "--workspace", "--no-deps", "--locked"]))
    });
    steps.run("deny", "see deny.toml; a new exception needs its reason there", || deny::check(house));
    steps.finish()
}

fn clippy(house: &House, selection: &[String]) -> anyhow::Result<()> {
    let mut cargo = house.cargo();
    cargo.arg("clippy").args(selection).args(["--all-targets", "--locked", "--", "-D", "warnings"]);
    house::run(&mut cargo)
}

/// One crate at a time is fast where RocksDB is not below it; else the whole workspace, which
/// shares its RocksDB with every other command.
fn clippy_changed(house: &House) -> anyhow::Result<()> {
    let packages = packages::read(house)?;
    let changed = changed::crates(house, &packages)?;
    if changed.is_empty() {
        eprintln!("   no crate differs from the last commit");
        return Ok(());
    }
    let light = changed.iter().all(|name| !packages::reaches(&packages, name, "rocksdb"));
    let selection = if light {
        changed.iter().flat_map(|name| ["-p".to_owned(), name.clone()]).collect()
    } else {
        vec!["--workspace".to_owned()]
    };
    clippy(house, &selection)
}
