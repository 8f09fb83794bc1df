//! One node: every role in this process. Its ports answer pages first; then it is started from the
//! log up, and drained from the calls down.
//!
//! The same steps start a directory's first life and every later one: what exists is opened,
//! what is missing on a first start is made.

mod credentials;
mod disk_watch;
mod doors;
mod enter;
mod error;
mod groups;
mod log;
mod memory;
mod operations;
mod peers;
mod report;
mod roles;
mod streams;

pub use doors::Listeners;
pub(crate) use enter::enter;
pub use error::StartError;
pub(crate) use peers::answer_without_cluster;

use crate::config::{NodeConfig, ShardLimits};
use crate::data_dir::{DataDir, Identity};
use crate::health::{Health, Phase};
use crate::listeners::Bound;
use crate::pages::Render;
use crate::run::shut_down_in_order;
use anabranch_cluster::{ViewWatch, Writable};
use anabranch_gateway::{Gateway, GatewayOptions};
use anabranch_metadata::{FirstNode, Metadata};
use anabranch_runtime::{Env, Stragglers};
use anabranch_storage::{Storage, StorageOptions};
use anabranch_walog::Walog;
use doors::Doors;
use groups::{NodeFiles, Stores};
use memory::MemoryShares;
use peers::PeerNet;
use report::Reporter;
use roles::Roles;
use std::sync::Arc;
use std::time::Duration;

/// How long groups that are led here may take to find another leader when the node stops.
const HANDOVER_PATIENCE: Duration = Duration::from_secs(2);
/// How often a node that waits for the catalog says so.
const WAITING_TOLD_EVERY: Duration = Duration::from_secs(5);

/// A node, and what of it has started.
pub struct Node {
    env: Env,
    work: Env,
    writable: Writable,
    doors: Option<Doors>,
    log: Option<Walog>,
    peers: Option<PeerNet>,
    metadata: Option<Metadata>,
    storage: Option<Arc<Storage>>,
}

impl Node {
    /// A node of which nothing has started.
    pub fn new(env: Env) -> Self {
        let (work, writable) = (env.in_group("work"), Writable::new());
        Node { env, work, writable, doors: None, log: None, peers: None, metadata: None, storage: None }
    }

    /// Starts every role over `directory` and serves on `listeners`. Health says when. Where the
    /// future is dropped, what has started waits for [`Node::drain`].
    ///
    /// # Errors
    /// [`StartError`] says what could not be started and what to do.
    pub async fn start(
        &mut self,
        config: &NodeConfig,
        directory: &DataDir,
        mut listeners: Listeners,
        health: &Health,
        render_metrics: Render,
    ) -> Result<Bound, StartError> {
        let (env, work) = (self.env.clone(), self.work.clone());
        let (bound, peer_listener) = (listeners.bound()?, listeners.peer.take());
        let memory = MemoryShares::of(config);
        memory.tell(&env.in_group("doors"));
        let entry = (listeners, bound, memory.requests.clone());
        let doors = Doors::open(config, directory, env.in_group("doors"), entry, health, render_metrics)?;
        let doors = &*self.doors.insert(doors);
        let log = &*self.log.insert(log::open(config, directory, &memory, &env).await?);
        let stores = Stores::new(config, directory, &memory)?;
        groups::check_not_lost(log, directory)?;
        let machine = groups::open_catalog(&stores, config.feature_level).await?;
        let view = machine.view();
        let net = &*self.peers.insert(PeerNet::start(
            config,
            directory,
            (peer_listener, memory.requests.clone()),
            view.clone(),
            &env,
        ));
        let stores = if bound.peer.is_some() { stores.connected(Arc::new(net.links.clone()), &work) } else { stores };
        let identity = *directory.identity();

        let group = groups::start_metadata_group(&identity, machine, log, stores.group_options()).await?;
        net.served.replicas.insert(Arc::new(group.clone()));
        let metadata = Metadata::new(group, view.clone(), self.writable.clone(), work.clone());
        let metadata = &*self.metadata.insert(metadata);
        let flush_room = Stores::flush_room_bytes(config);
        disk_watch::start(&work, directory.path(), flush_room, log, &self.writable, health);
        bootstrap_founder(config, &identity, metadata, bound).await?;
        tokio::select! {
            waited = wait_for_catalog(config, &view, &identity, bound, &env) => waited?,
            reason = metadata.group().stopped() => return Err(StartError::CatalogStopped { reason }),
        }
        directory.mark_bootstrapped()?;

        let storage =
            Storage::new(work.clone(), storage_options(config, &stores, &memory), stores.group_options().clone());
        let storage = &*self.storage.insert(Arc::new(storage));
        let roles = Roles::start(identity, net, metadata, storage, &view, &work);
        roles.announce(config, bound, metadata, &work).await?;
        let files = NodeFiles { stores, log: log.clone(), writable: self.writable.clone() };
        roles.host(storage, net, files, &work).await?;
        metadata.start_controllers(&roles.service).await;
        streams::create_configured(config, &roles.metadata, &env).await?;
        let reporter = Reporter::new(directory, bound, metadata, storage, health, &env);
        doors.take_operations(roles.operations(metadata, &work));
        doors.serve_calls(gateway(view, &roles, &memory, &work), reporter);
        health.enter(Phase::Serving);
        Ok(bound)
    }

