//! Finds where an AT_TIMESTAMP iterator starts, by asking storage for single keys.
//!
//! The arrival is in every chunk's key and never goes back within a shard, so bisecting over
//! counters works: about twenty seeks for a bucket of a million entries.

use crate::bucket::BucketId;
use crate::chunk_key::{ChunkKey, ShardNo};
use crate::codec::Malformed;
use crate::group_state::GroupState;
use crate::read_plan::ReadStep;
use anabranch_types::{Counter, Timestamp};
use std::collections::VecDeque;

/// A search in progress: answer each [`probe`](Self::probe) through [`found`](Self::found)
/// until there is none, then take the [`result`](Self::result).
#[derive(Debug, Clone)]
pub struct TimeSearch {
    shard: ShardNo,
    at: Timestamp,
    /// Those that are left, oldest first; the first is being searched.
    stretches: VecDeque<Stretch>,
    /// Where nothing arrived at or after the time.
    otherwise: Counter,
}

/// The start lies within `low..=high`; at `high` if nothing below arrived in time.
#[derive(Debug, Clone, Copy)]
struct Stretch {
    bucket: BucketId,
    low: u64,
    high: u64,
    /// Whether a chunk that arrived in time was seen.
    hit: bool,
}

impl TimeSearch {
    /// Asks for the first chunk key of this range; none when the search is over.
    pub fn probe(&self) -> Option<ReadStep> {
        let stretch = self.stretches.front().filter(|stretch| stretch.low < stretch.high)?;
        Some(ReadStep {
            bucket: stretch.bucket,
            from: ChunkKey::seek(self.shard, stretch.middle()),
            to: ChunkKey::end_of(self.shard),
        })
    }

    /// Takes the first key at or after the probe, or that there is none.
    ///
    /// # Errors
    /// [`Malformed`] when `key` is no chunk's key of the shard; the search stays as it was.
    pub fn found(&mut self, key: Option<&[u8]>) -> Result<(), Malformed> {
        let Some(stretch) = self.stretches.front_mut() else {
            return Ok(());
        };
        let middle = stretch.middle().bits();
        match key.map(ChunkKey::decode).transpose()? {
            Some(key) if key.shard != self.shard || key.last.bits() < middle => {
                return Err(Malformed { what: "chunk key of the shard", at: 0 });
            }
            Some(key) if key.arrival < self.at => stretch.low = key.last.next().bits().min(stretch.high),
            Some(_) => (stretch.high, stretch.hit) = (middle, true),
            None => stretch.high = middle,
        }
        if stretch.low >= stretch.high && !stretch.hit {
            self.stretches.pop_front();
        }
        Ok(())
    }

    /// At or below the first record that arrived at or after the time, above every earlier one;
    /// LATEST when there is no such record.
    pub fn result(&self) -> Counter {
        match self.stretches.front() {
            Some(stretch) => Counter::from_bits(stretch.low).expect("bounds of a bucket have 63 bits"),
            None => self.otherwise,
        }
    }
}

impl Stretch {
    /// Between the bounds, at the beginning of a log entry where one lies between: an entry's
    /// chunks of a shard share their arrival.
    fn middle(&self) -> Counter {
        let middle = (self.low + (self.high - self.low) / 2) & !0xffff;
        Counter::from_bits(middle.max(self.low)).expect("bounds of a bucket have 63 bits")
    }
}

impl GroupState {
    /// Begins the search for the first record of `shard` that arrived at or after `at` and is
    /// visible; none when the group has no such shard.
    pub fn time_search(&self, shard: ShardNo, at: Timestamp) -> Option<TimeSearch> {
        let at = at.max(self.visible_from(self.shard_by_no(shard)?));
        let otherwise = self.latest();
        let stretches = self
            .buckets()
            .filter(|bucket| bucket.last_arrival >= at)
            .map(|bucket| Stretch {
                bucket: bucket.id,
                low: bucket.start.bits(),
                high: bucket.end.min(otherwise).bits(),
                hit: false,
            })
            .collect();
        Some(TimeSearch { shard, at, stretches, otherwise })
    }
}
