//! Opens the groups that the catalog places on this node.

use super::error::StartError;
use super::memory::MemoryShares;
use crate::config::NodeConfig;
use crate::data_dir::{DataDir, Identity};
use anabranch_catalog::{Group as GroupRow, Replica, ShardMap};
use anabranch_cluster::Writable;
use anabranch_consensus::{Group, GroupOptions, SnapshotOptions, Snapshots, Transport};
use anabranch_metadata::{CatalogMachine, MetadataError};
use anabranch_runtime::Env;
use anabranch_storage::{FilesError, HostParts, ReplicaFiles, founders};
use anabranch_store::{RocksHome, SharedOptions, SharedResources, StatePlace, Store, StoreHome, StoreOptions};
use anabranch_types::GroupId;
use anabranch_walog::Walog;
use futures::future::BoxFuture;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// How long the metadata group may take to apply again what it lost.
const READY_PATIENCE: Duration = Duration::from_secs(60);

/// Room of a flush beside its data: table indexes, the manifest, the engine's own log.
const GROUP_SLACK_BYTES: u64 = 4 << 20;
/// Rows of a catalog of 100,000 shards.
const CATALOG_ROOM_BYTES: u64 = 32 << 20;

/// Where groups keep their state, and what their stores share.
#[derive(Clone)]
pub(super) struct Stores {
    data_dir: PathBuf,
    options: StoreOptions,
    shared: Arc<SharedResources>,
    group_options: GroupOptions,
}

impl Stores {
    pub(super) fn new(config: &NodeConfig, directory: &DataDir, memory: &MemoryShares) -> Result<Self, StartError> {
        let bytes = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
        let shared = SharedOptions {
            block_cache_bytes: bytes(config.memory.block_cache_bytes),
            memtable_bytes_max: bytes(memory.memtable_bytes),
            ..SharedOptions::default()
        };
        // The rest is for what is in flight to disk meanwhile.
        let flush_after_bytes = bytes(memory.memtable_bytes / 8 * 5);
        Ok(Stores {
            data_dir: directory.path().to_owned(),
            options: StoreOptions { flush_after_bytes, ..StoreOptions::default() },
            shared: Arc::new(SharedResources::new(&shared).map_err(StartError::SharedStore)?),
            group_options: GroupOptions { in_flight: memory.in_flight.clone(), ..GroupOptions::default() },
        })
    }

    /// Of all groups, the catalog's too: they share what may be in flight.
    pub(super) fn group_options(&self) -> &GroupOptions {
        &self.group_options
    }

    /// What the disk must have left for flushing all that may be unflushed: the memtables and half
    /// as much for tables in the making, the engine's own files of each group, and the catalog.
    pub(super) fn flush_room_bytes(config: &NodeConfig) -> u64 {
        let memtables = config.memory.memtable_bytes;
        memtables + memtables / 2 + u64::from(config.groups) * GROUP_SLACK_BYTES + CATALOG_ROOM_BYTES
    }

    /// The same, for a node that others reach: entries are kept for followers, and snapshots travel.
    pub(super) fn connected(mut self, transport: Arc<dyn Transport>, env: &Env) -> Self {
        let snapshots = SnapshotOptions::in_dir(self.data_dir.join("groups"));
        self.group_options = GroupOptions {
            transport,
            kept_entries: GroupOptions::KEPT_ENTRIES,
            snapshots: Some(Snapshots::new(snapshots, env.clone())),
            ..self.group_options
        };
        self
    }

    pub(super) fn flush_after_bytes(&self) -> u64 {
        self.options.flush_after_bytes as u64
    }

    fn place(&self, group: GroupId) -> StatePlace {
        StatePlace::new(&self.data_dir.join("groups"), &format!("{:05}", group.0))
    }

    async fn open(&self, group: GroupId) -> Result<(Arc<dyn Store>, Arc<dyn StoreHome>), StartError> {
        let home = Arc::new(RocksHome::new(self.place(group), self.options.clone(), Arc::clone(&self.shared)));
        let opening = Arc::clone(&home);
        // The store makes its directory itself, and syncs the name of what it made.
        let opened = tokio::task::spawn_blocking(move || opening.open()).await?;
        Ok((opened.map_err(|source| StartError::Store { group, source })?, home))
    }
}

/// Refuses a directory that has made its cluster but whose log knows nothing of the catalog: making
/// the cluster once more would hide a loss (D8, D14).
pub(super) fn check_not_lost(log: &Walog, directory: &DataDir) -> Result<(), StartError> {
    let is_empty = log.group(GroupId::METADATA).state().last.is_none();
    if is_empty && directory.is_bootstrapped() {
        return Err(StartError::CatalogLost { dir: directory.path().to_owned() });
    }
    Ok(())
}

/// This node's replica of the catalog as it is on disk.
pub(super) async fn open_catalog(stores: &Stores, level: u16) -> Result<CatalogMachine, StartError> {
    let (store, home) = stores.open(GroupId::METADATA).await?;
    let machine = tokio::task::spawn_blocking(move || CatalogMachine::open(store, Some(home))).await??;
    Ok(machine.at_level(level))
}

/// Starts this node's replica of the metadata group. That of a new cluster's first node is a group
/// of its own and waited for; others may need nodes that are not there yet.
pub(super) async fn start_metadata_group(
    identity: &Identity,
    machine: CatalogMachine,
    log: &Walog,
    options: &GroupOptions,
) -> Result<Group<CatalogMachine>, StartError> {
    let replica = identity.metadata_replica;
    let start = async {
        let group = Group::start(GroupId::METADATA, replica, log.group(GroupId::METADATA), machine, options).await?;
        if identity.is_founder() {
            group.bootstrap(&[(replica, identity.node)]).await?;
        }
        if group.is_alone().await {
            group.wait_ready(READY_PATIENCE).await?;
        }
        Ok::<_, anabranch_consensus::StartError>(group)
    };
    Ok(start.await.map_err(MetadataError::from)?)
}

/// Where the data groups of this node keep their replicas.
pub(super) struct NodeFiles {
    pub stores: Stores,
    pub log: Walog,
    pub writable: Writable,
}

impl ReplicaFiles for NodeFiles {
    fn open(&self, group: &GroupRow, own: Replica, map: &ShardMap) -> BoxFuture<'_, Result<HostParts, FilesError>> {
        let (id, log) = (group.id, self.log.group(group.id));
        let founders = founders(group, own, map, &log);
        Box::pin(async move {
            let lost = |_| StartError::Lost { group: id, dir: self.stores.data_dir.clone() };
            let founders = founders.map_err(lost)?;
            let (store, home) = self.stores.open(id).await?;
            let (home, writable) = (Some(home), self.writable.clone());
            Ok(HostParts { group: id, founders, replica: own.id, log, store, home, writable })
        })
    }

    fn delete(&self, group: GroupId) -> BoxFuture<'_, Result<(), FilesError>> {
        let (place, snapshots) = (self.stores.place(group), self.stores.group_options.snapshots.clone());
        Box::pin(async move {
            // The log first: with its removal the catalog's word of it is on disk, so that a node that is
            // killed in between deletes the rest and does not try to start the replica.
            let (done, removed) = oneshot::channel();
            self.log.group(group).remove(Box::new(move |result| {
                // Nobody waits any more when the node stops; the removal is repeated.
                let _ = done.send(result);
            }));
            removed.await??;
            if let Some(snapshots) = snapshots {
                tokio::task::spawn_blocking(move || snapshots.remove(group)).await??;
            }
            tokio::task::spawn_blocking(move || place.remove()).await??;
            Ok(())
        })
    }
}
