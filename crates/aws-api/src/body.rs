//! Collects a request's body into one piece, hashing as it comes.
//!
//! Memory is charged for bytes that have arrived, not for bytes that were announced, and no more is
//! taken than was charged: a client must send what it wants to occupy.

use crate::options::{DoorLimits, DoorTimeouts};
use crate::sigv4::BodyHash;
use anabranch_runtime::{Charge, MemoryBudget};
use aws_lc_rs::digest::{Context, SHA256};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Body;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

/// Bytes charged at a time, so that small frames do not each ask the budget.
const CHARGE_STEP_BYTES: usize = 64 << 10;
/// What is read and dropped of a body that is too large, in multiples of the largest allowed.
const DISCARD_FACTOR: usize = 4;

/// What a body of so many bytes costs: itself, its records decoded from base64, and the command that
/// carries them to the log, each of which is three quarters of it.
fn cost(bytes: usize) -> usize {
    (bytes + bytes / 2 * 3).next_multiple_of(CHARGE_STEP_BYTES)
}

/// Room for a body of which so many bytes have come: as much as they cost, until the body is whole and
/// what else they pay for begins. Memory that was used before counts as soon as it is reserved.
fn room(bytes: usize, expected_bytes: Option<usize>) -> usize {
    cost(bytes).min(expected_bytes.unwrap_or(usize::MAX)).max(bytes)
}

/// A whole body.
#[derive(Debug)]
pub(crate) struct Collected {
    pub(crate) bytes: Bytes,
    /// Zeroes when no hash was asked for.
    pub(crate) hash: BodyHash,
    /// Kept until the request is answered.
    pub(crate) charge: Charge,
}

/// Why there is no body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyRefused {
    /// Larger than the limit.
    TooLarge,
    /// All requests together are larger than the budget, or it was needed for quicker ones.
    NoMemory,
    /// Slower than the limit.
    TooSlow,
    /// The client broke off or broke the protocol.
    Broken,
}

/// The rules a body is read by.
#[derive(Debug, Clone)]
pub(crate) struct BodyReader {
    memory: MemoryBudget,
    bytes_max: usize,
    grace: Duration,
    bytes_per_second_min: u32,
    hashing: bool,
}

impl BodyReader {
    pub(crate) fn new(limits: &DoorLimits, timeouts: &DoorTimeouts, memory: MemoryBudget, hashing: bool) -> Self {
        BodyReader {
            memory,
            bytes_max: limits.body_bytes_max,
            grace: timeouts.body_grace,
            bytes_per_second_min: timeouts.body_bytes_per_second_min.max(1),
            hashing,
        }
    }

    /// Reads `body` to its end. A body of one frame is not copied, any other once or twice. Not
    /// cancel-safe: what was read is lost.
    pub(crate) async fn collect<B: Body<Data = Bytes> + Unpin>(&self, body: &mut B) -> Result<Collected, BodyRefused> {
        let announced = body.size_hint().exact();
        if announced.is_some_and(|bytes| bytes > self.bytes_max as u64) {
            return Err(BodyRefused::TooLarge);
        }
        let mut charge = self.memory.open();
        let (mut waits, needed_elsewhere) = (None, CancellationToken::new());
        let mut hash = self.hashing.then(|| Context::new(&SHA256));
        let mut pieces = Pieces::new(announced.map(|bytes| bytes as usize));
        let started = Instant::now();
        loop {
            let next = tokio::select! {
                biased;
                next = self.next(body, started, pieces.len()) => next?,
                () = needed_elsewhere.cancelled() => return Err(BodyRefused::NoMemory),
            };
            let Some(data) = next else { break };
            let length = pieces.len().saturating_add(data.len());
            if length > self.bytes_max {
                return Err(BodyRefused::TooLarge);
            }
            charge.grow_to_claiming(cost(length)).await.map_err(|_| BodyRefused::NoMemory)?;
            if let Some(hash) = &mut hash {
                hash.update(&data);
            }
            pieces.push(data);
            if !body.is_end_stream() {
                let wait = || self.memory.wait_for_client(charge.bytes(), needed_elsewhere.clone());
                waits.get_or_insert_with(wait).holds(charge.bytes());
            }
        }
        let hash = hash.map(|context| context.finish());
        let hash = hash.and_then(|digest| digest.as_ref().try_into().ok()).unwrap_or_default();
        Ok(Collected { bytes: pieces.join(), hash, charge })
    }

