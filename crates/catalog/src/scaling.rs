//! UpdateShardCount as rounds of disjoint splits and merges.
//!
//! Pure: from the open ranges and the target to the next round. A plan is made anew from the map
//! each time and remembers nothing. Why so: docs/adr/0010-resharding.md.

use crate::reshard::ReshardStep;
use crate::shard::Shard;
use anabranch_types::HashKey;
use std::num::NonZeroU32;

/// A border so near a wanted one counts as wanted, in hash keys. Source: a stream that was created
/// with n shards, at most 20,000, has borders up to n keys off; half a range of a user's arithmetic
/// is a few off.
const BORDER_SLACK: u128 = 1 << 16;

/// The next splits and merges on the way to `target` equal ranges; none when the ranges are there.
/// `open` are the open shards in the order of their ranges, which tile the hash key space.
///
/// Ranges come out with widths that differ by at most one hash key, or by less than 2^17 where a
/// border was within 2^16 keys of the wanted one. The rounds are at most log2 of the most wanted
/// ranges that touch one shard plus log2 of the most shards that touch one wanted range, each
/// rounded up. When only some of the steps are carried out in a round, more rounds lead there.
pub fn scaling_steps<'a>(open: impl Iterator<Item = &'a Shard>, target: NonZeroU32) -> Vec<ReshardStep> {
    let open: Vec<&Shard> = open.collect();
    let wanted = wanted_borders(&open, target);
    let mut steps = Vec::new();
    // The shard before, when it lies within one wanted range and is in no step yet.
    let mut settled: Option<&Shard> = None;
    for shard in open {
        let inside = borders_inside(&wanted, shard);
        if let Some(middle) = inside.get(inside.len() / 2) {
            steps.push(ReshardStep::Split { parent: shard.id, at: HashKey(*middle) });
            settled = None;
            continue;
        }
        let is_wanted = wanted.binary_search(&shard.range.start().0).is_ok();
        match settled.filter(|_| !is_wanted) {
            Some(lower) => {
                steps.push(ReshardStep::Merge { parent: lower.id, adjacent: shard.id });
                settled = None;
            }
            None => settled = Some(shard),
        }
    }
    steps
}

/// Where ranges are to begin, but for the first, in order: a border that there is where one is near
/// enough, else the exact one.
fn wanted_borders(open: &[&Shard], target: NonZeroU32) -> Vec<u128> {
    let starts: Vec<u128> = open.iter().skip(1).map(|shard| shard.range.start().0).collect();
    exact_borders(target).map(|exact| nearest(&starts, exact).unwrap_or(exact)).collect()
}

/// i * 2^128 / n, rounded down, for i from 1 to n - 1.
fn exact_borders(count: NonZeroU32) -> impl Iterator<Item = u128> {
    let count = u128::from(count.get());
    // 2^128 = width * count + rest, without 129 bits; a width of 2^128 is never used.
    let rest = (u128::MAX % count + 1) % count;
    let width = u128::MAX / count + u128::from(rest == 0 && count > 1);
    (1..count).map(move |nth| nth * width + nth * rest / count)
}

/// Of `starts`, which are in order, the nearest to `exact` within the slack; the lower of two.
fn nearest(starts: &[u128], exact: u128) -> Option<u128> {
    let place = starts.partition_point(|start| *start < exact);
    let neighbours = [place.checked_sub(1), Some(place)].into_iter().flatten().filter_map(|place| starts.get(place));
    let near = neighbours.filter(|start| start.abs_diff(exact) <= BORDER_SLACK);
    near.min_by_key(|start| start.abs_diff(exact)).copied()
}

/// The borders that cut the shard's range.
fn borders_inside<'a>(wanted: &'a [u128], shard: &Shard) -> &'a [u128] {
    let first = wanted.partition_point(|border| *border <= shard.range.start().0);
    let end = wanted.partition_point(|border| *border <= shard.range.end().0);
    &wanted[first..end]
}
