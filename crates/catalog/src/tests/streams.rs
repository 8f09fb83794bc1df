use super::world::*;
use crate::*;
use anabranch_types::*;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

fn later(seconds: u64) -> Timestamp {
    START.plus(Duration::from_secs(seconds))
}

#[test]
fn a_created_stream_has_the_defaults_of_the_service_and_tiles_the_hash_key_space() {
    let mut world = World::bootstrapped();
    let created = world.apply(create("orders", 3, START)).expect("a new stream");
    let map = world.catalog.shard_map();
    assert_eq!(created.version, map.version());

    let orders = map.stream_named(ACCOUNT, &stream_name("orders")).expect("created");
    assert_eq!(orders.stream.uid, created.uid);
    assert_eq!(orders.stream.status, StreamStatus::Creating);
    assert_eq!(orders.stream.retention, Duration::from_secs(86_400));
    assert_eq!(orders.stream.max_record_bytes, 1 << 20);
    assert_eq!(orders.stream.created, START);
    let ids: Vec<u32> = orders.shards().iter().map(|shard| shard.id.0).collect();
    assert_eq!(ids, [0, 1, 2]);
    let third = u128::MAX / 3;
    for (key, shard) in [(0, 0), (third - 1, 0), (third, 1), (2 * third, 2), (u128::MAX, 2)] {
        assert_eq!(orders.route(HashKey(key)).id, ShardId(shard), "{key}");
        assert_eq!(map.route(created.uid, HashKey(key)).map(|shard| shard.id), Some(ShardId(shard)));
    }
    assert_eq!(map.route(StreamUid(99), HashKey(0)), None);
}

#[test]
fn a_name_is_taken_from_creation_until_the_deletion_is_finished() {
    let mut world = World::bootstrapped();
    let other_call = || create("s", 1, later(9));
    let uid = world.create("s", 1, START);
    assert_eq!(world.apply(other_call()), Err(CreateStreamRefused::Exists { status: StreamStatus::Creating }));
    world.apply(ActivateStream { uid }).expect("created");
    assert_eq!(world.apply(other_call()), Err(CreateStreamRefused::Exists { status: StreamStatus::Active }));
    world.apply(BeginDeleteStream { account: ACCOUNT, name: stream_name("s") }).expect("exists");
    assert_eq!(world.apply(other_call()), Err(CreateStreamRefused::Exists { status: StreamStatus::Deleting }));
    world.apply(FinishDeleteStream { uid }).expect("deleting");
    assert!(world.apply(other_call()).expect("the name is free").uid > uid);

    let account = AccountId::parse("123456789012").expect("twelve digits");
    assert!(world.apply(CreateStream { account, ..other_call() }).is_ok(), "names belong to accounts");
}

#[test]
fn the_call_that_created_a_stream_gets_the_same_answer_when_repeated() {
    let mut world = World::bootstrapped();
    let first = world.apply(create("s", 2, START)).expect("a new stream");
    assert_eq!(world.apply(create("s", 2, START)), Ok(first));
    assert_eq!(world.catalog.open_shard_count(ACCOUNT), 2);
}

#[test]
fn the_account_keeps_within_its_shard_limit() {
    let mut world = World::bootstrapped();
    let with_limit = |name, shards, shard_limit| CreateStream { shard_limit, ..create(name, shards, START) };
    world.apply(with_limit("a", 4, 5)).expect("four of five");
    let refused = CreateStreamRefused::ShardLimit { current: 4, limit: 5, asked: 2 };
    assert_eq!(world.apply(with_limit("b", 2, 5)), Err(refused));
    world.apply(with_limit("b", 1, 5)).expect("five of five");
    assert_eq!(world.catalog.open_shard_count(ACCOUNT), 5);

    let limit = crate::limits::STREAM_SHARDS_MAX;
    let refused = CreateStreamRefused::StreamShardLimit { asked: u32::MAX, limit };
    assert_eq!(world.apply(with_limit("c", u32::MAX, u32::MAX)), Err(refused));

    world.delete("a");
    assert_eq!(world.catalog.open_shard_count(ACCOUNT), 1);
    world.delete("b");
    assert_eq!(world.catalog.open_shard_count(ACCOUNT), 0);
}

#[test]
fn shards_go_to_the_groups_with_the_fewest_open_shards_lowest_id_first() {
    let mut world = World::default();
    world.apply(bootstrap(3)).expect("the first bootstrap");
    let groups = |world: &World, uid| {
        let map = world.catalog.shard_map();
        map.stream(uid).expect("created").shards().iter().map(|shard| shard.group.0).collect::<Vec<_>>()
    };
    let first = world.create("a", 10, START);
    assert_eq!(groups(&world, first), [1, 2, 3, 1, 2, 3, 1, 2, 3, 1]);
    let second = world.create("b", 2, START);
    assert_eq!(groups(&world, second), [2, 2]);
    let third = world.create("c", 1, START);
    assert_eq!(groups(&world, third), [3]);
    world.delete("a");
    let fourth = world.create("d", 9, START);
    assert_eq!(groups(&world, fourth), [1, 1, 3, 1, 2, 3, 1, 2, 3]);
}