    /// Reads on and drops what comes, so that a client which sends before it reads gets to see
    /// its answer. Stops at the latest after a few times the largest allowed body. Says whether
    /// the end was reached.
    pub(crate) async fn discard<B: Body<Data = Bytes> + Unpin>(&self, body: &mut B) -> bool {
        let (started, mut discarded) = (Instant::now(), 0_usize);
        while discarded <= self.bytes_max.saturating_mul(DISCARD_FACTOR) {
            match self.next(body, started, discarded).await {
                Ok(Some(data)) => discarded = discarded.saturating_add(data.len()),
                Ok(None) => return true,
                Err(_) => return false,
            }
        }
        false
    }

    /// The next piece, none at the end. `received` bytes have come since `started`.
    async fn next<B: Body<Data = Bytes> + Unpin>(
        &self,
        body: &mut B,
        started: Instant,
        received: usize,
    ) -> Result<Option<Bytes>, BodyRefused> {
        let earned = Duration::from_secs(received as u64 / u64::from(self.bytes_per_second_min));
        loop {
            match timeout_at(started + self.grace + earned, body.frame()).await {
                Err(_) => return Err(BodyRefused::TooSlow),
                Ok(None) => return Ok(None),
                Ok(Some(Err(_))) => return Err(BodyRefused::Broken),
                // Trailers carry nothing that is of use here.
                Ok(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => return Ok(Some(data)),
                    Err(_) => continue,
                },
            }
        }
    }
}

/// The pieces so far: none, one as it came, or all of them copied into one.
struct Pieces {
    expected_bytes: Option<usize>,
    only: Bytes,
    joined: BytesMut,
}

impl Pieces {
    fn new(expected_bytes: Option<usize>) -> Self {
        Pieces { expected_bytes, only: Bytes::new(), joined: BytesMut::new() }
    }

    fn len(&self) -> usize {
        self.only.len() + self.joined.len()
    }

    fn push(&mut self, data: Bytes) {
        if self.len() == 0 {
            self.only = data;
            return;
        }
        let length = self.len() + data.len();
        if length > self.joined.capacity() {
            let mut larger = BytesMut::with_capacity(room(length, self.expected_bytes));
            larger.extend_from_slice(&self.joined);
            self.joined = larger;
        }
        self.joined.extend_from_slice(&std::mem::take(&mut self.only));
        self.joined.extend_from_slice(&data);
    }

