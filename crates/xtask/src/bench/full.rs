//! `cargo xtask bench full`: our own speed and cost over shards, record sizes, replicas, wires and rates.

mod idle;
mod matrix;
mod pages;

use super::Setting;
use super::published::Run;
use anyhow::{Context, bail};
use matrix::{Cell, Plan, Shape};
use std::fs::File;
use std::io::Write;
use std::time::{Duration, Instant};

/// All that a run gave.
#[derive(Debug, Default)]
struct Measured {
    cells: Vec<Cell>,
    idle: Vec<idle::Idle>,
    /// What could not be measured, and why.
    failures: Vec<String>,
}

/// Measures each cell once, and writes docs/benchmarks/full.md with its plots.
///
/// # Errors
/// When a cell could not be measured; the page has the others all the same.
pub fn full(setting: &Setting) -> anyhow::Result<()> {
    let plan = Plan::of(setting.options);
    let shapes = plan.shapes();
    eprintln!("   {} cells, about {:.0} minutes", plan.cells(), plan.estimate(setting.options).as_secs_f64() / 60.0);
    let run = Run::begin(setting, "full", 1)?;
    let started = Instant::now();
    let mut measured = Measured::default();
    for (index, shape) in shapes.iter().enumerate() {
        tell(started, index, shapes.len(), *shape);
        if let Err(error) = matrix::measure(setting, &plan, *shape, &mut measured) {
            measured.fail(&shape.name(), &error);
        }
    }
    for shards in &plan.idle_shards {
        match idle::measure(setting, *shards) {
            Ok(idle) => measured.idle.push(idle),
            Err(error) => measured.fail(&format!("{shards} idle shards"), &error),
        }
    }
    keep(setting, &measured).context("keep the raw output")?;
    run.publish(
        "Speed and cost of one and of three nodes",
        &pages::body(&plan, &measured),
        &pages::plots(&plan, &measured),
    )?;
    if !measured.failures.is_empty() {
        bail!("{} parts could not be measured", measured.failures.len());
    }
    Ok(())
}

impl Measured {
    /// Something could not be measured.
    fn fail(&mut self, what: &str, error: &anyhow::Error) {
        let line = format!("{what}: {error:#}");
        eprintln!("   {line}");
        self.failures.push(line.lines().next().unwrap_or_default().to_owned());
    }
}

fn tell(started: Instant, done: usize, all: usize, shape: Shape) {
    let elapsed = started.elapsed();
    let left = (done > 0).then(|| elapsed / done as u32 * (all - done) as u32);
    let left = left.map_or(String::new(), |left: Duration| format!(", {:.0} minutes left", left.as_secs_f64() / 60.0));
    eprintln!("   {}/{all}: {}{left}", done + 1, shape.name());
}

/// A line for each cell.
fn keep(setting: &Setting, measured: &Measured) -> anyhow::Result<()> {
    let mut file = File::create(setting.folder.join("full.jsonl"))?;
    for cell in &measured.cells {
        writeln!(file, "{}", cell.raw())?;
    }
    Ok(())
}
