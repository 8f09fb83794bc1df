//! Produce streams: order, credits, failures and ends.

use crate::fake::{Fake, stored};
use crate::net::Link;
use crate::world::{World, account, details, entry, orders};
use anabranch_api::{ApiError, ErrorCode, PutRecords, PutRecordsOutput, PutResult};
use anabranch_aws_api::Verification;
use anabranch_grpc_api::{GrpcLimits, GrpcOptions};
use anabranch_proto::v1::produce_request::Step;
use anabranch_proto::v1::records_client::RecordsClient;
use anabranch_proto::v1::*;
use futures::stream;
use futures::{FutureExt, StreamExt};
use http::uri::PathAndQuery;
use prost::Message;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use tonic::client::Grpc;
use tonic::{Code, Request, Status, Streaming};
use tonic_prost::ProstCodec;

/// A client's side of a stream.
struct Producer {
    says: mpsc::Sender<ProduceRequest>,
    hears: Streaming<ProduceResponse>,
    /// Granted so far, less what was sent: records, bytes.
    credits: (i64, i64),
    heard: VecDeque<ProduceResponse>,
}

fn said(step: Step) -> ProduceRequest {
    ProduceRequest { step: Some(step) }
}

fn opening() -> ProduceRequest {
    said(Step::Open(ProduceOpen { stream: orders(), record_timeout: None }))
}

fn batch(batch: u64, records: &[(u64, &str)]) -> ProduceRequest {
    let record = |(number, key): &(u64, &str)| ProduceRecord { number: *number, entry: Some(entry(key, "data")) };
    said(Step::Batch(ProduceBatch { batch, records: records.iter().map(record).collect() }))
}

fn acknowledge(number: u64) -> ProduceRequest {
    said(Step::AcknowledgeFailure(AcknowledgeFailure { number }))
}

impl Producer {
    async fn begin(link: Link, first: ProduceRequest) -> Producer {
        let (says, said) = mpsc::channel(100);
        says.send(first).await.expect("room");
        let messages = stream::unfold(said, |mut said| async { said.recv().await.map(|message| (message, said)) });
        let mut client = RecordsClient::new(link).max_decoding_message_size(64 << 20);
        let hears = client.produce(messages).await.expect("the head of the answer").into_inner();
        Producer { says, hears, credits: (0, 0), heard: VecDeque::new() }
    }

    /// Opened, with its first credits.
    async fn open(link: Link) -> Producer {
        let mut producer = Producer::begin(link, opening()).await;
        let first = producer.hear().await.expect("credits");
        assert!(first.stored.is_empty() && first.failed.is_empty());
        producer
    }

    async fn say(&self, message: ProduceRequest) {
        self.says.send(message).await.expect("the stream is open");
    }

    async fn hear(&mut self) -> Result<ProduceResponse, Status> {
        let message = self.hears.message().await?.expect("not over");
        if let Some(credits) = &message.credits {
            self.credits.0 += credits.records as i64;
            self.credits.1 += credits.bytes as i64;
        }
        Ok(message)
    }

    /// Answers until there are `count`: number and what became of it.
    async fn answers(&mut self, count: usize) -> Vec<(u64, String)> {
        let mut answers = Vec::new();
        while answers.len() < count {
            let message = self.hear().await.expect("an answer");
            answers.extend(message.stored.iter().map(|stored| (stored.number, "stored".to_owned())));
            answers.extend(message.failed.iter().map(|failed| {
                let code = failed.error.as_ref().expect("an error").code.clone();
                (failed.number, failed.blocked_by.map_or(code.clone(), |by| format!("{code} {by}")))
            }));
            self.heard.push_back(message);
        }
        answers
    }

    /// The status that ends the stream.
    async fn end(mut self) -> Status {
        loop {
            match self.hears.message().await {
                Ok(Some(_)) => {}
                Ok(None) => return Status::ok(""),
                Err(status) => return status,
            }
        }
    }
}

fn told(answers: &[(u64, &str)]) -> Vec<(u64, String)> {
    answers.iter().map(|(number, fate)| (*number, (*fate).to_owned())).collect()
}

/// What the service was asked to write, in order, as `key` and `data`.
type Written = Arc<Mutex<Vec<String>>>;

