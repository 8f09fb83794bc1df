//! Makes a data group.

use crate::apply::Apply;
use crate::catalog::{Catalog, GROUPS_LEVEL};
use crate::codec::{fields, variants};
use crate::command::{Command, CommandKind};
use crate::edit::Edit;
use crate::group::{Group, Replica, ReplicaState};
use crate::node::NodeState;
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

/// There is no new group.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CreateGroupRefused {
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
    /// New replicas go to active nodes only.
    #[error("node {node} is {state:?}")]
    NodeState {
        /// The node asked for.
        node: NodeId,
        /// What is to become of it.
        state: NodeState,
    },
    /// Groups were made since the proposer looked, perhaps by an earlier try.
    #[error("there are {there} data groups, not {known}")]
    Count {
        /// How many the proposer knew.
        known: u32,
        /// How many there are.
        there: u32,
    },
}

variants!(CreateGroupRefused {
    1 => NotBootstrapped {},
    2 => FeatureLevel { cluster, needed },
    3 => NoNode { node },
    4 => NodeState { node, state },
    5 => Count { known, there },
});

impl Command for CreateGroup {
    const KIND: CommandKind = CommandKind::CreateGroup;
    type Done = GroupCreated;
    type Refused = CreateGroupRefused;
}

impl CreateGroup {
    fn judge(&self, catalog: &Catalog) -> Result<(), CreateGroupRefused> {
        let cluster = catalog.cluster().ok_or(CreateGroupRefused::NotBootstrapped)?;
        if cluster.feature_level < GROUPS_LEVEL {
            let (cluster, needed) = (cluster.feature_level, GROUPS_LEVEL);
            return Err(CreateGroupRefused::FeatureLevel { cluster, needed });
        }
        let node = self.node;
        let state = catalog.map.node(node).ok_or(CreateGroupRefused::NoNode { node })?.state;
        if state != NodeState::Active {
            return Err(CreateGroupRefused::NodeState { node, state });
        }
        let there = catalog.map.groups().filter(|group| group.id != GroupId::METADATA).count();
        let there = u32::try_from(there).expect("group ids are 32 bits wide");
        if there != self.known {
            return Err(CreateGroupRefused::Count { known: self.known, there });
        }
        Ok(())
    }
}

impl Apply for CreateGroup {
    fn apply(self, edit: &mut Edit<'_>) -> Result<GroupCreated, CreateGroupRefused> {
        self.judge(edit.catalog())?;
        let replica = Replica { id: edit.take_replica_id(), node: self.node, state: ReplicaState::Member };
        let group = edit.take_group_id();
        edit.put_group(Group { id: group, replicas: vec![replica] });
        Ok(GroupCreated { group })
    }
}
