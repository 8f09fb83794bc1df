//! One shard as the catalog records it.

use crate::codec::{fields, variants};
use anabranch_types::{GroupId, HashKeyRange, SequenceNumber, ShardEpoch, ShardId, Timestamp};

/// Where a shard came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parents {
    /// Made with its stream.
    None,
    /// One half of a split shard.
    Split {
        /// The shard that was split.
        parent: ShardId,
    },
    /// Two shards merged into one.
    Merge {
        /// The shard that the merge was asked for.
        parent: ShardId,
        /// Its neighbour.
        adjacent: ShardId,
    },
}

variants!(Parents { 0 => None {}, 1 => Split { parent }, 2 => Merge { parent, adjacent } });

impl Parents {
    /// The ParentShardId of the protocol.
    pub fn parent(self) -> Option<ShardId> {
        match self {
            Parents::None => None,
            Parents::Split { parent } | Parents::Merge { parent, .. } => Some(parent),
        }
    }

    /// The AdjacentParentShardId of the protocol: only a merge has one.
    pub fn adjacent(self) -> Option<ShardId> {
        match self {
            Parents::None | Parents::Split { .. } => None,
            Parents::Merge { adjacent, .. } => Some(adjacent),
        }
    }

    /// Whether `shard` is one of the parents.
    pub fn contain(self, shard: ShardId) -> bool {
        self.parent() == Some(shard) || self.adjacent() == Some(shard)
    }
}

/// How a shard ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed {
    /// Above every record's number; its counter is [`anabranch_types::Counter::END`].
    pub ending: SequenceNumber,
    /// When its children took over; equals their [`Shard::opened`].
    pub at: Timestamp,
}

fields!(Closed { ending, at });

/// A shard, open or closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// Unique in its stream and never used again.
    pub id: ShardId,
    /// The part of the hash key space it takes or took.
    pub range: HashKeyRange,
    /// Where it came from.
    pub parents: Parents,
    /// The group that holds its records; a data group, for the shard's whole life (D11).
    pub group: GroupId,
    /// The create second within its sequence numbers. It orders: above its parents' and above
    /// every shard's of a deleted stream of the same name, so it may run ahead of the clock.
    pub created_s: u64,
    /// When it began to take records: the moment that listings compare with.
    pub opened: Timestamp,
    /// Absent while it takes records.
    pub closed: Option<Closed>,
}

fields!(Shard { id, range, parents, group, created_s, opened, closed });

impl Shard {
    /// What its sequence numbers share.
    pub fn epoch(&self) -> ShardEpoch {
        ShardEpoch { created_s: self.created_s, shard: self.id }
    }

    /// Below every record's number.
    pub fn starting(&self) -> SequenceNumber {
        SequenceNumber::starting(self.epoch())
    }

    /// Above every record's number; none while it is open.
    pub fn ending(&self) -> Option<SequenceNumber> {
        self.closed.map(|closed| closed.ending)
    }

    /// Whether it takes records.
    pub fn is_open(&self) -> bool {
        self.closed.is_none()
    }
}

/// The range that two adjacent ranges make together, in either order.
pub(crate) fn joined(one: HashKeyRange, other: HashKeyRange) -> Option<HashKeyRange> {
    let (low, high) = if one.start() < other.start() { (one, other) } else { (other, one) };
    let adjacent = low.end().0.checked_add(1) == Some(high.start().0);
    if adjacent { HashKeyRange::new(low.start(), high.end()).ok() } else { None }
}