    /// Stops what has started: leadership goes to other nodes, then the calls end, then the
    /// controllers; then it flushes. Pages are answered until the end.
    ///
    /// # Errors
    /// [`Stragglers`] names tasks that did not end within `deadline`.
    pub async fn drain(self, deadline: Duration) -> Result<(), Stragglers> {
        self.hand_over(deadline).await;
        let calls = self.doors.as_ref().map(Doors::calls);
        let groups: Vec<_> = calls.into_iter().chain([self.work.tasks]).collect();
        let stopped = shut_down_in_order(&*self.env.clock, &groups, deadline).await;
        // A put that has outlived its connection is refused instead of begun.
        self.writable.refuse("the node is draining".to_owned());
        if let Some(storage) = &self.storage {
            storage.shutdown().await;
        }
        if let Some(metadata) = &self.metadata {
            metadata.shutdown().await;
        }
        if let Some(peers) = self.peers {
            peers.close().await;
        }
        if let Some(log) = self.log
            && let Err(error) = tokio::task::spawn_blocking(move || log.close()).await
        {
            tracing::warn!(%error, "the log was not closed");
        }
        if let Some(doors) = self.doors {
            doors.close().await;
        }
        stopped
    }

    /// Lets other nodes lead before this one stops: else they would have to miss it first.
    async fn hand_over(&self, deadline: Duration) {
        let patience = HANDOVER_PATIENCE.min(deadline / 4);
        if let Some(storage) = &self.storage {
            storage.hand_over(patience).await;
        }
        if let Some(metadata) = &self.metadata {
            metadata.group().hand_over(patience).await;
        }
    }
}

/// Makes the cluster where this node is to: its first, and alone in it so far.
async fn bootstrap_founder(
    config: &NodeConfig,
    identity: &Identity,
    metadata: &Metadata,
    bound: Bound,
) -> Result<(), StartError> {
    if !identity.is_founder() || !metadata.group().is_alone().await {
        return Ok(());
    }
    let first = FirstNode {
        cluster: identity.cluster,
        node: identity.node,
        incarnation: identity.incarnation,
        addresses: enter::addresses(config, bound)?,
        feature_level: config.feature_level,
        data_groups: config.groups,
    };
    Ok(metadata.bootstrap(first).await?)
}

/// Waits until this node is in its own view of the catalog: the catalog's leader brings it.
async fn wait_for_catalog(
    config: &NodeConfig,
    view: &ViewWatch,
    identity: &Identity,
    bound: Bound,
    env: &Env,
) -> Result<(), StartError> {
    let node = identity.node;
    loop {
        let seen = view.wait(|view| view.map.node(node).is_some());
        if tokio::time::timeout(WAITING_TOLD_EVERY, seen).await.is_ok() {
            return Ok(());
        }
        let waited = env.clock.monotonic();
        tracing::info!(%node, ?waited, "waiting for the catalog: its leader has to reach this node's peer listener");
        if view.load().map.nodes().next().is_none() {
            enter::tell_where_it_is(config, identity, bound, env).await?;
        }
    }
}

fn storage_options(config: &NodeConfig, stores: &Stores, memory: &MemoryShares) -> StorageOptions {
    let limits = match config.limits {
        ShardLimits::Aws => Some(anabranch_limiter::ShardLimits::default()),
        ShardLimits::Off => None,
    };
    let (flush_after_bytes, memory) = (stores.flush_after_bytes(), memory.requests.clone());
    StorageOptions { limits, flush_after_bytes, memory, ..StorageOptions::default() }
}

fn gateway(view: ViewWatch, roles: &Roles, memory: &MemoryShares, env: &Env) -> Gateway {
    let metadata = Arc::new(roles.metadata.clone());
    let options = GatewayOptions { group_bytes_max: memory.silent_group_bytes_max(), ..GatewayOptions::default() };
    Gateway::new(view, roles.router.clone(), metadata, env.clone(), options)
}

#[cfg(test)]
mod tests;
