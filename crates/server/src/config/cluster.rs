//! How a node comes to its cluster, and how the other nodes reach it.
//!
//! Says what was asked for. Whether a directory belongs to a cluster already is for the start to
//! see (D14): such a directory goes back to that cluster, whatever is said here.

use super::{Broken, HostPort, NodeConfig};
use anabranch_types::NodeId;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::net::SocketAddr;

/// The most nodes of a static list.
pub const STATIC_NODES_MAX: usize = 64;
/// The most characters of a zone's name.
const ZONE_CHARS_MAX: usize = 64;

/// How an empty directory gets its cluster. One that has a cluster never bootstraps again (D14).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClusterStart {
    /// `dev`: an empty directory becomes the first node of a new cluster.
    Alone,
    /// `server`: the same, and somebody has said so.
    Bootstrap,
    /// Not at all: only a directory that belongs to a cluster is started.
    Existing,
    /// It joins the cluster of these members, asked in this order at their listeners for nodes. A
    /// directory that has a cluster asks them first where its nodes are now. Never empty.
    Join(Vec<HostPort>),
    /// It is one of these nodes. All have the same list, and the one of the lowest id makes the
    /// cluster.
    Static {
        /// This node; one of `nodes`.
        own: NodeId,
        /// Every node: ids and addresses are unique.
        nodes: Vec<StaticNode>,
    },
}

/// A node of a static list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaticNode {
    /// Its number, from 1.
    pub id: NodeId,
    /// Where the others reach it.
    pub peer: HostPort,
}

impl ClusterStart {
    /// The entry of this node in its static list; none without a list.
    fn own_entry(&self) -> Option<&StaticNode> {
        match self {
            ClusterStart::Static { own, nodes } => nodes.iter().find(|node| node.id == *own),
            ClusterStart::Alone | ClusterStart::Bootstrap | ClusterStart::Existing | ClusterStart::Join(_) => None,
        }
    }

    /// The static list; empty without one.
    fn static_nodes(&self) -> &[StaticNode] {
        match self {
            ClusterStart::Static { nodes, .. } => nodes,
            ClusterStart::Alone | ClusterStart::Bootstrap | ClusterStart::Existing | ClusterStart::Join(_) => &[],
        }
    }
}

impl NodeConfig {
    /// Where the other nodes reach this one, whose listener for nodes is bound to `bound`: what it was
    /// told to tell them, else its entry in the static list, else `bound`.
    pub fn advertised_peer(&self, bound: SocketAddr) -> String {
        let told = self.advertise_peer.as_ref().or_else(|| self.cluster.own_entry().map(|own| &own.peer));
        told.map_or_else(|| bound.to_string(), |address| address.as_str().to_owned())
    }

    /// The first rule about clusters that this configuration breaks.
    pub(super) fn broken_cluster_rule(&self) -> Option<Broken> {
        let listens = self.peer_listen.is_some();
        let rules = [
            ("cluster.peer_listen", !self.peers_share_a_port(), "must not be the same as listen or tls_listen"),
            (
                "cluster.peer_listen",
                self.secret.is_some() || self.peers_are_local(),
                "beyond loopback needs secret_file",
            ),
            ("cluster.peer_listen", self.peers_find_it(), "on every address needs advertise_peer"),
            ("cluster.advertise_peer", listens || self.advertise_peer.is_none(), "needs peer_listen"),
            ("cluster.join", listens || !matches!(self.cluster, ClusterStart::Join(_)), "needs peer_listen"),
            ("cluster.nodes", listens || self.cluster.static_nodes().is_empty(), "needs peer_listen"),
            ("cluster.zone", zone_fits(&self.zone), "must be at most 64 of [A-Za-z0-9._-]"),
        ];
        let broken = rules.into_iter().find(|(_, holds, _)| !holds);
        let broken = broken.map(|(key, _, rule)| Broken { key, element: 0, rule: Cow::Borrowed(rule) });
        broken.or_else(|| self.broken_list_rule())
    }

    fn broken_list_rule(&self) -> Option<Broken> {
        let ClusterStart::Static { nodes, .. } = &self.cluster else { return None };
        let broken = |key, element, rule| Some(Broken { key, element, rule: Cow::Borrowed(rule) });
        if nodes.len() > STATIC_NODES_MAX {
            return broken("cluster.nodes", STATIC_NODES_MAX, "must be at most 64");
        }
        let (mut ids, mut peers) = (BTreeSet::new(), BTreeSet::new());
        for (element, node) in nodes.iter().enumerate() {
            if node.id.0 == 0 || !ids.insert(node.id) {
                return broken("cluster.nodes.id", element, "must be from 1, and unique");
            }
            if !peers.insert(&node.peer) {
                return broken("cluster.nodes.peer", element, "must be unique");
            }
        }
        let Some(own) = self.cluster.own_entry() else {
            return broken("cluster.node_id", 0, "must be one of nodes");
        };
        if self.advertise_peer.as_ref().is_some_and(|told| *told != own.peer) {
            return broken("cluster.advertise_peer", 0, "must be what nodes says of this node");
        }
        None
    }

    /// Port 0 is any free port, twice never the same.
    fn peers_share_a_port(&self) -> bool {
        let Some(address) = self.peer_listen.filter(|address| address.port() != 0) else { return false };
        address == self.listen || self.tls_listen == Some(address)
    }

    fn peers_are_local(&self) -> bool {
        self.peer_listen.is_none_or(|address| address.ip().is_loopback())
    }

    /// An address that means every address of this machine means none to another one.
    fn peers_find_it(&self) -> bool {
        let told = self.advertise_peer.is_some() || self.cluster.own_entry().is_some();
        told || self.peer_listen.is_none_or(|address| !address.ip().is_unspecified())
    }
}

fn zone_fits(zone: &str) -> bool {
    zone.len() <= ZONE_CHARS_MAX && zone.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}
