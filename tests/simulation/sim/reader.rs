//! What readers do: they follow every shard, each call at whatever node.

use crate::client::{ANSWER_PATIENCE, World, context, stream};
use crate::history::{Read, Seen};
use anabranch_api::{ErrorCode, GetRecords, GetRecordsOutput, GetShardIterator, IteratorStart, Kinesis, ShardIterator};
use anabranch_types::{RequestId, SequenceNumber, ShardId};
use rand::Rng;
use rand::rngs::StdRng;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const READ_EVERY_MS: std::ops::RangeInclusive<u64> = 20..=400;

/// One reader's place in one shard.
struct Place {
    shard: ShardId,
    last: Option<SequenceNumber>,
    iterator: Option<ShardIterator>,
}

impl World {
    /// Follows every shard until it is told to stop.
    pub async fn follow(self, reader: usize, stop: Arc<AtomicBool>) {
        let mut rng = self.plan.random_for(&format!("reader {reader}"));
        let mut places: Vec<Place> = (0..self.plan.shards).map(Place::at_the_beginning).collect();
        while !stop.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_millis(rng.random_range(READ_EVERY_MS))).await;
            let nth = rng.random_range(0..places.len());
            self.read_on(&mut rng, reader, &mut places[nth]).await;
        }
    }

    /// Everything that is in a shard, by its number. Asks until it is told.
    pub async fn scan(&self, shard: ShardId) -> Vec<Seen> {
        let mut rng = self.plan.random_for(&format!("scan of {shard}"));
        let (mut place, mut all) = (Place::at_the_beginning(shard.0), Vec::new());
        loop {
            match self.read(&mut rng, &mut place).await {
                Some((records, behind_ms)) => {
                    let is_end = records.is_empty() && behind_ms == 0;
                    all.extend(records);
                    if is_end {
                        return all;
                    }
                }
                None => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    }

    async fn read_on(&self, rng: &mut StdRng, reader: usize, place: &mut Place) {
        if let Some((records, _)) = self.read(rng, place).await.filter(|(records, _)| !records.is_empty()) {
            tracing::debug!(reader, shard = %place.shard, records = records.len(), "read");
            self.history.read(Read { reader, shard: place.shard, records });
        }
    }

    /// The next records of the place and how far it is behind; none when the call failed.
    async fn read(&self, rng: &mut StdRng, place: &mut Place) -> Option<(Vec<Seen>, u64)> {
        if place.iterator.is_none() {
            place.iterator = self.iterator(rng, place).await;
        }
        let iterator = place.iterator.clone()?;
        let (request, limit) = (RequestId(rng.random()), rng.random_range(1..=1_000));
        let read = self.any_door(rng).call(ANSWER_PATIENCE, move |serving| async move {
            let request_context = context(&serving, request);
            let wait_max = Duration::ZERO;
            let get = GetRecords { iterator, limit: Some(limit), stream_arn: None, bytes_max: None, wait_max };
            serving.gateway.get_records(&request_context, get).await.map_err(|error| error.code)
        });
        match read.await {
            Ok(Ok(output)) => Some(place.advance(output)),
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
    fn at_the_beginning(shard: u32) -> Self {
        Place { shard: ShardId(shard), last: None, iterator: None }
    }

    fn advance(&mut self, output: GetRecordsOutput) -> (Vec<Seen>, u64) {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let seen = output.records.iter().map(|record| Seen {
            sequence_number: record.sequence_number,
            key: text(&record.partition_key),
            text: text(&record.data),
        });
        let seen: Vec<Seen> = seen.collect();
        self.last = seen.last().map(|record| record.sequence_number).or(self.last);
        self.iterator = output.next;
        (seen, output.millis_behind_latest)
    }
}
