//! Begins to take a replica out of its group.

use crate::apply::Apply;
use crate::catalog::MEMBERSHIP_LEVEL;
use crate::codec::{fields, variants};
use crate::command::{Command, CommandKind};
use crate::commands::Recorded;
use crate::edit::Edit;
use crate::group::ReplicaState;
use anabranch_types::{GroupId, NodeId, ReplicaId};

/// Proposed by the placement controller, or to give up a replica that cannot join. The replica
/// is [`ReplicaState::Leaving`] until the group's leader has taken it out and reports
/// `ReplicaLeft`. May be repeated.
///
/// Only the last member is protected here; that a majority of those that remain is well is for
/// the proposer to see to, who knows which nodes answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RemoveReplica {
    /// The replica's group.
    pub group: GroupId,
    /// The replica.
    pub replica: ReplicaId,
}

fields!(RemoveReplica { group, replica });

/// The replica stays what it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RemoveReplicaRefused {
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
    /// Nobody could vote without it.
    #[error("replica {replica} is the last member of group {group}")]
    LastMember {
        /// The group asked for.
        group: GroupId,
        /// The replica asked for.
        replica: ReplicaId,
    },
    /// A node that is to stay keeps its replica of the metadata group: it could not see the
    /// catalog without it.
    #[error("node {node} sees the catalog by replica {replica}")]
    Observing {
        /// The replica's node.
        node: NodeId,
        /// The replica asked for.
        replica: ReplicaId,
    },
    /// One replica of a group comes or goes at a time; this one does.
    #[error("replica {replica} is on its way in or out")]
    Changing {
        /// The replica that is joining or leaving.
        replica: ReplicaId,
    },
}

variants!(RemoveReplicaRefused {
    1 => NotBootstrapped {},
    2 => FeatureLevel { cluster, needed },
    3 => NoGroup { group },
    4 => NoReplica { group, replica },
    5 => LastMember { group, replica },
    6 => Observing { node, replica },
    7 => Changing { replica },
});

impl Command for RemoveReplica {
    const KIND: CommandKind = CommandKind::RemoveReplica;
    type Done = Recorded;
    type Refused = RemoveReplicaRefused;
}

impl Apply for RemoveReplica {
    fn apply(self, edit: &mut Edit<'_>) -> Result<Recorded, RemoveReplicaRefused> {
        let cluster = edit.catalog().cluster().ok_or(RemoveReplicaRefused::NotBootstrapped)?;
        if cluster.feature_level < MEMBERSHIP_LEVEL {
            let (cluster, needed) = (cluster.feature_level, MEMBERSHIP_LEVEL);
            return Err(RemoveReplicaRefused::FeatureLevel { cluster, needed });
        }
        let map = edit.catalog().shard_map();
        let (id, replica) = (self.group, self.replica);
        let group = map.group(id).ok_or(RemoveReplicaRefused::NoGroup { group: id })?;
        let current = group.replica(replica).ok_or(RemoveReplicaRefused::NoReplica { group: id, replica })?;
        match current.state {
            ReplicaState::Leaving | ReplicaState::Retired => return Ok(edit.recorded()),
            ReplicaState::Observer | ReplicaState::Joining | ReplicaState::Member => {}
        }
        if group.members().all(|member| member.id == replica) {
            return Err(RemoveReplicaRefused::LastMember { group: id, replica });
        }
        let node = map.node(current.node).expect("check(): a replica's node is a member");
        if id == GroupId::METADATA && node.state.keeps_replicas() {
            return Err(RemoveReplicaRefused::Observing { node: node.id, replica });
        }
        if let Some(changing) = group.changing().filter(|changing| changing.id != replica) {
            return Err(RemoveReplicaRefused::Changing { replica: changing.id });
        }
        edit.set_replica_state(group, replica, ReplicaState::Leaving);
        Ok(edit.recorded())
    }
}
