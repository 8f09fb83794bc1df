//! Seal: closes a shard for good and fixes its ending sequence number.
//!
//! ```text
//! kind u8 = 4 | version u8 = 1 | uid u64 | shard id u32 | closed ms u48
//! ```

use crate::codec::{Malformed, Reader, Writer};
use crate::command;
use crate::effects::Effects;
use crate::group_state::GroupState;
use crate::outcome::{Outcome, Refusal};
use crate::row_key::RowKey;
use crate::shard::ShardState;
use anabranch_types::{ShardId, StreamUid, Timestamp};
use bytes::{BufMut, Bytes};

/// Closes a shard. A repetition gets the first one's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seal {
    /// The stream.
    pub stream: StreamUid,
    /// The shard.
    pub shard: ShardId,
    /// The leader's clock.
    pub closed: Timestamp,
}

impl Seal {
    /// The command's bytes.
    pub fn encode(&self) -> Bytes {
        let mut out = vec![command::SEAL, command::VERSION];
        out.put_u64(self.stream.0);
        out.put_u32(self.shard.0);
        out.timestamp(self.closed);
        out.into()
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Seal {
            stream: StreamUid(reader.u64("stream uid")?),
            shard: ShardId(reader.u32("shard id")?),
            closed: reader.timestamp("closed")?,
        })
    }

    pub(crate) fn apply(self, state: &mut GroupState, effects: &mut Effects) -> Outcome {
        let no = state.numbers.get(&(self.stream, self.shard));
        let Some(shard) = no.and_then(|no| state.shards.get_mut(no)) else {
            return Outcome::Refused(Refusal::NotFound);
        };
        let closed = match shard.state {
            ShardState::Sealed { closed } => closed,
            ShardState::Open => {
                let closed = self.closed.max(shard.earliest_arrival(state.trim_clock));
                shard.state = ShardState::Sealed { closed };
                effects.put_row(RowKey::Shard(shard.no).encode(), shard.encode());
                effects.sealed.push(shard.no);
                closed
            }
        };
        Outcome::Sealed { epoch: shard.epoch, closed }
    }
}
