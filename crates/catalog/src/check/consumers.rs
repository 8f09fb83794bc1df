//! Consumers of streams: that each is found by its name, and that what is remembered is bounded.

use super::{Violation, ensure};
use crate::limits::CONSUMER_CALLS_REMEMBERED;
use crate::stream::{StreamMap, StreamStatus};

pub(super) fn check(stream: &StreamMap) -> Result<(), Violation> {
    let (uid, consumers) = (stream.stream.uid, stream.consumer_rows());
    let named = consumers.by_name.iter().all(|(name, consumer)| *name == consumer.name);
    ensure(named, "a consumer is found under its name", || format!("stream {uid}: {:?}", consumers.by_name))?;
    let mut ids: Vec<_> = consumers.by_name.values().map(|consumer| consumer.id).collect();
    ids.sort_unstable();
    let own = ids.windows(2).all(|pair| pair[0] < pair[1]);
    let old = ids.last().is_none_or(|latest| *latest <= stream.stream.version);
    ensure(own && old, "consumers have ids of their own, as old as their stream's version", || {
        format!("stream {uid} at {}: {ids:?}", stream.stream.version)
    })?;
    ensure(
        consumers.by_name.is_empty() || stream.stream.status != StreamStatus::Creating,
        "a stream that is being created has no consumers",
        || format!("stream {uid}: {ids:?}"),
    )?;
    let remembered = consumers.calls.answered.len();
    ensure(remembered <= CONSUMER_CALLS_REMEMBERED, "what is remembered of consumers is bounded", || {
        format!("stream {uid}: {remembered} calls")
    })
}
