//! Rounds of splits and merges: that they can be committed, and that the stream's status says so.

use super::{Violation, ensure, lineage, streams};
use crate::catalog::Catalog;
use crate::commands::{Ending, shards_after};
use crate::limits::{RESHARDS_REMEMBERED, SCALINGS_PER_DAY};
use crate::reshard::Round;
use crate::stream::{StreamMap, StreamStatus};
use anabranch_types::{ShardId, Timestamp};
use std::collections::BTreeMap;

pub(super) fn check(catalog: &Catalog, stream: &StreamMap) -> Result<(), Violation> {
    let uid = stream.stream.uid;
    let pending = stream.stream.retention_changes.pending.is_some();
    let (status, busy) = (stream.stream.status, stream.round().is_some() || stream.scaling().is_some());
    let told = match status {
        StreamStatus::Creating | StreamStatus::Active => !busy && !pending,
        // Never both: each begins with an active stream only.
        StreamStatus::Updating => busy != pending,
        StreamStatus::Deleting => !(busy && pending),
    };
    ensure(told, "a stream is updating while it is resharded or its retention changed", || {
        format!("stream {uid} is {status:?}")
    })?;
    history(stream)?;
    stream.round().map_or(Ok(()), |round| committable(catalog, stream, round))
}

fn history(stream: &StreamMap) -> Result<(), Violation> {
    let Some(history) = stream.history() else { return Ok(()) };
    let (answered, scaled) = (history.answered.len(), history.scaled.len());
    ensure(
        answered <= RESHARDS_REMEMBERED && scaled <= SCALINGS_PER_DAY && history.scaled.is_sorted(),
        "what is remembered of reshards is bounded and in order",
        || format!("stream {}: {answered} calls, scaled at {:?}", stream.stream.uid, history.scaled),
    )?;
    ensure(history.scaling.is_none_or(|scaling| scaling.target > 0), "a stream is scaled to a shard at least", || {
        format!("stream {}", stream.stream.uid)
    })
}

/// What the commit would leave keeps every rule of streams.
fn committable(catalog: &Catalog, stream: &StreamMap, round: &Round) -> Result<(), Violation> {
    let uid = stream.stream.uid;
    ensure(round.id <= stream.stream.version, "a round is as old as its stream's version at most", || {
        format!("stream {uid}: round {} at {}", round.id, stream.stream.version)
    })?;
    let parents = round.parents();
    let is_open = |id: &ShardId| stream.shard(*id).is_some_and(|parent| parent.is_open());
    ensure(parents.iter().all(is_open), "the parents of a round are open", || format!("stream {uid}: {parents:?}"))?;
    let last = stream.shards().last().map(|shard| shard.id);
    let made_by_it =
        round.children.iter().all(|child| child.parents.parent().is_some() && child.is_open() && Some(child.id) > last);
    ensure(made_by_it && !parents.is_empty(), "a round has children, all of open shards, above them", || {
        format!("stream {uid}: {:?}", round.children)
    })?;
    let opened = stream.shards().iter().map(|shard| shard.opened);
    let at = opened.fold(Timestamp::EPOCH, Timestamp::max);
    let ending = |parent: ShardId| {
        let epoch = stream.shard(parent)?.epoch();
        Some((parent, Ending { epoch, closed: at }))
    };
    let endings: BTreeMap<ShardId, Ending> = parents.into_iter().filter_map(ending).collect();
    let committed = stream.with_shards(shards_after(stream, round, &endings, at));
    streams::shards(catalog, &committed)?;
    streams::tiling(&committed)?;
    lineage::check(&committed)
}
