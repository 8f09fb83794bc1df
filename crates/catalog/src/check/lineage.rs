//! Parents and children: a closed shard ends where its children begin.

use super::{Violation, ensure};
use crate::shard::{Closed, Parents, Shard, joined};
use crate::stream::StreamMap;
use anabranch_types::{Counter, HashKeyRange};

pub(super) fn check(stream: &StreamMap) -> Result<(), Violation> {
    let in_order = stream.shards().windows(2).all(|pair| pair[0].opened <= pair[1].opened);
    ensure(in_order, "shards open in the order of their ids", || format!("stream {}", stream.stream.uid))?;
    stream.shards().iter().try_for_each(|shard| {
        if let Some(closed) = &shard.closed {
            ending(stream, shard, closed)?;
        }
        parents(stream, shard)
    })
}

fn ending(stream: &StreamMap, shard: &Shard, closed: &Closed) -> Result<(), Violation> {
    let ends = closed.ending.epoch == shard.epoch() && closed.ending.counter == Counter::END;
    ensure(ends && closed.at >= shard.opened, "a closed shard ends above its own records", || {
        format!("stream {}: {} ends {closed:?}", stream.stream.uid, shard.id)
    })
}

/// Parents may be gone, when all their records have expired; those still here must fit.
fn parents(stream: &StreamMap, child: &Shard) -> Result<(), Violation> {
    let ids = [child.parents.parent(), child.parents.adjacent()];
    ensure(ids[0].is_none() || ids[0] != ids[1], "a merge takes two shards", || describe(stream, child))?;
    for id in ids.into_iter().flatten() {
        ensure(id < child.id, "a parent is older than its child", || describe(stream, child))?;
        let Some(parent) = stream.shard(id) else { continue };
        let taken_over = parent.closed.is_some_and(|closed| closed.at == child.opened);
        ensure(taken_over, "a child opens when its parents close (I4)", || describe(stream, child))?;
        ensure(child.created_s > parent.created_s, "a child's create second is above its parents' (D5)", || {
            describe(stream, child)
        })?;
    }
    let parent = |id| stream.shard(id).map(|shard| shard.range);
    let covered = match child.parents {
        Parents::None => true,
        Parents::Split { parent: id } => parent(id).is_none_or(|range| holds(range, child.range)),
        Parents::Merge { parent: first, adjacent } => match (parent(first), parent(adjacent)) {
            (Some(first), Some(second)) => joined(first, second) == Some(child.range),
            (Some(range), None) | (None, Some(range)) => holds(child.range, range),
            (None, None) => true,
        },
    };
    ensure(covered, "children take over their parents' ranges", || describe(stream, child))
}

fn holds(outer: HashKeyRange, inner: HashKeyRange) -> bool {
    outer.start() <= inner.start() && inner.end() <= outer.end()
}

fn describe(stream: &StreamMap, child: &Shard) -> String {
    format!("stream {}: {} of {:?}", stream.stream.uid, child.id, child.parents)
}
