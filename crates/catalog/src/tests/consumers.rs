//! Consumers come and go by name, and a call that is repeated changes nothing more.

use super::resharding::at;
use super::world::*;
use crate::limits::CONSUMER_CALLS_REMEMBERED;
use crate::rows::RowKey;
use crate::*;
use anabranch_types::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

const LIMIT: u32 = 20;

fn consumer_name(name: &str) -> ConsumerName {
    ConsumerName::new(name).expect("valid")
}

fn register(uid: StreamUid, name: &str, request: u128, now: Timestamp) -> RegisterConsumer {
    RegisterConsumer { uid, name: consumer_name(name), now, consumer_limit: LIMIT, request: RequestId(request) }
}

fn deregister(uid: StreamUid, name: &str, id: MapVersion, request: u128) -> DeregisterConsumer {
    DeregisterConsumer { uid, name: consumer_name(name), id, request: RequestId(request) }
}

/// A world with an active stream.
fn world() -> (World, StreamUid) {
    let mut world = World::bootstrapped();
    let uid = world.active("s", 1, START);
    (world, uid)
}

fn names(world: &World, uid: StreamUid) -> Vec<String> {
    world.stream(uid).consumers().map(|consumer| consumer.name.to_string()).collect()
}

#[test]
fn a_registered_consumer_is_in_the_map_with_its_time() {
    let (mut world, uid) = world();
    let changed = world.apply(register(uid, "audit", 1, at(5))).expect("a new name");
    let stream = world.stream(uid);
    assert_eq!(changed, ConsumerChanged { version: world.catalog.shard_map().version(), created: at(5) });
    let consumer = Consumer { id: changed.version, name: consumer_name("audit"), created: at(5) };
    assert_eq!(stream.consumer(&consumer.name), Some(&consumer));
    assert_eq!((stream.consumer_count(), stream.stream.version), (1, changed.version));
}

#[test]
fn a_name_is_taken_until_its_consumer_is_deregistered() {
    let (mut world, uid) = world();
    let first = world.apply(register(uid, "audit", 1, at(5))).expect("a new name");
    let taken = RegisterConsumerRefused::Exists { created: at(5) };
    assert_eq!(world.apply(register(uid, "audit", 2, at(6))), Err(taken));
    world.apply(deregister(uid, "audit", first.version, 3)).expect("registered");
    let second = world.apply(register(uid, "audit", 4, at(6))).expect("the name is free");
    let gone = DeregisterConsumerRefused::NoConsumer { id: first.version };
    assert_eq!(world.apply(deregister(uid, "audit", first.version, 5)), Err(gone), "it means the first one");
    assert_eq!(world.stream(uid).consumer(&consumer_name("audit")).map(|found| found.id), Some(second.version));
}

#[test]
fn a_repeated_call_gets_its_answer_whatever_came_after_it() {
    let (mut world, uid) = world();
    let registered = world.apply(register(uid, "audit", 1, at(5))).expect("a new name");
    assert_eq!(world.apply(register(uid, "audit", 1, at(5))), Ok(registered));
    let gone = world.apply(deregister(uid, "audit", registered.version, 2)).expect("registered");
    assert_eq!(world.apply(deregister(uid, "audit", registered.version, 2)), Ok(gone));
    assert_eq!(world.apply(register(uid, "audit", 1, at(5))), Ok(registered), "it is not registered once more");
    assert_eq!(names(&world, uid), [""; 0]);
}

#[test]
fn a_stream_has_no_more_consumers_than_it_may_and_a_free_place_is_given_again() {
    let (mut world, uid) = world();
    let mut first = None;
    for nth in 0..LIMIT {
        let changed = world.apply(register(uid, &format!("c{nth}"), nth.into(), START)).expect("there is room");
        first.get_or_insert(changed);
    }
    let full = RegisterConsumerRefused::Limit { current: LIMIT, limit: LIMIT };
    assert_eq!(world.apply(register(uid, "more", 100, START)), Err(full));
    let exists = RegisterConsumerRefused::Exists { created: START };
    assert_eq!(world.apply(register(uid, "c3", 101, START)), Err(exists), "a taken name is told first");
    world.apply(deregister(uid, "c0", first.expect("registered").version, 102)).expect("registered");
    assert!(world.apply(register(uid, "more", 103, START)).is_ok());
}

#[test]
fn only_streams_that_take_reads_register_consumers() {
    let mut world = World::bootstrapped();
    let uid = world.create("s", 1, START);
    let refused = |status| Err(RegisterConsumerRefused::Status { status });
    assert_eq!(world.apply(register(uid, "audit", 1, START)), refused(StreamStatus::Creating));
    world.apply(ActivateStream { uid }).expect("created");
    world.begin(uid, 9, &[super::resharding::split(0, HashKey(1 << 127))], START).expect("active");
    assert!(world.apply(register(uid, "audit", 2, START)).is_ok(), "a reshard has nothing to do with it");
    world.apply(BeginDeleteStream { account: ACCOUNT, name: stream_name("s") }).expect("exists");
    assert_eq!(world.apply(register(uid, "more", 3, START)), refused(StreamStatus::Deleting));
}

#[test]
fn consumers_go_with_their_stream_and_stay_through_a_reshard() {
    let (mut world, uid) = world();
    world.apply(register(uid, "audit", 1, START)).expect("a new name");
    world.begin(uid, 9, &[super::resharding::split(0, HashKey(1 << 127))], START).expect("active");
    world.seal(uid).expect("begun");
    world.commit(uid, at(1)).expect("sealed");
    assert_eq!(names(&world, uid), ["audit"]);
    world.delete("s");
    let left = world.stored.keys().filter(|key| key[0] >= 32).count();
    assert_eq!(left, 0, "no row of theirs is left");
    let gone = RegisterConsumerRefused::NoStream { uid };
    assert_eq!(world.apply(register(uid, "audit", 1, START)), Err(gone));
    let gone = DeregisterConsumerRefused::NoStream { uid };
    assert_eq!(world.apply(deregister(uid, "audit", MapVersion(1), 2)), Err(gone));
}

