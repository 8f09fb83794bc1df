//! How a directory becomes a node of a cluster that exists (D14).

use crate::error::NodeError;
use anabranch_catalog::NodeAddresses;
use anabranch_types::{ClusterId, Incarnation, NodeId, ReplicaId};
use futures::future::BoxFuture;

/// A directory wants to be a node. Repeated with the same incarnation, it gets the same id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinRequest {
    /// Of the directory, made before it asks for the first time.
    pub incarnation: Incarnation,
    /// Where the node listens.
    pub addresses: NodeAddresses,
    /// The highest feature level of its build.
    pub feature_level: u16,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JoinReply {
    /// The directory is a node.
    Welcome(Welcome),
    /// The node that was asked belongs to no cluster yet either.
    NoCluster,
    /// The catalog does not take it.
    Refused {
        /// Why, for people.
        reason: String,
    },
}

/// What a new node needs to know before it has the catalog. The leader of the catalog comes to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Welcome {
    /// The cluster.
    pub cluster: ClusterId,
    /// The id of the new node.
    pub node: NodeId,
    /// Its replica of the catalog.
    pub metadata_replica: ReplicaId,
}

/// Lets directories join. Every node does: it passes them on to the metadata service.
pub trait JoinNode: Send + Sync + 'static {
    /// Makes the directory a node, or says why not.
    fn join(&self, request: JoinRequest) -> BoxFuture<'_, Result<JoinReply, NodeError>>;
}
