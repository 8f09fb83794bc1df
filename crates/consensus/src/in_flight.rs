//! Bounds the commands that were proposed and are not durable yet, over all groups of a node.
//!
//! What is in flight when the log gets full must fit the segments it reserves: a group that
//! waits for room inside openraft can neither flush nor purge. It also bounds memory (D16).

use parking_lot::Mutex;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What a command's frame and the batch it may be alone in take beside it.
const OVERHEAD_BYTES: usize = 128;
/// Batches of the log take whole blocks.
const BLOCK_BYTES: usize = 4096;

/// What a command takes of the log at the most.
fn cost(bytes: usize) -> usize {
    (bytes + OVERHEAD_BYTES).next_multiple_of(BLOCK_BYTES)
}

/// Bytes in flight, shared by all groups of a node. Clones are the same bound.
#[derive(Debug, Clone)]
pub struct InFlight {
    left: Arc<Semaphore>,
    bytes_max: u32,
    /// Bytes of leaders' entries that were let in since the log got full.
    into_full_log_bytes: Arc<Mutex<u64>>,
}

/// The room of one command; given back on drop.
#[derive(Debug, Clone)]
pub(crate) struct Admission {
    _permit: Arc<OwnedSemaphorePermit>,
}

impl InFlight {
    /// The most that suits a log which lets admitted entries use one segment of `segment_bytes` while
    /// it is full: a third, so that leaders' commands, half as much for followers', and the ends of
    /// segments fit.
    pub fn bytes_for_segments(segment_bytes: u64) -> u32 {
        u32::try_from(segment_bytes / 3).unwrap_or(u32::MAX)
    }

    /// At most `bytes_max` at a time; a command larger than that waits until it is alone.
    pub fn new(bytes_max: u32) -> Self {
        InFlight { left: Arc::new(Semaphore::new(bytes_max as usize)), bytes_max, into_full_log_bytes: Arc::default() }
    }

    /// Waits, first come first served, until a command of `bytes` fits. Cancel-safe.
    pub(crate) async fn admit(&self, bytes: usize) -> Admission {
        let wanted = u32::try_from(cost(bytes)).unwrap_or(u32::MAX).min(self.bytes_max);
        let permit = Arc::clone(&self.left).acquire_many_owned(wanted).await;
        Admission { _permit: Arc::new(permit.expect("the semaphore is never closed")) }
    }

    /// Whether a follower takes entries of `bytes` though its log is full. Those that free space
    /// come from the leader like all others; so some are let into the reserve, half as much as may
    /// be in flight, until there was room again.
    pub(crate) fn lets_into_full_log(&self, bytes: usize) -> bool {
        let mut let_in = self.into_full_log_bytes.lock();
        let with_these = *let_in + cost(bytes) as u64;
        let fits = with_these <= u64::from(self.bytes_max / 2);
        if fits {
            *let_in = with_these;
        }
        fits
    }

    /// The log has room: its reserve is whole.
    pub(crate) fn log_has_room(&self) {
        *self.into_full_log_bytes.lock() = 0;
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
        let also = in_flight.admit(3_000).now_or_never().expect("fits beside the block of the first");
        assert!(in_flight.admit(1).now_or_never().is_none(), "a block is not left");
        let mut oversized = Box::pin(in_flight.admit(1 << 20));
        assert!(oversized.as_mut().now_or_never().is_none());
        drop((small, also));
        assert!(oversized.now_or_never().is_some());
    }

    #[test]
    fn a_full_log_takes_half_of_what_may_be_in_flight_until_there_was_room() {
        let in_flight = InFlight::new(16_384);
        assert!(in_flight.lets_into_full_log(1) && in_flight.lets_into_full_log(1), "a block each");
        assert!(!in_flight.lets_into_full_log(1), "a third one is more than half");
        in_flight.log_has_room();
        assert!(in_flight.lets_into_full_log(5_000));
        assert!(!in_flight.lets_into_full_log(1));
    }
}
