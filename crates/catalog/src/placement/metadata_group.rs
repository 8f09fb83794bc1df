//! The next step of the metadata group, and nodes that nothing holds any more.
//!
//! Every node has a replica of it already; votes go to observers. Votes of nodes that stay are
//! not moved, neither for balance nor for zones: a node that gave up its replica would not see
//! the catalog. A node that is to go keeps its replica until it holds nothing else, because by
//! it the node learns what to delete.

use super::Step;
use super::replicas::Count;
use super::survey::Survey;
use crate::group::{Group, Replica, ReplicaState};
use crate::node::NodeState;
use anabranch_types::{GroupId, NodeId};

impl<'a> Survey<'a> {
    pub fn metadata_step(&self) -> Option<Step> {
        let group = self.map.group(GroupId::METADATA)?;
        let id = group.id;
        if let Some(changing) = group.changing() {
            let is_lost = changing.state == ReplicaState::Joining && !self.keeps(changing.node);
            let gives_up = is_lost && self.can_decide(group, None);
            return gives_up.then_some(Step::RemoveReplica { group: id, replica: changing.id });
        }
        if !self.can_decide(group, None) {
            return None;
        }
        let (kept, departing, free) = (self.kept(group), self.departing(group), self.promotable(group));
        let count = Count { most: self.voters_wanted, kept: kept.len(), departing: departing.len(), free: free.len() };
        if kept.len() < count.wanted() {
            let node = self.best(id, &self.spread(&kept), &free)?;
            let replica = group.replica_on(node)?.id;
            return Some(Step::PromoteReplica { group: id, replica });
        }
        let observers = group.replicas.iter().filter(|replica| replica.state == ReplicaState::Observer);
        let observers = observers.filter(|observer| !self.keeps(observer.node));
        let mut leaving = departing.into_iter().chain(observers).filter(|replica| self.is_last_of(replica.node));
        let gone = leaving.find(|replica| self.can_lose(group, replica.id))?;
        Some(Step::RemoveReplica { group: id, replica: gone.id })
    }

    /// Nodes whose observer may be given a vote.
    fn promotable(&self, group: &Group) -> Vec<NodeId> {
        let observes = |node: NodeId| {
            let is_observer = |replica: &Replica| replica.state == ReplicaState::Observer;
            group.replica_on(node).is_some_and(is_observer)
        };
        self.free_nodes().map(|node| node.id).filter(|node| observes(*node)).collect()
    }

    /// Whether the node needs the catalog no more: it is gone, or has nothing left to delete.
    fn is_last_of(&self, node: NodeId) -> bool {
        // Nobody hears of a node without a replica of the catalog, nor does it hear what to delete.
        let catalog = self.map.group(GroupId::METADATA);
        let answers = self.is_well(node) && catalog.is_some_and(|group| group.replica_on(node).is_some());
        let data = self.map.groups().filter(|group| group.id != GroupId::METADATA);
        let mut here = data.flat_map(|group| &group.replicas).filter(|replica| replica.node == node);
        let is_lost = self.map.node(node).is_none_or(|node| node.state == NodeState::Lost);
        is_lost || here.all(|replica| replica.state == ReplicaState::Retired && !answers)
    }

    /// Nodes that are to go and that no group counts on.
    pub fn removable_nodes(&self) -> impl Iterator<Item = NodeId> {
        let going = self.map.nodes().filter(|node| !node.state.keeps_replicas());
        let is_free = |node: NodeId| self.map.groups().all(|group| group.replica_on(node).is_none());
        going.map(|node| node.id).filter(move |node| is_free(*node) && self.is_last_of(*node))
    }
}
