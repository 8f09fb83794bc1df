//! Which group a new shard goes to. The choice is stored and never made again (D11).

use anabranch_types::GroupId;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// One group per shard, for `count` shards: each time the group with the fewest open shards,
/// the lowest id first among equals. `open_by_group` names every data group.
///
/// # Panics
/// When there is no data group; a bootstrapped cluster has at least one.
pub(crate) fn choose_groups(open_by_group: &BTreeMap<GroupId, u32>, count: u32) -> Vec<GroupId> {
    assert!(!open_by_group.is_empty(), "placing {count} shards needs a data group");
    let mut groups: BinaryHeap<Reverse<(u32, GroupId)>> =
        open_by_group.iter().map(|(group, open)| Reverse((*open, *group))).collect();
    let mut chosen = Vec::new();
    for _ in 0..count {
        let mut least = groups.peek_mut().expect("not empty, asserted above");
        chosen.push(least.0.1);
        least.0.0 += 1;
    }
    chosen
}
