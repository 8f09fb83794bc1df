//! The reshard controller: carries out the splits and merges that the catalog records (D7).
//!
//! It works beside the leader of the metadata group, finds its work in the shard map and keeps nothing
//! that it needs: each step may be repeated, so that a new leader goes on where the last one stopped
//! (docs/adr/0010-resharding.md). What may be split is the catalog's to say, who waits meanwhile the
//! gateways'.

use crate::create_stream::create_in_groups;
use crate::metadata::MetadataService;
use crate::metrics;
use crate::propose::propose;
use anabranch_catalog::{
    AbortReshard, AbortReshardRefused, CommitReshard, CommitReshardRefused, ContinueScaling, ContinueScalingRefused,
    Ending, FinishScaling, FinishScalingRefused, Round, RoundStage, Scaling, SealParents, SealParentsRefused,
    StreamMap, StreamStatus, scaling_steps,
};
use anabranch_cluster::{NodeError, ReadStart, ShardKey};
use anabranch_types::{GroupId, RequestId, ShardId, StreamUid};
use futures::stream::{FuturesUnordered, StreamExt};
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

/// How often a replica looks whether it leads and has work; a change of the catalog tells it at once.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Streams that are resharded at the same time; others wait for their turn.
const STREAMS_AT_ONCE: usize = 16;
/// Steps of a round on the way to a target of UpdateShardCount, so that sealing their parents pauses
/// nobody for long.
const ROUND_STEPS_MAX: usize = 64;
/// How long a step looks for the leader of a group before it is begun anew.
const STEP_PATIENCE: Duration = Duration::from_secs(5);
/// Between a step that failed and its repetition.
const PAUSE: Duration = Duration::from_millis(500);
/// A round whose groups do not answer for so long is given up; no parent is sealed by then.
const PREPARATION_MAX: Duration = Duration::from_secs(30);

/// Carries out reshards while this replica leads, until the node stops.
pub(crate) async fn run(service: &MetadataService) {
    let metadata = &service.metadata;
    let stopping = metadata.env.tasks.stopping();
    let mut changes = metadata.view.changes();
    let mut under_way = FuturesUnordered::new();
    let mut busy: BTreeSet<StreamUid> = BTreeSet::new();
    loop {
        if metadata.group.is_leader() {
            let view = metadata.view.load();
            let waiting = view.map.streams().filter(|map| is_resharding(map)).map(|map| map.stream.uid);
            for uid in waiting {
                if busy.len() < STREAMS_AT_ONCE && busy.insert(uid) {
                    under_way.push(async move {
                        carry_out(service, uid).await;
                        uid
                    });
                }
            }
        }
        tokio::select! {
            () = stopping.cancelled() => return,
            Some(uid) = under_way.next() => drop(busy.remove(&uid)),
            () = metadata.env.sleep(LOOK_EVERY) => {}
            Ok(()) = changes.changed() => {}
        }
    }
}

fn is_resharding(map: &StreamMap) -> bool {
    let has_work = map.round().is_some() || map.scaling().is_some();
    has_work && map.stream.status == StreamStatus::Updating
}

/// Takes step after step until the stream is active, is deleted, or another replica leads.
async fn carry_out(service: &MetadataService, uid: StreamUid) {
    let metadata = &service.metadata;
    loop {
        let map = metadata.view.load().map.stream(uid).filter(|map| is_resharding(map)).cloned();
        let Some(map) = map.filter(|_| metadata.group.is_leader()) else { return };
        if let Err(error) = step(service, &map).await {
            tracing::warn!(stream = %map.stream.name, %error, "reshard waits: a step is tried again");
            metadata.env.sleep(PAUSE).await;
        }
    }
}

async fn step(service: &MetadataService, map: &StreamMap) -> Result<(), NodeError> {
    match (map.round(), map.scaling()) {
        (Some(round), _) => match round.stage {
            RoundStage::Preparing => prepare(service, map, round).await,
            RoundStage::Sealing => finish(service, map, round).await,
        },
        (None, Some(scaling)) => next_round(service, map, scaling).await,
        (None, None) => Ok(()),
    }
}

/// Makes the children known to their groups. Whoever comes after the recorded end of this step may seal.
async fn prepare(service: &MetadataService, map: &StreamMap, round: &Round) -> Result<(), NodeError> {
    let env = &service.metadata.env;
    let deadline = env.clock.monotonic() + STEP_PATIENCE;
    let created = create_in_groups(service, &map.stream, &round.children, deadline);
    if let Err(error) = futures::future::try_join(created, reach_parents(service, map, round, deadline)).await {
        let begun = round.children.first().map_or(env.now(), |child| child.opened);
        if env.now() <= begun.plus(PREPARATION_MAX) {
            return Err(error);
        }
        return give_up(service, map, round.request, &error.to_string()).await;
    }
    match propose(&service.metadata.group, &SealParents { uid: map.stream.uid, round: round.id }).await? {
        Ok(_) | Err(SealParentsRefused::NoStream { .. } | SealParentsRefused::NotUnderway { .. }) => Ok(()),
        Err(refused @ (SealParentsRefused::NotBootstrapped | SealParentsRefused::FeatureLevel { .. })) => {
            Err(unexpected(&refused))
        }
    }
}

/// Waits until the groups of the parents serve: a round is as slow as the slowest of them, and after
/// the first seal there is no way back.
async fn reach_parents(
    service: &MetadataService,
    map: &StreamMap,
    round: &Round,
    deadline: Duration,
) -> Result<(), NodeError> {
    let reached = by_group(map, round).into_iter().filter_map(|(group, shards)| {
        let shard = ShardKey { stream: map.stream.uid, shard: *shards.first()? };
        // The tip of a shard is told after a read barrier.
        let locate = move |node: Arc<dyn anabranch_cluster::StorageNode>| async move {
            node.locate(group, shard, ReadStart::Latest).await
        };
        Some(service.router.call(group, deadline, locate))
    });
    futures::future::try_join_all(reached).await.map(drop)
}

