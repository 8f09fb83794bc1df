//! From the steps of a round to the children that it opens: what may be split and merged.
//!
//! Which commands begin a round, and what they ask beyond this, is in their files.

use crate::catalog::Catalog;
use crate::codec::variants;
use crate::limits::{CREATED_SECONDS_MAX, STREAM_SHARDS_KEPT_MAX};
use crate::placement::place_children;
use crate::reshard::ReshardStep;
use crate::shard::{Parents, Shard, joined};
use crate::stream::StreamMap;
use anabranch_types::{HashKey, HashKeyRange, ShardId, Timestamp};
use std::collections::BTreeSet;

/// No round can be made of the steps.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StepsRefused {
    /// There is nothing to do.
    #[error("a round has at least one step")]
    NoSteps,
    /// The stream has no such shard.
    #[error("there is no shard {shard}")]
    NoShard {
        /// The shard asked for.
        shard: ShardId,
    },
    /// The shard was split or merged before.
    #[error("shard {shard} is closed")]
    Closed {
        /// The shard asked for.
        shard: ShardId,
    },
    /// Steps of a round are disjoint.
    #[error("shard {shard} is in two steps")]
    Repeated {
        /// The shard.
        shard: ShardId,
    },
    /// Not above the first hash key but one and below the last. Source: AWS, whose message says so.
    #[error("shard {shard} of {start} to {end} cannot be split at {at}")]
    HashKey {
        /// The shard asked for.
        shard: ShardId,
        /// Its first hash key.
        start: HashKey,
        /// Its last hash key.
        end: HashKey,
        /// The hash key asked for.
        at: HashKey,
    },
    /// Only neighbours can be merged.
    #[error("shards {parent} and {adjacent} are not adjacent")]
    NotAdjacent {
        /// The shard that the merge was asked for.
        parent: ShardId,
        /// The other.
        adjacent: ShardId,
    },
    /// The stream would have too many open shards.
    #[error("the stream would have {asked} open shards of {limit}")]
    StreamShardLimit {
        /// Open shards that it would have.
        asked: u32,
        /// Open shards that it may have.
        limit: u32,
    },
    /// The stream would have too many shards, closed ones included, until some have expired.
    #[error("the stream would have {asked} shards of {limit}, closed ones included")]
    KeptShardLimit {
        /// Shards that it would have.
        asked: u32,
        /// Shards that it may have.
        limit: u32,
    },
    /// The stream's shard ids are used up.
    #[error("shard ids end at 2^31, the next is {next}")]
    ShardIds {
        /// The next id.
        next: ShardId,
    },
    /// No sequence number can hold the create second: the proposer's clock is centuries off.
    #[error("the create second {created_s} does not fit a sequence number")]
    Time {
        /// The create second.
        created_s: u64,
    },
}

variants!(StepsRefused {
    1 => NoSteps {},
    2 => NoShard { shard },
    3 => Closed { shard },
    4 => Repeated { shard },
    5 => HashKey { shard, start, end, at },
    6 => NotAdjacent { parent, adjacent },
    7 => StreamShardLimit { asked, limit },
    8 => KeptShardLimit { asked, limit },
    9 => ShardIds { next },
    10 => Time { created_s },
});

/// The shards that a step names.
fn named(step: &ReshardStep) -> impl Iterator<Item = ShardId> {
    let (first, second) = match *step {
        ReshardStep::Split { parent, .. } => (parent, None),
        ReshardStep::Merge { parent, adjacent } => (parent, Some(adjacent)),
    };
    std::iter::once(first).chain(second)
}

/// Open shards that the steps add, where they can be carried out; merges take some away.
pub(crate) fn added(steps: &[ReshardStep]) -> i64 {
    let added = |step: &ReshardStep| match step {
        ReshardStep::Split { .. } => 1,
        ReshardStep::Merge { .. } => -1,
    };
    steps.iter().map(added).sum()
}

/// Whether the stream has the shards, open or closed.
pub(crate) fn check_known(stream: &StreamMap, steps: &[ReshardStep]) -> Result<(), StepsRefused> {
    let unknown = steps.iter().flat_map(named).find(|shard| stream.shard(*shard).is_none());
    unknown.map_or(Ok(()), |shard| Err(StepsRefused::NoShard { shard }))
}

