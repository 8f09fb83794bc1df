//! Who the other nodes are and where they listen, as the catalog knows it.

use crate::view::ViewWatch;
use anabranch_types::{Incarnation, NodeId};
use parking_lot::Mutex;
use std::collections::BTreeMap;

/// Nodes that are remembered although the catalog does not know them yet.
const MET_MAX: usize = 64;

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

    /// A node that [`Peers::peer`] does not know has called, has proved who it is, and says that it listens
    /// there.
    fn met(&self, _node: NodeId, _at: PeerAddress) {}

    /// Where to call the node: as [`Peers::peer`] says, or else where it said itself that it listens.
    fn reach(&self, node: NodeId) -> Option<PeerAddress> {
        self.peer(node)
    }
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

/// The nodes of the catalog as this node sees it, and where those are that it does not show yet but that
/// have called.
///
/// A node that has just joined has no catalog. The catalog's leader brings it; where the log no longer
/// reaches back to its beginning it comes as a snapshot, which the new node has to pull: from a node
/// that only the catalog would tell it of.
pub struct Acquaintances {
    view: ViewWatch,
    met: Mutex<BTreeMap<NodeId, PeerAddress>>,
}

impl Acquaintances {
    /// Nobody has called yet.
    pub fn new(view: ViewWatch) -> Self {
        Acquaintances { view, met: Mutex::default() }
    }
}

impl Peers for Acquaintances {
    fn peer(&self, node: NodeId) -> Option<PeerAddress> {
        self.view.peer(node)
    }

    fn may_be_new(&self, node: NodeId) -> bool {
        self.view.may_be_new(node)
    }

    fn met(&self, node: NodeId, at: PeerAddress) {
        let mut met = self.met.lock();
        met.retain(|known, _| self.view.may_be_new(*known));
        if met.len() < MET_MAX || met.contains_key(&node) {
            met.insert(node, at);
        }
    }

    fn reach(&self, node: NodeId) -> Option<PeerAddress> {
        self.peer(node).or_else(|| {
            let is_new = self.may_be_new(node);
            self.met.lock().get(&node).filter(|_| is_new).cloned()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::ClusterView;
    use std::sync::Arc;

    #[test]
    fn a_node_without_a_catalog_calls_back_whoever_has_called_but_does_not_know_it() {
        let peers =
            Acquaintances::new(ViewWatch::new(ClusterView { map: Arc::default(), keys: None, feature_level: 0 }));
        assert_eq!(peers.reach(NodeId(1)), None);
        let at = |port: u16| PeerAddress { address: format!("127.0.0.1:{port}"), incarnation: Incarnation(7) };
        peers.met(NodeId(1), at(1));
        peers.met(NodeId(1), at(2));
        assert_eq!(peers.reach(NodeId(1)), Some(at(2)), "where it is now");
        assert_eq!(peers.peer(NodeId(1)), None, "it may do no more than before");
        for node in 2..1_000 {
            peers.met(NodeId(node), at(3));
        }
        assert_eq!(peers.met.lock().len(), MET_MAX);
    }
}
