//! Which leaders should hand over: those on nodes that are to be spared, then those of nodes
//! that lead more than others.
//!
//! It does not say how: the group's leader hands over to the replica named here, and refuses
//! when that one is behind.

use crate::group::{Group, Replica};
use crate::node::NodeState;
use crate::shard_map::ShardMap;
use anabranch_types::{GroupId, NodeId, ReplicaId};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Handovers begun by one call for the sake of balance; each costs its group some milliseconds
/// without a leader.
const BALANCE_MOVES_MAX: usize = 4;

/// One leader should hand over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaderMove {
    /// The group.
    pub group: GroupId,
    /// The member that should lead it.
    pub to: ReplicaId,
}

/// The handovers that may begin now, at most one for each group, each to a member on an active
/// node that is not `down`.
///
/// `leaders` are the nodes that lead now; a group without a known leader is left alone. All
/// leaders leave nodes that are not active, and replicas that are not members; among the rest
/// no node leads two groups more than one to which it could hand a group, directly or by way
/// of others.
pub fn leader_moves(map: &ShardMap, leaders: &BTreeMap<GroupId, NodeId>, down: &BTreeSet<NodeId>) -> Vec<LeaderMove> {
    let mut office = Office::new(map, leaders, down);
    let mut moves = office.evacuate();
    let evacuated = moves.len();
    while moves.len() < evacuated + BALANCE_MOVES_MAX {
        let path = office.next_path();
        if path.is_empty() {
            break;
        }
        moves.extend(path);
    }
    moves
}

/// Who leads what, with the moves so far.
struct Office<'a> {
    map: &'a ShardMap,
    /// Nodes that may lead, and how many groups each leads.
    counts: BTreeMap<NodeId, usize>,
    /// The nodes that lead, of groups that have not been moved.
    leaders: BTreeMap<GroupId, NodeId>,
}

impl<'a> Office<'a> {
    fn new(map: &'a ShardMap, leaders: &BTreeMap<GroupId, NodeId>, down: &BTreeSet<NodeId>) -> Self {
        let may_lead = map.nodes().filter(|node| node.state == NodeState::Active && !down.contains(&node.id));
        let mut counts: BTreeMap<NodeId, usize> = may_lead.map(|node| (node.id, 0)).collect();
        for node in leaders.values() {
            counts.entry(*node).and_modify(|count| *count += 1);
        }
        Office { map, counts, leaders: leaders.clone() }
    }

    /// Members that may lead.
    fn heirs(&self, group: &'a Group) -> impl Iterator<Item = &'a Replica> {
        group.members().filter(|member| self.counts.contains_key(&member.node))
    }

    /// Moves leaders that must not stay where they are.
    fn evacuate(&mut self) -> Vec<LeaderMove> {
        let mut moves = Vec::new();
        for (id, from) in self.leaders.clone() {
            let Some(group) = self.map.group(id) else { continue };
            if self.heirs(group).any(|member| member.node == from) {
                continue;
            }
            let heir = self.heirs(group).min_by_key(|member| (self.counts[&member.node], member.node));
            if let Some(heir) = heir {
                moves.push(self.hand_over(id, from, heir));
            }
        }
        moves
    }

    fn hand_over(&mut self, group: GroupId, from: NodeId, heir: &Replica) -> LeaderMove {
        self.counts.entry(from).and_modify(|count| *count -= 1);
        self.counts.entry(heir.node).and_modify(|count| *count += 1);
        self.leaders.remove(&group);
        LeaderMove { group, to: heir.id }
    }

    /// The handovers that take one group from a node that leads many to one that leads at least
    /// two less, each node on the way handing on one of its own; empty when there are none.
    fn next_path(&mut self) -> Vec<LeaderMove> {
        let mut nodes: Vec<NodeId> = self.counts.keys().copied().collect();
        nodes.sort_by_key(|node| (self.counts[node], *node));
        for from in nodes.into_iter().rev() {
            let path = self.path_from(from);
            if !path.is_empty() {
                return path.into_iter().map(|(group, at, heir)| self.hand_over(group, at, heir)).collect();
            }
        }
        Vec::new()
    }

    /// The shortest way from a node, breadth first, as (group, its leader's node, its heir).
    fn path_from(&self, from: NodeId) -> Vec<(GroupId, NodeId, &'a Replica)> {
        let mut led: BTreeMap<NodeId, Vec<&'a Group>> = BTreeMap::new();
        for (id, node) in &self.leaders {
            led.entry(*node).or_default().extend(self.map.group(*id));
        }
        let mut reached_by: BTreeMap<NodeId, (GroupId, NodeId, &'a Replica)> = BTreeMap::new();
        let mut queue = VecDeque::from([from]);
        while let Some(at) = queue.pop_front() {
            for group in led.get(&at).into_iter().flatten() {
                for heir in self.heirs(group) {
                    if heir.node == from || reached_by.contains_key(&heir.node) {
                        continue;
                    }
                    reached_by.insert(heir.node, (group.id, at, heir));
                    if self.counts[&heir.node] + 2 <= self.counts[&from] {
                        return way_back(&reached_by, from, heir.node);
                    }
                    queue.push_back(heir.node);
                }
            }
        }
        Vec::new()
    }
}

/// The steps by which `to` was reached.
fn way_back<'a>(
    reached_by: &BTreeMap<NodeId, (GroupId, NodeId, &'a Replica)>,
    from: NodeId,
    to: NodeId,
) -> Vec<(GroupId, NodeId, &'a Replica)> {
    let mut path = Vec::new();
    let mut at = to;
    while at != from {
        let step = reached_by[&at];
        at = step.1;
        path.push(step);
    }
    path
}
