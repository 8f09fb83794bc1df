//! Begins to split and merge shards of a stream (D7).

use crate::codec::fields;
use crate::command::{Command, CommandKind};
use crate::commands::membership::Gated;
use crate::commands::refusals::refusals;
use crate::commands::steps::{self, StepsRefused};
use crate::edit::Edit;
use crate::limits::STREAM_SHARDS_MAX;
use crate::reshard::{ReshardBegun, ReshardStep, Round, RoundStage};
use crate::stream::{Stream, StreamMap, StreamStatus};
use anabranch_types::{RequestId, ShardId, StreamUid, Timestamp};

/// Proposed for a client's SplitShard or MergeShards: one step each. The stream is `Updating` until
/// controllers have carried out all steps at one map version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BeginReshard {
    /// The stream.
    pub uid: StreamUid,
    /// What is to become of which shards; disjoint, at least one.
    pub steps: Vec<ReshardStep>,
    /// The proposer's time.
    pub now: Timestamp,
    /// Open shards that the account may have in all.
    pub shard_limit: u32,
    /// The client's call; repeated, it finds the reshard that it began (I12).
    pub request: RequestId,
}

fields!(BeginReshard { uid, steps, now, shard_limit, request });

refusals! {
    /// Nothing was begun. Of several reasons the first is told, as AWS does.
    BeginReshardRefused {
        1 => NotBootstrapped,
        2 => FeatureLevel,
        /// No stream has this uid (any more).
        #[error("there is no stream {uid}")]
        3 => NoStream {
            /// The uid asked for.
            uid: StreamUid,
        },
        /// Only shards of an active stream are split and merged.
        #[error("the stream is {status:?}")]
        4 => Status {
            /// Where the stream stands.
            status: StreamStatus,
        },
        /// The account would have too many shards.
        #[error("{asked} more shards asked for, the account has {current} of {limit}")]
        5 => ShardLimit {
            /// Open shards of the account.
            current: u32,
            /// Open shards it may have.
            limit: u32,
            /// Additional shards asked for.
            asked: u32,
        },
        /// The steps cannot be carried out.
        #[error("{reason}")]
        6 => Steps {
            /// Which, and why.
            reason: StepsRefused,
        },
    }
}

impl Command for BeginReshard {
    const KIND: CommandKind = CommandKind::BeginReshard;
    type Done = ReshardBegun;
    type Refused = BeginReshardRefused;
}

impl Gated for BeginReshard {
    fn change(self, edit: &mut Edit<'_>) -> Result<ReshardBegun, BeginReshardRefused> {
        let (uid, catalog) = (self.uid, edit.catalog());
        let stream = catalog.map.stream(uid).cloned().ok_or(BeginReshardRefused::NoStream { uid })?;
        let mut history = stream.history().cloned().unwrap_or_default();
        if let Some(begun) = history.answered(self.request) {
            return Ok(begun);
        }
        let steps = |reason| BeginReshardRefused::Steps { reason };
        steps::check_known(&stream, &self.steps).map_err(steps)?;
        let status = stream.stream.status;
        if status != StreamStatus::Active {
            return Err(BeginReshardRefused::Status { status });
        }
        let (current, limit) = (catalog.open_shard_count(stream.stream.account), self.shard_limit);
        let asked = u32::try_from(steps::added(&self.steps)).unwrap_or(0);
        if asked > 0 && current.saturating_add(asked) > limit {
            return Err(BeginReshardRefused::ShardLimit { current, limit, asked });
        }
        let children = steps::children(catalog, &stream, &self.steps, self.now, STREAM_SHARDS_MAX).map_err(steps)?;
        let round = Round { id: edit.next_version(), request: self.request, stage: RoundStage::Preparing, children };
        let with_round = begin_round(&stream, round);
        let begun = ReshardBegun {
            version: edit.next_version(),
            before: stream.open_count(),
            after: u32::try_from(with_round.open_after_round().count()).expect("shard ids have 31 bits"),
        };
        history.remember(self.request, begun);
        edit.replace_stream(&stream, with_round.with_history(Some(history)));
        Ok(begun)
    }
}

/// The stream with a round, whose children's ids are used up from now on.
pub(crate) fn begin_round(stream: &StreamMap, round: Round) -> StreamMap {
    let last = round.children.last().expect("a round has children");
    let (status, next_shard) = (StreamStatus::Updating, ShardId(last.id.0 + 1));
    stream.with_stream(Stream { status, next_shard, ..stream.stream.clone() }).with_round(Some(round))
}
