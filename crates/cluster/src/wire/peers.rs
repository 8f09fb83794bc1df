//! Who the other nodes are and where they listen, as the catalog knows it.

use crate::view::ViewWatch;
use anabranch_types::{Incarnation, NodeId};

/// One node, as others reach it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerAddress {
    /// `host:port` of its listener for nodes; empty when it has none.
    pub address: String,
    /// Of its directory.
    pub incarnation: Incarnation,
}

/// Looks nodes up. Asked at every call, so that what it says holds at once; it must not block.
pub trait Peers: Send + Sync + 'static {
    /// The node of that id; none when the cluster has no such node, as far as this one knows.
    fn peer(&self, node: NodeId) -> Option<PeerAddress>;

    /// Whether an unknown node may be one that joined after the last that this node knows. Ids grow
    /// and are never used again, so that a node that was removed is none.
    fn may_be_new(&self, node: NodeId) -> bool;
}

impl Peers for ViewWatch {
    fn peer(&self, node: NodeId) -> Option<PeerAddress> {
        let view = self.load();
        let node = view.map.node(node)?;
        Some(PeerAddress { address: node.addresses.peer().to_owned(), incarnation: node.incarnation })
    }

    fn may_be_new(&self, node: NodeId) -> bool {
        self.load().map.nodes().all(|known| known.id < node)
    }
}
