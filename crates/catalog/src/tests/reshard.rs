//! Splits, merges and scalings, step by step.

use super::resharding::*;
use super::world::*;
use crate::*;
use anabranch_types::*;
use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

const MIDDLE: HashKey = HashKey(1 << 127);
const QUARTER: u128 = 1 << 126;

#[test]
fn children_of_a_split_take_over_where_their_parent_ends() {
    let mut world = World::bootstrapped();
    let uid = world.active("s", 1, START);
    let begun = world.begin(uid, 1, &[split(0, MIDDLE)], START).expect("an active stream");
    assert_eq!((begun.before, begun.after), (1, 2));
    let stream = world.stream(uid);
    assert_eq!(stream.stream.status, StreamStatus::Updating);
    assert_eq!(stream.shards().len(), 1, "nobody is routed to what is in preparation");
    assert_eq!(stream.route(HashKey::MAX).id, ShardId(0));
    let round = stream.round().expect("under way");
    assert_eq!((round.id, round.stage), (begun.version, RoundStage::Preparing));
    assert!(round.children.iter().all(|child| child.created_s > stream.shards()[0].created_s));

    world.seal(uid).expect("in preparation");
    let before = world.catalog.shard_map().version();
    world.commit(uid, at(5)).expect("sealed");
    assert_eq!(world.catalog.shard_map().version().0, before.0 + 1, "one version has all of it");
    let stream = world.stream(uid);
    assert_eq!((stream.stream.status, stream.round()), (StreamStatus::Active, None));
    let [parent, lower, upper] = stream.shards() else { panic!("{:?}", stream.shards()) };
    assert_eq!((lower.range.start(), lower.range.end().0), (HashKey::MIN, MIDDLE.0 - 1));
    assert_eq!((upper.range.start(), upper.range.end()), (MIDDLE, HashKey::MAX));
    let closed = parent.closed.expect("split");
    assert!([lower, upper].iter().all(|child| child.opened == closed.at && child.starting() > closed.ending));
    assert_eq!((lower.parents, upper.parents.adjacent()), (Parents::Split { parent: ShardId(0) }, None));
    assert_eq!(stream.route(HashKey::MAX).id, ShardId(2));
}

#[test]
fn a_merge_names_the_shard_that_was_asked_for_and_its_neighbour_in_either_order() {
    for (parent, adjacent) in [(0, 1), (1, 0)] {
        let mut world = World::bootstrapped();
        let uid = world.active("s", 2, START);
        world.resharded(uid, &[merge(parent, adjacent)], at(5));
        let stream = world.stream(uid);
        let child = stream.shards()[2];
        assert_eq!((child.range, stream.open_count()), (HashKeyRange::FULL, 1));
        assert_eq!(
            (child.parents.parent(), child.parents.adjacent()),
            (Some(ShardId(parent)), Some(ShardId(adjacent)))
        );
        assert!(stream.shards()[..2].iter().all(|parent| parent.ending().is_some_and(|end| end < child.starting())));
    }
}

#[test]
fn one_commit_carries_out_all_steps_of_a_round() {
    let mut world = World::bootstrapped();
    let uid = world.active("s", 4, START);
    let steps = [split(0, HashKey(QUARTER / 2)), merge(3, 2), split(1, HashKey(QUARTER + QUARTER / 2))];
    let begun = world.begin(uid, 1, &steps, START).expect("disjoint");
    assert_eq!((begun.before, begun.after), (4, 5));
    world.seal(uid).expect("in preparation");
    world.commit(uid, at(5)).expect("sealed");
    let stream = world.stream(uid);
    let ranges: Vec<(u32, u128)> = stream.open_shards().map(|shard| (shard.id.0, shard.range.start().0)).collect();
    assert_eq!(ranges, [(4, 0), (5, QUARTER / 2), (7, QUARTER), (8, QUARTER + QUARTER / 2), (6, 2 * QUARTER)]);
}

