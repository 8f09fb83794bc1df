//! Memory that clients occupy, bounded for the whole node (D16).
//!
//! Whoever takes bytes on a client's behalf charges them first, and refuses when they are not there.
//! Bytes that wait for a client, because its request still comes or its answer is still going out,
//! can be claimed back: when memory is short, the clients that have kept it waiting longest lose
//! theirs, so that a thousand slow ones take nothing from those that are quick.

use bytes::Bytes;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

/// A client that keeps memory waiting is left alone for so long: what a request or an answer of the
/// largest size takes on a usual network.
pub const SLOW_AFTER: Duration = Duration::from_secs(1);
/// How long one that needs memory waits for what was claimed back from others.
const CLAIMED_BACK_WITHIN: Duration = Duration::from_secs(1);

/// What a byte of an answer costs, as a fraction: the door prints what was read, in base64, before it
/// lets go of it.
const ANSWER_COST: (usize, usize) = (3, 2);

/// What an answer of so many bytes costs.
pub fn answer_cost(bytes: usize) -> usize {
    bytes.div_ceil(ANSWER_COST.1).saturating_mul(ANSWER_COST.0)
}

/// The budget. Clones share it.
#[derive(Debug, Clone)]
pub struct MemoryBudget {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    bytes_max: usize,
    free: Arc<Semaphore>,
    /// Those that wait for their clients, oldest first.
    waiting: Mutex<BTreeMap<u64, Waiting>>,
    next_place: AtomicU64,
    refused: AtomicU64,
    claimed_back: AtomicU64,
}

#[derive(Debug)]
struct Waiting {
    since: Instant,
    bytes: Arc<AtomicUsize>,
    gives_up: CancellationToken,
}

/// What became of a budget so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryUse {
    /// Bytes of the budget.
    pub bytes_max: u64,
    /// Bytes that are taken now.
    pub taken_bytes: u64,
    /// Times that bytes were asked for in vain.
    pub refused: u64,
    /// Clients whose bytes were claimed back.
    pub claimed_back: u64,
}

/// The budget is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the node's memory for requests is used up")]
pub struct BudgetSpent;

impl MemoryBudget {
    /// A budget of so many bytes.
    pub fn new(bytes: usize) -> Self {
        let bytes_max = bytes.min(Semaphore::MAX_PERMITS);
        MemoryBudget {
            shared: Arc::new(Shared {
                bytes_max,
                free: Arc::new(Semaphore::new(bytes_max)),
                waiting: Mutex::default(),
                next_place: AtomicU64::new(0),
                refused: AtomicU64::new(0),
                claimed_back: AtomicU64::new(0),
            }),
        }
    }

    /// One that is never spent, for parts that are used alone.
    pub fn unbounded() -> Self {
        MemoryBudget::new(usize::MAX)
    }

    /// An empty charge, to grow.
    pub fn open(&self) -> Charge {
        let permit = Arc::clone(&self.shared.free).try_acquire_many_owned(0);
        Charge { permit: permit.expect("none is always free"), shared: Arc::clone(&self.shared) }
    }

    /// A charge of so many bytes.
    ///
    /// # Errors
    /// [`BudgetSpent`] when they are not there now.
    pub fn charge(&self, bytes: usize) -> Result<Charge, BudgetSpent> {
        let mut charge = self.open();
        charge.grow_to(bytes)?;
        Ok(charge)
    }

    /// A copy of `bytes`, for an answer that has `held` bytes already; charged for as long as any part
    /// of it is there. An answer takes no more than half of what it leaves to others, but for its first
    /// bytes: so many answers at once are shorter instead of some being refused.
    ///
    /// # Errors
    /// [`BudgetSpent`] when there is no room for it now.
    pub fn copy_for_answer(&self, bytes: &[u8], held: usize) -> Result<Bytes, BudgetSpent> {
        if held > 0 && answer_cost(held + bytes.len()) > self.free_bytes() / 2 {
            return Err(BudgetSpent);
        }
        Ok(self.charge(answer_cost(bytes.len()))?.hold(Bytes::copy_from_slice(bytes)))
    }

    /// A charge for an answer of at most `wanted` bytes that others make: of fewer where little is left,
    /// but of `least`. With it, of how many.
    ///
    /// # Errors
    /// [`BudgetSpent`] when there is no room for the least now.
    pub fn grant_answer(&self, wanted: usize, least: usize) -> Result<(Charge, usize), BudgetSpent> {
        let granted = wanted.min(least.max(self.free_bytes() / 3 / ANSWER_COST.0 * ANSWER_COST.1));
        Ok((self.charge(answer_cost(granted))?, granted))
    }

    /// Says that `bytes` of a charge wait for a client from now on. While the guard lives, `gives_up`
    /// is cancelled when others need them; whoever holds them then lets go.
    pub fn wait_for_client(&self, bytes: usize, gives_up: CancellationToken) -> ClientWait {
        let (place, bytes) =
            (self.shared.next_place.fetch_add(1, Ordering::Relaxed), Arc::new(AtomicUsize::new(bytes)));
        let waiting = Waiting { since: Instant::now(), bytes: Arc::clone(&bytes), gives_up };
        self.shared.waiting.lock().insert(place, waiting);
        ClientWait { shared: Arc::clone(&self.shared), place, bytes }
    }

