//! `cargo xtask fix`: writes what `verify` wants and a machine can write.

use crate::house::{self, House};
use crate::prerequisites;
use crate::steps::Steps;

/// Formats, then lets clippy apply what it is sure of.
///
/// # Errors
/// When a tool fails; what is left then needs a human.
pub fn fix(house: &House) -> anyhow::Result<()> {
    prerequisites::ensure_all(house)?;
    let mut steps = Steps::of("fix");
    steps.run("fmt", "read the parse error above", || house::run(house.cargo().args(["fmt", "--all"])));
    steps.run("clippy", "mend by hand what is listed above", || {
        house::run(house.cargo().args([
            "clippy",
            "--workspace",
            "--all-targets",
            "--fix",
            "--allow-dirty",
            "--allow-staged",
        ]))
    });
    steps.run("fmt again", "read the parse error above", || house::run(house.cargo().args(["fmt", "--all"])));
    steps.finish()
}
