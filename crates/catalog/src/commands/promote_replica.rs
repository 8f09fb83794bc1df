//! Begins to give an observer of the metadata group a vote.

use crate::codec::fields;
use crate::command::{Command, CommandKind};
use crate::commands::Recorded;
use crate::commands::membership::{Gated, check_active, check_settled, walk};
use crate::commands::refusals::refusals;
use crate::edit::Edit;
use crate::group::ReplicaState;
use anabranch_types::{GroupId, ReplicaId};

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

refusals! {
    /// The replica stays what it is.
    PromoteReplicaRefused {
        1 => NotBootstrapped,
        2 => FeatureLevel,
        3 => NoGroup,
        4 => NoReplica,
        /// The replica is leaving or has left.
        5 => State,
        /// Votes go to active nodes only.
        6 => NodeState,
        7 => Changing,
    }
}

impl Command for PromoteReplica {
    const KIND: CommandKind = CommandKind::PromoteReplica;
    type Done = Recorded;
    type Refused = PromoteReplicaRefused;
}

impl Gated for PromoteReplica {
    fn change(self, edit: &mut Edit<'_>) -> Result<Recorded, PromoteReplicaRefused> {
        walk(edit, self.group, self.replica, |found| {
            match found.replica.state {
                ReplicaState::Observer => {}
                state @ (ReplicaState::Joining | ReplicaState::Member) => return Ok(state),
                state @ (ReplicaState::Leaving | ReplicaState::Retired) => {
                    return Err(PromoteReplicaRefused::State { replica: self.replica, state });
                }
            }
            check_active(found.node)?;
            check_settled(found.group)?;
            Ok(ReplicaState::Joining)
        })
    }
}
