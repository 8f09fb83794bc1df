//! Pull consumers that read a stream from its first message to its last, again and again.

use super::{connect, stream_name};
use crate::args::Args;
use crate::report::{Counts, Report, gather};
use crate::window::Window;
use anyhow::{Context as _, ensure};
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::{self, Context};
use futures::StreamExt;
use std::time::{Duration, Instant};
use tokio::task::LocalSet;
use tokio::time::timeout_at;

/// Messages that a consumer asks for at a time.
const BATCH: usize = 5_000;
/// How long a consumer may take to begin.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long to wait before it is asked again.
const ASK_EVERY: Duration = Duration::from_millis(20);

/// Runs it and prints the report: connection k reads the stream k modulo `--streams`, alone.
///
/// # Errors
/// When an argument is missing or a connection breaks.
pub async fn read(args: &Args) -> anyhow::Result<()> {
    let addresses = args.addresses()?;
    let (connections, streams): (usize, usize) = (args.value("connections")?, args.value("streams")?);
    let window = Window::open(args)?;
    let local = LocalSet::new();
    let mut tasks = Vec::new();
    for (index, address) in addresses.iter().copied().cycle().take(connections).enumerate() {
        let context = jetstream::new(connect(address).await?);
        let stream = stream_name(args.text("stream")?, index % streams);
        tasks.push(local.spawn_local(read_until_the_end(context, stream, window.clone())));
    }
    let counts = gather(local, tasks).await?;
    Report::new(window.measured(), counts).print()
}

async fn read_until_the_end(context: Context, stream: String, window: Window) -> anyhow::Result<Counts> {
    let mut counts = Counts::default();
    let read = async {
        loop {
            read_once(&context, &stream, &window, &mut counts).await?;
        }
    };
    let read: Result<anyhow::Result<()>, _> = timeout_at(window.ends_at().into(), read).await;
    match read {
        Ok(failed) => failed.map(|()| counts),
        Err(_over) => Ok(counts),
    }
}

async fn read_once(context: &Context, stream: &str, window: &Window, counts: &mut Counts) -> anyhow::Result<()> {
    let mut stream = context.get_stream(stream).await.context("the stream")?;
    let held = stream.info().await.context("its state")?.state.messages;
    ensure!(held > 0, "there is nothing to read");
    // Nothing is acknowledged, and what the consumer has read is nobody's to keep.
    let config = pull::Config {
        deliver_policy: DeliverPolicy::All,
        ack_policy: AckPolicy::None,
        num_replicas: 1,
        memory_storage: true,
        ..pull::Config::default()
    };
    let consumer = stream.create_consumer(config).await.context("a consumer")?;
    let deadline = Instant::now() + PATIENCE;
    // A consumer is acknowledged before the server that has it answers for it.
    let mut messages = loop {
        let mut messages = consumer.stream().max_messages_per_batch(BATCH).messages().await?;
        match messages.next().await.context("the consumer ended")? {
            Ok(_first) => break messages,
            Err(error) if Instant::now() > deadline => return Err(error.into()),
            Err(_) => tokio::time::sleep(ASK_EVERY).await,
        }
    };
    count(window, counts);
    for _ in 1..held {
        messages.next().await.context("the consumer ended")??;
        count(window, counts);
    }
    Ok(())
}

fn count(window: &Window, counts: &mut Counts) {
    counts.all_records += 1;
    counts.records += u64::from(window.counts());
}
