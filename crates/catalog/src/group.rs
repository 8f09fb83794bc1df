//! Replication groups and where their replicas live.

use crate::codec::fields;
use anabranch_types::{GroupId, NodeId, ReplicaId};

/// One replica of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replica {
    /// Unique in the cluster and never used again.
    pub id: ReplicaId,
    /// The node that holds it.
    pub node: NodeId,
}

fields!(Replica { id, node });

/// A replication group; group 0 replicates the catalog, all others hold shards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Never used again.
    pub id: GroupId,
    /// At least one, on different nodes.
    pub replicas: Vec<Replica>,
}

fields!(Group { id, replicas });
