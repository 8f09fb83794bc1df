//! Publishes one record a message: as many at a time as the window of a connection lets, or in an
//! open loop as many as are due.

use super::{connect, subject};
use crate::args::Args;
use crate::pace::Pace;
use crate::report::{Counts, Report, gather};
use crate::requests;
use crate::window::Window;
use anyhow::Context as _;
use async_nats::jetstream::context::PublishError;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::{self, Context};
use bytes::Bytes;
use futures::stream::{FuturesUnordered, StreamExt};
use std::time::{Duration, Instant};
use tokio::task::LocalSet;
use tokio::time::timeout_at;

/// Keys in each stream. Each is a subject, which the server keeps an entry for: many, and not so
/// many that the entries are what is measured.
const KEYS: usize = 1000;
/// Different payloads of a connection.
const PAYLOADS: usize = 64;
/// How long answers may come after the last record.
const DRAIN: Duration = Duration::from_secs(10);

/// Runs it and prints the report.
///
/// # Errors
/// When an argument is missing or a connection breaks.
pub async fn publish(args: &Args) -> anyhow::Result<()> {
    let addresses = args.addresses()?;
    let connections: usize = args.value("connections")?;
    let (streams, in_flight): (usize, usize) = (args.value("streams")?, args.value("in-flight")?);
    let record_bytes = args.value("record-bytes")?;
    let mut publishers = Vec::new();
    for (index, address) in addresses.iter().copied().cycle().take(connections).enumerate() {
        let stream = args.text("stream")?;
        let subjects = (0..KEYS * streams).map(|key| subject(stream, key % streams, key / streams));
        publishers.push(Publisher {
            context: jetstream::context::ContextBuilder::new()
                .max_ack_inflight(in_flight)
                .build(connect(address).await?),
            subjects: subjects.collect(),
            // Connections begin at different keys.
            next: index * KEYS * streams / connections,
            payloads: (0..PAYLOADS).map(|_| payload(record_bytes)).collect(),
            in_flight,
            record_bytes,
        });
    }
    let window = Window::open(args)?;
    let pace = Pace::open(args, &window, 1)?;
    let local = LocalSet::new();
    let tasks: Vec<_> = publishers
        .into_iter()
        .map(|publisher| local.spawn_local(publisher.run(window.clone(), pace.clone())))
        .collect();
    let mut counts = gather(local, tasks).await?;
    counts.push(pace.missed(&counts, 1));
    Report::new(window.measured(), counts).print()
}

fn payload(record_bytes: usize) -> Bytes {
    let mut payload = vec![0; record_bytes];
    requests::random(&mut payload);
    payload.into()
}

struct Publisher {
    context: Context,
    subjects: Vec<String>,
    next: usize,
    payloads: Vec<Bytes>,
    in_flight: usize,
    record_bytes: usize,
}

impl Publisher {
    async fn run(mut self, window: Window, pace: Pace) -> anyhow::Result<Counts> {
        let mut counts = Counts::default();
        let late = (window.ends_at() + DRAIN).into();
        match timeout_at(late, self.publish(&window, &pace, &mut counts)).await {
            Ok(published) => published.map(|()| counts),
            Err(_late) => Ok(counts),
        }
    }

    async fn publish(&mut self, window: &Window, pace: &Pace, counts: &mut Counts) -> anyhow::Result<()> {
        let mut waiting = FuturesUnordered::new();
        let mut is_over = false;
        loop {
            tokio::select! {
                // Answers first: the time of their records ends when they are read.
                biased;
                Some((due, answer)) = waiting.next(), if !waiting.is_empty() => {
                    self.count(due, answer, window, pace, counts)?;
                }
                due = pace.next(), if !is_over && waiting.len() < self.in_flight => match due {
                    Some(due) => {
                        let answer = self.send().await?;
                        waiting.push(async move { (due, answer.await.map(drop)) });
                    }
                    None => is_over = true,
                },
                else => return Ok(()),
            }
        }
    }

    async fn send(&mut self) -> anyhow::Result<jetstream::context::PublishAckFuture> {
        let subject = self.subjects[self.next % self.subjects.len()].clone();
        let payload = self.payloads[self.next % self.payloads.len()].clone();
        self.next += 1;
        self.context.send_publish(subject, PublishMessage::build().payload(payload)).await.context("publish")
    }

    fn count(
        &self,
        due: Instant,
        answer: Result<(), PublishError>,
        window: &Window,
        pace: &Pace,
        counts: &mut Counts,
    ) -> anyhow::Result<()> {
        let counts_now = pace.counts(due);
        match answer {
            Ok(()) => {
                counts.all_records += 1;
                window.add_bytes(self.record_bytes as u64);
                if counts_now {
                    counts.requests += 1;
                    counts.records += 1;
                    counts.latencies_us.push(u64::try_from(due.elapsed().as_micros())?);
                }
            }
            Err(error) => {
                counts.errors += u64::from(counts_now);
                counts.first_error.get_or_insert_with(|| error.to_string());
            }
        }
        Ok(())
    }
}
