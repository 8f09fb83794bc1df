//! Subscriptions through the service trait, over storage that a test fills.

use super::world::{Reads, World, context};
use anabranch_api::{
    ApiError, ErrorCode, IteratorStart, Kinesis, RegisterStreamConsumer, RequestContext, SubscribeToShard,
    SubscribeToShardEvent, messages,
};
use anabranch_catalog::{BeginReshard, CommitReshard, Ending, FEATURE_LEVEL, ReshardStep, SealParents};
use anabranch_cluster::{NodeError, ReadReply, ReadRequest, RecordOut};
use anabranch_types::*;
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;

const SHARD: &str = "shardId-000000000000";

struct Subscribed {
    world: World,
    arn: ConsumerArn,
}

fn call(id: u128) -> RequestContext {
    RequestContext { request_id: RequestId(id), ..context() }
}

/// A stream of one shard with a consumer.
async fn subscribed(reads: Arc<Reads>) -> Subscribed {
    let mut world = World::over(FEATURE_LEVEL, reads);
    world.active("orders", 1);
    let stream = StreamArn::parse("arn:aws:kinesis:eu-west-1:000000000000:stream/orders").expect("an arn");
    let request = RegisterStreamConsumer { stream, name: ConsumerName::new("audit").expect("valid") };
    let arn = world.gateway.register_stream_consumer(&call(99), request).await.expect("a new name").arn;
    Subscribed { world, arn }
}

impl Subscribed {
    async fn open(&self, start: IteratorStart) -> Result<crate::Subscription, ApiError> {
        self.open_shard(SHARD, start).await
    }

    async fn open_shard(&self, shard: &str, start: IteratorStart) -> Result<crate::Subscription, ApiError> {
        let request = SubscribeToShard { consumer: self.arn.clone(), shard: shard.to_owned(), start };
        self.world.gateway.subscribe_to_shard(&call(1), request).await
    }

    async fn next(&self, subscription: &mut crate::Subscription) -> Result<Option<SubscribeToShardEvent>, ApiError> {
        self.world.gateway.next_event(subscription).await
    }

    /// The next event's data and its continuation.
    async fn told(&self, subscription: &mut crate::Subscription) -> (String, Option<SequenceNumber>) {
        let event = self.next(subscription).await.expect("no error").expect("not the end");
        let data = event.records.iter().map(|record| String::from_utf8_lossy(&record.data).into_owned());
        (data.collect(), event.continuation)
    }

    fn elapsed(&self) -> Duration {
        self.world.gateway.env.clock.monotonic()
    }
}

fn counter(index: u64) -> Counter {
    Counter::new(0, index, 0)
}

fn record(index: u64) -> RecordOut {
    RecordOut {
        counter: counter(index),
        arrival: super::world::START,
        partition_key: Bytes::from_static(b"key"),
        data: Bytes::from(format!("<{index}>")),
    }
}

fn reply(from: u64, to: u64) -> ReadReply {
    let records = (from..to).map(record).collect();
    ReadReply { records, next: counter(to - 1).next(), millis_behind_latest: 5, ended: false }
}

/// Nothing comes until the read's time is over.
fn nothing(request: &ReadRequest) -> ReadReply {
    ReadReply { records: Vec::new(), next: request.from, millis_behind_latest: 0, ended: false }
}

#[tokio::test(start_paused = true)]
async fn a_subscription_goes_on_where_the_last_event_ended() {
    let reads = Reads::answering(|nth, request| match nth {
        0 => (Duration::ZERO, Ok(reply(1, 3))),
        1 => (Duration::from_secs(2), Ok(reply(3, 4))),
        _ => (request.wait_max, Ok(nothing(request))),
    });
    let subscribed = subscribed(Arc::clone(&reads)).await;
    let mut subscription = subscribed.open(IteratorStart::TrimHorizon).await.expect("a consumer and a shard");
    let (data, continuation) = subscribed.told(&mut subscription).await;
    assert_eq!((data.as_str(), continuation.map(|number| number.counter)), ("<1><2>", Some(counter(2))));
    let (data, continuation) = subscribed.told(&mut subscription).await;
    assert_eq!((data.as_str(), continuation.map(|number| number.counter)), ("<3>", Some(counter(3))));
    let before = subscribed.elapsed();
    assert_eq!(subscribed.told(&mut subscription).await, (String::new(), continuation), "nothing new, and so it says");
    assert_eq!(subscribed.elapsed() - before, Duration::from_secs(5));
    let seen = reads.seen();
    let froms: Vec<Counter> = seen.iter().map(|read| read.from).collect();
    assert_eq!(froms, [Counter::ZERO, counter(2).next(), counter(3).next()]);
    let begins: Vec<bool> = seen.iter().filter_map(|read| read.subscription.map(|read| read.begins)).collect();
    assert_eq!(begins, [true, false, false]);
    assert!(seen.iter().all(|read| read.subscription.is_some_and(|read| read.subscription == RequestId(1))));
}

