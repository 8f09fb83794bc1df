//! What of a node outlives its process: its disk, and beside the simulated files who it is and what its
//! stores have flushed.

use crate::disk::SimulatedDisk;
use crate::history::digest;
use anabranch_catalog::{Group as GroupRow, Replica, ShardMap};
use anabranch_cluster::{StateHash, Writable};
use anabranch_consensus::AppliedState;
use anabranch_runtime::planted::{Bug, is_planted};
use anabranch_storage::{FilesError, HostParts, ReplicaFiles, founders};
use anabranch_store::{Direction, Family, HomeError, MemoryStore, Store, StoreHome};
use anabranch_types::{ClusterId, GroupId, Incarnation, NodeId, ReplicaId};
use anabranch_walog::Walog;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::oneshot;

/// Above the key of every row.
const ALL_ROWS: &[u8] = &[0xff; 16];

/// Who a directory is.
#[derive(Debug, Clone, Copy)]
pub struct Identity {
    pub cluster: ClusterId,
    pub node: NodeId,
    pub incarnation: Incarnation,
    pub metadata_replica: ReplicaId,
}

/// The data directory of a node. Clones are the same directory.
#[derive(Clone)]
pub struct Directory {
    pub disk: SimulatedDisk,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    incarnation: Option<Incarnation>,
    identity: Option<Identity>,
    stores: BTreeMap<GroupId, Arc<MemoryStore>>,
    lives: u64,
    /// Disks that were lost before this one.
    lost: u64,
}

impl Directory {
    pub fn new(disk: SimulatedDisk) -> Self {
        Directory { disk, state: Arc::default() }
    }

    /// A process begins on what is left, and may write; answers how many there were before it.
    pub fn begin_life(&self) -> u64 {
        self.disk.begin_life();
        let mut state = self.state.lock();
        state.stores.values_mut().for_each(|store| *store = Arc::new(store.crash()));
        state.lives += 1;
        state.lives - 1
    }

    /// The disk is gone, with all that was on it; an empty one is in its place.
    pub fn lose(&self) {
        self.disk.replace();
        let mut state = self.state.lock();
        let (lives, lost) = (state.lives, state.lost + 1);
        let is_reused = is_planted(Bug::ReusesReplica);
        let (identity, incarnation) = (state.identity.filter(|_| is_reused), state.incarnation.filter(|_| is_reused));
        *state = State { lives, lost, identity, incarnation, ..State::default() };
    }

    /// Which of a node's disks it is, from 0 on. Files of an earlier one are elsewhere.
    pub fn number(&self) -> u64 {
        self.state.lock().lost
    }

    /// Of this very directory, made when it is first asked for.
    pub fn incarnation(&self, make: impl FnOnce() -> u128) -> Incarnation {
        *self.state.lock().incarnation.get_or_insert_with(|| Incarnation(make()))
    }

    pub fn identity(&self) -> Option<Identity> {
        self.state.lock().identity
    }

    pub fn become_of(&self, identity: Identity) {
        self.state.lock().identity = Some(identity);
    }

    /// What the catalog's replica has stored: the newest entry that it applied, and a hash of all its rows.
    pub fn catalog(&self) -> Option<StateHash> {
        let store = self.state.lock().stores.get(&GroupId::METADATA).cloned()?;
        let applied = store.get(Family::Meta, AppliedState::ROW_KEY).ok()??;
        let applied = AppliedState::from_row(applied).ok()?.last?.index;
        let mut rows = Vec::new();
        let scanned = store.scan(Family::Meta, &[], ALL_ROWS, Direction::Ascending, &mut |key, value| {
            rows.extend_from_slice(&[key.len() as u8]);
            rows.extend_from_slice(key);
            rows.extend_from_slice(value);
            ControlFlow::Continue(())
        });
        scanned.ok()?;
        Some(StateHash { applied, hash: digest(&rows) })
    }

    /// The store of a group, a new one for a group that has none.
    pub fn store(&self, group: GroupId) -> (Arc<dyn Store>, Arc<dyn StoreHome>) {
        let store = Arc::clone(self.state.lock().stores.entry(group).or_default());
        (store, Arc::new(Home { directory: self.clone(), group, taken_in: Mutex::default() }))
    }
}

/// Where a group's store comes from.
struct Home {
    directory: Directory,
    group: GroupId,
    taken_in: Mutex<Option<Arc<MemoryStore>>>,
}

impl StoreHome for Home {
    fn take_in(&self, dir: &Path) -> Result<Arc<dyn Store>, HomeError> {
        let store = Arc::new(MemoryStore::from_checkpoint(dir)?);
        *self.taken_in.lock() = Some(Arc::clone(&store));
        Ok(store)
    }

    fn commit(&self) -> Result<(), HomeError> {
        if let Some(store) = self.taken_in.lock().take() {
            self.directory.state.lock().stores.insert(self.group, store);
        }
        Ok(())
    }
}

/// Where the data groups of a node keep their replicas.
pub struct NodeFiles {
    pub directory: Directory,
    pub log: Walog,
    pub writable: Writable,
}

impl ReplicaFiles for NodeFiles {
    fn open(&self, group: &GroupRow, own: Replica, map: &ShardMap) -> BoxFuture<'_, Result<HostParts, FilesError>> {
        let (id, log) = (group.id, self.log.group(group.id));
        let founders = founders(group, own, map, &log);
        Box::pin(async move {
            let founders = founders?;
            let (store, home) = self.directory.store(id);
            let (home, writable) = (Some(home), self.writable.clone());
            Ok(HostParts { group: id, founders, replica: own.id, log, store, home, writable })
        })
    }

    fn delete(&self, group: GroupId) -> BoxFuture<'_, Result<(), FilesError>> {
        Box::pin(async move {
            let (done, removed) = oneshot::channel();
            self.log.group(group).remove(Box::new(move |result| drop(done.send(result))));
            removed.await??;
            self.directory.state.lock().stores.remove(&group);
            Ok(())
        })
    }
}
