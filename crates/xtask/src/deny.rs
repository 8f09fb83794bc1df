//! cargo-deny: licences, bans and sources always, advisories where a database is at hand.

use crate::house::{self, House, works};
use std::path::Path;

/// Runs cargo-deny with deny.toml, or says that it was skipped.
///
/// # Errors
/// When cargo-deny finds something.
pub fn check(house: &House) -> anyhow::Result<()> {
    if !works(house.cargo().args(["deny", "--version"])) {
        eprintln!("   SKIPPED: cargo-deny is not installed (cargo install --locked cargo-deny)");
        return Ok(());
    }
    let mut cargo = house.cargo();
    cargo.args(["deny", "--locked", "check", "bans", "licenses", "sources"]);
    house::run(&mut cargo)?;
    if !has_advisory_database() {
        eprintln!("   SKIPPED: advisories (no database at hand; `cargo deny fetch` gets it)");
        return Ok(());
    }
    house::run(house.cargo().args(["deny", "--locked", "check", "--disable-fetch", "advisories"]))
}

fn has_advisory_database() -> bool {
    let home = std::env::var_os("CARGO_HOME").map(Into::into).or_else(|| {
        let home = std::env::var_os("HOME")?;
        Some(Path::new(&home).join(".cargo"))
    });
    let databases = home.map(|home| home.join("advisory-dbs"));
    databases.and_then(|path| path.read_dir().ok()).is_some_and(|mut entries| entries.next().is_some())
}