#[tokio::test(start_paused = true)]
async fn a_continuation_is_where_a_new_subscription_begins() {
    let reads = Reads::answering(|_, request| (request.wait_max, Ok(nothing(request))));
    let subscribed = subscribed(Arc::clone(&reads)).await;
    let mut subscription = subscribed.open(IteratorStart::Latest).await.expect("a consumer and a shard");
    let (_, continuation) = subscribed.told(&mut subscription).await;
    let again = IteratorStart::AfterSequenceNumber(continuation.expect("the shard is open"));
    subscribed.open(again).await.expect("a number of this shard");
    let seen = reads.seen();
    assert_eq!(seen[0].from, Reads::TIP);
    assert_eq!(seen[seen.len() - 1].from, Reads::TIP, "no record is left out, none comes twice");
}

#[tokio::test(start_paused = true)]
async fn a_subscription_lasts_five_minutes() {
    let reads = Reads::answering(|_, request| (request.wait_max, Ok(nothing(request))));
    let subscribed = subscribed(reads).await;
    let mut subscription = subscribed.open(IteratorStart::Latest).await.expect("a consumer and a shard");
    let begun = subscribed.elapsed();
    let mut events = 0;
    while subscribed.next(&mut subscription).await.expect("no error").is_some() {
        events += 1;
    }
    let lasted = subscribed.elapsed() - begun;
    assert!((299..=301).contains(&lasted.as_secs()), "{lasted:?}");
    assert!((60..=62).contains(&events), "one every five seconds, not {events}");
    assert_eq!(subscribed.next(&mut subscription).await, Ok(None), "it stays over");
}

