//! Which keys of which buckets hold the records of a shard from a position on.

use crate::bucket::BucketId;
use crate::chunk::{ChunkDamage, ChunkReader, Record};
use crate::chunk_key::{CHUNK_KEY_BYTES, ChunkKey, ShardNo};
use crate::group_state::GroupState;
use anabranch_types::{Counter, Timestamp};
use bytes::Bytes;

/// A range of keys of one bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadStep {
    /// The bucket.
    pub bucket: BucketId,
    /// The first key.
    pub from: [u8; CHUNK_KEY_BYTES],
    /// Above the last key.
    pub to: [u8; CHUNK_KEY_BYTES],
}

/// How to read a shard on from a position: step by step, and each chunk through
/// [`ReadPlan::open`]. Holds for the state it was made from and every later one, except that
/// buckets may be dropped in between; their records have expired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadPlan {
    /// The shard.
    pub shard: ShardNo,
    /// No earlier record is served.
    pub from: Counter,
    /// No record that arrived earlier is served (I11).
    pub visible_from: Timestamp,
    /// Oldest first.
    pub steps: Vec<ReadStep>,
}

impl ReadPlan {
    /// The records of a chunk that this plan serves, oldest first.
    ///
    /// # Errors
    /// [`ChunkDamage`] when the chunk is not what was written. The iterator ends after its
    /// first error.
    pub fn open(
        &self,
        key: &[u8],
        value: Bytes,
    ) -> Result<impl Iterator<Item = Result<Record, ChunkDamage>> + use<>, ChunkDamage> {
        let chunk = ChunkReader::open(key, value)?;
        let (from, expired) = (self.from, chunk.key().arrival < self.visible_from);
        let kept = move |record: &Record| !expired && record.counter >= from;
        Ok(chunk.filter(move |read| read.as_ref().map_or(true, kept)))
    }
}

impl GroupState {
    /// How to read `shard` from the first visible record at or above `from`; none when the
    /// group has no such shard. [`Counter::ZERO`] is TRIM_HORIZON, [`latest`](Self::latest) LATEST.
    pub fn read_plan(&self, shard: ShardNo, from: Counter) -> Option<ReadPlan> {
        let visible_from = self.visible_from(self.shard_by_no(shard)?);
        let steps = self
            .buckets()
            .filter(|bucket| bucket.end > from && bucket.last_arrival >= visible_from)
            .map(|bucket| ReadStep {
                bucket: bucket.id,
                from: ChunkKey::seek(shard, from),
                to: ChunkKey::end_of(shard),
            })
            .collect();
        Some(ReadPlan { shard, from, visible_from, steps })
    }
}
