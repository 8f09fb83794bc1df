//! What clients do: they make a stream, write to it and read it, each call at whatever node. They live on a
//! host of their own.

use crate::door::{Door, Unanswered};
use crate::history::{History, digest};
use crate::node::Serving;
use crate::plan::Plan;
use anabranch_api::{
    ApiError, CreateStream, ErrorCode, Kinesis, Principal, PutEntry, PutRecords, PutRecordsOutput, RequestContext,
    StreamSelector,
};
use anabranch_checker::{Event, Sequence};
use anabranch_types::{AccountId, HashKey, PartitionKey, Region, RequestId, SequenceNumber, ShardId, StreamName, Tags};
use bytes::Bytes;
use rand::Rng;
use rand::rngs::StdRng;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long a client waits for an answer.
pub const ANSWER_PATIENCE: Duration = Duration::from_secs(12);
/// How long the node may take for it.
const CALL_PATIENCE: Duration = Duration::from_secs(10);

/// What every client knows.
#[derive(Clone)]
pub struct World {
    pub plan: Arc<Plan>,
    pub doors: Vec<Door>,
    pub history: History,
}

/// A record to be written. Its text begins with the number of its put.
struct Record {
    op: u64,
    key: String,
    text: String,
}

/// What became of a record.
enum Fate {
    /// Acknowledged.
    Stored { shard: ShardId, sequence: Sequence },
    /// It may be stored.
    Unknown,
    /// It is certainly not stored.
    NotStored,
}

/// The one stream of a run.
pub fn stream() -> StreamSelector {
    StreamSelector::by_name(stream_name())
}

/// Its name.
pub fn stream_name() -> StreamName {
    StreamName::new("orders").expect("a valid name")
}

/// A client's call at the node that serves it.
pub fn context(serving: &Serving, request: RequestId) -> RequestContext {
    RequestContext {
        request_id: request,
        principal: Principal { access_key: Arc::from("simulated") },
        account: AccountId::DEFAULT,
        region: Region::parse("eu-west-1").expect("a region"),
        deadline: serving.env.clock.monotonic() + CALL_PATIENCE,
    }
}

impl World {
    /// The door of a node, whichever.
    pub fn any_door(&self, rng: &mut StdRng) -> &Door {
        &self.doors[rng.random_range(0..self.doors.len())]
    }

    /// Makes the stream, asking until it is there.
    pub async fn create_stream(&self) {
        let mut rng = self.plan.random_for("create stream");
        let shard_count = NonZeroU32::new(self.plan.shards).expect("one at least");
        loop {
            let request = RequestId(rng.random());
            let created = self.any_door(&mut rng).call(ANSWER_PATIENCE, move |serving| async move {
                let request_context = context(&serving, request);
                let create = CreateStream { name: stream_name(), shard_count, tags: Tags::new() };
                serving.gateway.create_stream(&request_context, create).await.map_err(|error| error.code)
            });
            match created.await {
                Ok(Ok(()) | Err(ErrorCode::ResourceInUse)) => return,
                other => tracing::info!(?other, "the stream is not made yet"),
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    /// Writes until it is told to stop.
    pub async fn produce(self, producer: usize, stop: Arc<AtomicBool>) {
        let mut rng = self.plan.random_for(&format!("producer {producer}"));
        while !stop.load(Ordering::Relaxed) {
            let rest_ms = rng.random_range(1..=self.plan.rest_max.as_millis() as u64);
            tokio::time::sleep(Duration::from_millis(rest_ms)).await;
            let count = rng.random_range(1..=self.plan.records_max);
            let keys = (0..count).map(|_| format!("p{producer}-k{}", rng.random_range(0..self.plan.keys))).collect();
            self.put(&mut rng, producer, keys, None).await;
        }
    }

    /// One call with a record for each of `keys`; whether all of it was acknowledged. `hash_key` routes all
    /// records.
    pub async fn put(&self, rng: &mut StdRng, producer: usize, keys: Vec<String>, hash_key: Option<HashKey>) -> bool {
        let request = RequestId(rng.random());
        let records: Vec<Record> = keys.into_iter().map(|key| self.record(rng, key)).collect();
        for Record { op, key, text } in &records {
            let (client, key, digest) = (producer as u64, key.clone(), digest(text.as_bytes()));
            self.history.tell(Event::Put { op: *op, client, key, digest });
        }
        let entries: Vec<PutEntry> = records.iter().map(|record| entry(record, hash_key)).collect();
        let put = self.any_door(rng).call(ANSWER_PATIENCE, move |serving| async move {
            let request_context = context(&serving, request);
            serving.gateway.put_records(&request_context, PutRecords { stream: stream(), entries }).await
        });
        let fates = fates(put.await, records.len());
        tracing::debug!(producer, count = records.len(), fates = %summary(&fates), "put");
        let all_stored = fates.iter().all(|fate| matches!(fate, Fate::Stored { .. }));
        for (Record { op, .. }, fate) in records.into_iter().zip(fates) {
            self.history.tell(match fate {
                Fate::Stored { shard, sequence } => Event::Stored { op, shard: shard.0, sequence },
                Fate::Unknown => Event::Unknown { op },
                Fate::NotStored => Event::Refused { op },
            });
        }
        all_stored
    }

    fn record(&self, rng: &mut StdRng, key: String) -> Record {
        let op = self.history.next_op();
        let begin = format!("{op}-");
        let bytes = rng.random_range(begin.len()..=begin.len().max(self.plan.record_bytes_max));
        Record { op, key, text: format!("{begin:x<bytes$}") }
    }
}

fn entry(record: &Record, explicit_hash_key: Option<HashKey>) -> PutEntry {
    let partition_key = PartitionKey::new(record.key.clone()).expect("a short key");
    PutEntry { data: Bytes::from(record.text.clone()), partition_key, explicit_hash_key }
}

/// As clients see it: a text of digits.
pub fn sequence(number: SequenceNumber) -> Sequence {
    number.to_string().parse().expect("a decimal number")
}

fn fates(answer: Result<Result<PutRecordsOutput, ApiError>, Unanswered>, count: usize) -> Vec<Fate> {
    match answer {
        Err(Unanswered::NotSent) => (0..count).map(|_| Fate::NotStored).collect(),
        Err(Unanswered::Unknown) | Ok(Err(_)) => (0..count).map(|_| Fate::Unknown).collect(),
        Ok(Ok(output)) => output
            .results
            .into_iter()
            .map(|result| match result {
                Ok(stored) => Fate::Stored { shard: stored.shard, sequence: sequence(stored.sequence_number) },
                // Certainly not written: by a shard's limit, or because nobody was there to do it.
                Err(error)
                    if [ErrorCode::ProvisionedThroughputExceeded, ErrorCode::ServiceUnavailable]
                        .contains(&error.code) =>
                {
                    Fate::NotStored
                }
                Err(_) => Fate::Unknown,
            })
            .collect(),
    }
}

/// As many letters as records.
fn summary(fates: &[Fate]) -> String {
    let letter = |fate: &Fate| match fate {
        Fate::Stored { .. } => 's',
        Fate::Unknown => '?',
        Fate::NotStored => '-',
    };
    fates.iter().map(letter).collect()
}
