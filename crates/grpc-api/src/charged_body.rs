//! The bytes of a call in both directions, charged to the node's memory (D16).
//!
//! Of a request, charged is what has arrived and not been given back: a call that is no stream keeps
//! its charge until it is answered, a produce stream gives back what it has answered. Of an answer,
//! what the client has not taken yet.

use crate::message_lengths::MessageLengths;
use anabranch_runtime::{BudgetSpent, Charge, ClientWait, MemoryBudget};
use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use parking_lot::Mutex;
use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio_util::sync::CancellationToken;
use tonic::Status;

/// Bytes charged at a time, so that small frames do not each ask the budget.
const CHARGE_STEP_BYTES: usize = 16 << 10;
/// Parts of an answer up to this size fit the buffers that every connection has anyway.
const SMALL_PART_BYTES: usize = 4 << 10;

/// What an arrived byte costs: itself, and the command that carries its record to the log.
const COST_OF_BYTE: usize = 2;

/// What the bytes of one call cost. Clones share it; all is given back with the last.
#[derive(Debug, Clone)]
pub(crate) struct CallBytes {
    state: Arc<Mutex<State>>,
    memory: MemoryBudget,
    connection: CancellationToken,
}

#[derive(Debug)]
struct State {
    charge: Charge,
    held: usize,
    lengths: MessageLengths,
    /// Since bytes came or were given back last, as long as more may come: of a message that does not
    /// come to its end, nobody else can tell.
    wait: Option<ClientWait>,
}

fn cost(bytes: usize) -> usize {
    (bytes * COST_OF_BYTE).next_multiple_of(CHARGE_STEP_BYTES)
}

impl CallBytes {
    /// No bytes yet. `connection` ends the call's connection when its client keeps memory waiting that
    /// others need.
    pub fn new(memory: MemoryBudget, connection: CancellationToken) -> Self {
        let state = Arc::new(Mutex::new(State {
            charge: memory.open(),
            held: 0,
            lengths: MessageLengths::default(),
            wait: None,
        }));
        CallBytes { state, memory, connection }
    }

    fn arrived(&self, bytes: &[u8]) -> Result<(), BudgetSpent> {
        let mut state = self.state.lock();
        let held = state.held + bytes.len();
        state.charge.grow_to(cost(held))?;
        state.held = held;
        state.lengths.pass(bytes);
        let taken = state.charge.bytes();
        state.wait.get_or_insert_with(|| self.wait_for_client(taken)).holds(taken);
        Ok(())
    }

    /// Bytes that the next message took on its way here, with its frame. To be asked once for each message,
    /// when it has been read.
    pub fn of_next_message(&self) -> usize {
        self.state.lock().lengths.next().unwrap_or_default()
    }

    /// The request is here: what it holds waits for its client no more.
    fn complete(&self) {
        self.state.lock().wait = None;
    }

    /// Says that so many bytes wait for the client, until the guard is dropped.
    pub fn wait_for_client(&self, bytes: usize) -> ClientWait {
        self.memory.wait_for_client(bytes, self.connection.clone())
    }

    /// A part of the answer, charged until the client has taken it.
    pub fn outgoing(&self, part: Bytes) -> Result<Bytes, BudgetSpent> {
        if part.len() <= SMALL_PART_BYTES {
            return Ok(part);
        }
        Ok(self.memory.charge(part.len())?.hold_for_client(part, self.connection.clone()))
    }

    /// Gives back all: the request is read, and what follows needs nothing of it for as long as the
    /// client likes.
    pub fn release_all(&self) {
        self.release(usize::MAX);
    }

    /// Gives back bytes that are not in memory any more.
    pub fn release(&self, bytes: usize) {
        let mut state = self.state.lock();
        state.held = state.held.saturating_sub(bytes);
        let keep = cost(state.held);
        state.charge.shrink_to(keep);
        let has_waited = state.wait.take().is_some();
        state.wait = (has_waited && keep > 0).then(|| self.wait_for_client(keep));
    }
}

