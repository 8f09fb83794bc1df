//! Takes a round past the point of no return: its parents may be sealed.

use crate::codec::fields;
use crate::command::{Command, CommandKind};
use crate::commands::Recorded;
use crate::commands::membership::Gated;
use crate::commands::refusals::refusals;
use crate::edit::Edit;
use crate::reshard::{Round, RoundStage};
use crate::stream::{StreamMap, StreamStatus};
use anabranch_types::{MapVersion, StreamUid};
use std::sync::Arc;

/// Proposed by the reshard controller when every child is known to its group. Nobody seals a parent
/// of a round that is not recorded as sealing. May be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealParents {
    /// The stream.
    pub uid: StreamUid,
    /// The round.
    pub round: MapVersion,
}

fields!(SealParents { uid, round });

refusals! {
    /// No parent may be sealed.
    SealParentsRefused {
        1 => NotBootstrapped,
        2 => FeatureLevel,
        /// No stream has this uid (any more).
        #[error("there is no stream {uid}")]
        3 => NoStream {
            /// The uid asked for.
            uid: StreamUid,
        },
        /// The round is committed or aborted, or the stream is being deleted.
        #[error("round {round} is not under way")]
        4 => NotUnderway {
            /// The round asked for.
            round: MapVersion,
        },
    }
}

impl Command for SealParents {
    const KIND: CommandKind = CommandKind::SealParents;
    type Done = Recorded;
    type Refused = SealParentsRefused;
}

impl Gated for SealParents {
    fn change(self, edit: &mut Edit<'_>) -> Result<Recorded, SealParentsRefused> {
        let (uid, catalog) = (self.uid, edit.catalog());
        let stream = catalog.map.stream(uid).cloned().ok_or(SealParentsRefused::NoStream { uid })?;
        let round = round_under_way(&stream, self.round);
        let round = round.ok_or(SealParentsRefused::NotUnderway { round: self.round })?;
        if round.stage == RoundStage::Sealing {
            return Ok(Recorded { version: stream.stream.version });
        }
        let sealing = Round { stage: RoundStage::Sealing, ..Round::clone(round) };
        edit.replace_stream(&stream, stream.with_round(Some(sealing)));
        Ok(edit.recorded())
    }
}

/// The round of this id, unless it is over or the stream is being deleted.
pub(crate) fn round_under_way(stream: &StreamMap, id: MapVersion) -> Option<&Arc<Round>> {
    let round = stream.round().filter(|round| round.id == id);
    round.filter(|_| stream.stream.status == StreamStatus::Updating)
}