#[test]
fn a_call_that_began_a_reshard_is_answered_the_same_at_every_stage_and_afterwards() {
    let mut world = World::bootstrapped();
    let uid = world.active("s", 1, START);
    let first = world.begin(uid, 7, &[split(0, MIDDLE)], START);
    assert_eq!(world.begin(uid, 7, &[split(0, MIDDLE)], at(1)), first);
    world.seal(uid).expect("in preparation");
    assert_eq!(world.begin(uid, 7, &[split(0, MIDDLE)], at(2)), first);
    world.commit(uid, at(5)).expect("sealed");
    assert_eq!(world.begin(uid, 7, &[split(0, MIDDLE)], at(6)), first);
    world.resharded(uid, &[merge(1, 2)], at(7));
    assert_eq!(world.begin(uid, 7, &[split(0, MIDDLE)], at(8)), first);
    assert_eq!(world.stream(uid).open_count(), 1);

    let closed = steps_refused(StepsRefused::Closed { shard: ShardId(0) });
    assert_eq!(world.begin(uid, 8, &[split(0, MIDDLE)], at(9)), Err(closed), "another call is another reshard");
}

#[test]
fn calls_are_remembered_until_many_others_came() {
    let mut world = World::bootstrapped();
    let uid = world.active("s", 1, START);
    let first = world.begin(uid, 1_000, &[split(0, MIDDLE)], START).expect("active");
    world.apply(AbortReshard { uid, request: RequestId(1_000) }).expect("in preparation");
    for request in 1..crate::limits::RESHARDS_REMEMBERED as u128 {
        world.begin(uid, request, &[split(0, MIDDLE)], START).expect("active");
        world.apply(AbortReshard { uid, request: RequestId(request) }).expect("in preparation");
    }
    assert_eq!(world.begin(uid, 1_000, &[split(0, MIDDLE)], START), Ok(first));
    world.begin(uid, 1, &[split(0, MIDDLE)], START).expect("remembered too");
    assert_eq!(world.stream(uid).stream.status, StreamStatus::Active);
    world.begin(uid, 2_000, &[split(0, MIDDLE)], START).expect("active");
    world.apply(AbortReshard { uid, request: RequestId(2_000) }).expect("in preparation");
    let again = world.begin(uid, 1_000, &[split(0, MIDDLE)], START).expect("forgotten, so it is new");
    assert!(again.version > first.version);
}

#[test]
fn what_cannot_be_split_or_merged_is_refused_with_the_values_that_messages_need() {
    let mut world = World::bootstrapped();
    let uid = world.active("s", 4, START);
    world.resharded(uid, &[merge(0, 1)], at(1));
    let (start, end) = (HashKey(2 * QUARTER), HashKey(3 * QUARTER - 1));
    let hash_key = |at| StepsRefused::HashKey { shard: ShardId(2), start, end, at };
    let of_range = [2 * QUARTER - 1, 2 * QUARTER, 2 * QUARTER + 1, 3 * QUARTER - 1, 3 * QUARTER, u128::MAX];
    let mut cases: Vec<(Vec<ReshardStep>, StepsRefused)> =
        of_range.map(|key| (vec![split(2, HashKey(key))], hash_key(HashKey(key)))).into();
    let not_adjacent =
        |parent, adjacent| StepsRefused::NotAdjacent { parent: ShardId(parent), adjacent: ShardId(adjacent) };
    cases.extend([
        (vec![], StepsRefused::NoSteps),
        (vec![split(5, MIDDLE)], StepsRefused::NoShard { shard: ShardId(5) }),
        (vec![merge(2, 9)], StepsRefused::NoShard { shard: ShardId(9) }),
        (vec![split(0, MIDDLE)], StepsRefused::Closed { shard: ShardId(0) }),
        (vec![merge(2, 1)], StepsRefused::Closed { shard: ShardId(1) }),
        (vec![merge(4, 3)], not_adjacent(4, 3)),
        (vec![merge(3, 3)], not_adjacent(3, 3)),
        (vec![merge(2, 3), split(2, HashKey(2 * QUARTER + 9))], StepsRefused::Repeated { shard: ShardId(2) }),
    ]);
    for (request, (steps, refused)) in (100..).zip(cases) {
        assert_eq!(world.begin(uid, request, &steps, at(2)), Err(steps_refused(refused)), "{steps:?}");
    }
    for key in [2 * QUARTER + 2, 3 * QUARTER - 2] {
        let request = key;
        world.begin(uid, request, &[split(2, HashKey(key))], at(2)).expect("within the range");
        world.apply(AbortReshard { uid, request: RequestId(request) }).expect("in preparation");
    }
}

