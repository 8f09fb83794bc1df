//! The AWS clients' tests: a Python environment of their own, with pinned clients, against the
//! real binary.

use crate::build::{self, Profile};
use crate::house::{self, House};
use anyhow::Context;
use std::fs;
use std::path::PathBuf;

/// Whether the binary answers the AWS protocol, so that its clients belong to every test run.
pub const SERVED: bool = true;

/// The pinned clients.
const REQUIREMENTS: &str = "tests/aws/requirements.txt";

/// Builds the binary and runs every test of the AWS clients.
///
/// # Errors
/// When the build or a test fails.
pub fn test(house: &House) -> anyhow::Result<()> {
    pytest(house, Profile::Optimised, &["tests/aws"], &[])
}

/// Builds the binary of `profile` and runs pytest with `args` and more `variables`.
///
/// # Errors
/// When the build or a test fails.
pub fn pytest(house: &House, profile: Profile, args: &[&str], variables: &[(&str, &str)]) -> anyhow::Result<()> {
    let binary = build::binary(house, profile)?;
    let environment = environment(house)?;
    let mut python = house.command(environment.join("bin/python"));
    python.args(["-m", "pytest", "-p", "no:cacheprovider"]).args(args);
    python.env("ANABRANCH_BIN", &binary).env("ANABRANCH_CHECKER", build::checker(house, profile));
    python.env("ANABRANCH_FAULT_PROXY", build::fault_proxy(house, profile));
    python.env("PYTHONDONTWRITEBYTECODE", "1");
    python.envs(variables.iter().copied());
    house::run(&mut python)
}

/// The Python environment with the pinned clients, made anew when the pins changed.
fn environment(house: &House) -> anyhow::Result<PathBuf> {
    let environment = house.target().join("aws-clients");
    let stamp = environment.join("made-from.txt");
    let requirements = house.root().join(REQUIREMENTS);
    let pins = fs::read_to_string(&requirements).with_context(|| format!("read {REQUIREMENTS}"))?;
    if fs::read_to_string(&stamp).is_ok_and(|made_from| made_from == pins) {
        return Ok(environment);
    }
    eprintln!("   making the AWS clients' Python environment from {REQUIREMENTS}");
    let mut venv = house.command("python3");
    house::run(venv.args(["-m", "venv", "--clear"]).arg(&environment))?;
    let mut pip = house.command(environment.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]).arg(&requirements);
    house::run(&mut pip)?;
    fs::write(&stamp, pins)?;
    Ok(environment)
}
