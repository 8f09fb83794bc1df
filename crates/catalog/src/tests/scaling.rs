//! The planner of UpdateShardCount, on ranges alone.

use crate::*;
use anabranch_types::*;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::num::NonZeroU32;

/// Open shards that begin at 0 and at `borders`.
fn shards(borders: &BTreeSet<u128>) -> Vec<Shard> {
    let starts: Vec<u128> = std::iter::once(0).chain(borders.iter().copied()).collect();
    let ends = starts.iter().skip(1).map(|start| start - 1).chain([u128::MAX]);
    let ranges = starts.iter().zip(ends).map(|(start, end)| HashKeyRange::new(HashKey(*start), HashKey(end)));
    ranges.zip(0..).map(|(range, id)| shard(ShardId(id), range.expect("in order"))).collect()
}

fn tiles(count: u32) -> Vec<Shard> {
    let tiles = HashKeyRange::tiles(number(count));
    tiles.into_iter().zip(0..).map(|(range, id)| shard(ShardId(id), range)).collect()
}

fn shard(id: ShardId, range: HashKeyRange) -> Shard {
    let (parents, group, opened) = (Parents::None, GroupId(1), Timestamp::EPOCH);
    Shard { id, range, parents, group, created_s: 0, opened, closed: None }
}

fn number(count: u32) -> NonZeroU32 {
    NonZeroU32::new(count).expect("from 1")
}

/// Carries out the steps, each by AWS's rules, and gives the shards new ids.
fn carry_out(open: &[Shard], steps: &[ReshardStep]) -> Vec<Shard> {
    let mut borders: BTreeSet<u128> = open.iter().skip(1).map(|shard| shard.range.start().0).collect();
    let mut touched = BTreeSet::new();
    for step in steps {
        match *step {
            ReshardStep::Split { parent, at } => {
                let range = open[parent.0 as usize].range;
                assert!(range.start().0 + 1 < at.0 && at < range.end(), "{parent} of {range:?} at {at}");
                assert!(touched.insert(parent), "{parent} is in two steps");
                borders.insert(at.0);
            }
            ReshardStep::Merge { parent, adjacent } => {
                assert_eq!(parent.0 + 1, adjacent.0, "neighbours");
                assert!(touched.insert(parent) && touched.insert(adjacent), "{parent} or {adjacent} is in two steps");
                borders.remove(&open[adjacent.0 as usize].range.start().0);
            }
        }
    }
    shards(&borders)
}

/// The rounds that lead to the target, and the shards then.
fn rounds(mut open: Vec<Shard>, target: u32) -> (u32, Vec<Shard>) {
    let mut rounds = 0;
    loop {
        let steps = scaling_steps(open.iter(), number(target));
        if steps.is_empty() {
            return (rounds, open);
        }
        open = carry_out(&open, &steps);
        rounds += 1;
        assert!(rounds < 100, "no end");
    }
}

/// The widths less one key, which fit 128 bits.
fn widths(open: &[Shard]) -> Vec<u128> {
    open.iter().map(|shard| shard.range.end().0 - shard.range.start().0).collect()
}

fn spread(open: &[Shard]) -> u128 {
    let widths = widths(open);
    widths.iter().max().zip(widths.iter().min()).map_or(0, |(most, least)| most - least)
}

/// log2, rounded up.
fn log2(count: usize) -> u32 {
    count.next_power_of_two().trailing_zeros()
}

/// What the planner promises of the number of rounds.
fn bound(open: &[Shard], target: u32) -> u32 {
    let tiles = HashKeyRange::tiles(number(target));
    let touch = |one: &HashKeyRange, other: &HashKeyRange| one.start() <= other.end() && other.start() <= one.end();
    let cuts = open.iter().map(|shard| tiles.iter().filter(|tile| touch(tile, &shard.range)).count()).max();
    let pieces = tiles.iter().map(|tile| open.iter().filter(|shard| touch(tile, &shard.range)).count()).max();
    log2(cuts.unwrap_or(1)) + log2(pieces.unwrap_or(1))
}

#[test]
fn doubling_and_halving_take_one_round_and_leave_no_other_shards() {
    for count in [1, 2, 3, 5, 7, 48, 1_000, 4_999, 5_000] {
        let (taken, doubled) = rounds(tiles(count), count * 2);
        assert_eq!((taken, doubled.len()), (1, count as usize * 2), "{count} doubled");
        let (taken, halved) = rounds(tiles(count * 2), count);
        assert_eq!((taken, halved.len()), (1, count as usize), "{count} from its double");
    }
}

