//! Makes a directory a member of the cluster.

use crate::apply::Apply;
use crate::catalog::MEMBERSHIP_LEVEL;
use crate::codec::fields;
use crate::command::{Command, CommandKind};
use crate::commands::refusals::refusals;
use crate::edit::Edit;
use crate::group::{Group, ReplicaState};
use crate::node::{Node, NodeAddresses, NodeState, Zone};
use crate::shard_map::ShardMap;
use anabranch_types::{GroupId, Incarnation, NodeId, Timestamp};

/// Asked for by a node whose directory has no node id yet. A directory that is a member
/// already keeps its id, so the command may be repeated.
///
/// The node gets a replica of the metadata group that observes: it sees the catalog by its own
/// machine. A member that has the same peer address is [`NodeState::Lost`] from then on: its
/// address is served by another directory now. Whoever proposes this has been called from
/// there, so it is no mere claim.
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

refusals! {
    /// The directory was not made a member.
    RegisterNodeRefused {
        1 => NotBootstrapped,
        /// The build is too old for what the cluster uses already (D15).
        #[error("the cluster is at feature level {cluster}, the node understands {node}")]
        2 => FeatureLevel {
            /// The cluster's level.
            cluster: u16,
            /// The node's level.
            node: u16,
        },
        /// Some member does not understand clusters of several nodes (D15).
        #[error("the cluster is at feature level {cluster}, nodes join from level {needed}")]
        3 => ClusterLevel {
            /// The cluster's level.
            cluster: u16,
            /// The lowest level at which nodes join.
            needed: u16,
        },
        /// The address is that of a node without which the metadata group could not have decided
        /// this: so it is well, and the claim is wrong.
        #[error("node {node} has this peer address and is well")]
        4 => AddressTaken {
            /// The node that has the address.
            node: NodeId,
        },
    }
}

impl Command for RegisterNode {
    const KIND: CommandKind = CommandKind::RegisterNode;
    type Done = NodeRegistered;
    type Refused = RegisterNodeRefused;
}

impl Apply for RegisterNode {
    fn apply(self, edit: &mut Edit<'_>) -> Result<NodeRegistered, RegisterNodeRefused> {
        let cluster = edit.catalog().cluster().ok_or(RegisterNodeRefused::NotBootstrapped)?.feature_level;
        if let Some(node) = edit.catalog().node_of(self.incarnation) {
            return Ok(NodeRegistered { node });
        }
        if self.feature_level < cluster {
            return Err(RegisterNodeRefused::FeatureLevel { cluster, node: self.feature_level });
        }
        if cluster < MEMBERSHIP_LEVEL {
            return Err(RegisterNodeRefused::ClusterLevel { cluster, needed: MEMBERSHIP_LEVEL });
        }
        let map = edit.catalog().shard_map();
        let metadata = map.group(GroupId::METADATA).expect("check(): a cluster has the metadata group");
        let predecessors = self.predecessors(&map);
        if let Some(node) = indispensable(metadata, &predecessors) {
            return Err(RegisterNodeRefused::AddressTaken { node });
        }
        for lost in predecessors {
            edit.put_node(Node { state: NodeState::Lost, ..lost });
        }
        let node = edit.take_node_id();
        edit.put_node(Node {
            id: node,
            incarnation: self.incarnation,
            addresses: self.addresses,
            feature_level: self.feature_level,
            registered: self.now,
            state: NodeState::Active,
            zone: Zone::default(),
        });
        edit.add_replica(metadata, node, ReplicaState::Observer);
        Ok(NodeRegistered { node })
    }
}

impl RegisterNode {
    /// The members whose peer address this directory serves now.
    fn predecessors(&self, map: &ShardMap) -> Vec<Node> {
        let peer = self.addresses.peer();
        let nodes = map.nodes().filter(|node| node.state != NodeState::Lost && !peer.is_empty());
        nodes.filter(|node| node.addresses.peer() == peer).cloned().collect()
    }
}

/// One of `nodes` that voted for whatever the metadata group decides now, because the members
/// elsewhere are no majority; none when they are.
fn indispensable(metadata: &Group, nodes: &[Node]) -> Option<NodeId> {
    let is_among = |node: NodeId| nodes.iter().any(|among| among.id == node);
    let among: Vec<NodeId> = metadata.members().map(|member| member.node).filter(|node| is_among(*node)).collect();
    let members = metadata.members().count();
    let elsewhere = members - among.len();
    if elsewhere > members / 2 { None } else { among.first().copied() }
}