#[test]
fn a_stream_that_is_not_active_is_not_resharded_but_a_wrong_shard_is_told_first() {
    let mut world = World::bootstrapped();
    let uid = world.create("s", 1, START);
    let status = |status| Err(BeginReshardRefused::Status { status });
    assert_eq!(world.begin(uid, 1, &[split(0, MIDDLE)], START), status(StreamStatus::Creating));
    let absent = steps_refused(StepsRefused::NoShard { shard: ShardId(1) });
    assert_eq!(world.begin(uid, 1, &[split(1, MIDDLE)], START), Err(absent));
    world.apply(ActivateStream { uid }).expect("created");
    world.begin(uid, 1, &[split(0, MIDDLE)], START).expect("active");
    assert_eq!(world.begin(uid, 2, &[split(0, MIDDLE)], START), status(StreamStatus::Updating));
    world.apply(BeginDeleteStream { account: ACCOUNT, name: stream_name("s") }).expect("exists");
    assert_eq!(world.begin(uid, 2, &[split(0, MIDDLE)], START), status(StreamStatus::Deleting));
    let gone = StreamUid(99);
    assert_eq!(world.begin(gone, 2, &[], START), Err(BeginReshardRefused::NoStream { uid: gone }));
}

#[test]
fn below_level_five_nothing_is_resharded() {
    let mut world = World::default();
    world.apply(Bootstrap { feature_level: 4, ..bootstrap(2) }).expect("the first bootstrap");
    let uid = world.active("s", 1, START);
    let refused = BeginReshardRefused::FeatureLevel { cluster: 4, needed: 5 };
    assert_eq!(world.begin(uid, 1, &[split(0, MIDDLE)], START), Err(refused));
}

#[test]
fn the_accounts_limit_counts_what_reshards_under_way_will_add() {
    let mut world = World::bootstrapped();
    let (one, other) = (world.active("a", 2, START), world.active("b", 2, START));
    let begin =
        |uid, request, steps: &[ReshardStep]| BeginReshard { shard_limit: 5, ..begin(uid, request, steps, START) };
    world.apply(begin(one, 1, &[split(0, HashKey(QUARTER))])).expect("five of five");
    assert_eq!(world.catalog.open_shard_count(ACCOUNT), 5);
    let refused = BeginReshardRefused::ShardLimit { current: 5, limit: 5, asked: 1 };
    assert_eq!(world.apply(begin(other, 2, &[split(0, HashKey(QUARTER))])), Err(refused));
    let created = world.apply(CreateStream { shard_limit: 5, ..create("c", 1, START) });
    assert_eq!(created, Err(CreateStreamRefused::ShardLimit { current: 5, limit: 5, asked: 1 }));
    world.apply(begin(other, 3, &[merge(0, 1)])).expect("takes one away");
    assert_eq!(world.catalog.open_shard_count(ACCOUNT), 5, "until it is committed");
    world.seal(other).expect("in preparation");
    world.commit(other, at(1)).expect("sealed");
    assert_eq!(world.catalog.open_shard_count(ACCOUNT), 4);
    world.apply(AbortReshard { uid: one, request: RequestId(1) }).expect("in preparation");
    assert_eq!(world.catalog.open_shard_count(ACCOUNT), 3);
}

