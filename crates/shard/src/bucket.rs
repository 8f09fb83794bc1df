//! Time buckets: what storage drops as a whole when everything in it has expired (D4).
//!
//! Buckets follow each other without gap in the log, so the oldest one is dropped first. When
//! one is rolled or dropped is decided here, from the log alone.

use crate::chunk_key::{ChunkKey, counter};
use crate::codec::{Malformed, Reader, Writer};
use crate::effects::{Effects, Mutation};
use crate::policy::Policy;
use crate::row_key::RowKey;
use crate::stream::Stream;
use anabranch_types::{Counter, StreamUid, Timestamp};
use bytes::{BufMut, Bytes};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// A bucket of the group; never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BucketId(pub u32);

/// No disk takes more, so no bucket has it; far from where sums of it end.
const CHUNK_BYTES_SUM_MAX: u64 = 1 << 60;

/// The chunks of a stretch of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// Which.
    pub id: BucketId,
    /// At or below the counter of every record in it.
    pub start: Counter,
    /// Above the counter of every record in it; [`Counter::END`] while it is open.
    pub end: Counter,
    /// The time of the entry that opened it; what its span counts from.
    pub opened: Timestamp,
    /// The earliest arrival of a record in it.
    pub first_arrival: Timestamp,
    /// The latest arrival of a record in it.
    pub last_arrival: Timestamp,
    /// Bytes of its chunks.
    pub chunk_bytes: u64,
}

impl Bucket {
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.put_u32(self.id.0);
        out.put_u64(self.start.bits());
        out.put_u64(self.end.bits());
        out.timestamp(self.opened);
        out.timestamp(self.first_arrival);
        out.timestamp(self.last_arrival);
        out.put_u64(self.chunk_bytes);
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let refusal = reader.malformed("bucket bytes");
        let bucket = Bucket {
            id: BucketId(reader.u32("bucket")?),
            start: counter(reader, "bucket start")?,
            end: counter(reader, "bucket end")?,
            opened: reader.timestamp("bucket opened")?,
            first_arrival: reader.timestamp("first arrival")?,
            last_arrival: reader.timestamp("last arrival")?,
            chunk_bytes: reader.u64("bucket bytes")?,
        };
        if bucket.chunk_bytes > CHUNK_BYTES_SUM_MAX { Err(refusal) } else { Ok(bucket) }
    }

    /// Whether it is `span` old. A clock that ran back by a whole span also ends a bucket: it could
    /// stay open for years.
    fn is_aged(&self, now: Timestamp, span: Duration) -> bool {
        let distance_ms = now.millis_since(self.opened).max(self.opened.millis_since(now));
        u128::from(distance_ms) >= span.as_millis()
    }
}

/// The group's buckets; `open` is the newest and the only one that takes chunks.
#[derive(Debug, Clone, Default)]
pub(crate) struct Buckets {
    /// Oldest first.
    pub(crate) closed: VecDeque<Bucket>,
    pub(crate) open: Option<Bucket>,
    pub(crate) next: u32,
}

impl Buckets {
    /// Oldest first.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &Bucket> {
        self.closed.iter().chain(&self.open)
    }

    /// Makes sure that a bucket is open which may take the chunks of the entry whose counters
    /// begin with `start`. `keeping` is what [`Buckets::close_aged`] needs.
    pub(crate) fn open_for(&mut self, start: Counter, now: Timestamp, keeping: Keeping<'_>, effects: &mut Effects) {
        if self.open.is_some_and(|open| open.chunk_bytes >= keeping.policy.bucket_bytes) {
            self.close(start, effects);
        }
        self.close_aged(start, now, keeping, effects);
        if self.open.is_none() {
            let id = BucketId(self.next);
            self.next = self.next.checked_add(1).expect("490,000 years of hourly buckets");
            effects.mutations.push(Mutation::CreateBucket(id));
            self.open = Some(Bucket {
                id,
                start,
                end: Counter::END,
                opened: now,
                first_arrival: Timestamp::from_millis(u64::MAX),
                last_arrival: Timestamp::EPOCH,
                chunk_bytes: 0,
            });
        }
    }

    /// Puts a chunk into the open bucket.
    ///
    /// # Panics
    /// When none is open: the caller opened one for this entry.
    pub(crate) fn put(&mut self, key: ChunkKey, value: Bytes, effects: &mut Effects) {
        let open = self.open.as_mut().expect("opened for this entry");
        open.first_arrival = open.first_arrival.min(key.arrival);
        open.last_arrival = open.last_arrival.max(key.arrival);
        open.chunk_bytes += value.len() as u64;
        effects.mutations.push(Mutation::PutChunk { bucket: open.id, key: key.encode(), value });
    }

    /// Closes the open bucket when its span is over; its records lie below `end`.
    pub(crate) fn close_aged(&mut self, end: Counter, now: Timestamp, keeping: Keeping<'_>, effects: &mut Effects) {
        // Most are not even as old as the shortest span: only for the others the streams are asked.
        let aged = |open: &Bucket| {
            open.is_aged(now, keeping.policy.bucket_span)
                && open.is_aged(now, keeping.policy.span_for(keeping.kept_for()))
        };
        if self.open.as_ref().is_some_and(aged) {
            self.close(end, effects);
        }
    }

    fn close(&mut self, end: Counter, effects: &mut Effects) {
        if let Some(mut bucket) = self.open.take() {
            bucket.end = end;
            effects.put_row(RowKey::Bucket(bucket.id).encode(), closed_row(&bucket));
            self.closed.push_back(bucket);
        }
    }

    /// Drops the closed buckets, oldest first, whose newest record arrived before `horizon`.
    pub(crate) fn drop_before(&mut self, horizon: Timestamp, effects: &mut Effects) -> Vec<Bucket> {
        let mut dropped = Vec::new();
        while let Some(bucket) = self.closed.pop_front_if(|bucket| bucket.last_arrival < horizon) {
            effects.mutations.push(Mutation::DropBucket(bucket.id));
            effects.delete_row(RowKey::Bucket(bucket.id).encode());
            dropped.push(bucket);
        }
        dropped
    }
}

/// What says how long a group keeps its records.
#[derive(Clone, Copy)]
pub(crate) struct Keeping<'a> {
    pub(crate) policy: &'a Policy,
    pub(crate) streams: &'a BTreeMap<StreamUid, Stream>,
}

impl Keeping<'_> {
    /// Nothing younger is dropped: the longest retention of the streams, at least the policy's.
    pub(crate) fn kept_for(&self) -> Duration {
        let longest = self.streams.values().map(|stream| stream.retention).max().unwrap_or_default();
        longest.max(self.policy.retention_max)
    }
}

/// The newest version of a closed bucket's row.
pub(crate) const BUCKET_ROW_VERSION: u8 = 1;

pub(crate) fn closed_row(bucket: &Bucket) -> Vec<u8> {
    let mut row = vec![BUCKET_ROW_VERSION];
    bucket.write(&mut row);
    row
}

/// The newest record of a shard that storage still holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Newest {
    /// Its counter.
    pub last: Counter,
    /// When it arrived.
    pub arrival: Timestamp,
}
