//! Forgets a replica whose data is deleted.

use crate::codec::fields;
use crate::command::{Command, CommandKind};
use crate::commands::Recorded;
use crate::commands::membership::{Gated, find_group};
use crate::commands::refusals::refusals;
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

refusals! {
    /// The replica stays what it is.
    ForgetReplicaRefused {
        1 => NotBootstrapped,
        2 => FeatureLevel,
        3 => NoGroup,
        /// No group ever had such a replica.
        #[error("group {group} never had a replica {replica}")]
        4 => NoReplica {
            /// The group asked for.
            group: GroupId,
            /// The replica asked for.
            replica: ReplicaId,
        },
        /// The replica belongs to its group: its data must not have been deleted.
        5 => State,
    }
}

impl Command for ForgetReplica {
    const KIND: CommandKind = CommandKind::ForgetReplica;
    type Done = Recorded;
    type Refused = ForgetReplicaRefused;
}

impl Gated for ForgetReplica {
    fn change(self, edit: &mut Edit<'_>) -> Result<Recorded, ForgetReplicaRefused> {
        let (map, replica) = (edit.catalog().shard_map(), self.replica);
        let group = find_group(&map, self.group)?;
        match group.replica(replica).map(|replica| replica.state) {
            // Ids never return, so one below the next was forgotten.
            None if replica < edit.catalog().counters.next_replica => {}
            None => return Err(ForgetReplicaRefused::NoReplica { group: group.id, replica }),
            Some(ReplicaState::Retired) => edit.forget_replicas(group, |kept| kept.id != replica),
            Some(
                state @ (ReplicaState::Observer | ReplicaState::Joining | ReplicaState::Member | ReplicaState::Leaving),
            ) => return Err(ForgetReplicaRefused::State { replica, state }),
        }
        Ok(edit.recorded())
    }
}
