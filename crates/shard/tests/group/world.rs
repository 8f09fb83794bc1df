//! A group over a storage in memory, and random histories for it.

use anabranch_shard::*;
use anabranch_types::*;
use bytes::Bytes;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::num::NonZeroU32;
use std::time::Duration;

/// What storage holds: rows, and chunks by bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Disk {
    pub rows: BTreeMap<Bytes, Bytes>,
    pub buckets: BTreeMap<BucketId, BTreeMap<Vec<u8>, Bytes>>,
}

impl Disk {
    pub fn write(&mut self, effects: &mut Effects) {
        for mutation in effects.take_mutations() {
            match mutation {
                Mutation::PutRow { key, value } => drop(self.rows.insert(key, value)),
                Mutation::DeleteRow { key } => drop(self.rows.remove(&key)),
                Mutation::DeleteRows { from, to } => self.rows.retain(|key, _| *key < from || *key >= to),
                Mutation::PutChunk { bucket, key, value } => {
                    let bucket = self.buckets.get_mut(&bucket).expect("created before");
                    assert_eq!(bucket.insert(key.to_vec(), value), None, "no chunk is written twice");
                }
                Mutation::CreateBucket(id) => drop(self.buckets.entry(id).or_default()),
                Mutation::DropBucket(id) => drop(self.buckets.remove(&id)),
            }
        }
    }

    pub fn load(&self) -> GroupState {
        let rows = self.rows.iter().map(|(key, value)| (key.clone(), value.clone()));
        GroupState::load::<Infallible>(rows, |bucket, shard| {
            let chunks = &self.buckets[&bucket];
            let keys = ChunkKey::seek(shard, Counter::ZERO).to_vec()..ChunkKey::end_of(shard).to_vec();
            Ok(chunks.range(keys).next_back().map(|(key, _)| key.clone()))
        })
        .expect("what apply wrote can be loaded")
    }

    pub fn read(&self, plan: &ReadPlan) -> Vec<Record> {
        let mut records = Vec::new();
        for step in &plan.steps {
            for (key, value) in self.buckets[&step.bucket].range(step.from.to_vec()..step.to.to_vec()) {
                let chunk = plan.open(key, value.clone()).expect("undamaged");
                records.extend(chunk.map(|record| record.expect("undamaged")));
            }
        }
        records
    }

    /// Runs a search to its end; at most `probes_max` seeks.
    pub fn search(&self, mut search: TimeSearch, probes_max: usize) -> Counter {
        for _ in 0..probes_max {
            let Some(step) = search.probe() else { return search.result() };
            let mut keys = self.buckets[&step.bucket].range(step.from.to_vec()..step.to.to_vec());
            search.found(keys.next().map(|(key, _)| &key[..])).expect("keys of the shard");
        }
        panic!("the search takes more than {probes_max} probes");
    }
}

/// One random step; indices and offsets are taken from the world it runs in.
#[derive(Debug, Clone)]
pub enum Op {
    Create { stream: u64, shards: u32 },
    Drop { stream: u64 },
    Seal { stream: u64, shard: u32 },
    Tick { ahead_ms: u64 },
    Retain { stream: u64, seconds: u64, change: u64 },
    Put { requests: Vec<OpRequest> },
}

#[derive(Debug, Clone)]
pub struct OpRequest {
    /// Which earlier request this repeats, if any.
    pub repeats: Option<prop::sample::Index>,
    pub age_ms: i64,
    pub items: Vec<OpItem>,
}

#[derive(Debug, Clone)]
pub struct OpItem {
    pub shard: u32,
    pub in_range: bool,
    pub sizes: Vec<usize>,
}

/// How far the clock moves before the step, and the step.
pub type Step = (i64, Op);

pub fn steps(count: usize) -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec((-300i64..800, op()), 1..count)
}

fn op() -> impl Strategy<Value = Op> {
    let stream = 1u64..4;
    prop_oneof![
        20 => (stream.clone(), 1u32..5).prop_map(|(stream, shards)| Op::Create { stream, shards }),
        1 => stream.clone().prop_map(|stream| Op::Drop { stream }),
        5 => (stream.clone(), 0u32..5).prop_map(|(stream, shard)| Op::Seal { stream, shard }),
        40 => (0u64..1500).prop_map(|ahead_ms| Op::Tick { ahead_ms }),
        10 => (stream, 1u64..12, 0u64..6)
            .prop_map(|(stream, seconds, change)| Op::Retain { stream, seconds, change }),
        120 => prop::collection::vec(op_request(), 0..4).prop_map(|requests| Op::Put { requests }),
    ]
}

fn op_request() -> impl Strategy<Value = OpRequest> {
    let repeats = prop::option::weighted(0.3, any::<prop::sample::Index>());
    let size = prop_oneof![8 => 0usize..300, 1 => Just(40_000), 1 => Just(70_000)];
    let item = (0u32..14, prop::bool::weighted(0.9), prop::collection::vec(size, 1..5))
        .prop_map(|(shard, in_range, sizes)| OpItem { shard, in_range, sizes });
    (repeats, -700i64..3500, prop::collection::vec(item, 1..4)).prop_map(|(repeats, age_ms, items)| OpRequest {
        repeats,
        age_ms,
        items,
    })
}

