//! Changes the largest record that a stream takes.

use crate::codec::fields;
use crate::command::{Command, CommandKind};
use crate::commands::Recorded;
use crate::commands::membership::Gated;
use crate::commands::refusals::refusals;
use crate::edit::Edit;
use crate::retention::remembered;
use crate::stream::{Stream, StreamStatus};
use anabranch_types::limits::{RECORD_BYTES_DEFAULT, RECORD_BYTES_MAX};
use anabranch_types::{RequestId, StreamUid};

/// Proposed for a client's UpdateMaxRecordSize. Gateways go by it as soon as they see it: no group
/// has to be told, and records that are there stay, however large.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpdateMaxRecordSize {
    /// The stream.
    pub uid: StreamUid,
    /// Data and partition key of one record, at most.
    pub max_record_bytes: u64,
    /// The client's call; repeated, it changes nothing again (I12).
    pub request: RequestId,
}

fields!(UpdateMaxRecordSize { uid, max_record_bytes, request });

refusals! {
    /// Nothing changes. Source of the rules: AWS API reference, UpdateMaxRecordSize.
    UpdateMaxRecordSizeRefused {
        1 => NotBootstrapped,
        2 => FeatureLevel,
        /// No stream has this uid (any more).
        #[error("there is no stream {uid}")]
        3 => NoStream {
            /// The uid asked for.
            uid: StreamUid,
        },
        /// Only an active stream is changed.
        #[error("the stream is {status:?}")]
        4 => Status {
            /// Where the stream stands.
            status: StreamStatus,
        },
        /// No stream has so small or so large a limit.
        #[error("a stream's largest record has {least} to {most} bytes")]
        5 => Bounds {
            /// The smallest limit.
            least: u64,
            /// The largest limit.
            most: u64,
        },
    }
}

impl Command for UpdateMaxRecordSize {
    const KIND: CommandKind = CommandKind::UpdateMaxRecordSize;
    type Done = Recorded;
    type Refused = UpdateMaxRecordSizeRefused;
}

impl Gated for UpdateMaxRecordSize {
    fn change(self, edit: &mut Edit<'_>) -> Result<Recorded, UpdateMaxRecordSizeRefused> {
        let (uid, max_record_bytes, catalog) = (self.uid, self.max_record_bytes, edit.catalog());
        let map = catalog.map.stream(uid).cloned().ok_or(UpdateMaxRecordSizeRefused::NoStream { uid })?;
        let stream = &map.stream;
        if stream.record_size_calls.contains(&self.request) {
            return Ok(edit.recorded());
        }
        let (least, most) = (RECORD_BYTES_DEFAULT, RECORD_BYTES_MAX);
        if !(least..=most).contains(&max_record_bytes) {
            return Err(UpdateMaxRecordSizeRefused::Bounds { least, most });
        }
        let status = stream.status;
        if status != StreamStatus::Active {
            return Err(UpdateMaxRecordSizeRefused::Status { status });
        }
        if max_record_bytes == stream.max_record_bytes {
            return Ok(edit.recorded());
        }
        let record_size_calls = remembered(&stream.record_size_calls, self.request);
        let after = Stream { max_record_bytes, record_size_calls, ..stream.clone() };
        edit.replace_stream(&map, map.with_stream(after));
        Ok(edit.recorded())
    }
}
