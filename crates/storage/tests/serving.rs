//! A storage node over a log on disk and state in memory, under a clock that moves when told to.
//!
//! The log is driven by a task of the same thread, so that the runtime is never idle and its paused
//! time does not race ahead while the disk works: it goes on by a millisecond at a time, and by leaps
//! in [`World::pass`].

#![allow(clippy::unwrap_used, reason = "tests say what they expect bluntly")]

use anabranch_catalog::{Parents, Shard};
use anabranch_cluster::{
    Attempt, NewRetention, NewShards, NodeError, PutItem, PutRecordIn, PutReply, PutRequest, ReadReply, ReadRequest,
    ReadStart, RecordFate, ShardKey, StorageNode, SubscriptionRead, Writable,
};
use anabranch_consensus::GroupOptions;
use anabranch_limiter::{Bucket, ShardLimits};
use anabranch_runtime::fs::StdFs;
use anabranch_runtime::{BlockingInPlace, Env, ManualClock, MemoryBudget, OnFailure, SimulatedClock};
use anabranch_storage::{HostParts, Storage, StorageOptions};
use anabranch_store::{MemoryStore, RocksStore, SharedOptions, SharedResources, Store, StoreOptions};
use anabranch_types::{
    AccountId, Counter, GroupId, HashKeyRange, MapVersion, NodeId, PartitionKey, ReplicaId, RequestId, ShardId,
    StreamName, StreamUid, Timestamp,
};
use anabranch_walog::{Options, Step, Walog};
use bytes::Bytes;
use std::num::{NonZeroU32, NonZeroU64};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const GROUP: GroupId = GroupId(1);
const STREAM: StreamUid = StreamUid(7);
const FIRST: ShardKey = ShardKey { stream: STREAM, shard: ShardId(0) };
const SECOND: ShardKey = ShardKey { stream: STREAM, shard: ShardId(1) };
const START: Timestamp = Timestamp::from_millis(1_742_000_000_000);
const READ_MEMORY_BYTES: usize = 64 << 20;
const RETENTION: Duration = Duration::from_secs(24 * 3600);

struct World {
    env: Env,
    /// The clock of `env`.
    clock: Arc<SimulatedClock>,
    storage: Storage,
    store: Arc<dyn Store>,
    /// `store`, where it is in memory.
    memory: Option<Arc<MemoryStore>>,
    log: Walog,
    writable: Writable,
    /// What records on their way to readers are charged to.
    budget: MemoryBudget,
    /// What blocks is done in place: the log passes time as it works, and waits for no other thread.
    _in_place: BlockingInPlace,
}

fn log_options() -> Options {
    Options { segment_bytes: 4 << 20, entry_bytes_max: 2 << 20, quota_bytes: 32 << 20, ..Options::default() }
}

impl World {
    async fn start(
        dir: &Path,
        store: MemoryStore,
        wall: Timestamp,
        limits: Option<ShardLimits>,
        log: Options,
    ) -> World {
        let memory = Arc::new(store);
        let world = World::start_on(dir, Arc::clone(&memory) as _, wall, limits, log).await;
        World { memory: Some(memory), ..world }
    }

    async fn start_on(
        dir: &Path,
        store: Arc<dyn Store>,
        wall: Timestamp,
        limits: Option<ShardLimits>,
        log: Options,
    ) -> World {
        let clock = Arc::new(SimulatedClock::starting_at(wall));
        let env = Env { clock: Arc::clone(&clock) as _, ..Env::simulated(wall, 1) };
        World { clock, ..World::start_in(env, dir, store, limits, log).await }
    }

    async fn start_in(env: Env, dir: &Path, store: Arc<dyn Store>, limits: Option<ShardLimits>, log: Options) -> World {
        let in_place = BlockingInPlace::on_this_thread();
        let clock = Arc::new(SimulatedClock::starting_at(env.clock.wall()));
        let (log, mut driver) = Walog::open_driven(Arc::new(StdFs), dir, log).unwrap();
        let stopping = env.tasks.stopping();
        env.tasks.spawn("log", OnFailure::ShutDown, async move {
            while !stopping.is_cancelled() {
                match driver.step() {
                    Step::Wrote => tokio::task::yield_now().await,
                    Step::Idle => tokio::time::advance(Duration::from_millis(1)).await,
                    Step::Stopped => return,
                }
            }
        });
        let writable = Writable::new();
        let parts = HostParts {
            group: GROUP,
            founders: vec![(ReplicaId(1), NodeId(1))],
            replica: ReplicaId(1),
            log: log.group(GROUP),
            store: Arc::clone(&store),
            home: None,
            writable: writable.clone(),
        };
        let budget = MemoryBudget::new(READ_MEMORY_BYTES);
        let options = StorageOptions { limits, memory: budget.clone(), ..StorageOptions::default() };
        let storage = Storage::new(env.clone(), options, GroupOptions::default());
        storage.host(parts).await.unwrap();
        World { env, clock, storage, store, memory: None, log, writable, budget, _in_place: in_place }
    }

    /// A new log and state with two shards, and no limits.
    async fn fresh(dir: &Path) -> World {
        World::limited(dir, None).await
    }

    async fn limited(dir: &Path, limits: Option<ShardLimits>) -> World {
        World::with_shards(World::start(dir, MemoryStore::new(), START, limits, log_options()).await).await
    }

    async fn with_shards(self) -> World {
        self.storage.create_shards(GROUP, Arc::new(new_shards())).await.unwrap();
        self
    }

    /// Stops without a flush; what a new process would find in state.
    async fn crash(self) -> (MemoryStore, Timestamp) {
        let left = self.memory.as_ref().map(|memory| memory.crash()).unwrap_or_default();
        let now = self.env.clock.wall();
        self.storage.shutdown().await;
        self.env.tasks.shutdown(Duration::from_secs(60)).await.unwrap();
        self.log.close();
        (left, now)
    }

