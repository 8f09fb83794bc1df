//! Makes a data group.

use crate::codec::fields;
use crate::command::{Command, CommandKind};
use crate::commands::membership::{Gated, check_active, find_node};
use crate::commands::refusals::refusals;
use crate::edit::Edit;
use crate::group::{Group, Replica, ReplicaState};
use anabranch_types::{GroupId, NodeId};

/// Proposed by the placement controller when nodes have joined. The group begins with one member,
/// which its node starts, and then gets more as every group does. Streams that are created later
/// get shards in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CreateGroup {
    /// Where it begins; an active node.
    pub node: NodeId,
    /// Data groups that there are: the command makes the next one, once.
    pub known: u32,
}

fields!(CreateGroup { node, known });

/// There is one more group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupCreated {
    /// Its id, never used before.
    pub group: GroupId,
}

fields!(GroupCreated { group });

refusals! {
    /// There is no new group.
    CreateGroupRefused {
        1 => NotBootstrapped,
        2 => FeatureLevel,
        3 => NoNode,
        /// New replicas go to active nodes only.
        4 => NodeState,
        /// Groups were made since the proposer looked, perhaps by an earlier try.
        #[error("there are {there} data groups, not {known}")]
        5 => Count {
            /// How many the proposer knew.
            known: u32,
            /// How many there are.
            there: u32,
        },
    }
}

impl Command for CreateGroup {
    const KIND: CommandKind = CommandKind::CreateGroup;
    type Done = GroupCreated;
    type Refused = CreateGroupRefused;
}

impl Gated for CreateGroup {
    fn change(self, edit: &mut Edit<'_>) -> Result<GroupCreated, CreateGroupRefused> {
        let map = edit.catalog().shard_map();
        check_active(find_node(&map, self.node)?)?;
        let there = map.groups().filter(|group| group.id != GroupId::METADATA).count();
        let there = u32::try_from(there).expect("group ids are 32 bits wide");
        if there != self.known {
            return Err(CreateGroupRefused::Count { known: self.known, there });
        }
        let replica = Replica { id: edit.take_replica_id(), node: self.node, state: ReplicaState::Member };
        let group = edit.take_group_id();
        edit.put_group(Group { id: group, replicas: vec![replica] });
        Ok(GroupCreated { group })
    }
}