#[test]
fn a_round_is_aborted_before_its_parents_may_be_sealed_and_never_after() {
    let mut world = World::bootstrapped();
    let uid = world.active("s", 1, START);
    let begun = world.begin(uid, 1, &[split(0, MIDDLE)], START).expect("active");
    let preparing = CommitReshardRefused::Preparing { round: begun.version };
    assert_eq!(world.commit(uid, at(1)), Err(preparing));
    world.apply(AbortReshard { uid, request: RequestId(1) }).expect("in preparation");
    let stream = world.stream(uid);
    assert_eq!((stream.stream.status, stream.open_count(), stream.round()), (StreamStatus::Active, 1, None));
    let over = MapVersion(begun.version.0);
    assert_eq!(world.apply(SealParents { uid, round: over }), Err(SealParentsRefused::NotUnderway { round: over }));

    let begun = world.begin(uid, 2, &[split(0, MIDDLE)], START).expect("active again");
    let ids: Vec<u32> = world.stream(uid).round().expect("begun").children.iter().map(|child| child.id.0).collect();
    assert_eq!(ids, [3, 4], "ids are not used again");
    let sealing = world.seal(uid);
    assert_eq!(world.seal(uid), sealing, "may be repeated");
    let refused = AbortReshardRefused::Sealing { round: begun.version };
    assert_eq!(world.apply(AbortReshard { uid, request: RequestId(2) }), Err(refused));
    let other = AbortReshardRefused::NotUnderway { request: RequestId(1) };
    assert_eq!(world.apply(AbortReshard { uid, request: RequestId(1) }), Err(other));
}

#[test]
fn a_commit_needs_the_ending_of_every_parent_and_of_no_other_shard() {
    let mut world = World::bootstrapped();
    let uid = world.active("s", 3, START);
    let round = world.begin(uid, 1, &[merge(0, 1)], START).expect("active").version;
    world.seal(uid).expect("in preparation");
    let epoch = |id: u32| world.stream(uid).shards()[id as usize].epoch();
    let ending = |id| Ending { epoch: epoch(id), closed: at(3) };
    let (zero, one, two) = (ending(0), ending(1), ending(2));
    let reborn = Ending { epoch: ShardEpoch { created_s: one.epoch.created_s + 1, ..one.epoch }, ..one };
    let missing = |id| CommitReshardRefused::Missing { shard: ShardId(id) };
    let no_parent = |id| CommitReshardRefused::NotAParent { shard: ShardId(id) };
    for (endings, refused) in [
        (vec![], missing(0)),
        (vec![zero], missing(1)),
        (vec![zero, one, two], no_parent(2)),
        (vec![zero, one, one], no_parent(1)),
        (vec![zero, reborn], no_parent(1)),
    ] {
        assert_eq!(world.apply(CommitReshard { uid, round, endings, now: at(1) }), Err(refused));
    }
    let centuries_off = Timestamp::from_millis(u64::MAX);
    let endings = vec![one, zero];
    let refused = CommitReshardRefused::Time { at: centuries_off };
    let commit = CommitReshard { uid, round, endings, now: at(1) };
    assert_eq!(world.apply(CommitReshard { now: centuries_off, ..commit.clone() }), Err(refused));
    world.apply(commit.clone()).expect("both");
    assert_eq!(world.stream(uid).shards()[3].opened, at(3), "not before the parents were sealed");
    assert_eq!(world.apply(commit), Err(CommitReshardRefused::NotUnderway { round }), "it is over");
}