    async fn pass(&self, span: Duration) {
        tokio::time::advance(span).await;
        self.settle().await;
    }

    /// Lets timers that are due do their work, and the leader show that it lives.
    async fn settle(&self) {
        self.env.sleep(Duration::from_secs(1)).await;
    }

    fn request(&self, id: u128, items: Vec<PutItem>) -> Arc<PutRequest> {
        Arc::new(PutRequest { group: GROUP, request_id: RequestId(id), issued: self.env.now(), items })
    }

    async fn put(&self, id: u128, shard: ShardKey, records: &[&str]) -> Vec<RecordFate> {
        let reply = self.storage.put(self.request(id, vec![item(shard, records)]), Attempt::First).await.unwrap();
        one_item(reply)
    }

    async fn read(&self, shard: ShardKey, from: Counter) -> ReadReply {
        self.storage.read(read_of(shard, from)).await.unwrap()
    }

    /// A follower's read.
    async fn follow(&self, shard: ShardKey, from: Counter, wait_max: Duration) -> Result<ReadReply, NodeError> {
        self.storage.read(ReadRequest { wait_max, ..read_of(shard, from) }).await
    }

    async fn texts(&self, shard: ShardKey) -> Vec<String> {
        texts(&self.read(shard, Counter::ZERO).await)
    }
}

async fn put_one(world: &World, id: u128, text: &str) -> Vec<RecordFate> {
    world.put(id, FIRST, &[text]).await
}

fn read_of(shard: ShardKey, from: Counter) -> ReadRequest {
    let (records_max, bytes_max) = (10_000, 10 << 20);
    ReadRequest { group: GROUP, shard, from, records_max, bytes_max, wait_max: Duration::ZERO, subscription: None }
}

fn one_item(mut reply: PutReply) -> Vec<RecordFate> {
    assert_eq!(reply.fates.len(), 1);
    reply.fates.remove(0)
}

fn texts(reply: &ReadReply) -> Vec<String> {
    reply.records.iter().map(|record| String::from_utf8(record.data.to_vec()).unwrap()).collect()
}

fn item(shard: ShardKey, records: &[&str]) -> PutItem {
    let start = ranges()[shard.shard.0 as usize].start();
    let record = |text: &&str| PutRecordIn {
        hash_key: start,
        partition_key: PartitionKey::new("key".to_owned()).unwrap(),
        data: Bytes::copy_from_slice(text.as_bytes()),
    };
    PutItem { shard, records: records.iter().map(record).collect() }
}

fn ranges() -> Vec<HashKeyRange> {
    HashKeyRange::tiles(NonZeroU32::new(2).unwrap())
}

fn new_shards() -> NewShards {
    let shard = |(range, id)| Shard {
        id: ShardId(id),
        range,
        parents: Parents::None,
        group: GROUP,
        created_s: START.as_secs(),
        opened: START,
        closed: None,
    };
    NewShards {
        stream: STREAM,
        account: AccountId::DEFAULT,
        name: StreamName::new("orders").unwrap(),
        retention: RETENTION,
        shards: ranges().into_iter().zip(0..).map(shard).collect(),
        retention_change: MapVersion(0),
    }
}

fn stored(fates: &[RecordFate]) -> Vec<Counter> {
    let counter = |fate: &RecordFate| match fate {
        RecordFate::Stored { counter, .. } => Some(*counter),
        _ => None,
    };
    fates.iter().filter_map(counter).collect()
}

fn writes_per_second(records: u64) -> ShardLimits {
    ShardLimits { write_records_per_second: NonZeroU64::new(records).unwrap(), ..ShardLimits::default() }
}

#[tokio::test(start_paused = true)]
async fn records_are_read_as_written_at_the_numbers_that_were_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::fresh(dir.path()).await;
    let both = world.request(1, vec![item(FIRST, &["a", "b"]), item(SECOND, &["x"])]);
    let fates = world.storage.put(both, Attempt::First).await.unwrap().fates;
    let later = world.put(2, FIRST, &["c"]).await;
    let reply = world.read(FIRST, Counter::ZERO).await;
    assert_eq!(texts(&reply), ["a", "b", "c"]);
    let counters: Vec<Counter> = reply.records.iter().map(|record| record.counter).collect();
    assert_eq!(counters, [stored(&fates[0]), stored(&later)].concat());
    assert!(counters.is_sorted_by(|earlier, later| earlier < later), "{counters:?}");
    assert_eq!(world.texts(SECOND).await, ["x"]);
    assert_eq!((reply.millis_behind_latest, reply.ended), (0, false));

    let one = ReadRequest { records_max: 1, ..read_of(FIRST, Counter::ZERO) };
    world.pass(Duration::from_secs(5)).await;
    let page = world.storage.read(one).await.unwrap();
    assert_eq!(texts(&page), ["a"]);
    assert!((5_000..60_000).contains(&page.millis_behind_latest), "{}", page.millis_behind_latest);
    assert_eq!(texts(&world.read(FIRST, page.next).await), ["b", "c"]);
    world.crash().await;
}

#[tokio::test(start_paused = true)]
async fn a_read_finds_what_there_is_memory_for_and_gives_it_back_with_the_last_record() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::fresh(dir.path()).await;
    for (id, text) in ["a", "b", "c"].into_iter().enumerate() {
        world.put(id as u128, FIRST, &[&text.repeat(1_000)]).await;
    }
    let others = world.budget.charge(READ_MEMORY_BYTES - 2_000).unwrap();
    let first = world.read(FIRST, Counter::ZERO).await;
    assert_eq!(texts(&first), ["a".repeat(1_000)]);
    assert!(first.millis_behind_latest > 0, "there is more");
    let refused = world.storage.read(read_of(FIRST, first.next)).await;
    assert!(matches!(refused, Err(NodeError::Unavailable { .. })), "{refused:?}");
    let next = first.next;
    drop(first);
    assert_eq!(texts(&world.read(FIRST, next).await), ["b".repeat(1_000)]);
    drop(others);
    assert_eq!(texts(&world.read(FIRST, next).await), ["b".repeat(1_000), "c".repeat(1_000)]);
    assert_eq!(world.budget.free_bytes(), READ_MEMORY_BYTES);
    world.crash().await;
}

