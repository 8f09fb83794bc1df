//! How large a stream's records may be, and how that changes.

use super::resharding::*;
use super::world::*;
use crate::*;
use anabranch_types::*;

const MIB: u64 = 1 << 20;

impl World {
    fn resize(&mut self, uid: StreamUid, request: u128, bytes: u64) -> Result<Recorded, UpdateMaxRecordSizeRefused> {
        self.apply(UpdateMaxRecordSize { uid, max_record_bytes: bytes, request: RequestId(request) })
    }

    fn record_size(&self, uid: StreamUid) -> (StreamStatus, u64) {
        let stream = self.stream(uid).stream.clone();
        (stream.status, stream.max_record_bytes)
    }
}

#[test]
fn a_larger_record_is_taken_at_once_and_may_be_refused_again() {
    let mut world = World::bootstrapped();
    let uid = world.active("s", 2, START);
    assert_eq!(world.record_size(uid), (StreamStatus::Active, MIB));
    world.resize(uid, 1, 10 * MIB).expect("the largest");
    assert_eq!(world.record_size(uid), (StreamStatus::Active, 10 * MIB));
    world.resize(uid, 2, MIB).expect("the smallest");
    assert_eq!(world.record_size(uid), (StreamStatus::Active, MIB));
}

#[test]
fn a_call_that_comes_again_and_the_size_that_there_is_change_nothing() {
    let mut world = World::bootstrapped();
    let uid = world.active("s", 1, START);
    let version = world.catalog.shard_map().version();
    assert_eq!(world.resize(uid, 1, MIB), Ok(Recorded { version }));
    world.resize(uid, 2, 3 * MIB).expect("active");
    world.resize(uid, 3, 2 * MIB).expect("active");
    world.resize(uid, 2, 3 * MIB).expect("the same call, after another");
    assert_eq!(world.record_size(uid), (StreamStatus::Active, 2 * MIB));
    for call in 10..40 {
        world.resize(uid, call, MIB + u64::from(call as u32)).expect("active");
    }
    let calls = world.stream(uid).stream.record_size_calls.clone();
    assert_eq!(calls.len(), crate::limits::SETTING_CALLS_REMEMBERED);
    assert_eq!(calls.last(), Some(&RequestId(39)));
}

#[test]
fn what_no_stream_takes_and_streams_that_are_not_active_are_refused() {
    let mut world = World::bootstrapped();
    let uid = world.create("s", 2, START);
    let refused = |status| Err(UpdateMaxRecordSizeRefused::Status { status });
    assert_eq!(world.resize(uid, 1, 2 * MIB), refused(StreamStatus::Creating));
    let bounds = UpdateMaxRecordSizeRefused::Bounds { least: MIB, most: 10 * MIB };
    assert_eq!(world.resize(uid, 1, MIB - 1), Err(bounds.clone()));
    assert_eq!(world.resize(uid, 1, 10 * MIB + 1), Err(bounds));
    world.apply(ActivateStream { uid }).expect("created");
    world.begin(uid, 2, &[split(0, HashKey(9))], START).expect("active");
    assert_eq!(world.resize(uid, 3, 2 * MIB), refused(StreamStatus::Updating));
    let absent = StreamUid(9);
    assert_eq!(world.resize(absent, 4, 2 * MIB), Err(UpdateMaxRecordSizeRefused::NoStream { uid: absent }));
}

#[test]
fn a_cluster_with_an_older_node_keeps_its_record_sizes() {
    let mut world = World::default();
    world.apply(Bootstrap { feature_level: 5, ..bootstrap(1) }).expect("the first");
    let uid = world.active("s", 1, START);
    let (cluster, needed) = (5, 6);
    assert_eq!(world.resize(uid, 1, 2 * MIB), Err(UpdateMaxRecordSizeRefused::FeatureLevel { cluster, needed }));
}
