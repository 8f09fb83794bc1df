//! What a load is put on: one contestant, or a cluster of ours.

use super::usage::{self, Usage};
use std::time::{Duration, Instant};

/// All processes together use less of a core than this once they have nothing left to do.
const RESTING_CORES: f64 = 0.3;
/// How long they are watched for that, again and again.
const REST_WATCHED: Duration = Duration::from_millis(500);
/// How long they may go on with what came before.
const REST_PATIENCE: Duration = Duration::from_secs(20);

/// A running server, or several that are one.
pub trait Target {
    /// Where it takes requests: one address, or several with commas between them.
    fn addresses(&self) -> String;

    /// Shards of its stream.
    fn shards(&self) -> u32;

    /// Its processes.
    fn pids(&self) -> Vec<u32>;

    /// What all of its processes have used so far.
    ///
    /// # Errors
    /// When one of them ended.
    fn usage(&self) -> anyhow::Result<Usage> {
        self.pids().into_iter().map(Usage::of).sum()
    }

    /// Memory that they hold now, shared pages counted for each.
    ///
    /// # Errors
    /// When one of them ended.
    fn resident_bytes(&self) -> anyhow::Result<u64> {
        self.pids().into_iter().map(usage::resident_bytes).sum()
    }

    /// How often its logs were synced; none where nobody counts.
    ///
    /// # Errors
    /// When it does not answer.
    fn syncs(&self) -> anyhow::Result<Option<u64>>;
}

/// Waits until the servers have flushed and merged what came before; for a while only, since what they
/// have left after that is theirs at any load.
///
/// # Errors
/// When one of them has ended.
pub fn rest(target: &dyn Target) -> anyhow::Result<()> {
    let deadline = Instant::now() + REST_PATIENCE;
    while Instant::now() < deadline {
        let before = target.usage()?;
        std::thread::sleep(REST_WATCHED);
        let used = target.usage()? - before;
        if used.cpu_seconds < RESTING_CORES * REST_WATCHED.as_secs_f64() {
            return Ok(());
        }
    }
    eprintln!("   the servers were still at work after {REST_PATIENCE:?}");
    Ok(())
}
