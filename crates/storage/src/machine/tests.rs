//! A machine takes in the snapshot of another one.

use super::*;
use anabranch_consensus::Payload;
use anabranch_shard::{CreateShards, Init, NewShard, Parents, Policy, PutBuilder};
use anabranch_store::{MemoryHome, MemoryStore, RocksHome, SharedOptions, SharedResources, StatePlace, StoreOptions};
use anabranch_types::{
    AccountId, HashKey, HashKeyRange, RequestId, ShardEpoch, ShardId, StreamName, StreamUid, Timestamp,
};
use anabranch_walog::LogId;
use std::time::Duration;

const NOW: Timestamp = Timestamp::from_millis(1_742_000_000_000);

/// Applies the next entry of a log in which stream `uid` gets a shard, and then a record in each
/// entry.
struct Feeder {
    machine: ShardMachine,
    uid: StreamUid,
    next_index: u64,
}

impl Feeder {
    fn new(machine: ShardMachine, uid: u64) -> Self {
        let mut feeder = Feeder { machine, uid: StreamUid(uid), next_index: 1 };
        let shard = NewShard {
            epoch: ShardEpoch { created_s: NOW.as_secs(), shard: ShardId(0) },
            range: HashKeyRange::FULL,
            parents: Parents::None,
        };
        feeder.apply(Init { generation: 0, policy: Policy::default() }.encode());
        let create = CreateShards {
            stream: feeder.uid,
            name: StreamName::new("stream").expect("valid"),
            account: AccountId::DEFAULT,
            created: NOW,
            retention: Duration::from_secs(24 * 3600),
            shards: vec![shard],
            retention_change: 0,
        };
        feeder.apply(create.encode());
        feeder
    }

    fn apply(&mut self, command: Bytes) {
        let id = LogId { term: 1, index: self.next_index };
        self.next_index += 1;
        self.machine.apply(vec![Committed { id, payload: Payload::Command(command) }]).expect("applied");
    }

    fn put(&mut self, text: &str) {
        let no = self.machine.current.now().state.read().shard(self.uid, ShardId(0)).expect("created").no;
        let mut put = PutBuilder::new(NOW, 100);
        put.begin_request(RequestId(u128::from(self.next_index)), NOW, 1).expect("one");
        put.begin_item(no);
        put.push(HashKey(7), b"key", text.as_bytes());
        self.apply(put.finish());
    }
}

/// What a reader of the stream sees.
fn records(shared: &SharedState, uid: u64) -> Vec<String> {
    let state = shared.state.read();
    let Some(shard) = state.shard(StreamUid(uid), ShardId(0)) else { return Vec::new() };
    let plan = state.read_plan(shard.no, Counter::ZERO).expect("the shard is there");
    let mut found = Vec::new();
    for step in &plan.steps {
        let family = Family::Bucket(step.bucket.0);
        let scanned = shared.store.scan(family, &step.from, &step.to, Direction::Ascending, &mut |key, value| {
            for record in plan.open(key, Bytes::copy_from_slice(value)).expect("whole") {
                found.push(String::from_utf8(record.expect("whole").data.to_vec()).expect("text"));
            }
            ControlFlow::Continue(())
        });
        scanned.expect("readable");
    }
    found
}

fn on_disk(dir: &Path, name: &str) -> ShardMachine {
    let shared = Arc::new(SharedResources::new(&SharedOptions::default()).expect("resources"));
    let home = RocksHome::new(StatePlace::new(dir, name), StoreOptions::default(), shared);
    let store = home.open().expect("opens");
    ShardMachine::open(store, Some(Arc::new(home))).expect("opens")
}

fn in_memory() -> ShardMachine {
    ShardMachine::open(Arc::new(MemoryStore::new()), Some(Arc::new(MemoryHome))).expect("opens")
}

