//! One produce stream: takes its client's messages, makes the calls, gives the answers.

use super::batches::{Batch, Batches};
use super::credits::Credits;
use super::sequencer::{Answer, Call as SequencedCall, Fate, Queued, Sequencer};
use crate::call::Call;
use crate::errors::{CallError, error_message};
use crate::long_stream::draining;
use crate::wire;
use anabranch_api::{
    ApiError, DescribeStreamSummary, ErrorCode, Kinesis, PutRecords, PutResult, StreamDescriptionSummary,
    StreamSelector, messages,
};
use anabranch_proto::v1::produce_request::Step;
use anabranch_proto::v1::{
    ProduceBatch, ProduceFailed, ProduceOpen, ProduceRequest, ProduceResponse, ProduceStored, PutEntry,
};
use futures::future::{BoxFuture, FutureExt};
use futures::stream::{FuturesUnordered, StreamExt};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tonic::{Status, Streaming};

/// Records of one batch.
const BATCH_RECORDS_MAX: usize = 5_000;
/// Answers in one message.
const ANSWERS_MAX: usize = 1_000;
/// Lanes of one stream; a stream of more shards has several in each.
const LANES_MAX: u32 = 64;
/// No partition key is longer: 256 characters of UTF-8.
const KEY_BYTES_MAX: usize = 256 * 4;
/// The service gets this much longer than its deadline before it is given up.
const DEADLINE_GRACE: Duration = Duration::from_secs(5);

/// Serves a produce stream to its end. Dropping the future breaks its calls off, their outcome
/// unknown.
///
/// # Errors
/// The status that ends the stream: the client broke a rule of it, the stream is gone, the node
/// drains, or the client's time is over.
pub(crate) async fn run<S: Kinesis>(
    call: Call<S>,
    mut inbound: Streaming<ProduceRequest>,
    answers: mpsc::Sender<ProduceResponse>,
) -> Result<(), Status> {
    let refused = |error: CallError| error.to_status();
    let opening = open(&call, &mut inbound);
    let Ok(opened) = tokio::time::timeout(call.shared.options.timeouts.request, opening).await else {
        return Err(Status::deadline_exceeded("The message that opens the stream did not come."));
    };
    let (stream, summary, record_timeout) = opened?;
    let limits = &call.shared.options.limits;
    let mut session = Session {
        stream,
        record_bytes_max: u64::from(summary.max_record_kib) << 10,
        record_timeout,
        sequencer: Sequencer::new(summary.open_shard_count.clamp(1, LANES_MAX) as usize),
        credits: Credits::new(limits.produce_records, limits.produce_bytes),
        batches: Batches::default(),
        last_record: None,
        in_flight: FuturesUnordered::new(),
        reads: true,
        call,
    };
    session.serve(&mut inbound, &answers).await.map_err(|end| match end {
        End::Status(status) => status,
        End::Error(error) => refused(error),
    })
}

/// The stream that the first message names, if it is there.
async fn open<S: Kinesis>(
    call: &Call<S>,
    inbound: &mut Streaming<ProduceRequest>,
) -> Result<(StreamSelector, StreamDescriptionSummary, Duration), Status> {
    let first = inbound.message().await?.and_then(|message| {
        call.bytes.release(call.bytes.of_next_message());
        message.step
    });
    let Some(Step::Open(ProduceOpen { stream, record_timeout })) = first else {
        return Err(CallError::field("open", "must be the first message").to_status());
    };
    let opened = async {
        let stream = wire::stream_in(stream).map_err(|error| error.within("open"))?;
        let timeout = record_timeout_in(call, record_timeout)?;
        let asked = DescribeStreamSummary { stream: stream.clone() };
        let context = call.context_until(call.request_id, call.env.clock.monotonic() + call.request_timeout());
        Ok((stream, call.service.describe_stream_summary(&context, asked).await?, timeout))
    };
    opened.await.map_err(|error: CallError| error.to_status())
}

fn record_timeout_in<S>(call: &Call<S>, asked: Option<prost_types::Duration>) -> Result<Duration, CallError> {
    let timeouts = &call.shared.options.timeouts;
    let Some(asked) = asked else { return Ok(timeouts.produce_record) };
    let span = Duration::try_from(asked).ok().filter(|span| *span <= timeouts.produce_record_max);
    span.ok_or_else(|| {
        let longest = timeouts.produce_record_max.as_secs();
        CallError::field("open.record_timeout", &format!("must be a span of at most {longest} s"))
    })
}

/// Why a stream ends before its client ends it.
enum End {
    Status(Status),
    Error(CallError),
}

impl From<CallError> for End {
    fn from(error: CallError) -> Self {
        End::Error(error)
    }
}

/// A call and its outcome.
type Settled = (SequencedCall, Result<Vec<PutResult>, ApiError>);

