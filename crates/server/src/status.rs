//! What a node tells about itself and its cluster: for `anabranch status` and `GET /status`, as
//! JSON or tables.
//!
//! Ids of 128 bits are texts, since JSON numbers are not wide enough.

use serde::{Deserialize, Serialize};

mod table;

use table::Table;

/// The cluster, as one node sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeStatus {
    /// The program's version.
    pub version: String,
    /// The cluster's id, 32 hexadecimal digits.
    pub cluster: String,
    /// The number of the node that tells this.
    pub node: u64,
    /// Whether clients may be sent to it.
    pub ready: bool,
    /// Why not; empty when ready.
    pub reasons: Vec<String>,
    /// Seconds since it started.
    pub uptime_seconds: u64,
    /// Every node of the cluster, by number.
    pub nodes: Vec<NodeEntry>,
    /// The replication groups that have a replica on the telling node, by number.
    pub groups: Vec<GroupStatus>,
    /// Which group holds which shard.
    pub shards: Vec<ShardEntry>,
}

/// One node of the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeEntry {
    /// Its number.
    pub id: u64,
    /// Its process; known of the telling node only.
    pub pid: Option<u32>,
    /// Where clients reach it.
    pub addresses: Vec<String>,
}

/// One replication group, as the replica on the telling node sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupStatus {
    /// Its number; 0 is the catalog's.
    pub id: u32,
    /// Every replica and its node.
    pub replicas: Vec<ReplicaEntry>,
    /// The node that leads, where one is known.
    pub leader: Option<u64>,
    /// The present term.
    pub term: u64,
    /// The newest entry that is applied.
    pub applied: Option<u64>,
    /// Up to where the applied state is on disk; `flushed <= applied`.
    pub flushed: Option<u64>,
    /// Why the replica stopped, when it did.
    pub failure: Option<String>,
}

/// One replica of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplicaEntry {
    /// Its number, never used again.
    pub id: u64,
    /// The node it lives on.
    pub node: u64,
}

/// Where a shard lives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardEntry {
    /// The stream's name.
    pub stream: String,
    /// The shard's id.
    pub shard: String,
    /// The group that holds it.
    pub group: u32,
}

impl NodeStatus {
    /// Tables for people; shards are counted per group, not listed.
    pub fn to_text(&self) -> String {
        let state = if self.ready { "ready".to_owned() } else { format!("not ready ({})", self.reasons.join("; ")) };
        let mut nodes = Table::new(&["NODE", "PID", "ADDRESSES"]);
        for node in &self.nodes {
            let pid = node.pid.map_or_else(|| "-".to_owned(), |pid| pid.to_string());
            nodes.push(vec![node.id.to_string(), pid, node.addresses.join(" ")]);
        }
        let mut groups = Table::new(&["GROUP", "LEADER", "TERM", "APPLIED", "FLUSHED", "SHARDS", "REPLICAS", "STATE"]);
        for group in &self.groups {
            groups.push(group.row(self.shards.iter().filter(|shard| shard.group == group.id).count()));
        }
        let (version, up) = (&self.version, uptime(self.uptime_seconds));
        format!(
            "cluster {}\nnode {} is {state}, up {up}, version {version}\n\n{nodes}\n{groups}",
            self.cluster, self.node
        )
    }

    /// One JSON document that ends with a line break.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("a status is numbers and texts");
        text.push('\n');
        text
    }
}

impl GroupStatus {
    fn row(&self, shards: usize) -> Vec<String> {
        let number = |value: Option<u64>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
        let replicas: Vec<_> = self.replicas.iter().map(|replica| format!("{}@{}", replica.id, replica.node)).collect();
        vec![
            if self.id == 0 { "catalog".to_owned() } else { self.id.to_string() },
            number(self.leader),
            self.term.to_string(),
            number(self.applied),
            number(self.flushed),
            shards.to_string(),
            replicas.join(" "),
            self.failure.clone().unwrap_or_else(|| "running".to_owned()),
        ]
    }
}

/// The two largest units that matter: `3d 4h`, `5m 6s`, `7s`.
fn uptime(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m {}s", seconds % 60),
        (0, _, _) => format!("{hours}h {}m", minutes % 60),
        (_, _, _) => format!("{days}d {}h", hours % 24),
    }
}

#[cfg(test)]
mod tests;
