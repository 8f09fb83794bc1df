//! What a hosted group does beside serving: flushes, and tells itself the time.

use crate::group_host::HostedGroup;
use crate::{flush_turns, metrics, trimming};
use anabranch_runtime::{ClockJump, Trust};
use anabranch_shard::{Outcome, Tick};
use std::sync::Arc;

/// Flushes, while the disk has room, when enough time has passed or the log is full: what is flushed
/// is purged, which makes room. Until the node stops.
pub(crate) async fn flush(host: Arc<HostedGroup>) {
    let stopping = host.env.tasks.stopping();
    let mut flushed_at = host.env.clock.monotonic();
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            () = host.env.sleep(host.options.flush_look_every) => {}
        }
        metrics::unflushed(host.id(), flush_turns::unflushed_bytes(&host));
        let now = host.env.clock.monotonic();
        // By the log, not by bytes: an entry that leaves no bytes pins the log all the same.
        let status = host.group.status();
        let pinning = status.applied_index > status.flushed_index;
        let due = now.saturating_sub(flushed_at) >= host.options.flush_every;
        let crowded = host.group.check_room().is_err();
        if pinning && (due || crowded) && flush_turns::has_room(&host) {
            host.group.request_flush().await;
            flushed_at = now;
        }
        host.group.relieve_log().await;
    }
}

/// Lets the group expire what is due, while its leader trusts its clock (D5), until the node stops.
pub(crate) async fn tick(host: Arc<HostedGroup>) {
    let stopping = host.env.tasks.stopping();
    let mut jumps = ClockJump::new();
    // Trusted as it is now, and not as it may have been set before the first look.
    jumps.observe(host.env.clock.wall(), host.env.clock.monotonic());
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            () = host.env.sleep(host.options.tick_every) => {}
        }
        let now = host.env.clock.wall();
        if let Trust::Suspended { jump } = jumps.observe(now, host.env.clock.monotonic()) {
            tracing::warn!(group = %host.id(), ?jump, "wall clock jumped, nothing expires until it settles");
            continue;
        }
        expire(&host).await;
    }
}

/// Tells the group the time, when it leads and something is due.
async fn expire(host: &HostedGroup) {
    let now = host.env.now();
    if !host.group.is_leader() || !trimming::is_due(&host.current.now().state.read(), now) {
        return;
    }
    match host.propose(Tick { now }.encode()).await {
        Ok(Outcome::Ticked { dropped_buckets, .. }) if dropped_buckets > 0 => {
            tracing::info!(group = %host.id(), dropped_buckets, "expired buckets dropped");
        }
        Ok(_) => {}
        Err(error) => tracing::warn!(group = %host.id(), %error, "time tick not applied"),
    }
}