struct Session<S> {
    call: Call<S>,
    stream: StreamSelector,
    /// The largest record of the stream when this one was opened.
    record_bytes_max: u64,
    record_timeout: Duration,
    sequencer: Sequencer,
    credits: Credits,
    batches: Batches,
    /// The last record's number.
    last_record: Option<u64>,
    in_flight: FuturesUnordered<BoxFuture<'static, Settled>>,
    /// Whether the client may still say something.
    reads: bool,
}

impl<S: Kinesis> Session<S> {
    /// Until the client is gone; or has ended its side, and each record has its answer.
    async fn serve(
        &mut self,
        inbound: &mut Streaming<ProduceRequest>,
        answers: &mpsc::Sender<ProduceResponse>,
    ) -> Result<(), End> {
        let (clock, stopping) = (Arc::clone(&self.call.env.clock), self.call.env.tasks.stopping());
        let mut drained_by = None;
        loop {
            self.start_calls();
            let speaks = self.sequencer.has_answers() || self.credits.owes();
            if self.sequencer.is_idle() && !self.sequencer.has_answers() && !self.reads {
                return drained_by.map_or(Ok(()), |_: Duration| Err(End::Status(draining())));
            }
            let now = clock.monotonic();
            let ends_at = self.call.ends_at.unwrap_or(Duration::MAX).min(drained_by.unwrap_or(Duration::MAX));
            let wakes_at = self.sequencer.wakes_at().unwrap_or(Duration::MAX).min(ends_at);
            tokio::select! {
                message = inbound.message(), if self.reads => match message.map_err(End::Status)? {
                    Some(message) => self.take(message)?,
                    None => self.reads = false,
                },
                Some((call, outcome)) = self.in_flight.next(), if !self.in_flight.is_empty() => {
                    self.settle(call, outcome)?;
                }
                place = answers.reserve(), if speaks => match place {
                    Ok(place) => place.send(self.answer()),
                    Err(_) => return Ok(()),
                },
                () = answers.closed(), if !speaks => return Ok(()),
                () = self.call.env.sleep(wakes_at - now.min(wakes_at)), if wakes_at < Duration::MAX => {
                    if clock.monotonic() >= ends_at {
                        return Err(End::Status(drained_by.map_or_else(
                            || Status::deadline_exceeded("The time that the client granted the stream is over."),
                            |_| draining(),
                        )));
                    }
                }
                () = stopping.cancelled(), if drained_by.is_none() => {
                    self.reads = false;
                    drained_by = Some(now + self.call.shared.options.timeouts.produce_drain);
                }
            }
        }
    }

    /// Takes one message in.
    fn take(&mut self, message: ProduceRequest) -> Result<(), End> {
        let message_bytes = self.call.bytes.of_next_message();
        match message.step {
            Some(Step::Batch(batch)) => return self.take_batch(batch, message_bytes),
            Some(Step::AcknowledgeFailure(acknowledged)) => {
                let refused = |error| CallError::about("acknowledge_failure.number", invalid(&error));
                self.sequencer.acknowledge(acknowledged.number).map_err(refused)?;
                self.credits.come_back(1, 0);
            }
            Some(Step::Open(_)) => return Err(CallError::field("open", "must be the first message only").into()),
            None => return Err(CallError::field("step", "must be given").into()),
        }
        self.call.bytes.release(message_bytes);
        Ok(())
    }

    fn take_batch(&mut self, batch: ProduceBatch, message_bytes: usize) -> Result<(), End> {
        let ProduceBatch { batch: number, records } = batch;
        if !(1..=BATCH_RECORDS_MAX).contains(&records.len()) {
            return Err(CallError::field("batch.records", "must have 1 to 5,000 records").into());
        }
        let cost = |entry: &PutEntry| (entry.data.len() + entry.partition_key.len()) as u64;
        let bytes = records.iter().filter_map(|record| record.entry.as_ref()).map(cost).sum();
        if !self.batches.begin(number, Batch { unanswered: records.len(), bytes, message_bytes }) {
            return Err(CallError::field("batch.batch", "must be above the number of every earlier batch").into());
        }
        self.credits.spend(records.len() as u64, bytes).map_err(|error| {
            End::Status(Status::resource_exhausted(format!("The stream's credits do not cover {error}.")))
        })?;
        let due = self.call.env.clock.monotonic() + self.record_timeout;
        for (at, record) in records.into_iter().enumerate() {
            if self.last_record.is_some_and(|last| record.number <= last) {
                let field = format!("batch.records[{at}].number");
                return Err(CallError::field(field, "must be above the number of every earlier record").into());
            }
            self.last_record = Some(record.number);
            let key = order_key(record.entry.as_ref().map_or("", |entry| &entry.partition_key));
            let entry = wire::entry_in(record.entry).and_then(|entry| self.check_size(entry));
            let entry = entry.map_err(|error| error.within(&format!("batch.records[{at}].entry")));
            self.sequencer.push(Queued::new(record.number, number, key, entry, due));
        }
        Ok(())
    }

