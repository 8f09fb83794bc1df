//! Begins to add a replica to a group.

use crate::codec::fields;
use crate::command::{Command, CommandKind};
use crate::commands::membership::{Gated, check_active, check_settled, find_group, find_node};
use crate::commands::refusals::refusals;
use crate::edit::Edit;
use crate::group::ReplicaState;
use anabranch_types::{GroupId, NodeId, ReplicaId};

/// Proposed by the placement controller. The new replica is [`ReplicaState::Joining`]: its
/// node starts it empty, the group's leader adds it, then `ReplicaJoined`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddReplica {
    /// The group that gets a replica. The metadata group has one on every node already; there,
    /// `PromoteReplica` gives one a vote.
    pub group: GroupId,
    /// Where; an active node.
    pub node: NodeId,
}

fields!(AddReplica { group, node });

/// The group has one more replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplicaAdded {
    /// Its id, never used before.
    pub replica: ReplicaId,
}

fields!(ReplicaAdded { replica });

refusals! {
    /// The group stays as it is.
    AddReplicaRefused {
        1 => NotBootstrapped,
        2 => FeatureLevel,
        3 => NoGroup,
        4 => NoNode,
        /// New replicas go to active nodes only.
        5 => NodeState,
        /// The node has a replica of the group, perhaps from an earlier try. One that is retired
        /// counts: a node keeps a group's data under the group's id, so it deletes first.
        #[error("node {node} has replica {replica} of the group, which is {state:?}")]
        6 => AlreadyThere {
            /// The node asked for.
            node: NodeId,
            /// The replica that is there.
            replica: ReplicaId,
            /// How far it is in its group.
            state: ReplicaState,
        },
        7 => Changing,
    }
}

impl Command for AddReplica {
    const KIND: CommandKind = CommandKind::AddReplica;
    type Done = ReplicaAdded;
    type Refused = AddReplicaRefused;
}

impl Gated for AddReplica {
    fn change(self, edit: &mut Edit<'_>) -> Result<ReplicaAdded, AddReplicaRefused> {
        let map = edit.catalog().shard_map();
        let (group, node) = (find_group(&map, self.group)?, find_node(&map, self.node)?);
        if let Some(there) = group.replicas.iter().find(|replica| replica.node == node.id) {
            return Err(AddReplicaRefused::AlreadyThere { node: node.id, replica: there.id, state: there.state });
        }
        check_active(node)?;
        check_settled(group)?;
        Ok(ReplicaAdded { replica: edit.add_replica(group, node.id, ReplicaState::Joining) })
    }
}
