//! `cargo xtask run [-- ARGS]`: builds optimised and becomes `anabranch dev ARGS`.

use crate::house::House;
use crate::{build, prerequisites};
use anyhow::Context;
use std::os::unix::process::CommandExt;

/// Builds and starts the binary in the caller's directory, in this process's place, so that
/// signals and the exit code are the binary's own.
///
/// # Errors
/// When something is missing, the build fails, or the binary cannot be started.
pub fn run(house: &House, args: &[String]) -> anyhow::Result<()> {
    prerequisites::ensure_all(house)?;
    let binary = build::binary(house, build::Profile::Optimised)?;
    let error = std::process::Command::new(&binary).arg("dev").args(args).exec();
    Err(error).with_context(|| format!("start {}", binary.display()))
}
