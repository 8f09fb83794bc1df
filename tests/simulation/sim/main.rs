//! Whole clusters in one thread, under simulated time, disks and networks.
//!
//! A seed draws the cluster, its clients and what befalls it, and decides everything that happens: the
//! same seed gives the same run, byte for byte. One process runs one seed (`entropy.rs` says why).
//! `cargo xtask sim` runs many.
#![allow(clippy::disallowed_methods, reason = "the simulated clock, randomness and tasks are made here")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command speaks to its terminal")]

mod args;
mod client;
mod cluster;
mod disk;
mod door;
mod entropy;
mod faults;
mod history;
mod look;
mod network;
mod node;
mod operator;
mod parts;
mod phases;
mod plan;
mod processes;
mod reader;
mod resharder;
mod run;
mod trace;

use anyhow::Context;
use args::{OneRun, Task};
use plan::Plan;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    let done = Task::of(std::env::args().skip(1)).and_then(|task| match task {
        Task::One(one) => simulate(&one),
        Task::Many(seeds) => processes::run_range(seeds).map(|()| true),
        Task::Checks(filter) => processes::check(&filter).map(|()| true),
    });
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::from(2)
        }
    }
}

/// Whether the run came to a good end.
fn simulate(one: &OneRun) -> anyhow::Result<bool> {
    entropy::close(one.seed);
    one.planted.into_iter().for_each(anabranch_runtime::planted::plant);
    let mut plan = Plan::draw(one.seed);
    if one.no_faults {
        plan = plan.without_faults();
    }
    if one.only_plan {
        println!("{plan:#?}");
        return Ok(true);
    }
    let (trace, history) = (trace::install(file(one.trace.as_deref())?), file(one.history.as_deref())?);
    // Paths below it are the same in every run.
    let room = tempfile::tempdir().context("make a directory for the run")?;
    std::env::set_current_dir(room.path()).context("go to the directory of the run")?;
    let ended = run::run(plan, &trace, history);
    trace.flush();
    match ended {
        Ok(report) => {
            println!("seed {}: {report}", one.seed);
            Ok(true)
        }
        Err(error) => {
            println!("seed {}: FAILED: {error:#}", one.seed);
            trace.last_lines().iter().for_each(|line| eprintln!("{line}"));
            Ok(false)
        }
    }
}

fn file(path: Option<&str>) -> anyhow::Result<Option<Box<dyn Write + Send>>> {
    let Some(path) = path else { return Ok(None) };
    let file = File::create(path).with_context(|| format!("make {path}"))?;
    Ok(Some(Box::new(BufWriter::new(file))))
}
