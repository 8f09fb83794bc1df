use super::world::*;
use crate::*;
use anabranch_types::Timestamp;
use std::time::Duration;

fn after(seconds: u64) -> Timestamp {
    START.plus(Duration::from_secs(seconds))
}

fn rotate(byte: u8, now: Timestamp) -> RotateTokenKey {
    RotateTokenKey { secret: TokenSecret::new([byte; 32]), now }
}

fn opens(world: &World, id: u32, now: Timestamp) -> Option<u8> {
    let keys = world.catalog.token_keys().expect("bootstrapped");
    match keys.find(id, now) {
        KeyFound::Valid(key) => Some(key.secret.bytes()[0]),
        KeyFound::Past { .. } | KeyFound::NeverMade => None,
    }
}

#[test]
fn a_key_whose_time_is_over_is_told_from_one_that_was_never_made() {
    let mut world = World::bootstrapped();
    let find = |world: &World, id, now| match world.catalog.token_keys().expect("bootstrapped").find(id, now) {
        KeyFound::Valid(_) => Err("valid"),
        KeyFound::NeverMade => Err("never made"),
        KeyFound::Past { sealed_until } => Ok(sealed_until),
    };
    assert_eq!(find(&world, 0, START), Err("never made"));
    assert_eq!(find(&world, 1, START), Err("valid"));
    assert_eq!(find(&world, 2, START), Err("never made"));
    world.apply(rotate(2, after(100))).expect("nothing to forget");
    assert_eq!(find(&world, 1, after(699)), Err("valid"));
    assert_eq!(find(&world, 1, after(700)), Ok(after(160)), "it sealed for a minute after the rotation");
    world.apply(rotate(3, after(1_000))).expect("nothing to forget");
    assert_eq!(find(&world, 0, after(1_000)), Err("never made"));
    assert_eq!(find(&world, 1, after(1_000)), Ok(after(160)), "the catalog holds it no more");
    assert_eq!(find(&world, 2, after(1_600)), Ok(after(1_060)));
    assert_eq!(find(&world, 4, after(1_600)), Err("never made"));
}

#[test]
fn the_previous_key_opens_tokens_for_ten_minutes_after_the_rotation() {
    let mut world = World::bootstrapped();
    assert_eq!(world.apply(rotate(2, after(100))), Ok(TokenKeyRotated { id: 2 }));
    assert_eq!(opens(&world, 2, after(100)), Some(2));
    assert_eq!(opens(&world, 1, after(699)), Some(1));
    assert_eq!(opens(&world, 1, after(700)), None);
    assert_eq!(opens(&world, 2, after(1_000_000)), Some(2));
    assert_eq!(opens(&world, 3, after(100)), None);
}

#[test]
fn a_new_key_seals_once_every_gateway_had_a_minute_to_learn_it() {
    let mut world = World::bootstrapped();
    let seals = |world: &World, now| world.catalog.token_keys().map(|keys| keys.sealing(now).id);
    assert_eq!(seals(&world, START), Some(1), "the first key has none before it");
    world.apply(rotate(2, after(100))).expect("nothing to forget");
    assert_eq!(seals(&world, after(100)), Some(1));
    assert_eq!(seals(&world, after(159)), Some(1));
    assert_eq!(seals(&world, after(160)), Some(2));
    let lifetime = anabranch_types::limits::ITERATOR_VALID;
    assert_eq!(opens(&world, 1, after(159).plus(lifetime)), Some(1), "what it sealed last opens for its whole life");
}

#[test]
fn a_rotation_never_forgets_a_key_that_is_still_valid() {
    let mut world = World::bootstrapped();
    world.apply(rotate(2, after(100))).expect("nothing to forget");
    assert_eq!(world.apply(rotate(3, after(699))), Err(RotateTokenKeyRefused::TooSoon { until: after(700) }));
    assert_eq!(world.apply(rotate(3, after(700))), Ok(TokenKeyRotated { id: 3 }));
    assert_eq!(opens(&world, 1, after(700)), None);
    assert_eq!(opens(&world, 2, after(700)), Some(2));
}

#[test]
fn the_same_key_again_changes_nothing() {
    let mut world = World::bootstrapped();
    assert_eq!(world.apply(rotate(2, after(100))), Ok(TokenKeyRotated { id: 2 }));
    assert_eq!(world.apply(rotate(2, after(101))), Ok(TokenKeyRotated { id: 2 }));
    assert!(world.mutations.is_empty());
}

#[test]
fn a_clock_that_went_back_does_not_shorten_the_previous_keys_time() {
    let mut world = World::bootstrapped();
    world.apply(rotate(2, after(1_000))).expect("nothing to forget");
    assert_eq!(world.apply(rotate(3, after(0))), Err(RotateTokenKeyRefused::TooSoon { until: after(1_600) }));
    let mut world = World::bootstrapped();
    world.apply(rotate(2, START.minus(Duration::from_secs(5_000)))).expect("nothing to forget");
    assert_eq!(opens(&world, 1, after(599)), Some(1));
}

#[test]
fn secrets_are_never_printed() {
    let world = World::bootstrapped();
    let keys = world.catalog.token_keys().expect("bootstrapped");
    assert!(format!("{keys:?}").contains("TokenSecret(..)"));
    assert!(!format!("{:?}", world.catalog).contains("1, 1, 1"));
}
