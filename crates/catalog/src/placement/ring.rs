//! The order in which nodes are asked to take a group: a consistent hash ring, so that most
//! groups keep their order when a node comes or goes.
//!
//! The only file that names the `consistent_hash` crate. It proposes and never decides: the
//! order breaks ties between nodes that zones and load find alike, and nothing stored depends
//! on it. Records are routed by hash key range, never by this ring.

use anabranch_types::{GroupId, NodeId};
use consistent_hash::{DefaultHash, Node, StaticHashRing};
use std::collections::BTreeMap;

/// Points of one node on the ring: enough that no node comes first much more often than another.
const POINTS_PER_NODE: usize = 64;

/// Ids as bytes of a fixed order, so that the ring is the same on every platform.
type Key = [u8; 8];

pub(super) struct Ring {
    ring: StaticHashRing<'static, Key, (), DefaultHash>,
}

impl Ring {
    pub fn new(nodes: impl Iterator<Item = NodeId>) -> Self {
        let points = nodes.map(|node| Node::new(node.0.to_be_bytes()).quantity(POINTS_PER_NODE));
        Ring { ring: StaticHashRing::new(DefaultHash, points) }
    }

    /// The place of each node in the group's order.
    pub fn places(&self, group: GroupId) -> BTreeMap<NodeId, usize> {
        let order = self.ring.calc_candidates(&group.0.to_be_bytes());
        order.enumerate().map(|(place, node)| (NodeId(u64::from_be_bytes(node.key)), place)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(ring: &Ring, group: u32) -> Vec<NodeId> {
        let mut places: Vec<_> = ring.places(GroupId(group)).into_iter().collect();
        places.sort_by_key(|(_, place)| *place);
        places.into_iter().map(|(node, _)| node).collect()
    }

    #[test]
    fn every_node_has_a_place_and_comes_first_for_some_groups() {
        let ring = Ring::new((1..=5).map(NodeId));
        let mut first = BTreeMap::new();
        for group in 1..=500 {
            let order = order(&ring, group);
            assert_eq!(order.len(), 5);
            *first.entry(order[0]).or_insert(0) += 1;
        }
        assert!(first.len() == 5 && first.values().all(|count| (50..200).contains(count)), "{first:?}");
    }

    #[test]
    fn a_new_node_does_not_change_the_order_of_the_others() {
        let (four, five) = (Ring::new((1..=4).map(NodeId)), Ring::new((1..=5).map(NodeId)));
        for group in 1..=100 {
            let without: Vec<_> = order(&five, group).into_iter().filter(|node| node.0 != 5).collect();
            assert_eq!(order(&four, group), without);
        }
    }
}
