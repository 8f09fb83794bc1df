//! Ends an UpdateShardCount whose ranges are there.

use crate::codec::fields;
use crate::command::{Command, CommandKind};
use crate::commands::Recorded;
use crate::commands::membership::Gated;
use crate::commands::refusals::refusals;
use crate::commands::update_shard_count::scaling_under_way;
use crate::edit::Edit;
use crate::stream::{Stream, StreamStatus};
use anabranch_types::{MapVersion, RequestId, StreamUid};

/// Proposed by the reshard controller when [`crate::scaling_steps`] has none left. The stream is
/// active.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FinishScaling {
    /// The stream.
    pub uid: StreamUid,
    /// The call of UpdateShardCount.
    pub request: RequestId,
}

fields!(FinishScaling { uid, request });

refusals! {
    /// The stream is not there, or was before.
    FinishScalingRefused {
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
        /// A round is to be carried out first.
        #[error("round {round} is under way")]
        5 => Round {
            /// The round.
            round: MapVersion,
        },
        /// Rounds are to follow.
        #[error("the stream has {open} open shards, not {target}")]
        6 => NotThere {
            /// Open shards of the stream.
            open: u32,
            /// Open shards asked for.
            target: u32,
        },
    }
}

impl Command for FinishScaling {
    const KIND: CommandKind = CommandKind::FinishScaling;
    type Done = Recorded;
    type Refused = FinishScalingRefused;
}

impl Gated for FinishScaling {
    fn change(self, edit: &mut Edit<'_>) -> Result<Recorded, FinishScalingRefused> {
        let (uid, request, catalog) = (self.uid, self.request, edit.catalog());
        let stream = catalog.map.stream(uid).cloned().ok_or(FinishScalingRefused::NoStream { uid })?;
        let scaling = scaling_under_way(&stream, request);
        let scaling = scaling.ok_or(FinishScalingRefused::NotUnderway { request })?;
        if let Some(round) = stream.round() {
            return Err(FinishScalingRefused::Round { round: round.id });
        }
        let (open, target) = (stream.open_count(), scaling.target);
        if open != target {
            return Err(FinishScalingRefused::NotThere { open, target });
        }
        let mut history = stream.history().cloned().unwrap_or_default();
        history.scaling = None;
        let active = stream.with_stream(Stream { status: StreamStatus::Active, ..stream.stream.clone() });
        edit.replace_stream(&stream, active.with_history(Some(history)));
        Ok(edit.recorded())
    }
}
