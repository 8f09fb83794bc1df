//! What the catalog records of splitting and merging a stream's shards (D7).
//!
//! The stages, who takes which step, and what a crash leaves: docs/adr/0010-resharding.md.

use crate::codec::{fields, variants};
use crate::limits::{RESHARDS_REMEMBERED, SCALINGS_PER_DAY};
use crate::shard::Shard;
use anabranch_types::{HashKey, MapVersion, RequestId, ShardId, Timestamp};
use std::collections::BTreeSet;

/// What is to become of open shards. The steps of a round are disjoint: no shard is in two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReshardStep {
    /// Cuts a shard in two; the lower child comes first.
    Split {
        /// The shard.
        parent: ShardId,
        /// The first hash key of the upper child.
        at: HashKey,
    },
    /// Makes one shard of two neighbours, in either order.
    Merge {
        /// The shard that the merge is asked for.
        parent: ShardId,
        /// Its neighbour.
        adjacent: ShardId,
    },
}

variants!(ReshardStep { 1 => Split { parent, at }, 2 => Merge { parent, adjacent } });

/// How far a round is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoundStage {
    /// The children must be made known to their groups. No parent is sealed: it may be aborted.
    Preparing,
    /// The parents must be sealed, and some may be: it goes forward only.
    Sealing,
}

variants!(RoundStage { 1 => Preparing {}, 2 => Sealing {} });

/// Splits and merges that take effect at one map version. Controllers carry it out; nobody is
/// routed to its children before it is committed, and then it is here no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Round {
    /// The first map version that has it: no other round of the stream has the same.
    pub id: MapVersion,
    /// The client's call that it is a part of.
    pub request: RequestId,
    /// How far it is.
    pub stage: RoundStage,
    /// The shards to be, by id. When they open is decided by the commit; until then `opened` is
    /// when the round began.
    pub children: Vec<Shard>,
}

fields!(Round { id, request, stage, children });

impl Round {
    /// The open shards that it closes.
    pub fn parents(&self) -> BTreeSet<ShardId> {
        let both = |child: &Shard| [child.parents.parent(), child.parents.adjacent()];
        self.children.iter().flat_map(both).flatten().collect()
    }
}

/// An UpdateShardCount under way, in as many rounds as it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scaling {
    /// The client's call.
    pub request: RequestId,
    /// Open shards that the stream is to have, of equal ranges; at least 1.
    pub target: u32,
}

fields!(Scaling { request, target });

/// The answer to a call that began a reshard, for when the call is repeated (I12).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Answered {
    pub request: RequestId,
    pub begun: ReshardBegun,
}

fields!(Answered { request, begun });

/// The reshard is recorded, and the stream `Updating` until controllers have carried it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReshardBegun {
    /// The first map version that has it.
    pub version: MapVersion,
    /// Open shards before.
    pub before: u32,
    /// Open shards once it is carried out.
    pub after: u32,
}

fields!(ReshardBegun { version, before, after });

/// What is kept of a stream's reshards; a stream that never had one has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReshardHistory {
    /// The last calls that began a reshard, oldest first; at most [`RESHARDS_REMEMBERED`].
    pub answered: Vec<Answered>,
    /// When UpdateShardCount was last called, oldest first; at most [`SCALINGS_PER_DAY`].
    pub scaled: Vec<Timestamp>,
    /// The UpdateShardCount under way.
    pub scaling: Option<Scaling>,
    /// The latest end of a shard that was removed since all of its records had expired. Before it
    /// the shards that are left do not cover the hash key space.
    pub removed_until: Timestamp,
}

fields!(ReshardHistory { answered, scaled, scaling, removed_until });

impl Default for ReshardHistory {
    fn default() -> Self {
        ReshardHistory { answered: Vec::new(), scaled: Vec::new(), scaling: None, removed_until: Timestamp::EPOCH }
    }
}

impl ReshardHistory {
    /// What the call was answered when it began a reshard.
    pub fn answered(&self, request: RequestId) -> Option<ReshardBegun> {
        self.answered.iter().find(|answered| answered.request == request).map(|answered| answered.begun)
    }

    /// Remembers the answer, in place of the oldest when there are many.
    pub fn remember(&mut self, request: RequestId, begun: ReshardBegun) {
        let surplus = (self.answered.len() + 1).saturating_sub(RESHARDS_REMEMBERED);
        self.answered.drain(..surplus);
        self.answered.push(Answered { request, begun });
    }

    /// Remembers when UpdateShardCount was called; a clock that went back counts as standing still.
    pub fn remember_scaling(&mut self, now: Timestamp) {
        let surplus = (self.scaled.len() + 1).saturating_sub(SCALINGS_PER_DAY);
        self.scaled.drain(..surplus);
        let latest = self.scaled.last().copied().unwrap_or(now);
        self.scaled.push(now.max(latest));
    }
}