#[test]
fn a_deletion_ends_a_reshard_at_any_stage_and_tells_the_childrens_groups() {
    for sealing in [false, true] {
        let mut world = World::bootstrapped();
        let uid = world.active("s", 1, START);
        for name in ["a", "b", "c"] {
            world.active(name, 1, START);
        }
        world.delete("a");
        world.delete("c");
        let round = world.begin(uid, 1, &[split(0, MIDDLE)], START).expect("active").version;
        if sealing {
            world.seal(uid).expect("in preparation");
        }
        let stream = world.stream(uid);
        let children: Vec<GroupId> = stream.round().expect("begun").children.iter().map(|child| child.group).collect();
        assert_eq!((stream.shards()[0].group, &children[..]), (GroupId(1), &[GroupId(2); 2][..]));
        let deleting = world.apply(BeginDeleteStream { account: ACCOUNT, name: stream_name("s") }).expect("exists");
        assert!(children.iter().all(|group| deleting.groups.contains(group)), "{children:?}");
        assert_eq!(world.apply(SealParents { uid, round }), Err(SealParentsRefused::NotUnderway { round }));
        assert_eq!(world.commit(uid, at(1)), Err(CommitReshardRefused::NotUnderway { round }));
        let refused = AbortReshardRefused::NotUnderway { request: RequestId(1) };
        assert_eq!(world.apply(AbortReshard { uid, request: RequestId(1) }), Err(refused));
        world.apply(FinishDeleteStream { uid }).expect("deleting");
        assert_eq!(world.catalog.open_shard_count(ACCOUNT), 1, "that of the other stream");
        world.active("s", 1, START);
    }
}

#[test]
fn create_seconds_grow_from_parent_to_child_also_when_the_clock_stands_still_or_goes_back() {
    let mut world = World::bootstrapped();
    let uid = world.active("s", 1, START);
    for (generation, now) in (0u32..).zip([START, START, START.minus(Duration::from_secs(900)), START]) {
        let parent = world.stream(uid).route(HashKey::MIN).id;
        world.resharded(uid, &[split(parent.0, HashKey(1 << (100 - generation)))], now);
    }
    let seconds: Vec<u64> = [0, 1, 3, 5, 7].map(|id| world.stream(uid).shards()[id].created_s).into();
    assert_eq!(seconds, (0..5).map(|nth| START.as_secs() + nth).collect::<Vec<_>>());
}

#[test]
fn an_account_without_time_left_in_sequence_numbers_is_refused() {
    let mut world = World::bootstrapped();
    let uid = world.active("s", 1, START);
    let now = Timestamp::from_millis(u64::MAX);
    let refused = steps_refused(StepsRefused::Time { created_s: now.as_secs() });
    assert_eq!(world.begin(uid, 1, &[split(0, MIDDLE)], now), Err(refused));
}

#[test]
fn children_go_to_the_emptiest_groups_and_a_stream_keeps_to_few() {
    let mut world = World::default();
    world.apply(bootstrap(8)).expect("the first bootstrap");
    let uid = world.active("s", 4, START);
    let groups = |world: &World| {
        let stream = world.stream(uid);
        stream.open_shards().fold(BTreeMap::<u32, u32>::new(), |mut groups, shard| {
            *groups.entry(shard.group.0).or_default() += 1;
            groups
        })
    };
    assert_eq!(groups(&world), BTreeMap::from([(1, 4)]), "one node: four shards share a group");
    world.resharded(uid, &[split(0, HashKey(QUARTER / 2))], at(1));
    assert_eq!(groups(&world), BTreeMap::from([(1, 3), (2, 2)]), "the fifth shard wants another");
    let all: Vec<(u32, u128)> = world
        .stream(uid)
        .open_shards()
        .map(|shard| (shard.id.0, shard.range.start().0 / 2 + shard.range.end().0 / 2))
        .collect();
    let steps: Vec<ReshardStep> = all.iter().map(|(id, middle)| split(*id, HashKey(*middle))).collect();
    world.resharded(uid, &steps, at(2));
    let spread = groups(&world);
    assert_eq!((spread.len(), spread.values().sum::<u32>()), (3, 10));
    assert!(spread.values().all(|shards| (3..=4).contains(shards)), "{spread:?}");
}

#[test]
fn two_reshards_at_a_time_do_not_choose_the_same_empty_group() {
    let mut world = World::default();
    world.apply(bootstrap(2)).expect("the first bootstrap");
    let (one, other) = (world.active("a", 1, START), world.active("b", 1, START));
    let begun = |world: &mut World, uid, request| {
        world.begin(uid, request, &[split(0, MIDDLE)], START).expect("active");
        world.stream(uid).round().expect("begun").children.iter().map(|child| child.group.0).collect::<Vec<_>>()
    };
    assert_eq!(begun(&mut world, one, 1), [1, 1]);
    assert_eq!(begun(&mut world, other, 2), [2, 2]);
}

