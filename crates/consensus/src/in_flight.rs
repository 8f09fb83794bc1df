//! Bounds the commands that were proposed and are not durable yet, over all groups of a node.
//!
//! What is in flight when the log gets full must fit the segments it reserves: a group that
//! waits for room inside openraft can neither flush nor purge. It also bounds memory (D16).

use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What the smallest command costs: a batch of its own takes a block of the log.
const COMMAND_BYTES_MIN: usize = 4096;

/// Bytes in flight, shared by all groups of a node. Clones are the same bound.
#[derive(Debug, Clone)]
pub struct InFlight {
    left: Arc<Semaphore>,
    bytes_max: u32,
}

/// The room of one command; given back on drop.
#[derive(Debug, Clone)]
pub(crate) struct Admission(#[allow(dead_code, reason = "held for its drop")] Arc<OwnedSemaphorePermit>);

impl InFlight {
    /// At most `bytes_max` at a time; a command larger than that waits until it is alone.
    pub fn new(bytes_max: u32) -> Self {
        InFlight { left: Arc::new(Semaphore::new(bytes_max as usize)), bytes_max }
    }

    /// Waits, first come first served, until a command of `bytes` fits. Cancel-safe.
    pub(crate) async fn admit(&self, bytes: usize) -> Admission {
        let wanted = u32::try_from(bytes.max(COMMAND_BYTES_MIN)).unwrap_or(u32::MAX).min(self.bytes_max);
        let permit = Arc::clone(&self.left).acquire_many_owned(wanted).await;
        Admission(Arc::new(permit.expect("the semaphore is never closed")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[test]
    fn commands_wait_for_each_other_and_an_oversized_one_for_all() {
        let in_flight = InFlight::new(10_000);
        let small = in_flight.admit(1).now_or_never().expect("fits");
        let also = in_flight.admit(5_000).now_or_never().expect("fits beside the block of the first");
        assert!(in_flight.admit(1).now_or_never().is_none(), "a block is not left");
        let mut oversized = Box::pin(in_flight.admit(1 << 20));
        assert!(oversized.as_mut().now_or_never().is_none());
        drop((small, also));
        assert!(oversized.now_or_never().is_some());
    }
}
