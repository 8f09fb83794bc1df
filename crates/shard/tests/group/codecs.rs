//! Every command reads back as written; no part of one, and no noise, is taken for another.

use crate::world::{World, steps};
use anabranch_shard::*;
use anabranch_types::*;
use bytes::Bytes;
use proptest::prelude::*;
use std::time::Duration;

fn time() -> impl Strategy<Value = Timestamp> {
    (0u64..1 << 48).prop_map(Timestamp::from_millis)
}

fn span() -> impl Strategy<Value = Duration> {
    (0u64..1 << 48).prop_map(Duration::from_millis)
}

fn range() -> impl Strategy<Value = HashKeyRange> {
    (any::<u128>(), any::<u128>())
        .prop_map(|(a, b)| HashKeyRange::new(HashKey(a.min(b)), HashKey(a.max(b))).expect("ordered"))
}

fn policy() -> impl Strategy<Value = Policy> {
    (span(), any::<u64>(), span(), any::<u32>(), span(), span()).prop_map(
        |(bucket_span, bucket_bytes, retention_max, requests_max, request_window, request_skew)| Policy {
            bucket_span,
            bucket_bytes,
            retention_max,
            requests_max,
            request_window,
            request_skew,
        },
    )
}

fn new_shard() -> impl Strategy<Value = NewShard> {
    let parents = prop_oneof![
        Just(Parents::None),
        any::<u32>().prop_map(|parent| Parents::Split(ShardId(parent))),
        any::<(u32, u32)>().prop_map(|(parent, adjacent)| Parents::Merge(ShardId(parent), ShardId(adjacent))),
    ];
    (0u64..1 << 36, 0u32..1 << 31, range(), parents).prop_map(|(created_s, shard, range, parents)| NewShard {
        epoch: ShardEpoch { created_s, shard: ShardId(shard) },
        range,
        parents,
    })
}

fn change() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), any::<u64>()]
}

fn create() -> impl Strategy<Value = CreateShards> {
    let account = (0u64..1_000_000_000_000).prop_map(|n| AccountId::parse(&format!("{n:012}")).expect("12 digits"));
    let name = "[a-zA-Z0-9_.-]{1,128}".prop_map(|name| StreamName::new(&name).expect("a name"));
    (any::<u64>(), name, account, time(), span(), change(), prop::collection::vec(new_shard(), 0..5)).prop_map(
        |(uid, name, account, created, retention, retention_change, shards)| CreateShards {
            stream: StreamUid(uid),
            name,
            account,
            created,
            retention,
            shards,
            retention_change,
        },
    )
}

fn command() -> impl Strategy<Value = (Command, Bytes)> {
    prop_oneof![
        (0u8..128, policy()).prop_map(|(generation, policy)| {
            let init = Init { generation, policy };
            (Command::Init(init), init.encode())
        }),
        create().prop_map(|create| (Command::CreateShards(create.clone()), create.encode())),
        any::<u64>().prop_map(|uid| {
            let drop = DropStream { stream: StreamUid(uid) };
            (Command::DropStream(drop), drop.encode())
        }),
        (any::<u64>(), any::<u32>(), time()).prop_map(|(uid, shard, closed)| {
            let seal = Seal { stream: StreamUid(uid), shard: ShardId(shard), closed };
            (Command::Seal(seal), seal.encode())
        }),
        time().prop_map(|now| (Command::Tick(Tick { now }), Tick { now }.encode())),
        (any::<u64>(), span(), change()).prop_map(|(uid, retention, change)| {
            let set = SetRetention { stream: StreamUid(uid), retention, change };
            (Command::SetRetention(set), set.encode())
        }),
    ]
}

type Pushed = (HashKey, Vec<u8>, Vec<u8>);
type Item = (u32, Vec<Pushed>);
type Request = (u128, u64, Vec<Item>);
type Rows = Vec<(Bytes, Bytes)>;

