//! The leader controller: spreads leadership over the nodes, and moves it away from nodes that are to
//! stop. It keeps no state: what it sees now is all it needs.

use crate::metadata::MetadataService;
use crate::placement::{down_nodes, map_of};
use anabranch_catalog::{NodeState, leader_moves};
use anabranch_cluster::{collect_reports, leaders_of};
use anabranch_consensus::GroupStatus;
use anabranch_types::{NodeId, ReplicaId};
use std::collections::BTreeSet;
use std::time::Duration;

/// How often leadership is looked at: a drained node's leaders are to leave soon.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How long one node may take to tell about its replicas.
const REPORT_PATIENCE: Duration = Duration::from_secs(1);
/// How long a handover may take, the catalog's own included.
const HANDOVER_PATIENCE: Duration = Duration::from_secs(2);

/// Balances while this replica leads, until the node stops.
pub(crate) async fn run(service: &MetadataService) {
    let metadata = &service.metadata;
    let stopping = metadata.env.tasks.stopping();
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            () = metadata.env.sleep(LOOK_EVERY) => {}
        }
        if metadata.group.is_leader() {
            tokio::select! {
                () = stopping.cancelled() => return,
                () = balance(service) => {}
            }
        }
    }
}

async fn balance(service: &MetadataService) {
    let map = map_of(service);
    let reports = collect_reports(&service.router, &map, REPORT_PATIENCE).await;
    let leaders = leaders_of(&reports).into_iter().map(|(group, (node, _))| (group, node)).collect();
    let mut down = down_nodes(service);
    // One that is being restarted is not down for long enough to be called so. Who hands over to it leaves
    // the group without a leader until the next election.
    down.extend(map.nodes().map(|node| node.id).filter(|node| !reports.contains_key(node)));
    for step in leader_moves(&map, &leaders, &down) {
        let Some(node) = leaders.get(&step.group).and_then(|leader| service.router.node(*leader)) else { continue };
        match tokio::time::timeout(HANDOVER_PATIENCE, node.transfer_leader(step.group, step.to)).await {
            Ok(Ok(())) => tracing::info!(group = %step.group, to = %step.to, "leadership moved"),
            Ok(Err(error)) => tracing::info!(group = %step.group, to = %step.to, %error, "leadership stays"),
            Err(_) => tracing::info!(group = %step.group, to = %step.to, "leadership did not move in time"),
        }
    }
    let group = &service.metadata.group;
    let state_of = |node| map.node(node).map(|node| node.state);
    let Some(to) = heir(&group.status(), state_of, &down) else { return };
    match group.transfer_leader(to, HANDOVER_PATIENCE).await {
        Ok(()) => tracing::info!(group = %group.id(), %to, "leadership handed over"),
        Err(error) => tracing::info!(group = %group.id(), %to, %error, "leadership stays"),
    }
}

/// Who is to lead the catalog when the node that does is to stop leading. Nobody when no voter is on a
/// node that leads on: two that are both to go would hand over to each other for ever, and neither would
/// lead for long enough to have its replicas moved.
fn heir(
    status: &GroupStatus,
    state_of: impl Fn(NodeId) -> Option<NodeState>,
    down: &BTreeSet<NodeId>,
) -> Option<ReplicaId> {
    let own = status.node_of(status.replica).and_then(&state_of)?;
    if own == NodeState::Active {
        return None;
    }
    let leads_on = |node: NodeId| state_of(node) == Some(NodeState::Active) && !down.contains(&node);
    let lag = |id: ReplicaId| status.progress.iter().find(|other| other.replica == id).map(|other| other.lag_entries);
    let others = status.voters.iter().copied().filter(|id| *id != status.replica);
    others.filter(|id| status.node_of(*id).is_some_and(leads_on)).min_by_key(|id| lag(*id).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
