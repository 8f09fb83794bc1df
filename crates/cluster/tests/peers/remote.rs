//! Roles on other nodes answer as if they were on this one, or say what is not known.

use crate::fakes::{Script, Silent, storing};
use crate::net::{identity, pair, pair_with, soon};
use anabranch_cluster::{
    Attempt, CreateStreamReply, GroupReport, MemberReport, MetadataNode, NewRetention, NewShards, NodeError,
    PeerOptions, PutItem, PutRecordIn, PutReply, PutRequest, ReadReply, ReadRequest, ReadStart, RecordFate, RecordOut,
    Role, Router, Served, ShardKey, StorageNode, SubscriptionRead,
};
use anabranch_limiter::Bucket;
use anabranch_runtime::MemoryBudget;
use anabranch_types::{
    AccountId, Counter, GroupId, HashKey, MapVersion, NodeId, PartitionKey, ReplicaId, RequestId, ShardId, StreamName,
    StreamUid, Timestamp,
};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

const GROUP: GroupId = GroupId(7);
const SHARD: ShardKey = ShardKey { stream: StreamUid(1 << 40), shard: ShardId(12) };

/// Our words have no equality; their debug text shows every field.
#[track_caller]
fn same(one: impl Debug, other: impl Debug) {
    assert_eq!(format!("{one:?}"), format!("{other:?}"));
}

fn errors() -> Vec<NodeError> {
    let reason = || "what happened".to_owned();
    let retry_after = Duration::new(1, 999_999_999);
    let throttled = [Bucket::WriteBytes, Bucket::WriteRecords, Bucket::ReadBytes, Bucket::ReadCalls];
    let mut errors: Vec<_> = throttled.map(|bucket| NodeError::Throttled { bucket, retry_after }).into();
    errors.extend([
        NodeError::NotLeader { group: GROUP, leader: Some(NodeId(3)) },
        NodeError::NotLeader { group: GROUP, leader: None },
        NodeError::Unknown { reason: reason() },
        NodeError::Unavailable { reason: reason() },
        NodeError::NoSuchShard { group: GROUP },
        NodeError::SubscriptionInUse { retry_after },
        NodeError::SubscriptionTakenOver,
        NodeError::Damaged { reason: reason() },
    ]);
    errors
}

fn put() -> Arc<PutRequest> {
    let record = |number: u8| PutRecordIn {
        hash_key: HashKey(u128::MAX - u128::from(number)),
        partition_key: PartitionKey::new(format!("schlüssel {number}")).unwrap(),
        data: Bytes::from(vec![number; 100]),
    };
    let items = vec![PutItem { shard: SHARD, records: (0..3).map(record).collect() }];
    Arc::new(PutRequest {
        group: GROUP,
        request_id: RequestId(u128::MAX),
        issued: Timestamp::from_millis(u64::MAX),
        items,
    })
}

fn report() -> GroupReport {
    let member = |lag_entries: Option<u64>| MemberReport {
        replica: ReplicaId(9),
        node: NodeId(2),
        votes: lag_entries.is_none(),
        lag_entries,
    };
    GroupReport {
        group: GROUP,
        replica: ReplicaId(9),
        members: vec![member(None), member(Some(u64::MAX))],
        leader: Some(ReplicaId(9)),
        term: 7,
        applied: Some(0),
        flushed: None,
        failure: Some("it is broken".to_owned()),
    }
}

fn read() -> ReadRequest {
    let (records_max, bytes_max, wait_max) = (10_000, 10 << 20, Duration::from_millis(1_500));
    let begun = Timestamp::from_millis(1_742_000_000_000);
    let subscription = SubscriptionRead { consumer: MapVersion(5), subscription: RequestId(6), begun, begins: true };
    let subscription = Some(subscription);
    ReadRequest { group: GROUP, shard: SHARD, from: Counter::END, records_max, bytes_max, wait_max, subscription }
}

