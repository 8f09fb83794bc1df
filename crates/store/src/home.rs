//! Where a store comes from, and how a copy of another replica's takes its place.

use std::path::Path;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use crate::{MemoryStore, OpenError, PlaceError, RocksStore, SharedResources, StatePlace, Store, StoreOptions};

/// A group's store cannot be opened, or not be replaced.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// The directory does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Which directory it is cannot be told or changed.
    #[error(transparent)]
    Place(#[from] PlaceError),
}

/// The home of one group's store. Every call blocks; one at a time.
pub trait StoreHome: Send + Sync + 'static {
    /// Takes in the durable copy in `dir`, which [`Store::checkpoint`] of a store of the same kind
    /// made, and opens it beside the store there is. That one stays what a restart finds.
    ///
    /// # Errors
    /// [`HomeError`]; what was taken in is removed by the next start.
    fn take_in(&self, dir: &Path) -> Result<Arc<dyn Store>, HomeError>;

    /// From now on a restart finds what was taken in last. What the store before it had on disk goes
    /// when nobody holds that store any more.
    ///
    /// # Errors
    /// [`HomeError`]; which store counts is then known at the next start.
    fn commit(&self) -> Result<(), HomeError>;
}

/// Homes a [`RocksStore`].
pub struct RocksHome {
    place: StatePlace,
    options: StoreOptions,
    shared: Arc<SharedResources>,
    stores: Mutex<Stores>,
}

#[derive(Default)]
struct Stores {
    counts: Weak<RocksStore>,
    taken_in: Option<Arc<RocksStore>>,
}

impl RocksHome {
    /// The home at `place`; opens nothing yet.
    pub fn new(place: StatePlace, options: StoreOptions, shared: Arc<SharedResources>) -> Self {
        RocksHome { place, options, shared, stores: Mutex::default() }
    }

    /// Opens the store that counts, a new one in a new place.
    ///
    /// # Errors
    /// [`HomeError`]; nothing that counts was deleted.
    pub fn open(&self) -> Result<Arc<dyn Store>, HomeError> {
        let dir = self.place.open()?;
        let store = Arc::new(RocksStore::open(&dir, &self.options, &self.shared)?);
        self.stores.lock().counts = Arc::downgrade(&store);
        Ok(store)
    }
}

impl StoreHome for RocksHome {
    fn take_in(&self, copy: &Path) -> Result<Arc<dyn Store>, HomeError> {
        let dir = self.place.take_in(copy)?;
        let store = Arc::new(RocksStore::open(&dir, &self.options, &self.shared)?);
        self.stores.lock().taken_in = Some(Arc::clone(&store));
        Ok(store)
    }

    fn commit(&self) -> Result<(), HomeError> {
        let mut stores = self.stores.lock();
        let Some(next) = stores.taken_in.take() else { return Ok(()) };
        self.place.commit(next.dir())?;
        let before = std::mem::replace(&mut stores.counts, Arc::downgrade(&next));
        if let Some(before) = before.upgrade() {
            before.remove_when_closed();
        }
        Ok(())
    }
}

/// Homes a [`MemoryStore`]: nothing of it outlives the process.
#[derive(Debug, Clone, Copy, Default)]
pub struct MemoryHome;

impl StoreHome for MemoryHome {
    fn take_in(&self, dir: &Path) -> Result<Arc<dyn Store>, HomeError> {
        Ok(Arc::new(MemoryStore::from_checkpoint(dir)?))
    }

    fn commit(&self) -> Result<(), HomeError> {
        Ok(())
    }
}
