//! Records that a replica votes.

use crate::codec::fields;
use crate::command::{Command, CommandKind};
use crate::commands::Recorded;
use crate::commands::membership::{Gated, walk};
use crate::commands::refusals::refusals;
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

refusals! {
    /// The replica stays what it is.
    ReplicaJoinedRefused {
        1 => NotBootstrapped,
        2 => FeatureLevel,
        3 => NoGroup,
        4 => NoReplica,
        /// The replica is not on its way in: it was taken back, or never had to vote.
        5 => State,
    }
}

impl Command for ReplicaJoined {
    const KIND: CommandKind = CommandKind::ReplicaJoined;
    type Done = Recorded;
    type Refused = ReplicaJoinedRefused;
}

impl Gated for ReplicaJoined {
    fn change(self, edit: &mut Edit<'_>) -> Result<Recorded, ReplicaJoinedRefused> {
        walk(edit, self.group, self.replica, |found| match found.replica.state {
            ReplicaState::Joining | ReplicaState::Member => Ok(ReplicaState::Member),
            state @ (ReplicaState::Observer | ReplicaState::Leaving | ReplicaState::Retired) => {
                Err(ReplicaJoinedRefused::State { replica: self.replica, state })
            }
        })
    }
}