#[test]
fn consumers_are_refused_below_their_level() {
    let mut world = World::default();
    assert_eq!(world.apply(register(StreamUid(1), "audit", 1, START)), Err(RegisterConsumerRefused::NotBootstrapped));
    world.apply(Bootstrap { feature_level: 5, ..bootstrap(1) }).expect("the first bootstrap");
    let uid = world.active("s", 1, START);
    let refused = RegisterConsumerRefused::FeatureLevel { cluster: 5, needed: 6 };
    assert_eq!(world.apply(register(uid, "audit", 1, START)), Err(refused));
    let refused = DeregisterConsumerRefused::FeatureLevel { cluster: 5, needed: 6 };
    assert_eq!(world.apply(deregister(uid, "audit", MapVersion(1), 1)), Err(refused));
}

#[test]
fn a_page_of_consumers_goes_on_after_a_name() {
    let (mut world, uid) = world();
    for (nth, name) in ["d", "b", "a", "c"].into_iter().enumerate() {
        world.apply(register(uid, name, nth as u128, START)).expect("a new name");
    }
    let stream = world.stream(uid);
    let page = |after: Option<&str>, limit| {
        let (page, more) = stream.consumers_after(after.map(consumer_name).as_ref(), limit);
        (page.iter().map(|consumer| consumer.name.as_str()).collect::<String>(), more)
    };
    assert_eq!(page(None, 2), ("ab".to_owned(), true));
    assert_eq!(page(Some("b"), 2), ("cd".to_owned(), false));
    assert_eq!(page(Some("bb"), 9), ("cd".to_owned(), false), "the last of a page may be gone by the next one");
    assert_eq!(page(Some("d"), 9), (String::new(), false));
}

#[test]
fn damaged_rows_of_consumers_are_refused() {
    let (mut world, uid) = world();
    world.apply(register(uid, "audit", 1, START)).expect("a new name");
    let load = |edit: fn(&mut BTreeMap<bytes::Bytes, bytes::Bytes>, StreamUid)| {
        let mut rows = world.stored.clone();
        edit(&mut rows, uid);
        Catalog::load(rows.into_iter()).expect_err("damaged").to_string()
    };
    let other_name = load(|rows, uid| {
        let row = rows.remove(&RowKey::Consumer(uid, consumer_name("audit")).encode()).expect("stored");
        rows.insert(RowKey::Consumer(uid, consumer_name("other")).encode(), row);
    });
    assert!(other_name.contains("row of this key"), "{other_name}");
    let no_stream = load(|rows, _| rows.retain(|key, _| key[0] < 7 || key[0] >= 32));
    assert!(no_stream.contains("none of its own"), "{no_stream}");
    let future = load(|rows, uid| {
        let consumer = Consumer { id: MapVersion(999), name: consumer_name("audit"), created: START };
        let key = RowKey::Consumer(uid, consumer.name.clone()).encode();
        rows.insert(key, crate::rows::encode_value(&consumer));
    });
    assert!(future.contains("as old as their stream's version"), "{future}");
    let many = load(|rows, uid| {
        let key = RowKey::ConsumerCalls(uid).encode();
        let mut calls: crate::consumer::ConsumerCalls = crate::rows::decode_value(&rows[&key]).expect("stored");
        calls.answered = vec![calls.answered[0]; CONSUMER_CALLS_REMEMBERED + 1];
        rows.insert(key, crate::rows::encode_value(&calls));
    });
    assert!(many.contains("what is remembered of consumers is bounded"), "{many}");
}

proptest! {
    /// The catalog agrees with a map of names; `World::apply` verifies rows and invariants each time.
    #[test]
    fn any_calls_leave_what_a_map_of_names_would_have(calls in prop::collection::vec((any::<bool>(), 0usize..6), 1..90)) {
        let (mut world, uid) = world();
        let mut known: BTreeMap<String, MapVersion> = BTreeMap::new();
        for (nth, (registers, name)) in calls.into_iter().enumerate() {
            let (name, request) = (format!("c{name}"), nth as u128);
            let before = known.get(&name).copied();
            if registers {
                let command = RegisterConsumer { consumer_limit: 4, ..register(uid, &name, request, at(nth as u64)) };
                let full = known.len() >= 4;
                let outcome = world.apply(command.clone());
                prop_assert_eq!(outcome.is_ok(), before.is_none() && !full);
                prop_assert_eq!(&world.apply(command), &outcome, "the call again");
                if let Ok(changed) = outcome {
                    known.insert(name, changed.version);
                }
            } else {
                let command = deregister(uid, &name, before.unwrap_or(MapVersion(0)), request);
                let outcome = world.apply(command.clone());
                prop_assert_eq!(outcome.is_ok(), before.is_some());
                prop_assert_eq!(&world.apply(command), &outcome, "the call again");
                known.remove(&name);
            }
            let stream = world.stream(uid);
            prop_assert!(stream.consumers().map(|found| (found.name.as_str(), found.id)).eq(
                known.iter().map(|(name, id)| (name.as_str(), *id))));
        }
        let loaded = Catalog::load(world.stored.clone().into_iter()).expect("its rows");
        prop_assert_eq!(loaded, world.catalog);
    }
}
