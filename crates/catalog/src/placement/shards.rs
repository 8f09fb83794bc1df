//! Which group a new shard goes to. The choice is stored and never made again (D11).

use anabranch_types::GroupId;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// Shards of a stream that share a group before another group is taken. A call touches many shards,
/// and each group that it touches costs an entry of its own in three logs; so many shards, at the
/// limits of AWS, are 4 MiB/s, a small part of what a group takes.
const SHARDS_PER_GROUP: u32 = 4;

/// The groups that a stream of `count` shards is to use: one for each node, so that all of them may
/// lead a part of it, and more once it has four shards for each.
pub(crate) fn groups_wanted(nodes: usize, count: u32) -> usize {
    nodes.max(count.div_ceil(SHARDS_PER_GROUP) as usize)
}

/// One group per shard, for `count` shards: each time the group with the fewest open shards,
/// the lowest id first among equals, of the `wanted` ones that have the fewest now.
/// `open_by_group` names every data group.
///
/// # Panics
/// When there is no data group, which a bootstrapped cluster has, or none is wanted.
pub(crate) fn choose_groups(open_by_group: &BTreeMap<GroupId, u32>, wanted: usize, count: u32) -> Vec<GroupId> {
    assert!(!open_by_group.is_empty() && wanted > 0, "placing {count} shards needs a data group");
    let mut emptiest: Vec<(u32, GroupId)> = open_by_group.iter().map(|(group, open)| (*open, *group)).collect();
    emptiest.sort_unstable();
    emptiest.truncate(wanted);
    let mut groups: BinaryHeap<Reverse<(u32, GroupId)>> = emptiest.into_iter().map(Reverse).collect();
    let mut chosen = Vec::new();
    for _ in 0..count {
        let mut least = groups.peek_mut().expect("not empty, asserted above");
        chosen.push(least.0.1);
        least.0.0 += 1;
    }
    chosen
}
