//! Begins to change how long a stream keeps its records.

use crate::codec::{fields, variants};
use crate::command::{Command, CommandKind};
use crate::commands::Recorded;
use crate::commands::membership::Gated;
use crate::commands::refusals::refusals;
use crate::edit::Edit;
use crate::stream::{Stream, StreamStatus};
use anabranch_types::limits::{RETENTION_DEFAULT, RETENTION_MAX};
use anabranch_types::{RequestId, StreamUid};
use std::time::Duration;

/// Which of the two operations asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetentionMove {
    /// IncreaseStreamRetentionPeriod.
    Increase,
    /// DecreaseStreamRetentionPeriod.
    Decrease,
}

variants!(RetentionMove { 1 => Increase {}, 2 => Decrease {} });

/// Proposed for a client's IncreaseStreamRetentionPeriod or DecreaseStreamRetentionPeriod. The
/// stream is `Updating`; the retention controller tells its groups, then proposes
/// `FinishRetention`.
///
/// The retention that the stream has already is taken and changes nothing (Source: kinesalite;
/// AWS is silent).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetRetention {
    /// The stream.
    pub uid: StreamUid,
    /// How long records are to be kept.
    pub retention: Duration,
    /// In which direction it may change.
    pub direction: RetentionMove,
    /// The client's call; repeated, it finds the change that it made (I12).
    pub request: RequestId,
}

fields!(SetRetention { uid, retention, direction, request });

refusals! {
    /// Nothing changes. Source of the rules: AWS API reference, IncreaseStreamRetentionPeriod and
    /// DecreaseStreamRetentionPeriod.
    SetRetentionRefused {
        1 => NotBootstrapped,
        2 => FeatureLevel,
        /// No stream has this uid (any more).
        #[error("there is no stream {uid}")]
        3 => NoStream {
            /// The uid asked for.
            uid: StreamUid,
        },
        /// Only an active stream's retention is changed.
        #[error("the stream is {status:?}")]
        4 => Status {
            /// Where the stream stands.
            status: StreamStatus,
        },
        /// No stream keeps its records so short or so long.
        #[error("streams keep records for {least:?} to {most:?}")]
        5 => Bounds {
            /// The shortest retention.
            least: Duration,
            /// The longest retention.
            most: Duration,
        },
        /// An increase to less than what the stream has.
        #[error("the stream keeps records for {current:?}, longer than asked for")]
        6 => BelowCurrent {
            /// The stream's retention.
            current: Duration,
        },
        /// A decrease to more than what the stream has.
        #[error("the stream keeps records for {current:?}, less than asked for")]
        7 => AboveCurrent {
            /// The stream's retention.
            current: Duration,
        },
    }
}

impl Command for SetRetention {
    const KIND: CommandKind = CommandKind::SetRetention;
    type Done = Recorded;
    type Refused = SetRetentionRefused;
}

impl SetRetention {
    fn judge(&self, stream: &Stream) -> Result<(), SetRetentionRefused> {
        if !(RETENTION_DEFAULT..=RETENTION_MAX).contains(&self.retention) {
            return Err(SetRetentionRefused::Bounds { least: RETENTION_DEFAULT, most: RETENTION_MAX });
        }
        let (status, current) = (stream.status, stream.retention);
        if status != StreamStatus::Active {
            return Err(SetRetentionRefused::Status { status });
        }
        match self.direction {
            RetentionMove::Increase if self.retention < current => Err(SetRetentionRefused::BelowCurrent { current }),
            RetentionMove::Decrease if self.retention > current => Err(SetRetentionRefused::AboveCurrent { current }),
            RetentionMove::Increase | RetentionMove::Decrease => Ok(()),
        }
    }
}

impl Gated for SetRetention {
    fn change(self, edit: &mut Edit<'_>) -> Result<Recorded, SetRetentionRefused> {
        let (uid, catalog) = (self.uid, edit.catalog());
        let map = catalog.map.stream(uid).cloned().ok_or(SetRetentionRefused::NoStream { uid })?;
        let stream = &map.stream;
        if stream.retention_changes.calls.contains(&self.request) {
            return Ok(edit.recorded());
        }
        self.judge(stream)?;
        if self.retention == stream.retention {
            return Ok(edit.recorded());
        }
        // What is shown is a promise: the longer retention only once every group keeps it, the
        // shorter one from now on.
        let after = Stream {
            status: StreamStatus::Updating,
            retention: stream.retention.min(self.retention),
            retention_changes: stream.retention_changes.with(edit.next_version(), self.retention, self.request),
            ..stream.clone()
        };
        edit.replace_stream(&map, map.with_stream(after));
        Ok(edit.recorded())
    }
}
