//! `cargo xtask bench compare`: three replicas and one durable node beside rivals, in turn, in one run.

mod anabranch;
mod jetstream;
mod kafka;
mod pages;
mod replicated;
mod results;
mod single;
mod turns;
mod verdicts;

use super::Setting;
use super::contestant::Contestant;
use super::published::Run;
use super::{amplification, amplification::Amplification};
use crate::probe;
use anyhow::{Context, bail};
use results::Results;

/// MiB that each probe of the disk writes.
const DISK_PROBE_MEBIBYTES: usize = 256;

/// All that a run gave.
#[derive(Default)]
struct Measured {
    replicated: Results,
    single: Results,
    /// Bytes per second that the disk takes in order, synced, by each repeat.
    disk: Vec<f64>,
    amplification: Amplification,
}

/// Measures, and writes docs/benchmarks/compare.md with its plots.
///
/// # Errors
/// When we cannot be measured, or a floor is missed. A rival that cannot be installed or fails is
/// told in the page, and the floor beside it is missed.
pub fn compare(setting: &Setting) -> anyhow::Result<()> {
    let mut measured = Measured::default();
    let rivals = turns::installed(&replicated::ALL, setting, &mut measured.replicated);
    let emulators = turns::installed(&Contestant::EMULATORS, setting, &mut measured.single);
    let run = Run::begin(setting, "compare", setting.options.repeats())?;
    for repeat in 0..setting.options.repeats() {
        measured.disk.push(probe::disk_bytes_per_second(&setting.folder, DISK_PROBE_MEBIBYTES)?);
        turns::repeat(&emulators, setting, repeat, &mut measured.single)?;
        turns::repeat(&rivals, setting, repeat, &mut measured.replicated)?;
    }
    eprintln!("   write amplification");
    measured.amplification = amplification::measure(setting).context("write amplification")?;
    results::keep(setting, "compare", &[&measured.replicated, &measured.single])?;
    let verdicts = verdicts::judge(&measured);
    run.publish("Beside others", &pages::body(&measured, &verdicts), &pages::plots(&measured))?;
    let missed = verdicts.iter().filter(|(holds, _)| !holds).count();
    if missed > 0 {
        bail!("{missed} of {} floors missed", verdicts.len());
    }
    Ok(())
}
