//! Gives up a reshard that cannot be prepared.

use crate::codec::fields;
use crate::command::{Command, CommandKind};
use crate::commands::Recorded;
use crate::commands::membership::Gated;
use crate::commands::refusals::refusals;
use crate::edit::Edit;
use crate::reshard::RoundStage;
use crate::stream::{Stream, StreamStatus};
use anabranch_types::{MapVersion, RequestId, StreamUid};

/// Proposed by the reshard controller when a group does not take its children, before any parent
/// may be sealed, or between two rounds. The stream is active with the shards that are open then;
/// the ids of the children are used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AbortReshard {
    /// The stream.
    pub uid: StreamUid,
    /// The client's call that began it.
    pub request: RequestId,
}

fields!(AbortReshard { uid, request });

refusals! {
    /// Nothing was given up.
    AbortReshardRefused {
        1 => NotBootstrapped,
        2 => FeatureLevel,
        /// No stream has this uid (any more).
        #[error("there is no stream {uid}")]
        3 => NoStream {
            /// The uid asked for.
            uid: StreamUid,
        },
        /// The call is carried out or given up, or the stream is being deleted.
        #[error("the stream is not being resharded by call {request}")]
        4 => NotUnderway {
            /// The call.
            request: RequestId,
        },
        /// Parents may be sealed: it goes forward only.
        #[error("round {round} is sealing its parents")]
        5 => Sealing {
            /// The round.
            round: MapVersion,
        },
    }
}

impl Command for AbortReshard {
    const KIND: CommandKind = CommandKind::AbortReshard;
    type Done = Recorded;
    type Refused = AbortReshardRefused;
}

impl Gated for AbortReshard {
    fn change(self, edit: &mut Edit<'_>) -> Result<Recorded, AbortReshardRefused> {
        let (uid, request, catalog) = (self.uid, self.request, edit.catalog());
        let stream = catalog.map.stream(uid).cloned().ok_or(AbortReshardRefused::NoStream { uid })?;
        let of_scaling = stream.scaling().map(|scaling| scaling.request);
        let by_call = of_scaling.or(stream.round().map(|round| round.request)) == Some(request);
        if !by_call || stream.stream.status != StreamStatus::Updating {
            return Err(AbortReshardRefused::NotUnderway { request });
        }
        if let Some(round) = stream.round().filter(|round| round.stage == RoundStage::Sealing) {
            return Err(AbortReshardRefused::Sealing { round: round.id });
        }
        let mut history = stream.history().cloned().unwrap_or_default();
        history.scaling = None;
        let active = stream.with_stream(Stream { status: StreamStatus::Active, ..stream.stream.clone() });
        edit.replace_stream(&stream, active.with_round(None).with_history(Some(history)));
        Ok(edit.recorded())
    }
}
