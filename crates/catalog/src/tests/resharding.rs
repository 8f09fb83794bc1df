//! How tests reshard.

use super::world::*;
use crate::*;
use anabranch_types::*;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

pub const RETENTION: Duration = anabranch_types::limits::RETENTION_DEFAULT;

/// `seconds` after the worlds' beginning.
pub fn at(seconds: u64) -> Timestamp {
    START.plus(Duration::from_secs(seconds))
}

pub fn split(parent: u32, at: HashKey) -> ReshardStep {
    ReshardStep::Split { parent: ShardId(parent), at }
}

pub fn merge(parent: u32, adjacent: u32) -> ReshardStep {
    ReshardStep::Merge { parent: ShardId(parent), adjacent: ShardId(adjacent) }
}

pub fn begin(uid: StreamUid, request: u128, steps: &[ReshardStep], now: Timestamp) -> BeginReshard {
    BeginReshard { uid, steps: steps.to_vec(), now, shard_limit: 20_000, request: RequestId(request) }
}

pub fn steps_refused(reason: StepsRefused) -> BeginReshardRefused {
    BeginReshardRefused::Steps { reason }
}

impl World {
    pub fn stream(&self, uid: StreamUid) -> Arc<StreamMap> {
        self.catalog.shard_map().stream(uid).cloned().expect("a stream of this world")
    }

    pub fn begin(
        &mut self,
        uid: StreamUid,
        request: u128,
        steps: &[ReshardStep],
        now: Timestamp,
    ) -> Result<ReshardBegun, BeginReshardRefused> {
        self.apply(begin(uid, request, steps, now))
    }

    /// Of the round under way, or of none.
    pub fn seal(&mut self, uid: StreamUid) -> Result<Recorded, SealParentsRefused> {
        let round = self.stream(uid).round().map_or(MapVersion(0), |round| round.id);
        self.apply(SealParents { uid, round })
    }

    /// With every parent sealed `now`.
    pub fn commit(&mut self, uid: StreamUid, now: Timestamp) -> Result<Recorded, CommitReshardRefused> {
        let stream = self.stream(uid);
        let round = stream.round().expect("begun");
        let epochs = round.parents().into_iter().map(|id| stream.shard(id).expect("a parent").epoch());
        let endings = epochs.map(|epoch| Ending { epoch, closed: now }).collect();
        self.apply(CommitReshard { uid, round: round.id, endings, now })
    }

    /// A whole round, by a call of its own.
    pub fn resharded(&mut self, uid: StreamUid, steps: &[ReshardStep], now: Timestamp) {
        let request = u128::from(self.index) << 64;
        self.begin(uid, request, steps, now).expect("an active stream");
        self.seal(uid).expect("in preparation");
        self.commit(uid, now).expect("sealed");
    }

    pub fn scale(
        &mut self,
        uid: StreamUid,
        request: u128,
        target: u32,
        now: Timestamp,
    ) -> Result<ReshardBegun, UpdateShardCountRefused> {
        let target = NonZeroU32::new(target).expect("from 1");
        self.apply(UpdateShardCount { uid, target, now, shard_limit: 20_000, request: RequestId(request) })
    }

    /// The next round to the target; none when the planner has no step.
    pub fn continue_scaling(&mut self, uid: StreamUid, now: Timestamp) -> Option<MapVersion> {
        let stream = self.stream(uid);
        let scaling = stream.scaling().expect("under way");
        let target = NonZeroU32::new(scaling.target).expect("from 1");
        let steps = scaling_steps(stream.open_shards(), target);
        if steps.is_empty() {
            return None;
        }
        let request = scaling.request;
        Some(self.apply(ContinueScaling { uid, request, steps, now }).expect("planned").round)
    }
}