#[tokio::test(start_paused = true)]
async fn a_read_without_memory_waits_for_what_other_answers_give_back() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::fresh(dir.path()).await;
    world.put(1, FIRST, &["a"]).await;
    let others = world.budget.charge(READ_MEMORY_BYTES).unwrap();
    let given_back = async {
        world.env.sleep(Duration::from_millis(300)).await;
        drop(others);
    };
    let (texts, ()) = tokio::join!(world.texts(FIRST), given_back);
    assert_eq!(texts, ["a"]);
}

#[tokio::test(start_paused = true)]
async fn a_followers_read_waits_at_the_tip_until_its_shard_has_more() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::fresh(dir.path()).await;
    world.put(1, FIRST, &["before"]).await;
    let old = world.follow(FIRST, Counter::ZERO, Duration::from_secs(60)).await.unwrap();
    assert_eq!(texts(&old), ["before"], "what is there is answered at once");

    let begun = world.env.clock.monotonic();
    let nothing = world.follow(FIRST, old.next, Duration::from_secs(20)).await.unwrap();
    assert_eq!((texts(&nothing), nothing.millis_behind_latest), (Vec::new(), 0));
    let waited = world.env.clock.monotonic() - begun;
    assert!(waited >= Duration::from_secs(20), "{waited:?}");

    let begun = world.env.clock.monotonic();
    let (woken, ()) = tokio::join!(world.follow(FIRST, old.next, Duration::from_secs(3_600)), async {
        // A write to its neighbour in the group is none to it.
        world.put(2, SECOND, &["other"]).await;
        world.settle().await;
        world.put(3, FIRST, &["after"]).await;
    });
    assert_eq!(texts(&woken.unwrap()), ["after"]);
    let waited = world.env.clock.monotonic() - begun;
    assert!(waited < Duration::from_secs(600), "woken by the commit: {waited:?}");
    world.crash().await;
}

#[tokio::test(start_paused = true)]
async fn a_sealed_shard_takes_no_more_and_its_readers_come_to_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::fresh(dir.path()).await;
    world.put(1, FIRST, &["last"]).await;
    let tip = world.storage.locate(GROUP, FIRST, ReadStart::Latest).await.unwrap();
    let (woken, endings) = tokio::join!(world.follow(FIRST, tip, Duration::from_secs(3_600)), async {
        world.settle().await;
        world.storage.seal(GROUP, STREAM, Arc::new([FIRST.shard])).await.unwrap()
    });
    assert!(woken.unwrap().ended, "a follower hears of it at once");
    assert_eq!(put_one(&world, 2, "late").await, [RecordFate::Closed]);
    let both = world.request(3, vec![item(FIRST, &["late"]), item(SECOND, &["in time"])]);
    let fates = world.storage.put(both, Attempt::First).await.unwrap().fates;
    assert_eq!(fates[0], [RecordFate::Closed]);
    assert_eq!(stored(&fates[1]).len(), 1, "its neighbour takes records");
    let end = world.read(FIRST, Counter::ZERO).await;
    assert_eq!((texts(&end), end.ended), (vec!["last".to_owned()], true));
    assert!(endings[0].closed >= end.records[0].arrival, "the end is not before the last record");

    world.pass(Duration::from_secs(60)).await;
    let all = world.storage.seal(GROUP, STREAM, Arc::new([SECOND.shard, FIRST.shard])).await.unwrap();
    assert_eq!(all.iter().map(|ending| ending.epoch.shard).collect::<Vec<_>>(), [SECOND.shard, FIRST.shard]);
    assert_eq!(all[1], endings[0], "a repetition hears when it closed the first time");
    assert!(all[0].closed > all[1].closed);
    world.crash().await;
}

#[tokio::test(start_paused = true)]
async fn a_repeated_put_hears_what_became_of_it_before_its_shard_was_sealed() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::fresh(dir.path()).await;
    let before = put_one(&world, 1, "in time").await;
    world.storage.seal(GROUP, STREAM, Arc::new([FIRST.shard])).await.unwrap();
    let again = world.storage.put(world.request(1, vec![item(FIRST, &["in time"])]), Attempt::Again).await.unwrap();
    assert_eq!(one_item(again), before, "not closed: it would go to the children a second time");
    let new = world.storage.put(world.request(2, vec![item(FIRST, &["late"])]), Attempt::Again).await.unwrap();
    assert_eq!(one_item(new), [RecordFate::Closed]);
    world.crash().await;
}

#[tokio::test(start_paused = true)]
async fn a_shard_that_the_group_does_not_have_is_not_sealed() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::fresh(dir.path()).await;
    let refused = world.storage.seal(GROUP, STREAM, Arc::new([FIRST.shard, ShardId(77)])).await;
    assert!(matches!(refused, Err(NodeError::Unavailable { .. })), "{refused:?}");
    world.crash().await;
}

#[tokio::test(start_paused = true)]
async fn shards_are_sealed_on_a_disk_that_takes_no_puts() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::fresh(dir.path()).await;
    world.writable.refuse("the disk is full".to_owned());
    assert!(world.storage.put(world.request(1, vec![item(FIRST, &["x"])]), Attempt::First).await.is_err());
    world.storage.seal(GROUP, STREAM, Arc::new([FIRST.shard])).await.unwrap();
    world.crash().await;
}

