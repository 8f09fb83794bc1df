//! Moves of settled groups: apart in zones first, then from the fullest node to the emptiest.
//!
//! A move adds a replica; the member that is one too many then goes by itself
//! (`Survey::surplus`). Each move makes some group's spread over zones better, or leaves it and
//! makes the loads of two nodes more alike: so moves come to an end. They begin only where
//! there are nodes enough for the full number of members; a cluster of two nodes that waits
//! for its third moves nothing twice.

use super::Step;
use super::survey::{Place, Spread, Survey};
use crate::group::Group;
use anabranch_types::NodeId;

impl<'a> Survey<'a> {
    /// Moves that may begin now, among `settled` groups.
    pub fn balance_steps(&mut self, settled: Vec<&'a Group>) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut movable = Vec::new();
        for group in settled {
            let Some((from, candidates)) = self.crowded(group) else {
                movable.push(group);
                continue;
            };
            let ready: Vec<NodeId> = candidates.into_iter().filter(|node| !self.is_busy(*node)).collect();
            if let Some(node) = self.best(group.id, &self.spread(&self.kept(group)), &ready) {
                self.begin_move(group, from, node);
                steps.push(Step::AddReplica { group: group.id, node });
            }
        }
        while let Some((index, from, node)) = self.next_move(&movable) {
            let group = movable.swap_remove(index);
            self.begin_move(group, from, node);
            steps.push(Step::AddReplica { group: group.id, node });
        }
        steps
    }

    fn begin_move(&mut self, group: &Group, from: NodeId, to: NodeId) {
        self.will_receive(group.id, to);
        self.will_lose(group.id, from);
    }

    /// The most loaded of the members that share a place with too many others, and the nodes
    /// where it would stand better; none when the group is spread as well as it can be.
    fn crowded(&self, group: &'a Group) -> Option<(NodeId, Vec<NodeId>)> {
        let kept = self.kept(group);
        let spread = self.spread(&kept);
        let most = spread.values().copied().max()?;
        let better = |node: &NodeId| crowd(&spread, self.place(*node)) + 2 <= most;
        let candidates: Vec<NodeId> = self.free_for(group).into_iter().filter(better).collect();
        if candidates.is_empty() {
            return None;
        }
        let crowded = kept.iter().filter(|member| crowd(&spread, self.place(member.node)) == most);
        let from = crowded.max_by_key(|member| (self.load(member.node), member.id))?;
        Some((from.node, candidates))
    }

    /// A group that one node would better hand to another which has at least two replicas less:
    /// its index in `movable`, and the two nodes.
    fn next_move(&self, movable: &[&'a Group]) -> Option<(usize, NodeId, NodeId)> {
        let mut nodes: Vec<NodeId> = self.free_nodes().map(|node| node.id).collect();
        nodes.sort_by_key(|node| (self.load(*node), *node));
        for from in nodes.iter().rev().copied() {
            let full = self.load(from).replicas;
            let emptier = nodes.iter().copied().take_while(|node| self.load(*node).replicas + 2 <= full);
            for to in emptier.filter(|node| !self.is_busy(*node)) {
                if let Some(index) = self.movable_between(movable, from, to) {
                    return Some((index, from, to));
                }
            }
        }
        None
    }

    /// The group whose move from one node to the other leaves their shards most alike; none
    /// when zones forbid every move.
    fn movable_between(&self, movable: &[&'a Group], from: NodeId, to: NodeId) -> Option<usize> {
        let (full, empty) = (self.load(from).shards, self.load(to).shards);
        let may_move = |group: &Group| {
            // A replica that is only to be deleted leaves nothing to move, and keeps its node from another one.
            let has_member = group.members().any(|member| member.node == from);
            let has_any = group.replicas.iter().any(|replica| replica.node == to);
            has_member && !has_any && self.spreads_as_well(group, from, to)
        };
        let indexed = movable.iter().enumerate().filter(|(_, group)| may_move(group));
        let unlike = |group: &Group| {
            let shards = self.shards(group.id);
            full.saturating_sub(shards).abs_diff(empty + shards)
        };
        indexed.min_by_key(|(_, group)| (unlike(group), group.id)).map(|(index, _)| index)
    }

    /// Whether the group is spread over zones no worse after a move.
    fn spreads_as_well(&self, group: &Group, from: NodeId, to: NodeId) -> bool {
        let members: Vec<_> = group.members().collect();
        let spread = self.spread(&members);
        let (old, new) = (self.place(from), self.place(to));
        old == new || crowd(&spread, new) < crowd(&spread, old)
    }
}

fn crowd(spread: &Spread<'_>, place: Place<'_>) -> usize {
    spread.get(&place).copied().unwrap_or(0)
}
