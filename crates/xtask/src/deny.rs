//! cargo-deny: licences, bans and sources always, advisories where a database is at hand.

use crate::house::{self, House};
use std::path::{Path, PathBuf};

/// The version whose verdict is asked for, built from the registry once.
const VERSION: &str = "0.20.2";

/// Runs cargo-deny with deny.toml, after installing it under the target directory.
///
/// # Errors
/// When it cannot be built, or finds something.
pub fn check(house: &House) -> anyhow::Result<()> {
    let program = installed(house)?;
    let deny = || {
        let mut deny = house.command(&program);
        deny.args(["--locked", "check", "--hide-inclusion-graph"]);
        deny
    };
    house::run(deny().args(["bans", "licenses", "sources"]))?;
    if !has_advisory_database() {
        eprintln!("   SKIPPED: advisories (no database at hand; `cargo deny fetch` gets it)");
        return Ok(());
    }
    house::run(deny().args(["--disable-fetch", "advisories"]))
}

/// The program, built when this version is not there. Its own target directory: another
/// workspace's artifacts have no business among ours.
fn installed(house: &House) -> anyhow::Result<PathBuf> {
    let root = house.target().join("tools").join(format!("cargo-deny-{VERSION}"));
    let program = root.join("bin/cargo-deny");
    if !program.is_file() {
        eprintln!("   building cargo-deny {VERSION}, once; some minutes");
        let mut cargo = house.command("cargo");
        cargo.args(["install", "cargo-deny", "--version", VERSION, "--locked", "--quiet", "--root"]).arg(&root);
        house::run(cargo.env("CARGO_TARGET_DIR", root.join("build")))?;
        std::fs::remove_dir_all(root.join("build"))?;
    }
    Ok(program)
}

fn has_advisory_database() -> bool {
    let home = std::env::var_os("CARGO_HOME").map(Into::into).or_else(|| {
        let home = std::env::var_os("HOME")?;
        Some(Path::new(&home).join(".cargo"))
    });
    let databases = home.map(|home| home.join("advisory-dbs"));
    databases.and_then(|path| path.read_dir().ok()).is_some_and(|mut entries| entries.next().is_some())
}
