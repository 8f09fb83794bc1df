//! The bytes that docs/formats/catalog.md promises: a change here is a new version.

use super::resharding::*;
use super::world::*;
use crate::rows::RowKey;
use crate::*;
use anabranch_types::*;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_create_stream_command_has_the_documented_bytes() {
    let command = CreateStream { request: RequestId(0xabc), ..create("ab", 3, START) };
    let documented = [
        "01",                               // version
        "04",                               // kind
        "303030303030303030303030",         // account, twelve digits
        "00026162",                         // name
        "00000003",                         // shard count
        "00000195974a8c00",                 // now, ms
        "00004e20",                         // shard limit
        "00000000000000000000000000000abc", // request
    ];
    assert_eq!(hex(&command.encode()), documented.concat());
}

#[test]
fn the_rows_of_a_stream_have_the_documented_bytes() {
    let mut world = World::bootstrapped();
    let uid = world.create("ab", 1, START);
    let stream_key = RowKey::Stream(uid).encode();
    assert_eq!(hex(&stream_key), "070000000000000001");
    let stream = [
        "01",                               // version
        "0000000000000001",                 // uid
        "303030303030303030303030",         // account
        "00026162",                         // name
        "00000195974a8c00",                 // created
        "01",                               // status: creating
        "0000000005265c00",                 // retention, ms
        "0000000000100000",                 // bytes of a record
        "01",                               // limits: of the service
        "000000000000000000000195974a8c00", // request
        "00000001",                         // next shard
        "0000000000000002",                 // map version
    ];
    assert_eq!(hex(&world.stored[&stream_key]), stream.concat());

    let shard_key = RowKey::Shard(uid, ShardId(0)).encode();
    assert_eq!(hex(&shard_key), "08000000000000000100000000");
    let shard = [
        "01",                               // version
        "00000000",                         // id
        "00000000000000000000000000000000", // first hash key
        "ffffffffffffffffffffffffffffffff", // last hash key
        "00",                               // no parents
        "00000001",                         // group
        "0000000067d4cf80",                 // create second
        "00000195974a8c00",                 // opened
        "00",                               // open
    ];
    assert_eq!(hex(&world.stored[&shard_key]), shard.concat());
}

#[test]
fn a_begin_reshard_command_has_the_documented_bytes() {
    let steps = [split(7, HashKey(0xf0)), merge(2, 1)];
    let documented = [
        "01",                               // version
        "13",                               // kind
        "0000000000000005",                 // uid
        "00000002",                         // steps
        "01",                               // a split
        "00000007",                         // of shard 7
        "000000000000000000000000000000f0", // at this hash key
        "02",                               // a merge
        "0000000200000001",                 // of shard 2 with shard 1
        "00000195974a8c00",                 // now, ms
        "00004e20",                         // shard limit
        "00000000000000000000000000000abc", // request
    ];
    assert_eq!(hex(&begin(StreamUid(5), 0xabc, &steps, START).encode()), documented.concat());
}

#[test]
fn the_rows_of_a_reshard_have_the_documented_bytes() {
    let mut world = World::bootstrapped();
    let uid = world.active("ab", 1, START);
    world.begin(uid, 0xabc, &[split(0, HashKey(1 << 127))], START).expect("active");
    let history_key = RowKey::ReshardHistory(uid).encode();
    assert_eq!(hex(&history_key), "090000000000000001");
    let history = [
        "01",                               // version
        "00000001",                         // calls that are remembered
        "00000000000000000000000000000abc", // request
        "0000000000000004",                 // map version
        "00000001",                         // open shards before
        "00000002",                         // and after
        "00000000",                         // calls of UpdateShardCount
        "00",                               // none under way
        "0000000000000000",                 // no shard was removed
    ];
    assert_eq!(hex(&world.stored[&history_key]), history.concat());

    let round_key = RowKey::Round(uid).encode();
    assert_eq!(hex(&round_key), "0a0000000000000001");
    let child = |id: &str, start: &str, end: &str| {
        [
            id,
            start,
            end,
            "01",
            "00000000",         // one half of shard 0
            "00000001",         // group
            "0000000067d4cf81", // create second
            "00000195974a8c00", // when the round began
            "00",               // open
        ]
        .concat()
    };
    let round = [
        "01",                               // version
        "0000000000000004",                 // map version
        "00000000000000000000000000000abc", // request
        "01",                               // preparing
        "00000002",                         // children
        &child("00000001", "00000000000000000000000000000000", "7fffffffffffffffffffffffffffffff"),
        &child("00000002", "80000000000000000000000000000000", "ffffffffffffffffffffffffffffffff"),
    ];
    assert_eq!(hex(&world.stored[&round_key]), round.concat());
}

