//! Makes a directory a member of the cluster.

use crate::apply::Apply;
use crate::codec::{fields, variants};
use crate::command::{Command, CommandKind};
use crate::edit::Edit;
use crate::node::{Node, NodeAddresses};
use anabranch_types::{Incarnation, NodeId, Timestamp};

/// Asked for by a node whose directory has no node id yet. A directory that is a member
/// already keeps its id, so the command may be repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterNode {
    /// Of the node's directory.
    pub incarnation: Incarnation,
    /// Where the node listens.
    pub addresses: NodeAddresses,
    /// The highest feature level of the node's build.
    pub feature_level: u16,
    /// The proposer's time.
    pub now: Timestamp,
}

fields!(RegisterNode { incarnation, addresses, feature_level, now });

/// The directory is a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeRegistered {
    /// Its node id, new or from before.
    pub node: NodeId,
}

fields!(NodeRegistered { node });

/// The directory was not made a member.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegisterNodeRefused {
    /// There is no cluster yet.
    #[error("the cluster is not bootstrapped")]
    NotBootstrapped,
    /// The build is too old for what the cluster uses already (D15).
    #[error("the cluster is at feature level {cluster}, the node understands {node}")]
    FeatureLevel {
        /// The cluster's level.
        cluster: u16,
        /// The node's level.
        node: u16,
    },
}

variants!(RegisterNodeRefused { 1 => NotBootstrapped {}, 2 => FeatureLevel { cluster, node } });

impl Command for RegisterNode {
    const KIND: CommandKind = CommandKind::RegisterNode;
    type Done = NodeRegistered;
    type Refused = RegisterNodeRefused;
}

impl Apply for RegisterNode {
    fn apply(self, edit: &mut Edit<'_>) -> Result<NodeRegistered, RegisterNodeRefused> {
        let cluster = edit.catalog().cluster().ok_or(RegisterNodeRefused::NotBootstrapped)?;
        if let Some(node) = edit.catalog().node_of(self.incarnation) {
            return Ok(NodeRegistered { node });
        }
        if self.feature_level < cluster.feature_level {
            let (cluster, node) = (cluster.feature_level, self.feature_level);
            return Err(RegisterNodeRefused::FeatureLevel { cluster, node });
        }
        let node = edit.take_node_id();
        edit.put_node(Node {
            id: node,
            incarnation: self.incarnation,
            addresses: self.addresses,
            feature_level: self.feature_level,
            registered: self.now,
        });
        Ok(NodeRegistered { node })
    }
}
