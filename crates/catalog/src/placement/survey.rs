//! What a plan is made from: which nodes may take replicas, how loaded they will be once all
//! that is under way is done, and which groups can decide.

use super::ring::Ring;
use super::{JOINING_PER_NODE_MAX, PlacementOptions, odd_at_most};
use crate::group::{Group, Replica, ReplicaState};
use crate::node::{Node, NodeState};
use crate::shard_map::ShardMap;
use anabranch_types::{GroupId, NodeId, ReplicaId};
use std::collections::{BTreeMap, BTreeSet};

/// What a node holds of data groups once all moves under way are done. Compared in the order
/// of the fields: replicas cost memory and syncs, shards only weigh among equals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Load {
    pub replicas: u64,
    pub shards: u64,
}

/// What fails together; a node of no zone is one of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place<'a> {
    Zone(&'a str),
    Node(NodeId),
}

/// How many of a group's replicas each place has.
pub(super) type Spread<'a> = BTreeMap<Place<'a>, usize>;

pub(super) struct Survey<'a> {
    pub map: &'a ShardMap,
    /// Members wanted of a data group, odd.
    pub replicas_wanted: usize,
    /// Members wanted of the metadata group, odd.
    pub voters_wanted: usize,
    down: &'a BTreeSet<NodeId>,
    ring: Ring,
    /// Open shards of each group that has any.
    shards: BTreeMap<GroupId, u64>,
    load: BTreeMap<NodeId, Load>,
    /// Replicas of data groups that each node is receiving.
    joining: BTreeMap<NodeId, usize>,
    /// The member that each group gives up when it has more than it should, or will have once
    /// its joining replica is a member. Loads are without them.
    surplus: BTreeMap<GroupId, &'a Replica>,
}

impl<'a> Survey<'a> {
    pub fn new(map: &'a ShardMap, options: &PlacementOptions, down: &'a BTreeSet<NodeId>) -> Self {
        let odd = |count: u32| odd_at_most(usize::try_from(count).unwrap_or(usize::MAX)).max(1);
        let mut survey = Survey {
            map,
            replicas_wanted: odd(options.replication_factor),
            voters_wanted: odd(options.metadata_voters),
            down,
            ring: Ring::new(map.nodes().map(|node| node.id)),
            shards: BTreeMap::new(),
            load: BTreeMap::new(),
            joining: BTreeMap::new(),
            surplus: BTreeMap::new(),
        };
        for shard in map.streams().flat_map(|stream| stream.open_shards()) {
            *survey.shards.entry(shard.group).or_default() += 1;
        }
        let groups = || map.groups().filter(|group| group.id != GroupId::METADATA);
        for group in groups() {
            for replica in &group.replicas {
                match replica.state {
                    // A group that cannot decide sends nothing, and must not stop others.
                    ReplicaState::Joining if survey.can_decide(group, None) => {
                        survey.will_receive(group.id, replica.node);
                    }
                    ReplicaState::Joining => survey.will_hold(group.id, replica.node),
                    ReplicaState::Member => survey.will_hold(group.id, replica.node),
                    ReplicaState::Observer | ReplicaState::Leaving | ReplicaState::Retired => {}
                }
            }
        }
        for group in groups() {
            if let Some(surplus) = survey.choose_surplus(group) {
                survey.will_lose(group.id, surplus.node);
                survey.surplus.insert(group.id, surplus);
            }
        }
        survey
    }

    pub fn load(&self, node: NodeId) -> Load {
        self.load.get(&node).copied().unwrap_or_default()
    }

    pub fn shards(&self, group: GroupId) -> u64 {
        self.shards.get(&group).copied().unwrap_or(0)
    }

    fn will_hold(&mut self, group: GroupId, node: NodeId) {
        let shards = self.shards(group);
        let load = self.load.entry(node).or_default();
        *load = Load { replicas: load.replicas + 1, shards: load.shards + shards };
    }

    pub fn will_receive(&mut self, group: GroupId, node: NodeId) {
        *self.joining.entry(node).or_default() += 1;
        self.will_hold(group, node);
    }

    pub fn will_lose(&mut self, group: GroupId, node: NodeId) {
        let shards = self.shards(group);
        let load = self.load.entry(node).or_default();
        *load = Load { replicas: load.replicas - 1, shards: load.shards - shards };
    }