#[test]
fn an_outcome_has_the_documented_bytes() {
    let mut world = World::bootstrapped();
    world.create("ab", 1, START);
    let refused = world.apply_bytes(&create("ab", 1, Timestamp::EPOCH).encode()).expect("a command of this build");
    assert_eq!(hex(&refused), concat!("01", "04", "01", "02", "01"), "version, kind, refused, exists, creating");
}

#[test]
fn keys_sort_as_the_catalog_lists_its_rows() {
    let mut world = World::bootstrapped();
    for name in ["a", "b"] {
        world.active(name, 2, START);
        world.delete(name);
        world.active(name, 300, START);
    }
    for name in ["a", "b"] {
        let uid = world.catalog.shard_map().stream_named(ACCOUNT, &stream_name(name)).expect("created").stream.uid;
        world.begin(uid, uid.0.into(), &[merge(0, 1)], START).expect("active");
    }
    let keys: Vec<_> = world.catalog.rows().map(|(key, _)| key).collect();
    assert!(keys.is_sorted());
    assert!(keys.contains(&RowKey::Floor(ACCOUNT, stream_name("b")).encode()));
}

#[test]
fn a_register_consumer_command_and_its_row_have_the_documented_bytes() {
    let mut world = World::bootstrapped();
    let uid = world.active("s", 1, START);
    let name = ConsumerName::new("ab").expect("valid");
    let command = RegisterConsumer { uid, name, now: START, consumer_limit: 20, request: RequestId(0xabc) };
    let documented = [
        "01",                               // version
        "20",                               // kind
        "0000000000000001",                 // uid
        "00026162",                         // name
        "00000195974a8c00",                 // now, ms
        "00000014",                         // consumer limit
        "00000000000000000000000000000abc", // request
    ];
    assert_eq!(hex(&command.encode()), documented.concat());

    let changed = world.apply(command.clone()).expect("a new name");
    let key = RowKey::Consumer(uid, command.name).encode();
    assert_eq!(hex(&key), "2000000000000000016162");
    let id = format!("{:016x}", changed.version.0);
    let row = [
        "01",               // version
        &id,                // consumer
        "00026162",         // name
        "00000195974a8c00", // created
    ];
    assert_eq!(hex(&world.stored[&key]), row.concat());
}

#[test]
fn tags_have_the_documented_bytes() {
    let mut world = World::bootstrapped();
    let uid = world.active("ab", 1, START);
    let (key, value) = (TagKey::new("team").expect("valid"), TagValue::new("é").expect("valid"));
    let command = TagStream { uid, tags: Tags::from([(key.clone(), value)]), request: RequestId(0xabc) };
    let tagging = [
        "00000001",     // tags
        "00047465616d", // key
        "0002c3a9",     // value
    ]
    .concat();
    let documented = ["01", "1b", "0000000000000001", &tagging, "00000000000000000000000000000abc"];
    assert_eq!(hex(&command.encode()), documented.concat());
    world.apply(command).expect("active");
    let row = RowKey::Tagging(uid).encode();
    assert_eq!(hex(&row), "0b0000000000000001");
    let calls = ["00000001", "00000000000000000000000000000abc"].concat();
    assert_eq!(hex(&world.stored[&row]), ["01", &tagging, &calls].concat());

    let command = UntagStream { uid, keys: [key].into(), request: RequestId(0xabd) };
    let keys = ["00000001", "00047465616d"].concat();
    let documented = ["01", "1c", "0000000000000001", &keys, "00000000000000000000000000000abd"];
    assert_eq!(hex(&command.encode()), documented.concat());
}
