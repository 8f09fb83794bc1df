//! Forgets a node that holds nothing any more.

use crate::codec::fields;
use crate::command::{Command, CommandKind};
use crate::commands::Recorded;
use crate::commands::membership::Gated;
use crate::commands::refusals::refusals;
use crate::edit::Edit;
use crate::group::ReplicaState;
use anabranch_types::{GroupId, NodeId, ReplicaId};

/// Proposed by the placement controller. The node's retired replicas are forgotten with it,
/// deleted or not: nobody will ask for them again. Its id never returns. May be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RemoveNode {
    /// The node.
    pub node: NodeId,
}

fields!(RemoveNode { node });

refusals! {
    /// The node stays a member.
    RemoveNodeRefused {
        1 => NotBootstrapped,
        2 => FeatureLevel,
        /// No member ever had this id.
        #[error("there never was a node {node}")]
        3 => NoNode {
            /// The id asked for.
            node: NodeId,
        },
        /// Nobody said that the node is to go.
        4 => NodeState,
        /// A group counts on the node still.
        #[error("node {node} holds replica {replica} of group {group}")]
        5 => Holds {
            /// The node asked for.
            node: NodeId,
            /// The first such group.
            group: GroupId,
            /// Its replica.
            replica: ReplicaId,
        },
    }
}

impl Command for RemoveNode {
    const KIND: CommandKind = CommandKind::RemoveNode;
    type Done = Recorded;
    type Refused = RemoveNodeRefused;
}

impl Gated for RemoveNode {
    fn change(self, edit: &mut Edit<'_>) -> Result<Recorded, RemoveNodeRefused> {
        let (map, node) = (edit.catalog().shard_map(), self.node);
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
        edit.raise_feature_level();
        Ok(edit.recorded())
    }
}
