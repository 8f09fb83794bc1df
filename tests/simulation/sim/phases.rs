//! What clients do in each phase of a run.

use crate::client::{ANSWER_PATIENCE, World};
use crate::operator::Wishes;
use anabranch_catalog::StreamMap;
use anabranch_checker::Event;
use anabranch_cluster::{StateHash, StorageNode};
use anabranch_types::GroupId;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;

const READERS: usize = 2;
/// Those who write once more to every shard at the end.
const FIRST_OF_LAST_PRODUCERS: usize = 1_000;
/// Those who read everything once more.
const FIRST_OF_LAST_READERS: usize = 1_000;
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
    /// All of it was read once more, and every group's replicas came to the same entry.
    pub is_done: bool,
}

/// All clients of a run, from its beginning to its end.
pub async fn play(world: World, wishes: Wishes, mut phase: watch::Receiver<Phase>, progress: Arc<Mutex<Progress>>) {
    reach(&mut phase, Phase::Safety).await;
    world.create_stream().await;
    progress.lock().serves = true;
    // It ends with the run.
    drop(tokio::task::spawn_local(world.clone().operate(wishes)));
    let stop = Arc::new(AtomicBool::new(false));
    let mut clients = JoinSet::new();
    for producer in 0..world.plan.producers {
        clients.spawn_local(world.clone().produce(producer, Arc::clone(&stop)));
    }
    for reader in 0..READERS {
        clients.spawn_local(world.clone().follow(reader, Arc::clone(&stop)));
    }
    if world.plan.reshards {
        clients.spawn_local(world.clone().reshard(Arc::clone(&stop)));
    }
    reach(&mut phase, Phase::Healed).await;
    stop.store(true, Ordering::Relaxed);
    while let Some(ended) = clients.join_next().await {
        ended.expect("a client does not panic");
    }
    progress.lock().is_quiet = true;
    reach(&mut phase, Phase::Converged).await;
    let map = world.settled_stream().await;
    world.write_to_every_shard(&map).await;
    let shards = world.tell_shards(&map);
    world.history.tell(Event::Final);
    for shard in shards {
        world.scan(FIRST_OF_LAST_READERS + shard.0 as usize, shard).await;
    }
    world.wait_for_equal_replicas().await;
    progress.lock().is_done = true;
}

async fn reach(phase: &mut watch::Receiver<Phase>, wanted: Phase) {
    // A run that is dropped drops its clients too.
    drop(phase.wait_for(|phase| *phase >= wanted).await);
}

impl World {
    /// Until each has acknowledged one more record.
    async fn write_to_every_shard(&self, map: &StreamMap) {
        let mut rng = self.plan.random_for("last writes");
        for (nth, shard) in map.open_shards().enumerate() {
            let (producer, key) = (FIRST_OF_LAST_PRODUCERS + nth, "last".to_owned());
            while !self.put(&mut rng, producer, vec![key.clone()], Some(shard.range.start())).await {
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    /// I9: waits until the replicas of every group have applied the same, and tells their hashes.
    async fn wait_for_equal_replicas(&self) {
        for group in self.groups().await {
            loop {
                let hashes = self.hashes(group).await;
                for StateHash { applied, hash } in &hashes {
                    self.history.tell(Event::Replica { group: group.0, applied: *applied, hash: *hash });
                }
                if hashes.len() >= 3 && hashes.iter().all(|hash| hash.applied == hashes[0].applied) {
                    break;
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
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
