//! `cargo xtask bench quick`: how fast we are, beside others, in one run on this machine.
//!
//! docs/BENCH.md says how it measures and how its tables are read.

mod amplification;
mod cell;
mod cluster;
mod contestant;
mod floors;
mod numbers;
mod page;
mod quick;
mod rivals;
mod samples;
mod server;
mod sync_probe;
mod table;
mod target;
mod three_nodes;
mod three_nodes_table;
mod usage;

use crate::build::{self, Profile};
use crate::house::{self, House};
use anyhow::ensure;
use std::path::PathBuf;

pub use quick::quick;

/// What every part of a bench needs.
struct Setting<'a> {
    house: &'a House,
    /// The server under test, release profile.
    server: PathBuf,
    /// Load generator and null pipeline, release profile.
    client: PathBuf,
    /// Where data, raw output and rivals lie.
    folder: PathBuf,
}

impl<'a> Setting<'a> {
    /// Builds both binaries, or takes them `as_built`.
    fn prepare(house: &'a House, as_built: bool) -> anyhow::Result<Setting<'a>> {
        let built = house.target().join(Profile::Release.folder());
        let (server, client) = (built.join("anabranch"), built.join("anabranch-bench"));
        if !as_built {
            build::binary(house, Profile::Release)?;
            // Again the whole workspace, see `build::binary`.
            house::run(house.cargo().args(["build", "--release", "--workspace", "--bin", "anabranch-bench"]))?;
        }
        ensure!(server.is_file() && client.is_file(), "nothing is built in {}", built.display());
        let folder = house.target().join("bench");
        std::fs::create_dir_all(&folder)?;
        Ok(Setting { house, server, client, folder })
    }
}
