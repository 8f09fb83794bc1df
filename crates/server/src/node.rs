//! One node: every role in this process, started from the log up, drained from the doors down.
//!
//! The same steps start a directory's first life and every later one: what exists is opened,
//! what is missing on a first start is made.

mod credentials;
mod disk_watch;
mod error;
mod groups;
mod log;
mod report;
mod streams;

pub use error::StartError;

use crate::config::{NodeConfig, ShardLimits};
use crate::data_dir::DataDir;
use crate::health::{Health, Phase};
use crate::listeners::{self, Bound};
use crate::pages::{Pages, Render};
use crate::run::shut_down_in_order;
use anabranch_aws_api::{AwsDoor, DoorOptions, TlsIdentity};
use anabranch_cluster::{Router, StorageNode, Writable};
use anabranch_gateway::{Gateway, GatewayOptions};
use anabranch_metadata::{FirstNode, Metadata, MetadataService};
use anabranch_runtime::{Env, OnFailure, Stragglers};
use anabranch_storage::{Storage, StorageOptions};
use anabranch_types::NodeId;
use anabranch_walog::Walog;
use groups::Stores;
use report::Reporter;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// The ports of a node, bound before anything else so that a taken one is told at once.
pub struct Listeners {
    plain: TcpListener,
    tls: Option<TcpListener>,
}

impl Listeners {
    /// Binds the configured ports.
    ///
    /// # Errors
    /// [`listeners::ListenError`] names the port.
    pub async fn bind(config: &NodeConfig) -> Result<Self, listeners::ListenError> {
        let plain = listeners::listen(config.listen).await?;
        let tls = match config.tls_listen {
            Some(address) => Some(listeners::listen(address).await?),
            None => None,
        };
        Ok(Listeners { plain, tls })
    }

    /// Where they are, with the ports that were free.
    fn bound(&self) -> std::io::Result<Bound> {
        let tls = self.tls.as_ref().map(TcpListener::local_addr).transpose()?;
        Ok(Bound { plain: self.plain.local_addr()?, tls })
    }
}

/// A running node.
pub struct Node {
    env: Env,
    doors: Env,
    work: Env,
    storage: Arc<Storage>,
    metadata: Metadata,
    log: Walog,
    bound: Bound,
}

impl Node {
    /// Starts every role over `directory` and serves on `listeners`. Health says when.
    ///
    /// # Errors
    /// [`StartError`] says what could not be started and what to do.
    pub async fn start(
        config: &NodeConfig,
        env: Env,
        directory: &DataDir,
        listeners: Listeners,
        health: &Health,
        render_metrics: Render,
    ) -> Result<Node, StartError> {
        let bound = listeners.bound()?;
        let (doors, work) = (env.in_group("doors"), env.in_group("work"));
        let log = log::open(config, directory, &env).await?;
        let stores = Stores::new(config, directory)?;
        let writable = Writable::new();
        let metadata = start_metadata(config, directory, &work, &log, &stores, bound, &writable).await?;
        let flush_room = Stores::flush_room_bytes(config);
        disk_watch::start(&work, directory.path(), flush_room, &log, &writable, health);
        let storage = start_storage(config, directory, &work, &log, &stores, &metadata, writable).await?;
        let node: Arc<dyn StorageNode> = Arc::clone(&storage) as Arc<dyn StorageNode>;
        let router = Router::new(BTreeMap::from([(directory.identity().node, node)]), work.clone());
        let service = metadata.start_controllers(router.clone()).await;
        let gateway = gateway(&metadata, router, &service, &work);
        let reporter = Reporter::new(directory, bound, &metadata, &storage, health, &env);
        let pages = Pages::new(health.clone(), render_metrics, Arc::clone(&env.clock));
        pages.show_status(Arc::new(move || reporter.status().to_json()));
        let door = Arc::new(AwsDoor::new(gateway, door_options(config, &pages), doors.clone()));
        streams::create_configured(config, &service, &env).await?;
        serve(config, directory, &door, &doors, listeners)?;
        health.enter(Phase::Serving);
        Ok(Node { env, doors, work, storage, metadata, log, bound })
    }

    /// Where it listens.
    pub fn bound(&self) -> Bound {
        self.bound
    }

    /// Stops the doors first, so that open requests end; then the controllers; then flushes.
    ///
    /// # Errors
    /// [`Stragglers`] names tasks that did not end within `deadline`.
    pub async fn drain(self, deadline: Duration) -> Result<(), Stragglers> {
        let stopped = shut_down_in_order(&*self.env.clock, &[self.doors.tasks, self.work.tasks], deadline).await;
        self.storage.shutdown().await;
        self.metadata.shutdown().await;
        let log = self.log;
        if let Err(error) = tokio::task::spawn_blocking(move || log.close()).await {
            tracing::warn!(%error, "the log was not closed");
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
    Ok(Arc::new(Storage::start(parts, env, &options, &groups::group_options()).await?))
}

fn gateway(metadata: &Metadata, router: Router, service: &MetadataService, env: &Env) -> Gateway {
    Gateway::new(metadata.view(), router, Arc::new(service.clone()), env.clone(), GatewayOptions::default())
}

fn door_options(config: &NodeConfig, pages: &Pages) -> DoorOptions {
    let mut options = DoorOptions::new(config.account, credentials::verification(&config.access));
    options.pages = pages.local();
    let budget = usize::try_from(config.memory.budget_bytes).unwrap_or(usize::MAX);
    options.limits.in_flight_body_bytes_max = budget.max(options.limits.body_bytes_max);
    options
}

/// Accepts on both ports.
fn serve(
    config: &NodeConfig,
    directory: &DataDir,
    door: &Arc<AwsDoor<Gateway>>,
    doors: &Env,
    listeners: Listeners,
) -> Result<(), StartError> {
    let plain = Arc::clone(door).serve(listeners.plain, None);
    doors.tasks.spawn("aws", OnFailure::ShutDown, plain);
    if let Some(listener) = listeners.tls {
        let identity = match &config.tls {
            Some(files) => TlsIdentity::from_files(&files.certificate, &files.key)?,
            None => TlsIdentity::self_signed(&directory.path().join("tls"), &tls_names(config))?,
        };
        doors.tasks.spawn("aws_tls", OnFailure::ShutDown, Arc::clone(door).serve(listener, Some(identity)));
    }
    Ok(())
}

/// Who the self-signed certificate is for.
fn tls_names(config: &NodeConfig) -> Vec<String> {
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    if let Some(address) = config.tls_listen.filter(|address| !address.ip().is_unspecified()) {
        let name = address.ip().to_string();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// The number a directory's node has; printed in the ready line.
pub fn node_id(directory: &DataDir) -> NodeId {
    directory.identity().node
}