fn records_of(sizes: &[usize]) -> ReadReply {
    let record = |size: &usize| RecordOut {
        counter: Counter::new(1, 2, 3),
        arrival: Timestamp::from_millis(1_742_000_000_045),
        partition_key: Bytes::from_static(b"key"),
        data: Bytes::from(vec![7; *size]),
    };
    let records = sizes.iter().map(record).collect();
    ReadReply { records, next: Counter::END, millis_behind_latest: 0, ended: false }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_and_replies_cost_memory_on_both_sides_until_they_are_used() {
    const MEMORY_BYTES: usize = 1 << 20;
    let (callers, callees) = (MemoryBudget::new(MEMORY_BYTES), MemoryBudget::new(MEMORY_BYTES));
    let options = |memory: &MemoryBudget| PeerOptions { memory: memory.clone(), ..PeerOptions::default() };
    let script = Arc::new(Script::default());
    let (caller, callee, _) = pair_with(storing(script.clone()), [options(&callers), options(&callees)]).await;
    let remote = caller.links.storage(NodeId(2));

    *script.read.lock() = Ok(records_of(&[100_000, 200_000]));
    let mut reply = remote.read(read()).await.unwrap();
    reply.records.remove(0);
    assert!(callers.free_bytes() < MEMORY_BYTES - 300_000, "one record holds the reply");
    let busy = callers.charge(callers.free_bytes() - 100_000).unwrap();
    let refused = remote.read(read()).await;
    assert!(matches!(refused, Err(NodeError::Unavailable { .. })), "{refused:?}");
    drop((reply, busy));
    assert!(remote.read(read()).await.is_ok());
    assert_eq!(callers.free_bytes(), MEMORY_BYTES);

    let (busy, asked) = (callees.charge(MEMORY_BYTES).unwrap(), script.asked.lock().len());
    let refused = remote.put(put(), Attempt::First).await;
    assert!(matches!(refused, Err(NodeError::Unavailable { .. })), "certainly not done: {refused:?}");
    assert_eq!(script.asked.lock().len(), asked);
    drop(busy);
    assert!(remote.put(put(), Attempt::First).await.is_ok());
    assert_eq!(callees.free_bytes(), MEMORY_BYTES);
    caller.stop().await;
    callee.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_remote_storage_role_answers_what_the_local_one_answers() {
    let script = Arc::new(Script::default());
    let (caller, callee, _) = pair(storing(script.clone())).await;
    let remote = caller.links.storage(NodeId(2));

    let arrival = Timestamp::from_millis(1_742_000_000_045);
    let retry_after = Duration::from_nanos(1);
    let fates = vec![
        RecordFate::Stored { counter: Counter::new(1, 2, 3), arrival },
        RecordFate::Throttled { bucket: Bucket::WriteRecords, retry_after },
        RecordFate::Throttled { bucket: Bucket::WriteBytes, retry_after },
        RecordFate::Closed,
        RecordFate::Misrouted,
        RecordFate::TooOld,
    ];
    let record = |size: usize| RecordOut {
        counter: Counter::new(1, 2, 3),
        arrival,
        partition_key: Bytes::from_static("schlüssel".as_bytes()),
        data: Bytes::from(vec![7; size]),
    };
    let records = vec![record(0), record(1), record(10 << 20)];
    let puts = errors().into_iter().map(Err).chain([Ok(PutReply { fates: vec![fates, Vec::new()] })]);
    for reply in puts {
        *script.put.lock() = reply;
        for attempt in [Attempt::First, Attempt::Again] {
            same(remote.put(put(), attempt).await, script.put(put(), attempt).await);
        }
    }
    let reads = errors().into_iter().map(Err).chain([
        Ok(ReadReply { records, next: Counter::END, millis_behind_latest: u64::MAX, ended: true }),
        Ok(ReadReply { records: Vec::new(), next: Counter::ZERO, millis_behind_latest: 0, ended: false }),
    ]);
    for reply in reads {
        *script.read.lock() = reply;
        same(remote.read(read()).await, script.read(read()).await);
    }
    let new = Arc::new(NewShards {
        stream: SHARD.stream,
        account: AccountId::DEFAULT,
        name: StreamName::new("stream").unwrap(),
        retention: Duration::from_secs(86_400),
        shards: Vec::new(),
        retention_change: MapVersion(7),
    });
    let told = NewRetention { stream: SHARD.stream, retention: new.retention, change: MapVersion(9) };
    for reply in errors().into_iter().map(Err).chain([Ok(())]) {
        *script.done.lock() = reply;
        for start in [ReadStart::Latest, ReadStart::AtTimestamp(arrival)] {
            same(remote.locate(GROUP, SHARD, start).await, script.locate(GROUP, SHARD, start).await);
        }
        same(remote.create_shards(GROUP, new.clone()).await, script.create_shards(GROUP, new.clone()).await);
        let shards: Arc<[ShardId]> = Arc::new([SHARD.shard, ShardId(u32::MAX)]);
        let seal = |node: Arc<dyn StorageNode>| {
            let shards = Arc::clone(&shards);
            async move { node.seal(GROUP, SHARD.stream, shards).await }
        };
        same(seal(Arc::new(remote.clone())).await, seal(script.clone()).await);
        same(remote.drop_stream(GROUP, SHARD.stream).await, script.drop_stream(GROUP, SHARD.stream).await);
        same(remote.set_retention(GROUP, told).await, script.set_retention(GROUP, told).await);
        let to = ReplicaId(9);
        same(remote.transfer_leader(GROUP, to).await, script.transfer_leader(GROUP, to).await);
        same(remote.state_hash(GROUP).await, script.state_hash(GROUP).await);
    }
    for reply in errors().into_iter().map(Err).chain([Ok(vec![report()]), Ok(Vec::new())]) {
        *script.reports.lock() = reply;
        same(remote.report().await, script.report().await);
    }
    let asked = script.asked.lock().clone();
    assert!(asked.chunks(2).all(|pair| pair[0] == pair[1]), "both were asked the same");
    caller.stop().await;
    callee.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_remote_metadata_role_answers_what_the_local_one_answers() {
    let script = Arc::new(Script::default());
    let (caller, callee, _) = pair(Served { metadata: Role::of(script.clone() as _), ..Served::default() }).await;
    let remote = caller.links.metadata(NodeId(2));
    let (account, name) = (AccountId::parse("123456789012").unwrap(), StreamName::new("stream").unwrap());
    let shards = NonZeroU32::new(20_000).unwrap();
    let replies = [
        CreateStreamReply::Created,
        CreateStreamReply::Exists,
        CreateStreamReply::ShardLimit { current: 1, limit: u64::MAX },
    ];
    for reply in errors().into_iter().map(Err).chain(replies.map(Ok)) {
        *script.created.lock() = reply;
        let there = remote.create_stream(RequestId(5), account, name.clone(), shards).await;
        same(there, script.create_stream(RequestId(5), account, name.clone(), shards).await);
    }
    for reply in errors().into_iter().map(Err).chain([Ok(())]) {
        *script.done.lock() = reply;
        let there = remote.delete_stream(account, name.clone()).await;
        same(there, script.delete_stream(account, name.clone()).await);
        let command = Bytes::from_static(b"a command");
        same(remote.propose(command.clone()).await, script.propose(command).await);
        same(remote.version().await, script.version().await);
    }
    let asked = script.asked.lock().clone();
    assert!(asked.chunks(2).all(|pair| pair[0] == pair[1]), "both were asked the same");
    caller.stop().await;
    callee.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_sent_is_certainly_not_done() {
    let (caller, callee, book) = pair(Served::default()).await;
    let not_led = |error: NodeError| matches!(error, NodeError::NotLeader { group: GROUP, leader: None });
    let no_role = caller.links.storage(NodeId(2)).put(put(), Attempt::First).await.unwrap_err();
    assert!(not_led(no_role), "node 2 has no storage role");
    let unknown = caller.links.storage(NodeId(9)).put(put(), Attempt::First).await.unwrap_err();
    assert!(not_led(unknown), "nobody knows node 9");

    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    book.write(3, closed.local_addr().unwrap().to_string(), identity(3).incarnation);
    drop(closed);
    for _ in 0..3 {
        let refused = caller.links.storage(NodeId(3)).put(put(), Attempt::First).await.unwrap_err();
        assert!(not_led(refused), "nobody listens");
    }
    for bad in ["", "no port", "127.0.0.1:port", "127.0.0.1:1:1"] {
        book.write(3, bad.to_owned(), identity(3).incarnation);
        let refused = caller.links.storage(NodeId(3)).put(put(), Attempt::First).await.unwrap_err();
        assert!(not_led(refused), "{bad}");
    }
    let huge = PutRecordIn {
        hash_key: HashKey(0),
        partition_key: PartitionKey::new("key".to_owned()).unwrap(),
        data: Bytes::from(vec![0; PeerOptions::default().call_bytes_max]),
    };
    let items = vec![PutItem { shard: SHARD, records: vec![huge] }];
    let huge = Arc::new(PutRequest { items, ..PutRequest::clone(&put()) });
    let refused = caller.links.storage(NodeId(2)).put(huge, Attempt::First).await.unwrap_err();
    assert!(matches!(refused, NodeError::Unavailable { .. }), "{refused}");
    caller.stop().await;
    callee.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_sent_and_not_answered_is_unknown() {
    let (caller, callee, book) = pair(Served::default()).await;
    let breaks = TcpListener::bind("127.0.0.1:0").await.unwrap();
    book.write(3, breaks.local_addr().unwrap().to_string(), identity(3).incarnation);
    let reads_and_hangs_up = async {
        let (mut stream, _) = breaks.accept().await.unwrap();
        // The preface, settings and the window come before the call.
        let mut read = vec![0; 64 << 10];
        let mut total = 0;
        while total < 300 {
            total += stream.read(&mut read).await.unwrap();
        }
    };
    let storage = caller.links.storage(NodeId(3));
    let put = storage.put(put(), Attempt::First);
    let (answer, ()) = soon("an error", async { tokio::join!(put, reads_and_hangs_up) }).await;
    let error = answer.unwrap_err();
    assert!(matches!(error, NodeError::Unknown { .. }), "{error}");
    caller.stop().await;
    callee.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadline_reaches_the_node_that_is_called() {
    let (let_go, mut has_let_go) = mpsc::channel(8);
    let (caller, callee, _) = pair(storing(Arc::new(Silent(let_go)))).await;
    let remote: Arc<dyn StorageNode> = Arc::new(caller.links.storage(NodeId(2)));
    let router = Router::new(BTreeMap::from([(NodeId(2), remote)]), caller.env.clone());
    let deadline = caller.env.clock.monotonic() + Duration::from_millis(300);
    let call = router.call_again(GROUP, deadline, |node, attempt| async move { node.put(put(), attempt).await });
    let error = soon("the deadline", call).await.unwrap_err();
    assert!(matches!(error, NodeError::Unknown { .. }), "{error}");
    soon("the other node to stop as well", has_let_go.recv()).await.unwrap();

    tracing::info!("a caller that loses interest says so as well");
    let remote = caller.links.storage(NodeId(2));
    let lost_interest = tokio::time::timeout(Duration::from_millis(300), remote.read(read())).await;
    assert!(lost_interest.is_err(), "it answers nothing");
    soon("the other node to stop", has_let_go.recv()).await.unwrap();
    caller.stop().await;
    callee.stop().await;
}