/// A service that takes everything but what `fate` refuses, and remembers the keys it took.
fn remember(fake: &Fake, fate: impl Fn(&str, usize) -> PutResult + Send + Sync + 'static) -> Written {
    let written = Written::default();
    let log = Arc::clone(&written);
    let fate = Arc::new(fate);
    fake.on_put(move |request: PutRecords| {
        let (log, fate) = (Arc::clone(&log), Arc::clone(&fate));
        async move {
            let mut log = log.lock().expect("nobody panicked");
            let result = |(nth, entry): (usize, &anabranch_api::PutEntry)| {
                let result = fate(entry.partition_key.as_str(), nth);
                if result.is_ok() {
                    log.push(entry.partition_key.as_str().to_owned());
                }
                result
            };
            Ok(PutRecordsOutput { results: request.entries.iter().enumerate().map(result).collect() })
        }
        .boxed()
    });
    written
}

fn throttled(millis: u64) -> ApiError {
    let error = ApiError::new(ErrorCode::ProvisionedThroughputExceeded, "slow down");
    error.with_retry_after(Duration::from_millis(millis))
}

/// A message of a client that is newer than this build.
#[derive(Clone, PartialEq, Message)]
struct Newer {
    #[prost(message, optional, tag = "1")]
    open: Option<ProduceOpen>,
    #[prost(message, optional, tag = "2")]
    batch: Option<ProduceBatch>,
    #[prost(bytes = "vec", tag = "15")]
    unknown: Vec<u8>,
}

#[tokio::test(start_paused = true)]
async fn what_came_of_fields_that_nobody_knows_is_given_back_too() {
    let world = World::open();
    let free = world.memory.free_bytes();
    let record = ProduceRecord { number: 1, entry: Some(entry("key", "data")) };
    let unknown = || vec![7; 100_000];
    let open = Some(ProduceOpen { stream: orders(), record_timeout: None });
    let messages = [
        Newer { open, batch: None, unknown: unknown() },
        Newer { open: None, batch: Some(ProduceBatch { batch: 1, records: vec![record] }), unknown: unknown() },
    ];
    // The client does not end its side, so that the stream stays.
    let said = stream::iter(messages).chain(stream::pending());
    let codec = ProstCodec::<Newer, ProduceResponse>::default();
    let mut client = Grpc::new(world.link().await);
    client.ready().await.expect("a connection");
    let path = PathAndQuery::from_static("/anabranch.v1.Records/Produce");
    let mut hears = client.streaming(Request::new(said), path, codec).await.expect("the head").into_inner();
    while hears.message().await.expect("no end").expect("an answer").finished_batches.is_empty() {}
    assert_eq!(world.memory.free_bytes(), free);
}

#[tokio::test(start_paused = true)]
async fn records_are_answered_with_shard_and_number_and_a_batch_when_it_is_whole() {
    let world = World::open();
    let mut producer = Producer::open(world.link().await).await;
    assert_eq!(producer.credits, (10_000, 4 << 20));
    producer.say(batch(1, &[(10, "a"), (11, "b"), (12, "a")])).await;
    let mut answers = producer.answers(3).await;
    answers.sort();
    assert_eq!(answers, told(&[(10, "stored"), (11, "stored"), (12, "stored")]));
    let last = producer.heard.back().expect("heard");
    assert_eq!((&last.finished_batches[..], &*last.stored[0].shard_id), (&[1][..], "shardId-000000000001"));
    assert!(last.stored[0].sequence_number.len() > 50);
    assert_eq!(producer.credits, (10_003, (4 << 20) + 15));
    let Producer { says, mut hears, .. } = producer;
    drop(says);
    assert!(hears.message().await.expect("it ends well").is_none());
}

