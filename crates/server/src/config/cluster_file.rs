//! The `[cluster]` table of the configuration file.

use super::{Broken, ClusterStart, HostPort, PeerSecret, StaticNode};
use anabranch_types::NodeId;
use serde::Deserialize;
use std::borrow::Cow;
use std::net::SocketAddr;
use std::path::PathBuf;

/// The table's keys, as they are written.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ClusterFile {
    pub(super) peer_listen: Option<SocketAddr>,
    pub(super) advertise_peer: Option<HostPort>,
    pub(super) zone: String,
    secret_file: Option<PathBuf>,
    bootstrap: bool,
    join: Vec<HostPort>,
    node_id: Option<u64>,
    nodes: Vec<StaticNodeFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StaticNodeFile {
    id: u64,
    peer: HostPort,
}

impl ClusterFile {
    /// How an empty directory gets its cluster.
    ///
    /// # Errors
    /// The rule that the keys break together.
    pub(super) fn start(&self) -> Result<ClusterStart, Broken> {
        let broken = |key, rule| Err(Broken { key, element: 0, rule: Cow::Borrowed(rule) });
        match (self.bootstrap, self.join.as_slice(), self.nodes.as_slice(), self.node_id) {
            (true, [_, ..], _, _) => broken("cluster.join", "does not go with bootstrap"),
            (true, _, [_, ..], _) => broken("cluster.nodes", "does not go with bootstrap"),
            (_, [_, ..], [_, ..], _) => broken("cluster.nodes", "does not go with join"),
            (_, _, [], Some(_)) => broken("cluster.node_id", "needs nodes"),
            (_, _, [_, ..], None) => broken("cluster.nodes", "needs node_id"),
            (true, [], [], None) => Ok(ClusterStart::Bootstrap),
            (false, [], [], None) => Ok(ClusterStart::Existing),
            (false, join, [], None) => Ok(ClusterStart::Join(join.to_vec())),
            (false, [], nodes, Some(own)) => {
                let node = |node: &StaticNodeFile| StaticNode { id: NodeId(node.id), peer: node.peer.clone() };
                Ok(ClusterStart::Static { own: NodeId(own), nodes: nodes.iter().map(node).collect() })
            }
        }
    }

    /// The secret of the named file.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn secret(&self) -> Result<Option<PeerSecret>, Broken> {
        let secret = self.secret_file.as_deref().map(PeerSecret::from_file).transpose();
        secret.map_err(|error| Broken { key: "cluster.secret_file", element: 0, rule: Cow::Owned(error.to_string()) })
    }
}
