//! Brings a group's state back from its rows, as it was when they were written.

use crate::bucket::BucketId;
use crate::bucket::{BUCKET_ROW_VERSION, Bucket, Newest};
use crate::chunk_key::{ChunkKey, ShardNo};
use crate::codec::{Malformed, Reader};
use crate::drop_stream::DROPPED_ROW_VERSION;
use crate::group_row::GROUP_ROW_VERSION;
use crate::group_state::GroupState;
use crate::init::POLICY_ROW_VERSION;
use crate::policy::Policy;
use crate::requests::REQUESTS_ROW_VERSION;
use crate::row_key::RowKey;
use crate::shard::{SHARD_ROW_VERSION, Shard};
use crate::stream::{STREAM_ROW_VERSION, Stream};
use bytes::Bytes;
use std::collections::BTreeMap;

/// The rows are not the state of a group that this node can serve.
#[derive(Debug, thiserror::Error)]
pub enum LoadError<E> {
    /// A key that is not of this crate, or of a later version of it.
    #[error("row key {0:02x?} is unknown")]
    UnknownKey(Bytes),
    /// A node of a later version wrote the row.
    #[error("row {key:02x?} has version {found}, this node reads version {known}")]
    Version {
        /// The row's key.
        key: Bytes,
        /// The version found.
        found: u8,
        /// The version that this node knows.
        known: u8,
    },
    /// The row does not follow its layout.
    #[error("row {key:02x?} is damaged: {malformed}")]
    Malformed {
        /// The row's key.
        key: Bytes,
        /// Where and what.
        malformed: Malformed,
    },
    /// Rows exist that need another one, which does not.
    #[error("{what} is missing")]
    Missing {
        /// What is not there.
        what: String,
    },
    /// Rows that no history writes together.
    #[error("the rows contradict each other: {what}")]
    Contradiction {
        /// What cannot be.
        what: String,
    },
    /// Storage could not be asked for a shard's newest chunk, or its answer was damaged.
    #[error("newest chunk of shard number {shard} in bucket {bucket}: {reason}")]
    NewestChunk {
        /// The shard's number.
        shard: u32,
        /// The bucket.
        bucket: u32,
        /// What went wrong.
        reason: E,
    },
    /// The key that storage gave is not a chunk's key of that shard.
    #[error("chunk key {key:02x?} is not one of shard number {shard}")]
    ForeignChunk {
        /// The shard's number.
        shard: u32,
        /// The key.
        key: Vec<u8>,
    },
}

impl GroupState {
    /// The state whose rows are all of `rows`: those from `ROWS_FROM` to below `ROWS_TO` of one
    /// atomic view of storage. No rows are the state before the first entry.
    ///
    /// `newest_chunk` gives the last chunk key of a shard within a bucket of the same view, so
    /// that no Put has to write a row for each of its shards. Where the bucket is gone, so is
    /// the memory of the arrival; the trim clock, which is above it, takes its place.
    ///
    /// # Errors
    /// [`LoadError`] when a row is damaged, missing, or of a later version.
    pub fn load<E>(
        rows: impl IntoIterator<Item = (Bytes, Bytes)>,
        mut newest_chunk: impl FnMut(BucketId, ShardNo) -> Result<Option<Vec<u8>>, E>,
    ) -> Result<Self, LoadError<E>> {
        let rows: BTreeMap<Bytes, Bytes> = rows.into_iter().collect();
        let mut state = GroupState::new();
        match rows.get(&RowKey::Group.encode()) {
            None if rows.is_empty() => return Ok(state),
            None => return Err(LoadError::Missing { what: "the group's row".to_owned() }),
            Some(row) => {
                let key = RowKey::Group.encode();
                check_version(&key, row, GROUP_ROW_VERSION)?;
                state.load_group_row(row).map_err(|malformed| LoadError::Malformed { key, malformed })?;
            }
        }
        for (key, row) in rows {
            let kind = RowKey::decode(&key).ok_or_else(|| LoadError::UnknownKey(key.clone()))?;
            check_version(&key, &row, known_version(kind))?;
            state.load_row(kind, row).map_err(|malformed| LoadError::Malformed { key, malformed })?;
        }
        state.check_relations()?;
        state.load_newest(&mut newest_chunk)?;
        Ok(state)
    }

