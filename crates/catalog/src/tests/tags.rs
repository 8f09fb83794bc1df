use super::world::*;
use crate::limits::TAGGINGS_REMEMBERED;
use crate::rows::RowKey;
use crate::*;
use anabranch_types::limits::TAGS_PER_STREAM_MAX;
use anabranch_types::*;
use std::ops::Range;

fn tag(uid: StreamUid, numbers: Range<u32>, request: u128) -> TagStream {
    TagStream { uid, tags: tags(numbers), request: RequestId(request) }
}

fn untag(uid: StreamUid, numbers: Range<u32>, request: u128) -> UntagStream {
    UntagStream { uid, keys: tags(numbers).into_keys().collect(), request: RequestId(request) }
}

fn tags_of(world: &World, uid: StreamUid) -> Tags {
    world.catalog.shard_map().stream(uid).expect("a stream of this world").tags().clone()
}

#[test]
fn tags_are_added_replaced_and_taken_off() {
    let mut world = World::bootstrapped();
    let uid = world.active("s", 1, START);
    assert_eq!(tags_of(&world, uid), Tags::new());
    world.apply(tag(uid, 0..3, 1)).expect("active");
    assert_eq!(tags_of(&world, uid), tags(0..3));

    let other = TagValue::new("other").expect("valid");
    let (key, _) = tags(2..3).pop_first().expect("one");
    let replacing = TagStream { uid, tags: Tags::from([(key.clone(), other.clone())]), request: RequestId(2) };
    world.apply(replacing).expect("active");
    assert_eq!(tags_of(&world, uid), [tags(0..2), Tags::from([(key, other)])].into_iter().flatten().collect());

    world.apply(untag(uid, 1..9, 3)).expect("keys that are not there are passed over");
    assert_eq!(tags_of(&world, uid), tags(0..1));
    world.apply(untag(uid, 0..1, 4)).expect("the last one");
    assert_eq!(tags_of(&world, uid), Tags::new());
}

#[test]
fn a_stream_is_tagged_from_its_creation_until_its_deletion_begins() {
    let mut world = World::bootstrapped();
    let uid = world.create("s", 1, START);
    world.apply(tag(uid, 0..1, 1)).expect("being created");
    world.apply(BeginDeleteStream { account: ACCOUNT, name: stream_name("s") }).expect("exists");
    assert_eq!(world.apply(tag(uid, 1..2, 2)), Err(TagStreamRefused::Deleting { uid }));
    assert_eq!(world.apply(untag(uid, 0..1, 3)), Err(UntagStreamRefused::Deleting { uid }));
    assert_eq!(tags_of(&world, uid), tags(0..1));
    world.apply(FinishDeleteStream { uid }).expect("deleting");
    assert_eq!(world.apply(tag(uid, 1..2, 2)), Err(TagStreamRefused::NoStream { uid }));
    assert_eq!(world.apply(untag(uid, 0..1, 3)), Err(UntagStreamRefused::NoStream { uid }));
}

#[test]
fn a_stream_has_fifty_tags_at_most() {
    let mut world = World::bootstrapped();
    let uid = world.active("s", 1, START);
    let limit = TAGS_PER_STREAM_MAX as u32;
    world.apply(tag(uid, 0..limit, 1)).expect("as many as there may be");
    assert_eq!(world.apply(tag(uid, limit..limit + 1, 2)), Err(TagStreamRefused::TagLimit { asked: 51, limit }));
    assert_eq!(tags_of(&world, uid), tags(0..limit), "all or none");
    world.apply(tag(uid, 3..9, 3)).expect("keys that the stream has are no more");
    world.apply(untag(uid, 0..1, 4)).expect("one less");
    world.apply(tag(uid, limit..limit + 1, 2)).expect("a refusal is not remembered");
    assert_eq!(tags_of(&world, uid), tags(1..limit + 1));
    let refused = TagStreamRefused::TagLimit { asked: 200, limit };
    assert_eq!(world.apply(tag(uid, 0..200, 5)), Err(refused));
}