/// Installs a copy of one machine on another that has another past; answers what it shows then.
fn install(dir: &Path, from: ShardMachine, onto: ShardMachine) -> (Feeder, ShardMachine) {
    let mut from = Feeder::new(from, 1);
    (0..20).for_each(|number| from.put(&format!("new {number}")));
    let mut onto = Feeder::new(onto, 2);
    onto.put("old");
    let readers = onto.machine.current();
    let machine = &mut onto.machine;
    let before = readers.now();

    let covered = from.machine.begin_checkpoint(dir.join("copy"))().expect("copied");
    assert_eq!(covered, from.machine.applied());
    from.put("after the copy");
    machine.install(&dir.join("copy")).expect("installed");

    assert_eq!(machine.applied(), covered);
    let now = readers.now();
    let expected: Vec<String> = (0..20).map(|number| format!("new {number}")).collect();
    assert_eq!(records(&now, 1), expected);
    assert_eq!(records(&now, 2), Vec::<String>::new(), "nothing of the old state");
    assert_eq!(now.published(), now.state.read().latest());
    assert_eq!(records(&before, 2), ["old"], "who reads the old state sees all of it and nothing else");
    assert_eq!(records(&before, 1), Vec::<String>::new());
    (from, onto.machine)
}

#[test]
fn readers_see_an_installed_snapshot_and_nothing_of_the_state_before() {
    let temporary = tempfile::tempdir().expect("temporary directory");
    let (from, machine) =
        install(temporary.path(), on_disk(temporary.path(), "00001"), on_disk(temporary.path(), "00002"));
    drop(machine);
    tracing::info!("and so does a restart, without a flush");
    let mut machine = on_disk(temporary.path(), "00002");
    assert_eq!(machine.applied().last, Some(LogId { term: 1, index: 22 }));
    assert!(!temporary.path().join("00002").exists(), "the old files are gone");

    tracing::info!("the entries behind it lead to the same state as on the other replica (I9)");
    let mut put = PutBuilder::new(NOW, 100);
    put.begin_request(RequestId(23), NOW, 1).expect("one");
    put.begin_item(machine.current.now().state.read().shard(StreamUid(1), ShardId(0)).expect("there").no);
    put.push(HashKey(7), b"key", b"after the copy");
    let id = LogId { term: 1, index: 23 };
    machine.apply(vec![Committed { id, payload: Payload::Command(put.finish()) }]).expect("applied");
    assert_eq!(machine.applied(), from.machine.applied());
    let (here, there) = (machine.current.now(), from.machine.current.now());
    assert_eq!(records(&here, 1), records(&there, 1));
    assert_eq!(here.state.read().latest(), there.state.read().latest());
}

#[test]
fn a_snapshot_is_installed_in_memory_too() {
    let temporary = tempfile::tempdir().expect("temporary directory");
    install(temporary.path(), in_memory(), in_memory());
}

#[test]
fn a_snapshot_that_does_not_open_leaves_the_state_as_it_is() {
    let temporary = tempfile::tempdir().expect("temporary directory");
    let mut machine = Feeder::new(on_disk(temporary.path(), "00001"), 2);
    machine.put("old");
    machine.machine.begin_flush()().expect("flushed");
    let copy = temporary.path().join("copy");
    std::fs::create_dir(&copy).expect("new");
    std::fs::write(copy.join("000007.sst"), "no table").expect("written");
    machine.machine.install(&copy).expect_err("there is no manifest");
    assert_eq!(records(&machine.machine.current.now(), 2), ["old"]);
    drop(machine);
    let machine = on_disk(temporary.path(), "00001");
    assert_eq!(records(&machine.current.now(), 2), ["old"]);
    assert!(!temporary.path().join("00001.1").exists());
}

#[test]
fn a_machine_without_a_home_takes_no_snapshot() {
    let temporary = tempfile::tempdir().expect("temporary directory");
    let mut machine = ShardMachine::open(Arc::new(MemoryStore::new()), None).expect("opens");
    let refusal = machine.install(temporary.path()).expect_err("nowhere to put it");
    assert!(refusal.to_string().contains("takes no snapshots"), "{refusal}");
}
