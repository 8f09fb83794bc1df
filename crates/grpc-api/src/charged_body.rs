//! A request's body that is charged to the port's budget as it comes (D16).
//!
//! Charged is what has arrived and not been given back: a call that is no stream keeps its charge
//! until it is answered, a produce stream gives back what it has answered.

use anabranch_aws_api::{BudgetSpent, ByteBudget, Charge};
use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use parking_lot::Mutex;
use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tonic::Status;

/// Bytes charged at a time, so that small frames do not each ask the budget.
const CHARGE_STEP_BYTES: usize = 16 << 10;

/// What the bytes of one call cost. Clones share it; all is given back with the last.
#[derive(Debug, Clone)]
pub(crate) struct CallBytes(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    charge: Charge,
    held: usize,
}

impl CallBytes {
    pub fn new(budget: &ByteBudget) -> Result<Self, BudgetSpent> {
        Ok(CallBytes(Arc::new(Mutex::new(State { charge: budget.open()?, held: 0 }))))
    }

    fn arrived(&self, bytes: usize) -> Result<(), BudgetSpent> {
        let mut state = self.0.lock();
        let held = state.held + bytes;
        state.charge.grow_to(held.next_multiple_of(CHARGE_STEP_BYTES))?;
        state.held = held;
        Ok(())
    }

    /// Gives back bytes that are not in memory any more.
    pub fn release(&self, bytes: usize) {
        let mut state = self.0.lock();
        state.held = state.held.saturating_sub(bytes);
        let keep = state.held.next_multiple_of(CHARGE_STEP_BYTES);
        state.charge.shrink_to(keep);
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
            None => return Poll::Ready(None),
            Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
            Some(Ok(frame)) => frame,
        };
        let size = frame.data_ref().map_or(0, Bytes::len);
        Poll::Ready(Some(match self.bytes.arrived(size) {
            Ok(()) => Ok(frame),
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
    Status::unavailable("Too many bytes of requests are in flight on this node; retry.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_arrives_is_charged_and_what_is_answered_is_given_back() {
        let budget = ByteBudget::new(100_000);
        let bytes = CallBytes::new(&budget).expect("an empty charge");
        bytes.arrived(50_000).expect("it fits");
        assert_eq!(budget.free_bytes(), 100_000 - 65_536);
        assert_eq!(bytes.arrived(50_000), Err(BudgetSpent));
        bytes.release(40_000);
        assert_eq!(budget.free_bytes(), 100_000 - 16_384);
        bytes.arrived(90_000).expect_err("the last step is not there");
        drop(bytes);
        assert_eq!(budget.free_bytes(), 100_000);
    }
}
