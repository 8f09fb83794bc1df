//! What a small durable write costs while something else loads the disk.

use anyhow::{Context, ensure};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Bytes of each write.
const WRITE_BYTES: usize = 4096;
/// Between two of them: a probe without pauses would take a good part of the disk and of a core.
const PAUSE: Duration = Duration::from_millis(10);

/// A thread that appends and syncs now and then, until it is stopped.
pub struct SyncProbe {
    path: PathBuf,
    stops: Arc<AtomicBool>,
    thread: JoinHandle<io::Result<Vec<Duration>>>,
}

impl SyncProbe {
    /// Starts it on the disk of `folder`.
    ///
    /// # Errors
    /// When its file cannot be made.
    pub fn start(folder: &Path) -> anyhow::Result<SyncProbe> {
        let path = folder.join("sync-probe");
        let file = File::create(&path).with_context(|| format!("create {}", path.display()))?;
        let stops = Arc::new(AtomicBool::new(false));
        let stopping = Arc::clone(&stops);
        let thread = std::thread::Builder::new().name("sync-probe".to_owned()).spawn(move || probe(file, &stopping))?;
        Ok(SyncProbe { path, stops, thread })
    }

    /// Stops it: the median time of a write with its fdatasync, in milliseconds.
    ///
    /// # Errors
    /// When a write failed, or none was done.
    pub fn stop(self) -> anyhow::Result<f64> {
        self.stops.store(true, Ordering::Relaxed);
        let times = self.thread.join().map_err(|_| anyhow::anyhow!("the probe panicked"))?;
        fs::remove_file(&self.path)?;
        let mut times = times.context("the probe's file")?;
        ensure!(!times.is_empty(), "the probe has done nothing");
        times.sort();
        Ok(times[times.len() / 2].as_secs_f64() * 1000.0)
    }
}

fn probe(mut file: File, stops: &AtomicBool) -> io::Result<Vec<Duration>> {
    let mut times = Vec::new();
    while !stops.load(Ordering::Relaxed) {
        let started = Instant::now();
        file.write_all(&[0x5a; WRITE_BYTES])?;
        file.sync_data()?;
        times.push(started.elapsed());
        std::thread::sleep(PAUSE);
    }
    Ok(times)
}
