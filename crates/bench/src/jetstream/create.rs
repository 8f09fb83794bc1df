//! Makes the streams and waits until each has a leader and all of its replicas.

use super::{connect, stream_name};
use crate::args::Args;
use anyhow::{Context as _, bail};
use async_nats::jetstream::stream::{Config, Info, StorageType};
use async_nats::jetstream::{self, Context};
use std::time::{Duration, Instant};

/// How long a cluster may take to choose its leaders.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long to wait before it is asked again.
const ASK_EVERY: Duration = Duration::from_millis(100);

/// Creates `--streams` of `--replicas`, in files.
///
/// # Errors
/// When the servers refuse or take longer than their time.
pub async fn create(args: &Args) -> anyhow::Result<()> {
    let address = args.addresses()?[0];
    let (name, streams, replicas) = (args.text("stream")?, args.value("streams")?, args.value("replicas")?);
    let deadline = Instant::now() + PATIENCE;
    let client = loop {
        match connect(address).await {
            Ok(client) => break client,
            Err(error) if Instant::now() > deadline => return Err(error),
            Err(_) => tokio::time::sleep(ASK_EVERY).await,
        }
    };
    let context = jetstream::new(client);
    for index in 0..streams {
        let config = Config {
            name: stream_name(name, index),
            subjects: vec![format!("{name}.{index}.*")],
            storage: StorageType::File,
            num_replicas: replicas,
            ..Config::default()
        };
        await_stream(&context, config, deadline).await?;
    }
    Ok(())
}

async fn await_stream(context: &Context, config: Config, deadline: Instant) -> anyhow::Result<()> {
    loop {
        // Refused until the servers have found each other.
        let seen = match context.get_or_create_stream(config.clone()).await {
            Ok(mut stream) => stream.info().await.map(|info| is_whole(info, config.num_replicas)).context("its state"),
            Err(error) => Err(error.into()),
        };
        match seen {
            Ok(true) => return Ok(()),
            Ok(false) if Instant::now() > deadline => bail!("{} has no leader or lacks replicas", config.name),
            Err(error) if Instant::now() > deadline => return Err(error.context(format!("create {}", config.name))),
            Ok(false) | Err(_) => tokio::time::sleep(ASK_EVERY).await,
        }
    }
}

/// Whether there are a leader and as many followers as there should be, all of them up to date.
fn is_whole(info: &Info, replicas: usize) -> bool {
    let Some(cluster) = &info.cluster else { return replicas == 1 };
    let current = cluster.replicas.iter().filter(|replica| replica.current && !replica.offline).count();
    cluster.leader.is_some() && current + 1 == replicas
}
