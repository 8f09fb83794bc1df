//! Flushes the catalog now and then, so that its few entries do not pin the shared log.

use crate::metadata::Metadata;
use std::time::Duration;

/// How long an applied change may wait for its flush: until then the catalog pins the whole shared
/// log from that change on, and segments are made anew instead of recycled.
const FLUSH_EVERY: Duration = Duration::from_secs(5);
/// Room a flush needs: rows of a catalog of 100,000 shards, and the engine's own files.
const FLUSH_ROOM_BYTES: u64 = 32 << 20;

/// Flushes when anything was applied since the last flush, until the node stops.
pub(crate) async fn flush(metadata: &Metadata) {
    let stopping = metadata.env.tasks.stopping();
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            () = metadata.env.sleep(FLUSH_EVERY) => {}
        }
        let status = metadata.group.status();
        // A flush that meets a full disk stops the group; what waits is safe in the log.
        let fits = metadata.env.disk_room.holds(FLUSH_ROOM_BYTES);
        if fits && status.applied_index > status.flushed_index {
            metadata.group.request_flush().await;
        }
        metadata.group.relieve_log().await;
    }
}
