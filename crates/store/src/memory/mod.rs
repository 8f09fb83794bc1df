//! Applied state in memory, for tests, simulation and ephemeral nodes.
//!
//! It forgets like a disk: what was not flushed is gone after [`MemoryStore::crash`].

mod checkpoint;
mod state;

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::RwLock;

use self::state::State;
use crate::{Batch, Direction, Family, OpenError, Store, StoreError, StoreStats, Visitor};

/// A [`Store`] without a disk. Its flush only moves the point to which a crash goes back.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: RwLock<State>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What a process would find after losing power now: a store with the content of the last
    /// flush. This one goes on unchanged.
    #[must_use]
    pub fn crash(&self) -> MemoryStore {
        MemoryStore { state: RwLock::new(self.state.read().as_flushed()) }
    }

    /// Opens what [`Store::checkpoint`] of a memory store left in `dir`.
    ///
    /// # Errors
    /// [`OpenError`] when the file is missing, damaged or of a newer format.
    pub fn from_checkpoint(dir: &Path) -> Result<MemoryStore, OpenError> {
        Ok(MemoryStore { state: RwLock::new(checkpoint::read(dir)?) })
    }
}

impl Store for MemoryStore {
    fn write(&self, batch: Batch) -> Result<(), StoreError> {
        let mut state = self.state.write();
        batch.check(|bucket| state.has_bucket(bucket))?;
        state.apply(&batch);
        Ok(())
    }

    fn flush(&self) -> Result<(), StoreError> {
        self.state.write().mark_flushed();
        Ok(())
    }

    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        Ok(self.state.read().family(family)?.get(key).cloned())
    }

    fn scan(
        &self,
        family: Family,
        from: &[u8],
        to: &[u8],
        direction: Direction,
        visit: &mut Visitor<'_>,
    ) -> Result<(), StoreError> {
        // Visited without the lock, so that `visit` may read from the store.
        let entries = Arc::clone(self.state.read().family(family)?);
        if from >= to {
            return Ok(());
        }
        let range = entries.range::<[u8], _>((std::ops::Bound::Included(from), std::ops::Bound::Excluded(to)));
        // Whether the visitor broke off makes no difference to the caller.
        let _ = match direction {
            Direction::Ascending => visit_all(range, visit),
            Direction::Descending => visit_all(range.rev(), visit),
        };
        Ok(())
    }

    fn buckets(&self) -> Vec<u32> {
        self.state.read().buckets()
    }

    fn unflushed_bytes(&self) -> u64 {
        self.state.read().unflushed_bytes()
    }

    fn checkpoint(&self, dir: &Path, row: &[u8]) -> Result<Option<Bytes>, StoreError> {
        let mut state = self.state.write();
        state.mark_flushed();
        checkpoint::write(&state, dir)?;
        Ok(state.family(Family::Meta)?.get(row).cloned())
    }

    fn stats(&self) -> StoreStats {
        self.state.read().stats()
    }
}

fn visit_all<'a>(
    mut entries: impl Iterator<Item = (&'a Bytes, &'a Bytes)>,
    visit: &mut Visitor<'_>,
) -> ControlFlow<()> {
    entries.try_for_each(|(key, value)| visit(key, value))
}
