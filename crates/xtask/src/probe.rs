//! What the machine is like right now; a number without it is no result.

use anyhow::Context;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

/// Writes that the probe syncs.
const SYNCS: usize = 64;

/// Prints the cores, the load average and what a 4 KiB write with fdatasync costs in `folder`.
///
/// # Errors
/// When the probe's file cannot be written.
pub fn print(folder: &Path) -> anyhow::Result<()> {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_else(|_| "unknown".to_owned());
    let load: Vec<&str> = load.split_whitespace().take(3).collect();
    eprintln!("   machine: {cores} cores, load average {}", load.join(" "));
    let times = syncs(folder).context("fsync probe")?;
    eprintln!(
        "   fdatasync of 4 KiB, {SYNCS} times: median {:.2} ms, worst {:.2} ms",
        millis(times[SYNCS / 2]),
        millis(times[SYNCS - 1])
    );
    Ok(())
}

/// The time of each write and sync, sorted.
fn syncs(folder: &Path) -> anyhow::Result<Vec<Duration>> {
    fs::create_dir_all(folder)?;
    let path = folder.join("fsync-probe");
    let mut file = File::create(&path)?;
    let mut times = Vec::with_capacity(SYNCS);
    for _ in 0..SYNCS {
        let started = Instant::now();
        file.write_all(&[0x5a; 4096])?;
        file.sync_data()?;
        times.push(started.elapsed());
    }
    fs::remove_file(&path)?;
    times.sort();
    Ok(times)
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
