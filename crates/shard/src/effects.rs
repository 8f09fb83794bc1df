//! What applied commands change in storage, in order, for the caller to write atomically.

use crate::bucket::BucketId;
use crate::chunk_key::{CHUNK_KEY_BYTES, ShardNo};
use anabranch_types::{Counter, StreamUid, Timestamp};
use bytes::Bytes;

/// One change of storage. Rows live in the meta family, chunks in their bucket's family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mutation {
    /// Writes a row.
    PutRow {
        /// The row's key.
        key: Bytes,
        /// The row.
        value: Bytes,
    },
    /// Removes a row, if it exists.
    DeleteRow {
        /// The row's key.
        key: Bytes,
    },
    /// Removes the rows of a range of keys.
    DeleteRows {
        /// The first key.
        from: Bytes,
        /// Above the last key.
        to: Bytes,
    },
    /// Writes a chunk; its bytes are a slice of the command.
    PutChunk {
        /// Where; created before.
        bucket: BucketId,
        /// The encoded [`ChunkKey`](crate::ChunkKey).
        key: [u8; CHUNK_KEY_BYTES],
        /// The chunk.
        value: Bytes,
    },
    /// Makes an empty bucket; nothing, when it exists.
    CreateBucket(BucketId),
    /// Removes a bucket with all that it holds; nothing, when it does not exist.
    DropBucket(BucketId),
}

/// Records that became readable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// The shard.
    pub shard: ShardNo,
    /// The newest of the records.
    pub last: Counter,
    /// When they arrived.
    pub arrival: Timestamp,
    /// How many.
    pub records: u32,
    /// Bytes of the chunks that hold them.
    pub chunk_bytes: u64,
}

/// Collects what one or more commands change. One `Effects` serves one atomic write batch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Effects {
    /// The changes, in order.
    pub mutations: Vec<Mutation>,
    /// Records that became readable: whom to wake, and what a new leader's budgets start from.
    pub appended: Vec<Appended>,
    /// Shards that were sealed: readers at their end are to be told.
    pub sealed: Vec<ShardNo>,
    /// Streams that were dropped: their readers are to be refused.
    pub dropped: Vec<StreamUid>,
    /// The group's own row after the newest command; replaced by the next one of the batch.
    pub(crate) group_row: Option<(Bytes, Bytes)>,
}

impl Effects {
    /// Nothing yet.
    pub fn new() -> Self {
        Effects::default()
    }

    /// Takes the changes out, the group's row last and once however many commands there were.
    pub fn take_mutations(&mut self) -> Vec<Mutation> {
        let mut mutations = std::mem::take(&mut self.mutations);
        mutations.extend(self.group_row.take().map(|(key, value)| Mutation::PutRow { key, value }));
        mutations
    }

    pub(crate) fn put_row(&mut self, key: Bytes, value: Vec<u8>) {
        self.mutations.push(Mutation::PutRow { key, value: value.into() });
    }

    pub(crate) fn delete_row(&mut self, key: Bytes) {
        self.mutations.push(Mutation::DeleteRow { key });
    }
}
