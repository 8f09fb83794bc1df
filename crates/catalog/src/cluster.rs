//! The cluster's identity and the ids it will hand out next.

use crate::codec::fields;
use anabranch_types::{ClusterId, GroupId, MapVersion, NodeId, ReplicaId, StreamUid, Timestamp};

/// Exists from the bootstrap on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// Made once.
    pub id: ClusterId,
    /// When the cluster was bootstrapped.
    pub bootstrapped: Timestamp,
    /// Gates new commands: at most the level of every node, and never lowered (D15).
    pub feature_level: u16,
}

fields!(Cluster { id, bootstrapped, feature_level });

/// What is handed out next. Every id below has been given away and never returns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Counters {
    /// Version of the shard map as it stands.
    pub map_version: MapVersion,
    /// Log index of the command that last changed the catalog.
    pub changed_at: u64,
    pub next_node: NodeId,
    pub next_group: GroupId,
    pub next_replica: ReplicaId,
    pub next_stream: StreamUid,
}

fields!(Counters { map_version, changed_at, next_node, next_group, next_replica, next_stream });

impl Default for Counters {
    fn default() -> Self {
        Counters {
            map_version: MapVersion(0),
            changed_at: 0,
            next_node: NodeId(1),
            next_group: GroupId::METADATA,
            next_replica: ReplicaId(1),
            next_stream: StreamUid(1),
        }
    }
}
