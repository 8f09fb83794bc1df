//! A group's applied state as its machine writes it and its readers see it.

use anabranch_shard::GroupState;
use anabranch_store::Store;
use anabranch_types::Counter;
use arc_swap::ArcSwap;
use parking_lot::RwLock;
use std::sync::Arc;
use tokio::sync::watch;

/// The state there is now. A snapshot of another replica replaces it as a whole.
pub(crate) struct CurrentState(ArcSwap<SharedState>);

impl CurrentState {
    pub fn new(state: SharedState) -> Self {
        CurrentState(ArcSwap::from_pointee(state))
    }

    /// The state of this moment. What belongs together is read of one: a later call may answer
    /// another state, in which an earlier one's buckets are gone.
    pub fn now(&self) -> Arc<SharedState> {
        self.0.load_full()
    }

    /// Readers that come from now on see `state` and nothing of the one before.
    pub fn replace(&self, state: SharedState) {
        self.0.store(Arc::new(state));
    }
}

/// Written by the group's machine alone.
///
/// `published <= state.latest()`: the state runs ahead of the store for the span of one write,
/// so readers take `published` before they look into the store.
pub(crate) struct SharedState {
    pub state: RwLock<GroupState>,
    pub store: Arc<dyn Store>,
    /// Bits of a counter. Sent on each write, also on one that leaves it as it is: it may have
    /// sealed a shard, or begun a new leader's term.
    published: watch::Sender<u64>,
}

impl SharedState {
    pub fn new(state: GroupState, store: Arc<dyn Store>) -> Self {
        let (published, _) = watch::channel(state.latest().bits());
        SharedState { state: RwLock::new(state), store, published }
    }

    /// Every record below this counter that was ever applied is in the store.
    pub fn published(&self) -> Counter {
        Counter::from_bits(*self.published.borrow()).expect("a counter was stored")
    }

    /// Wakes whenever something was applied and is in the store.
    pub fn applied(&self) -> watch::Receiver<u64> {
        self.published.subscribe()
    }

    /// To be called after the store holds everything below `latest`.
    pub fn publish(&self, latest: Counter) {
        self.published.send_replace(latest.bits());
    }
}
