//! The group's own row: all that changes with every Put, in about a hundred bytes.
//!
//! ```text
//! version u8 = 1 | applied u64 | generation u8 | trim clock ms u48 | next shard u32 | next bucket u32
//!   | requests kept from u64 | requests deleted to u64 | request floor ms u48 | digest u64
//!   | open bucket: 0, or 1 and the bucket
//! ```

use crate::bucket::Bucket;
use crate::codec::{Malformed, Reader, Writer};
use crate::digest::Digest;
use crate::group_state::GroupState;
use crate::row_key::RowKey;
use anabranch_types::Counter;
use bytes::{BufMut, Bytes};

/// The newest version of the group's row.
pub(crate) const GROUP_ROW_VERSION: u8 = 1;

impl GroupState {
    pub(crate) fn group_row(&self) -> (Bytes, Bytes) {
        let mut row = Vec::with_capacity(128);
        row.put_u8(GROUP_ROW_VERSION);
        row.put_u64(self.applied);
        row.put_u8(self.generation);
        row.timestamp(self.trim_clock);
        row.put_u32(self.next_shard);
        row.put_u32(self.buckets.next);
        row.put_u64(self.requests.kept_from);
        row.put_u64(self.requests.deleted_to);
        row.timestamp(self.requests.floor);
        row.put_u64(self.digest.0);
        match &self.buckets.open {
            None => row.put_u8(0),
            Some(open) => {
                row.put_u8(1);
                open.write(&mut row);
            }
        }
        (RowKey::Group.encode(), row.into())
    }

    /// Takes the fields of the row over; the other fields stay.
    pub(crate) fn load_group_row(&mut self, row: &Bytes) -> Result<(), Malformed> {
        let mut reader = Reader::new(row);
        reader.u8("row version")?;
        let refusal = reader.malformed("applied");
        self.applied = reader.u64("applied")?;
        self.generation = reader.u8("generation")?;
        if self.applied >= Counter::LOG_INDEX_MAX || self.generation > Counter::GENERATION_MAX {
            return Err(refusal);
        }
        self.trim_clock = reader.timestamp("trim clock")?;
        self.next_shard = reader.u32("next shard")?;
        self.buckets.next = reader.u32("next bucket")?;
        self.requests.kept_from = reader.u64("requests kept from")?;
        self.requests.deleted_to = reader.u64("requests deleted to")?;
        self.requests.floor = reader.timestamp("request floor")?;
        self.digest = Digest(reader.u64("digest")?);
        let refusal = reader.malformed("open bucket");
        self.buckets.open = match reader.u8("open bucket")? {
            0 => None,
            1 => Some(Bucket::read(&mut reader)?),
            _ => return Err(refusal),
        };
        reader.end("group row")
    }

    /// The digest of the whole logical state: equal on all replicas at the same applied index
    /// (I9). Takes time in proportion to shards and remembered requests.
    pub fn hash(&self) -> u64 {
        let mut digest = Digest::default();
        digest.add(&self.group_row().1);
        if let Some(policy) = &self.policy {
            digest.add(&crate::init::policy_row(policy));
        }
        for stream in self.streams.values() {
            digest.add(&stream.uid.0.to_be_bytes());
            digest.add(&stream.encode());
        }
        for shard in self.shards.values() {
            digest.add(&shard.no.0.to_be_bytes());
            digest.add(&shard.encode());
            if let Some(newest) = shard.newest {
                digest.add(&newest.last.bits().to_be_bytes());
                digest.add(&newest.arrival.as_millis().to_be_bytes());
            }
        }
        for bucket in &self.buckets.closed {
            digest.add(&crate::bucket::closed_row(bucket));
        }
        for (log_index, row) in self.requests.rows() {
            digest.add(&log_index.to_be_bytes());
            digest.add(row);
        }
        for (log_index, stream) in self.dropped.iter() {
            digest.add(&log_index.to_be_bytes());
            digest.add(&stream.0.to_be_bytes());
        }
        digest.0
    }
}