#[test]
fn a_stream_created_again_has_sequence_numbers_above_its_predecessors() {
    let mut world = World::bootstrapped();
    let mut highest = 0;
    // The clock stands still, goes back, and passes on.
    for now in [START, START, later(0), START.minus(Duration::from_secs(3600)), later(10_000)] {
        let uid = world.active("s", 2, now);
        let map = world.catalog.shard_map();
        let shards = map.stream(uid).expect("created").shards();
        assert!(shards.iter().all(|shard| shard.created_s > highest && shard.opened == now), "{highest}");
        highest = shards.iter().map(|shard| shard.created_s).max().expect("two shards");
        world.delete("s");
    }
    assert_eq!(highest, later(10_000).as_secs());
}

#[test]
fn a_clock_that_no_sequence_number_can_hold_is_refused() {
    let mut world = World::bootstrapped();
    let now = Timestamp::from_millis(u64::MAX);
    assert_eq!(world.apply(create("s", 1, now)), Err(CreateStreamRefused::Time { created_s: now.as_secs() }));
}

#[test]
fn activating_twice_changes_the_stream_once() {
    let mut world = World::bootstrapped();
    let uid = world.create("s", 1, START);
    let first = world.apply(ActivateStream { uid });
    assert_eq!(world.apply(ActivateStream { uid }), first);
    assert_eq!(world.catalog.shard_map().stream(uid).map(|s| s.stream.status), Some(StreamStatus::Active));
}

#[test]
fn a_stream_that_is_being_deleted_is_not_activated() {
    let mut world = World::bootstrapped();
    let uid = world.create("s", 1, START);
    world.apply(BeginDeleteStream { account: ACCOUNT, name: stream_name("s") }).expect("exists");
    assert_eq!(world.apply(ActivateStream { uid }), Err(ActivateStreamRefused::Deleting { uid }));
    world.apply(FinishDeleteStream { uid }).expect("deleting");
    assert_eq!(world.apply(ActivateStream { uid }), Err(ActivateStreamRefused::NotFound { uid }));
}

#[test]
fn deletion_can_be_repeated_at_each_step() {
    let mut world = World::bootstrapped();
    let uid = world.active("s", 5, START);
    let begin = || BeginDeleteStream { account: ACCOUNT, name: stream_name("s") };
    assert_eq!(
        world.apply(FinishDeleteStream { uid }),
        Err(FinishDeleteStreamRefused::NotDeleting { uid, status: StreamStatus::Active })
    );
    let first = world.apply(begin()).expect("exists");
    assert_eq!(first.groups, [GroupId(1), GroupId(2)]);
    assert_eq!(world.apply(begin()), Ok(first));
    let gone = world.apply(FinishDeleteStream { uid });
    assert_eq!(world.apply(FinishDeleteStream { uid }), gone);
    assert_eq!(world.apply(begin()), Err(BeginDeleteStreamRefused::NotFound));
    let never = StreamUid(99);
    assert_eq!(
        world.apply(FinishDeleteStream { uid: never }),
        Err(FinishDeleteStreamRefused::NeverExisted { uid: never })
    );
}

#[test]
fn unfinished_work_is_found_again_after_a_restart() {
    let mut world = World::bootstrapped();
    world.active("done", 1, START);
    let making = world.create("making", 1, START);
    let dropping = world.active("dropping", 1, START);
    world.apply(BeginDeleteStream { account: ACCOUNT, name: stream_name("dropping") }).expect("exists");

    let restarted = Catalog::load(world.stored.into_iter()).expect("rows of a catalog");
    let work: Vec<(bool, StreamUid)> = (restarted.unfinished().into_iter())
        .map(|work| match work {
            Unfinished::Create(stream) => (true, stream.stream.uid),
            Unfinished::Delete(stream) | Unfinished::Reshard(stream) | Unfinished::Retain(stream) => {
                (false, stream.stream.uid)
            }
        })
        .collect();
    assert_eq!(work, [(true, making), (false, dropping)]);
}

