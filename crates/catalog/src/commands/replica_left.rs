//! Records that a replica is out of its group.

use crate::apply::Apply;
use crate::catalog::MEMBERSHIP_LEVEL;
use crate::codec::{fields, variants};
use crate::command::{Command, CommandKind};
use crate::commands::Recorded;
use crate::edit::Edit;
use crate::group::ReplicaState;
use anabranch_types::{GroupId, ReplicaId};

/// Reported by the group's leader once what the group agreed on, voters and learners, no
/// longer includes the replica. From then on its node may delete its data (D8). May be
/// repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplicaLeft {
    /// The replica's group.
    pub group: GroupId,
    /// The replica.
    pub replica: ReplicaId,
}

fields!(ReplicaLeft { group, replica });

/// The replica stays what it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplicaLeftRefused {
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
    /// The replica is not on its way out.
    #[error("replica {replica} is {state:?}")]
    State {
        /// The replica asked for.
        replica: ReplicaId,
        /// How far it is in its group.
        state: ReplicaState,
    },
}

variants!(ReplicaLeftRefused {
    1 => NotBootstrapped {},
    2 => FeatureLevel { cluster, needed },
    3 => NoGroup { group },
    4 => NoReplica { group, replica },
    5 => State { replica, state },
});

impl Command for ReplicaLeft {
    const KIND: CommandKind = CommandKind::ReplicaLeft;
    type Done = Recorded;
    type Refused = ReplicaLeftRefused;
}

impl Apply for ReplicaLeft {
    fn apply(self, edit: &mut Edit<'_>) -> Result<Recorded, ReplicaLeftRefused> {
        let cluster = edit.catalog().cluster().ok_or(ReplicaLeftRefused::NotBootstrapped)?;
        if cluster.feature_level < MEMBERSHIP_LEVEL {
            let (cluster, needed) = (cluster.feature_level, MEMBERSHIP_LEVEL);
            return Err(ReplicaLeftRefused::FeatureLevel { cluster, needed });
        }
        let map = edit.catalog().shard_map();
        let (id, replica) = (self.group, self.replica);
        let group = map.group(id).ok_or(ReplicaLeftRefused::NoGroup { group: id })?;
        let current = group.replica(replica).ok_or(ReplicaLeftRefused::NoReplica { group: id, replica })?;
        match current.state {
            ReplicaState::Leaving => edit.set_replica_state(group, replica, ReplicaState::Retired),
            ReplicaState::Retired => {}
            state @ (ReplicaState::Observer | ReplicaState::Joining | ReplicaState::Member) => {
                return Err(ReplicaLeftRefused::State { replica, state });
            }
        }
        Ok(edit.recorded())
    }
}