    /// Rows come in the order of their keys, so lists fill in the order of the log.
    fn load_row(&mut self, key: RowKey, row: Bytes) -> Result<(), Malformed> {
        let mut reader = Reader::new(&row);
        reader.u8("row version")?;
        match key {
            RowKey::Group => {}
            RowKey::Policy => {
                self.policy = Some(Policy::read(&mut reader)?);
                reader.end("policy row")?;
            }
            RowKey::Stream(uid) => {
                self.streams.insert(uid, Stream::decode(uid, &row)?);
            }
            RowKey::Shard(no) => {
                let shard = Shard::decode(no, &row)?;
                self.numbers.insert((shard.stream, shard.epoch.shard), no);
                self.shards.insert(no, shard);
            }
            RowKey::Bucket(_) => {
                self.buckets.closed.push_back(Bucket::read(&mut reader)?);
                reader.end("bucket row")?;
            }
            RowKey::Requests(log_index) => self.requests.load(log_index, row)?,
            RowKey::Dropped(log_index) => self.dropped.load(log_index, &row)?,
        }
        Ok(())
    }

    /// What apply relies on, so that damaged rows are refused here and not met there.
    fn check_relations<E>(&self) -> Result<(), LoadError<E>> {
        let missing = |what: String| Err(LoadError::Missing { what });
        let contradiction = |what: String| Err(LoadError::Contradiction { what });
        if self.policy.is_none() && !(self.streams.is_empty() && self.shards.is_empty()) {
            return missing("the policy".to_owned());
        }
        if let Some(shard) = self.shards.values().find(|shard| !self.streams.contains_key(&shard.stream)) {
            return missing(format!("stream {} of shard number {}", shard.stream, shard.no.0));
        }
        if let Some(no) = self.shards.keys().find(|no| no.0 >= self.next_shard) {
            return contradiction(format!("shard number {} was never given out", no.0));
        }
        if self.numbers.len() != self.shards.len() {
            return contradiction("one shard has two numbers".to_owned());
        }
        if let Some(bucket) = self.buckets.iter().find(|bucket| bucket.id.0 >= self.buckets.next) {
            return contradiction(format!("bucket {} was never given out", bucket.id.0));
        }
        if self.buckets.iter().zip(self.buckets.iter().skip(1)).any(|(older, newer)| older.end > newer.start) {
            return contradiction("two buckets overlap".to_owned());
        }
        if self.requests.deleted_to > self.requests.kept_from || self.requests.kept_from > self.applied + 1 {
            return contradiction("the table of requests is ahead of the log".to_owned());
        }
        Ok(())
    }

    fn load_newest<E>(
        &mut self,
        newest_chunk: &mut impl FnMut(BucketId, ShardNo) -> Result<Option<Vec<u8>>, E>,
    ) -> Result<(), LoadError<E>> {
        for shard in self.shards.values_mut() {
            for bucket in self.buckets.iter().rev() {
                let found = newest_chunk(bucket.id, shard.no).map_err(|reason| LoadError::NewestChunk {
                    shard: shard.no.0,
                    bucket: bucket.id.0,
                    reason,
                })?;
                let Some(key) = found else { continue };
                let decoded = ChunkKey::decode(&key).ok().filter(|decoded| decoded.shard == shard.no);
                let decoded = decoded.ok_or(LoadError::ForeignChunk { shard: shard.no.0, key })?;
                shard.newest = Some(Newest { last: decoded.last, arrival: decoded.arrival });
                break;
            }
        }
        Ok(())
    }
}

const fn known_version(key: RowKey) -> u8 {
    match key {
        RowKey::Group => GROUP_ROW_VERSION,
        RowKey::Policy => POLICY_ROW_VERSION,
        RowKey::Stream(_) => STREAM_ROW_VERSION,
        RowKey::Shard(_) => SHARD_ROW_VERSION,
        RowKey::Bucket(_) => BUCKET_ROW_VERSION,
        RowKey::Requests(_) => REQUESTS_ROW_VERSION,
        RowKey::Dropped(_) => DROPPED_ROW_VERSION,
    }
}

fn check_version<E>(key: &Bytes, row: &Bytes, known: u8) -> Result<(), LoadError<E>> {
    match row.first() {
        Some(found) if *found != known => Err(LoadError::Version { key: key.clone(), found: *found, known }),
        // An empty row is refused by its reader.
        Some(_) | None => Ok(()),
    }
}
