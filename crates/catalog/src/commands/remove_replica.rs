//! Begins to take a replica out of its group.

use crate::codec::fields;
use crate::command::{Command, CommandKind};
use crate::commands::Recorded;
use crate::commands::membership::{Gated, check_settled, walk};
use crate::commands::refusals::refusals;
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

refusals! {
    /// The replica stays what it is.
    RemoveReplicaRefused {
        1 => NotBootstrapped,
        2 => FeatureLevel,
        3 => NoGroup,
        4 => NoReplica,
        /// Nobody could vote without it.
        #[error("replica {replica} is the last member of group {group}")]
        5 => LastMember {
            /// The group asked for.
            group: GroupId,
            /// The replica asked for.
            replica: ReplicaId,
        },
        /// A node that is to stay keeps its replica of the metadata group: it could not see the
        /// catalog without it.
        #[error("node {node} sees the catalog by replica {replica}")]
        6 => Observing {
            /// The replica's node.
            node: NodeId,
            /// The replica asked for.
            replica: ReplicaId,
        },
        7 => Changing,
    }
}

impl Command for RemoveReplica {
    const KIND: CommandKind = CommandKind::RemoveReplica;
    type Done = Recorded;
    type Refused = RemoveReplicaRefused;
}

impl Gated for RemoveReplica {
    fn change(self, edit: &mut Edit<'_>) -> Result<Recorded, RemoveReplicaRefused> {
        let (group, replica) = (self.group, self.replica);
        walk(edit, group, replica, |found| {
            match found.replica.state {
                state @ (ReplicaState::Leaving | ReplicaState::Retired) => return Ok(state),
                ReplicaState::Observer | ReplicaState::Joining | ReplicaState::Member => {}
            }
            if found.group.members().all(|member| member.id == replica) {
                return Err(RemoveReplicaRefused::LastMember { group, replica });
            }
            if group == GroupId::METADATA && found.node.state.keeps_replicas() {
                return Err(RemoveReplicaRefused::Observing { node: found.node.id, replica });
            }
            // One that is joining is itself the one that changes.
            if found.replica.state != ReplicaState::Joining {
                check_settled(found.group)?;
            }
            Ok(ReplicaState::Leaving)
        })
    }
}