#[tokio::test(start_paused = true)]
async fn a_followers_read_of_a_stream_that_is_dropped_ends() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::fresh(dir.path()).await;
    let tip = world.storage.locate(GROUP, FIRST, ReadStart::Latest).await.unwrap();
    let (read, ()) = tokio::join!(world.follow(FIRST, tip, Duration::from_secs(3_600)), async {
        world.settle().await;
        world.storage.drop_stream(GROUP, STREAM).await.unwrap();
    });
    assert!(matches!(read, Err(NodeError::NoSuchShard { .. })), "{read:?}");
    world.crash().await;
}

#[tokio::test(start_paused = true)]
async fn followers_share_the_bytes_of_a_shard_and_leave_its_calls_alone() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::limited(dir.path(), Some(ShardLimits::default())).await;
    world.put(1, FIRST, &["x"]).await;
    for _ in 0..50 {
        world.follow(FIRST, Counter::ZERO, Duration::from_secs(1)).await.unwrap();
    }
    for _ in 0..5 {
        world.read(FIRST, Counter::ZERO).await;
    }
    let large = "x".repeat(1 << 20);
    for id in 0..3 {
        world.pass(Duration::from_secs(1)).await;
        world.put(10 + id, FIRST, &[&large]).await;
    }
    world.follow(FIRST, Counter::ZERO, Duration::from_secs(1)).await.unwrap();
    let refused = world.follow(FIRST, Counter::ZERO, Duration::from_secs(1)).await;
    assert!(matches!(refused, Err(NodeError::Throttled { bucket: Bucket::ReadBytes, .. })), "{refused:?}");
    world.crash().await;
}

#[tokio::test(start_paused = true)]
async fn a_consumer_has_bytes_of_its_own_and_one_subscription_that_reads_them() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::limited(dir.path(), Some(ShardLimits::default())).await;
    let read = async |id: u128, begins| {
        let (consumer, begun) = (MapVersion(9), world.env.now());
        let subscription = SubscriptionRead { consumer, subscription: RequestId(id), begun, begins };
        let (wait_max, subscription) = (Duration::from_secs(1), Some(subscription));
        world.storage.read(ReadRequest { wait_max, subscription, ..read_of(FIRST, Counter::ZERO) }).await
    };
    world.put(1, FIRST, &["x"]).await;
    assert_eq!(texts(&read(1, true).await.unwrap()), ["x"]);
    for _ in 0..5 {
        world.read(FIRST, Counter::ZERO).await;
    }
    let early = read(2, true).await;
    assert!(matches!(early, Err(NodeError::SubscriptionInUse { .. })), "{early:?}");
    world.pass(Duration::from_secs(5)).await;
    assert_eq!(texts(&read(2, true).await.unwrap()), ["x"]);
    let over = read(1, false).await;
    assert!(matches!(over, Err(NodeError::SubscriptionTakenOver)), "{over:?}");

    let large = "x".repeat(1 << 20);
    for id in 0..3 {
        world.pass(Duration::from_secs(1)).await;
        world.put(10 + id, FIRST, &[&large]).await;
    }
    assert_eq!(read(2, false).await.unwrap().records.len(), 4);
    let refused = read(2, false).await;
    assert!(matches!(refused, Err(NodeError::Throttled { bucket: Bucket::ReadBytes, .. })), "{refused:?}");
    world.follow(FIRST, Counter::ZERO, Duration::from_secs(1)).await.unwrap();
    world.crash().await;
}

#[tokio::test(start_paused = true)]
async fn latest_is_bound_when_it_is_asked_for_and_a_time_finds_its_first_record() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::fresh(dir.path()).await;
    world.put(1, FIRST, &["before"]).await;
    let latest = world.storage.locate(GROUP, FIRST, ReadStart::Latest).await.unwrap();
    world.pass(Duration::from_secs(10)).await;
    let at = world.env.clock.wall();
    world.put(2, FIRST, &["after"]).await;
    assert_eq!(texts(&world.read(FIRST, latest).await), ["after"]);
    let found = world.storage.locate(GROUP, FIRST, ReadStart::AtTimestamp(at)).await.unwrap();
    assert_eq!(texts(&world.read(FIRST, found).await), ["after"]);
    let start = world.storage.locate(GROUP, FIRST, ReadStart::AtTimestamp(START)).await.unwrap();
    assert_eq!(texts(&world.read(FIRST, start).await), ["before", "after"]);
    let nobody = ShardKey { stream: StreamUid(8), shard: ShardId(0) };
    let refusal = world.storage.locate(GROUP, nobody, ReadStart::Latest).await;
    assert!(matches!(refusal, Err(NodeError::NoSuchShard { .. })), "{refusal:?}");
    world.crash().await;
}

#[tokio::test(start_paused = true)]
async fn i8_records_beyond_the_budget_are_refused_one_by_one_until_it_refills() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::limited(dir.path(), Some(writes_per_second(2))).await;
    let fates = world.put(1, FIRST, &["a", "b", "c"]).await;
    assert_eq!(stored(&fates[..2]).len(), 2, "{fates:?}");
    assert!(matches!(fates[2], RecordFate::Throttled { .. }), "{fates:?}");
    let other = world.put(2, SECOND, &["x"]).await;
    assert_eq!(stored(&other).len(), 1, "another shard has a budget of its own");
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(stored(&world.put(3, FIRST, &["c"]).await).len(), 1);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(world.texts(FIRST).await, ["a", "b", "c"]);
    world.crash().await;
}

