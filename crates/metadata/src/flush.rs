//! Flushes the catalog now and then, so that its few entries do not pin the shared log.

use crate::metadata::Metadata;
use std::time::Duration;

/// How long an applied change may wait for its flush: bounds replay and what the catalog pins.
const FLUSH_EVERY: Duration = Duration::from_secs(60);

/// Flushes when anything was applied since the last flush, until the node stops.
pub(crate) async fn flush(metadata: &Metadata) {
    let stopping = metadata.env.tasks.stopping();
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            () = metadata.env.sleep(FLUSH_EVERY) => {}
        }
        let status = metadata.group.status();
        if status.applied_index > status.flushed_index {
            metadata.group.request_flush().await;
        }
    }
}
