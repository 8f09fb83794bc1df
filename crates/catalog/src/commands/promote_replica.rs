//! Begins to give an observer of the metadata group a vote.

use crate::apply::Apply;
use crate::catalog::MEMBERSHIP_LEVEL;
use crate::codec::{fields, variants};
use crate::command::{Command, CommandKind};
use crate::commands::Recorded;
use crate::edit::Edit;
use crate::group::ReplicaState;
use crate::node::NodeState;
use anabranch_types::{GroupId, NodeId, ReplicaId};

/// Proposed by the placement controller. The observer is [`ReplicaState::Joining`] until the
/// group's leader lets it vote and reports `ReplicaJoined`. May be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PromoteReplica {
    /// The replica's group.
    pub group: GroupId,
    /// The replica.
    pub replica: ReplicaId,
}

fields!(PromoteReplica { group, replica });

/// The replica stays what it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PromoteReplicaRefused {
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
    /// The group has no such replica, or has it no more.
    #[error("group {group} has no replica {replica}")]
    NoReplica {
        /// The group asked for.
        group: GroupId,
        /// The replica asked for.
        replica: ReplicaId,
    },
    /// The replica is leaving or has left.
    #[error("replica {replica} is {state:?}")]
    State {
        /// The replica asked for.
        replica: ReplicaId,
        /// How far it is in its group.
        state: ReplicaState,
    },
    /// Votes go to active nodes only.
    #[error("node {node} is {state:?}")]
    NodeState {
        /// The replica's node.
        node: NodeId,
        /// What is to become of it.
        state: NodeState,
    },
    /// One replica of a group comes or goes at a time; this one does.
    #[error("replica {replica} is on its way in or out")]
    Changing {
        /// The replica that is joining or leaving.
        replica: ReplicaId,
    },
}

variants!(PromoteReplicaRefused {
    1 => NotBootstrapped {},
    2 => FeatureLevel { cluster, needed },
    3 => NoGroup { group },
    4 => NoReplica { group, replica },
    5 => State { replica, state },
    6 => NodeState { node, state },
    7 => Changing { replica },
});

impl Command for PromoteReplica {
    const KIND: CommandKind = CommandKind::PromoteReplica;
    type Done = Recorded;
    type Refused = PromoteReplicaRefused;
}

impl Apply for PromoteReplica {
    fn apply(self, edit: &mut Edit<'_>) -> Result<Recorded, PromoteReplicaRefused> {
        let cluster = edit.catalog().cluster().ok_or(PromoteReplicaRefused::NotBootstrapped)?;
        if cluster.feature_level < MEMBERSHIP_LEVEL {
            let (cluster, needed) = (cluster.feature_level, MEMBERSHIP_LEVEL);
            return Err(PromoteReplicaRefused::FeatureLevel { cluster, needed });
        }
        let map = edit.catalog().shard_map();
        let (id, replica) = (self.group, self.replica);
        let group = map.group(id).ok_or(PromoteReplicaRefused::NoGroup { group: id })?;
        let current = group.replica(replica).ok_or(PromoteReplicaRefused::NoReplica { group: id, replica })?;
        match current.state {
            ReplicaState::Observer => {}
            ReplicaState::Joining | ReplicaState::Member => return Ok(edit.recorded()),
            state @ (ReplicaState::Leaving | ReplicaState::Retired) => {
                return Err(PromoteReplicaRefused::State { replica, state });
            }
        }
        let node = map.node(current.node).expect("check(): a replica's node is a member");
        if node.state != NodeState::Active {
            return Err(PromoteReplicaRefused::NodeState { node: node.id, state: node.state });
        }
        if let Some(changing) = group.changing() {
            return Err(PromoteReplicaRefused::Changing { replica: changing.id });
        }
        edit.set_replica_state(group, replica, ReplicaState::Joining);
        Ok(edit.recorded())
    }
}