fn put() -> impl Strategy<Value = Vec<Request>> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..40);
    let record = (any::<u128>().prop_map(HashKey), bytes(), bytes());
    let item = (any::<u32>(), prop::collection::vec(record, 1..4));
    prop::collection::vec((any::<u128>(), 0u64..1 << 48, prop::collection::vec(item, 1..4)), 0..4)
}

proptest! {
    #[test]
    fn a_command_reads_back_as_written((command, bytes) in command()) {
        prop_assert_eq!(Command::decode(1, &bytes), Ok(command));
    }

    #[test]
    fn a_command_cut_short_or_prolonged_is_refused((_, bytes) in command()) {
        for cut in 0..bytes.len() {
            prop_assert!(Command::decode(1, &bytes.slice(..cut)).is_err());
        }
        let longer = [&bytes[..], &[0]].concat();
        prop_assert!(Command::decode(1, &longer.into()).is_err());
    }

    #[test]
    fn a_put_reads_back_as_built(arrival in time(), requests in put()) {
        let mut builder = PutBuilder::new(arrival, 0);
        for (id, issued, items) in &requests {
            let records = items.iter().map(|(_, records)| records.len() as u32).sum();
            builder.begin_request(RequestId(*id), Timestamp::from_millis(*issued), records).expect("few");
            for (shard, records) in items {
                builder.begin_item(ShardNo(*shard));
                records.iter().for_each(|(hash_key, key, data)| builder.push(*hash_key, key, data));
            }
        }
        let bytes = builder.finish();
        for cut in 0..bytes.len() {
            prop_assert!(Command::decode(1, &bytes.slice(..cut)).is_err());
        }
        let Ok(Command::Put(put)) = Command::decode(1, &bytes) else { panic!("a put") };
        prop_assert_eq!(put.arrival, arrival);
        prop_assert_eq!(put.requests.len(), requests.len());
        for (read, (id, issued, items)) in put.requests.iter().zip(&requests) {
            prop_assert_eq!((read.id.0, read.issued.as_millis()), (*id, *issued));
            prop_assert_eq!(read.items.len(), items.len());
            for (read, (shard, records)) in read.items.iter().zip(items) {
                prop_assert_eq!(read.shard, ShardNo(*shard));
                let hash_keys = || records.iter().map(|record| record.0);
                prop_assert_eq!(Some(read.hash_keys.start()), hash_keys().min());
                prop_assert_eq!(Some(read.hash_keys.end()), hash_keys().max());
                let last = Counter::new(0, 1, records.len() as u16 - 1);
                let key = ChunkKey { shard: read.shard, last, arrival };
                let chunk = ChunkReader::open(&key.encode(), read.chunks[0].value.clone()).expect("undamaged");
                for (read, (_, key, data)) in chunk.zip(records) {
                    let read = read.expect("undamaged");
                    prop_assert_eq!((&read.partition_key[..], &read.data[..]), (&key[..], &data[..]));
                }
            }
        }
    }

    #[test]
    fn noise_is_refused_without_panic(
        kind in 1u8..8, version in 1u8..3, noise in prop::collection::vec(any::<u8>(), 0..200), key in prop::collection::vec(any::<u8>(), 0..20),
    ) {
        let command = [&[kind, version][..], &noise].concat();
        let _ = Command::decode(1, &command.into());
        let _ = Outcome::decode(&noise.clone().into());
        let _ = decode_put_outcome(&noise.clone().into());
        let _ = ChunkReader::open(&key, noise.into());
    }

    #[test]
    fn rows_that_were_damaged_are_refused_without_panic(
        steps in steps(20), at in any::<prop::sample::Index>(), byte in any::<prop::sample::Index>(), flip in 1u8..,
    ) {
        let mut world = World::new();
        for step in &steps {
            let (command, _) = world.command(step);
            world.run(&command);
        }
        let mut rows: Rows = world.disk.rows.into_iter().collect();
        let at = at.index(rows.len());
        let row = &mut rows[at].1;
        let mut damaged = row.to_vec();
        let byte = byte.index(damaged.len());
        damaged[byte] ^= flip;
        *row = damaged.into();
        let _ = GroupState::load::<std::convert::Infallible>(rows, |_, _| Ok(None));
    }
}

