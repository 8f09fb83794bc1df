//! One node: every role in this process. Its ports answer pages first; then it is started from the
//! log up, and drained from the calls down.
//!
//! The same steps start a directory's first life and every later one: what exists is opened,
//! what is missing on a first start is made.

mod credentials;
mod disk_watch;
mod doors;
mod error;
mod groups;
mod log;
mod report;
mod streams;

pub use doors::Listeners;
pub use error::StartError;

use crate::config::{NodeConfig, ShardLimits};
use crate::data_dir::DataDir;
use crate::health::{Health, Phase};
use crate::listeners::Bound;
use crate::pages::Render;
use crate::run::shut_down_in_order;
use anabranch_cluster::{Router, StorageNode, Writable};
use anabranch_gateway::{Gateway, GatewayOptions};
use anabranch_metadata::{FirstNode, Metadata, MetadataService};
use anabranch_runtime::{Env, Stragglers};
use anabranch_storage::{Storage, StorageOptions};
use anabranch_types::NodeId;
use anabranch_walog::Walog;
use doors::Doors;
use groups::Stores;
use report::Reporter;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// A node, and what of it has started.
pub struct Node {
    env: Env,
    work: Env,
    writable: Writable,
    doors: Option<Doors>,
    log: Option<Walog>,
    metadata: Option<Metadata>,
    storage: Option<Arc<Storage>>,
}

impl Node {
    /// A node of which nothing has started.
    pub fn new(env: Env) -> Self {
        let (work, writable) = (env.in_group("work"), Writable::new());
        Node { env, work, writable, doors: None, log: None, metadata: None, storage: None }
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
        listeners: Listeners,
        health: &Health,
        render_metrics: Render,
    ) -> Result<Bound, StartError> {
        let (env, work, writable) = (self.env.clone(), self.work.clone(), self.writable.clone());
        let doors = Doors::open(config, directory, env.in_group("doors"), listeners, health, render_metrics)?;
        let doors = &*self.doors.insert(doors);
        let bound = doors.bound();
        let log = &*self.log.insert(log::open(config, directory, &env).await?);
        let stores = Stores::new(config, directory)?;
        let metadata = start_metadata(config, directory, &work, log, &stores, bound, &writable).await?;
        let metadata = &*self.metadata.insert(metadata);
        let flush_room = Stores::flush_room_bytes(config);
        disk_watch::start(&work, directory.path(), flush_room, log, &writable, health);
        let storage = start_storage(config, directory, &work, log, &stores, metadata, writable).await?;
        let storage = &*self.storage.insert(storage);
        let node: Arc<dyn StorageNode> = Arc::clone(storage) as Arc<dyn StorageNode>;
        let router = Router::new(BTreeMap::from([(directory.identity().node, node)]), work.clone());
        let service = metadata.start_controllers(router.clone()).await;
        streams::create_configured(config, &service, &env).await?;
        let reporter = Reporter::new(directory, bound, metadata, storage, health, &env);
        doors.serve_calls(gateway(metadata, router, &service, &work), reporter);
        health.enter(Phase::Serving);
        Ok(bound)
    }

    /// Stops what has started: first the calls, so that open requests end; then the controllers;
    /// then it flushes. Pages are answered until the end.
    ///
    /// # Errors
    /// [`Stragglers`] names tasks that did not end within `deadline`.
    pub async fn drain(self, deadline: Duration) -> Result<(), Stragglers> {
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
}

async fn start_metadata(
    config: &NodeConfig,
    directory: &DataDir,
    env: &Env,
    log: &Walog,
    stores: &Stores,
    bound: Bound,
    writable: &Writable,
) -> Result<Metadata, StartError> {
    let identity = directory.identity();
    groups::check_not_lost(log, stores)?;
    let (group, view) = groups::start_metadata_group(identity.node, log, stores).await?;
    let metadata = Metadata::new(group, view, writable.clone(), env.clone());
    metadata
        .bootstrap(FirstNode {
            cluster: identity.cluster,
            node: identity.node,
            incarnation: identity.incarnation,
            addresses: report::addresses(bound)?,
            data_groups: config.groups,
        })
        .await?;
    stores.mark_bootstrapped()?;
    Ok(metadata)
}

async fn start_storage(
    config: &NodeConfig,
    directory: &DataDir,
    env: &Env,
    log: &Walog,
    stores: &Stores,
    metadata: &Metadata,
    writable: Writable,
) -> Result<Arc<Storage>, StartError> {
    let view = metadata.view().load();
    let parts = groups::data_groups(&view.map, directory.identity().node, log, stores, &writable).await?;
    let limits = match config.limits {
        ShardLimits::Aws => Some(anabranch_limiter::ShardLimits::default()),
        ShardLimits::Off => None,
    };
    let options = StorageOptions { limits, flush_after_bytes: stores.flush_after_bytes(), ..StorageOptions::default() };
    Ok(Arc::new(Storage::start(parts, env, &options, stores.group_options()).await?))
}

fn gateway(metadata: &Metadata, router: Router, service: &MetadataService, env: &Env) -> Gateway {
    Gateway::new(metadata.view(), router, Arc::new(service.clone()), env.clone(), GatewayOptions::default())
}

/// The number a directory's node has; printed in the ready line.
pub fn node_id(directory: &DataDir) -> NodeId {
    directory.identity().node
}

#[cfg(test)]
mod tests;
