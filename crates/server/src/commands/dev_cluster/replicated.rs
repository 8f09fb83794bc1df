//! A new cluster is ready when its groups have their replicas: before, a record lies on one disk only.

use super::child::Event;
use super::found::ask_for_status;
use super::node::NodePlan;
use crate::status::{NodeStatus, ReplicaState};
use anabranch_runtime::{Env, OnFailure};
use std::time::Duration;
use tokio::sync::mpsc;

/// How often the first node is asked.
const ASK_EVERY: Duration = Duration::from_millis(250);
/// Voters of a group on three nodes or more; fewer nodes leave it at one (docs/adr/0007-membership.md).
const VOTERS: usize = 3;

/// Tells by `events` once every group that the first node of `nodes` knows has its voters.
pub(super) fn watch(first: &NodePlan, nodes: usize, events: &mpsc::Sender<Event>, env: &Env) {
    let (first, events, env_of_task) = (first.clone(), events.clone(), env.clone());
    let voters = if nodes < VOTERS { 1 } else { VOTERS };
    env.tasks.spawn("replicas", OnFailure::Log, async move {
        loop {
            if ask_for_status(&first).await.is_ok_and(|status| is_replicated(&status, voters)) {
                // Nobody listens any more when the parent ends.
                let _told = events.send(Event::Replicated).await;
                return;
            }
            env_of_task.sleep(ASK_EVERY).await;
        }
    });
}

fn is_replicated(status: &NodeStatus, voters: usize) -> bool {
    let has = |replicas: &[crate::status::ReplicaEntry]| {
        replicas.iter().filter(|replica| replica.state == ReplicaState::Voter).count() >= voters
    };
    !status.groups.is_empty() && status.groups.iter().all(|group| has(&group.replicas))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::{GroupStatus, ReplicaEntry};

    fn status(groups: &[&[ReplicaState]]) -> NodeStatus {
        let replica = |state: &ReplicaState| ReplicaEntry { id: 1, node: 1, state: *state, lag_entries: None };
        let group = |replicas: &&[ReplicaState]| GroupStatus {
            id: 1,
            replicas: replicas.iter().map(replica).collect(),
            leader: None,
            term: 1,
            applied: None,
            flushed: None,
            failure: None,
        };
        NodeStatus {
            version: String::new(),
            cluster: String::new(),
            node: 1,
            ready: true,
            reasons: Vec::new(),
            uptime_seconds: 0,
            nodes: Vec::new(),
            groups: groups.iter().map(group).collect(),
            shards: Vec::new(),
        }
    }

    #[test]
    fn a_cluster_is_replicated_when_every_group_has_its_voters() {
        use ReplicaState::{Learner, Voter};
        assert!(!is_replicated(&status(&[]), 1), "nothing is known yet");
        assert!(is_replicated(&status(&[&[Voter], &[Voter, Learner]]), 1));
        assert!(!is_replicated(&status(&[&[Voter, Voter, Voter], &[Voter, Voter, Learner]]), 3));
        assert!(is_replicated(&status(&[&[Voter, Voter, Voter], &[Voter, Voter, Voter, Learner]]), 3));
    }
}
