//! `cargo xtask sim`: whole clusters in simulation, a process for each seed.
//!
//! A run is decided by its seed and the build: what failed once fails again. The whole workspace is
//! selected, for the reason that `build.rs` gives.

use crate::house::{self, House};
use crate::prerequisites;
use std::time::Instant;

/// What runs when nothing is said.
const DEFAULT: [&str; 2] = ["--seeds", "1..20"];
const TEST: [&str; 4] = ["test", "--workspace", "--test", "sim"];

/// Hands `words` on to the simulation.
///
/// # Errors
/// When the build fails, or a seed.
pub fn sim(house: &House, words: &[String]) -> anyhow::Result<()> {
    let known = words.first().is_none_or(|word| ["--seed", "--seeds", "--help"].contains(&word.as_str()));
    anyhow::ensure!(known, "{words:?} is not understood: --seeds A..B or --seed N");
    prerequisites::ensure_all(house)?;
    house::run(house.cargo().args(TEST).arg("--no-run"))?;
    let begun = Instant::now();
    let mut cargo = house.cargo();
    cargo.args(["--quiet"]).args(TEST).arg("--");
    let ran = if words.is_empty() { house::run(cargo.args(DEFAULT)) } else { house::run(cargo.args(words)) };
    eprintln!("   {:.0} s", begun.elapsed().as_secs_f64());
    ran
}