/// The children of a round that begins `now`, with their ids, groups and create seconds. The stream
/// may have `open_max` open shards then.
pub(crate) fn children(
    catalog: &Catalog,
    stream: &StreamMap,
    steps: &[ReshardStep],
    now: Timestamp,
    open_max: u32,
) -> Result<Vec<Shard>, StepsRefused> {
    check_known(stream, steps)?;
    let parents = distinct_parents(stream, steps)?;
    let mut ranges = Vec::new();
    for step in steps {
        ranges.extend(ranges_of(stream, step)?);
    }
    let count = u32::try_from(ranges.len()).expect("two for each open shard at most");
    check_limits(stream, &parents, count, open_max)?;
    // One second for all: above every parent, so that each child is above its own (I3).
    let latest = parents.iter().filter_map(|id| stream.shard(*id)).map(|parent| parent.created_s).max();
    let created_s = latest.map_or(0, |latest| latest + 1).max(now.as_secs());
    if created_s > CREATED_SECONDS_MAX {
        return Err(StepsRefused::Time { created_s });
    }
    let groups = place_children(catalog, stream, &parents, count);
    let children = (stream.stream.next_shard.0..).map(ShardId).zip(ranges.into_iter().zip(groups));
    let children = children.map(|(id, ((range, parents), group))| Shard {
        id,
        range,
        parents,
        group,
        created_s,
        opened: now,
        closed: None,
    });
    Ok(children.collect())
}

/// The shards of the steps, all open and each in one step.
fn distinct_parents(stream: &StreamMap, steps: &[ReshardStep]) -> Result<BTreeSet<ShardId>, StepsRefused> {
    let mut parents = BTreeSet::new();
    for step in steps {
        if let ReshardStep::Merge { parent, adjacent } = *step
            && parent == adjacent
        {
            return Err(StepsRefused::NotAdjacent { parent, adjacent });
        }
        for shard in named(step) {
            if stream.shard(shard).is_none_or(|found| !found.is_open()) {
                return Err(StepsRefused::Closed { shard });
            }
            if !parents.insert(shard) {
                return Err(StepsRefused::Repeated { shard });
            }
        }
    }
    if parents.is_empty() { Err(StepsRefused::NoSteps) } else { Ok(parents) }
}

/// The ranges of a step's children, the lower first.
fn ranges_of(stream: &StreamMap, step: &ReshardStep) -> Result<Vec<(HashKeyRange, Parents)>, StepsRefused> {
    let range = |shard| stream.shard(shard).map(|found| found.range).ok_or(StepsRefused::NoShard { shard });
    match *step {
        ReshardStep::Split { parent, at } => {
            let whole = range(parent)?;
            let (start, end) = (whole.start(), whole.end());
            if at.0 <= start.0.saturating_add(1) || at >= end {
                return Err(StepsRefused::HashKey { shard: parent, start, end, at });
            }
            let halves = [(start, HashKey(at.0 - 1)), (at, end)];
            let parents = Parents::Split { parent };
            let halves = halves.map(|(start, end)| HashKeyRange::new(start, end).expect("split between its ends"));
            Ok(halves.map(|half| (half, parents)).to_vec())
        }
        ReshardStep::Merge { parent, adjacent } => {
            let merged = joined(range(parent)?, range(adjacent)?);
            let merged = merged.ok_or(StepsRefused::NotAdjacent { parent, adjacent })?;
            Ok(vec![(merged, Parents::Merge { parent, adjacent })])
        }
    }
}

fn check_limits(
    stream: &StreamMap,
    parents: &BTreeSet<ShardId>,
    children: u32,
    open_max: u32,
) -> Result<(), StepsRefused> {
    let number = |count: usize| u32::try_from(count).expect("shard ids have 31 bits");
    let open = stream.open_count() - number(parents.len()) + children;
    if open > open_max && open > stream.open_count() {
        return Err(StepsRefused::StreamShardLimit { asked: open, limit: open_max });
    }
    let (kept, limit) = (number(stream.shards().len()) + children, STREAM_SHARDS_KEPT_MAX);
    if kept > limit {
        return Err(StepsRefused::KeptShardLimit { asked: kept, limit });
    }
    let next = stream.stream.next_shard;
    // The counter itself is an id.
    if next.0 >= (1 << 31) - children { Err(StepsRefused::ShardIds { next }) } else { Ok(()) }
}