#[test]
fn expired_shards_are_removed_and_the_horizon_stays_where_ranges_are_covered() {
    let mut world = World::bootstrapped();
    let uid = world.active("s", 2, START);
    world.resharded(uid, &[split(0, HashKey(QUARTER))], at(100));
    let day = RETENTION.as_secs();
    let remove = |shards: &[u32], now| RemoveShards { uid, shards: shards.iter().copied().map(ShardId).collect(), now };
    let kept = RemoveShardsRefused::Kept { shard: ShardId(0), until: at(100 + day) };
    assert_eq!(world.stream(uid).expired_shards(at(100 + day)), []);
    assert_eq!(world.apply(remove(&[0], at(100 + day))), Err(kept));
    let not_closed = RemoveShardsRefused::NotClosed { shard: ShardId(2) };
    assert_eq!(world.apply(remove(&[0, 2], at(500 + day))), Err(not_closed));
    let never = RemoveShardsRefused::NoShard { shard: ShardId(4) };
    assert_eq!(world.apply(remove(&[0, 4], at(500 + day))), Err(never));

    let now = at(101 + day);
    assert_eq!(world.stream(uid).expired_shards(now), [ShardId(0)]);
    world.apply(remove(&[0], now)).expect("expired");
    let repeated = world.apply(remove(&[0], now)).expect("gone already");
    assert_eq!(repeated.version, world.catalog.shard_map().version());
    let stream = world.stream(uid);
    assert_eq!(stream.shard(ShardId(0)), None);
    assert_eq!(stream.shard(ShardId(2)).map(|child| child.parents), Some(Parents::Split { parent: ShardId(0) }));

    // As if the retention had been raised: what is gone does not come back.
    let mut raised = StreamMap::clone(&stream);
    raised.stream.retention = RETENTION * 2;
    assert_eq!(raised.trim_horizon(now), at(100));
    let listed = raised.list_shards(ShardFilter::AtTrimHorizon, None, 10, now).expect("not in the future");
    assert_eq!(listed.shards.iter().map(|shard| shard.id.0).collect::<Vec<_>>(), [1, 2, 3]);
}

#[test]
fn a_stream_is_scaled_in_rounds_and_is_active_when_its_ranges_are_there() {
    let mut world = World::bootstrapped();
    let uid = world.active("s", 4, START);
    let begun = world.scale(uid, 1, 5, START).expect("active");
    assert_eq!((begun.before, begun.after), (4, 5));
    assert_eq!(world.scale(uid, 1, 5, at(9)), Ok(begun), "the same call");
    let finish = || FinishScaling { uid, request: RequestId(1) };
    assert_eq!(world.apply(finish()), Err(FinishScalingRefused::NotThere { open: 4, target: 5 }));
    let mut rounds = 0;
    while let Some(round) = world.continue_scaling(uid, at(1)) {
        rounds += 1;
        let again = ContinueScaling { uid, request: RequestId(1), steps: vec![split(0, MIDDLE)], now: at(1) };
        assert_eq!(world.apply(again), Err(ContinueScalingRefused::Round { round }));
        assert_eq!(world.apply(finish()), Err(FinishScalingRefused::Round { round }));
        world.seal(uid).expect("in preparation");
        world.commit(uid, at(1)).expect("sealed");
        assert_eq!(world.stream(uid).stream.status, StreamStatus::Updating);
    }
    assert_eq!(rounds, 2);
    world.apply(finish()).expect("there");
    let stream = world.stream(uid);
    assert_eq!((stream.stream.status, stream.open_count(), stream.scaling()), (StreamStatus::Active, 5, None));
    assert_eq!(world.apply(finish()), Err(FinishScalingRefused::NotUnderway { request: RequestId(1) }));
    assert_eq!(world.scale(uid, 1, 5, at(9)), Ok(begun), "the same call, afterwards");
    let parents = |shard: &Shard| (shard.parents.parent().is_some(), shard.parents.adjacent().is_some());
    let split_or_merged = |shard: &Shard| parents(shard) != (false, true);
    assert!(stream.shards().iter().all(split_or_merged));
}