#[tokio::test(start_paused = true)]
async fn behind_a_refused_record_of_a_shard_none_is_written_by_the_same_call() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::limited(dir.path(), Some(ShardLimits::default())).await;
    let large = "x".repeat(1 << 20);
    let fates = world.put(1, FIRST, &["first", &large, &large, "", "last"]).await;
    let refused = fates.iter().skip_while(|fate| matches!(fate, RecordFate::Stored { .. }));
    assert_eq!(stored(&fates[..2]).len(), 2, "{fates:?}");
    assert!(refused.clone().all(|fate| matches!(fate, RecordFate::Throttled { .. })), "{fates:?}");
    assert_eq!(refused.count(), 3, "not even the empty one");
    world.crash().await;
}

#[tokio::test(start_paused = true)]
async fn puts_that_wait_for_a_group_share_an_entry_and_each_has_its_own_answer() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::fresh(dir.path()).await;
    let before = world.storage.state_hash(GROUP).await.unwrap().applied;
    let names: Vec<String> = (0..50).map(|number| format!("record {number}")).collect();
    let puts = names.iter().zip(1..).map(|(name, id)| put_one(&world, id, name));
    let fates = futures::future::join_all(puts).await.concat();
    let entries = world.storage.state_hash(GROUP).await.unwrap().applied - before;
    assert_eq!(entries, 3, "two go alone, since an idle group waits for nothing, and the others together");
    let reply = world.read(FIRST, Counter::ZERO).await;
    let written: Vec<_> = reply.records.iter().map(|record| record.counter).zip(texts(&reply)).collect();
    assert_eq!(written, stored(&fates).into_iter().zip(names).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn large_puts_wait_for_no_others() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::fresh(dir.path()).await;
    let before = world.storage.state_hash(GROUP).await.unwrap().applied;
    let large = "x".repeat(128 << 10);
    let puts = (1..=6).map(|id| put_one(&world, id, &large));
    let fates = futures::future::join_all(puts).await.concat();
    assert_eq!(stored(&fates).len(), 6);
    assert_eq!(world.storage.state_hash(GROUP).await.unwrap().applied - before, 6, "an entry each");
}

#[tokio::test(start_paused = true)]
async fn small_puts_that_have_gathered_go_before_an_entry_is_done() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::fresh(dir.path()).await;
    let before = world.storage.state_hash(GROUP).await.unwrap().applied;
    let quarter = "x".repeat(32 << 10);
    let puts = (1..=14).map(|id| put_one(&world, id, &quarter));
    let fates = futures::future::join_all(puts).await.concat();
    assert_eq!(stored(&fates).len(), 14);
    let entries = world.storage.state_hash(GROUP).await.unwrap().applied - before;
    assert_eq!(entries, 5, "two alone, and three of four each");
}

#[tokio::test(start_paused = true)]
async fn i12_repetitions_that_wait_side_by_side_are_applied_once_and_answered_alike() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::limited(dir.path(), Some(writes_per_second(4))).await;
    let ahead = [world.put(1, SECOND, &["x"]), world.put(2, SECOND, &["y"])];
    let three = world.request(3, vec![item(FIRST, &["a", "b", "c"])]);
    let used_up = world.request(4, vec![item(FIRST, &["d"])]);
    let put = |request: &Arc<PutRequest>, attempt| world.storage.put(Arc::clone(request), attempt);
    let (_, first, again, other) = tokio::join!(
        futures::future::join_all(ahead),
        put(&three, Attempt::First),
        put(&three, Attempt::Again),
        put(&used_up, Attempt::First),
    );
    let first = one_item(first.unwrap());
    assert_eq!(first, one_item(again.unwrap()));
    assert_eq!(stored(&first).len(), 3);
    assert!(matches!(one_item(other.unwrap())[..], [RecordFate::Throttled { .. }]), "the repetition was charged");
    assert_eq!(world.texts(FIRST).await, ["a", "b", "c"]);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_leaves_takes_its_waiting_put_with_it_and_nobody_elses() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::limited(dir.path(), Some(writes_per_second(3))).await;
    let ahead = futures::future::join_all([world.put(1, SECOND, &["x"]), world.put(2, SECOND, &["y"])]);
    let gone = world.put(3, FIRST, &["gone", "with", "it"]);
    let stays = world.put(4, SECOND, &["z"]);
    let mut gone = Box::pin(gone);
    let (_, _, stays) = tokio::join!(
        ahead,
        async {
            assert!(futures::poll!(&mut gone).is_pending());
            drop(gone);
        },
        stays
    );
    assert_eq!(stored(&stays).len(), 1);
    let after = world.put(5, FIRST, &["a", "b", "c"]).await;
    assert_eq!(stored(&after).len(), 3, "what the put that left had taken was given back");
    assert_eq!(world.texts(FIRST).await, ["a", "b", "c"]);
}

#[tokio::test(start_paused = true)]
async fn i12_a_repeated_request_is_applied_once_and_answered_as_before() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::fresh(dir.path()).await;
    let request = world.request(1, vec![item(FIRST, &["a", "b"]), item(SECOND, &["x"])]);
    let first = world.storage.put(Arc::clone(&request), Attempt::First).await.unwrap();
    let second = world.storage.put(Arc::clone(&request), Attempt::Again).await.unwrap();
    assert_eq!(first.fates, second.fates);
    world.pass(Duration::from_secs(400)).await;
    let old = world.storage.put(request, Attempt::Again).await.unwrap();
    assert!(old.fates.iter().flatten().all(|fate| matches!(fate, RecordFate::Stored { .. } | RecordFate::TooOld)));
    assert_eq!(world.texts(FIRST).await, ["a", "b"]);
    assert_eq!(world.texts(SECOND).await, ["x"]);
    world.crash().await;
}

