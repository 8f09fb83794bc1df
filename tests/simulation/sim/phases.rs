//! What clients do in each phase of a run.

use crate::client::{ANSWER_PATIENCE, World};
use crate::verdict::Shards;
use anabranch_cluster::{StateHash, StorageNode};
use anabranch_types::{GroupId, HashKeyRange, ShardId};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;

const READERS: usize = 2;
/// The one who writes to every shard at the end.
const LAST_PRODUCER: usize = 1_000;
/// Replicas of a healed cluster have applied the same soon; what hashes are compared at is looked for
/// so often.
const HASH_ROUNDS: usize = 100;
const PAUSE: Duration = Duration::from_millis(100);

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Nodes join.
    Growing,
    /// Things go wrong.
    Safety,
    /// Nothing does any more.
    Healed,
    /// Every group is led.
    Converged,
}

/// How far the clients are.
#[derive(Default)]
pub struct Progress {
    /// The stream takes records.
    pub serves: bool,
    /// Nobody writes any more.
    pub is_quiet: bool,
    /// What is in it at the end.
    pub shards: Option<Shards>,
    /// Replicas that differ at the same applied entry.
    pub differing: Vec<String>,
}

/// All clients of a run, from its beginning to its end.
pub async fn play(world: World, mut phase: watch::Receiver<Phase>, progress: Arc<Mutex<Progress>>) {
    reach(&mut phase, Phase::Safety).await;
    world.create_stream().await;
    progress.lock().serves = true;
    let stop = Arc::new(AtomicBool::new(false));
    let mut clients = JoinSet::new();
    for producer in 0..world.plan.producers {
        clients.spawn_local(world.clone().produce(producer, Arc::clone(&stop)));
    }
    for reader in 0..READERS {
        clients.spawn_local(world.clone().follow(reader, Arc::clone(&stop)));
    }
    reach(&mut phase, Phase::Healed).await;
    stop.store(true, Ordering::Relaxed);
    while let Some(ended) = clients.join_next().await {
        ended.expect("a client does not panic");
    }
    progress.lock().is_quiet = true;
    reach(&mut phase, Phase::Converged).await;
    world.write_to_every_shard().await;
    let mut shards = Shards::new();
    for shard in (0..world.plan.shards).map(ShardId) {
        shards.insert(shard, world.scan(shard).await);
    }
    let differing = world.compare_replicas().await;
    let mut progress = progress.lock();
    (progress.differing, progress.shards) = (differing, Some(shards));
}

async fn reach(phase: &mut watch::Receiver<Phase>, wanted: Phase) {
    // A run that is dropped drops its clients too.
    drop(phase.wait_for(|phase| *phase >= wanted).await);
}

impl World {
    /// Until each has acknowledged one more record.
    async fn write_to_every_shard(&self) {
        let mut rng = self.plan.random_for("last writes");
        let count = NonZeroU32::new(self.plan.shards).expect("one at least");
        for (nth, range) in HashKeyRange::tiles(count).into_iter().enumerate() {
            for attempt in 0.. {
                let record = ("last".to_owned(), format!("last-{nth}-{attempt}-"));
                if self.put(&mut rng, LAST_PRODUCER + nth, vec![record], Some(range.start())).await {
                    break;
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    /// I9: waits until the replicas of every group have applied the same, and compares them.
    async fn compare_replicas(&self) -> Vec<String> {
        let mut differing = Vec::new();
        for group in self.groups().await {
            let mut compared = false;
            for _ in 0..HASH_ROUNDS {
                let hashes = self.hashes(group).await;
                let mut by_applied: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
                hashes.iter().for_each(|hash| by_applied.entry(hash.applied).or_default().push(hash.hash));
                for (applied, hashes) in &by_applied {
                    if hashes.iter().any(|hash| *hash != hashes[0]) {
                        differing.push(format!("I9: replicas of group {group} differ at {applied}: {hashes:x?}"));
                    }
                }
                compared = by_applied.len() == 1 && hashes.len() >= 3;
                if compared {
                    break;
                }
                tokio::time::sleep(PAUSE).await;
            }
            if !compared {
                differing.push(format!("I9: replicas of group {group} never came to the same entry"));
            }
        }
        differing
    }

    async fn groups(&self) -> Vec<GroupId> {
        for door in self.doors.iter().cycle() {
            let groups = door.call(ANSWER_PATIENCE, |serving| async move {
                let view = serving.metadata.view().load();
                view.map.groups().map(|group| group.id).filter(|id| *id != GroupId::METADATA).collect()
            });
            if let Ok(groups) = groups.await {
                return groups;
            }
            tokio::time::sleep(PAUSE).await;
        }
        Vec::new()
    }

    async fn hashes(&self, group: GroupId) -> Vec<StateHash> {
        let mut hashes = Vec::new();
        for door in &self.doors {
            let hash =
                door.call(ANSWER_PATIENCE, move |serving| async move { serving.storage.state_hash(group).await });
            hashes.extend(hash.await.ok().and_then(Result::ok));
        }
        hashes
    }
}
