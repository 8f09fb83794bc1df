//! A group's applied state as its machine writes it and its readers see it.

use anabranch_shard::GroupState;
use anabranch_store::Store;
use anabranch_types::Counter;
use parking_lot::RwLock;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Written by the group's machine alone.
///
/// `published <= state.latest()`: the state runs ahead of the store for the span of one write,
/// so readers take `published` before they look into the store.
pub(crate) struct SharedState {
    pub state: RwLock<GroupState>,
    pub store: Arc<dyn Store>,
    published: AtomicU64,
}

impl SharedState {
    pub fn new(state: GroupState, store: Arc<dyn Store>) -> Self {
        let published = AtomicU64::new(state.latest().bits());
        SharedState { state: RwLock::new(state), store, published }
    }

    /// Every record below this counter that was ever applied is in the store.
    pub fn published(&self) -> Counter {
        Counter::from_bits(self.published.load(Ordering::Acquire)).expect("a counter was stored")
    }

    /// To be called after the store holds everything below `latest`.
    pub fn publish(&self, latest: Counter) {
        self.published.store(latest.bits(), Ordering::Release);
    }
}