    /// One record too large would fail the whole call that it is in.
    fn check_size(&self, entry: anabranch_api::PutEntry) -> Result<anabranch_api::PutEntry, CallError> {
        let bytes = (entry.data.len() + entry.partition_key.as_str().len()) as u64;
        if bytes > self.record_bytes_max {
            return Err(CallError::about("data", messages::record_too_large("data", self.record_bytes_max)));
        }
        Ok(entry)
    }

    /// Starts every call that can be made.
    fn start_calls(&mut self) {
        let now = self.call.env.clock.monotonic();
        while let Some(next) = self.sequencer.take(now) {
            let entries = next.records.iter().filter_map(|record| record.entry.clone().ok()).collect();
            let request = PutRecords { stream: self.stream.clone(), entries };
            let timeout = self.call.request_timeout();
            let context = self.call.context_until(self.call.draw_request_id(), now + timeout);
            let service = Arc::clone(&self.call.service);
            self.in_flight.push(
                async move {
                    let call = service.put_records(&context, request);
                    let outcome = match tokio::time::timeout(timeout + DEADLINE_GRACE, call).await {
                        Ok(outcome) => outcome.map(|fates| fates.results),
                        Err(_) => Err(ApiError::new(ErrorCode::InternalFailure, messages::INTERNAL_FAILURE)),
                    };
                    (next, outcome)
                }
                .boxed(),
            );
        }
    }

    /// A stream that is gone ends this one: no record can be written any more.
    fn settle(&mut self, call: SequencedCall, outcome: Result<Vec<PutResult>, ApiError>) -> Result<(), End> {
        if let Err(error) = &outcome
            && error.code == ErrorCode::ResourceNotFound
        {
            return Err(End::Error(error.clone().into()));
        }
        self.sequencer.settle(call, outcome, self.call.env.clock.monotonic());
        Ok(())
    }

    /// The next message: answers, and the credits that came back with them.
    fn answer(&mut self) -> ProduceResponse {
        let mut message = ProduceResponse::default();
        for _ in 0..ANSWERS_MAX {
            let Some(Answer { number, batch, fate }) = self.sequencer.next_answer() else { break };
            // Kept for the acknowledgement: so many failures can be open, and no more.
            let record_comes_back = !matches!(fate, Fate::Failed(_));
            match fate {
                Fate::Stored(stored) => message.stored.push(ProduceStored {
                    number,
                    shard_id: stored.shard.to_string(),
                    sequence_number: stored.sequence_number.to_string(),
                }),
                Fate::Failed(error) => {
                    let error = Some(error_message(&error.error, &error.field));
                    message.failed.push(ProduceFailed { number, error, blocked_by: None });
                }
                Fate::Blocked(by) => message.failed.push(blocked(number, by)),
            }
            let finished = self.batches.answered(batch);
            self.credits.come_back(u64::from(record_comes_back), finished.map_or(0, |batch| batch.bytes));
            if let Some(finished) = finished {
                self.call.bytes.release(finished.message_bytes);
                message.finished_batches.push(batch);
            }
        }
        message.credits = self.credits.grant();
        message
    }
}

/// What a record is kept in order by: its partition key, or for one that is too long to be one a short
/// stand-in, since a failed record's key is kept until the client acknowledges the failure.
fn order_key(key: &str) -> Arc<str> {
    if key.len() <= KEY_BYTES_MAX {
        return Arc::from(key);
    }
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    let begins: String = key.chars().take(32).collect();
    Arc::from(format!("{begins}… {} bytes, {:016x}", key.len(), hasher.finish()))
}

/// A code that AWS does not have: there a caller orders its own calls.
fn blocked(number: u64, by: u64) -> ProduceFailed {
    let error = anabranch_proto::v1::Error {
        code: "BlockedByEarlierFailure".to_owned(),
        message: format!("Record {by} of the same partition key failed and was not acknowledged."),
        ..anabranch_proto::v1::Error::default()
    };
    ProduceFailed { number, error: Some(error), blocked_by: Some(by) }
}

fn invalid(error: &impl ToString) -> ApiError {
    ApiError::new(ErrorCode::InvalidArgument, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_too_long_is_kept_short_and_apart_from_others() {
        let longest = "ä".repeat(256);
        assert_eq!(&*order_key(&longest), longest);
        let [one, other] = ["a", "b"].map(|end| format!("{}{end}", "k".repeat(1 << 20)));
        assert!(order_key(&one).len() < 100);
        assert_eq!(order_key(&one), order_key(&one));
        assert_ne!(order_key(&one), order_key(&other));
    }
}