#[tokio::test(start_paused = true)]
async fn records_of_a_key_keep_their_order_through_throttling() {
    let world = World::open();
    let calls = Mutex::new(0);
    // Each second call is refused from its second record on, as a shard's budget does.
    let written = remember(&world.fake, move |_, nth| {
        let mut calls = calls.lock().expect("nobody panicked");
        *calls += usize::from(nth == 0);
        if nth > 0 && *calls % 2 == 1 { Err(throttled(200)) } else { Ok(stored(1, 0)) }
    });
    let mut producer = Producer::open(world.link().await).await;
    for number in 0..20_u64 {
        producer.say(batch(number + 1, &[(number * 2 + 1, "a"), (number * 2 + 2, "a")])).await;
    }
    let answers = producer.answers(40).await;
    let numbers: Vec<u64> = answers.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, (1..=40).collect::<Vec<_>>(), "one key is answered in its order");
    assert!(answers.iter().all(|(_, fate)| fate == "stored"));
    assert_eq!(written.lock().expect("nobody panicked").len(), 40);
}

#[tokio::test(start_paused = true)]
async fn a_failure_blocks_its_key_and_no_other_until_it_is_acknowledged() {
    let world = World::open();
    let fails = Arc::new(Mutex::new(true));
    let failing = Arc::clone(&fails);
    remember(&world.fake, move |key, _| {
        let fails = key == "a" && *failing.lock().expect("nobody panicked");
        if fails { Err(ApiError::new(ErrorCode::InternalFailure, "broken")) } else { Ok(stored(1, 0)) }
    });
    let mut producer = Producer::open(world.link().await).await;
    producer.say(batch(1, &[(1, "a")])).await;
    assert_eq!(producer.answers(1).await, told(&[(1, "InternalFailure")]));
    assert_eq!(producer.credits.0, 10_000, "the record of the failure is kept");
    *fails.lock().expect("nobody panicked") = false;
    producer.say(batch(2, &[(2, "a"), (3, "b"), (4, "a")])).await;
    let mut answers = producer.answers(3).await;
    answers.sort();
    let blocked = "BlockedByEarlierFailure 1";
    assert_eq!(answers, told(&[(2, blocked), (3, "stored"), (4, blocked)]));
    producer.say(acknowledge(1)).await;
    producer.say(batch(3, &[(5, "a")])).await;
    assert_eq!(producer.answers(1).await, told(&[(5, "stored")]));
    assert_eq!(producer.credits.0, 10_005, "it came back with the acknowledgement");
}

#[tokio::test(start_paused = true)]
async fn throttling_beyond_a_records_time_is_its_failure() {
    let world = World::open();
    remember(&world.fake, |_, _| Err(throttled(300)));
    let timeout = Some(prost_types::Duration { seconds: 2, nanos: 0 });
    let first = said(Step::Open(ProduceOpen { stream: orders(), record_timeout: timeout }));
    let mut producer = Producer::begin(world.link().await, first).await;
    producer.hear().await.expect("credits");
    let begun = world.env.clock.monotonic();
    producer.say(batch(1, &[(1, "a")])).await;
    assert_eq!(producer.answers(1).await, told(&[(1, "ProvisionedThroughputExceededException")]));
    let error = producer.heard[0].failed[0].error.clone().expect("an error");
    assert_eq!(error.retry_after.map(|span| span.nanos), Some(300_000_000));
    let took = world.env.clock.monotonic() - begun;
    assert!((Duration::from_millis(1_700)..=Duration::from_secs(2)).contains(&took), "{took:?}");
    assert_eq!(world.fake.count("PutRecords"), 7);
}

