//! The bytes that docs/formats/catalog.md promises: a change here is a new version.

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
    let keys: Vec<_> = world.catalog.rows().map(|(key, _)| key).collect();
    assert!(keys.is_sorted());
    assert!(keys.contains(&RowKey::Floor(ACCOUNT, stream_name("b")).encode()));
}