#[test]
fn a_scaling_can_be_given_up_between_its_rounds() {
    let mut world = World::bootstrapped();
    let uid = world.active("s", 4, START);
    world.scale(uid, 1, 5, START).expect("active");
    world.continue_scaling(uid, at(1)).expect("the first round");
    world.seal(uid).expect("in preparation");
    world.commit(uid, at(1)).expect("sealed");
    world.apply(AbortReshard { uid, request: RequestId(1) }).expect("nothing is sealed");
    let stream = world.stream(uid);
    assert_eq!((stream.stream.status, stream.open_count(), stream.scaling()), (StreamStatus::Active, 8, None));
    assert_eq!(world.catalog.open_shard_count(ACCOUNT), 8);
}

#[test]
fn a_scaling_is_refused_as_aws_refuses_it() {
    let mut world = World::bootstrapped();
    let uid = world.active("s", 5, START);
    let target = |target| {
        let target = NonZeroU32::new(target).expect("from 1");
        UpdateShardCount { uid, target, now: START, shard_limit: 8, request: RequestId(77) }
    };
    for (asked, refused) in [
        (5, UpdateShardCountRefused::Same { current: 5 }),
        (11, UpdateShardCountRefused::AboveDouble { current: 5, target: 11 }),
        (2, UpdateShardCountRefused::BelowHalf { current: 5, target: 2 }),
        (10_001, UpdateShardCountRefused::TargetLimit { target: 10_001, limit: 10_000 }),
        (9, UpdateShardCountRefused::ShardLimit { current: 5, limit: 8, asked: 4 }),
    ] {
        assert_eq!(world.apply(target(asked)), Err(refused));
    }
    world.apply(target(3)).expect("half of five, rounded");
    let updating = UpdateShardCountRefused::Status { status: StreamStatus::Updating };
    assert_eq!(world.scale(uid, 78, 4, START), Err(updating));
    assert_eq!(world.catalog.open_shard_count(ACCOUNT), 5, "until fewer are open");
}

#[test]
fn a_stream_is_scaled_ten_times_a_day() {
    let mut world = World::bootstrapped();
    let uid = world.active("s", 2, START);
    for nth in 0..10 {
        world.scale(uid, u128::from(nth), 4, at(nth)).expect("active");
        world.apply(AbortReshard { uid, request: RequestId(nth.into()) }).expect("nothing is sealed");
    }
    let day = 24 * 3600;
    let too_often = UpdateShardCountRefused::TooOften { until: at(day) };
    assert_eq!(world.scale(uid, 10, 4, at(day - 1)), Err(too_often));
    world.scale(uid, 10, 4, at(day)).expect("the first is a day old");
    world.apply(AbortReshard { uid, request: RequestId(10) }).expect("nothing is sealed");
    let too_often = UpdateShardCountRefused::TooOften { until: at(day + 1) };
    assert_eq!(world.scale(uid, 11, 4, at(day)), Err(too_often));
}

#[test]
fn a_reshard_of_a_large_stream_writes_the_rows_that_it_changes() {
    let mut world = World::bootstrapped();
    let uid = world.active("large", 10_000, START);
    world.begin(uid, 1, &[merge(7, 8)], START).expect("active");
    assert_eq!(world.mutations.len(), 4, "stream, history, round, counters");
    world.seal(uid).expect("in preparation");
    assert_eq!(world.mutations.len(), 3, "stream, round, counters");
    world.commit(uid, at(1)).expect("sealed");
    assert_eq!(world.mutations.len(), 6, "stream, two parents, child, round, counters");

    world.scale(uid, 2, 10_000, at(2)).expect("active");
    let steps = scaling_steps(world.stream(uid).open_shards(), NonZeroU32::new(10_000).expect("from 1"));
    assert_eq!(steps.len(), 1, "only the merged shard is to be split");
}