#[test]
fn rows_of_a_later_version_unknown_keys_and_missing_rows_are_refused_by_name() {
    let mut world = World::new();
    world.run(&crate::world::create(1, 1, Duration::from_secs(1)).encode());
    let refusal = |change: &dyn Fn(&mut Rows)| {
        let mut rows: Rows = world.disk.rows.clone().into_iter().collect();
        change(&mut rows);
        GroupState::load::<std::convert::Infallible>(rows, |_, _| Ok(None)).expect_err("changed").to_string()
    };
    let later = |rows: &mut Rows| rows[0].1 = [&[2], &rows[0].1[1..]].concat().into();
    assert!(refusal(&later).ends_with("has version 2, this node reads version 1"));
    let unknown = |rows: &mut Rows| rows.push((Bytes::from_static(b"Sz"), Bytes::from_static(&[1])));
    assert!(refusal(&unknown).ends_with("is unknown"));
    let without = |kind: u8| move |rows: &mut Rows| rows.retain(|(key, _)| key[1] != kind);
    assert_eq!(refusal(&without(b'g')), "the group's row is missing");
    assert_eq!(refusal(&without(b'p')), "the policy is missing");
    assert_eq!(refusal(&without(b't')), "stream 1 of shard number 0 is missing");
    let twice = |rows: &mut Rows| {
        let shard = rows.iter().find(|(key, _)| key.starts_with(b"Ss")).expect("one shard").1.clone();
        rows.push((Bytes::from_static(b"Ss\0\0\0\x09"), shard));
    };
    assert_eq!(refusal(&twice), "the rows contradict each other: shard number 9 was never given out");
}