/// The round's parents by the group that holds them.
fn by_group(map: &StreamMap, round: &Round) -> BTreeMap<GroupId, Vec<ShardId>> {
    let mut groups: BTreeMap<GroupId, Vec<ShardId>> = BTreeMap::new();
    for shard in round.parents().into_iter().filter_map(|parent| map.shard(parent)) {
        groups.entry(shard.group).or_default().push(shard.id);
    }
    groups
}

/// Seals the parents and opens the children: what is put meanwhile waits in the gateways.
async fn finish(service: &MetadataService, map: &StreamMap, round: &Round) -> Result<(), NodeError> {
    let (env, uid) = (&service.metadata.env, map.stream.uid);
    let begun = env.clock.monotonic();
    let endings = seal(service, map, round, begun + STEP_PATIENCE).await?;
    let commit = CommitReshard { uid, round: round.id, endings, now: env.now() };
    match propose(&service.metadata.group, &commit).await? {
        Ok(_) => {
            let pause = env.clock.monotonic().saturating_sub(begun);
            metrics::round_committed(pause);
            let (closed, opened) = (round.parents().len(), round.children.len());
            tracing::info!(stream = %map.stream.name, closed, opened, ?pause, "shards are split or merged");
            Ok(())
        }
        Err(CommitReshardRefused::NoStream { .. } | CommitReshardRefused::NotUnderway { .. }) => Ok(()),
        Err(
            refused @ (CommitReshardRefused::NotBootstrapped
            | CommitReshardRefused::FeatureLevel { .. }
            | CommitReshardRefused::Preparing { .. }
            | CommitReshardRefused::Missing { .. }
            | CommitReshardRefused::NotAParent { .. }
            | CommitReshardRefused::Time { .. }),
        ) => Err(unexpected(&refused)),
    }
}

async fn seal(
    service: &MetadataService,
    map: &StreamMap,
    round: &Round,
    deadline: Duration,
) -> Result<Vec<Ending>, NodeError> {
    let uid = map.stream.uid;
    let seals = by_group(map, round).into_iter().map(|(group, shards)| {
        let shards: Arc<[ShardId]> = shards.into();
        service.router.call(group, deadline, move |node| {
            let shards = Arc::clone(&shards);
            async move { node.seal(group, uid, shards).await }
        })
    });
    Ok(futures::future::try_join_all(seals).await?.concat())
}

/// Begins the next round on the way to the target, or ends the scaling when none is left.
async fn next_round(service: &MetadataService, map: &StreamMap, scaling: Scaling) -> Result<(), NodeError> {
    let (group, uid, request) = (&service.metadata.group, map.stream.uid, scaling.request);
    let target = NonZeroU32::new(scaling.target).expect("the catalog takes no target of 0");
    let mut steps = scaling_steps(map.open_shards(), target);
    if steps.is_empty() {
        return match propose(group, &FinishScaling { uid, request }).await? {
            Ok(_) => {
                tracing::info!(stream = %map.stream.name, shards = scaling.target, "stream is scaled");
                Ok(())
            }
            Err(FinishScalingRefused::NoStream { .. } | FinishScalingRefused::NotUnderway { .. }) => Ok(()),
            // Another step was recorded since the map was read.
            Err(FinishScalingRefused::Round { .. } | FinishScalingRefused::NotThere { .. }) => Ok(()),
            Err(refused @ (FinishScalingRefused::NotBootstrapped | FinishScalingRefused::FeatureLevel { .. })) => {
                Err(unexpected(&refused))
            }
        };
    }
    steps.truncate(ROUND_STEPS_MAX);
    let next = ContinueScaling { uid, request, steps, now: service.metadata.env.now() };
    match propose(group, &next).await? {
        Ok(_) | Err(ContinueScalingRefused::NoStream { .. } | ContinueScalingRefused::NotUnderway { .. }) => Ok(()),
        Err(ContinueScalingRefused::Round { .. }) => Ok(()),
        Err(ContinueScalingRefused::Steps { reason }) => give_up(service, map, request, &reason.to_string()).await,
        Err(refused @ (ContinueScalingRefused::NotBootstrapped | ContinueScalingRefused::FeatureLevel { .. })) => {
            Err(unexpected(&refused))
        }
    }
}

/// Leaves the stream with the shards that it has.
async fn give_up(
    service: &MetadataService,
    map: &StreamMap,
    request: RequestId,
    reason: &str,
) -> Result<(), NodeError> {
    match propose(&service.metadata.group, &AbortReshard { uid: map.stream.uid, request }).await? {
        Ok(_) => {
            metrics::reshard_aborted();
            tracing::warn!(stream = %map.stream.name, request_id = %request, reason, "reshard is given up");
            Ok(())
        }
        // Over, or past the point of no return since the map was read.
        Err(
            AbortReshardRefused::NoStream { .. }
            | AbortReshardRefused::NotUnderway { .. }
            | AbortReshardRefused::Sealing { .. },
        ) => Ok(()),
        Err(refused @ (AbortReshardRefused::NotBootstrapped | AbortReshardRefused::FeatureLevel { .. })) => {
            Err(unexpected(&refused))
        }
    }
}

/// A refusal that a reshard under way does not get.
fn unexpected(refused: &impl ToString) -> NodeError {
    NodeError::Unknown { reason: refused.to_string() }
}
