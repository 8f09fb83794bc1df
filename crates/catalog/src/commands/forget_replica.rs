//! Forgets a replica whose data is deleted.

use crate::apply::Apply;
use crate::catalog::MEMBERSHIP_LEVEL;
use crate::codec::{fields, variants};
use crate::command::{Command, CommandKind};
use crate::commands::Recorded;
use crate::edit::Edit;
use crate::group::ReplicaState;
use anabranch_types::{GroupId, ReplicaId};

/// Reported by the replica's node once nothing of the replica is left on it. May be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForgetReplica {
    /// The replica's group.
    pub group: GroupId,
    /// The replica.
    pub replica: ReplicaId,
}

fields!(ForgetReplica { group, replica });

/// The replica stays what it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ForgetReplicaRefused {
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
    /// No group ever had such a replica.
    #[error("group {group} never had a replica {replica}")]
    NoReplica {
        /// The group asked for.
        group: GroupId,
        /// The replica asked for.
        replica: ReplicaId,
    },
    /// The replica belongs to its group: its data must not have been deleted.
    #[error("replica {replica} is {state:?}")]
    State {
        /// The replica asked for.
        replica: ReplicaId,
        /// How far it is in its group.
        state: ReplicaState,
    },
}

variants!(ForgetReplicaRefused {
    1 => NotBootstrapped {},
    2 => FeatureLevel { cluster, needed },
    3 => NoGroup { group },
    4 => NoReplica { group, replica },
    5 => State { replica, state },
});

impl Command for ForgetReplica {
    const KIND: CommandKind = CommandKind::ForgetReplica;
    type Done = Recorded;
    type Refused = ForgetReplicaRefused;
}

impl Apply for ForgetReplica {
    fn apply(self, edit: &mut Edit<'_>) -> Result<Recorded, ForgetReplicaRefused> {
        let cluster = edit.catalog().cluster().ok_or(ForgetReplicaRefused::NotBootstrapped)?;
        if cluster.feature_level < MEMBERSHIP_LEVEL {
            let (cluster, needed) = (cluster.feature_level, MEMBERSHIP_LEVEL);
            return Err(ForgetReplicaRefused::FeatureLevel { cluster, needed });
        }
        let map = edit.catalog().shard_map();
        let (id, replica) = (self.group, self.replica);
        let group = map.group(id).ok_or(ForgetReplicaRefused::NoGroup { group: id })?;
        match group.replica(replica).map(|replica| replica.state) {
            // Ids never return, so one below the next was forgotten.
            None if replica < edit.catalog().counters.next_replica => {}
            None => return Err(ForgetReplicaRefused::NoReplica { group: id, replica }),
            Some(ReplicaState::Retired) => edit.forget_replicas(group, |kept| kept.id != replica),
            Some(
                state @ (ReplicaState::Observer | ReplicaState::Joining | ReplicaState::Member | ReplicaState::Leaving),
            ) => return Err(ForgetReplicaRefused::State { replica, state }),
        }
        Ok(edit.recorded())
    }
}
