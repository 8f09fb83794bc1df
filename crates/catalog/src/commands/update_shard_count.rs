//! Begins to bring a stream to another number of shards, of equal ranges.

use crate::catalog::Catalog;
use crate::codec::fields;
use crate::command::{Command, CommandKind};
use crate::commands::membership::Gated;
use crate::commands::refusals::refusals;
use crate::edit::Edit;
use crate::limits::{SCALING_TARGET_MAX, SCALING_WINDOW, SCALINGS_PER_DAY};
use crate::reshard::{ReshardBegun, ReshardHistory, Scaling};
use crate::stream::{Stream, StreamMap, StreamStatus};
use anabranch_types::{RequestId, StreamUid, Timestamp};
use std::num::NonZeroU32;

/// Proposed for a client's UpdateShardCount. The stream is `Updating`; controllers propose rounds
/// of splits and merges (`ContinueScaling`) until the ranges are there, then `FinishScaling`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateShardCount {
    /// The stream.
    pub uid: StreamUid,
    /// Open shards that it is to have.
    pub target: NonZeroU32,
    /// The proposer's time.
    pub now: Timestamp,
    /// Open shards that the account may have in all. Shards that are only for a while on the way
    /// to the target may be more.
    pub shard_limit: u32,
    /// The client's call; repeated, it finds what it began (I12).
    pub request: RequestId,
}

fields!(UpdateShardCount { uid, target, now, shard_limit, request });

refusals! {
    /// Nothing was begun. Source of the rules: AWS API reference, UpdateShardCount.
    UpdateShardCountRefused {
        1 => NotBootstrapped,
        2 => FeatureLevel,
        /// No stream has this uid (any more).
        #[error("there is no stream {uid}")]
        3 => NoStream {
            /// The uid asked for.
            uid: StreamUid,
        },
        /// Only the shards of an active stream are split and merged.
        #[error("the stream is {status:?}")]
        4 => Status {
            /// Where the stream stands.
            status: StreamStatus,
        },
        /// The stream has so many shards.
        #[error("the stream has {current} open shards")]
        5 => Same {
            /// Open shards of the stream.
            current: u32,
        },
        /// More than double of what there is.
        #[error("{target} shards asked for, more than twice the {current} open ones")]
        6 => AboveDouble {
            /// Open shards of the stream.
            current: u32,
            /// Open shards asked for.
            target: u32,
        },
        /// Less than half of what there is.
        #[error("{target} shards asked for, less than half of the {current} open ones")]
        7 => BelowHalf {
            /// Open shards of the stream.
            current: u32,
            /// Open shards asked for.
            target: u32,
        },
        /// More than any stream is scaled to.
        #[error("{target} shards asked for, a stream is scaled to at most {limit}")]
        8 => TargetLimit {
            /// Open shards asked for.
            target: u32,
            /// Open shards that can be asked for.
            limit: u32,
        },
        /// The account would have too many shards.
        #[error("{asked} more shards asked for, the account has {current} of {limit}")]
        9 => ShardLimit {
            /// Open shards of the account.
            current: u32,
            /// Open shards it may have.
            limit: u32,
            /// Additional shards asked for.
            asked: u32,
        },
        /// The stream was scaled as often as it may be in a day.
        #[error("the stream may be scaled again at {until}")]
        10 => TooOften {
            /// When the first call that counts is a day old.
            until: Timestamp,
        },
    }
}

impl Command for UpdateShardCount {
    const KIND: CommandKind = CommandKind::UpdateShardCount;
    type Done = ReshardBegun;
    type Refused = UpdateShardCountRefused;
}

impl UpdateShardCount {
    fn judge(
        &self,
        catalog: &Catalog,
        stream: &StreamMap,
        history: &ReshardHistory,
    ) -> Result<(), UpdateShardCountRefused> {
        let (status, current, target) = (stream.stream.status, stream.open_count(), self.target.get());
        if status != StreamStatus::Active {
            return Err(UpdateShardCountRefused::Status { status });
        }
        if target == current {
            return Err(UpdateShardCountRefused::Same { current });
        }
        if target > SCALING_TARGET_MAX {
            return Err(UpdateShardCountRefused::TargetLimit { target, limit: SCALING_TARGET_MAX });
        }
        if target > current * 2 {
            return Err(UpdateShardCountRefused::AboveDouble { current, target });
        }
        if target * 2 < current {
            return Err(UpdateShardCountRefused::BelowHalf { current, target });
        }
        let (of_account, limit) = (catalog.open_shard_count(stream.stream.account), self.shard_limit);
        let asked = target.saturating_sub(current);
        if asked > 0 && of_account.saturating_add(asked) > limit {
            return Err(UpdateShardCountRefused::ShardLimit { current: of_account, limit, asked });
        }
        match history.scaled.first().map(|first| first.plus(SCALING_WINDOW)) {
            Some(until) if history.scaled.len() >= SCALINGS_PER_DAY && self.now < until => {
                Err(UpdateShardCountRefused::TooOften { until })
            }
            Some(_) | None => Ok(()),
        }
    }
}

impl Gated for UpdateShardCount {
    fn change(self, edit: &mut Edit<'_>) -> Result<ReshardBegun, UpdateShardCountRefused> {
        let (uid, catalog) = (self.uid, edit.catalog());
        let stream = catalog.map.stream(uid).cloned().ok_or(UpdateShardCountRefused::NoStream { uid })?;
        let mut history = stream.history().cloned().unwrap_or_default();
        if let Some(begun) = history.answered(self.request) {
            return Ok(begun);
        }
        self.judge(catalog, &stream, &history)?;
        let (before, after) = (stream.open_count(), self.target.get());
        let begun = ReshardBegun { version: edit.next_version(), before, after };
        history.scaling = Some(Scaling { request: self.request, target: after });
        history.remember(self.request, begun);
        history.remember_scaling(self.now);
        let updating = stream.with_stream(Stream { status: StreamStatus::Updating, ..stream.stream.clone() });
        edit.replace_stream(&stream, updating.with_history(Some(history)));
        Ok(begun)
    }
}

/// What this call of UpdateShardCount has begun, unless it is over or the stream is being deleted.
pub(crate) fn scaling_under_way(stream: &StreamMap, call: RequestId) -> Option<Scaling> {
    let scaling = stream.scaling().filter(|scaling| scaling.request == call);
    scaling.filter(|_| stream.stream.status == StreamStatus::Updating)
}