#[test]
fn streams_are_listed_by_name_within_their_account() {
    let mut world = World::bootstrapped();
    let other = AccountId::parse("000000000001").expect("twelve digits");
    for name in ["b", "a", "c", "-", "Z"] {
        world.create(name, 1, START);
    }
    world.apply(CreateStream { account: other, ..create("x", 1, START) }).expect("new");

    let map = world.catalog.shard_map();
    let page = |account, after: Option<&str>, limit| {
        let page = map.streams_after(account, after.map(stream_name).as_ref(), limit);
        let names: Vec<String> = page.streams.iter().map(|stream| stream.stream.name.to_string()).collect();
        (names.join(" "), page.has_more)
    };
    assert_eq!(page(ACCOUNT, None, 10), ("- Z a b c".to_owned(), false));
    assert_eq!(page(ACCOUNT, None, 2), ("- Z".to_owned(), true));
    assert_eq!(page(ACCOUNT, Some("Z"), 3), ("a b c".to_owned(), false));
    assert_eq!(page(ACCOUNT, Some("aa"), 1), ("b".to_owned(), true));
    assert_eq!(page(ACCOUNT, Some("c"), 1), (String::new(), false));
    assert_eq!(page(other, None, 10), ("x".to_owned(), false));
}

#[test]
fn a_status_change_of_a_large_stream_writes_two_rows_and_shares_its_shards() {
    let mut world = World::bootstrapped();
    let uid = world.create("large", 10_000, START);
    assert_eq!(world.mutations.len(), 10_002, "stream, shards and counters");
    let untouched = world.create("untouched", 1, START);
    let before = world.catalog.shard_map();

    world.apply(ActivateStream { uid }).expect("created");
    assert_eq!(world.mutations.len(), 2, "stream and counters");
    let after = world.catalog.shard_map();
    let (old, new) = (before.stream(uid).expect("created"), after.stream(uid).expect("created"));
    assert_eq!(old.stream.status, StreamStatus::Creating, "a snapshot does not change");
    assert!(std::ptr::eq(old.shards(), new.shards()));
    let shared = |map: &ShardMap| std::sync::Arc::as_ptr(map.stream(untouched).expect("created"));
    assert_eq!(shared(&before), shared(&after));
}

#[test]
fn ten_thousand_shards_spread_evenly_and_every_key_finds_its_shard() {
    let mut world = World::default();
    world.apply(bootstrap(7)).expect("the first bootstrap");
    let uid = world.create("large", 10_000, START);
    let map = world.catalog.shard_map();
    let stream = map.stream(uid).expect("created");

    let mut by_group: BTreeMap<GroupId, u32> = BTreeMap::new();
    for shard in stream.shards() {
        *by_group.entry(shard.group).or_default() += 1;
        assert_eq!(stream.route(shard.range.start()).id, shard.id);
        assert_eq!(stream.route(shard.range.end()).id, shard.id);
        assert_eq!(stream.shard(shard.id), Some(shard));
    }
    assert!(by_group.values().all(|shards| (1_428..=1_429).contains(shards)), "{by_group:?}");
}

fn groups_of(world: &World, uid: StreamUid) -> BTreeMap<GroupId, usize> {
    let map = world.catalog.shard_map();
    let shards = map.stream(uid).expect("created").shards();
    shards.iter().fold(BTreeMap::new(), |mut groups, shard| {
        *groups.entry(shard.group).or_default() += 1;
        groups
    })
}

#[test]
fn a_stream_uses_a_group_for_each_node_and_more_once_four_shards_share_one() {
    for (nodes, shards, expected) in
        [(1, 1, 1), (1, 4, 1), (1, 5, 2), (1, 40, 6), (3, 2, 2), (3, 8, 3), (3, 13, 4), (3, 40, 6)]
    {
        let mut world = World::of_nodes_and_groups(nodes, 6);
        for (group, node) in (1..=6).flat_map(|group| (2..=nodes).map(move |node| (group, node))) {
            world.joined(group, node);
        }
        let uid = world.create("s", shards, START);
        let groups = groups_of(&world, uid);
        assert_eq!(groups.len(), expected, "{shards} shards on {nodes} nodes: {groups:?}");
        let (least, most) = (groups.values().min(), groups.values().max());
        assert!(most.zip(least).is_some_and(|(most, least)| most - least <= 1), "{groups:?}");
    }
}

#[test]
fn small_streams_fill_all_groups_in_turn() {
    let mut world = World::default();
    world.apply(bootstrap(6)).expect("the first bootstrap");
    let streams: Vec<StreamUid> = (0..6).map(|nth| world.create(&format!("s{nth}"), 4, START)).collect();
    let used: BTreeSet<GroupId> = streams.iter().flat_map(|uid| groups_of(&world, *uid).into_keys()).collect();
    assert_eq!(used.len(), 6);
}

#[test]
fn below_level_four_a_stream_uses_all_groups() {
    let mut world = World::default();
    world.apply(Bootstrap { feature_level: 3, ..bootstrap(6) }).expect("the first bootstrap");
    let uid = world.create("s", 8, START);
    assert_eq!(groups_of(&world, uid).len(), 6);
}

#[test]
#[should_panic(expected = "entry 3 applied to a catalog that entry 3 changed")]
fn an_entry_applied_twice_stops_the_node() {
    let mut world = World::bootstrapped();
    world.create("a", 1, START);
    world.create("b", 1, START);
    world.index = 2;
    world.create("c", 1, START);
}
