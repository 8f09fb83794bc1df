//! The next step of one data group towards as many members as it should have, on nodes that
//! are to stay.
//!
//! A member on a node that is to go is replaced first and removed then. Where no node is free
//! to replace it, it is removed all the same: the operator wants the node gone. But a healthy
//! copy is never given up merely because there are fewer nodes: of three members two stay,
//! though one alone would bear the loss of the other, since each acknowledged record is then
//! on two disks. A group grows to odd numbers only.

use super::survey::Survey;
use super::{Step, odd_at_most};
use crate::group::{Group, Replica, ReplicaState};
use anabranch_types::NodeId;

/// How many members a group should have on nodes that stay.
pub(super) struct Count {
    /// As many as there are nodes enough for, at most.
    pub most: usize,
    /// Members on nodes that stay.
    pub kept: usize,
    /// Members on nodes that are to go.
    pub departing: usize,
    /// Nodes that could take one more.
    pub free: usize,
}

impl Count {
    pub fn wanted(&self) -> usize {
        let possible = self.most.min(self.kept + self.free);
        odd_at_most(possible).max(possible.min(self.kept + self.departing))
    }
}

impl<'a> Survey<'a> {
    /// What the group needs next; none while it is changing, while the receiving nodes are
    /// busy, or when it has what it should have.
    pub fn repair_step(&mut self, group: &'a Group) -> Option<Step> {
        let id = group.id;
        if let Some(changing) = group.changing() {
            return self
                .is_hopeless(group, changing)
                .then_some(Step::RemoveReplica { group: id, replica: changing.id });
        }
        if !self.can_decide(group, None) {
            return None;
        }
        let (kept, departing, free) = (self.kept(group), self.departing(group), self.free_for(group));
        let count =
            Count { most: self.replicas_wanted, kept: kept.len(), departing: departing.len(), free: free.len() };
        if kept.len() < count.wanted() {
            let ready: Vec<NodeId> = free.into_iter().filter(|node| !self.is_busy(*node)).collect();
            let node = self.best(id, &self.spread(&kept), &ready)?;
            self.will_receive(id, node);
            return Some(Step::AddReplica { group: id, node });
        }
        let departed = departing.into_iter().find(|member| self.can_lose(group, member.id));
        let surplus = departed.or_else(|| self.surplus(group))?;
        Some(Step::RemoveReplica { group: id, replica: surplus.id })
    }

    /// Whether a replica that is joining should be given up: its node is to go or does not
    /// answer, and the members can do without it.
    fn is_hopeless(&self, group: &Group, changing: &Replica) -> bool {
        let is_joining = changing.state == ReplicaState::Joining;
        let is_stuck = !self.keeps(changing.node) || self.is_down(changing.node);
        is_joining && is_stuck && self.can_decide(group, None)
    }

    /// Nodes that could take a replica of the group; one that has not deleted its last cannot.
    pub fn free_for(&self, group: &Group) -> Vec<NodeId> {
        let holds = |node: NodeId| group.replicas.iter().any(|replica| replica.node == node);
        self.free_nodes().map(|node| node.id).filter(|node| !holds(*node)).collect()
    }

    /// Whether the group has all it should have and every member is well, so that it may be
    /// moved for the sake of others.
    pub fn is_settled(&self, group: &'a Group) -> bool {
        let kept = self.kept(group);
        group.changing().is_none()
            && self.departing(group).is_empty()
            && kept.len() == self.replicas_wanted
            && kept.iter().all(|member| self.is_well(member.node))
    }
}

#[cfg(test)]
mod tests {
    use super::Count;

    fn wanted(kept: usize, departing: usize, free: usize) -> usize {
        Count { most: 3, kept, departing, free }.wanted()
    }

    #[test]
    fn a_group_has_one_member_on_one_or_two_nodes_and_three_from_three_on() {
        assert_eq!(wanted(1, 0, 0), 1);
        assert_eq!(wanted(1, 0, 1), 1);
        assert_eq!(wanted(1, 0, 2), 3);
        assert_eq!(wanted(1, 0, 9), 3);
    }

    #[test]
    fn members_of_nodes_that_go_are_replaced_one_by_one_as_far_as_nodes_are_free() {
        assert_eq!(wanted(2, 1, 1), 3);
        assert_eq!(wanted(1, 2, 1), 2);
        assert_eq!(wanted(0, 1, 2), 1);
        assert_eq!(wanted(0, 3, 3), 3);
    }

    #[test]
    fn copies_are_not_given_up_because_a_node_went() {
        assert_eq!(wanted(2, 1, 0), 2);
        assert_eq!(wanted(2, 0, 0), 2);
        assert_eq!(wanted(0, 1, 0), 0);
    }
}
