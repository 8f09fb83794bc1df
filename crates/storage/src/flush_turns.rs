//! Which group's state is flushed when memory for unflushed state runs short.
//!
//! All stores of a node share that memory. The group that holds most of it is flushed, and the others
//! go on filling: few large files instead of many small ones, which would have to be merged (ADR 0002).

use crate::group_host::HostedGroup;
use anabranch_runtime::Env;
use anabranch_types::GroupId;
use parking_lot::RwLock;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Room a flush takes beside its data: table indexes, the manifest, the engine's own log.
const FLUSH_SLACK_BYTES: u64 = 4 << 20;
/// State grows no faster than this, so that it is not looked at before it can have grown enough.
const BYTES_PER_MILLISECOND_MAX: u64 = 256 << 10;
/// And it is not looked at more often than this.
const LOOK_EVERY_MIN: Duration = Duration::from_millis(10);

/// Flushes the largest state whenever all of them together hold `flush_after_bytes`. Until the node stops.
pub(crate) async fn take_turns(
    groups: Arc<RwLock<BTreeMap<GroupId, Arc<HostedGroup>>>>,
    env: Env,
    flush_after_bytes: u64,
    look_every: Duration,
) {
    let stopping = env.tasks.stopping();
    let mut left_bytes = flush_after_bytes;
    loop {
        let fills_within = Duration::from_millis(left_bytes / BYTES_PER_MILLISECOND_MAX);
        tokio::select! {
            () = stopping.cancelled() => return,
            () = env.sleep(fills_within.clamp(LOOK_EVERY_MIN.min(look_every), look_every)) => {}
        }
        let hosts: Vec<_> = groups.read().values().cloned().collect();
        let sizes = hosts.iter().map(|host| (unflushed_bytes(host), host));
        let total_bytes = sizes.clone().map(|(bytes, _)| bytes).sum();
        left_bytes = flush_after_bytes.saturating_sub(total_bytes);
        if left_bytes > 0 {
            continue;
        }
        if let Some((_, largest)) = sizes.max_by_key(|(bytes, _)| *bytes).filter(|(_, host)| has_room(host)) {
            largest.group.request_flush().await;
        }
    }
}

/// What a flush that begins now would write.
pub(crate) fn unflushed_bytes(host: &HostedGroup) -> u64 {
    host.current.now().store.unflushed_bytes()
}

/// Whether the disk holds a flush. One that meets a full disk stops the group; what waits is safe in the log.
pub(crate) fn has_room(host: &HostedGroup) -> bool {
    let bytes = unflushed_bytes(host);
    host.env.disk_room.holds(bytes + bytes / 2 + FLUSH_SLACK_BYTES)
}
