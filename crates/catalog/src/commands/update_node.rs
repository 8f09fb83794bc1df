//! Records where a member listens now and what its build understands.

use crate::apply::Apply;
use crate::codec::fields;
use crate::command::{Command, CommandKind};
use crate::commands::membership::check_directory;
use crate::commands::refusals::refusals;
use crate::edit::Edit;
use crate::node::{Node, NodeAddresses, NodeState};
use crate::shard_map::ShardMap;
use anabranch_types::{Incarnation, NodeId};

/// Asked for by a member at each start. Raises the cluster's feature level when the last node
/// below it is upgraded; nothing ever lowers it (D15).
///
/// An address that another member has is taken all the same, and nobody is declared lost for
/// it: only a new directory proves that the old one is gone, and two members may swap their
/// addresses at a restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateNode {
    /// The member.
    pub node: NodeId,
    /// Of its directory, as registered.
    pub incarnation: Incarnation,
    /// Where it listens now.
    pub addresses: NodeAddresses,
    /// The highest feature level of its build.
    pub feature_level: u16,
}

fields!(UpdateNode { node, incarnation, addresses, feature_level });

/// The member is recorded as asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeUpdated {
    /// The cluster's feature level after the change.
    pub feature_level: u16,
}

fields!(NodeUpdated { feature_level });

refusals! {
    /// The member stays as it was recorded.
    UpdateNodeRefused {
        1 => NotBootstrapped,
        /// No member has this id.
        #[error("node {node} is not a member")]
        2 => Unknown {
            /// The id asked for.
            node: NodeId,
        },
        /// This one was copied, restored or wiped.
        3 => Incarnation,
        /// The build is too old for what the cluster uses already (D15).
        #[error("the cluster is at feature level {cluster}, the node understands {node}")]
        4 => FeatureLevel {
            /// The cluster's level.
            cluster: u16,
            /// The node's level.
            node: u16,
        },
    }
}

impl Command for UpdateNode {
    const KIND: CommandKind = CommandKind::UpdateNode;
    type Done = NodeUpdated;
    type Refused = UpdateNodeRefused;
}

impl Apply for UpdateNode {
    fn apply(self, edit: &mut Edit<'_>) -> Result<NodeUpdated, UpdateNodeRefused> {
        let map = edit.catalog().shard_map();
        let cluster = edit.catalog().cluster().ok_or(UpdateNodeRefused::NotBootstrapped)?.feature_level;
        let current = map.node(self.node).ok_or(UpdateNodeRefused::Unknown { node: self.node })?;
        check_directory(current, self.incarnation)?;
        if self.feature_level < cluster {
            return Err(UpdateNodeRefused::FeatureLevel { cluster, node: self.feature_level });
        }
        let state = self.state_of(current, &map);
        let changed = Node { addresses: self.addresses, feature_level: self.feature_level, state, ..current.clone() };
        if changed != *current {
            edit.put_node(changed);
        }
        Ok(NodeUpdated { feature_level: edit.raise_feature_level() })
    }
}

impl UpdateNode {
    /// A lost node that comes back with its own directory was declared lost too early: its
    /// address went to another node while it was down. Its replicas have all they ever voted
    /// for, so nothing forbids that they vote. But they are being replaced, and an old disk
    /// that was put back looks the same: so it is `Decommissioning` (it counts as a source, gets
    /// nothing new) until an operator takes it back. While another member has its address, the
    /// others cannot reach it and it stays lost.
    fn state_of(&self, current: &Node, map: &ShardMap) -> NodeState {
        if current.state != NodeState::Lost {
            return current.state;
        }
        let peer = self.addresses.peer();
        let others = map.nodes().filter(|node| node.id != self.node && node.state != NodeState::Lost);
        let is_reachable = !peer.is_empty() && others.into_iter().all(|node| node.addresses.peer() != peer);
        if is_reachable { NodeState::Decommissioning } else { NodeState::Lost }
    }
}