#[tokio::test(start_paused = true)]
async fn a_record_that_breaks_a_rule_fails_alone_and_names_it() {
    let world = World::open();
    let mut producer = Producer::open(world.link().await).await;
    let large = PutEntry { data: vec![0; (1 << 20) + 1].into(), ..entry("large", "") };
    let odd = PutEntry { explicit_hash_key: Some("x".to_owned()), ..entry("odd", "") };
    let records = [entry("", ""), odd, large, entry("good", "")];
    let records = (1..).zip(records).map(|(number, entry)| ProduceRecord { number, entry: Some(entry) });
    producer.say(said(Step::Batch(ProduceBatch { batch: 1, records: records.collect() }))).await;
    let mut answers = producer.answers(4).await;
    answers.sort();
    let expected =
        [(1, "ValidationException"), (2, "InvalidArgumentException"), (3, "ValidationException"), (4, "stored")];
    assert_eq!(answers, told(&expected));
    let failed = producer.heard.iter().flat_map(|message| &message.failed);
    let mut fields: Vec<_> = failed.map(|failed| failed.error.clone().expect("an error").field).collect();
    fields.sort();
    let expected = [
        "batch.records[0].entry.partition_key",
        "batch.records[1].entry.explicit_hash_key",
        "batch.records[2].entry.data",
    ];
    assert_eq!(fields, expected);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_breaks_the_protocol_is_told_how() {
    let world = World::open();
    let good = batch(5, &[(5, "a")]);
    let absent = Some(StreamRef { by: Some(stream_ref::By::Name("absent".to_owned())) });
    let long = Some(prost_types::Duration { seconds: 301, nanos: 0 });
    for (messages, code, field) in [
        (vec![batch(1, &[(1, "a")])], Code::InvalidArgument, "open"),
        (vec![opening(), opening()], Code::InvalidArgument, "open"),
        (vec![opening(), ProduceRequest { step: None }], Code::InvalidArgument, "step"),
        (vec![opening(), batch(1, &[])], Code::InvalidArgument, "batch.records"),
        (vec![opening(), good.clone(), batch(5, &[(6, "a")])], Code::InvalidArgument, "batch.batch"),
        (vec![opening(), good.clone(), batch(6, &[(5, "a")])], Code::InvalidArgument, "batch.records[0].number"),
        (vec![opening(), good, acknowledge(5)], Code::InvalidArgument, "acknowledge_failure.number"),
        (
            vec![said(Step::Open(ProduceOpen { stream: None, record_timeout: None }))],
            Code::InvalidArgument,
            "open.stream",
        ),
        (vec![said(Step::Open(ProduceOpen { stream: absent, record_timeout: None }))], Code::NotFound, ""),
        (
            vec![said(Step::Open(ProduceOpen { stream: orders(), record_timeout: long }))],
            Code::InvalidArgument,
            "open.record_timeout",
        ),
    ] {
        let mut messages = messages.into_iter();
        let producer = Producer::begin(world.link().await, messages.next().expect("one")).await;
        for message in messages {
            // The stream may be over before the last one.
            let _ended = producer.says.send(message).await;
        }
        let status = producer.end().await;
        assert_eq!((status.code(), details(&status).field.as_str()), (code, field), "{status:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn credits_bound_what_a_client_may_have_unanswered() {
    let limits = GrpcLimits { produce_records: 10, produce_bytes: 1_000, ..GrpcLimits::default() };
    let world = World::with(GrpcOptions { limits, ..GrpcOptions::new(account(), Verification::FormOnly) });
    let gate = Arc::new(Semaphore::new(0));
    let waiting = Arc::clone(&gate);
    world.fake.on_put(move |request| {
        let gate = Arc::clone(&waiting);
        async move {
            gate.acquire().await.expect("never closed").forget();
            Ok(PutRecordsOutput { results: request.entries.iter().map(|_| Ok(stored(1, 0))).collect() })
        }
        .boxed()
    });
    let mut producer = Producer::open(world.link().await).await;
    assert_eq!(producer.credits, (10, 1_000));
    // More than all credits, while nothing is outstanding.
    let large = ProduceRecord { number: 1, entry: Some(entry("a", &"x".repeat(5_000))) };
    producer.say(said(Step::Batch(ProduceBatch { batch: 1, records: vec![large] }))).await;
    gate.add_permits(1);
    assert_eq!(producer.answers(1).await, told(&[(1, "stored")]));
    assert_eq!(producer.credits, (11, 1_000 + 5_001));
    let ten: Vec<(u64, &str)> = (2..12).map(|number| (number, "a")).collect();
    producer.say(batch(2, &ten)).await;
    producer.say(batch(3, &[(12, "a")])).await;
    let status = producer.end().await;
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(status.message().contains("a batch of 1 records and 5 bytes, with credits for 0 and 950"), "{status:?}");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_never_hears_stalls_only_itself() {
    let world = World::open();
    let link = world.link_with_window(100).await;
    let deaf = Producer::begin(link.clone(), opening()).await;
    for number in 1..=90_u64 {
        let records: Vec<(u64, &str)> = (0..100).map(|nth| (number * 100 + nth, "a")).collect();
        deaf.say(batch(number, &records)).await;
    }
    // The same connection, the same node.
    let other = Link::clone(&link);
    let mut lively = Producer::open(other).await;
    lively.say(batch(1, &[(1, "b")])).await;
    assert_eq!(lively.answers(1).await, told(&[(1, "stored")]));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_goes_away_takes_its_stream_along() {
    let world = World::open();
    let tasks = world.door.calls();
    world.fake.on_put(|_| std::future::pending().boxed());
    let producer = Producer::open(world.link().await).await;
    producer.say(batch(1, &[(1, "a")])).await;
    while world.fake.count("PutRecords") == 0 {
        tokio::task::yield_now().await;
    }
    drop(producer);
    while tasks.running() > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_when_the_client_said_it_would() {
    let world = World::open();
    let mut request = Request::new(stream::once(async { opening() }).chain_pending());
    request.set_timeout(Duration::from_secs(7));
    let begun = world.env.clock.monotonic();
    let mut client = world.records().await;
    let mut hears = client.produce(request).await.expect("open").into_inner();
    hears.message().await.expect("credits");
    let status = hears.message().await.expect_err("time is over");
    assert_eq!((status.code(), world.env.clock.monotonic() - begun), (Code::DeadlineExceeded, Duration::from_secs(7)));
}

/// A client that says no more and does not end.
trait ChainPending: futures::Stream + Sized {
    fn chain_pending(self) -> stream::Chain<Self, stream::Pending<Self::Item>> {
        futures::StreamExt::chain(self, stream::pending())
    }
}

impl<T: futures::Stream> ChainPending for T {}

#[tokio::test(start_paused = true)]
async fn a_draining_node_answers_what_it_took_and_asks_for_another_stream() {
    let world = World::open();
    let gate = Arc::new(Semaphore::new(0));
    let waiting = Arc::clone(&gate);
    world.fake.on_put(move |request| {
        let gate = Arc::clone(&waiting);
        async move {
            gate.acquire().await.expect("never closed").forget();
            Ok(PutRecordsOutput { results: request.entries.iter().map(|_| Ok(stored(1, 0))).collect() })
        }
        .boxed()
    });
    let mut producer = Producer::open(world.link().await).await;
    producer.say(batch(1, &[(1, "a")])).await;
    while world.fake.count("PutRecords") == 0 {
        tokio::task::yield_now().await;
    }
    let calls = world.door.calls();
    let drained = tokio::spawn(async move { calls.shutdown(Duration::from_secs(20)).await });
    while !world.door.calls().stopping().is_cancelled() {
        tokio::task::yield_now().await;
    }
    gate.add_permits(1);
    assert_eq!(producer.answers(1).await, told(&[(1, "stored")]));
    let status = producer.end().await;
    assert_eq!((status.code(), status.message()), (Code::Unavailable, "The node is draining; open the stream again."));
    drained.await.expect("no panic").expect("nobody holds it up");
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_deleted_ends_the_produce_stream() {
    let world = World::open();
    world.fake.on_put(|_| async { Err(ApiError::new(ErrorCode::ResourceNotFound, "Stream orders is gone.")) }.boxed());
    let producer = Producer::open(world.link().await).await;
    producer.say(batch(1, &[(1, "a")])).await;
    let status = producer.end().await;
    assert_eq!((status.code(), details(&status).code.as_str()), (Code::NotFound, "ResourceNotFoundException"));
}

#[tokio::test(start_paused = true)]
async fn there_are_as_many_streams_as_may_be() {
    let limits = GrpcLimits { long_streams_max: 1, ..GrpcLimits::default() };
    let world = World::with(GrpcOptions { limits, ..GrpcOptions::new(account(), Verification::FormOnly) });
    let link = world.link().await;
    let first = Producer::open(link.clone()).await;
    let refused = RecordsClient::new(link.clone()).produce(stream::iter([opening()])).await;
    assert_eq!(refused.expect_err("one too many").code(), Code::ResourceExhausted);
    drop(first);
    let mut again = RecordsClient::new(link);
    while again.produce(stream::iter([opening()])).await.is_err() {
        tokio::task::yield_now().await;
    }
}