#[tokio::test(start_paused = true)]
async fn i12_a_repetition_claims_no_record_that_the_first_try_had_refused() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::limited(dir.path(), Some(writes_per_second(2))).await;
    let request = world.request(1, vec![item(FIRST, &["a", "b", "c"])]);
    let first = one_item(world.storage.put(Arc::clone(&request), Attempt::First).await.unwrap());
    assert!(matches!(first[2], RecordFate::Throttled { .. }), "{first:?}");
    tokio::time::advance(Duration::from_secs(60)).await;
    let second = one_item(world.storage.put(Arc::clone(&request), Attempt::Again).await.unwrap());
    assert_eq!((&second[..2], second[2]), (&first[..2], RecordFate::TooOld));
    assert_eq!(world.texts(FIRST).await, ["a", "b"]);
    world.crash().await;
}

#[tokio::test(start_paused = true)]
async fn i11_records_vanish_soon_after_their_retention_and_not_before() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::fresh(dir.path()).await;
    let put_at = world.env.clock.wall();
    let old = stored(&world.put(1, FIRST, &["old"]).await)[0];
    world.pass(Duration::from_secs(3600)).await;
    world.put(2, FIRST, &["young"]).await;
    world.pass(RETENTION - Duration::from_secs(3600 + 120)).await;
    while world.texts(FIRST).await == ["old", "young"] {
        world.pass(Duration::from_secs(1)).await;
    }
    let vanished_at = world.env.clock.wall();
    assert_eq!(world.texts(FIRST).await, ["young"]);
    assert!(vanished_at >= put_at.plus(RETENTION), "it vanished early");
    assert!(vanished_at <= put_at.plus(RETENTION + Duration::from_secs(60)), "it was served too long");
    assert!(world.read(FIRST, old).await.next > old, "a reader of expired data goes on");
    world.pass(Duration::from_secs(3600)).await;
    world.pass(Duration::from_secs(10)).await;
    let empty = world.read(FIRST, Counter::ZERO).await;
    assert_eq!((texts(&empty), empty.millis_behind_latest), (Vec::new(), 0));
    let next = stored(&world.put(3, FIRST, &["new"]).await)[0];
    assert!(empty.next <= next, "nothing new is skipped");
    assert_eq!(texts(&world.read(FIRST, empty.next).await), ["new"]);
    world.crash().await;
}

#[tokio::test(start_paused = true)]
async fn i1_a_restart_keeps_every_acknowledged_record_at_its_number() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = World::fresh(dir.path()).await;
    let mut acknowledged = Vec::new();
    for run in 0..3u128 {
        for number in 0..10 {
            let id = run * 100 + number;
            acknowledged.extend(stored(&world.put(id, FIRST, &[&id.to_string()]).await));
            if run == 1 && number == 5 {
                // Time for a flush: only a part is applied again.
                world.pass(Duration::from_secs(61)).await;
            }
        }
        let (left, now) = world.crash().await;
        world = World::start(dir.path(), left, now, None, log_options()).await;
        let reply = world.read(FIRST, Counter::ZERO).await;
        let counters: Vec<Counter> = reply.records.iter().map(|record| record.counter).collect();
        assert_eq!(counters, acknowledged, "after run {run}");
        let again = world.put(run * 100 + 9, FIRST, &["again"]).await;
        assert_eq!(stored(&again), acknowledged[acknowledged.len() - 1..], "remembered over the restart");
    }
    assert!(acknowledged.is_sorted_by(|earlier, later| earlier < later), "I3");
    world.crash().await;
}

#[tokio::test(start_paused = true)]
async fn a_full_log_refuses_puts_and_lets_streams_be_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let log = Options { segment_bytes: 1 << 20, entry_bytes_max: 256 << 10, quota_bytes: 6 << 20, ..log_options() };
    let world = World::start(dir.path(), MemoryStore::new(), START, None, log).await;
    world.storage.create_shards(GROUP, Arc::new(new_shards())).await.unwrap();
    let big = "x".repeat(200 << 10);
    let mut kept = 0;
    let refusal = loop {
        match world.storage.put(world.request(kept, vec![item(FIRST, &[&big])]), Attempt::First).await {
            Ok(_) => kept += 1,
            Err(refusal) => break refusal,
        }
    };
    assert!(matches!(refusal, NodeError::Unavailable { .. }), "{refusal}");
    assert_eq!(world.read(FIRST, Counter::ZERO).await.records.len() as u128, kept, "what was acknowledged is there");
    world.storage.drop_stream(GROUP, STREAM).await.unwrap();
    world.crash().await;
}

#[tokio::test(start_paused = true)]
async fn the_largest_record_that_a_stream_can_take_is_kept_over_a_crash_and_read_alone() {
    let dir = tempfile::tempdir().unwrap();
    let log = Options { quota_bytes: 256 << 20, ..Options::default() };
    let mut world = World::start(dir.path(), MemoryStore::new(), START, None, log.clone()).await.with_shards().await;
    let largest = "x".repeat(anabranch_types::limits::RECORD_BYTES_MAX as usize - "key".len());
    for id in 1..=2 {
        assert_eq!(stored(&world.put(id, FIRST, &[&largest]).await).len(), 1);
    }
    let (left, now) = world.crash().await;
    world = World::start(dir.path(), left, now, None, log).await;
    let reply = world.read(FIRST, Counter::ZERO).await;
    assert_eq!(reply.records.iter().map(|record| record.data.len()).collect::<Vec<_>>(), [largest.len()]);
    let rest = world.read(FIRST, reply.next).await;
    assert_eq!(rest.records.iter().map(|record| record.data.len()).collect::<Vec<_>>(), [largest.len()]);
    world.crash().await;
}

#[tokio::test(start_paused = true)]
async fn a_node_that_refuses_writes_still_expires_and_drops() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::fresh(dir.path()).await;
    world.put(1, FIRST, &["old"]).await;
    world.writable.refuse("the disk is nearly full".to_owned());
    let refusal = world.storage.put(world.request(2, vec![item(FIRST, &["more"])]), Attempt::First).await;
    assert!(matches!(refusal, Err(NodeError::Unavailable { .. })), "{refusal:?}");
    world.pass(RETENTION + Duration::from_secs(30)).await;
    world.pass(Duration::from_secs(10)).await;
    assert_eq!(world.texts(FIRST).await, Vec::<String>::new());
    world.storage.drop_stream(GROUP, STREAM).await.unwrap();
    world.crash().await;
}

