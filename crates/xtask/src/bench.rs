//! `cargo xtask bench quick | compare | full`: how fast we are, beside others, in one run on this machine.
//!
//! docs/BENCH.md says how it measures and how its tables are read.

mod amplification;
mod cell;
mod cluster;
mod compare;
mod contestant;
mod floors;
mod full;
mod numbers;
mod options;
mod page;
mod plot;
mod processes;
mod published;
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
use crate::prerequisites;
use anyhow::ensure;
use std::path::PathBuf;

pub use options::{Options, What};

/// What every part of a bench needs.
struct Setting<'a> {
    house: &'a House,
    /// The server under test, release profile.
    server: PathBuf,
    /// Load generator and null pipeline, release profile.
    client: PathBuf,
    /// Where data, raw output and rivals lie.
    folder: PathBuf,
    /// As the command line said.
    options: Options,
}

/// Measures, prints tables and keeps them.
///
/// # Errors
/// When something cannot be built or started, or a floor is missed.
pub fn bench(house: &House, what: What, options: Options) -> anyhow::Result<()> {
    prerequisites::ensure_all(house)?;
    let setting = Setting::prepare(house, options)?;
    match what {
        What::Quick => quick::quick(&setting),
        What::Compare => compare::compare(&setting),
        What::Full => full::full(&setting),
    }
}

impl<'a> Setting<'a> {
    /// Builds both binaries, or takes them `as_built`.
    fn prepare(house: &'a House, options: Options) -> anyhow::Result<Setting<'a>> {
        let built = house.target().join(Profile::Release.folder());
        let (server, client) = (built.join("anabranch"), built.join("anabranch-bench"));
        if !options.as_built {
            build::binary(house, Profile::Release)?;
            // Again the whole workspace, see `build::binary`.
            house::run(house.cargo().args(["build", "--release", "--workspace", "--bin", "anabranch-bench"]))?;
        }
        ensure!(server.is_file() && client.is_file(), "nothing is built in {}", built.display());
        let folder = house.target().join("bench");
        std::fs::create_dir_all(&folder)?;
        Ok(Setting { house, server, client, folder, options })
    }
}
