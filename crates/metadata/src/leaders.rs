//! The leader controller: spreads leadership over the nodes, and moves it away from nodes that are to
//! stop. It keeps no state: what it sees now is all it needs.

use crate::metadata::MetadataService;
use crate::placement::{down_nodes, map_of};
use anabranch_catalog::{NodeState, ShardMap, leader_moves};
use anabranch_cluster::GroupReport;
use anabranch_types::{GroupId, NodeId};
use std::collections::BTreeMap;
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
    let leaders = leaders(service, &map).await;
    let down = down_nodes(service);
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

/// Who leads each data group: the claim of the newest term counts.
async fn leaders(service: &MetadataService, map: &ShardMap) -> BTreeMap<GroupId, NodeId> {
    let asked = map.nodes().filter_map(|node| Some((node.id, service.router.node(node.id)?)));
    let asked = asked.map(|(id, node)| async move {
        let told = tokio::time::timeout(REPORT_PATIENCE, node.report()).await;
        (id, told.ok().and_then(Result::ok).unwrap_or_default())
    });
    let mut newest: BTreeMap<GroupId, (u64, NodeId)> = BTreeMap::new();
    for (node, reports) in futures::future::join_all(asked).await {
        for report in reports.iter().filter(|report: &&GroupReport| report.leads()) {
            let known = newest.entry(report.group).or_insert((report.term, node));
            *known = (*known).max((report.term, node));
        }
    }
    newest.into_iter().map(|(group, (_, node))| (group, node)).collect()
}
