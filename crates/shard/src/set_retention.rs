//! SetRetention: changes how long a stream keeps its records.
//!
//! ```text
//! kind u8 = 6 | version u8 = 1 | uid u64 | retention ms u48
//! kind u8 = 6 | version u8 = 2 | uid u64 | retention ms u48 | change u64
//! ```
//!
//! Version 1 is change 0, which comes before every other.

use crate::codec::{Malformed, Reader};
use crate::command;
use crate::effects::Effects;
use crate::group_state::GroupState;
use crate::outcome::{Outcome, Refusal};
use crate::policy::{read_span, write_span};
use crate::row_key::RowKey;
use anabranch_types::limits::RETENTION_MAX;
use anabranch_types::{StreamUid, Timestamp};
use bytes::{BufMut, Bytes};
use std::time::Duration;

/// Changes a stream's retention, up to the longest of the service or of the group's policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetRetention {
    /// The stream.
    pub stream: StreamUid,
    /// How long records are kept from now on. What has expired stays trimmed.
    pub retention: Duration,
    /// Which of the stream's changes it is: a later one has a higher number. One below what the
    /// group knows changes nothing, however late it comes.
    pub change: u64,
}

impl SetRetention {
    /// The command's bytes, in the lowest version that can say it.
    pub fn encode(&self) -> Bytes {
        let mut out = vec![command::SET_RETENTION, command::version_for(self.change)];
        out.put_u64(self.stream.0);
        write_span(&mut out, self.retention);
        command::write_change(&mut out, self.change);
        out.into()
    }

    pub(crate) fn read(reader: &mut Reader<'_>, version: u8) -> Result<Self, Malformed> {
        let stream = StreamUid(reader.u64("stream uid")?);
        let retention = read_span(reader, "retention")?;
        Ok(SetRetention { stream, retention, change: command::read_change(reader, version)? })
    }

    pub(crate) fn apply(self, state: &mut GroupState, effects: &mut Effects) -> Outcome {
        if let Err(refusal) = check_retention(state, self.retention) {
            return Outcome::Refused(refusal);
        }
        if !state.streams.contains_key(&self.stream) {
            return Outcome::Refused(Refusal::NotFound);
        }
        Outcome::RetentionSet { retention: self.retain(state, effects) }
    }

    /// The retention of the stream, which is there, afterwards.
    pub(crate) fn retain(self, state: &mut GroupState, effects: &mut Effects) -> Duration {
        let trim_clock: Timestamp = state.trim_clock;
        let stream = state.streams.get_mut(&self.stream).expect("the caller looked");
        let same = (self.change, self.retention) == (stream.retention_change, stream.retention);
        if !same && self.change >= stream.retention_change {
            // Under the old retention first, then under the new one: neither gives back.
            stream.trim_floor = stream.visible_from(trim_clock);
            stream.retention = self.retention;
            stream.trim_floor = stream.visible_from(trim_clock);
            stream.retention_change = self.change;
            effects.put_row(RowKey::Stream(stream.uid).encode(), stream.encode());
        }
        stream.retention
    }
}

/// Whether a stream of the group may keep its records so long.
pub(crate) fn check_retention(state: &GroupState, retention: Duration) -> Result<(), Refusal> {
    let policy = state.policy.ok_or(Refusal::NotInitialized)?;
    let most = policy.retention_max.max(RETENTION_MAX);
    if retention > most { Err(Refusal::RetentionTooLong { most }) } else { Ok(()) }
}
