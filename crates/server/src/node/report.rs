//! What the node tells about itself at `/status`.

use crate::data_dir::{DataDir, Identity};
use crate::health::Health;
use crate::listeners::Bound;
use crate::status::{GroupStatus, NodeEntry, NodeState, NodeStatus, ReplicaEntry, ReplicaState, ShardEntry};
use anabranch_catalog::ShardMap;
use anabranch_cluster::{GroupReport, MemberReport};
use anabranch_metadata::Metadata;
use anabranch_runtime::Env;
use anabranch_storage::Storage;
use anabranch_types::GroupId;
use std::sync::Arc;

/// Makes status reports.
pub(super) struct Reporter {
    identity: Identity,
    bound: Bound,
    metadata: Metadata,
    storage: Arc<Storage>,
    health: Health,
    env: Env,
}

impl Reporter {
    pub(super) fn new(
        directory: &DataDir,
        bound: Bound,
        metadata: &Metadata,
        storage: &Arc<Storage>,
        health: &Health,
        env: &Env,
    ) -> Self {
        Reporter {
            identity: *directory.identity(),
            bound,
            metadata: metadata.clone(),
            storage: Arc::clone(storage),
            health: health.clone(),
            env: env.clone(),
        }
    }

    /// The node as it is now.
    pub(super) fn status(&self) -> NodeStatus {
        let view = self.metadata.view().load();
        let readiness = self.health.is_ready();
        let entry = |node: &anabranch_catalog::Node| {
            let entry = node_entry(node, &view.map);
            if node.id != self.identity.node {
                return entry;
            }
            let plain = std::iter::once(format!("http://{}", self.bound.plain));
            let addresses = plain.chain(self.bound.tls.map(|tls| format!("https://{tls}"))).collect();
            // Only this process knows its pid.
            NodeEntry { pid: Some(std::process::id()), addresses, ..entry }
        };
        let shards = view.map.streams().flat_map(|stream| {
            stream.shards().iter().map(|shard| ShardEntry {
                stream: stream.stream.name.to_string(),
                shard: shard.id.to_string(),
                group: shard.group.0,
            })
        });
        let groups = std::iter::once(self.metadata.report()).chain(self.storage.reports());
        NodeStatus {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            cluster: self.identity.cluster.to_string(),
            node: self.identity.node.0,
            ready: readiness.ok,
            reasons: readiness.reasons,
            uptime_seconds: self.env.clock.monotonic().as_secs(),
            nodes: view.map.nodes().map(entry).collect(),
            groups: groups.map(group_status).collect(),
            shards: shards.collect(),
        }
    }
}

pub(super) fn group_status(report: GroupReport) -> GroupStatus {
    GroupStatus {
        id: report.group.0,
        leader: report.leader_node().map(|node| node.0),
        term: report.term,
        applied: report.applied,
        flushed: report.flushed,
        failure: report.failure,
        replicas: report.members.iter().map(replica).collect(),
    }
}

fn replica(member: &MemberReport) -> ReplicaEntry {
    let state = if member.votes { ReplicaState::Voter } else { ReplicaState::Learner };
    ReplicaEntry { id: member.replica.0, node: member.node.0, state, lag_entries: member.lag_entries }
}

/// What the catalog says of a node. How many groups it leads, no node knows alone.
pub(super) fn node_entry(node: &anabranch_catalog::Node, map: &ShardMap) -> NodeEntry {
    let replicas = map.groups().filter(|group| group.id != GroupId::METADATA && group.replica_on(node.id).is_some());
    NodeEntry {
        id: node.id.0,
        pid: None,
        addresses: vec![format!("http://{}", node.addresses.client())],
        state: match node.state {
            anabranch_catalog::NodeState::Active => NodeState::Active,
            anabranch_catalog::NodeState::Draining => NodeState::Draining,
            anabranch_catalog::NodeState::Decommissioning => NodeState::Decommissioning,
            anabranch_catalog::NodeState::Lost => NodeState::Lost,
        },
        zone: node.zone.as_str().to_owned(),
        replicas: u32::try_from(replicas.count()).ok(),
        leads: None,
    }
}
