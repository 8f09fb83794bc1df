//! Gathers the puts that wait for a group into entries of its log.
//!
//! An entry costs its group the same messages, wakeups and fdatasyncs whether it holds one call or
//! fifty. So while a group has [`ENTRIES_MAX`] entries with puts on their way, small puts wait, and go
//! as one entry once one of those is done or [`GATHERED_BYTES`] wait. An idle group waits for nothing,
//! large puts neither, and the busier a group is, the less a call costs it.

use crate::admission::{self, AdmittedPut};
use crate::group_host::HostedGroup;
use crate::metrics;
use anabranch_cluster::NodeError;
use anabranch_runtime::OnFailure;
use anabranch_shard::{PUT_RECORDS_MAX, RequestOutcome, decode_put_outcome};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::oneshot;

/// Entries with puts that a group has on their way before others wait: one is written while the other
/// is on its way between nodes.
const ENTRIES_MAX: usize = 2;
/// Data and key bytes that wait no longer: beside them, what an entry costs by itself is little.
const GATHERED_BYTES: u64 = 128 << 10;
/// Data and key bytes of an entry of several calls. Larger entries cost a byte no less, and hold up
/// what comes behind them.
const BATCH_BYTES_MAX: u64 = 1 << 20;

/// What became of a put: the entry that holds it, and its outcome there.
pub(crate) type PutAnswer = Result<(u64, RequestOutcome), NodeError>;

/// The puts of one group that wait for an entry.
#[derive(Default)]
pub(crate) struct PutBatches {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// While any wait, [`ENTRIES_MAX`] entries or more are on their way.
    waiting: VecDeque<Waiting>,
    /// Data and key bytes of those.
    waiting_bytes: u64,
    on_their_way: usize,
}

struct Waiting {
    put: Arc<AdmittedPut>,
    answer: oneshot::Sender<PutAnswer>,
}

/// The right to have an entry on its way. Whoever lets it go lets others have it.
struct Place {
    host: Arc<HostedGroup>,
}

/// Proposes `put` with others or alone; answers once it is durable on a majority and applied here.
/// The future may be dropped: the outcome is unknown then, to its caller and to nobody else.
///
/// # Errors
/// `NotLeader` and `Unavailable` when it was certainly not written, `Unknown` when it may have been.
pub(crate) async fn propose(host: &Arc<HostedGroup>, put: Arc<AdmittedPut>) -> PutAnswer {
    let (answer, told) = oneshot::channel();
    if let Some((place, alone)) = enter(host, Waiting { put, answer }) {
        write(host, alone).await;
        drop(place);
    }
    told.await.unwrap_or_else(|_| Err(NodeError::Unknown { reason: "the group stops".to_owned() }))
}

/// Adds a put to those that wait, or answers the entry to be written now: of this put alone, since
/// nothing waits while another entry may begin.
fn enter(host: &Arc<HostedGroup>, put: Waiting) -> Option<(Place, Vec<Waiting>)> {
    let bytes = put.put.bytes();
    let mut state = host.batches.state.lock();
    if state.on_their_way < ENTRIES_MAX || (state.waiting.is_empty() && bytes >= GATHERED_BYTES) {
        state.on_their_way += 1;
        return Some((Place { host: Arc::clone(host) }, vec![put]));
    }
    state.waiting.push_back(put);
    state.waiting_bytes += bytes;
    if state.waiting_bytes >= GATHERED_BYTES {
        state.on_their_way += 1;
        let batch = state.next_batch();
        drop(state);
        Place { host: Arc::clone(host) }.write_with_what_comes(batch);
    }
    None
}

impl Place {
    /// In a task of its own: the puts of several callers end with none of them.
    fn write_with_what_comes(self, first: Option<Vec<Waiting>>) {
        let tasks = self.host.env.tasks.clone();
        tasks.spawn("puts", OnFailure::ShutDown, async move {
            let mut next = first;
            while let Some(batch) = next {
                write(&self.host, batch).await;
                next = self.host.batches.state.lock().next_batch();
            }
        });
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.host.batches.state.lock();
        if self.host.env.tasks.stopping().is_cancelled() {
            state.waiting.clear();
            state.waiting_bytes = 0;
        }
        if state.waiting.is_empty() || state.on_their_way > ENTRIES_MAX {
            state.on_their_way -= 1;
            return;
        }
        let batch = state.next_batch();
        drop(state);
        Place { host: Arc::clone(&self.host) }.write_with_what_comes(batch);
    }
}

impl State {
    /// What goes next of what waits. A request whose repetition waits beside it goes before that one:
    /// apart, the second is answered as the first was, however many of its records that had room for.
    fn next_batch(&mut self) -> Option<Vec<Waiting>> {
        let mut batch: Vec<Waiting> = vec![self.waiting.pop_front()?];
        let (mut bytes, mut records) = (batch[0].put.bytes(), batch[0].put.records());
        self.waiting_bytes -= bytes;
        while let Some(next) = self.waiting.front() {
            let next_bytes = next.put.bytes();
            bytes += next_bytes;
            records += next.put.records();
            let is_repeated = batch.iter().any(|put| put.put.request.request_id == next.put.request.request_id);
            if bytes > BATCH_BYTES_MAX || records > u64::from(PUT_RECORDS_MAX) || is_repeated {
                break;
            }
            batch.extend(self.waiting.pop_front());
            self.waiting_bytes -= next_bytes;
        }
        Some(batch)
    }
}

/// Writes one entry and tells each caller what became of its put.
async fn write(host: &HostedGroup, batch: Vec<Waiting>) {
    // Nobody waits for these any more, and nothing of them was written.
    let (batch, left): (Vec<_>, Vec<_>) = batch.into_iter().partition(|put| !put.answer.is_closed());
    left.iter().for_each(|put| put.put.refund(host));
    if batch.is_empty() {
        return;
    }
    let outcomes = propose_entry(host, &batch).await;
    match outcomes {
        Ok((index, outcomes)) => {
            for (put, outcome) in batch.into_iter().zip(outcomes) {
                // A caller may have left in the meantime.
                let _ = put.answer.send(Ok((index, outcome)));
            }
        }
        Err(error) => {
            for put in batch {
                let _ = put.answer.send(Err(error.clone()));
            }
        }
    }
}

async fn propose_entry(host: &HostedGroup, batch: &[Waiting]) -> Result<(u64, Vec<RequestOutcome>), NodeError> {
    let command = admission::pack(host, batch.iter().map(|put| put.put.as_ref()));
    let bytes = command.len();
    let proposed = host.group.propose(command).await.map_err(|error| host.propose_failed(error))?;
    metrics::entry_applied(bytes);
    let damaged = |reason: String| NodeError::Damaged { reason };
    let outcomes = decode_put_outcome(&proposed.outcome).map_err(|malformed| damaged(malformed.to_string()))?;
    if outcomes.len() != batch.len() {
        return Err(damaged(format!(
            "{} outcomes of {} puts in entry {}",
            outcomes.len(),
            batch.len(),
            proposed.index
        )));
    }
    Ok((proposed.index, outcomes))
}