    /// What is taken, and what was refused so far.
    pub fn usage(&self) -> MemoryUse {
        let shared = &self.shared;
        MemoryUse {
            bytes_max: shared.bytes_max as u64,
            taken_bytes: (shared.bytes_max - shared.free.available_permits().min(shared.bytes_max)) as u64,
            refused: shared.refused.load(Ordering::Relaxed),
            claimed_back: shared.claimed_back.load(Ordering::Relaxed),
        }
    }

    /// Bytes that nobody has taken.
    pub fn free_bytes(&self) -> usize {
        self.shared.free.available_permits()
    }
}

impl Shared {
    /// Claims what is not free of `wanted` bytes back from the clients that have kept them waiting
    /// longest. Whether all will be there once those have let go.
    fn claim_back(&self, wanted: usize) -> bool {
        let mut waiting = self.waiting.lock();
        let (now, missing) = (Instant::now(), wanted.saturating_sub(self.free.available_permits()));
        let mut claimed = 0;
        while claimed < missing
            && let Some(oldest) = waiting.first_entry().filter(|oldest| oldest.get().since + SLOW_AFTER <= now)
        {
            let client = oldest.remove();
            claimed += client.bytes.load(Ordering::Relaxed);
            client.gives_up.cancel();
            self.claimed_back.fetch_add(1, Ordering::Relaxed);
        }
        claimed >= missing
    }
}

/// Bytes taken from a budget, given back on drop.
#[derive(Debug)]
pub struct Charge {
    permit: OwnedSemaphorePermit,
    shared: Arc<Shared>,
}

impl Charge {
    /// Bytes that it has taken.
    pub fn bytes(&self) -> usize {
        self.permit.num_permits()
    }

    /// Takes what is missing to `bytes`, all or nothing. When it is not there, it is claimed back from
    /// slow clients, for the next one that asks.
    ///
    /// # Errors
    /// [`BudgetSpent`]; what was taken before stays taken.
    pub fn grow_to(&mut self, bytes: usize) -> Result<(), BudgetSpent> {
        if self.try_grow_to(bytes) {
            return Ok(());
        }
        self.shared.claim_back(bytes - self.bytes());
        self.shared.refused.fetch_add(1, Ordering::Relaxed);
        Err(BudgetSpent)
    }

    /// As [`Charge::grow_to`], and waits a moment for bytes that were claimed back. Cancel-safe.
    ///
    /// # Errors
    /// [`BudgetSpent`] when nobody has kept bytes waiting, or they did not come.
    pub async fn grow_to_claiming(&mut self, bytes: usize) -> Result<(), BudgetSpent> {
        if self.try_grow_to(bytes) {
            return Ok(());
        }
        let missing = bytes - self.bytes();
        if self.shared.claim_back(missing)
            && let Ok(missing) = u32::try_from(missing)
            && let Ok(more) =
                timeout(CLAIMED_BACK_WITHIN, Arc::clone(&self.shared.free).acquire_many_owned(missing)).await
        {
            self.permit.merge(more.expect("the semaphore is never closed"));
            return Ok(());
        }
        self.shared.refused.fetch_add(1, Ordering::Relaxed);
        Err(BudgetSpent)
    }

    fn try_grow_to(&mut self, bytes: usize) -> bool {
        let Ok(missing) = u32::try_from(bytes.saturating_sub(self.bytes())) else { return false };
        if missing == 0 {
            return true;
        }
        let more = Arc::clone(&self.shared.free).try_acquire_many_owned(missing);
        more.map(|more| self.permit.merge(more)).is_ok()
    }

    /// Gives back what is above `bytes`.
    pub fn shrink_to(&mut self, bytes: usize) {
        let surplus = self.bytes().saturating_sub(bytes);
        drop(self.permit.split(surplus));
    }

    /// `bytes`, with this charge attached: it is given back when the last part of them is dropped.
    /// Nothing is copied.
    pub fn hold(self, bytes: Bytes) -> Bytes {
        if bytes.is_empty() { bytes } else { Bytes::from_owner(Held { bytes, _charge: self, _wait: None }) }
    }

    /// The same, for bytes that wait for a client: `gives_up` is cancelled when others need them.
    pub fn hold_for_client(self, bytes: Bytes, gives_up: CancellationToken) -> Bytes {
        if bytes.is_empty() {
            return bytes;
        }
        let budget = MemoryBudget { shared: Arc::clone(&self.shared) };
        let wait = budget.wait_for_client(self.bytes(), gives_up);
        Bytes::from_owner(Held { bytes, _charge: self, _wait: Some(wait) })
    }
}

/// Bytes and what they cost.
struct Held {
    bytes: Bytes,
    _charge: Charge,
    _wait: Option<ClientWait>,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Somebody waits for a client; until it is dropped.
#[derive(Debug)]
pub struct ClientWait {
    shared: Arc<Shared>,
    place: u64,
    bytes: Arc<AtomicUsize>,
}

impl ClientWait {
    /// So many bytes wait now.
    pub fn holds(&self, bytes: usize) {
        self.bytes.store(bytes, Ordering::Relaxed);
    }
}

impl Drop for ClientWait {
    fn drop(&mut self) {
        self.shared.waiting.lock().remove(&self.place);
    }
}

#[cfg(test)]
mod tests;
