//! What clients do: they make a stream, write to it and read it, each call at whatever node.

use crate::door::{Door, Unanswered};
use crate::history::{Fate, History};
use crate::node::Serving;
use crate::plan::Plan;
use anabranch_api::{
    ApiError, CreateStream, ErrorCode, Kinesis, Principal, PutEntry, PutRecords, PutRecordsOutput, RequestContext,
    StreamSelector,
};
use anabranch_types::{AccountId, HashKey, PartitionKey, Region, RequestId, StreamName};
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

/// The one stream of a run.
pub fn stream() -> StreamSelector {
    StreamSelector::by_name(stream_name())
}

fn stream_name() -> StreamName {
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
                let create = CreateStream { name: stream_name(), shard_count };
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
        let mut made = 0;
        while !stop.load(Ordering::Relaxed) {
            let rest_ms = rng.random_range(1..=self.plan.rest_max.as_millis() as u64);
            tokio::time::sleep(Duration::from_millis(rest_ms)).await;
            let count = rng.random_range(1..=self.plan.records_max);
            let records: Vec<(String, String)> = (0..count)
                .map(|_| {
                    made += 1;
                    let key = format!("p{producer}-k{}", rng.random_range(0..self.plan.keys));
                    (key, self.text(&mut rng, format!("p{producer}-{made}-")))
                })
                .collect();
            self.put(&mut rng, producer, records, None).await;
        }
    }

    fn text(&self, rng: &mut StdRng, begin: String) -> String {
        let bytes = rng.random_range(begin.len()..=begin.len().max(self.plan.record_bytes_max));
        format!("{begin:x<bytes$}")
    }

    /// One call, noted; whether all of it was acknowledged. `hash_key` routes all records.
    pub async fn put(
        &self,
        rng: &mut StdRng,
        producer: usize,
        records: Vec<(String, String)>,
        hash_key: Option<HashKey>,
    ) -> bool {
        let (request, count) = (RequestId(rng.random()), records.len());
        let places = self.history.begin_put(producer, &records);
        let entries: Vec<PutEntry> = records.into_iter().map(|record| entry(record, hash_key)).collect();
        let put = self.any_door(rng).call(ANSWER_PATIENCE, move |serving| async move {
            let request_context = context(&serving, request);
            serving.gateway.put_records(&request_context, PutRecords { stream: stream(), entries }).await
        });
        let fates = fates(put.await, count);
        tracing::debug!(producer, count, fates = %summary(&fates), "put");
        self.history.end_put(places, &fates);
        fates.iter().all(|fate| matches!(fate, Fate::Stored { .. }))
    }
}

fn entry((key, text): (String, String), explicit_hash_key: Option<HashKey>) -> PutEntry {
    let partition_key = PartitionKey::new(key).expect("a short key");
    PutEntry { data: Bytes::from(text), partition_key, explicit_hash_key }
}

fn fates(answer: Result<Result<PutRecordsOutput, ApiError>, Unanswered>, count: usize) -> Vec<Fate> {
    match answer {
        Err(Unanswered::NotSent) => vec![Fate::NotStored; count],
        Err(Unanswered::Unknown) | Ok(Err(_)) => vec![Fate::Unknown; count],
        Ok(Ok(output)) => output
            .results
            .into_iter()
            .map(|result| match result {
                Ok(stored) => Fate::Stored { shard: stored.shard, sequence_number: stored.sequence_number },
                Err(error) if error.code == ErrorCode::ProvisionedThroughputExceeded => Fate::NotStored,
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
