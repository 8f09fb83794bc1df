//! When a group has to be told the time: only when something would expire by it.

use anabranch_shard::{Bucket, GroupState};
use anabranch_types::Timestamp;
use std::collections::BTreeSet;

/// Whether a tick at `now` would hide a record or drop a bucket that the last tick left. An idle
/// group without such work proposes nothing: records that are hidden, and on disk only for what
/// another stream keeps longer, are no work.
pub(crate) fn is_due(state: &GroupState, now: Timestamp) -> bool {
    let last = state.trim_clock();
    if state.policy().is_none() || now <= last {
        return false;
    }
    let horizon = now.minus(state.kept_for());
    if state.buckets().any(|bucket| bucket.last_arrival < horizon) {
        return true;
    }
    let retentions: BTreeSet<_> = state.streams().map(|stream| stream.retention).collect();
    retentions.into_iter().any(|retention| {
        let (shown, left) = (last.minus(retention), now.minus(retention));
        let hides = |bucket: &Bucket| bucket.first_arrival < left && bucket.last_arrival >= shown;
        state.buckets().any(hides)
    })
}