/// The body. When the budget is used up, it fails with a status that says so.
pub(crate) struct ChargedBody {
    pub body: Incoming,
    pub bytes: CallBytes,
}

impl Body for ChargedBody {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let frame = match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
            None => {
                self.bytes.complete();
                return Poll::Ready(None);
            }
            Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
            Some(Ok(frame)) => frame,
        };
        let data = frame.data_ref().map_or(&[][..], |data| data);
        Poll::Ready(Some(match self.bytes.arrived(data) {
            Ok(()) => {
                if self.body.is_end_stream() {
                    self.bytes.complete();
                }
                Ok(frame)
            }
            Err(BudgetSpent) => Err(Box::new(no_memory())),
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// What a client is told when the budget is used up.
pub(crate) fn no_memory() -> Status {
    Status::unavailable("Too many bytes of requests and answers are in flight on this node; retry.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use anabranch_runtime::SLOW_AFTER;

    fn call(memory: &MemoryBudget) -> (CallBytes, CancellationToken) {
        let connection = CancellationToken::new();
        (CallBytes::new(memory.clone(), connection.clone()), connection)
    }

    #[tokio::test]
    async fn what_arrives_is_charged_and_what_is_answered_is_given_back() {
        let memory = MemoryBudget::new(100_000);
        let (bytes, _) = call(&memory);
        bytes.arrived(&[0; 20_000]).expect("it fits");
        assert_eq!(memory.free_bytes(), 100_000 - 49_152);
        assert_eq!(bytes.arrived(&[0; 30_000]), Err(BudgetSpent));
        bytes.release(15_000);
        assert_eq!(memory.free_bytes(), 100_000 - 16_384);
        bytes.arrived(&[0; 45_000]).expect_err("the last step is not there");
        drop(bytes);
        assert_eq!(memory.free_bytes(), 100_000);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_does_not_come_to_its_end_gives_way_and_a_whole_one_does_not() {
        let memory = MemoryBudget::new(100_000);
        let ((part, of_part), (whole, of_whole)) = (call(&memory), call(&memory));
        part.arrived(&[0; 20_000]).expect("it fits");
        whole.arrived(&[0; 20_000]).expect("it fits");
        whole.complete();
        tokio::time::advance(SLOW_AFTER).await;
        let (late, of_late) = call(&memory);
        assert_eq!(late.arrived(&[0; 20_000]), Err(BudgetSpent));
        assert_eq!((of_part.is_cancelled(), of_whole.is_cancelled(), of_late.is_cancelled()), (true, false, false));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_that_is_answered_does_not_wait_for_its_client() {
        let memory = MemoryBudget::new(100_000);
        let (stream, connection) = call(&memory);
        stream.arrived(&[0; 30_000]).expect("it fits");
        tokio::time::advance(SLOW_AFTER).await;
        stream.release(10_000);
        assert!(memory.charge(90_000).is_err());
        assert!(!connection.is_cancelled());
        tokio::time::advance(SLOW_AFTER).await;
        assert!(memory.charge(90_000).is_err());
        assert!(connection.is_cancelled(), "the rest has waited for as long");
    }

    #[tokio::test]
    async fn a_call_that_goes_on_keeps_nothing_of_its_request() {
        let memory = MemoryBudget::new(100_000);
        let (bytes, _) = call(&memory);
        bytes.arrived(&[0; 5]).expect("it fits");
        bytes.release_all();
        assert_eq!(memory.free_bytes(), 100_000);
    }

    #[tokio::test]
    async fn parts_of_an_answer_are_charged_until_they_are_taken() {
        let memory = MemoryBudget::new(10_000);
        let (bytes, _) = call(&memory);
        let part = bytes.outgoing(Bytes::from(vec![7; 9_000])).expect("it fits");
        assert_eq!(memory.free_bytes(), 1_000);
        assert_eq!(bytes.outgoing(Bytes::from(vec![7; 9_000])), Err(BudgetSpent));
        assert!(bytes.outgoing(Bytes::from_static(b"small")).is_ok());
        drop(part);
        assert_eq!(memory.free_bytes(), 10_000);
    }
}
