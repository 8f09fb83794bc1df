//! How long streams keep their records, and how that changes.

use super::resharding::*;
use super::world::*;
use crate::*;
use anabranch_types::*;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3_600);

fn hours(hours: u32) -> Duration {
    HOUR * hours
}

impl World {
    fn retain(
        &mut self,
        uid: StreamUid,
        request: u128,
        direction: RetentionMove,
        hours: u32,
    ) -> Result<Recorded, SetRetentionRefused> {
        self.apply(SetRetention { uid, retention: HOUR * hours, direction, request: RequestId(request) })
    }

    fn raise(&mut self, uid: StreamUid, request: u128, hours: u32) -> Result<Recorded, SetRetentionRefused> {
        self.retain(uid, request, RetentionMove::Increase, hours)
    }

    fn lower(&mut self, uid: StreamUid, request: u128, hours: u32) -> Result<Recorded, SetRetentionRefused> {
        self.retain(uid, request, RetentionMove::Decrease, hours)
    }

    /// Ends the change under way, or repeats the end of the last one.
    fn finish_retention(&mut self, uid: StreamUid) -> Recorded {
        let change = self.stream(uid).stream.retention_changes.last;
        self.apply(FinishRetention { uid, change }).expect("a change of this stream")
    }

    /// Status, the retention that is shown, and the one that groups are told.
    fn retention(&self, uid: StreamUid) -> (StreamStatus, Duration, Option<Duration>) {
        let stream = self.stream(uid).stream.clone();
        (stream.status, stream.retention, stream.retention_changes.pending)
    }
}

#[test]
fn a_longer_retention_is_shown_once_every_group_keeps_it() {
    let mut world = World::bootstrapped();
    let uid = world.active("s", 2, START);
    let recorded = world.raise(uid, 1, 48).expect("active");
    assert_eq!(world.retention(uid), (StreamStatus::Updating, hours(24), Some(hours(48))));
    let stream = world.stream(uid);
    assert_eq!(stream.stream.retention_changes.last, recorded.version);
    assert_eq!((stream.stream.kept_for(), stream.stream.retention_wanted()), (hours(48), hours(48)));
    assert_eq!(world.catalog.unfinished(), [Unfinished::Retain(stream)]);
    world.finish_retention(uid);
    assert_eq!(world.retention(uid), (StreamStatus::Active, hours(48), None));
    assert_eq!(world.catalog.unfinished(), []);
    let version = world.catalog.shard_map().version();
    assert_eq!(world.finish_retention(uid).version, version, "again, as by another leader");
}

#[test]
fn a_shorter_retention_is_shown_from_its_record_on() {
    let mut world = World::bootstrapped();
    let uid = world.active("s", 2, START);
    world.raise(uid, 1, 8_760).expect("the longest");
    world.finish_retention(uid);
    world.lower(uid, 2, 24).expect("the shortest");
    assert_eq!(world.retention(uid), (StreamStatus::Updating, hours(24), Some(hours(24))));
    assert_eq!(world.stream(uid).stream.kept_for(), hours(24));
    world.finish_retention(uid);
    assert_eq!(world.retention(uid), (StreamStatus::Active, hours(24), None));
}

#[test]
fn the_wrong_direction_and_what_no_stream_keeps_are_refused_with_what_there_is() {
    let mut world = World::bootstrapped();
    let uid = world.active("s", 1, START);
    world.raise(uid, 1, 48).expect("active");
    world.finish_retention(uid);
    let current = hours(48);
    assert_eq!(world.raise(uid, 2, 47), Err(SetRetentionRefused::BelowCurrent { current }));
    assert_eq!(world.lower(uid, 2, 49), Err(SetRetentionRefused::AboveCurrent { current }));
    let bounds = SetRetentionRefused::Bounds { least: hours(24), most: hours(8_760) };
    assert_eq!(world.lower(uid, 2, 23), Err(bounds.clone()));
    assert_eq!(world.raise(uid, 2, 8_761), Err(bounds));
    let absent = StreamUid(9);
    assert_eq!(world.raise(absent, 2, 72), Err(SetRetentionRefused::NoStream { uid: absent }));
}

#[test]
fn the_retention_that_a_stream_has_is_taken_and_changes_nothing() {
    let mut world = World::bootstrapped();
    let uid = world.active("s", 1, START);
    let version = world.catalog.shard_map().version();
    assert_eq!(world.raise(uid, 1, 24), Ok(Recorded { version }));
    assert_eq!(world.lower(uid, 2, 24), Ok(Recorded { version }));
    assert_eq!(world.retention(uid), (StreamStatus::Active, hours(24), None));
}

#[test]
fn only_an_active_streams_retention_is_changed() {
    let mut world = World::bootstrapped();
    let uid = world.create("s", 2, START);
    let refused = |status| Err(SetRetentionRefused::Status { status });
    assert_eq!(world.raise(uid, 1, 48), refused(StreamStatus::Creating));
    world.apply(ActivateStream { uid }).expect("created");
    world.begin(uid, 2, &[split(0, HashKey(9))], START).expect("active");
    assert_eq!(world.raise(uid, 3, 48), refused(StreamStatus::Updating));
    world.seal(uid).expect("in preparation");
    world.commit(uid, START).expect("sealed");
    world.raise(uid, 4, 48).expect("active again");
    assert_eq!(world.lower(uid, 5, 24), refused(StreamStatus::Updating));
    world.apply(BeginDeleteStream { account: ACCOUNT, name: stream_name("s") }).expect("there");
    assert_eq!(world.raise(uid, 6, 72), refused(StreamStatus::Deleting));
}

