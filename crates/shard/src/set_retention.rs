//! SetRetention: changes how long a stream keeps its records.
//!
//! ```text
//! kind u8 = 6 | version u8 = 1 | uid u64 | retention ms u48
//! ```

use crate::codec::{Malformed, Reader};
use crate::command;
use crate::effects::Effects;
use crate::group_state::GroupState;
use crate::outcome::{Outcome, Refusal};
use crate::policy::{read_span, write_span};
use crate::row_key::RowKey;
use anabranch_types::StreamUid;
use bytes::{BufMut, Bytes};
use std::time::Duration;

/// Changes a stream's retention, up to the longest of the group's policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetRetention {
    /// The stream.
    pub stream: StreamUid,
    /// How long records are kept from now on. What has expired stays trimmed.
    pub retention: Duration,
}

impl SetRetention {
    /// The command's bytes.
    pub fn encode(&self) -> Bytes {
        let mut out = vec![command::SET_RETENTION, command::VERSION];
        out.put_u64(self.stream.0);
        write_span(&mut out, self.retention);
        out.into()
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(SetRetention { stream: StreamUid(reader.u64("stream uid")?), retention: read_span(reader, "retention")? })
    }

    pub(crate) fn apply(self, state: &mut GroupState, effects: &mut Effects) -> Outcome {
        let Some(policy) = state.policy else {
            return Outcome::Refused(Refusal::NotInitialized);
        };
        if self.retention > policy.retention_max {
            return Outcome::Refused(Refusal::RetentionTooLong { most: policy.retention_max });
        }
        let Some(stream) = state.streams.get_mut(&self.stream) else {
            return Outcome::Refused(Refusal::NotFound);
        };
        if stream.retention != self.retention {
            // Under the old retention first, then under the new one: neither gives back.
            stream.trim_floor = stream.visible_from(state.trim_clock);
            stream.retention = self.retention;
            stream.trim_floor = stream.visible_from(state.trim_clock);
            effects.put_row(RowKey::Stream(stream.uid).encode(), stream.encode());
        }
        Outcome::RetentionSet { retention: self.retention }
    }
}
