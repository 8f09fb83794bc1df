//! Records that a replica is out of its group.

use crate::codec::fields;
use crate::command::{Command, CommandKind};
use crate::commands::Recorded;
use crate::commands::membership::{Gated, walk};
use crate::commands::refusals::refusals;
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

refusals! {
    /// The replica stays what it is.
    ReplicaLeftRefused {
        1 => NotBootstrapped,
        2 => FeatureLevel,
        3 => NoGroup,
        4 => NoReplica,
        /// The replica is not on its way out.
        5 => State,
    }
}

impl Command for ReplicaLeft {
    const KIND: CommandKind = CommandKind::ReplicaLeft;
    type Done = Recorded;
    type Refused = ReplicaLeftRefused;
}

impl Gated for ReplicaLeft {
    fn change(self, edit: &mut Edit<'_>) -> Result<Recorded, ReplicaLeftRefused> {
        walk(edit, self.group, self.replica, |found| match found.replica.state {
            ReplicaState::Leaving | ReplicaState::Retired => Ok(ReplicaState::Retired),
            state @ (ReplicaState::Observer | ReplicaState::Joining | ReplicaState::Member) => {
                Err(ReplicaLeftRefused::State { replica: self.replica, state })
            }
        })
    }
}
