//! When a group has to be told the time: only when something would expire by it.

use anabranch_shard::GroupState;
use anabranch_types::Timestamp;

/// Whether a tick at `now` would hide a record or drop a bucket that the last tick left. An idle
/// group without such work proposes nothing.
pub(crate) fn is_due(state: &GroupState, now: Timestamp) -> bool {
    let Some(policy) = state.policy() else { return false };
    let Some(oldest) = state.buckets().map(|bucket| bucket.first_arrival).min() else { return false };
    let shortest = state.streams().map(|stream| stream.retention).min().unwrap_or(policy.retention_max);
    now > state.trim_clock() && oldest < now.minus(shortest)
}
