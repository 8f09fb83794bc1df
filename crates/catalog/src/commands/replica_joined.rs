//! Records that a replica votes.

use crate::apply::Apply;
use crate::catalog::MEMBERSHIP_LEVEL;
use crate::codec::{fields, variants};
use crate::command::{Command, CommandKind};
use crate::commands::Recorded;
use crate::edit::Edit;
use crate::group::ReplicaState;
use anabranch_types::{GroupId, ReplicaId};

/// Reported by the group's leader once the voters that the group agreed on include the
/// replica. May be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplicaJoined {
    /// The replica's group.
    pub group: GroupId,
    /// The replica.
    pub replica: ReplicaId,
}

fields!(ReplicaJoined { group, replica });

/// The replica stays what it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplicaJoinedRefused {
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
    /// The replica is not on its way in: it was taken back, or never had to vote.
    #[error("replica {replica} is {state:?}")]
    State {
        /// The replica asked for.
        replica: ReplicaId,
        /// How far it is in its group.
        state: ReplicaState,
    },
}

variants!(ReplicaJoinedRefused {
    1 => NotBootstrapped {},
    2 => FeatureLevel { cluster, needed },
    3 => NoGroup { group },
    4 => NoReplica { group, replica },
    5 => State { replica, state },
});

impl Command for ReplicaJoined {
    const KIND: CommandKind = CommandKind::ReplicaJoined;
    type Done = Recorded;
    type Refused = ReplicaJoinedRefused;
}

impl Apply for ReplicaJoined {
    fn apply(self, edit: &mut Edit<'_>) -> Result<Recorded, ReplicaJoinedRefused> {
        let cluster = edit.catalog().cluster().ok_or(ReplicaJoinedRefused::NotBootstrapped)?;
        if cluster.feature_level < MEMBERSHIP_LEVEL {
            let (cluster, needed) = (cluster.feature_level, MEMBERSHIP_LEVEL);
            return Err(ReplicaJoinedRefused::FeatureLevel { cluster, needed });
        }
        let map = edit.catalog().shard_map();
        let (id, replica) = (self.group, self.replica);
        let group = map.group(id).ok_or(ReplicaJoinedRefused::NoGroup { group: id })?;
        let current = group.replica(replica).ok_or(ReplicaJoinedRefused::NoReplica { group: id, replica })?;
        match current.state {
            ReplicaState::Joining => edit.set_replica_state(group, replica, ReplicaState::Member),
            ReplicaState::Member => {}
            state @ (ReplicaState::Observer | ReplicaState::Leaving | ReplicaState::Retired) => {
                return Err(ReplicaJoinedRefused::State { replica, state });
            }
        }
        Ok(edit.recorded())
    }
}