#[test]
fn a_stream_whose_retention_changes_is_not_resharded() {
    let mut world = World::bootstrapped();
    let uid = world.active("s", 2, START);
    world.raise(uid, 1, 48).expect("active");
    let status = StreamStatus::Updating;
    let begun = world.begin(uid, 2, &[split(0, HashKey(9))], START);
    assert_eq!(begun, Err(BeginReshardRefused::Status { status }));
    assert_eq!(world.scale(uid, 3, 4, START), Err(UpdateShardCountRefused::Status { status }));
    world.finish_retention(uid);
    world.begin(uid, 4, &[split(0, HashKey(9))], START).expect("active again");
}

#[test]
fn a_call_that_comes_again_changes_nothing_again() {
    let mut world = World::bootstrapped();
    let uid = world.active("s", 1, START);
    world.raise(uid, 1, 48).expect("active");
    let changed = world.stream(uid);
    world.raise(uid, 1, 48).expect("the same call, while its change is under way");
    assert_eq!(world.stream(uid), changed);
    world.finish_retention(uid);
    world.lower(uid, 2, 24).expect("active");
    world.finish_retention(uid);
    world.raise(uid, 1, 48).expect("the same call, after another");
    assert_eq!(world.retention(uid), (StreamStatus::Active, hours(24), None));
}

#[test]
fn calls_are_remembered_up_to_a_limit() {
    let mut world = World::bootstrapped();
    let uid = world.active("s", 1, START);
    for nth in 0..crate::limits::SETTING_CALLS_REMEMBERED as u32 + 3 {
        world.raise(uid, nth.into(), 25 + nth).expect("active");
        world.finish_retention(uid);
    }
    let calls = world.stream(uid).stream.retention_changes.calls.clone();
    assert_eq!(calls.len(), crate::limits::SETTING_CALLS_REMEMBERED);
    assert_eq!(calls.first(), Some(&RequestId(3)), "the oldest are forgotten");
}

#[test]
fn the_end_of_an_earlier_change_does_not_end_the_next_one() {
    let mut world = World::bootstrapped();
    let uid = world.active("s", 1, START);
    let first = world.raise(uid, 1, 48).expect("active").version;
    world.finish_retention(uid);
    let second = world.raise(uid, 2, 72).expect("active").version;
    world.apply(FinishRetention { uid, change: first }).expect("over since long");
    assert_eq!(world.retention(uid), (StreamStatus::Updating, hours(48), Some(hours(72))));
    for change in [MapVersion(0), MapVersion(second.0 + 1)] {
        let refused = FinishRetentionRefused::NotUnderway { change };
        assert_eq!(world.apply(FinishRetention { uid, change }), Err(refused));
    }
    let absent = StreamUid(9);
    let refused = world.apply(FinishRetention { uid: absent, change: second });
    assert_eq!(refused, Err(FinishRetentionRefused::NoStream { uid: absent }));
}

#[test]
fn a_stream_that_is_deleted_meanwhile_stays_so() {
    let mut world = World::bootstrapped();
    let uid = world.active("s", 1, START);
    world.raise(uid, 1, 48).expect("active");
    world.apply(BeginDeleteStream { account: ACCOUNT, name: stream_name("s") }).expect("there");
    assert_eq!(world.catalog.unfinished(), [Unfinished::Delete(world.stream(uid))]);
    world.finish_retention(uid);
    assert_eq!(world.retention(uid), (StreamStatus::Deleting, hours(48), None));
    world.apply(FinishDeleteStream { uid }).expect("deleting");
}

#[test]
fn a_closed_shard_stays_while_a_group_may_keep_its_records() {
    let mut world = World::bootstrapped();
    let uid = world.active("s", 1, START);
    world.resharded(uid, &[split(0, HashKey(9))], START);
    world.raise(uid, 1, 48).expect("active");
    let day = 24 * 3_600;
    assert_eq!(world.stream(uid).expired_shards(at(day + 1)), []);
    let remove = RemoveShards { uid, shards: vec![ShardId(0)], now: at(day + 1) };
    let kept = RemoveShardsRefused::Kept { shard: ShardId(0), until: at(2 * day) };
    assert_eq!(world.apply(remove), Err(kept));
    world.finish_retention(uid);
    assert_eq!(world.stream(uid).expired_shards(at(2 * day + 1)), [ShardId(0)]);
}

#[test]
fn a_cluster_with_an_older_node_changes_no_retention() {
    let mut world = World::default();
    world.apply(Bootstrap { feature_level: 5, ..bootstrap(1) }).expect("the first");
    let uid = world.active("s", 1, START);
    let (cluster, needed) = (5, 6);
    assert_eq!(world.raise(uid, 1, 48), Err(SetRetentionRefused::FeatureLevel { cluster, needed }));
    let finish = FinishRetention { uid, change: MapVersion(1) };
    assert_eq!(world.apply(finish), Err(FinishRetentionRefused::FeatureLevel { cluster, needed }));
    let stream = crate::rows::RowKey::Stream(uid).encode();
    assert_eq!(world.stored[&stream][0], 1, "a row that the older node reads");
}
