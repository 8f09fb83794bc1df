//! Follow streams: woken, flow-controlled, ended.

use crate::fake::{Fake, child, number, record};
use crate::world::{World, details, orders};
use anabranch_api::{ApiError, ErrorCode, GetRecords, GetRecordsOutput, Record, ShardIterator};
use anabranch_proto::v1::records_client::RecordsClient;
use anabranch_proto::v1::starting_position::{Here, Start};
use anabranch_proto::v1::*;
use futures::FutureExt;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;
use tonic::{Code, Request, Streaming};

/// A shard that its test writes to; iterators are positions in it.
#[derive(Clone)]
struct Shard {
    state: watch::Sender<(Vec<Record>, bool)>,
    reads: Arc<Mutex<Vec<GetRecords>>>,
}

impl Shard {
    /// A service before an empty shard.
    fn of(fake: &Fake) -> Shard {
        let shard = Shard { state: watch::channel((Vec::new(), false)).0, reads: Arc::default() };
        let served = shard.clone();
        fake.on_get(move |request| {
            let shard = served.clone();
            async move { shard.read(request).await }.boxed()
        });
        shard
    }

    async fn read(&self, request: GetRecords) -> Result<GetRecordsOutput, ApiError> {
        self.reads.lock().expect("nobody panicked").push(request.clone());
        let from = request.iterator.0.parse().unwrap_or(0);
        let mut changes = self.state.subscribe();
        let more = changes.wait_for(|(records, closed)| records.len() > from || *closed);
        // As the leader of a shard waits.
        let _waited = tokio::time::timeout(request.wait_max, more).await;
        let (all, closed) = self.state.borrow().clone();
        let mut records: Vec<Record> = Vec::new();
        let mut bytes = 0;
        for record in &all[from.min(all.len())..] {
            bytes += record.data.len() as u64;
            if bytes > request.bytes_max.expect("a follower says how much") && !records.is_empty() {
                break;
            }
            records.push(record.clone());
        }
        let next = from + records.len();
        let ended = closed && next == all.len();
        Ok(GetRecordsOutput {
            records,
            next: (!ended).then(|| ShardIterator(next.to_string())),
            millis_behind_latest: (all.len() - next) as u64,
            child_shards: if ended { vec![child()] } else { Vec::new() },
        })
    }

    fn write(&self, text: &str) {
        self.state.send_modify(|(records, _)| records.push(record(records.len() as u64, text)));
    }

    fn close(&self) {
        self.state.send_modify(|(_, closed)| *closed = true);
    }

    fn reads(&self) -> usize {
        self.reads.lock().expect("nobody panicked").len()
    }
}

fn from_latest() -> FollowRequest {
    let position = Some(StartingPosition { start: Some(Start::Latest(Here {})) });
    FollowRequest { stream: orders(), shard_id: "shardId-000000000001".to_owned(), position }
}

fn texts(message: &FollowResponse) -> Vec<&str> {
    message.records.iter().map(|record| std::str::from_utf8(&record.data).expect("text")).collect()
}

async fn follow(world: &World) -> Streaming<FollowResponse> {
    world.records().await.follow(from_latest()).await.expect("followed").into_inner()
}

async fn next(follower: &mut Streaming<FollowResponse>) -> FollowResponse {
    follower.message().await.expect("it goes on").expect("it goes on")
}