#[test]
fn a_call_that_is_repeated_does_not_undo_what_came_in_between() {
    let mut world = World::bootstrapped();
    let uid = world.active("s", 1, START);
    world.apply(tag(uid, 0..2, 1)).expect("active");
    world.apply(untag(uid, 0..2, 2)).expect("active");
    world.apply(tag(uid, 0..2, 1)).expect("known");
    assert!(world.mutations.is_empty(), "{:?}", world.mutations);
    assert_eq!(tags_of(&world, uid), Tags::new());
    world.apply(tag(uid, 5..7, 3)).expect("active");
    world.apply(untag(uid, 0..9, 2)).expect("known");
    assert_eq!(tags_of(&world, uid), tags(5..7));
}

#[test]
fn the_last_calls_are_remembered_and_no_more() {
    let mut world = World::bootstrapped();
    let uid = world.active("s", 1, START);
    let calls = TAGGINGS_REMEMBERED as u128;
    for request in 0..=calls {
        world.apply(untag(uid, 0..1, request)).expect("active");
    }
    world.apply(tag(uid, 0..1, calls)).expect("known");
    assert!(world.mutations.is_empty());
    world.apply(tag(uid, 0..1, 0)).expect("forgotten");
    assert_eq!(tags_of(&world, uid), tags(0..1));
}

#[test]
fn a_stream_made_anew_has_none_of_its_predecessors_tags() {
    let mut world = World::bootstrapped();
    let before = world.active("s", 1, START);
    world.apply(tag(before, 0..50, 1)).expect("active");
    world.delete("s");
    assert!(!world.stored.contains_key(&RowKey::Tagging(before).encode()));
    let uid = world.active("s", 1, START);
    assert_eq!(tags_of(&world, uid), Tags::new());
    assert_eq!(world.apply(tag(before, 0..1, 2)), Err(TagStreamRefused::NoStream { uid: before }));
}

#[test]
fn tags_are_found_again_and_leave_the_streams_row_as_large_as_it_was() {
    let mut world = World::bootstrapped();
    let uid = world.active("s", 2, START);
    let row = |world: &World| world.stored[&RowKey::Stream(uid).encode()].len();
    let before = row(&world);
    let longest = |number: u32| {
        let key = TagKey::new(&format!("{number:02}{}", "é".repeat(126))).expect("valid");
        (key, TagValue::new(&"é".repeat(256)).expect("valid"))
    };
    let all: Tags = (0..50).map(longest).collect();
    world.apply(TagStream { uid, tags: all.clone(), request: RequestId(1) }).expect("active");
    assert_eq!(row(&world), before);
    let loaded = Catalog::load(world.stored.clone().into_iter()).expect("what apply wrote");
    assert_eq!(loaded, world.catalog);
    assert_eq!(tags_of(&world, uid), all);
}

#[test]
fn tags_need_a_cluster_of_their_level() {
    let mut world = World::default();
    let uid = StreamUid(1);
    assert_eq!(world.apply(tag(uid, 0..1, 1)), Err(TagStreamRefused::NotBootstrapped));
    assert_eq!(world.apply(untag(uid, 0..1, 1)), Err(UntagStreamRefused::NotBootstrapped));
    world.apply(Bootstrap { feature_level: 5, ..bootstrap(1) }).expect("the first bootstrap");
    let uid = world.active("s", 1, START);
    let (cluster, needed) = (5, 6);
    assert_eq!(world.apply(tag(uid, 0..1, 1)), Err(TagStreamRefused::FeatureLevel { cluster, needed }));
    assert_eq!(world.apply(untag(uid, 0..1, 1)), Err(UntagStreamRefused::FeatureLevel { cluster, needed }));
    assert_eq!(check_level(&tag(uid, 0..1, 1).encode(), 5).map_err(|error| error.to_string()), {
        Err("catalog command of version 1 has kind 27, this build knows kinds up to 26".to_owned())
    });
}
