//! What operators ask of this node, which asks the catalog.

use super::report::{group_status, node_entry};
use crate::operations::{
    AppliedState, COMPARE_MAX, Comparison, OperationError, OperationFuture, Operations, ReplicaMove,
};
use crate::status::{GroupStatus, NodeEntry, NodeState, ReplicaEntry, ReplicaState};
use anabranch_catalog::{
    AddReplica, AddReplicaRefused, Group, RemoveReplica, ReplicaState as ReplicaPlace, SetNodeState,
};
use anabranch_cluster::{
    GroupReport, MetadataRouter, NodeError, Router, StateHash, ViewWatch, collect_reports, leaders_of, propose,
};
use anabranch_metadata::Metadata;
use anabranch_runtime::{Env, OnFailure};
use anabranch_types::{GroupId, NodeId, ReplicaId};
use std::collections::BTreeSet;
use std::time::Duration;

/// How long one node may take to tell about its replicas.
const REPORT_PATIENCE: Duration = Duration::from_secs(1);
/// How often replicas of a busy group are looked at to be seen at the same entry.
const COMPARE_LOOKS: u32 = 20;
/// Between two looks.
const COMPARE_PAUSE: Duration = Duration::from_millis(100);
/// Whoever asks waits for as long as this may take.
const _: () = assert!(
    (REPORT_PATIENCE.as_millis() + COMPARE_PAUSE.as_millis()) * COMPARE_LOOKS as u128 <= COMPARE_MAX.as_millis(),
);
/// How long a replica that is to move may take to catch up before the rest of the move is left to
/// another call.
const MOVE_PATIENCE: Duration = Duration::from_secs(3600);

/// Carries out operations through the catalog.
#[derive(Clone)]
pub(super) struct NodeOperations {
    pub view: ViewWatch,
    pub router: Router,
    pub metadata: MetadataRouter,
    pub own_metadata: Metadata,
    pub env: Env,
}

impl Operations for NodeOperations {
    fn nodes(&self) -> OperationFuture<'_, Vec<NodeEntry>> {
        Box::pin(async move {
            let map = &self.view.load().map;
            let reports = collect_reports(&self.router, map, REPORT_PATIENCE).await;
            let leaders = leaders_of(&reports);
            let leads = |node: NodeId| leaders.values().filter(|(leader, _)| *leader == node).count();
            // Of a node that does not answer, nobody knows what it leads; if all others led, it leads nothing.
            let all_known = leaders.len() + 1 == map.groups().count();
            let entry = |node: &anabranch_catalog::Node| {
                let known = all_known || reports.contains_key(&node.id);
                let leads = known.then(|| u32::try_from(leads(node.id)).ok()).flatten();
                NodeEntry { leads, ..node_entry(node, map) }
            };
            Ok(map.nodes().map(entry).collect())
        })
    }

    fn set_node_state(&self, node: NodeId, state: NodeState) -> OperationFuture<'_, ()> {
        Box::pin(async move {
            let state = match state {
                NodeState::Active => anabranch_catalog::NodeState::Active,
                NodeState::Draining => anabranch_catalog::NodeState::Draining,
                NodeState::Decommissioning => anabranch_catalog::NodeState::Decommissioning,
                NodeState::Lost => {
                    return Err(OperationError::Refused("a node is lost when another takes its address".to_owned()));
                }
            };
            let known = self.view.load().map.node(node).map(|node| node.incarnation);
            let incarnation = known.ok_or_else(|| OperationError::NotFound(format!("node {node}")))?;
            let asked = propose(&self.metadata, &SetNodeState { node, incarnation, state }).await;
            asked.map_err(unavailable)?.map(drop).map_err(|refused| OperationError::Refused(refused.to_string()))
        })
    }

    fn groups(&self) -> OperationFuture<'_, Vec<GroupStatus>> {
        Box::pin(async move {
            let map = &self.view.load().map;
            let mut reports = collect_reports(&self.router, map, REPORT_PATIENCE).await;
            // The catalog's group is nobody's data group.
            reports.entry(NodeId(0)).or_default().push(self.own_metadata.report());
            let leaders = leaders_of(&reports);
            let any = |id: GroupId| reports.values().flatten().find(|report| report.group == id);
            let status =
                |group: &Group| match leaders.get(&group.id).map(|(_, report)| *report).or_else(|| any(group.id)) {
                    Some(report) => group_status(GroupReport::clone(report)),
                    None => unknown(group),
                };
            Ok(map.groups().map(status).collect())
        })
    }

    fn compare(&self) -> OperationFuture<'_, Vec<Comparison>> {
        Box::pin(async move {
            let view = self.view.load();
            let rows = view.map.groups().filter(|group| group.id != GroupId::METADATA);
            Ok(futures::future::join_all(rows.map(|row| self.compare_group(row))).await)
        })
    }

    fn move_replica(&self, replica: ReplicaMove) -> OperationFuture<'_, ()> {
        Box::pin(async move {
            let ReplicaMove { group, from, to } = replica;
            let view = self.view.load();
            let row = view.map.group(group).filter(|row| row.id != GroupId::METADATA);
            let row = row.ok_or_else(|| OperationError::NotFound(format!("data group {group}")))?;
            let old = row.replica_on(from).map(|replica| replica.id);
            let old =
                old.ok_or_else(|| OperationError::NotFound(format!("replica of group {group} on node {from}")))?;
            let new = match propose(&self.metadata, &AddReplica { group, node: to }).await.map_err(unavailable)? {
                Ok(added) => added.replica,
                // Asked before, or begun by the planner. A member that is there already is no move: the
                // group would only lose a copy.
                Err(AddReplicaRefused::AlreadyThere { replica, state: ReplicaPlace::Joining, .. }) => replica,
                Err(refused) => return Err(OperationError::Refused(refused.to_string())),
            };
            tracing::info!(%group, %from, %to, replica = %new, "replica is moving");
            let (operations, stopping) = (self.clone(), self.env.tasks.stopping());
            self.env.tasks.spawn("move_replica", OnFailure::Log, async move {
                tokio::select! {
                    () = stopping.cancelled() => {}
                    () = operations.finish_move(group, old, new) => {}
                }
            });
            Ok(())
        })
    }
}

