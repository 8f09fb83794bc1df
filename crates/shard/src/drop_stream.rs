//! DropStream: removes a stream and all its shards from the group, at once.
//!
//! ```text
//! kind u8 = 3 | version u8 = 1 | uid u64
//! ```
//!
//! The space of its records is freed when their buckets are dropped.

use crate::codec::{Malformed, Reader};
use crate::command;
use crate::effects::Effects;
use crate::group_state::GroupState;
use crate::outcome::Outcome;
use crate::row_key::RowKey;
use anabranch_types::{ShardId, StreamUid};
use bytes::{BufMut, Bytes};
use std::collections::VecDeque;

/// The newest version of the row of a dropped stream.
pub(crate) const DROPPED_ROW_VERSION: u8 = 1;
/// Dropped streams that are remembered. Part of the determinism of apply: changing it needs a
/// new version of the command.
pub(crate) const DROPPED_MAX: usize = 4_096;

/// Removes one incarnation of a stream. Nothing else ever removes shards (D8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DropStream {
    /// The stream.
    pub stream: StreamUid,
}

impl DropStream {
    /// The command's bytes.
    pub fn encode(&self) -> Bytes {
        let mut out = vec![command::DROP_STREAM, command::VERSION];
        out.put_u64(self.stream.0);
        out.into()
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(DropStream { stream: StreamUid(reader.u64("stream uid")?) })
    }

    pub(crate) fn apply(self, state: &mut GroupState, log_index: u64, effects: &mut Effects) -> Outcome {
        state.dropped.remember(log_index, self.stream, effects);
        if state.streams.remove(&self.stream).is_none() {
            return Outcome::Dropped { shards: 0 };
        }
        effects.delete_row(RowKey::Stream(self.stream).encode());
        let of_stream = (self.stream, ShardId(0))..=(self.stream, ShardId(u32::MAX));
        let numbers: Vec<_> = state.numbers.range(of_stream).map(|(id, no)| (*id, *no)).collect();
        for (id, no) in &numbers {
            state.numbers.remove(id);
            state.shards.remove(no);
            effects.delete_row(RowKey::Shard(*no).encode());
        }
        effects.dropped.push(self.stream);
        Outcome::Dropped { shards: u32::try_from(numbers.len()).expect("shards are numbered in 32 bits") }
    }
}

/// The streams that were dropped last: a late `CreateShards` must not bring one back.
#[derive(Debug, Clone, Default)]
pub(crate) struct DroppedStreams {
    /// By log index.
    rows: VecDeque<(u64, StreamUid)>,
}

impl DroppedStreams {
    pub(crate) fn contains(&self, stream: StreamUid) -> bool {
        self.rows.iter().any(|(_, dropped)| *dropped == stream)
    }

    fn remember(&mut self, log_index: u64, stream: StreamUid, effects: &mut Effects) {
        if self.contains(stream) {
            return;
        }
        let mut row = vec![DROPPED_ROW_VERSION];
        row.put_u64(stream.0);
        effects.put_row(RowKey::Dropped(log_index).encode(), row);
        self.rows.push_back((log_index, stream));
        if self.rows.len() > DROPPED_MAX
            && let Some((oldest, _)) = self.rows.pop_front()
        {
            effects.delete_row(RowKey::Dropped(oldest).encode());
        }
    }

    /// Takes a row from storage, by log index.
    pub(crate) fn load(&mut self, log_index: u64, row: &Bytes) -> Result<(), Malformed> {
        let mut reader = Reader::new(row);
        reader.u8("row version")?;
        let stream = StreamUid(reader.u64("stream uid")?);
        reader.end("dropped row")?;
        self.rows.push_back((log_index, stream));
        Ok(())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &(u64, StreamUid)> {
        self.rows.iter()
    }
}
