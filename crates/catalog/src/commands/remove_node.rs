//! Forgets a node that holds nothing any more.

use crate::apply::Apply;
use crate::catalog::MEMBERSHIP_LEVEL;
use crate::codec::{fields, variants};
use crate::command::{Command, CommandKind};
use crate::commands::Recorded;
use crate::edit::Edit;
use crate::group::ReplicaState;
use crate::node::NodeState;
use anabranch_types::{GroupId, NodeId, ReplicaId};

/// Proposed by the placement controller. The node's retired replicas are forgotten with it,
/// deleted or not: nobody will ask for them again. Its id never returns. May be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RemoveNode {
    /// The node.
    pub node: NodeId,
}

fields!(RemoveNode { node });

/// The node stays a member.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RemoveNodeRefused {
    /// There is no cluster yet.
    #[error("the cluster is not bootstrapped")]
    NotBootstrapped,
    /// Some node does not understand the command (D15).
    #[error("the cluster is at feature level {cluster}, the command needs level {needed}")]
    FeatureLevel {
        /// The cluster's level.
        cluster: u16,
        /// The lowest level that has the command.
        needed: u16,
    },
    /// No member ever had this id.
    #[error("there never was a node {node}")]
    NoNode {
        /// The id asked for.
        node: NodeId,
    },
    /// Nobody said that the node is to go.
    #[error("node {node} is {state:?}")]
    NodeState {
        /// The node asked for.
        node: NodeId,
        /// What is to become of it.
        state: NodeState,
    },
    /// A group counts on the node still.
    #[error("node {node} holds replica {replica} of group {group}")]
    Holds {
        /// The node asked for.
        node: NodeId,
        /// The first such group.
        group: GroupId,
        /// Its replica.
        replica: ReplicaId,
    },
}

variants!(RemoveNodeRefused {
    1 => NotBootstrapped {},
    2 => FeatureLevel { cluster, needed },
    3 => NoNode { node },
    4 => NodeState { node, state },
    5 => Holds { node, group, replica },
});

impl Command for RemoveNode {
    const KIND: CommandKind = CommandKind::RemoveNode;
    type Done = Recorded;
    type Refused = RemoveNodeRefused;
}

impl Apply for RemoveNode {
    fn apply(self, edit: &mut Edit<'_>) -> Result<Recorded, RemoveNodeRefused> {
        let cluster = edit.catalog().cluster().ok_or(RemoveNodeRefused::NotBootstrapped)?.clone();
        if cluster.feature_level < MEMBERSHIP_LEVEL {
            let (cluster, needed) = (cluster.feature_level, MEMBERSHIP_LEVEL);
            return Err(RemoveNodeRefused::FeatureLevel { cluster, needed });
        }
        let map = edit.catalog().shard_map();
        let node = self.node;
        let state = match map.node(node) {
            Some(current) => current.state,
            // Ids never return, so one below the next was removed.
            None if (NodeId(1)..edit.catalog().counters.next_node).contains(&node) => return Ok(edit.recorded()),
            None => return Err(RemoveNodeRefused::NoNode { node }),
        };
        if state.keeps_replicas() {
            return Err(RemoveNodeRefused::NodeState { node, state });
        }
        let held = map.groups().find_map(|group| group.replica_on(node).map(|replica| (group.id, replica.id)));
        if let Some((group, replica)) = held {
            return Err(RemoveNodeRefused::Holds { node, group, replica });
        }
        for group in map.groups().filter(|group| group.replicas.iter().any(|replica| replica.node == node)) {
            debug_assert!(group.replicas.iter().all(|own| own.node != node || own.state == ReplicaState::Retired));
            edit.forget_replicas(group, |kept| kept.node != node);
        }
        edit.remove_node(node);
        // The node may have been the last of an older build.
        edit.raise_feature_level(&cluster);
        Ok(edit.recorded())
    }
}
