//! Applied state in RocksDB: one database per replication group, its WAL off.
//!
//! Buckets live in engine families under neutral names; the [`ledger`] says which family holds
//! which bucket. That makes creating a bucket a matter of taking a spare family, and dropping one
//! a matter of changing a record: both are ordinary entries of the atomic batch. Making and
//! removing the families themselves, which is slow and durable at once, happens in [`flush`].
//!
//! Locks, always taken in this order: `flushing`, `changing`, `buckets`.

mod files;
mod flush;
mod ledger;
mod open;
mod options;
mod read;
mod write;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use parking_lot::{Mutex, RwLock};
use rocksdb::{Options, WriteOptions};

use self::files::Files;
use self::ledger::FamilyNumber;
pub use self::options::SharedResources;
use crate::{Batch, Direction, Family, OpenError, Store, StoreError, StoreOptions, StoreStats, Visitor};

/// The engine with families that can be made and removed while in use.
type Db = rocksdb::DBWithThreadMode<rocksdb::MultiThreaded>;
/// A family that stays readable, even once removed, until this is let go.
type Handle<'db> = std::sync::Arc<rocksdb::BoundColumnFamily<'db>>;

/// A [`Store`] on disk.
///
/// Dropping it writes nothing: what was not flushed is gone, as after a crash. Flush before
/// dropping for a fast start.
pub struct RocksStore {
    db: Db,
    bucket_options: Options,
    write_options: WriteOptions,
    /// Held while a flush selects its families: a family made meanwhile could receive part of a
    /// batch whose other part is being flushed, and the flush would tear the batch.
    flushing: Mutex<()>,
    changing: Mutex<Changing>,
    buckets: RwLock<Buckets>,
    unflushed_bytes: AtomicU64,
    flushes: AtomicU64,
    /// The first failure. Set once, cleared by reopening.
    failure: OnceLock<String>,
    /// Dropped after the engine.
    files: Files,
}

/// The families of the buckets that exist.
type Buckets = BTreeMap<u32, FamilyNumber>;

/// What only the one writer and the one flush change.
#[derive(Debug)]
struct Changing {
    /// Empty families, ready to become buckets.
    spares: Vec<FamilyNumber>,
    /// Families of dropped buckets. A flush that begins now makes the drops durable, and may
    /// then remove the families.
    pending_drops: Vec<FamilyNumber>,
    /// Above every family and every record there is.
    next_number: FamilyNumber,
}

impl RocksStore {
    /// Opens the store in `dir`, or makes a new one there when `dir` is absent or empty.
    ///
    /// The content is that of the last flush. Removes empty families that a crash left behind,
    /// and families whose drop was flushed; nothing else is ever removed.
    ///
    /// # Errors
    /// [`OpenError`]; nothing was deleted.
    pub fn open(dir: &Path, options: &StoreOptions, shared: &SharedResources) -> Result<Self, OpenError> {
        open::open(dir, options, shared)
    }

    /// Where it is.
    pub(crate) fn dir(&self) -> &Path {
        self.files.dir()
    }

    /// Another store has taken its place: its files go when the last owner lets go of it.
    pub(crate) fn remove_when_closed(&self) {
        self.files.remove_on_drop();
    }

    /// Latches the first failure and translates it.
    fn fail(&self, operation: &'static str, error: rocksdb::Error) -> StoreError {
        let error = translate(operation, error);
        // Of several failures the first stays: it is the cause of the others.
        let _ = self.failure.set(error.to_string());
        error
    }

    fn refuse_after_failure(&self) -> Result<(), StoreError> {
        match self.failure.get() {
            Some(first) => Err(StoreError::Failed { first: first.clone() }),
            None => Ok(()),
        }
    }
}

/// Says what the engine's error means to an owner.
fn translate(operation: &'static str, error: rocksdb::Error) -> StoreError {
    let kind = error.kind();
    let reason = error.into_string();
    match kind {
        rocksdb::ErrorKind::Corruption => StoreError::Damaged { operation, reason },
        rocksdb::ErrorKind::IOError if reason.contains("No space left on device") => {
            StoreError::DiskFull { operation, reason }
        }
        _ => StoreError::Engine { operation, reason },
    }
}

impl Store for RocksStore {
    fn write(&self, batch: Batch) -> Result<(), StoreError> {
        self.write_batch(&batch)
    }

    fn flush(&self) -> Result<(), StoreError> {
        self.flush_all()
    }

    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        self.read_value(family, key)
    }

    fn scan(
        &self,
        family: Family,
        from: &[u8],
        to: &[u8],
        direction: Direction,
        visit: &mut Visitor<'_>,
    ) -> Result<(), StoreError> {
        self.scan_range(family, from, to, direction, visit)
    }

    fn buckets(&self) -> Vec<u32> {
        self.buckets.read().keys().copied().collect()
    }

    fn unflushed_bytes(&self) -> u64 {
        self.unflushed_bytes.load(Ordering::Relaxed)
    }

    fn checkpoint(&self, dir: &Path, row: &[u8]) -> Result<Option<Bytes>, StoreError> {
        self.checkpoint_to(dir, row)
    }

    fn stats(&self) -> StoreStats {
        self.read_stats()
    }
}
