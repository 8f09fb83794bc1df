//! Bodies of calls and their replies, charged to the node's memory (D16): the public API's bounds are
//! those of the node that a client has called, and the calls of all others come on top of them.

use crate::wire::refusal::{Refusal, RefusedField};
use anabranch_runtime::{BudgetSpent, Charge, MemoryBudget};
use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use parking_lot::Mutex;
use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// Bytes charged at a time, so that small frames do not each ask the budget.
const CHARGE_STEP_BYTES: usize = 16 << 10;
/// Parts of a reply up to this size fit the buffers that every connection has anyway.
const SMALL_PART_BYTES: usize = 64 << 10;

type BoxError = Box<dyn Error + Send + Sync>;

/// What a message costs. Clones share it; all is given back with the last.
#[derive(Debug, Clone)]
pub(super) struct MessageCharge(Arc<Mutex<Charge>>);

impl MessageCharge {
    pub fn new(charge: Charge) -> Self {
        MessageCharge(Arc::new(Mutex::new(charge)))
    }

    /// `part` of the message, which keeps the charge of the whole.
    pub fn hold(&self, part: Bytes) -> Bytes {
        if part.is_empty() { part } else { Bytes::from_owner(Part { part, _charge: self.clone() }) }
    }

    fn grow_to(&self, bytes: usize) -> Result<(), Refusal> {
        self.0.lock().grow_to(bytes.next_multiple_of(CHARGE_STEP_BYTES)).map_err(refused)
    }

    fn shrink_to(&self, bytes: usize) {
        self.0.lock().shrink_to(bytes.next_multiple_of(CHARGE_STEP_BYTES));
    }
}

fn refused(spent: BudgetSpent) -> Refusal {
    Refusal::new(RefusedField::Memory, spent.to_string())
}

struct Part {
    part: Bytes,
    _charge: MessageCharge,
}

impl AsRef<[u8]> for Part {
    fn as_ref(&self) -> &[u8] {
        &self.part
    }
}

/// A body whose bytes are charged on their way. Where there is no room, it fails with a refusal.
pub(super) struct Charged<B> {
    body: B,
    way: Way,
}

enum Way {
    /// As they come, until the message is used.
    Arriving {
        charge: MessageCharge,
        /// What so many bytes cost.
        cost: fn(usize) -> usize,
        arrived: usize,
    },
    /// Large parts, until the other side has taken them.
    Leaving(MemoryBudget),
}

impl<B> Charged<B> {
    /// A body that is charged as it comes; what `charge` has beyond its cost is given back at its end.
    pub fn arriving(body: B, charge: MessageCharge, cost: fn(usize) -> usize) -> Self {
        Charged { body, way: Way::Arriving { charge, cost, arrived: 0 } }
    }

    /// A body whose large parts are charged until the other side has taken them.
    pub fn leaving(body: B, memory: MemoryBudget) -> Self {
        Charged { body, way: Way::Leaving(memory) }
    }
}

impl Way {
    fn charged(&mut self, frame: Frame<Bytes>) -> Result<Frame<Bytes>, Refusal> {
        match self {
            Way::Arriving { charge, cost, arrived } => {
                *arrived += frame.data_ref().map_or(0, Bytes::len);
                charge.grow_to(cost(*arrived))?;
                if frame.is_trailers() {
                    self.at_end();
                }
                Ok(frame)
            }
            Way::Leaving(memory) => match frame.into_data() {
                Ok(data) if data.len() > SMALL_PART_BYTES => {
                    Ok(Frame::data(memory.charge(data.len()).map_err(refused)?.hold(data)))
                }
                Ok(data) => Ok(Frame::data(data)),
                Err(frame) => Ok(frame),
            },
        }
    }

    fn at_end(&self) {
        if let Way::Arriving { charge, cost, arrived } = self {
            charge.shrink_to(cost(*arrived));
        }
    }
}

impl<B> Body for Charged<B>
where
    B: Body<Data = Bytes, Error: Into<BoxError>> + Unpin,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Poll::Ready(match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
            None => {
                self.way.at_end();
                None
            }
            Some(Err(error)) => Some(Err(error.into())),
            Some(Ok(frame)) => Some(self.way.charged(frame).map_err(|refusal| refusal.into_status().into())),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::{BodyExt, Full};
    use tonic::Status;

    fn refusal_of(error: &BoxError) -> Option<RefusedField> {
        Refusal::of_status(error.downcast_ref::<Status>()?).map(|refusal| refusal.field)
    }

    #[tokio::test]
    async fn what_arrives_is_charged_until_the_last_part_of_it_is_dropped() {
        let memory = MemoryBudget::new(64 << 10);
        let charge = MessageCharge::new(memory.open());
        let arriving = Charged::arriving(Full::new(Bytes::from(vec![7; 20 << 10])), charge.clone(), |bytes| 2 * bytes);
        let bytes = arriving.collect().await.expect("it fits").to_bytes();
        assert_eq!(memory.free_bytes(), 16 << 10);
        let part = charge.hold(bytes.slice(5..6));
        drop((bytes, charge));
        assert_eq!(memory.free_bytes(), 16 << 10);
        drop(part);
        assert_eq!(memory.free_bytes(), 64 << 10);
    }

    #[tokio::test]
    async fn bodies_without_room_are_refused_for_the_memory() {
        let memory = MemoryBudget::new(64 << 10);
        let body = || Full::new(Bytes::from(vec![7; 65 << 10]));
        let arriving = Charged::arriving(body(), MessageCharge::new(memory.open()), |bytes| bytes);
        let error = arriving.collect().await.expect_err("64 KiB are free");
        assert_eq!(refusal_of(&error), Some(RefusedField::Memory));
        let error = Charged::leaving(body(), memory.clone()).collect().await.expect_err("64 KiB are free");
        assert_eq!(refusal_of(&error), Some(RefusedField::Memory));
        assert_eq!(memory.free_bytes(), 64 << 10);
    }
}
