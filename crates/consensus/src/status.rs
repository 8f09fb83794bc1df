//! What a replica tells of itself.

use crate::raft_types::RaftTypes;
use anabranch_types::{GroupId, NodeId, ReplicaId};
use openraft::{Instant, RaftMetrics, ServerState};
use std::time::Duration;

/// What a replica is in its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Takes proposals.
    Leader,
    /// Follows one.
    Follower,
    /// Stands for election.
    Candidate,
    /// Follows without a vote.
    Learner,
    /// Stopped.
    Stopped,
}

/// How far another replica has come, as its leader knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The other replica.
    pub replica: ReplicaId,
    /// Up to where its log on disk is the leader's; none before the first answer.
    pub matched_index: Option<u64>,
    /// Entries of the leader's log that it is not known to have.
    pub lag_entries: u64,
    /// How long ago it has answered the leader; none before its first answer.
    pub heard_ago: Option<Duration>,
}

/// A replica as it is at one moment.
#[derive(Debug, Clone)]
pub struct GroupStatus {
    /// The group.
    pub group: GroupId,
    /// This replica.
    pub replica: ReplicaId,
    /// What it is.
    pub role: Role,
    /// Who leads, as far as known.
    pub leader: Option<ReplicaId>,
    /// The newest term it knows.
    pub term: u64,
    /// The newest entry in its log.
    pub last_index: Option<u64>,
    /// The newest entry its machine shows; never above the committed one.
    pub applied_index: Option<u64>,
    /// Up to where its state is flushed; never above the applied index.
    pub flushed_index: Option<u64>,
    /// All replicas and the nodes they live on.
    pub members: Vec<(ReplicaId, NodeId)>,
    /// Those of `members` that vote.
    pub voters: Vec<ReplicaId>,
    /// Whether a majority has the membership that `members` and `voters` tell. Until then another
    /// leader may undo it.
    pub is_committed: bool,
    /// Whether a change of the voters has begun and is not completed: `voters` are then the old and
    /// the new ones.
    pub is_joint: bool,
    /// The others' progress while this replica leads; else empty.
    pub progress: Vec<Progress>,
    /// Why it stopped.
    pub failure: Option<String>,
}

impl GroupStatus {
    /// The node of a replica, as far as the membership tells.
    pub fn node_of(&self, replica: ReplicaId) -> Option<NodeId> {
        self.members.iter().find(|(id, _)| *id == replica).map(|(_, node)| *node)
    }

    /// The node that leads, as far as known.
    pub fn leader_node(&self) -> Option<NodeId> {
        self.node_of(self.leader?)
    }
}

impl GroupStatus {
    pub(crate) fn of(group: GroupId, replica: ReplicaId, metrics: &RaftMetrics<RaftTypes>) -> Self {
        let members = &metrics.membership_config;
        let others = metrics.replication.iter().flatten().filter(|(other, _)| **other != replica.0);
        let entries_up_to = |index: Option<u64>| index.map_or(0, |index| index + 1);
        GroupStatus {
            group,
            replica,
            role: match metrics.state {
                ServerState::Leader => Role::Leader,
                ServerState::Follower => Role::Follower,
                ServerState::Candidate => Role::Candidate,
                ServerState::Learner => Role::Learner,
                ServerState::Shutdown => Role::Stopped,
            },
            leader: metrics.current_leader.map(ReplicaId),
            term: metrics.current_term,
            last_index: metrics.last_log_index,
            applied_index: metrics.last_applied.map(|id| id.index),
            flushed_index: metrics.snapshot.map(|id| id.index),
            members: members.nodes().map(|(id, member)| (ReplicaId(*id), member.node)).collect(),
            voters: members.voter_ids().map(ReplicaId).collect(),
            is_committed: members.log_id() == metrics.committed_membership_config.log_id(),
            is_joint: members.membership().get_joint_config().len() > 1,
            progress: others
                .map(|(other, matched)| {
                    let matched_index = matched.map(|id| id.index);
                    let lag_entries =
                        entries_up_to(metrics.last_log_index).saturating_sub(entries_up_to(matched_index));
                    let heard = metrics.heartbeat.as_ref().and_then(|heard| heard.get(other).copied().flatten());
                    let heard_ago = heard.map(|heard| heard.elapsed());
                    Progress { replica: ReplicaId(*other), matched_index, lag_entries, heard_ago }
                })
                .collect(),
            failure: metrics.running_state.as_ref().err().map(ToString::to_string),
        }
    }
}
