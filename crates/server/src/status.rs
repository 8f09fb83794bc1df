//! What a node tells about itself and its groups: for `anabranch status`, as JSON or tables.
//!
//! Ids of 128 bits are texts, since JSON numbers are not wide enough.

use serde::{Deserialize, Serialize};

mod table;

use table::Table;

/// One node, as it sees itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeStatus {
    /// The program's version.
    pub version: String,
    /// The cluster's id, 32 hexadecimal digits.
    pub cluster_id: String,
    /// The node's number.
    pub node_id: u64,
    /// The directory's incarnation, 32 hexadecimal digits.
    pub incarnation: String,
    /// Whether clients may be sent here.
    pub ready: bool,
    /// Why not; empty when ready.
    pub reasons: Vec<String>,
    /// Seconds since the node started.
    pub uptime_seconds: u64,
    /// Streams of the catalog, as far as this node has applied it.
    pub streams: u64,
    /// Open shards of the catalog.
    pub open_shards: u64,
    /// The replication groups that have a replica here, by number.
    pub groups: Vec<GroupStatus>,
}

/// One replication group, as this node's replica sees it.
/// `applied_index <= committed_index <= last_index` on a leader.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupStatus {
    /// Its number; 0 is the catalog's.
    pub group_id: u32,
    /// What the replica here does.
    pub role: ReplicaRole,
    /// The node that leads, where one is known.
    pub leader_node_id: Option<u64>,
    /// The present term.
    pub term: u64,
    /// The last entry in the replica's log.
    pub last_index: u64,
    /// The last entry that is known to be committed.
    pub committed_index: u64,
    /// The last entry that is applied.
    pub applied_index: u64,
    /// Shards that the group hosts, sealed ones included.
    pub shards: u64,
    /// All replicas' nodes, in order.
    pub replica_node_ids: Vec<u64>,
}

/// What a replica does in its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReplicaRole {
    /// It orders the group's entries.
    Leader,
    /// It follows a leader and votes.
    Follower,
    /// It asks for votes.
    Candidate,
    /// It follows without a vote.
    Learner,
}

impl NodeStatus {
    /// Tables for people.
    pub fn to_text(&self) -> String {
        let state = if self.ready { "ready".to_owned() } else { format!("not ready ({})", self.reasons.join("; ")) };
        let mut node = Table::new(&["NODE", "VERSION", "UPTIME", "STREAMS", "OPEN SHARDS", "STATE"]);
        node.push(vec![
            self.node_id.to_string(),
            self.version.clone(),
            uptime(self.uptime_seconds),
            self.streams.to_string(),
            self.open_shards.to_string(),
            state,
        ]);
        let mut groups =
            Table::new(&["GROUP", "ROLE", "LEADER", "TERM", "LAST", "COMMITTED", "APPLIED", "SHARDS", "REPLICAS"]);
        for group in &self.groups {
            groups.push(group.row());
        }
        format!("cluster {}\n\n{node}\n{groups}", self.cluster_id)
    }

    /// One JSON document that ends with a line break.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("a status is numbers and texts");
        text.push('\n');
        text
    }
}

impl GroupStatus {
    fn row(&self) -> Vec<String> {
        let replicas: Vec<_> = self.replica_node_ids.iter().map(u64::to_string).collect();
        vec![
            if self.group_id == 0 { "catalog".to_owned() } else { self.group_id.to_string() },
            self.role.as_str().to_owned(),
            self.leader_node_id.map_or_else(|| "none".to_owned(), |node| node.to_string()),
            self.term.to_string(),
            self.last_index.to_string(),
            self.committed_index.to_string(),
            self.applied_index.to_string(),
            self.shards.to_string(),
            replicas.join(","),
        ]
    }
}

impl ReplicaRole {
    fn as_str(self) -> &'static str {
        match self {
            ReplicaRole::Leader => "leader",
            ReplicaRole::Follower => "follower",
            ReplicaRole::Candidate => "candidate",
            ReplicaRole::Learner => "learner",
        }
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
