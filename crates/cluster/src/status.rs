//! What a node tells about itself.

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

/// This node.
#[derive(Debug, Clone)]
pub struct NodeReport {
    /// The node.
    pub node: NodeId,
    /// Its replicas, the metadata group's first.
    pub groups: Vec<GroupReport>,
}
