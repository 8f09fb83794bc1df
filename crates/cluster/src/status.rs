//! What a node tells about itself.

use anabranch_consensus::GroupStatus;
use anabranch_types::{GroupId, NodeId, ReplicaId};

/// One replica of a group on this node.
#[derive(Debug, Clone)]
pub struct GroupReport {
    /// The group.
    pub group: GroupId,
    /// All replicas and their nodes.
    pub replicas: Vec<(ReplicaId, NodeId)>,
    /// Who leads, as far as known here.
    pub leader: Option<ReplicaId>,
    /// The newest term known here.
    pub term: u64,
    /// The newest entry applied here.
    pub applied: Option<u64>,
    /// Up to where the state here is flushed.
    pub flushed: Option<u64>,
    /// Why it stopped, when it did.
    pub failure: Option<String>,
}

impl From<GroupStatus> for GroupReport {
    fn from(status: GroupStatus) -> Self {
        GroupReport {
            group: status.group,
            replicas: status.members,
            leader: status.leader,
            term: status.term,
            applied: status.applied_index,
            flushed: status.flushed_index,
            failure: status.failure,
        }
    }
}
