//! The leader controller: spreads leadership over the nodes, and moves it away from nodes that are to
//! stop. It keeps no state: what it sees now is all it needs.

use crate::metadata::MetadataService;
use crate::placement::{down_nodes, map_of};
use anabranch_catalog::{NodeState, ShardMap, leader_moves};
use anabranch_cluster::{collect_reports, leaders_of};
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
    if is_leaving(service, &map) {
        service.metadata.group.hand_over(HANDOVER_PATIENCE).await;
    }
}

/// Whether this node, which leads the catalog, is to stop leading.
fn is_leaving(service: &MetadataService, map: &ShardMap) -> bool {
    let status = service.metadata.group.status();
    let this = status.members.iter().find(|(id, _)| *id == status.replica).map(|(_, node)| *node);
    let state = this.and_then(|node| map.node(node)).map(|node| node.state);
    state.is_some_and(|state| state != NodeState::Active)
}
