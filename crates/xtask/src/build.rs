//! `cargo xtask build [--release]`: builds the binary and prints where it is.

use crate::house::{self, House};
use crate::{prerequisites, rocksdb_notice};
use anyhow::ensure;
use std::path::PathBuf;

/// The program that judges what clients saw (`tests/checker`).
const CHECKER: &str = "anabranch-checker";
/// The program that stands between nodes (`tests/proxy`).
const FAULT_PROXY: &str = "anabranch-fault-proxy";

/// Which of the two builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Cargo's dev profile: optimised, with assertions; what `run` and `test` use.
    Optimised,
    /// What is measured and shipped.
    Release,
}

/// Builds the binary; its path is the last line of stdout.
///
/// # Errors
/// When something is missing or the build fails.
pub fn build(house: &House, release: bool) -> anyhow::Result<()> {
    prerequisites::ensure_all(house)?;
    let profile = if release { Profile::Release } else { Profile::Optimised };
    println!("{}", binary(house, profile)?.display());
    Ok(())
}

/// Builds the binary and returns its path. The checker of histories ([`checker`]) and the proxy between nodes
/// ([`fault_proxy`]) are built with it.
///
/// The whole workspace is selected, as `clippy` and `test` do: a selection of one crate gives
/// RocksDB's build script other features, and RocksDB would be compiled a second time.
///
/// # Errors
/// When the build fails.
pub fn binary(house: &House, profile: Profile) -> anyhow::Result<PathBuf> {
    rocksdb_notice::print_when_cold(house, profile);
    let mut cargo = house.cargo();
    cargo.args(["build", "--workspace", "--bin", "anabranch", "--bin", CHECKER, "--bin", FAULT_PROXY]);
    if profile == Profile::Release {
        cargo.arg("--release");
    }
    house::run(&mut cargo)?;
    let binary = house.target().join(profile.folder()).join("anabranch");
    ensure!(binary.is_file(), "the build left no {}", binary.display());
    Ok(binary)
}

/// Where [`binary`] has left the program that judges what clients saw.
pub fn checker(house: &House, profile: Profile) -> PathBuf {
    house.target().join(profile.folder()).join(CHECKER)
}

/// Where [`binary`] has left the program that stands between nodes.
pub fn fault_proxy(house: &House, profile: Profile) -> PathBuf {
    house.target().join(profile.folder()).join(FAULT_PROXY)
}

impl Profile {
    /// The folder of the target directory that cargo builds it in.
    pub fn folder(self) -> &'static str {
        match self {
            Profile::Optimised => "debug",
            Profile::Release => "release",
        }
    }
}
