//! `anabranch dev` and `anabranch server`: config, build, run, drain.

use crate::config::{DataDirChoice, NodeConfig};
use crate::data_dir::{DataDir, Opened};
use crate::health::Health;
use crate::listeners;
use crate::node::{Listeners, Node, answer_without_cluster, enter};
use crate::open_files;
use crate::run::{Signals, drain_unless_hurried, run_until_stopped, start_unless_stopped};
use anabranch_runtime::{Env, OnFailure};
use anabranch_telemetry::{Metrics, Telemetry};
use std::sync::Arc;
use std::time::Duration;

/// How often histograms are folded; nobody may be scraping.
const FOLD_EVERY: Duration = Duration::from_secs(5);
/// How long those may take that ask to join while this directory has no cluster itself.
const LAST_ANSWERS_PATIENCE: Duration = Duration::from_secs(1);

/// Runs a node until it is told to stop.
///
/// # Errors
/// Whatever kept it from starting, or made it stop by itself.
pub fn serve(config: &NodeConfig) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let env = Env::system();
    let Ran { result, telemetry, directory } = runtime.block_on(run(config, env));
    // Outside of async code, while the runtime lives: the last spans are sent now.
    drop(telemetry);
    runtime.shutdown_timeout(Duration::from_secs(1));
    if let Some(directory) = directory {
        directory.keep_locked_to_the_end();
    }
    result
}

/// How a node ended, and what outlives its runtime.
struct Ran {
    result: anyhow::Result<()>,
    telemetry: Option<Telemetry>,
    directory: Option<DataDir>,
}

impl Ran {
    fn failed(error: impl Into<anyhow::Error>, directory: Option<DataDir>) -> Self {
        Ran { result: Err(error.into()), telemetry: None, directory }
    }
}

async fn run(config: &NodeConfig, env: Env) -> Ran {
    let signals = match Signals::install() {
        Ok(signals) => signals,
        Err(error) => return Ran::failed(error, None),
    };
    let opened = match open_directory(config, &env) {
        Ok(opened) => opened,
        Err(error) => return Ran::failed(error, None),
    };
    let node = opened.identity().map(|identity| identity.node);
    let telemetry = match anabranch_telemetry::init(&config.telemetry.options(node)) {
        Ok(telemetry) => telemetry,
        Err(error) => return Ran::failed(error, None),
    };
    let mut directory = None;
    let result = run_in(config, env, signals, opened, &mut directory, telemetry.metrics()).await;
    Ran { result, telemetry: Some(telemetry), directory }
}

async fn run_in(
    config: &NodeConfig,
    env: Env,
    mut signals: Signals,
    opened: Opened,
    kept: &mut Option<DataDir>,
    metrics: Metrics,
) -> anyhow::Result<()> {
    open_files::raise_limit();
    listeners::warn_of_exposure(config);
    let health = Health::new();
    let mut listeners = Listeners::bind(config).await?;
    let settled = settle(config, opened, &mut listeners, &env);
    let Some(settled) = start_unless_stopped(&mut signals, settled).await else { return Ok(()) };
    let directory = &*kept.insert(settled?);
    anabranch_consensus::metrics::describe();
    anabranch_storage::describe();
    anabranch_metadata::describe();
    fold_histograms(&env, &metrics);
    let render = Arc::new(move || metrics.render());
    let mut node = Node::new(env.clone());
    let start = node.start(config, directory, listeners, &health, render);
    match start_unless_stopped(&mut signals, start).await {
        Some(started) => {
            listeners::announce_ready(&started?, directory.identity().node, directory.path());
            let drain = |deadline| node.drain(deadline);
            run_until_stopped(signals, &env.tasks, &health, config.drain_timeout, drain).await?;
        }
        None => {
            let drain = |deadline| node.drain(deadline);
            drain_unless_hurried(&mut signals, &health, config.drain_timeout, drain).await?;
        }
    }
    Ok(())
}

fn open_directory(config: &NodeConfig, env: &Env) -> anyhow::Result<Opened> {
    Ok(match &config.data_dir {
        DataDirChoice::Kept(path) => Opened::at(path)?,
        DataDirChoice::Ephemeral => Opened::ephemeral(&*env.random)?,
    })
}

/// A directory with an identity: its own, or the one that a cluster gives it.
async fn settle(config: &NodeConfig, opened: Opened, listeners: &mut Listeners, env: &Env) -> anyhow::Result<DataDir> {
    let empty = match opened {
        Opened::Member(directory) => return Ok(directory),
        Opened::Empty(empty) => empty,
    };
    let waiting = env.in_group("waiting");
    if let Some(twin) = listeners.peer_twin()? {
        answer_without_cluster(config, &empty, twin, &waiting)?;
    }
    let entered = enter(config, empty, listeners.bound()?, env).await;
    if let Err(left) = waiting.tasks.shutdown(LAST_ANSWERS_PATIENCE).await {
        tracing::debug!(%left, "answers to nodes that ask to join were cut off");
    }
    Ok(entered?)
}

fn fold_histograms(env: &Env, metrics: &Metrics) {
    let (env_of_task, metrics) = (env.clone(), metrics.clone());
    let stopping = env.tasks.stopping();
    env.tasks.spawn("metrics", OnFailure::Log, async move {
        loop {
            tokio::select! {
                () = stopping.cancelled() => return,
                () = env_of_task.sleep(FOLD_EVERY) => metrics.fold(),
            }
        }
    });
}
