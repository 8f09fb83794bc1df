//! Installs rivals under the target directory, once.

use super::Setting;
use crate::house;
use anyhow::{Context, ensure};
use std::path::PathBuf;

/// The binary of ferrokinesis 0.7.0, built when it is not there.
///
/// # Errors
/// When it cannot be fetched or built.
pub fn ferrokinesis(setting: &Setting) -> anyhow::Result<PathBuf> {
    let root = setting.house.target().join("rivals");
    let binary = root.join("bin/ferrokinesis");
    if !binary.is_file() {
        let mut cargo = setting.house.command("cargo");
        cargo.args(["install", "ferrokinesis@0.7.0", "--locked", "--root"]).arg(&root);
        house::run(cargo.env("CARGO_TARGET_DIR", root.join("build"))).context("install ferrokinesis")?;
    }
    ensure!(binary.is_file(), "cargo left no {}", binary.display());
    Ok(binary)
}

/// The command of kinesalite 3.3.3, fetched when it is not there.
///
/// # Errors
/// When npm is missing or cannot fetch it.
pub fn kinesalite(setting: &Setting) -> anyhow::Result<PathBuf> {
    let root = setting.house.target().join("rivals");
    let command = root.join("node_modules/.bin/kinesalite");
    if !command.is_file() {
        std::fs::create_dir_all(&root)?;
        let mut npm = setting.house.command("npm");
        npm.args(["install", "kinesalite@3.3.3", "--omit=optional", "--no-audit", "--no-fund", "--prefix"]).arg(&root);
        house::run(npm.stdout(std::io::stderr())).context("install kinesalite")?;
    }
    ensure!(command.is_file(), "npm left no {}", command.display());
    Ok(command)
}
