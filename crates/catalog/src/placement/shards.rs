//! Which group a new shard goes to. The choice is stored and never made again (D11).

use crate::catalog::{Catalog, FEW_GROUPS_LEVEL, GROUPS_LEVEL};
use crate::shard::Shard;
use crate::stream::StreamMap;
use anabranch_types::{GroupId, NodeId, ShardId};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

/// Shards of a stream that share a group before another group is taken. A call touches many shards,
/// and each group that it touches costs an entry of its own in three logs; so many shards, at the
/// limits of AWS, are 4 MiB/s, a small part of what a group takes.
const SHARDS_PER_GROUP: u32 = 4;

/// Where the shards of a new stream of `count` shards go.
pub(crate) fn place_stream(catalog: &Catalog, count: u32) -> Vec<GroupId> {
    let level = catalog.cluster().map_or(0, |cluster| cluster.feature_level);
    let candidates = candidates(catalog, level);
    let wanted = if level < FEW_GROUPS_LEVEL { candidates.len() } else { groups_wanted(catalog, &candidates, count) };
    choose_groups(&candidates, wanted, count)
}

/// Where the `count` children go that take the place of `parents`, open shards of the stream: as
/// shards of a new stream, but the groups that it uses come first.
pub(crate) fn place_children(
    catalog: &Catalog,
    stream: &StreamMap,
    parents: &BTreeSet<ShardId>,
    count: u32,
) -> Vec<GroupId> {
    let level = catalog.cluster().map_or(0, |cluster| cluster.feature_level);
    let mut candidates = candidates(catalog, level);
    let is_parent = |shard: &&Shard| parents.contains(&shard.id);
    for parent in stream.open_shards().filter(is_parent) {
        if let Some(open) = candidates.get_mut(&parent.group) {
            *open = open.checked_sub(1).expect("counted when the shard opened");
        }
    }
    let staying: Vec<GroupId> =
        stream.open_shards().filter(|shard| !is_parent(shard)).map(|shard| shard.group).collect();
    let after = u32::try_from(staying.len()).expect("shard ids have 31 bits") + count;
    let wanted = groups_wanted(catalog, &candidates, after);
    let used: BTreeSet<GroupId> = staying.into_iter().filter(|group| candidates.contains_key(group)).collect();
    let mut usable: BTreeMap<GroupId, u32> = used.iter().map(|group| (*group, candidates[group])).collect();
    candidates.retain(|group, _| !used.contains(group));
    usable.extend(
        emptiest(&candidates, wanted.saturating_sub(used.len())).into_iter().map(|(open, group)| (group, open)),
    );
    choose_groups(&usable, usable.len(), count)
}

/// The groups that may get shards, with their open ones: those with the most members, so that no
/// record waits on one disk for copies that are on their way.
fn candidates(catalog: &Catalog, level: u16) -> BTreeMap<GroupId, u32> {
    let all = &catalog.tallies.open_by_group;
    if level < GROUPS_LEVEL {
        return all.clone();
    }
    let members = |group: &GroupId| catalog.map.group(*group).map_or(0, |group| group.members().count());
    let most = all.keys().map(members).max().unwrap_or(0);
    all.iter().filter(|(group, _)| members(group) == most).map(|(group, open)| (*group, *open)).collect()
}

/// The groups that a stream of `count` shards is to use: one for each node of the candidates, so
/// that all of them may lead a part of it, and more once it has four shards for each.
fn groups_wanted(catalog: &Catalog, candidates: &BTreeMap<GroupId, u32>, count: u32) -> usize {
    let groups = candidates.keys().filter_map(|group| catalog.map.group(*group));
    let nodes: BTreeSet<NodeId> = groups.flat_map(|group| group.members().map(|member| member.node)).collect();
    nodes.len().max(count.div_ceil(SHARDS_PER_GROUP) as usize)
}

/// The `wanted` groups with the fewest open shards, the lowest id first among equals.
fn emptiest(open_by_group: &BTreeMap<GroupId, u32>, wanted: usize) -> Vec<(u32, GroupId)> {
    let mut emptiest: Vec<(u32, GroupId)> = open_by_group.iter().map(|(group, open)| (*open, *group)).collect();
    emptiest.sort_unstable();
    emptiest.truncate(wanted);
    emptiest
}

/// One group per shard, for `count` shards: each time the group with the fewest open shards,
/// the lowest id first among equals, of the `wanted` ones that have the fewest now.
/// `open_by_group` names every group that may be chosen.
///
/// # Panics
/// When there is no group, which a bootstrapped cluster has, or none is wanted.
fn choose_groups(open_by_group: &BTreeMap<GroupId, u32>, wanted: usize, count: u32) -> Vec<GroupId> {
    assert!(!open_by_group.is_empty() && wanted > 0, "placing {count} shards needs a data group");
    let mut groups: BinaryHeap<Reverse<(u32, GroupId)>> =
        emptiest(open_by_group, wanted).into_iter().map(Reverse).collect();
    let mut chosen = Vec::new();
    for _ in 0..count {
        let mut least = groups.peek_mut().expect("not empty, asserted above");
        chosen.push(least.0.1);
        least.0.0 += 1;
    }
    chosen
}