    fn join(self) -> Bytes {
        if self.joined.is_empty() { self.only } else { self.joined.freeze() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anabranch_runtime::SLOW_AFTER;
    use futures::StreamExt;
    use http_body_util::{Full, StreamBody};
    use hyper::body::Frame;
    use std::convert::Infallible;

    fn reader() -> BodyReader {
        let limits = DoorLimits { body_bytes_max: 100_000, ..DoorLimits::default() };
        BodyReader::new(&limits, &DoorTimeouts::default(), MemoryBudget::new(400_000), true)
    }

    fn frames(sizes: &'static [usize]) -> impl Body<Data = Bytes, Error = Infallible> + Unpin {
        StreamBody::new(futures::stream::iter(sizes.iter().map(|size| Ok(Frame::data(Bytes::from(vec![7; *size]))))))
    }

    #[tokio::test]
    async fn a_body_of_one_frame_is_not_copied() {
        let sent = Bytes::from(vec![1; 5000]);
        let collected = reader().collect(&mut Full::new(sent.clone())).await.expect("it fits");
        assert_eq!(collected.bytes.as_ptr(), sent.as_ptr());
    }

    #[tokio::test]
    async fn pieces_are_joined_in_order_and_hashed_as_one() {
        let collected = reader().collect(&mut frames(&[1, 0, 70_000, 5])).await.expect("it fits");
        assert_eq!(collected.bytes, vec![7; 70_006]);
        assert_eq!(collected.hash.as_slice(), aws_lc_rs::digest::digest(&SHA256, &collected.bytes).as_ref());
    }

    #[test]
    fn no_more_room_is_taken_than_was_charged() {
        let announced = 5 << 20;
        let mut pieces = Pieces::new(Some(announced));
        for nth in 1..=announced / 1024 {
            pieces.push(Bytes::from(vec![7; 1024]));
            assert!(pieces.joined.capacity() <= cost(nth * 1024), "{nth} KiB have come");
        }
        assert_eq!(pieces.joined.capacity(), announced, "a whole body has no room to spare");
    }

    #[tokio::test]
    async fn announced_and_unannounced_bodies_over_the_limit_are_refused() {
        let announced = reader().collect(&mut Full::new(Bytes::from(vec![0; 100_001]))).await;
        assert_eq!(announced.err(), Some(BodyRefused::TooLarge));
        assert_eq!(reader().collect(&mut frames(&[100_000, 1])).await.err(), Some(BodyRefused::TooLarge));
        assert!(reader().collect(&mut frames(&[100_000])).await.is_ok());
    }

    #[tokio::test]
    async fn a_spent_budget_refuses_until_an_answered_request_gives_back() {
        let reader = reader();
        let held = reader.collect(&mut frames(&[100_000])).await.expect("the budget is free");
        assert_eq!(reader.collect(&mut frames(&[90_000])).await.err(), Some(BodyRefused::NoMemory));
        drop(held);
        assert_eq!(reader.memory.free_bytes(), 400_000);
        assert!(reader.collect(&mut frames(&[90_000])).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_comes_slowly_gives_way_to_a_quick_one() {
        let reader = reader();
        let half = futures::stream::iter([Ok::<_, Infallible>(Frame::data(Bytes::from(vec![7; 60_000])))]);
        let mut slow = StreamBody::new(half.chain(futures::stream::pending()));
        let mut collecting = Box::pin(reader.collect(&mut slow));
        assert!(futures::poll!(collecting.as_mut()).is_pending(), "the rest does not come");
        let taken = 400_000 - reader.memory.free_bytes();
        tokio::time::advance(SLOW_AFTER).await;
        let mut large = frames(&[100_000]);
        let quick = reader.collect(&mut large);
        let (slow, quick) = futures::join!(collecting, quick);
        assert!(taken > 400_000 - cost(100_000), "there is no room for both");
        assert_eq!((slow.err(), quick.is_ok()), (Some(BodyRefused::NoMemory), true));
    }

    #[tokio::test(start_paused = true)]
    #[allow(clippy::disallowed_methods, reason = "the time of this test is paused")]
    async fn a_body_that_stalls_is_refused_and_one_that_keeps_its_rate_is_not() {
        let slow = DoorTimeouts { body_bytes_per_second_min: 1000, ..DoorTimeouts::default() };
        let reader = BodyReader::new(&DoorLimits::default(), &slow, MemoryBudget::unbounded(), false);
        let drip = |seconds: u64| {
            let pieces = futures::stream::unfold(0, move |sent| async move {
                tokio::time::sleep(Duration::from_secs(seconds)).await;
                (sent < 60).then(|| (Ok::<_, Infallible>(Frame::data(Bytes::from(vec![7; 1000]))), sent + 1))
            });
            StreamBody::new(Box::pin(pieces))
        };
        assert!(reader.collect(&mut drip(1)).await.is_ok());
        assert_eq!(reader.collect(&mut drip(2)).await.err(), Some(BodyRefused::TooSlow));
    }
}
