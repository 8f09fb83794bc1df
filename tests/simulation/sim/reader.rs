//! What readers do: they follow every shard, each call at whatever node.

use crate::client::{ANSWER_PATIENCE, World, context, sequence, stream};
use crate::history::digest;
use anabranch_api::{ErrorCode, GetRecords, GetRecordsOutput, GetShardIterator, IteratorStart, Kinesis, ShardIterator};
use anabranch_checker::{Event, Record};
use anabranch_types::{RequestId, SequenceNumber, ShardId};
use rand::Rng;
use rand::rngs::StdRng;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const READ_EVERY_MS: std::ops::RangeInclusive<u64> = 20..=400;

/// Whether an answer reaches the newest record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AtTip {
    Yes,
    No,
}

/// One reader's place in one shard.
struct Place {
    shard: ShardId,
    last: Option<SequenceNumber>,
    iterator: Option<ShardIterator>,
    /// Those that took its place, once its end was read.
    children: Option<Vec<ShardId>>,
}

impl World {
    /// Follows every shard until it is told to stop.
    pub async fn follow(self, reader: usize, stop: Arc<AtomicBool>) {
        let mut rng = self.plan.random_for(&format!("reader {reader}"));
        let mut known: BTreeSet<ShardId> = (0..self.plan.shards).map(ShardId).collect();
        let mut places: Vec<Place> = known.iter().copied().map(Place::at_the_beginning).collect();
        while !stop.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_millis(rng.random_range(READ_EVERY_MS))).await;
            let nth = rng.random_range(0..places.len());
            self.read_on(&mut rng, reader, &mut places[nth]).await;
            if let Some(children) = places[nth].children.take() {
                places.swap_remove(nth);
                let new = children.into_iter().filter(|child| known.insert(*child));
                places.extend(new.map(Place::at_the_beginning));
            }
        }
    }

    /// Reads a shard from its oldest record to its newest. Asks until it is told.
    pub async fn scan(&self, reader: usize, shard: ShardId) {
        let mut rng = self.plan.random_for(&format!("scan of {shard}"));
        let mut place = Place::at_the_beginning(shard);
        while self.read_on(&mut rng, reader, &mut place).await != Some(AtTip::Yes) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Reads what comes next, and says whether that was all; none when the call failed.
    async fn read_on(&self, rng: &mut StdRng, reader: usize, place: &mut Place) -> Option<AtTip> {
        if place.iterator.is_none() {
            place.iterator = self.iterator(rng, place).await;
        }
        let iterator = place.iterator.clone()?;
        let (op, shard, after) = (self.history.next_op(), place.shard.0, place.last.map(sequence));
        self.history.tell(Event::Read { op, reader: reader as u64, shard, after });
        let (request, limit) = (RequestId(rng.random()), rng.random_range(1..=1_000));
        let read = self.any_door(rng).call(ANSWER_PATIENCE, move |serving| async move {
            let request_context = context(&serving, request);
            let wait_max = Duration::ZERO;
            let get = GetRecords { iterator, limit: Some(limit), stream_arn: None, bytes_max: None, wait_max };
            serving.gateway.get_records(&request_context, get).await.map_err(|error| error.code)
        });
        match read.await {
            Ok(Ok(output)) => {
                let (tip, ended) = (output.millis_behind_latest == 0, output.next.is_none());
                let records = place.advance(output);
                tracing::debug!(reader, %shard, records = records.len(), "read");
                self.history.tell(Event::Seen { op, records, tip, ended });
                Some(if tip { AtTip::Yes } else { AtTip::No })
            }
            Ok(Err(ErrorCode::ExpiredIterator)) => {
                place.iterator = None;
                None
            }
            Ok(Err(_)) | Err(_) => None,
        }
    }

    async fn iterator(&self, rng: &mut StdRng, place: &Place) -> Option<ShardIterator> {
        let (request, shard) = (RequestId(rng.random()), place.shard.to_string());
        let start = place.last.map_or(IteratorStart::TrimHorizon, IteratorStart::AfterSequenceNumber);
        let located = self.any_door(rng).call(ANSWER_PATIENCE, move |serving| async move {
            let request_context = context(&serving, request);
            let get = GetShardIterator { stream: stream(), shard, start };
            serving.gateway.get_shard_iterator(&request_context, get).await
        });
        located.await.ok()?.ok()
    }
}

impl Place {
    fn at_the_beginning(shard: ShardId) -> Self {
        Place { shard, last: None, iterator: None, children: None }
    }

    /// Goes on behind what was answered, which is told as a client understands it.
    fn advance(&mut self, output: GetRecordsOutput) -> Vec<Record> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let seen = output.records.iter().map(|record| Record {
            sequence: sequence(record.sequence_number),
            // A record that no put's number begins is of no put.
            op: text(&record.data).split('-').next().and_then(|op| op.parse().ok()).unwrap_or(u64::MAX),
            key: text(&record.partition_key),
            digest: digest(&record.data),
            arrival_ms: record.arrival.as_millis(),
        });
        let seen = seen.collect();
        self.last = output.records.last().map(|record| record.sequence_number).or(self.last);
        self.iterator = output.next;
        if self.iterator.is_none() {
            self.children = Some(output.child_shards.iter().map(|child| child.id).collect());
        }
        seen
    }
}
