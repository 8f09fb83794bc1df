//! One shard: its place in its stream, its state, and where its records end.

use crate::bucket::Newest;
use crate::chunk_key::ShardNo;
use crate::codec::{Malformed, Reader, Writer};
use anabranch_types::{HashKeyRange, ShardEpoch, ShardId, StreamUid, Timestamp};
use bytes::{BufMut, Bytes};

/// The newest version of a shard's row.
pub(crate) const SHARD_ROW_VERSION: u8 = 1;

/// The shards that a shard took its hash keys from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parents {
    /// It was created with its stream.
    None,
    /// It is a half of a split shard.
    Split(ShardId),
    /// It took the place of two adjacent shards.
    Merge(ShardId, ShardId),
}

/// Whether a shard takes records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShardState {
    /// It does.
    Open,
    /// It never will again.
    Sealed {
        /// At or after the arrival of its last record: the time in its ending sequence number.
        closed: Timestamp,
    },
}

/// One shard of the group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shard {
    /// Its number in the group; the key of its row.
    pub no: ShardNo,
    /// Its stream.
    pub stream: StreamUid,
    /// Its id and creation second, which every sequence number carries.
    pub epoch: ShardEpoch,
    /// Its part of the hash key space.
    pub range: HashKeyRange,
    /// Where it came from.
    pub parents: Parents,
    /// Whether it takes records.
    pub state: ShardState,
    /// Its newest record that storage holds; not in the row, storage is asked at a restart.
    pub newest: Option<Newest>,
}

impl Shard {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut row = vec![SHARD_ROW_VERSION];
        row.put_u64(self.stream.0);
        write_shard(&mut row, self.epoch, self.range, self.parents);
        match self.state {
            ShardState::Open => row.put_u8(0),
            ShardState::Sealed { closed } => {
                row.put_u8(1);
                row.timestamp(closed);
            }
        }
        row
    }

    pub(crate) fn decode(no: ShardNo, row: &Bytes) -> Result<Self, Malformed> {
        let mut reader = Reader::new(row);
        reader.u8("row version")?;
        let stream = StreamUid(reader.u64("stream uid")?);
        let (epoch, range, parents) = read_shard(&mut reader)?;
        let refusal = reader.malformed("shard state");
        let state = match reader.u8("shard state")? {
            0 => ShardState::Open,
            1 => ShardState::Sealed { closed: reader.timestamp("closed")? },
            _ => return Err(refusal),
        };
        reader.end("shard row")?;
        Ok(Shard { no, stream, epoch, range, parents, state, newest: None })
    }

    /// A record that is taken now arrives no earlier. The trim clock is above the arrival of
    /// whatever storage no longer holds, so this is the same before and after a restart.
    pub(crate) fn earliest_arrival(&self, trim_clock: Timestamp) -> Timestamp {
        self.newest.map_or(trim_clock, |newest| newest.arrival.max(trim_clock))
    }
}

/// What a sequence number has room for: of more it would carry a part only, and two shards could have the same.
const CREATED_SECONDS_MAX: u64 = (1 << 36) - 1;

pub(crate) fn write_shard(out: &mut Vec<u8>, epoch: ShardEpoch, range: HashKeyRange, parents: Parents) {
    out.put_u32(epoch.shard.0);
    out.put_u64(epoch.created_s);
    out.range(range);
    match parents {
        Parents::None => out.put_u8(0),
        Parents::Split(parent) => {
            out.put_u8(1);
            out.put_u32(parent.0);
        }
        Parents::Merge(parent, adjacent) => {
            out.put_u8(2);
            out.put_u32(parent.0);
            out.put_u32(adjacent.0);
        }
    }
}

pub(crate) fn read_shard(reader: &mut Reader<'_>) -> Result<(ShardEpoch, HashKeyRange, Parents), Malformed> {
    let refusal = reader.malformed("shard id or its creation");
    let shard = ShardId(reader.u32("shard id")?);
    let created_s = reader.u64("shard created")?;
    if shard.0 >> 31 != 0 || created_s > CREATED_SECONDS_MAX {
        return Err(refusal);
    }
    let range = reader.range("hash key range")?;
    let refusal = reader.malformed("parents");
    let parents = match reader.u8("parents")? {
        0 => Parents::None,
        1 => Parents::Split(ShardId(reader.u32("parent")?)),
        2 => Parents::Merge(ShardId(reader.u32("parent")?), ShardId(reader.u32("adjacent parent")?)),
        _ => return Err(refusal),
    };
    Ok((ShardEpoch { created_s, shard }, range, parents))
}