    /// Whether the node is receiving as much as it may.
    pub fn is_busy(&self, node: NodeId) -> bool {
        self.joining.get(&node).is_some_and(|joining| *joining >= JOINING_PER_NODE_MAX)
    }

    pub fn is_down(&self, node: NodeId) -> bool {
        self.down.contains(&node)
    }

    /// Nodes that may get something new.
    pub fn free_nodes(&self) -> impl Iterator<Item = &'a Node> {
        self.map.nodes().filter(|node| node.state == NodeState::Active && !self.is_down(node.id))
    }

    /// Whether the node keeps what it holds.
    pub fn keeps(&self, node: NodeId) -> bool {
        self.map.node(node).is_some_and(|node| node.state.keeps_replicas())
    }

    /// Whether the node can take part in a decision.
    pub fn is_well(&self, node: NodeId) -> bool {
        self.map.node(node).is_some_and(|node| node.state != NodeState::Lost) && !self.is_down(node)
    }

    /// Whether a majority of the members is well, `without` left out of them.
    pub fn can_decide(&self, group: &Group, without: Option<ReplicaId>) -> bool {
        let members = || group.members().filter(|member| Some(member.id) != without);
        let well = members().filter(|member| self.is_well(member.node)).count();
        well > members().count() / 2
    }

    /// Whether the group can give up a replica: it can decide now, and can do so afterwards.
    pub fn can_lose(&self, group: &Group, replica: ReplicaId) -> bool {
        self.can_decide(group, None) && self.can_decide(group, Some(replica))
    }

    /// Members that stay where they are.
    pub fn kept(&self, group: &'a Group) -> Vec<&'a Replica> {
        group.members().filter(|member| self.keeps(member.node)).collect()
    }

    /// Members whose node is to go, those of lost nodes first.
    pub fn departing(&self, group: &'a Group) -> Vec<&'a Replica> {
        let mut departing: Vec<_> = group.members().filter(|member| !self.keeps(member.node)).collect();
        departing.sort_by_key(|member| (self.is_well(member.node), member.id));
        departing
    }

    pub fn place(&self, node: NodeId) -> Place<'a> {
        match self.map.node(node) {
            Some(node) if !node.zone.is_empty() => Place::Zone(node.zone.as_str()),
            _ => Place::Node(node),
        }
    }

    pub fn spread(&self, replicas: &[&Replica]) -> Spread<'a> {
        let mut spread = Spread::new();
        for replica in replicas {
            *spread.entry(self.place(replica.node)).or_default() += 1;
        }
        spread
    }

    /// Of `nodes` the one whose place has the fewest replicas of the group, then the least
    /// loaded, then the first in the ring's order.
    pub fn best(&self, group: GroupId, spread: &Spread<'_>, nodes: &[NodeId]) -> Option<NodeId> {
        let places = self.ring.places(group);
        let crowd = |node: NodeId| spread.get(&self.place(node)).copied().unwrap_or(0);
        nodes.iter().copied().min_by_key(|node| (crowd(*node), self.load(*node), places.get(node).copied()))
    }

    /// The member that the group gives up next, or will give up; none when it has no more than
    /// it should.
    pub fn surplus(&self, group: &Group) -> Option<&'a Replica> {
        self.surplus.get(&group.id).copied()
    }

    /// Of the members that a group with too many can do without one of the most crowded place,
    /// then of the most loaded node. A replica that is joining counts, and is not it.
    fn choose_surplus(&self, group: &'a Group) -> Option<&'a Replica> {
        let joining = group.replicas.iter().filter(|replica| replica.state == ReplicaState::Joining);
        let kept = self.kept(group);
        let all: Vec<_> = joining.filter(|replica| self.keeps(replica.node)).chain(kept.iter().copied()).collect();
        if all.len() <= self.replicas_wanted {
            return None;
        }
        let spread = self.spread(&all);
        let crowd = |replica: &Replica| spread[&self.place(replica.node)];
        let may_go = kept.into_iter().filter(|member| self.can_lose(group, member.id));
        may_go.max_by_key(|member| (crowd(member), self.load(member.node), member.id))
    }
}