#[tokio::test(start_paused = true)]
async fn a_throttled_subscription_waits_and_loses_nothing() {
    let reads = Reads::answering(|nth, request| {
        let (bucket, retry_after) = (Reads::BUCKET, Duration::from_secs(3));
        match nth {
            0 | 2 | 3 => (Duration::ZERO, Err(NodeError::Throttled { bucket, retry_after })),
            1 => (Duration::ZERO, Ok(reply(1, 2))),
            4 => (Duration::ZERO, Ok(reply(2, 3))),
            _ => (request.wait_max, Ok(nothing(request))),
        }
    });
    let subscribed = subscribed(reads).await;
    let mut subscription = subscribed.open(IteratorStart::TrimHorizon).await.expect("debt is no refusal");
    assert_eq!(subscribed.told(&mut subscription).await.0, "<1>");
    let before = subscribed.elapsed();
    assert_eq!(subscribed.told(&mut subscription).await.0, "", "five seconds are over");
    assert_eq!(subscribed.told(&mut subscription).await.0, "<2>");
    assert_eq!(subscribed.elapsed() - before, Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn a_group_that_does_not_answer_is_asked_again_and_at_last_given_up() {
    let away = || NodeError::Unavailable { reason: "it drains".to_owned() };
    let reads = Reads::answering(move |nth, _| match nth {
        0 => (Duration::ZERO, Ok(reply(1, 2))),
        1..=4 => (Duration::ZERO, Err(away())),
        5 => (Duration::ZERO, Ok(reply(2, 3))),
        _ => (Duration::ZERO, Err(away())),
    });
    let subscribed = subscribed(reads).await;
    let mut subscription = subscribed.open(IteratorStart::TrimHorizon).await.expect("a consumer and a shard");
    assert_eq!(subscribed.told(&mut subscription).await.0, "<1>");
    assert_eq!(subscribed.told(&mut subscription).await.0, "<2>", "it goes on by itself");
    assert_eq!(subscribed.told(&mut subscription).await.0, "", "the client does not wait without a word");
    assert_eq!(subscribed.next(&mut subscription).await, Ok(None), "a clean end: the client subscribes anew");
}

#[tokio::test(start_paused = true)]
async fn the_consumers_end_is_the_subscriptions_end_at_once() {
    let reads = Reads::answering(|_, request| (request.wait_max, Ok(nothing(request))));
    let subscribed = subscribed(reads).await;
    let mut subscription = subscribed.open(IteratorStart::Latest).await.expect("a consumer and a shard");
    subscribed.told(&mut subscription).await;
    let before = subscribed.elapsed();
    let gone = async {
        subscribed.world.pass(Duration::from_secs(1)).await;
        let consumer = anabranch_api::ConsumerSelector { arn: Some(subscribed.arn.clone()), stream: None, name: None };
        let request = anabranch_api::DeregisterStreamConsumer { consumer };
        subscribed.world.gateway.deregister_stream_consumer(&call(2), request).await.expect("registered");
    };
    let (event, ()) = futures::future::join(subscribed.next(&mut subscription), gone).await;
    assert_eq!(event, Err(messages::consumer_arn_not_found(&subscribed.arn)));
    assert_eq!(subscribed.elapsed() - before, Duration::from_secs(1));
    assert_eq!(subscribed.next(&mut subscription).await, Ok(None));
    let refused = subscribed.open(IteratorStart::Latest).await.map(drop);
    assert_eq!(refused, Err(messages::consumer_arn_not_found(&subscribed.arn)));
}

#[tokio::test(start_paused = true)]
async fn a_second_subscription_is_refused_or_ends_the_first() {
    let retry_after = Duration::from_secs(3);
    let reads = Reads::answering(move |nth, request| match nth {
        0 => (Duration::ZERO, Err(NodeError::SubscriptionInUse { retry_after })),
        1 => (Duration::ZERO, Ok(nothing(request))),
        _ => (Duration::ZERO, Err(NodeError::SubscriptionTakenOver)),
    });
    let subscribed = subscribed(reads).await;
    let refused = subscribed.open(IteratorStart::Latest).await.map(drop);
    assert_eq!(refused, Err(messages::subscription_in_use(&subscribed.arn, ShardId(0), retry_after)));
    let mut subscription = subscribed.open(IteratorStart::Latest).await.expect("the place is free");
    subscribed.told(&mut subscription).await;
    let over = messages::subscription_taken_over(&subscribed.arn, ShardId(0));
    assert_eq!(subscribed.next(&mut subscription).await, Err(over));
    assert_eq!(subscribed.next(&mut subscription).await, Ok(None));
}

#[tokio::test(start_paused = true)]
async fn shards_and_positions_that_are_none_are_refused() {
    let reads = Reads::answering(|_, request| (request.wait_max, Ok(nothing(request))));
    let subscribed = subscribed(reads).await;
    let code =
        async |shard: &str, start| subscribed.open_shard(shard, start).await.map(drop).map_err(|error| error.code);
    assert_eq!(code("shardId-000000000007", IteratorStart::Latest).await, Err(ErrorCode::ResourceNotFound));
    assert_eq!(code("nonsense", IteratorStart::Latest).await, Err(ErrorCode::ResourceNotFound));
    let future = subscribed.world.gateway.now().plus(Duration::from_secs(1));
    assert_eq!(code(SHARD, IteratorStart::AtTimestamp(future)).await, Err(ErrorCode::InvalidArgument));
    let epoch = ShardEpoch { created_s: 5, shard: ShardId(0) };
    let foreign = IteratorStart::AtSequenceNumber(SequenceNumber::starting(epoch));
    assert_eq!(code(SHARD, foreign).await, Err(ErrorCode::InvalidArgument));
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_shard_is_told_with_its_children_once_they_are_open() {
    let reads = Reads::answering(|nth, request| {
        let ended = ReadReply { ended: true, ..nothing(request) };
        match nth {
            0 => (Duration::ZERO, Ok(ReadReply { ended: true, ..reply(1, 2) })),
            _ => (Duration::ZERO, Ok(ended)),
        }
    });
    let mut subscribed = subscribed(reads).await;
    let mut subscription = subscribed.open(IteratorStart::TrimHorizon).await.expect("a consumer and a shard");
    let (data, continuation) = subscribed.told(&mut subscription).await;
    assert_eq!((data.as_str(), continuation.is_some()), ("<1>", true), "its children are not open yet");
    let before = subscribed.elapsed();
    assert_eq!(subscribed.told(&mut subscription).await, (String::new(), continuation), "nor are they now");
    assert_eq!(subscribed.elapsed() - before, Duration::from_secs(5));

    let view = subscribed.world.gateway.view.load();
    let stream = view.map.stream_named(AccountId::DEFAULT, &StreamName::new("orders").expect("valid"));
    let (uid, epoch) = stream.map(|stream| (stream.stream.uid, stream.shards()[0].epoch())).expect("created");
    let (now, shard_limit) = (subscribed.world.gateway.now(), 10);
    let steps = vec![ReshardStep::Split { parent: ShardId(0), at: HashKey(1 << 127) }];
    let world = &mut subscribed.world;
    let round = world.apply(BeginReshard { uid, steps, now, shard_limit, request: RequestId(50) }).version;
    world.apply(SealParents { uid, round });
    world.apply(CommitReshard { uid, round, endings: vec![Ending { epoch, closed: now }], now });
    let event = subscribed.next(&mut subscription).await.expect("no error").expect("the last one");
    assert_eq!((event.continuation, event.records.len()), (None, 0));
    let children: Vec<(ShardId, Vec<ShardId>)> =
        event.child_shards.into_iter().map(|child| (child.id, child.parents)).collect();
    assert_eq!(children, [(ShardId(1), vec![ShardId(0)]), (ShardId(2), vec![ShardId(0)])]);
    assert_eq!(subscribed.next(&mut subscription).await, Ok(None));
}
