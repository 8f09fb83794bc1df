//! `cargo xtask sim`: whole clusters in simulation, a process for each seed.
//!
//! A run is decided by its seed and the build: what failed once fails again. The whole workspace is
//! selected, for the reason that `build.rs` gives.

use crate::house::{self, House};
use crate::prerequisites;
use anyhow::Context;
use std::fs;
use std::path::PathBuf;
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
    let trace = trace_of(house, words)?;
    match &trace {
        Some(trace) => cargo.args(words).arg("--trace").arg(trace),
        None if words.is_empty() => cargo.args(DEFAULT),
        None => cargo.args(words),
    };
    let ran = house::run(&mut cargo);
    eprintln!("   {:.0} s", begun.elapsed().as_secs_f64());
    if let Some(trace) = trace {
        eprintln!("   all that happened: {}", trace.display());
    }
    ran
}

/// Where the trace of a single seed goes, unless `words` say where.
fn trace_of(house: &House, words: &[String]) -> anyhow::Result<Option<PathBuf>> {
    let [first, seed, rest @ ..] = words else { return Ok(None) };
    if first != "--seed" || rest.iter().any(|word| word == "--trace" || word == "--plan") {
        return Ok(None);
    }
    let dir = house.target().join("sim");
    fs::create_dir_all(&dir).with_context(|| format!("make {}", dir.display()))?;
    Ok(Some(dir.join(format!("seed-{seed}.trace"))))
}
