//! Ends a change of a stream's retention that all of its groups know.

use crate::codec::fields;
use crate::command::{Command, CommandKind};
use crate::commands::Recorded;
use crate::commands::membership::Gated;
use crate::commands::refusals::refusals;
use crate::edit::Edit;
use crate::retention::RetentionChanges;
use crate::stream::{Stream, StreamStatus};
use anabranch_types::{MapVersion, StreamUid};

/// Proposed by the retention controller when every group of the stream keeps its records as the
/// change says; may be repeated. The stream is active, unless it is being deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FinishRetention {
    /// The stream.
    pub uid: StreamUid,
    /// The change: `RetentionChanges::last`.
    pub change: MapVersion,
}

fields!(FinishRetention { uid, change });

refusals! {
    /// The stream stays as it is.
    FinishRetentionRefused {
        1 => NotBootstrapped,
        2 => FeatureLevel,
        /// No stream has this uid (any more).
        #[error("there is no stream {uid}")]
        3 => NoStream {
            /// The uid asked for.
            uid: StreamUid,
        },
        /// The stream's retention was never changed so.
        #[error("the stream's retention has no change {change}")]
        4 => NotUnderway {
            /// The change asked for.
            change: MapVersion,
        },
    }
}

impl Command for FinishRetention {
    const KIND: CommandKind = CommandKind::FinishRetention;
    type Done = Recorded;
    type Refused = FinishRetentionRefused;
}

impl Gated for FinishRetention {
    fn change(self, edit: &mut Edit<'_>) -> Result<Recorded, FinishRetentionRefused> {
        let (uid, change, catalog) = (self.uid, self.change, edit.catalog());
        let map = catalog.map.stream(uid).cloned().ok_or(FinishRetentionRefused::NoStream { uid })?;
        let stream = &map.stream;
        if change == MapVersion(0) || change > stream.retention_changes.last {
            return Err(FinishRetentionRefused::NotUnderway { change });
        }
        let pending = stream.retention_changes.pending.filter(|_| change == stream.retention_changes.last);
        // An earlier change is over; so is this one when nothing is pending.
        let Some(retention) = pending else { return Ok(edit.recorded()) };
        let status = match stream.status {
            StreamStatus::Deleting => StreamStatus::Deleting,
            StreamStatus::Creating | StreamStatus::Active | StreamStatus::Updating => StreamStatus::Active,
        };
        let retention_changes = RetentionChanges { pending: None, ..stream.retention_changes.clone() };
        let after = Stream { status, retention, retention_changes, ..stream.clone() };
        edit.replace_stream(&map, map.with_stream(after));
        Ok(edit.recorded())
    }
}
