//! A replication group's data: the commands of its log, its rows and its chunks.

use crate::input::Input;
use anabranch_shard::{
    ChunkKey, ChunkReader, Command, CreateShards, DropStream, Effects, GroupState, Init, Mutation, NewShard, Parents,
    Policy, Seal, Tick,
};
use anabranch_types::{
    AccountId, Counter, HashKey, HashKeyRange, ShardEpoch, ShardId, StreamName, StreamUid, Timestamp,
};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

/// A group stays whole whatever its log says: what it stores is always the whole of it.
pub fn commands(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let mut replica = if input.byte() & 1 == 0 { Replica::default() } else { Replica::seeded() };
    replica.apply_all(&mut input);
    let loaded = replica.disk.load().expect("what apply wrote can be loaded");
    assert_eq!(loaded.hash(), replica.state.hash(), "what was stored and what was not are the same");
}

/// Rows that are accepted are a state that can go on: it applies what comes and finds itself again.
pub fn rows(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let mut disk = if input.byte() & 1 == 0 { Disk::default() } else { Replica::seeded().disk };
    for _ in 0..input.byte() % 16 {
        disk.twist(&mut input);
    }
    let Ok(state) = disk.load() else { return };
    let mut replica = Replica { index: state.applied(), state, disk };
    for command in seeds() {
        replica.apply(&command);
    }
    replica.apply_all(&mut input);
    // Chunks that no row told of may be in the way of the shard that got their number.
    match replica.disk.load() {
        Ok(loaded) => assert_eq!(loaded.hash(), replica.state.hash(), "what was stored and what was not are the same"),
        Err(error) => assert!(error.to_string().contains("newest chunk") || error.to_string().contains("is left")),
    }
}

/// A chunk with a right checksum is read to its end or refused.
pub fn chunk(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let key = input.take(anabranch_shard::CHUNK_KEY_BYTES).to_vec();
    let mut value = input.rest().to_vec();
    seal(&mut value);
    let Ok(reader) = ChunkReader::open(&key, value.into()) else { return };
    let key = reader.key();
    assert_eq!(ChunkKey::decode(&key.encode()), Ok(key));
    let records: Vec<_> = reader.collect();
    let Ok(records) = records.into_iter().collect::<Result<Vec<_>, _>>() else { return };
    assert_eq!(records.last().map(|record| record.counter), Some(key.last), "the key names the last record");
    assert!(records.windows(2).all(|pair| pair[0].counter < pair[1].counter), "counters grow");
}

/// Writes the checksum that the page of formats gives.
fn seal(value: &mut [u8]) {
    if value.len() >= 8 {
        let checksum = crc32c::crc32c_append(crc32c::crc32c(&value[..4]), &value[8..]);
        value[4..8].copy_from_slice(&checksum.to_be_bytes());
    }
}

/// What storage holds.
#[derive(Default)]
struct Disk {
    rows: BTreeMap<Bytes, Bytes>,
    buckets: BTreeMap<u32, BTreeMap<Vec<u8>, Bytes>>,
    /// Rows were changed, which may no longer tell of chunks that are there.
    is_twisted: bool,
}

impl Disk {
    fn write(&mut self, effects: &mut Effects) {
        for mutation in effects.take_mutations() {
            match mutation {
                Mutation::PutRow { key, value } => drop(self.rows.insert(key, value)),
                Mutation::DeleteRow { key } => drop(self.rows.remove(&key)),
                Mutation::DeleteRows { from, to } => self.rows.retain(|key, _| *key < from || *key >= to),
                Mutation::PutChunk { bucket, key, value } => {
                    let old = self.buckets.entry(bucket.0).or_default().insert(key.to_vec(), value);
                    assert!(old.is_none() || self.is_twisted, "no chunk is written twice");
                }
                Mutation::CreateBucket(id) => drop(self.buckets.entry(id.0).or_default()),
                Mutation::DropBucket(id) => drop(self.buckets.remove(&id.0)),
            }
        }
    }

    fn load(&self) -> Result<GroupState, anabranch_shard::LoadError<Infallible>> {
        GroupState::load::<Infallible>(self.rows.clone(), |bucket, shard| {
            let keys = ChunkKey::seek(shard, Counter::ZERO).to_vec()..=ChunkKey::end_of(shard).to_vec();
            let chunks = self.buckets.get(&bucket.0);
            Ok(chunks.and_then(|chunks| chunks.range(keys).next_back()).map(|(key, _)| key.clone()))
        })
    }

    /// Adds, changes or removes a row, or adds a chunk.
    fn twist(&mut self, input: &mut Input<'_>) {
        self.is_twisted = true;
        let how = input.byte();
        let nth = usize::from(input.byte()) % self.rows.len().max(1);
        match (how % 6, self.rows.keys().nth(nth).cloned()) {
            (0, _) | (_, None) => {
                self.rows.insert(Bytes::copy_from_slice(input.short()), Bytes::copy_from_slice(input.short()));
            }
            (1, Some(key)) => drop(self.rows.remove(&key)),
            (2, _) => {
                let (bucket, key) = (u32::from(input.byte()), input.take(anabranch_shard::CHUNK_KEY_BYTES).to_vec());
                self.buckets.entry(bucket).or_default().insert(key, Bytes::new());
            }
            (3, Some(key)) => {
                let value = self.rows.remove(&key).unwrap_or_default();
                self.rows.insert(edited(&key, input), value);
            }
            (_, Some(key)) => {
                let value = edited(&self.rows[&key], input);
                self.rows.insert(key, value);
            }
        }
    }
}

