//! What the machine is like right now; a number without it is no result.

use anyhow::Context;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

/// Writes that the probe syncs.
const SYNCS: usize = 64;

/// Prints what [`text`] says.
///
/// # Errors
/// When the probe's file cannot be written.
pub fn print(folder: &Path) -> anyhow::Result<()> {
    eprintln!("   machine: {}", text(folder)?);
    Ok(())
}

/// The cores, the load average and what a 4 KiB write with fdatasync costs in `folder`.
///
/// # Errors
/// When the probe's file cannot be written.
pub fn text(folder: &Path) -> anyhow::Result<String> {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_else(|_| "unknown".to_owned());
    let load: Vec<&str> = load.split_whitespace().take(3).collect();
    let times = syncs(folder).context("fsync probe")?;
    Ok(format!(
        "{cores} cores, load average {}; fdatasync of 4 KiB, {SYNCS} times: median {:.2} ms, worst {:.2} ms",
        load.join(" "),
        millis(times[SYNCS / 2]),
        millis(times[SYNCS - 1])
    ))
}

/// Bytes per second that can be written in order when every MiB is synced, in `folder`.
///
/// # Errors
/// When the probe's file cannot be written.
pub fn disk_bytes_per_second(folder: &Path, mebibytes: usize) -> anyhow::Result<f64> {
    let path = folder.join("disk-probe");
    let mut file = File::create(&path)?;
    let block = incompressible(1 << 20);
    let started = Instant::now();
    for _ in 0..mebibytes {
        file.write_all(&block)?;
        file.sync_data()?;
    }
    let elapsed = started.elapsed();
    fs::remove_file(&path)?;
    Ok((mebibytes << 20) as f64 / elapsed.as_secs_f64())
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

/// Bytes that no disk makes fewer of: a xorshift generator (Marsaglia, 2003).
fn incompressible(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.flatten().take(length).collect()
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