pub const POLICY: Policy = Policy {
    bucket_span: Duration::from_millis(1000),
    bucket_bytes: 100_000,
    retention_max: Duration::from_secs(6),
    requests_max: 12,
    request_window: Duration::from_millis(3000),
    request_skew: Duration::from_millis(500),
};

/// A group, its storage, and what was sent to it.
pub struct World {
    pub state: GroupState,
    pub disk: Disk,
    pub log_index: u64,
    pub now_ms: u64,
    /// Every request that was ever sent.
    pub sent: Vec<(RequestId, Timestamp)>,
    pub log: Vec<Bytes>,
}

impl World {
    pub fn new() -> Self {
        let mut world = World {
            state: GroupState::new(),
            disk: Disk::default(),
            log_index: 0,
            now_ms: 1_000_000,
            sent: Vec::new(),
            log: Vec::new(),
        };
        world.run(&Init { generation: 3, policy: POLICY }.encode());
        world
    }

    pub fn run(&mut self, command: &Bytes) -> Bytes {
        let mut effects = Effects::new();
        self.log_index += 1;
        self.log.push(command.clone());
        let answer = self.state.apply(self.log_index, command, &mut effects).expect("a known command");
        self.disk.write(&mut effects);
        answer
    }

    /// The command of a step, and the ids of its requests when it is a Put.
    pub fn command(&mut self, step: &Step) -> (Bytes, Vec<RequestId>) {
        self.now_ms = self.now_ms.saturating_add_signed(step.0);
        let now = Timestamp::from_millis(self.now_ms);
        let command = match &step.1 {
            Op::Create { stream, shards } => create(*stream, *shards, Duration::from_secs(4)).encode(),
            Op::Drop { stream } => DropStream { stream: StreamUid(*stream) }.encode(),
            Op::Seal { stream, shard } => {
                Seal { stream: StreamUid(*stream), shard: ShardId(*shard), closed: now }.encode()
            }
            Op::Tick { ahead_ms } => Tick { now: now.plus(Duration::from_millis(*ahead_ms)) }.encode(),
            Op::Retain { stream, seconds, change } => {
                let (stream, retention) = (StreamUid(*stream), Duration::from_secs(*seconds));
                SetRetention { stream, retention, change: *change }.encode()
            }
            Op::Put { requests } => return self.put(now, requests),
        };
        (command, Vec::new())
    }

    fn put(&mut self, now: Timestamp, requests: &[OpRequest]) -> (Bytes, Vec<RequestId>) {
        let mut builder = PutBuilder::new(now, 0);
        let mut ids = Vec::new();
        for request in requests {
            let (id, issued) = match &request.repeats {
                Some(index) if !self.sent.is_empty() => *index.get(&self.sent),
                _ => {
                    let issued = Timestamp::from_millis(self.now_ms.saturating_add_signed(-request.age_ms));
                    self.sent.push((RequestId(self.sent.len() as u128), issued));
                    self.sent[self.sent.len() - 1]
                }
            };
            ids.push(id);
            let records = request.items.iter().map(|item| item.sizes.len() as u32).sum();
            builder.begin_request(id, issued, records).expect("few records");
            for item in &request.items {
                builder.begin_item(ShardNo(item.shard));
                let range = self.state.shard_by_no(ShardNo(item.shard)).map_or(HashKeyRange::FULL, |shard| shard.range);
                let hash_key = if item.in_range { range.end() } else { HashKey(range.end().0.wrapping_add(1)) };
                for (position, size) in item.sizes.iter().enumerate() {
                    let key = format!("key-{}-{position}", self.log.len());
                    builder.push(hash_key, key.as_bytes(), &vec![position as u8; *size]);
                }
            }
        }
        (builder.finish(), ids)
    }
}

pub fn create(stream: u64, shards: u32, retention: Duration) -> CreateShards {
    let tiles = HashKeyRange::tiles(NonZeroU32::new(4).expect("4 > 0"));
    CreateShards {
        stream: StreamUid(stream),
        name: StreamName::new(&format!("stream-{stream}")).expect("a name"),
        account: AccountId::DEFAULT,
        created: Timestamp::from_millis(900_000),
        retention,
        retention_change: 0,
        shards: (0..shards)
            .map(|index| NewShard {
                epoch: ShardEpoch { created_s: 900, shard: ShardId(index) },
                range: tiles[index as usize % 4],
                parents: if index == 0 { Parents::None } else { Parents::Split(ShardId(index - 1)) },
            })
            .collect(),
    }
}

/// A Put of one request and one record for one shard.
pub fn put_one(id: u128, now_ms: u64, shard: u32, hash_key: HashKey, data: &[u8]) -> Bytes {
    let now = Timestamp::from_millis(now_ms);
    let mut builder = PutBuilder::new(now, 0);
    builder.begin_request(RequestId(id), now, 1).expect("one record");
    builder.begin_item(ShardNo(shard));
    builder.push(hash_key, b"key", data);
    builder.finish()
}

pub fn outcomes(answer: &Bytes) -> Vec<RequestOutcome> {
    decode_put_outcome(answer).expect("the answer to a put")
}