/// A key or a value with others of its bytes.
fn edited(bytes: &Bytes, input: &mut Input<'_>) -> Bytes {
    let times = input.byte() % 3 + 1;
    input.edited(bytes, times).into()
}

/// One replica of a group.
#[derive(Default)]
struct Replica {
    state: GroupState,
    disk: Disk,
    index: u64,
}

impl Replica {
    fn seeded() -> Self {
        let mut replica = Self::default();
        for command in seeds() {
            replica.apply(&command);
        }
        replica
    }

    /// Each command is its kind, a length and its fields.
    fn apply_all(&mut self, input: &mut Input<'_>) {
        while !input.is_empty() {
            let kind = input.byte() % 7 + 1;
            let command = if kind == 7 { put(input) } else { [&[kind, 1], input.short()].concat() };
            self.apply(&command.into());
        }
    }

    fn apply(&mut self, command: &Bytes) {
        self.index += 1;
        if self.index >= Counter::LOG_INDEX_MAX {
            return;
        }
        let before = self.state.hash();
        let mut effects = Effects::new();
        match self.state.apply(self.index, command, &mut effects) {
            Ok(_) => assert_eq!(self.state.applied(), self.index),
            Err(_) => {
                assert!(
                    effects == Effects::new() && before == self.state.hash(),
                    "what cannot be read changes nothing"
                );
                self.index = self.state.applied();
            }
        }
        assert!(Command::decode(self.index, command).is_ok() || effects == Effects::new());
        for appended in &effects.appended {
            let shard = self.state.shard_by_no(appended.shard).expect("records are of a shard that is there");
            assert!(shard.newest.is_some_and(|newest| newest.last >= appended.last), "its newest record is known");
        }
        self.disk.write(&mut effects);
        for shard in self.state.shards() {
            let plan = self.state.read_plan(shard.no, Counter::ZERO).expect("the shard is there");
            assert!(plan.steps.windows(2).all(|pair| pair[0].bucket < pair[1].bucket), "older buckets are read first");
        }
    }
}

/// A Put whose frame is right: chunks with records and checksums, shards that may be there.
fn put(input: &mut Input<'_>) -> Vec<u8> {
    let mut out = vec![7, 1];
    out.extend(time(input));
    let requests = input.byte() % 3;
    out.extend(u16::from(requests).to_be_bytes());
    for _ in 0..requests {
        out.extend(u128::from(input.byte()).to_be_bytes());
        out.extend(time(input));
        let items = input.byte() % 3;
        out.extend(u16::from(items).to_be_bytes());
        for _ in 0..items {
            out.extend(u32::from(input.byte()).to_be_bytes());
            out.extend([input.byte(); 16]);
            out.extend([input.byte(); 16]);
            let chunks = input.byte() % 3;
            out.extend(u16::from(chunks).to_be_bytes());
            for _ in 0..chunks {
                let mut chunk = vec![1, 0];
                chunk.extend(input.u16().to_be_bytes());
                chunk.extend([0; 4]);
                chunk.extend(input.short());
                seal(&mut chunk);
                out.extend((chunk.len() as u32).to_be_bytes());
                out.extend(chunk);
            }
        }
    }
    out
}

/// Milliseconds in 48 bits.
fn time(input: &mut Input<'_>) -> Vec<u8> {
    let mut time = input.take(6).to_vec();
    time.resize(6, 0);
    time
}

fn seeds() -> Vec<Bytes> {
    let half = HashKey(u128::MAX >> 1);
    let range = |start, end| HashKeyRange::new(start, end).expect("in order");
    let shard = |shard, range| NewShard {
        epoch: ShardEpoch { created_s: 1, shard: ShardId(shard) },
        range,
        parents: Parents::None,
    };
    let create = |uid, shards| CreateShards {
        stream: StreamUid(uid),
        name: StreamName::new("s").expect("a name"),
        account: AccountId::DEFAULT,
        created: Timestamp::from_millis(1000),
        retention: Duration::from_secs(60),
        shards,
        retention_change: 0,
    };
    let policy = Policy {
        bucket_span: Duration::from_secs(10),
        bucket_bytes: 64,
        retention_max: Duration::from_secs(60),
        requests_max: 3,
        request_window: Duration::from_secs(20),
        request_skew: Duration::from_secs(10),
    };
    let one_put = |request: u8, shard: u8, seconds: u8| {
        let time = [0, 0, 0, 0, seconds * 4, 0];
        let bytes = [&time[..], &[1, request], &time, &[1, shard, 0, 0, 1, 1, 0, 4, 1, 97, 1, 98]].concat();
        put(&mut Input::new(&bytes))
    };
    vec![
        Init { generation: 0, policy }.encode(),
        create(1, vec![shard(0, range(HashKey::MIN, half)), shard(1, range(HashKey(half.0 + 1), HashKey::MAX))])
            .encode(),
        create(2, vec![shard(0, range(HashKey::MIN, HashKey::MAX))]).encode(),
        one_put(1, 0, 1).into(),
        one_put(2, 2, 2).into(),
        Seal { stream: StreamUid(1), shard: ShardId(1), closed: Timestamp::from_millis(9) }.encode(),
        Tick { now: Timestamp::from_millis(20_000) }.encode(),
        one_put(3, 0, 21).into(),
        DropStream { stream: StreamUid(2) }.encode(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use anabranch_shard::ShardNo;

    #[test]
    fn the_seed_has_records_in_two_buckets() {
        let replica = Replica::seeded();
        assert!(replica.state.shard_by_no(ShardNo(0)).is_some_and(|shard| shard.newest.is_some()));
        assert!(replica.state.buckets().count() >= 2, "{:?}", replica.state.buckets().collect::<Vec<_>>());
    }
}
