//! The status as tables for people.

use super::table::Table;
use super::{GroupStatus, NodeEntry, NodeState, NodeStatus, ReplicaEntry, ReplicaState};
use crate::operations::Comparison;

impl NodeStatus {
    /// Tables for people; shards are counted per group, not listed.
    pub fn to_text(&self) -> String {
        let state = if self.ready { "ready".to_owned() } else { format!("not ready ({})", self.reasons.join("; ")) };
        let mut groups = Table::new(&["GROUP", "LEADER", "TERM", "APPLIED", "FLUSHED", "SHARDS", "REPLICAS", "STATE"]);
        for group in &self.groups {
            let shards = self.shards.iter().filter(|shard| shard.group == group.id).count();
            let [id, leader, term, applied, flushed, replicas, state] = cells(group);
            groups.push(vec![id, leader, term, applied, flushed, shards.to_string(), replicas, state]);
        }
        let (version, up, nodes) = (&self.version, uptime(self.uptime_seconds), nodes_to_text(&self.nodes));
        format!(
            "cluster {}\nnode {} is {state}, up {up}, version {version}\n\n{nodes}\n{groups}",
            self.cluster, self.node
        )
    }
}

/// A row per node.
pub fn nodes_to_text(nodes: &[NodeEntry]) -> String {
    let mut table = Table::new(&["NODE", "PID", "STATE", "ZONE", "REPLICAS", "LEADS", "ADDRESSES"]);
    for node in nodes {
        let zone = if node.zone.is_empty() { "-".to_owned() } else { node.zone.clone() };
        table.push(vec![
            node.id.to_string(),
            or_dash(node.pid),
            node.state_word().to_owned(),
            zone,
            or_dash(node.replicas),
            or_dash(node.leads),
            node.addresses.join(" "),
        ]);
    }
    table.to_string()
}

/// A row per group.
pub fn groups_to_text(groups: &[GroupStatus]) -> String {
    let mut table = Table::new(&["GROUP", "LEADER", "TERM", "APPLIED", "FLUSHED", "REPLICAS", "STATE"]);
    for group in groups {
        table.push(cells(group).to_vec());
    }
    table.to_string()
}

/// A row per replica of each group.
pub fn comparisons_to_text(groups: &[Comparison]) -> String {
    let mut table = Table::new(&["GROUP", "NODE", "APPLIED", "HASH", "AGREE"]);
    for group in groups {
        let agree = match group.agree {
            Some(true) => "yes",
            Some(false) => "NO",
            None => "unknown",
        };
        for replica in &group.replicas {
            let (id, node, applied) = (group.group.to_string(), replica.node.to_string(), replica.applied.to_string());
            table.push(vec![id, node, applied, replica.hash.clone(), agree.to_owned()]);
        }
    }
    table.to_string()
}

impl NodeEntry {
    /// How far it has come with what it was told.
    fn state_word(&self) -> &'static str {
        match (self.state, self.leads, self.replicas) {
            (NodeState::Active, _, _) => "active",
            (NodeState::Draining, Some(0), _) => "drained",
            (NodeState::Draining, _, _) => "draining",
            (NodeState::Decommissioning, _, Some(0)) => "decommissioned",
            (NodeState::Decommissioning, _, _) => "decommissioning",
            (NodeState::Lost, _, _) => "lost",
        }
    }
}

/// Number, leader, term, applied, flushed, replicas, state.
fn cells(group: &GroupStatus) -> [String; 7] {
    let replicas: Vec<_> = group.replicas.iter().map(replica_to_text).collect();
    [
        if group.id == 0 { "catalog".to_owned() } else { group.id.to_string() },
        or_dash(group.leader),
        group.term.to_string(),
        or_dash(group.applied),
        or_dash(group.flushed),
        replicas.join(", "),
        group.failure.clone().unwrap_or_else(|| "running".to_owned()),
    ]
}

/// `7@1`, `8@2 (1200 behind)`, `9@3 (learner, 1200 behind)`.
fn replica_to_text(replica: &ReplicaEntry) -> String {
    let learner = match replica.state {
        ReplicaState::Voter => None,
        ReplicaState::Learner => Some("learner".to_owned()),
    };
    let behind = replica.lag_entries.filter(|lag| *lag > 0).map(|lag| format!("{lag} behind"));
    let notes: Vec<_> = learner.into_iter().chain(behind).collect();
    let place = format!("{}@{}", replica.id, replica.node);
    if notes.is_empty() { place } else { format!("{place} ({})", notes.join(", ")) }
}

fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// The two largest units that matter: `3d 4h`, `5m 6s`, `7s`.
pub(super) fn uptime(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m {}s", seconds % 60),
        (0, _, _) => format!("{hours}h {}m", minutes % 60),
        (_, _, _) => format!("{days}d {}h", hours % 24),
    }
}