#[tokio::test(start_paused = true)]
async fn a_longer_retention_keeps_what_was_written_before_also_over_a_crash_and_a_full_disk() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = World::fresh(dir.path()).await;
    world.put(1, FIRST, &["old"]).await;
    world.writable.refuse("the disk is nearly full".to_owned());
    let (change, retention) = (MapVersion(7), RETENTION * 2);
    let new = NewRetention { stream: STREAM, retention, change };
    world.storage.set_retention(GROUP, new).await.unwrap();
    let earlier = NewRetention { retention: RETENTION, change: MapVersion(6), ..new };
    world.storage.set_retention(GROUP, earlier).await.unwrap();
    world.pass(RETENTION + Duration::from_secs(30)).await;
    assert_eq!(world.texts(FIRST).await, ["old"]);
    let (left, now) = world.crash().await;
    world = World::start(dir.path(), left, now, None, log_options()).await;
    world.pass(Duration::from_secs(30)).await;
    assert_eq!(world.texts(FIRST).await, ["old"]);
    world.pass(RETENTION).await;
    world.pass(Duration::from_secs(10)).await;
    assert_eq!(world.texts(FIRST).await, Vec::<String>::new());
    assert_eq!(world.store.buckets(), [], "its bucket is dropped");
    world.crash().await;
}

#[tokio::test(start_paused = true)]
async fn a_shorter_retention_hides_records_at_once_and_a_stream_that_is_not_there_has_none() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::fresh(dir.path()).await;
    let new = |retention, change| NewRetention { stream: STREAM, retention, change: MapVersion(change) };
    world.storage.set_retention(GROUP, new(RETENTION * 2, 7)).await.unwrap();
    world.put(1, FIRST, &["old"]).await;
    world.pass(RETENTION + Duration::from_secs(30)).await;
    world.put(2, FIRST, &["new"]).await;
    assert_eq!(world.texts(FIRST).await, ["old", "new"]);
    world.storage.set_retention(GROUP, new(RETENTION, 8)).await.unwrap();
    world.pass(Duration::from_secs(10)).await;
    assert_eq!(world.texts(FIRST).await, ["new"]);
    world.storage.set_retention(GROUP, new(RETENTION * 2, 9)).await.unwrap();
    assert_eq!(world.texts(FIRST).await, ["new"], "what was trimmed does not come back");
    let absent = NewRetention { stream: StreamUid(STREAM.0 + 1), ..new(RETENTION, 9) };
    let refused = world.storage.set_retention(GROUP, absent).await;
    assert!(matches!(refused, Err(NodeError::Unavailable { .. })), "{refused:?}");
    world.crash().await;
}

#[tokio::test(start_paused = true)]
async fn an_idle_group_is_not_told_the_time_for_what_one_of_its_streams_keeps_longer() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::fresh(dir.path()).await;
    let long = StreamUid(STREAM.0 + 1);
    let other = NewShards { stream: long, retention: RETENTION * 30, ..new_shards() };
    world.storage.create_shards(GROUP, Arc::new(other)).await.unwrap();
    world.put(1, FIRST, &["old"]).await;
    world.pass(RETENTION + Duration::from_secs(30)).await;
    world.pass(Duration::from_secs(10)).await;
    assert_eq!(world.texts(FIRST).await, Vec::<String>::new());
    let applied = world.storage.state_hash(GROUP).await.unwrap().applied;
    for _ in 0..10 {
        world.pass(Duration::from_secs(60)).await;
    }
    assert_eq!(world.storage.state_hash(GROUP).await.unwrap().applied, applied, "nothing was due");
    world.crash().await;
}

#[tokio::test(start_paused = true)]
async fn the_group_with_most_unflushed_state_is_flushed_when_all_together_hold_too_much() {
    let dir = tempfile::tempdir().unwrap();
    let log = Options { quota_bytes: 256 << 20, ..log_options() };
    let world = World::start(dir.path(), MemoryStore::new(), START, None, log).await.with_shards().await;
    let (small, large) = (GroupId(2), GROUP);
    let store = Arc::new(MemoryStore::new());
    let parts = HostParts {
        group: small,
        founders: vec![(ReplicaId(2), NodeId(1))],
        replica: ReplicaId(2),
        log: world.log.group(small),
        store: Arc::clone(&store) as _,
        home: None,
        writable: world.writable.clone(),
    };
    world.storage.host(parts).await.unwrap();
    world.storage.create_shards(small, Arc::new(new_shards())).await.unwrap();
    let mib = "x".repeat(1 << 20);
    let put = async |id: u128, group: GroupId| {
        let request = PutRequest { group, ..(*world.request(id, vec![item(FIRST, &[&mib])])).clone() };
        world.storage.put(Arc::new(request), Attempt::First).await.unwrap();
    };
    for id in 0..10 {
        put(id, small).await;
        put(100 + id, large).await;
    }
    world.settle().await;
    assert_eq!((world.store.stats().flushes, store.stats().flushes), (0, 0), "20 MiB are little");
    for id in 200..213 {
        put(id, large).await;
    }
    world.settle().await;
    assert_eq!((world.store.stats().flushes, store.stats().flushes), (1, 0), "33 MiB are too much");
    let (large, small) = (world.store.unflushed_bytes(), store.unflushed_bytes());
    assert!(large < small, "{large} bytes of the larger one, {small} of the smaller one");
    world.crash().await;
}

