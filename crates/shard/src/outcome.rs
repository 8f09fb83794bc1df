//! What became of a command that is not a Put.
//!
//! ```text
//! version u8 = 1 | tag u8 | fields
//! 1 initialized    generation u8
//! 2 created        new u32 | existing u32
//! 3 dropped        shards u32
//! 4 sealed         shard u32 | created s u64 | closed ms u48
//! 5 ticked         trim clock ms u48 | dropped buckets u32
//! 6 retention set  retention ms u48
//! 16 not initialized    17 generation or policy differs    18 stream or shard not found
//! 19 stream was dropped 20 shard differs: shard u32        21 retention too long: most ms u48
//! ```

use crate::codec::{Malformed, Reader, Writer};
use crate::policy::{read_span, write_span};
use anabranch_types::{SequenceNumber, ShardEpoch, ShardId, Timestamp};
use bytes::{BufMut, Bytes};
use std::time::Duration;

const OUTCOME_VERSION: u8 = 1;

/// A command's answer, the same on every replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The group has this policy and generation.
    Initialized {
        /// The recovery generation.
        generation: u8,
    },
    /// The shards exist.
    Created {
        /// Shards that this command made.
        new: u32,
        /// Shards that existed, as asked for.
        existing: u32,
    },
    /// The stream does not exist here any more.
    Dropped {
        /// Shards that this command removed.
        shards: u32,
    },
    /// The shard takes no more records.
    Sealed {
        /// The shard.
        epoch: ShardEpoch,
        /// The time in its ending sequence number.
        closed: Timestamp,
    },
    /// The trim clock stands here.
    Ticked {
        /// At or after the time of the tick.
        trim_clock: Timestamp,
        /// Buckets that were dropped.
        dropped_buckets: u32,
    },
    /// The stream keeps records this long.
    RetentionSet {
        /// Its retention.
        retention: Duration,
    },
    /// The command changed nothing.
    Refused(Refusal),
}

/// Why a command changed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// `Init` has not been applied.
    #[error("the group is not initialized")]
    NotInitialized,
    /// The group was initialized with another policy or generation.
    #[error("the group was initialized differently")]
    InitializedDifferently,
    /// The group has no such stream or shard.
    #[error("the group has no such stream or shard")]
    NotFound,
    /// The stream was dropped; its uid is not used again.
    #[error("the stream was dropped")]
    StreamDropped,
    /// The shard exists with another range, parents, stream name or creation time.
    #[error("{0} exists and differs")]
    ShardDiffers(ShardId),
    /// The group drops buckets before so long a retention is over.
    #[error("a stream of this group keeps records for {most:?} at the most")]
    RetentionTooLong {
        /// The longest retention of the group.
        most: Duration,
    },
}

impl Outcome {
    /// The ending sequence number that a seal fixed; none for other outcomes.
    pub fn ending(&self) -> Option<SequenceNumber> {
        match *self {
            Outcome::Sealed { epoch, closed } => Some(SequenceNumber::ending(epoch, closed)),
            _ => None,
        }
    }

    /// The answer's bytes.
    pub(crate) fn encode(&self) -> Bytes {
        let mut out = vec![OUTCOME_VERSION];
        match *self {
            Outcome::Initialized { generation } => out.extend([1, generation]),
            Outcome::Created { new, existing } => {
                out.put_u8(2);
                out.put_u32(new);
                out.put_u32(existing);
            }
            Outcome::Dropped { shards } => {
                out.put_u8(3);
                out.put_u32(shards);
            }
            Outcome::Sealed { epoch, closed } => {
                out.put_u8(4);
                out.put_u32(epoch.shard.0);
                out.put_u64(epoch.created_s);
                out.timestamp(closed);
            }
            Outcome::Ticked { trim_clock, dropped_buckets } => {
                out.put_u8(5);
                out.timestamp(trim_clock);
                out.put_u32(dropped_buckets);
            }
            Outcome::RetentionSet { retention } => {
                out.put_u8(6);
                write_span(&mut out, retention);
            }
            Outcome::Refused(refusal) => refusal.write(&mut out),
        }
        out.into()
    }

