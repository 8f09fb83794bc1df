//! `anabranch dev` and `anabranch server`: config, build, run, drain.

use crate::config::{DataDirChoice, NodeConfig};
use crate::data_dir::DataDir;
use crate::health::Health;
use crate::listeners;
use crate::node::{Listeners, Node};
use crate::open_files;
use crate::run::{Signals, run_until_stopped};
use anabranch_runtime::{Env, OnFailure};
use anabranch_telemetry::{Metrics, Telemetry};
use std::sync::Arc;
use std::time::Duration;

/// How often histograms are folded; nobody may be scraping.
const FOLD_EVERY: Duration = Duration::from_secs(5);

/// Runs a node until it is told to stop.
///
/// # Errors
/// Whatever kept it from starting, or made it stop by itself.
pub fn serve(config: &NodeConfig) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let env = Env::system();
    let (result, telemetry) = runtime.block_on(run(config, env));
    // Outside of async code, while the runtime lives: the last spans are sent now.
    drop(telemetry);
    runtime.shutdown_timeout(Duration::from_secs(1));
    result
}

async fn run(config: &NodeConfig, env: Env) -> (anyhow::Result<()>, Option<Telemetry>) {
    let directory = match open_directory(config, &env) {
        Ok(directory) => directory,
        Err(error) => return (Err(error), None),
    };
    let telemetry = match anabranch_telemetry::init(&config.telemetry.options(directory.identity().node)) {
        Ok(telemetry) => telemetry,
        Err(error) => return (Err(error.into()), None),
    };
    let result = run_in(config, env, &directory, telemetry.metrics()).await;
    (result, Some(telemetry))
}

async fn run_in(config: &NodeConfig, env: Env, directory: &DataDir, metrics: Metrics) -> anyhow::Result<()> {
    let signals = Signals::install()?;
    open_files::raise_limit();
    listeners::warn_of_exposure(config);
    let health = Health::new();
    let bound = Listeners::bind(config).await?;
    anabranch_storage::describe();
    fold_histograms(&env, &metrics);
    let render = Arc::new(move || metrics.render());
    let mut node = Node::new(env.clone());
    let bound = node.start(config, directory, bound, &health, render).await?;
    listeners::announce_ready(&bound, directory.identity().node, directory.path());
    run_until_stopped(signals, &env.tasks, &health, config.drain_timeout, |deadline| node.drain(deadline)).await?;
    Ok(())
}

fn open_directory(config: &NodeConfig, env: &Env) -> anyhow::Result<DataDir> {
    Ok(match &config.data_dir {
        DataDirChoice::Kept(path) => DataDir::open(path, &*env.random)?,
        DataDirChoice::Ephemeral => DataDir::ephemeral(&*env.random)?,
    })
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
