//! Records where a member stands.

use crate::codec::fields;
use crate::command::{Command, CommandKind};
use crate::commands::Recorded;
use crate::commands::membership::{Gated, check_directory, find_node};
use crate::commands::refusals::refusals;
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

refusals! {
    /// The member stays as it was recorded.
    DescribeNodeRefused {
        1 => NotBootstrapped,
        2 => FeatureLevel,
        3 => NoNode,
        4 => Incarnation,
    }
}

impl Command for DescribeNode {
    const KIND: CommandKind = CommandKind::DescribeNode;
    type Done = Recorded;
    type Refused = DescribeNodeRefused;
}

impl Gated for DescribeNode {
    fn change(self, edit: &mut Edit<'_>) -> Result<Recorded, DescribeNodeRefused> {
        let map = edit.catalog().shard_map();
        let current = find_node(&map, self.node)?;
        check_directory(current, self.incarnation)?;
        if current.zone != self.zone {
            edit.put_node(Node { zone: self.zone, ..current.clone() });
        }
        Ok(edit.recorded())
    }
}