    /// Reads the outcome of any command but Put.
    ///
    /// # Errors
    /// [`Malformed`] when `outcome` is not what apply returned for such a command.
    pub fn decode(outcome: &Bytes) -> Result<Self, Malformed> {
        let mut reader = Reader::new(outcome);
        let refusal = reader.malformed("outcome version");
        if reader.u8("outcome version")? != OUTCOME_VERSION {
            return Err(refusal);
        }
        let decoded = match reader.u8("outcome")? {
            1 => Outcome::Initialized { generation: reader.u8("generation")? },
            2 => Outcome::Created { new: reader.u32("new")?, existing: reader.u32("existing")? },
            3 => Outcome::Dropped { shards: reader.u32("shards")? },
            4 => {
                let shard = ShardId(reader.u32("shard")?);
                let epoch = ShardEpoch { shard, created_s: reader.u64("created")? };
                Outcome::Sealed { epoch, closed: reader.timestamp("closed")? }
            }
            5 => Outcome::Ticked {
                trim_clock: reader.timestamp("trim clock")?,
                dropped_buckets: reader.u32("dropped buckets")?,
            },
            6 => Outcome::RetentionSet { retention: read_span(&mut reader, "retention")? },
            tag => Outcome::Refused(Refusal::read(tag, &mut reader)?),
        };
        reader.end("outcome")?;
        Ok(decoded)
    }
}

impl Refusal {
    fn write(self, out: &mut Vec<u8>) {
        match self {
            Refusal::NotInitialized => out.put_u8(16),
            Refusal::InitializedDifferently => out.put_u8(17),
            Refusal::NotFound => out.put_u8(18),
            Refusal::StreamDropped => out.put_u8(19),
            Refusal::ShardDiffers(shard) => {
                out.put_u8(20);
                out.put_u32(shard.0);
            }
            Refusal::RetentionTooLong { most } => {
                out.put_u8(21);
                write_span(out, most);
            }
        }
    }

    fn read(tag: u8, reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        match tag {
            16 => Ok(Refusal::NotInitialized),
            17 => Ok(Refusal::InitializedDifferently),
            18 => Ok(Refusal::NotFound),
            19 => Ok(Refusal::StreamDropped),
            20 => Ok(Refusal::ShardDiffers(ShardId(reader.u32("shard")?))),
            21 => Ok(Refusal::RetentionTooLong { most: read_span(reader, "longest retention")? }),
            _ => Err(reader.malformed("outcome")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_reads_back_as_written_and_no_part_of_it_does() {
        let (time, span) = (Timestamp::from_millis(1 << 40), Duration::from_millis(1 << 41));
        let refusals = [
            Refusal::NotInitialized,
            Refusal::InitializedDifferently,
            Refusal::NotFound,
            Refusal::StreamDropped,
            Refusal::ShardDiffers(ShardId(u32::MAX)),
            Refusal::RetentionTooLong { most: span },
        ];
        let outcomes = [
            Outcome::Initialized { generation: 127 },
            Outcome::Created { new: 1, existing: u32::MAX },
            Outcome::Dropped { shards: 2 },
            Outcome::Sealed { epoch: ShardEpoch { created_s: 3, shard: ShardId(4) }, closed: time },
            Outcome::Ticked { trim_clock: time, dropped_buckets: 5 },
            Outcome::RetentionSet { retention: span },
        ];
        for outcome in outcomes.into_iter().chain(refusals.map(Outcome::Refused)) {
            let bytes = outcome.encode();
            assert_eq!(Outcome::decode(&bytes), Ok(outcome));
            for cut in 0..bytes.len() {
                assert!(Outcome::decode(&bytes.slice(..cut)).is_err(), "{outcome:?} cut at {cut}");
            }
        }
    }
}