impl NodeOperations {
    /// Looks until all replicas were seen at the same entry, or [`COMPARE_LOOKS`] times.
    async fn compare_group(&self, row: &Group) -> Comparison {
        let voters: Vec<NodeId> = row.members().map(|member| member.node).collect();
        let mut replicas = Vec::new();
        for _ in 0..COMPARE_LOOKS {
            let asked = voters.iter().filter_map(|node| Some((*node, self.router.node(*node)?)));
            let asked = asked.map(|(node, role)| async move {
                let told = tokio::time::timeout(REPORT_PATIENCE, role.state_hash(row.id)).await;
                told.ok().and_then(Result::ok).map(|state| (node, state))
            });
            let states: Vec<_> = futures::future::join_all(asked).await.into_iter().flatten().collect();
            replicas = states.iter().map(|(node, state)| applied_state(*node, *state)).collect();
            let entries: BTreeSet<u64> = states.iter().map(|(_, state)| state.applied).collect();
            if states.len() == voters.len() && entries.len() == 1 {
                let hashes: BTreeSet<u64> = states.iter().map(|(_, state)| state.hash).collect();
                return Comparison { group: row.id.0, replicas, agree: Some(hashes.len() == 1) };
            }
            self.env.sleep(COMPARE_PAUSE).await;
        }
        Comparison { group: row.id.0, replicas, agree: None }
    }

    /// Takes the old replica out once the new one votes.
    async fn finish_move(&self, group: GroupId, old: ReplicaId, new: ReplicaId) {
        let votes = self.view.wait(|view| {
            let replica = view.map.group(group).and_then(|row| row.replica(new));
            replica.is_none_or(|replica| replica.state == ReplicaPlace::Member)
        });
        let Ok(view) = tokio::time::timeout(MOVE_PATIENCE, votes).await else {
            tracing::warn!(%group, replica = %new, "a replica that is to move does not catch up");
            return;
        };
        if view.map.group(group).and_then(|row| row.replica(new)).is_none() {
            tracing::warn!(%group, replica = %new, "a replica that was to move was given up");
            return;
        }
        match propose(&self.metadata, &RemoveReplica { group, replica: old }).await {
            Ok(Ok(_)) => tracing::info!(%group, replica = %old, "the old replica of a move leaves"),
            Ok(Err(refused)) => tracing::warn!(%group, replica = %old, %refused, "the old replica of a move stays"),
            Err(error) => tracing::warn!(%group, replica = %old, %error, "the old replica of a move stays"),
        }
    }
}

fn applied_state(node: NodeId, state: StateHash) -> AppliedState {
    AppliedState { node: node.0, applied: state.applied, hash: format!("{:016x}", state.hash) }
}

fn unavailable(error: NodeError) -> OperationError {
    OperationError::Unavailable(error.to_string())
}

/// Of a group that nobody tells of, what the catalog says.
fn unknown(group: &Group) -> GroupStatus {
    let entry = |replica: &anabranch_catalog::Replica| ReplicaEntry {
        id: replica.id.0,
        node: replica.node.0,
        state: if replica.state.may_vote() { ReplicaState::Voter } else { ReplicaState::Learner },
        lag_entries: None,
    };
    GroupStatus {
        id: group.id.0,
        replicas: group.replicas.iter().map(entry).collect(),
        leader: None,
        term: 0,
        applied: None,
        flushed: None,
        failure: Some("no replica of it answers".to_owned()),
    }
}
