//! One produce stream from its first credits to its end.

use super::answer::{Answer, Failed};
use super::batches::Batches;
use super::credits::Credits;
use super::in_flight::InFlight;
use crate::link::{Link, frame};
use crate::pace::Pace;
use crate::report::Counts;
use crate::requests::Batch;
use crate::window::Window;
use anabranch_proto::v1::produce_request::Step;
use anabranch_proto::v1::{AcknowledgeFailure, ProduceRequest};
use anyhow::{Context, ensure};
use bytes::Bytes;
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{Permit, Sender};
use tokio::time::timeout_at;

/// How long answers may come after the last batch: longer than a request is waited for, so that the
/// next run does not find the server at work on this one.
const DRAIN: Duration = Duration::from_secs(10);

/// What a stream has sent, may send and has counted.
pub struct Session {
    batch: Batch,
    batches: Batches,
    window: Window,
    pace: Pace,
    credits: Credits,
    in_flight: InFlight,
    /// Acknowledgements of failures that are to be sent.
    acknowledgements: VecDeque<Bytes>,
    counts: Counts,
}

/// What a place in the queue to the server is for.
enum Turn<'a> {
    Acknowledgement(Permit<'a, Bytes>),
    Batch(Permit<'a, Bytes>, Instant),
    /// No batch is due any more.
    Over,
}

impl Session {
    /// Nothing sent yet.
    pub fn new(batch: Batch, batches: Batches, window: Window, pace: Pace) -> Session {
        Session {
            in_flight: InFlight::new(batch.records),
            credits: Credits::default(),
            acknowledgements: VecDeque::new(),
            counts: Counts::default(),
            batch,
            batches,
            window,
            pace,
        }
    }

    /// Sends until the window ends and waits for what is on its way, but not for ever.
    ///
    /// # Errors
    /// When the stream ends before its time, or does not give the credits for one batch.
    pub async fn run(mut self, link: Link) -> anyhow::Result<Counts> {
        match timeout_at((self.window.ends_at() + DRAIN).into(), self.talk(link)).await {
            Ok(ended) => ended.map(|()| self.counts),
            Err(_late) => Ok(self.counts),
        }
    }

    async fn talk(&mut self, link: Link) -> anyhow::Result<()> {
        let Link { says, mut hears } = link;
        let first: Answer = hears.message().await?.context("a stream that ends before its first credits")?;
        self.hear(first)?;
        ensure!(self.credits.cover(self.batches.cost()), "a batch is beyond a stream's credits");
        let mut says = Some(says);
        loop {
            let acknowledges = !self.acknowledgements.is_empty();
            let speaks = acknowledges || self.credits.cover(self.batches.cost());
            let mut is_over = false;
            tokio::select! {
                // Answers first: the time of their records ends when they are read.
                biased;
                answer = hears.message() => match answer? {
                    Some(answer) => self.hear(answer)?,
                    None => {
                        ensure!(says.is_none(), "the server ended a stream that its client had not ended");
                        return Ok(());
                    }
                },
                turn = turn(says.as_ref(), &self.pace, acknowledges), if speaks && says.is_some() => match turn {
                    Turn::Acknowledgement(place) => {
                        if let Some(message) = self.acknowledgements.pop_front() {
                            place.send(message);
                        }
                    }
                    Turn::Batch(place, due) => {
                        self.credits.spend(self.batches.cost());
                        self.in_flight.push(due);
                        place.send(self.batches.next());
                    }
                    Turn::Over => is_over = true,
                },
            }
            if is_over {
                // The client's side ends; the server answers what it has and ends its own.
                says = None;
            }
        }
    }

    /// Counts an answer and takes the credits that came with it.
    fn hear(&mut self, answer: Answer) -> anyhow::Result<()> {
        let now = Instant::now();
        if let Some(grant) = answer.credits {
            self.credits.add(grant);
        }
        for stored in &answer.stored {
            self.counts.all_records += 1;
            self.window.add_bytes(self.batch.record_bytes as u64);
            if let Some(due) = self.count(stored.number)? {
                self.counts.records += 1;
                self.counts.latencies_us.push(u64::try_from(now.duration_since(due).as_micros())?);
            }
        }
        for failed in answer.failed {
            if self.count(failed.number)?.is_some() {
                self.counts.refused += 1;
            }
            self.refused(failed);
        }
        Ok(())
    }

    /// A record has its answer: since when it was due, if it counts.
    fn count(&mut self, number: u64) -> anyhow::Result<Option<Instant>> {
        let answered = self.in_flight.answered(number)?;
        let counts = self.pace.counts(answered.due);
        self.counts.requests += u64::from(counts && answered.is_last);
        Ok(counts.then_some(answered.due))
    }

    /// Notes why, and acknowledges what blocks a key.
    fn refused(&mut self, failed: Failed) {
        if failed.blocked_by.is_none() {
            let step = Step::AcknowledgeFailure(AcknowledgeFailure { number: failed.number });
            self.acknowledgements.push_back(frame(&ProduceRequest { step: Some(step) }));
        }
        let error = failed.error.unwrap_or_default();
        self.counts.first_error.get_or_insert_with(|| format!("{}: {}", error.code, error.message));
    }
}

/// The next place in the queue to the server, and what it is for. Cancel-safe.
async fn turn<'a>(says: Option<&'a Sender<Bytes>>, pace: &Pace, acknowledges: bool) -> Turn<'a> {
    let place = match says {
        Some(says) => says.reserve().await.ok(),
        None => None,
    };
    // The call has ended, which its other side tells.
    let Some(place) = place else { return std::future::pending().await };
    if acknowledges {
        return Turn::Acknowledgement(place);
    }
    pace.next().await.map_or(Turn::Over, |due| Turn::Batch(place, due))
}