#[test]
fn rows_that_no_history_writes_together_are_refused() {
    let mut world = World::new();
    world.run(&crate::world::create(1, 1, Duration::from_secs(1)).encode());
    let entries = world.log_index;
    let refusal = |change: &dyn Fn(&mut std::collections::BTreeMap<Bytes, Bytes>)| {
        let mut rows = world.disk.rows.clone();
        change(&mut rows);
        GroupState::load::<std::convert::Infallible>(rows, |_, _| Ok(None)).expect_err("changed").to_string()
    };
    let put = |key: &'static [u8], row: Vec<u8>| {
        move |rows: &mut std::collections::BTreeMap<Bytes, Bytes>| {
            rows.insert(Bytes::from_static(key), row.clone().into());
        }
    };
    // The numbers that are given out next stand at bytes 16 and 20 of the group's row.
    let given_out = |at: usize, next: u32| {
        move |rows: &mut std::collections::BTreeMap<Bytes, Bytes>| {
            let mut row = rows[&b"Sg"[..]].to_vec();
            row[at..at + 4].copy_from_slice(&next.to_be_bytes());
            rows.insert(Bytes::from_static(b"Sg"), row.into());
        }
    };
    let bucket = |id: u32, from: u64, to: u64, first_arrival: u8, bytes: u64| {
        let counter = |log_index| Counter::new(world.state.generation(), log_index, 0).bits().to_be_bytes();
        let counters = [counter(from), counter(to)].concat();
        let times = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, first_arrival, 0, 0, 0, 0, 0, 5];
        [&[1], &id.to_be_bytes()[..], &counters, &times, &bytes.to_be_bytes()].concat()
    };
    let with_bucket = |row: Vec<u8>| {
        refusal(&|rows| {
            given_out(20, 1)(rows);
            put(b"Sb\0\0\0\0", row.clone())(rows);
        })
    };
    assert!(with_bucket(bucket(1, 1, 2, 5, 9)).contains("bucket of this key"));
    assert!(with_bucket(bucket(0, 1, 2, 5, u64::MAX)).contains("bucket bytes"));
    let nothing = "bucket 0 holds what no entry can have put there";
    assert!(with_bucket(bucket(0, 1, entries + 2, 5, 9)).ends_with(nothing), "beyond the log");
    assert!(with_bucket(bucket(0, 2, 2, 5, 9)).ends_with(nothing), "empty");
    assert!(with_bucket(bucket(0, 1, 2, 6, 9)).ends_with(nothing), "its first record arrived after its last");
    assert!(refusal(&given_out(16, u32::MAX)).ends_with("no number for another shard or bucket is left"));
    assert!(refusal(&given_out(20, u32::MAX)).ends_with("no number for another shard or bucket is left"));
    let dropped = |uid: u64| [&[1], &uid.to_be_bytes()[..]].concat();
    assert!(refusal(&put(b"Sd\0\0\0\0\0\0\0\x63", dropped(9))).contains("a row is of entry 99"));
    assert!(refusal(&put(b"Sd\0\0\0\0\0\0\0\x01", dropped(1))).contains("stream 1 was dropped and is there"));
    let no_request = [1, 0, 0, 0, 0, 0, 9].to_vec();
    assert!(refusal(&put(b"Sq\0\0\0\0\0\0\0\x01", no_request)).contains("malformed requests"));
    let request = [&[1, 0, 0, 0, 0, 0, 9][..], &[7; 16], &[0, 0, 0, 0, 0, 8, 1, 0]].concat();
    let twice = |rows: &mut std::collections::BTreeMap<Bytes, Bytes>| {
        put(b"Sq\0\0\0\0\0\0\0\x01", request.clone())(rows);
        put(b"Sq\0\0\0\0\0\0\0\x02", request.clone())(rows);
    };
    assert!(refusal(&twice).ends_with("a request is remembered twice"));
    let wide = |at: usize| {
        move |rows: &mut std::collections::BTreeMap<Bytes, Bytes>| {
            let mut row = rows[&b"Ss\0\0\0\0"[..]].to_vec();
            row[at] = 0x80;
            rows.insert(Bytes::from_static(b"Ss\0\0\0\0"), row.into());
        }
    };
    assert!(refusal(&wide(9)).contains("shard id"), "32 bits");
    assert!(refusal(&wide(13)).contains("shard id or its creation"), "64 bits");
}

#[test]
fn a_newest_chunk_that_no_entry_put_is_refused() {
    let mut world = World::new();
    world.run(&crate::world::create(1, 1, Duration::from_secs(1)).encode());
    let (from, to) = (1u64 << 16, 2u64 << 16);
    let mut rows = world.disk.rows.clone();
    let mut group = rows[&b"Sg"[..]].to_vec();
    group[20..24].copy_from_slice(&1u32.to_be_bytes());
    rows.insert(Bytes::from_static(b"Sg"), group.into());
    let times = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 5];
    let bucket = [&[1, 0, 0, 0, 0], &from.to_be_bytes()[..], &to.to_be_bytes(), &times, &9u64.to_be_bytes()].concat();
    rows.insert(Bytes::from_static(b"Sb\0\0\0\0"), bucket.into());
    let load = |last: u64, arrival: u64| {
        let last = Counter::from_bits(last).expect("63 bits");
        let key = ChunkKey { shard: ShardNo(0), last, arrival: Timestamp::from_millis(arrival) }.encode();
        GroupState::load::<std::convert::Infallible>(rows.clone(), |_, _| Ok(Some(key.to_vec())))
    };
    assert!(load(from, 3).is_ok() && load(to - 1, 5).is_ok());
    for (last, arrival) in [(from - 1, 3), (to, 3), (from, 2), (from, 6), ((1 << 63) - 1, 5)] {
        let refusal = load(last, arrival).expect_err("no such entry").to_string();
        assert!(refusal.ends_with("is of no entry that put into it"), "{refusal}");
    }
}
