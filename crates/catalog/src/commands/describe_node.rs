//! Records where a member stands.

use crate::apply::Apply;
use crate::catalog::MEMBERSHIP_LEVEL;
use crate::codec::{fields, variants};
use crate::command::{Command, CommandKind};
use crate::commands::Recorded;
use crate::edit::Edit;
use crate::node::{Node, Zone};
use anabranch_types::{Incarnation, NodeId};

/// Asked for by a member at each start, after `RegisterNode` or `UpdateNode`, whose layouts are
/// older than zones. May be repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribeNode {
    /// The member.
    pub node: NodeId,
    /// Of its directory, as registered.
    pub incarnation: Incarnation,
    /// Where it stands, from its configuration.
    pub zone: Zone,
}

fields!(DescribeNode { node, incarnation, zone });

/// The member stays as it was recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DescribeNodeRefused {
    /// There is no cluster yet.
    #[error("the cluster is not bootstrapped")]
    NotBootstrapped,
    /// Some node does not understand the command (D15).
    #[error("the cluster is at feature level {cluster}, the command needs level {needed}")]
    FeatureLevel {
        /// The cluster's level.
        cluster: u16,
        /// The lowest level that has the command.
        needed: u16,
    },
    /// No member has this id.
    #[error("node {node} is not a member")]
    NoNode {
        /// The id asked for.
        node: NodeId,
    },
    /// The id belongs to another directory (D14).
    #[error("node {node} has incarnation {registered}")]
    Incarnation {
        /// The id asked for.
        node: NodeId,
        /// The incarnation that has the id.
        registered: Incarnation,
    },
}

variants!(DescribeNodeRefused {
    1 => NotBootstrapped {},
    2 => FeatureLevel { cluster, needed },
    3 => NoNode { node },
    4 => Incarnation { node, registered },
});

impl Command for DescribeNode {
    const KIND: CommandKind = CommandKind::DescribeNode;
    type Done = Recorded;
    type Refused = DescribeNodeRefused;
}

impl Apply for DescribeNode {
    fn apply(self, edit: &mut Edit<'_>) -> Result<Recorded, DescribeNodeRefused> {
        let cluster = edit.catalog().cluster().ok_or(DescribeNodeRefused::NotBootstrapped)?;
        if cluster.feature_level < MEMBERSHIP_LEVEL {
            let (cluster, needed) = (cluster.feature_level, MEMBERSHIP_LEVEL);
            return Err(DescribeNodeRefused::FeatureLevel { cluster, needed });
        }
        let map = edit.catalog().shard_map();
        let node = self.node;
        let current = map.node(node).ok_or(DescribeNodeRefused::NoNode { node })?;
        if current.incarnation != self.incarnation {
            return Err(DescribeNodeRefused::Incarnation { node, registered: current.incarnation });
        }
        if current.zone != self.zone {
            edit.put_node(Node { zone: self.zone, ..current.clone() });
        }
        Ok(edit.recorded())
    }
}