#[test]
fn a_stream_as_it_was_created_is_at_its_own_count() {
    for count in (1..300).chain([9_999, 10_000]) {
        assert_eq!(scaling_steps(tiles(count).iter(), number(count)), [], "{count}");
    }
}

#[test]
fn four_shards_become_five_by_splits_first_and_merges_where_all_is_cut() {
    let open = tiles(4);
    let steps = scaling_steps(open.iter(), number(5));
    let fifth = |nth: u128| HashKey(u128::MAX / 5 * nth);
    let splits = [(0, 1), (1, 2), (2, 3), (3, 4)];
    let splits = splits.map(|(id, nth)| ReshardStep::Split { parent: ShardId(id), at: fifth(nth) });
    assert_eq!(steps, splits);
    let open = carry_out(&open, &steps);
    let merges = [(1, 2), (3, 4), (5, 6)];
    let merges =
        merges.map(|(parent, adjacent)| ReshardStep::Merge { parent: ShardId(parent), adjacent: ShardId(adjacent) });
    assert_eq!(scaling_steps(open.iter(), number(5)), merges);
    let (taken, open) = rounds(open, 5);
    assert_eq!((taken, open.len(), spread(&open)), (1, 5, 1));
}

#[test]
fn what_a_call_may_ask_of_a_uniform_stream_takes_at_most_three_rounds() {
    for count in 1..=40_u32 {
        for target in count.div_ceil(2)..=count * 2 {
            let (taken, open) = rounds(tiles(count), target);
            assert!(taken <= 3, "{count} to {target} took {taken}");
            assert_eq!(open.len(), target as usize);
        }
    }
}

#[test]
fn a_shard_of_one_key_is_merged_away() {
    let open = shards(&BTreeSet::from([1, 2, u128::MAX]));
    let (_, open) = rounds(open, 3);
    assert_eq!(open.len(), 3);
    assert!(spread(&open) <= 1, "{:?}", widths(&open));
}

fn borders() -> impl Strategy<Value = BTreeSet<u128>> {
    let anywhere = proptest::collection::btree_set(1u128.., 0..40);
    let crowded = (any::<u128>(), proptest::collection::btree_set(0u128..1 << 20, 0..20));
    let crowded = crowded.prop_map(|(base, offsets)| {
        offsets.into_iter().map(|offset| base.saturating_add(offset).max(1)).collect::<BTreeSet<_>>()
    });
    (anywhere, crowded).prop_map(|(some, others)| some.union(&others).copied().collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn any_ranges_come_to_any_count_in_bounded_rounds(borders in borders(), target in 1u32..60) {
        let open = shards(&borders);
        let bound = bound(&open, target);
        let (taken, open) = rounds(open, target);
        prop_assert!(taken <= bound, "{} rounds of {}", taken, bound);
        prop_assert_eq!(open.len(), target as usize);
        prop_assert!(spread(&open) < 1 << 17, "{:?}", widths(&open));
        // Where nothing was near enough to stay, the ranges are equal but for one key.
        let width = u128::MAX / u128::from(target);
        let near = |border: &u128| { let rest = border % width; rest.min(width - rest) <= 1 << 17 };
        if !borders.iter().any(near) {
            prop_assert!(spread(&open) <= 1, "{:?}", widths(&open));
        }
    }

    #[test]
    fn any_part_of_each_round_leads_there_too(borders in borders(), target in 1u32..40,
                                              chances in proptest::collection::vec(any::<u64>(), 1..8)) {
        let mut open = shards(&borders);
        for round in 0.. {
            let steps = scaling_steps(open.iter(), number(target));
            if steps.is_empty() {
                break;
            }
            let chance = chances[round % chances.len()];
            let chosen = (0..).zip(&steps).filter(|(nth, _)| *nth == 0 || chance >> (nth % 64) & 1 == 1);
            let chosen: Vec<ReshardStep> = chosen.map(|(_, step)| *step).collect();
            open = carry_out(&open, &chosen);
            prop_assert!(round < 200, "no end");
        }
        prop_assert_eq!(open.len(), target as usize);
    }

    #[test]
    fn ranges_that_are_there_stay(target in 1u32..200) {
        let (_, open) = rounds(tiles(1), target);
        prop_assert!(spread(&open) <= 1);
        prop_assert_eq!(scaling_steps(open.iter(), number(target)), []);
    }
}
