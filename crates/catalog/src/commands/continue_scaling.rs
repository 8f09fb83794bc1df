//! Begins the next round on the way to a target of UpdateShardCount.

use crate::codec::fields;
use crate::command::{Command, CommandKind};
use crate::commands::begin_reshard::begin_round;
use crate::commands::membership::Gated;
use crate::commands::refusals::refusals;
use crate::commands::steps::{self, StepsRefused};
use crate::commands::update_shard_count::scaling_under_way;
use crate::edit::Edit;
use crate::limits::SCALING_SHARDS_MAX;
use crate::reshard::{ReshardStep, Round, RoundStage};
use anabranch_types::{MapVersion, RequestId, StreamUid, Timestamp};

/// Proposed by the reshard controller with the steps of [`crate::scaling_steps`], or those of them
/// that can be carried out now. Repeated, it finds a round under way or its shards closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContinueScaling {
    /// The stream.
    pub uid: StreamUid,
    /// The call of UpdateShardCount.
    pub request: RequestId,
    /// What is to become of which shards; disjoint, at least one.
    pub steps: Vec<ReshardStep>,
    /// The proposer's time.
    pub now: Timestamp,
}

fields!(ContinueScaling { uid, request, steps, now });

/// The round is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoundBegun {
    /// It, and the first map version that has it.
    pub round: MapVersion,
}

fields!(RoundBegun { round });

refusals! {
    /// No round was begun.
    ContinueScalingRefused {
        1 => NotBootstrapped,
        2 => FeatureLevel,
        /// No stream has this uid (any more).
        #[error("there is no stream {uid}")]
        3 => NoStream {
            /// The uid asked for.
            uid: StreamUid,
        },
        /// The call is carried out or given up, or the stream is being deleted.
        #[error("the stream is not being scaled by call {request}")]
        4 => NotUnderway {
            /// The call.
            request: RequestId,
        },
        /// One round at a time.
        #[error("round {round} is under way")]
        5 => Round {
            /// The round.
            round: MapVersion,
        },
        /// The steps cannot be carried out.
        #[error("{reason}")]
        6 => Steps {
            /// Which, and why.
            reason: StepsRefused,
        },
    }
}

impl Command for ContinueScaling {
    const KIND: CommandKind = CommandKind::ContinueScaling;
    type Done = RoundBegun;
    type Refused = ContinueScalingRefused;
}

impl Gated for ContinueScaling {
    fn change(self, edit: &mut Edit<'_>) -> Result<RoundBegun, ContinueScalingRefused> {
        let (uid, request, catalog) = (self.uid, self.request, edit.catalog());
        let stream = catalog.map.stream(uid).cloned().ok_or(ContinueScalingRefused::NoStream { uid })?;
        scaling_under_way(&stream, request).ok_or(ContinueScalingRefused::NotUnderway { request })?;
        if let Some(round) = stream.round() {
            return Err(ContinueScalingRefused::Round { round: round.id });
        }
        let children = steps::children(catalog, &stream, &self.steps, self.now, SCALING_SHARDS_MAX)
            .map_err(|reason| ContinueScalingRefused::Steps { reason })?;
        let round = edit.next_version();
        let begun = Round { id: round, request, stage: RoundStage::Preparing, children };
        edit.replace_stream(&stream, begin_round(&stream, begun));
        Ok(RoundBegun { round })
    }
}
