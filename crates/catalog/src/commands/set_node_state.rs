//! Decides what is to become of a node.

use crate::apply::Apply;
use crate::catalog::MEMBERSHIP_LEVEL;
use crate::codec::{fields, variants};
use crate::command::{Command, CommandKind};
use crate::commands::Recorded;
use crate::edit::Edit;
use crate::group::ReplicaState;
use crate::node::{Node, NodeState};
use anabranch_types::{GroupId, Incarnation, NodeId};

/// Proposed for an operator. May be repeated.
///
/// Active, draining and decommissioning turn into each other and into lost. A node that is
/// lost stays so until its own directory comes back (`UpdateNode`); a node whose replica of
/// the metadata group is on its way out is not taken back, since it no longer sees the catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetNodeState {
    /// The node.
    pub node: NodeId,
    /// Of its directory, so that the operator means this node and not its successor.
    pub incarnation: Incarnation,
    /// What is to become of it.
    pub state: NodeState,
}

fields!(SetNodeState { node, incarnation, state });

/// The node stays what it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetNodeStateRefused {
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
    /// No member has this id.
    #[error("node {node} is not a member")]
    NoNode {
        /// The id asked for.
        node: NodeId,
    },
    /// The id belongs to another directory (D14).
    #[error("node {node} has incarnation {registered}")]
    Incarnation {
        /// The id asked for.
        node: NodeId,
        /// The incarnation that has the id.
        registered: Incarnation,
    },
    /// A lost node does not come back by decree.
    #[error("node {node} is lost")]
    Lost {
        /// The node asked for.
        node: NodeId,
    },
    /// The node's replica of the metadata group is leaving or has left.
    #[error("node {node} has left the metadata group already")]
    TooLate {
        /// The node asked for.
        node: NodeId,
    },
}

variants!(SetNodeStateRefused {
    1 => NotBootstrapped {},
    2 => FeatureLevel { cluster, needed },
    3 => NoNode { node },
    4 => Incarnation { node, registered },
    5 => Lost { node },
    6 => TooLate { node },
});

impl Command for SetNodeState {
    const KIND: CommandKind = CommandKind::SetNodeState;
    type Done = Recorded;
    type Refused = SetNodeStateRefused;
}

impl Apply for SetNodeState {
    fn apply(self, edit: &mut Edit<'_>) -> Result<Recorded, SetNodeStateRefused> {
        let cluster = edit.catalog().cluster().ok_or(SetNodeStateRefused::NotBootstrapped)?;
        if cluster.feature_level < MEMBERSHIP_LEVEL {
            let (cluster, needed) = (cluster.feature_level, MEMBERSHIP_LEVEL);
            return Err(SetNodeStateRefused::FeatureLevel { cluster, needed });
        }
        let map = edit.catalog().shard_map();
        let node = self.node;
        let current = map.node(node).ok_or(SetNodeStateRefused::NoNode { node })?;
        if current.incarnation != self.incarnation {
            return Err(SetNodeStateRefused::Incarnation { node, registered: current.incarnation });
        }
        if current.state == self.state {
            return Ok(edit.recorded());
        }
        if current.state == NodeState::Lost {
            return Err(SetNodeStateRefused::Lost { node });
        }
        let observing = map.group(GroupId::METADATA).and_then(|group| group.replica_on(node));
        if self.state.keeps_replicas() && observing.is_none_or(|own| own.state == ReplicaState::Leaving) {
            return Err(SetNodeStateRefused::TooLate { node });
        }
        edit.put_node(Node { state: self.state, ..current.clone() });
        Ok(edit.recorded())
    }
}
