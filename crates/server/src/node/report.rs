//! What the node tells about itself at `/status`.

use crate::data_dir::{DataDir, Identity};
use crate::health::Health;
use crate::listeners::Bound;
use crate::status::{GroupStatus, NodeEntry, NodeStatus, ReplicaEntry, ShardEntry};
use anabranch_cluster::GroupReport;
use anabranch_metadata::Metadata;
use anabranch_runtime::Env;
use anabranch_storage::Storage;
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
        let node_entry = |node: &anabranch_catalog::Node| NodeEntry {
            id: node.id.0,
            // Only this process knows its pid.
            pid: (node.id == self.identity.node).then(std::process::id),
            addresses: if node.id == self.identity.node {
                std::iter::once(format!("http://{}", self.bound.plain))
                    .chain(self.bound.tls.map(|tls| format!("https://{tls}")))
                    .collect()
            } else {
                vec![node.addresses.client().to_owned()]
            },
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
            nodes: view.map.nodes().map(node_entry).collect(),
            groups: groups.map(group_status).collect(),
            shards: shards.collect(),
        }
    }
}

fn group_status(report: GroupReport) -> GroupStatus {
    GroupStatus {
        id: report.group.0,
        leader: report.leader_node().map(|node| node.0),
        term: report.term,
        applied: report.applied,
        flushed: report.flushed,
        failure: report.failure,
        replicas: report
            .members
            .iter()
            .map(|member| ReplicaEntry { id: member.replica.0, node: member.node.0 })
            .collect(),
    }
}