#[tokio::test(start_paused = true)]
async fn a_follower_is_woken_by_what_is_written_and_polls_nothing() {
    let world = World::open();
    let shard = Shard::of(&world.fake);
    let mut follower = follow(&world).await;
    let first = next(&mut follower).await;
    assert_eq!((texts(&first), first.millis_behind_latest), (Vec::new(), 0));
    let reads_before = shard.reads();
    shard.write("one");
    let woken = next(&mut follower).await;
    assert_eq!(texts(&woken), ["one"]);
    assert_eq!(woken.records[0].sequence_number, number(1, 0).to_string());
    // An hour of silence is 240 reads of 15 seconds each, and no message.
    let silence = tokio::time::timeout(Duration::from_secs(3_600), follower.message()).await;
    assert!(silence.is_err(), "{silence:?}");
    let reads = shard.reads() - reads_before;
    assert!((239..=242).contains(&reads), "{reads}");
    let begun = world.env.clock.monotonic();
    shard.write("two");
    assert_eq!(texts(&next(&mut follower).await), ["two"]);
    assert_eq!(world.env.clock.monotonic(), begun, "at once");
    let waits: Vec<_> = shard.reads.lock().expect("nobody panicked").iter().map(|read| read.wait_max).collect();
    assert_eq!((waits[0], waits[1]), (Duration::ZERO, Duration::from_secs(15)));
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_closed_shard_comes_with_its_children_and_ends_the_call_well() {
    let world = World::open();
    let shard = Shard::of(&world.fake);
    let mut follower = follow(&world).await;
    next(&mut follower).await;
    shard.write("last");
    assert_eq!(texts(&next(&mut follower).await), ["last"]);
    shard.close();
    let end = next(&mut follower).await;
    assert_eq!((texts(&end), end.child_shards[0].shard_id.as_str()), (Vec::new(), "shardId-000000000002"));
    assert!(follower.message().await.expect("no error").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_follower_that_does_not_read_stalls_only_itself() {
    let world = World::open();
    let shard = Shard::of(&world.fake);
    let link = world.link_with_window(1_000).await;
    let mut slow = RecordsClient::new(link.clone()).follow(from_latest()).await.expect("followed").into_inner();
    next(&mut slow).await;
    let large = "x".repeat(200_000);
    for _ in 0..100 {
        shard.write(&large);
    }
    let mut lively = RecordsClient::new(link).follow(from_latest()).await.expect("followed").into_inner();
    let mut heard = 0;
    while heard < 100 {
        heard += next(&mut lively).await.records.len();
    }
    let reads = shard.reads.lock().expect("nobody panicked").clone();
    let furthest_twice = reads.iter().filter(|read| read.iterator.0 == "50").count();
    assert!(furthest_twice <= 1, "the slow one is far behind");
    let mut behind = 0;
    while behind < 100 {
        behind += next(&mut slow).await.records.len();
    }
}

#[tokio::test(start_paused = true)]
async fn a_throttled_read_is_tried_again_after_the_hint() {
    let world = World::open();
    let (calls, shard) = (Arc::new(Mutex::new(0)), Shard::of(&world.fake));
    let (counted, served) = (Arc::clone(&calls), shard.clone());
    world.fake.on_get(move |request| {
        let (calls, shard) = (Arc::clone(&counted), served.clone());
        async move {
            let nth = {
                let mut calls = calls.lock().expect("nobody panicked");
                *calls += 1;
                *calls
            };
            if nth < 4 {
                let error = ApiError::new(ErrorCode::ProvisionedThroughputExceeded, "slow down");
                return Err(error.with_retry_after(Duration::from_millis(700)));
            }
            shard.read(request).await
        }
        .boxed()
    });
    let begun = world.env.clock.monotonic();
    let mut follower = follow(&world).await;
    next(&mut follower).await;
    assert_eq!(world.env.clock.monotonic() - begun, Duration::from_millis(2_100));
}

#[tokio::test(start_paused = true)]
async fn an_iterator_that_expired_is_found_again_behind_the_last_record() {
    let world = World::open();
    let shard = Shard::of(&world.fake);
    shard.write("one");
    let (expires, served) = (Arc::new(Mutex::new(true)), shard.clone());
    world.fake.on_get(move |request| {
        let (expires, shard) = (Arc::clone(&expires), served.clone());
        async move {
            if request.iterator.0 == "1" && std::mem::take(&mut *expires.lock().expect("nobody panicked")) {
                return Err(ApiError::new(ErrorCode::ExpiredIterator, "too old"));
            }
            shard.read(request).await
        }
        .boxed()
    });
    let mut follower = follow(&world).await;
    assert_eq!(texts(&next(&mut follower).await), ["one"]);
    while world.fake.count("GetShardIterator") < 2 {
        tokio::task::yield_now().await;
    }
    let asked = world.fake.seen().into_iter().rfind(|request| request.starts_with("GetShardIterator"));
    assert!(asked.expect("asked").contains("AfterSequenceNumber(SequenceNumber"));
}

#[tokio::test(start_paused = true)]
async fn a_failure_of_the_service_ends_the_call_with_its_name() {
    let world = World::open();
    world.fake.on_get(|_| async { Err(ApiError::new(ErrorCode::ResourceNotFound, "gone")) }.boxed());
    let status = follow(&world).await.message().await.expect_err("gone");
    assert_eq!((status.code(), details(&status).code.as_str()), (Code::NotFound, "ResourceNotFoundException"));
}

#[tokio::test(start_paused = true)]
async fn a_place_that_is_none_is_refused_in_the_head_of_the_answer() {
    let world = World::open();
    let mut client = world.records().await;
    let nowhere = FollowRequest { position: None, ..from_latest() };
    let status = client.follow(nowhere).await.expect_err("no position");
    assert_eq!((status.code(), details(&status).field.as_str()), (Code::InvalidArgument, "position"));
    let no_shard = FollowRequest { shard_id: "x".to_owned(), ..from_latest() };
    let status = client.follow(no_shard).await.expect_err("no shard");
    assert_eq!(status.message(), "Could not find shard x in stream orders under account 000000000042.");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_goes_away_takes_its_read_along() {
    let world = World::open();
    Shard::of(&world.fake);
    let tasks = world.door.calls();
    let mut follower = follow(&world).await;
    next(&mut follower).await;
    drop(follower);
    while tasks.running() > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_follow_stream_ends_at_the_drain_and_when_its_client_said() {
    let world = World::open();
    Shard::of(&world.fake);
    let mut request = Request::new(from_latest());
    request.set_timeout(Duration::from_secs(40));
    let begun = world.env.clock.monotonic();
    let mut timed = world.records().await.follow(request).await.expect("followed").into_inner();
    next(&mut timed).await;
    let status = timed.message().await.expect_err("its time is over");
    assert_eq!((status.code(), world.env.clock.monotonic() - begun), (Code::DeadlineExceeded, Duration::from_secs(40)));

    let mut follower = follow(&world).await;
    next(&mut follower).await;
    let calls = world.door.calls();
    let drained = tokio::spawn(async move { calls.shutdown(Duration::from_secs(20)).await });
    let status = follower.message().await.expect_err("the node drains");
    assert_eq!((status.code(), status.message()), (Code::Unavailable, "The node is draining; open the stream again."));
    drained.await.expect("no panic").expect("nobody holds it up");
}
