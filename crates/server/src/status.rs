//! What a node tells about itself and its cluster: for `anabranch status` and `GET /status`, as
//! JSON or tables.
//!
//! Ids of 128 bits are texts, since JSON numbers are not wide enough.

mod table;
mod text;

pub use text::{comparisons_to_text, groups_to_text, nodes_to_text};

use serde::{Deserialize, Serialize};
use std::fmt;

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
    /// What is wanted of it.
    pub state: NodeState,
    /// What fails together with it; empty where nobody has said.
    pub zone: String,
    /// How many replicas it has; none where that is not known.
    pub replicas: Option<u32>,
    /// How many groups it leads; none where that is not known.
    pub leads: Option<u32>,
}

/// What is wanted of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NodeState {
    /// It takes its part: new replicas and leadership.
    Active,
    /// It leads no group and gets no new replicas, but keeps those that it has.
    Draining,
    /// Its replicas move to other nodes. With none left it may be stopped for good.
    Decommissioning,
    /// Its directory is gone: another one came under its address. Its replicas are replaced.
    Lost,
}

impl fmt::Display for NodeState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NodeState::Active => "active",
            NodeState::Draining => "draining",
            NodeState::Decommissioning => "decommissioning",
            NodeState::Lost => "lost",
        })
    }
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
    /// Whether it votes.
    pub state: ReplicaState,
    /// How many entries of the log it still has to get; none where that is not known.
    pub lag_entries: Option<u64>,
}

/// A replica's part in its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReplicaState {
    /// Commits need its vote.
    Voter,
    /// It is catching up and has no vote.
    Learner,
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
    /// One JSON document that ends with a line break.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("a status is numbers and texts");
        text.push('\n');
        text
    }
}

#[cfg(test)]
mod tests;
