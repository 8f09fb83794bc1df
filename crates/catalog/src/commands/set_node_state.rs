//! Decides what is to become of a node.

use crate::codec::fields;
use crate::command::{Command, CommandKind};
use crate::commands::Recorded;
use crate::commands::membership::{Gated, check_directory, find_node};
use crate::commands::refusals::refusals;
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

refusals! {
    /// The node stays what it is.
    SetNodeStateRefused {
        1 => NotBootstrapped,
        2 => FeatureLevel,
        3 => NoNode,
        4 => Incarnation,
        /// A lost node does not come back by decree.
        #[error("node {node} is lost")]
        5 => Lost {
            /// The node asked for.
            node: NodeId,
        },
        /// The node's replica of the metadata group is leaving or has left.
        #[error("node {node} has left the metadata group already")]
        6 => TooLate {
            /// The node asked for.
            node: NodeId,
        },
    }
}

impl Command for SetNodeState {
    const KIND: CommandKind = CommandKind::SetNodeState;
    type Done = Recorded;
    type Refused = SetNodeStateRefused;
}

impl Gated for SetNodeState {
    fn change(self, edit: &mut Edit<'_>) -> Result<Recorded, SetNodeStateRefused> {
        let (map, node) = (edit.catalog().shard_map(), self.node);
        let current = find_node(&map, node)?;
        check_directory(current, self.incarnation)?;
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
