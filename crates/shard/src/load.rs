//! Brings a group's state back from its rows, as it was when they were written.

use crate::bucket::BucketId;
use crate::bucket::{BUCKET_ROW_VERSION, Bucket, Newest};
use crate::chunk_key::{ChunkKey, ShardNo};
use crate::codec::{Malformed, Reader};
use crate::drop_stream::{DROPPED_MAX, DROPPED_ROW_VERSION};
use crate::group_row::GROUP_ROW_VERSION;
use crate::group_state::GroupState;
use crate::init::POLICY_ROW_VERSION;
use crate::policy::Policy;
use crate::requests::REQUESTS_ROW_VERSION;
use crate::row_key::RowKey;
use crate::set_retention::check_retention;
use crate::shard::{SHARD_ROW_VERSION, Shard};
use crate::stream::{STREAM_ROW_VERSION, Stream};
use anabranch_types::Counter;
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};

/// Shards and buckets are numbered in 32 bits. A group that came so far has no future worth loading; below it, apply
/// never lacks a number.
const NUMBERS_MAX: u32 = u32::MAX - (1 << 16);

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
            RowKey::Bucket(id) => {
                let refusal = reader.malformed("bucket of this key");
                let bucket = Bucket::read(&mut reader)?;
                reader.end("bucket row")?;
                self.buckets.closed.push_back(if bucket.id == id { bucket } else { return Err(refusal) });
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
        if self.next_shard > NUMBERS_MAX || self.buckets.next > NUMBERS_MAX {
            return contradiction("no number for another shard or bucket is left".to_owned());
        }
        match self.wrong_bucket().or_else(|| self.wrong_stream()).or_else(|| self.wrong_log_index()) {
            Some(what) => contradiction(what),
            None => Ok(()),
        }
    }

    /// At or above the counters of all that was applied.
    fn counters_end(&self) -> Counter {
        Counter::new(self.generation, self.applied + 1, 0)
    }

    fn wrong_bucket(&self) -> Option<String> {
        if self.policy.is_none() && self.buckets.iter().next().is_some() {
            return Some("there are buckets and no policy".to_owned());
        }
        if let Some(bucket) = self.buckets.iter().find(|bucket| bucket.id.0 >= self.buckets.next) {
            return Some(format!("bucket {} was never given out", bucket.id.0));
        }
        let mut following = self.buckets.iter().zip(self.buckets.iter().skip(1));
        if following.any(|(older, newer)| older.end > newer.start || older.id >= newer.id) {
            return Some("two buckets overlap".to_owned());
        }
        let wrong = |bucket: &&Bucket| {
            let is_open = self.buckets.open.is_some_and(|open| open.id == bucket.id);
            let ends = if is_open { bucket.end == Counter::END } else { bucket.end <= self.counters_end() };
            // A bucket is made for a chunk.
            !ends || bucket.start >= bucket.end.min(self.counters_end()) || bucket.first_arrival > bucket.last_arrival
        };
        let wrong = self.buckets.iter().find(wrong)?;
        Some(format!("bucket {} holds what no entry can have put there", wrong.id.0))
    }

    fn wrong_stream(&self) -> Option<String> {
        let too_long = |stream: &&Stream| check_retention(self, stream.retention).is_err();
        if let Some(stream) = self.streams.values().find(too_long) {
            return Some(format!("stream {} keeps records longer than any may", stream.uid));
        }
        let mut dropped = BTreeSet::new();
        let twice = self.dropped.iter().find(|(_, uid)| !dropped.insert(*uid) || self.streams.contains_key(uid));
        if let Some((_, uid)) = twice {
            return Some(format!("stream {uid} was dropped and is there, or was dropped twice"));
        }
        (dropped.len() > DROPPED_MAX).then(|| "more streams were dropped than are remembered".to_owned())
    }

    /// Rows of entries that were not applied, and requests that are remembered twice.
    fn wrong_log_index(&self) -> Option<String> {
        let newest = self.requests.rows().map(|(log_index, _)| log_index).last();
        let newest = newest.max(self.dropped.iter().map(|(log_index, _)| *log_index).last());
        if let Some(log_index) = newest.filter(|newest| *newest > self.applied) {
            return Some(format!("a row is of entry {log_index}, {} were applied", self.applied));
        }
        if self.requests.deleted_to > self.requests.kept_from || self.requests.kept_from > self.applied + 1 {
            return Some("the table of requests is ahead of the log".to_owned());
        }
        let remembered = self.requests.remembered();
        (remembered != self.requests.len()).then(|| "a request is remembered twice".to_owned())
    }

    fn load_newest<E>(
        &mut self,
        newest_chunk: &mut impl FnMut(BucketId, ShardNo) -> Result<Option<Vec<u8>>, E>,
    ) -> Result<(), LoadError<E>> {
        let end = self.counters_end();
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
                let counters = bucket.start..bucket.end.min(end);
                let arrivals = bucket.first_arrival..=bucket.last_arrival;
                if !counters.contains(&decoded.last) || !arrivals.contains(&decoded.arrival) {
                    let what = format!("newest chunk of shard number {} in bucket {}", shard.no.0, bucket.id.0);
                    return Err(LoadError::Contradiction { what: format!("{what} is of no entry that put into it") });
                }
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
        Some(found) if !(1..=known).contains(found) => {
            Err(LoadError::Version { key: key.clone(), found: *found, known })
        }
        // An empty row is refused by its reader.
        Some(_) | None => Ok(()),
    }
}
