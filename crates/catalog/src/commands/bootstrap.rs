//! Makes the cluster, once: its identity, its first node, its groups, its first token key.

use crate::apply::Apply;
use crate::catalog::Catalog;
use crate::cluster::Cluster;
use crate::codec::{DecodeError, Field, Reader, fields, variants};
use crate::command::{Command, CommandKind};
use crate::edit::Edit;
use crate::group::{Group, Replica, ReplicaState};
use crate::limits::BOOTSTRAP_GROUPS_MAX;
use crate::node::{Node, NodeAddresses, NodeState, Zone};
use crate::token_key::{TokenKey, TokenKeys, TokenSecret};
use anabranch_types::{ClusterId, GroupId, Incarnation, NodeId, Timestamp};

/// Proposed by the node that bootstraps, as the metadata group's first command (D14).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bootstrap {
    /// The new cluster's id, from the node's random source.
    pub cluster: ClusterId,
    /// The first node; from 1.
    pub node: NodeId,
    /// Of the first node's directory.
    pub incarnation: Incarnation,
    /// Where the first node listens.
    pub addresses: NodeAddresses,
    /// The first node's, from 1; the cluster starts with it.
    pub feature_level: u16,
    /// Data groups to make, 1 to 4,096, each with one replica on the first node.
    pub data_groups: u32,
    /// The first token key, from the node's random source.
    pub token_secret: TokenSecret,
    /// The proposer's time.
    pub now: Timestamp,
}

fields!(Bootstrap { cluster, node, incarnation, addresses, feature_level, data_groups, token_secret, now });

/// The cluster exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bootstrapped {
    /// The data groups, each with its one replica, for the node to start.
    pub groups: Vec<Group>,
}

/// The groups as in version 1 of their rows: every replica of a new cluster is a member.
impl Field for Bootstrapped {
    fn write(&self, out: &mut Vec<u8>) {
        u32::try_from(self.groups.len()).expect("at most BOOTSTRAP_GROUPS_MAX").write(out);
        for group in &self.groups {
            group.write_version_1(out);
        }
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let count = u32::read(input)?;
        let groups = (0..count).map(|_| Group::read_version_1(input)).collect::<Result<_, _>>()?;
        Ok(Bootstrapped { groups })
    }
}

/// The cluster was not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BootstrapRefused {
    /// There is a cluster already; it stays as it is.
    #[error("this catalog belongs to cluster {cluster} already")]
    AlreadyBootstrapped {
        /// Whose catalog this is.
        cluster: ClusterId,
    },
    /// Too few or too many data groups.
    #[error("{asked} data groups asked for, 1 to {max} can be made")]
    GroupCount {
        /// How many were asked for.
        asked: u32,
        /// How many can be made.
        max: u32,
    },
    /// Node ids and feature levels count from 1, node ids to 2^63.
    #[error("node {node} with feature level {feature_level} cannot be the first node")]
    Node {
        /// The refused node.
        node: NodeId,
        /// Its feature level.
        feature_level: u16,
    },
}

variants!(BootstrapRefused {
    1 => AlreadyBootstrapped { cluster },
    2 => GroupCount { asked, max },
    3 => Node { node, feature_level },
});

impl Command for Bootstrap {
    const KIND: CommandKind = CommandKind::Bootstrap;
    type Done = Bootstrapped;
    type Refused = BootstrapRefused;
}

impl Bootstrap {
    fn judge(&self, catalog: &Catalog) -> Result<(), BootstrapRefused> {
        if let Some(cluster) = catalog.cluster() {
            return Err(BootstrapRefused::AlreadyBootstrapped { cluster: cluster.id });
        }
        if !(1..=BOOTSTRAP_GROUPS_MAX).contains(&self.data_groups) {
            return Err(BootstrapRefused::GroupCount { asked: self.data_groups, max: BOOTSTRAP_GROUPS_MAX });
        }
        if !(1..=1 << 63).contains(&self.node.0) || self.feature_level == 0 {
            return Err(BootstrapRefused::Node { node: self.node, feature_level: self.feature_level });
        }
        Ok(())
    }
}

impl Apply for Bootstrap {
    fn apply(self, edit: &mut Edit<'_>) -> Result<Bootstrapped, BootstrapRefused> {
        self.judge(edit.catalog())?;
        edit.put_cluster(Cluster { id: self.cluster, bootstrapped: self.now, feature_level: self.feature_level });
        let current = TokenKey { id: 1, secret: self.token_secret, made: self.now };
        edit.put_token_keys(TokenKeys { current, previous: None });
        edit.reserve_node_id(self.node);
        edit.put_node(Node {
            id: self.node,
            incarnation: self.incarnation,
            addresses: self.addresses,
            feature_level: self.feature_level,
            registered: self.now,
            state: NodeState::Active,
            zone: Zone::default(),
        });
        let groups: Vec<Group> = (0..=self.data_groups)
            .map(|_| {
                let replica = Replica { id: edit.take_replica_id(), node: self.node, state: ReplicaState::Member };
                Group { id: edit.take_group_id(), replicas: vec![replica] }
            })
            .collect();
        for group in &groups {
            edit.put_group(group.clone());
        }
        let first = groups[0].replicas[0].id;
        assert_eq!(first, Catalog::FIRST_METADATA_REPLICA, "the metadata group comes first");
        Ok(Bootstrapped { groups: groups.into_iter().filter(|group| group.id != GroupId::METADATA).collect() })
    }
}
