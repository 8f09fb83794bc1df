//! The placement controller: asks the planner what is to be done next and records it.
//!
//! The leaders of the groups and the nodes carry it out and report; the catalog holds all state, so
//! that a new leader goes on where the last one stopped (D11).

use crate::metadata::MetadataService;
use crate::propose::propose;
use anabranch_catalog::{
    AddReplica, CommandKind, CreateGroup, PlacementOptions, PromoteReplica, RemoveNode, RemoveReplica, ShardMap, Step,
    plan,
};
use anabranch_cluster::NodeError;
use anabranch_types::{NodeId, ReplicaId};
use std::collections::BTreeSet;
use std::time::Duration;

/// How often there may be something to do that no change of the catalog tells of.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A node that has not answered the catalog's leader for so long gets no new replicas.
const DOWN_AFTER: Duration = Duration::from_secs(5);

/// Places replicas while this replica leads, until the node stops.
pub(crate) async fn run(service: &MetadataService) {
    let metadata = &service.metadata;
    let stopping = metadata.env.tasks.stopping();
    let mut changes = metadata.view.changes();
    let mut led_since: Option<Duration> = None;
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            () = metadata.env.sleep(LOOK_EVERY) => {}
            Ok(()) = changes.changed() => {}
        }
        let now = metadata.env.clock.monotonic();
        if !metadata.group.is_leader() {
            led_since = None;
            continue;
        }
        // A new leader has not heard of anybody yet, and would take all for down.
        if now < *led_since.get_or_insert(now) + DOWN_AFTER {
            continue;
        }
        let view = metadata.view.load();
        let makes_groups = view.feature_level >= CommandKind::CreateGroup.level();
        let groups_per_node = if makes_groups { PlacementOptions::default().groups_per_node } else { 0 };
        let options = PlacementOptions { groups_per_node, ..PlacementOptions::default() };
        for step in plan(&view.map, &options, &down_nodes(service)) {
            let recorded = tokio::select! {
                () = stopping.cancelled() => return,
                recorded = record(service, &step) => recorded,
            };
            match recorded {
                Ok(None) => tracing::info!(?step, "placement step recorded"),
                Ok(Some(refused)) => tracing::debug!(?step, refused, "placement step refused"),
                Err(error) => {
                    tracing::warn!(?step, %error, "placement step not recorded");
                    break;
                }
            }
        }
    }
}

/// The nodes that the leader of the catalog has not heard of lately; every node has a replica of it.
pub(crate) fn down_nodes(service: &MetadataService) -> BTreeSet<NodeId> {
    let status = service.metadata.group.status();
    let node_of = |id: ReplicaId| status.members.iter().find(|(known, _)| *known == id).map(|(_, node)| *node);
    let silent = status.progress.iter().filter(|other| other.heard_ago.is_none_or(|ago| ago > DOWN_AFTER));
    silent.filter_map(|other| node_of(other.replica)).collect()
}

/// None when the catalog has taken the step, else why it refused: the plan was made on an older map.
async fn record(service: &MetadataService, step: &Step) -> Result<Option<String>, NodeError> {
    let group = &service.metadata.group;
    fn refused<T, E: ToString>(outcome: Result<T, E>) -> Option<String> {
        outcome.err().map(|refused| refused.to_string())
    }
    Ok(match *step {
        Step::AddReplica { group: of, node } => refused(propose(group, &AddReplica { group: of, node }).await?),
        Step::PromoteReplica { group: of, replica } => {
            refused(propose(group, &PromoteReplica { group: of, replica }).await?)
        }
        Step::RemoveReplica { group: of, replica } => {
            refused(propose(group, &RemoveReplica { group: of, replica }).await?)
        }
        Step::RemoveNode { node } => refused(propose(group, &RemoveNode { node }).await?),
        Step::CreateGroup { node, known } => refused(propose(group, &CreateGroup { node, known }).await?),
    })
}

/// The map, for those that plan.
pub(crate) fn map_of(service: &MetadataService) -> std::sync::Arc<ShardMap> {
    std::sync::Arc::clone(&service.metadata.view.load().map)
}
