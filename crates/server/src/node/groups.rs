//! Opens the groups that the catalog places on this node.

use super::error::StartError;
use crate::config::NodeConfig;
use crate::data_dir::DataDir;
use anabranch_catalog::{Catalog, ShardMap};
use anabranch_cluster::{ViewWatch, Writable};
use anabranch_consensus::{Group, GroupOptions, InFlight};
use anabranch_metadata::{CatalogMachine, MetadataError};
use anabranch_storage::HostParts;
use anabranch_store::{RocksStore, SharedOptions, SharedResources, Store, StoreOptions};
use anabranch_types::{GroupId, NodeId};
use anabranch_walog::Walog;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

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
    pub(super) fn new(config: &NodeConfig, directory: &DataDir) -> Result<Self, StartError> {
        let bytes = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
        let shared = SharedOptions {
            block_cache_bytes: bytes(config.memory.block_cache_bytes),
            memtable_bytes_max: bytes(config.memory.memtable_bytes),
            ..SharedOptions::default()
        };
        // Half of the memtables may be in flight to disk while the other half fills.
        let flush_after_bytes = bytes(config.memory.memtable_bytes / 2 / u64::from(config.groups.max(1)));
        Ok(Stores {
            data_dir: directory.path().to_owned(),
            options: StoreOptions { flush_after_bytes, ..StoreOptions::default() },
            shared: Arc::new(SharedResources::new(&shared).map_err(StartError::SharedStore)?),
            group_options: GroupOptions {
                in_flight: InFlight::for_segments(config.log.segment_bytes),
                ..GroupOptions::default()
            },
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

    pub(super) fn flush_after_bytes(&self) -> u64 {
        self.options.flush_after_bytes as u64
    }

    fn path(&self, group: GroupId) -> PathBuf {
        self.data_dir.join("groups").join(format!("{:05}", group.0))
    }

    fn bootstrapped_mark(&self) -> PathBuf {
        self.data_dir.join("groups").join("bootstrapped")
    }

    /// Notes for good that the cluster was made.
    pub(super) fn mark_bootstrapped(&self) -> std::io::Result<()> {
        let mark = self.bootstrapped_mark();
        if mark.exists() {
            return Ok(());
        }
        std::fs::File::create(&mark)?.sync_all()?;
        std::fs::File::open(self.data_dir.join("groups"))?.sync_all()
    }

    async fn open(&self, group: GroupId) -> Result<Arc<dyn Store>, StartError> {
        let (path, stores) = (self.path(group), self.clone());
        // The store makes its directory itself, and syncs the name of what it made.
        let opened = tokio::task::spawn_blocking(move || RocksStore::open(&path, &stores.options, &stores.shared));
        let store = opened.await?.map_err(|source| StartError::Store { group, source })?;
        Ok(Arc::new(store))
    }
}

/// Refuses a directory that has made its cluster but whose log knows nothing of the catalog: making
/// the cluster once more would hide a loss (D8, D14).
pub(super) fn check_not_lost(log: &Walog, stores: &Stores) -> Result<(), StartError> {
    let is_empty = log.group(GroupId::METADATA).state().last.is_none();
    if is_empty && stores.bootstrapped_mark().exists() {
        return Err(StartError::CatalogLost { dir: stores.data_dir.clone() });
    }
    Ok(())
}

/// Starts this node's replica of the metadata group; a new directory's is its first.
pub(super) async fn start_metadata_group(
    node: NodeId,
    log: &Walog,
    stores: &Stores,
) -> Result<(Group<CatalogMachine>, ViewWatch), StartError> {
    let store = stores.open(GroupId::METADATA).await?;
    let machine = tokio::task::spawn_blocking(move || CatalogMachine::open(store)).await??;
    let view = machine.view();
    let replica = Catalog::FIRST_METADATA_REPLICA;
    let start = async {
        let log = log.group(GroupId::METADATA);
        let group = Group::start(GroupId::METADATA, replica, log, machine, stores.group_options()).await?;
        group.bootstrap(&[(replica, node)]).await?;
        group.wait_ready(READY_PATIENCE).await?;
        Ok::<_, anabranch_consensus::StartError>(group)
    };
    Ok((start.await.map_err(MetadataError::from)?, view))
}

/// The data groups of which `node` runs a replica, opened; a retired replica is not run.
pub(super) async fn data_groups(
    map: &ShardMap,
    node: NodeId,
    log: &Walog,
    stores: &Stores,
    writable: &Writable,
) -> Result<Vec<HostParts>, StartError> {
    let mut parts = Vec::new();
    for group in map.groups().filter(|group| group.id != GroupId::METADATA) {
        let Some(own) = group.replica_on(node) else { continue };
        let group_log = log.group(group.id);
        let is_new = group_log.state().last.is_none() && group_log.state().purged.is_none();
        let holds_shards = map.streams().any(|stream| stream.groups().contains(&group.id));
        if is_new && holds_shards {
            // D8: a group that lost everything is not begun anew under its old name.
            return Err(StartError::Lost { group: group.id, dir: stores.data_dir.clone() });
        }
        parts.push(HostParts {
            group: group.id,
            members: group.members().map(|replica| (replica.id, replica.node)).collect(),
            replica: own.id,
            log: group_log,
            store: stores.open(group.id).await?,
            writable: writable.clone(),
        });
    }
    Ok(parts)
}
