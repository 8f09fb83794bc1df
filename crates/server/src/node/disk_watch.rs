//! Refuses writes while the disk is nearly full, and takes them again when there is room; tells
//! the metrics what the log has done.

use crate::health::Health;
use crate::metrics;
use anabranch_cluster::Writable;
use anabranch_runtime::{Env, OnFailure};
use anabranch_walog::{Space, Walog};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often the disk is looked at: at 1 GiB/s of writes, 200 MiB pass between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Puts stop when less than this part of the file system is available (D3: at 95 %).
const AVAILABLE_PERCENT_MIN: u64 = 5;
/// They go on above this, so that a disk at the edge does not flap.
const AVAILABLE_PERCENT_RESUME: u64 = 6;
/// Below this part, and below twice what flushes need, the log keeps no segments for reuse.
const SPARES_PERCENT_MIN: u64 = 10;

/// Watches the file system of `data_dir` until the node stops. `flush_room_bytes` are kept for
/// the flushes that have to happen before the log can be purged.
pub(super) fn start(
    env: &Env,
    data_dir: &Path,
    flush_room_bytes: u64,
    log: &Walog,
    writable: &Writable,
    health: &Health,
) {
    env.disk_room.look_at(&env.fs, data_dir);
    let watch = DiskWatch {
        env: env.clone(),
        data_dir: data_dir.to_owned(),
        flush_room_bytes,
        log: log.clone(),
        writable: writable.clone(),
        health: health.clone(),
    };
    env.tasks.spawn("disk-watch", OnFailure::ShutDown, async move { watch.run().await });
}

struct DiskWatch {
    env: Env,
    data_dir: PathBuf,
    flush_room_bytes: u64,
    log: Walog,
    writable: Writable,
    health: Health,
}

impl DiskWatch {
    async fn run(&self) {
        let stopping = self.env.tasks.stopping();
        loop {
            self.look();
            tokio::select! {
                () = stopping.cancelled() => return,
                () = self.env.sleep(LOOK_EVERY) => {}
            }
        }
    }

    fn look(&self) {
        metrics::log_worked(self.log.stats().counters);
        match self.shortage() {
            Some(reason) => {
                self.health.unready("disk", reason.clone());
                if self.writable.refuse(reason.clone()) {
                    tracing::error!(reason, "puts are refused until the disk has room");
                }
            }
            None => {
                self.health.ready("disk");
                if self.writable.allow() {
                    tracing::info!("the disk has room again, puts are taken");
                }
            }
        }
    }

    /// Why writes are to be refused; none when there is room.
    fn shortage(&self) -> Option<String> {
        let stat = match rustix::fs::statvfs(&self.data_dir) {
            Ok(stat) => stat,
            Err(error) => return Some(format!("the data directory cannot be looked at: {error}")),
        };
        let (available, all) =
            (stat.f_bavail.saturating_mul(stat.f_frsize), stat.f_blocks.saturating_mul(stat.f_frsize));
        self.log.set_short_of_room(available < (2 * self.flush_room_bytes).max(all / 100 * SPARES_PERCENT_MIN));
        if let Space::Full { reason } = self.log.stats().space {
            return Some(format!("the log is full: {reason}"));
        }
        let refused = self.writable.check().is_err();
        let percent = if refused { AVAILABLE_PERCENT_RESUME } else { AVAILABLE_PERCENT_MIN };
        let flush_room = self.flush_room_bytes + if refused { self.flush_room_bytes / 8 } else { 0 };
        let least = flush_room.max(all / 100 * percent);
        let mebibytes = |bytes: u64| bytes >> 20;
        (available < least).then(|| {
            format!("the disk is nearly full: {} MiB available, {} MiB needed", mebibytes(available), mebibytes(least))
        })
    }
}