#[tokio::test(start_paused = true)]
async fn i11_expired_buckets_leave_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    let shared = SharedResources::new(&SharedOptions::default()).unwrap();
    let store = RocksStore::open(&dir.path().join("state"), &StoreOptions::default(), &shared).unwrap();
    let (log, store) = (dir.path().join("log"), Arc::new(store));
    let world = World::start_on(&log, store, START, None, log_options()).await.with_shards().await;
    world.put(1, FIRST, &["old"]).await;
    world.pass(Duration::from_secs(61)).await;
    let files = world.store.stats().table_files;
    assert!(files > 0, "the record was flushed");
    assert_eq!(world.store.buckets().len(), 1);
    world.pass(RETENTION).await;
    while !world.store.buckets().is_empty() {
        world.pass(Duration::from_secs(10)).await;
        assert!(world.env.clock.wall() < START.plus(2 * RETENTION), "the bucket is never dropped");
    }
    assert_eq!(world.texts(FIRST).await, Vec::<String>::new());
    while world.store.stats().pending_drops > 0 {
        world.pass(Duration::from_secs(10)).await;
        assert!(world.env.clock.wall() < START.plus(2 * RETENTION), "the family is never removed");
    }
    world.crash().await;
}

#[tokio::test(start_paused = true)]
async fn i11_what_expired_while_the_node_was_down_vanishes_seconds_after_its_start() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::fresh(dir.path()).await;
    world.put(1, FIRST, &["old"]).await;
    let (left, now) = world.crash().await;
    let later = now.plus(RETENTION + Duration::from_secs(3600));
    let world = World::start(dir.path(), left, later, None, log_options()).await;
    // Not at once: a clock that is wrong at boot would delete for good what has not expired.
    world.settle().await;
    world.pass(Duration::from_secs(10)).await;
    assert_eq!(world.texts(FIRST).await, Vec::<String>::new());
    world.crash().await;
}

#[tokio::test(start_paused = true)]
async fn i11_a_clock_that_jumps_right_after_the_start_expires_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::fresh(dir.path()).await;
    world.put(1, FIRST, &["kept"]).await;
    let (left, now) = world.crash().await;
    let world = World::start(dir.path(), left, now, None, log_options()).await;
    world.settle().await;
    world.clock.set_wall(now.plus(RETENTION + Duration::from_secs(3600)));
    for _ in 0..60 {
        world.settle().await;
    }
    assert_eq!(world.texts(FIRST).await, ["kept"]);
    world.crash().await;
}

#[tokio::test(start_paused = true)]
async fn i8_a_restart_gives_no_second_burst() {
    let dir = tempfile::tempdir().unwrap();
    let limits = Some(writes_per_second(2));
    let world = World::limited(dir.path(), limits).await;
    let fates = world.put(1, FIRST, &["a", "b"]).await;
    let RecordFate::Stored { arrival, .. } = fates[1] else { panic!("{fates:?}") };
    let (left, now) = world.crash().await;
    // Half a second later, and no later while the node starts.
    let clock = Arc::new(ManualClock::starting_at(arrival.plus(Duration::from_millis(500))));
    let env = Env { clock, ..Env::simulated(now, 2) };
    let world = World::start_in(env, dir.path(), Arc::new(left), limits, log_options()).await;
    world.read(FIRST, Counter::ZERO).await;
    let fates = world.put(2, FIRST, &["c", "d"]).await;
    assert_eq!(stored(&fates).len(), 1, "also when it is read first: {fates:?}");
    assert_eq!(stored(&world.put(3, SECOND, &["x", "y"]).await).len(), 2, "a shard that took nothing has its burst");
    world.crash().await;
}

#[tokio::test(start_paused = true)]
async fn i12_a_repetition_is_not_refused_for_what_the_first_try_used_up() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::limited(dir.path(), Some(writes_per_second(1))).await;
    world.put(1, FIRST, &["a"]).await;
    let again = world.request(2, vec![item(FIRST, &["b"; 500])]);
    let fates = one_item(world.storage.put(again, Attempt::Again).await.unwrap());
    assert_eq!(stored(&fates).len(), 500, "{fates:?}");
    let paid = world.put(3, FIRST, &["d"]).await;
    assert!(matches!(paid[0], RecordFate::Throttled { .. }), "it is paid off: {paid:?}");
    world.crash().await;
}

#[tokio::test(start_paused = true)]
async fn i12_what_was_written_is_not_called_refused_once_the_disk_is_full() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::fresh(dir.path()).await;
    let request = world.request(1, vec![item(FIRST, &["a"])]);
    let first = world.storage.put(Arc::clone(&request), Attempt::First).await.unwrap();
    world.writable.refuse("the disk is nearly full".to_owned());
    let again = world.storage.put(request, Attempt::Again).await.unwrap();
    assert_eq!(first.fates, again.fates);
    world.crash().await;
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_was_set_back_for_good_refuses_no_put() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::fresh(dir.path()).await;
    world.put(1, FIRST, &["a"]).await;
    // Time for the first request to be forgotten by the next.
    world.pass(Duration::from_secs(400)).await;
    world.put(2, FIRST, &["b"]).await;
    world.clock.set_wall(START.minus(Duration::from_secs(86_400)));
    let mut id = 3;
    while world.env.now() > START {
        assert_eq!(stored(&world.put(id, FIRST, &["c"]).await).len(), 1, "while the jump is not trusted");
        world.pass(Duration::from_secs(60)).await;
        id += 1;
    }
    let fates = world.put(id, FIRST, &["d"]).await;
    assert_eq!(stored(&fates).len(), 1, "{fates:?}");
    let counters: Vec<Counter> = world.read(FIRST, Counter::ZERO).await.records.iter().map(|r| r.counter).collect();
    assert!(counters.is_sorted_by(|earlier, later| earlier < later), "I3");
    world.crash().await;
}
