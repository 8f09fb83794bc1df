//! Begins to add a replica to a group.

use crate::apply::Apply;
use crate::catalog::{Catalog, MEMBERSHIP_LEVEL};
use crate::codec::{fields, variants};
use crate::command::{Command, CommandKind};
use crate::edit::Edit;
use crate::group::{Group, ReplicaState};
use crate::node::NodeState;
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

/// The group stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddReplicaRefused {
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
    /// There is no such group.
    #[error("there is no group {group}")]
    NoGroup {
        /// The group asked for.
        group: GroupId,
    },
    /// No member has this id.
    #[error("node {node} is not a member")]
    NoNode {
        /// The id asked for.
        node: NodeId,
    },
    /// New replicas go to active nodes only.
    #[error("node {node} is {state:?}")]
    NodeState {
        /// The node asked for.
        node: NodeId,
        /// What is to become of it.
        state: NodeState,
    },
    /// The node has a replica of the group, perhaps from an earlier try. One that is retired
    /// counts: a node keeps a group's data under the group's id, so it deletes first.
    #[error("node {node} has replica {replica} of the group, which is {state:?}")]
    AlreadyThere {
        /// The node asked for.
        node: NodeId,
        /// The replica that is there.
        replica: ReplicaId,
        /// How far it is in its group.
        state: ReplicaState,
    },
    /// One replica of a group comes or goes at a time; this one does.
    #[error("replica {replica} is on its way in or out")]
    Changing {
        /// The replica that is joining or leaving.
        replica: ReplicaId,
    },
}

variants!(AddReplicaRefused {
    1 => NotBootstrapped {},
    2 => FeatureLevel { cluster, needed },
    3 => NoGroup { group },
    4 => NoNode { node },
    5 => NodeState { node, state },
    6 => AlreadyThere { node, replica, state },
    7 => Changing { replica },
});

impl Command for AddReplica {
    const KIND: CommandKind = CommandKind::AddReplica;
    type Done = ReplicaAdded;
    type Refused = AddReplicaRefused;
}

impl AddReplica {
    /// The group, when it may get the replica.
    fn judge(&self, catalog: &Catalog) -> Result<Group, AddReplicaRefused> {
        let cluster = catalog.cluster().ok_or(AddReplicaRefused::NotBootstrapped)?;
        if cluster.feature_level < MEMBERSHIP_LEVEL {
            let (cluster, needed) = (cluster.feature_level, MEMBERSHIP_LEVEL);
            return Err(AddReplicaRefused::FeatureLevel { cluster, needed });
        }
        let (group, node) = (self.group, self.node);
        let group = catalog.map.group(group).ok_or(AddReplicaRefused::NoGroup { group })?;
        let state = catalog.map.node(node).ok_or(AddReplicaRefused::NoNode { node })?.state;
        if let Some(there) = group.replicas.iter().find(|replica| replica.node == node) {
            return Err(AddReplicaRefused::AlreadyThere { node, replica: there.id, state: there.state });
        }
        if state != NodeState::Active {
            return Err(AddReplicaRefused::NodeState { node, state });
        }
        if let Some(changing) = group.changing() {
            return Err(AddReplicaRefused::Changing { replica: changing.id });
        }
        Ok(group.clone())
    }
}

impl Apply for AddReplica {
    fn apply(self, edit: &mut Edit<'_>) -> Result<ReplicaAdded, AddReplicaRefused> {
        let group = self.judge(edit.catalog())?;
        Ok(ReplicaAdded { replica: edit.add_replica(&group, self.node, ReplicaState::Joining) })
    }
}
