//! The trait that every version of applied state implements.

use std::ops::ControlFlow;
use std::path::Path;

use bytes::Bytes;

use crate::{Batch, Family, StoreError, StoreStats};

/// Receives a key and its value, and says whether a scan goes on.
pub type Visitor<'a> = dyn FnMut(&[u8], &[u8]) -> ControlFlow<()> + 'a;

/// The order in which [`Store::scan`] visits keys. Keys compare as unsigned bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Smallest key first.
    Ascending,
    /// Largest key first.
    Descending,
}

/// Applied state of one replication group: one family for metadata and one per time bucket.
///
/// `durable <= visible`: a write is visible to every later read at once, and durable only when
/// a flush that began after it has returned. After a crash the store stands exactly where
/// some flush began or, if memory ran short and the store flushed by itself, at a later batch
/// boundary: always a prefix of the batches in write order, the same one in every family. So
/// the applied index an owner writes in each batch is, after reopening, the truth about all
/// of them (DESIGN I1, I9).
///
/// One writer at a time is the design: concurrent writes are safe but take turns.
/// Reads run beside writes, flushes and bucket drops.
pub trait Store: Send + Sync + 'static {
    /// Applies `batch`: all of it or nothing, in the order its operations were added.
    ///
    /// Creating a bucket that exists and dropping one that does not are no-ops, so that
    /// replaying log entries is harmless. A dropped bucket is gone for readers at once; its data
    /// leaves the disk only after a flush has made the drop itself durable.
    ///
    /// # Errors
    /// [`StoreError::UnknownBucket`] when an operation names a bucket that does not exist at
    /// that point of the batch; nothing is changed. Any other error is latched: the store serves
    /// reads but refuses writes and flushes until it is reopened.
    fn write(&self, batch: Batch) -> Result<(), StoreError>;

    /// Makes everything written before the call survive a crash, atomically over all families.
    ///
    /// # Errors
    /// Whatever the disk says; latched as for [`Store::write`]. What is on disk stays where the
    /// last successful flush left it.
    fn flush(&self) -> Result<(), StoreError>;

    /// The value of `key`, or nothing.
    ///
    /// # Errors
    /// [`StoreError::UnknownBucket`] when the bucket does not exist, also when it was dropped
    /// during the call; read errors of the disk.
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Bytes>, StoreError>;

    /// Visits the entries with `from <= key < to` in `direction` until `visit` breaks.
    ///
    /// Sees one point in time. A range with `from >= to` is empty. `visit` may read from the
    /// store but must not write to it.
    ///
    /// # Errors
    /// As for [`Store::get`]; entries visited before a read error were genuine.
    fn scan(
        &self,
        family: Family,
        from: &[u8],
        to: &[u8],
        direction: Direction,
        visit: &mut Visitor<'_>,
    ) -> Result<(), StoreError>;

    /// The buckets that exist, ascending.
    fn buckets(&self) -> Vec<u32>;

    /// Bytes written since the last flush began, as [`Batch::bytes`] counts them; those of a flush
    /// that failed count again.
    fn unflushed_bytes(&self) -> u64;

    /// Flushes, then makes a copy in `dir` that opens as a store of its own with the content of
    /// this one at some moment during the call, and answers the metadata entry `row` as it is
    /// in the copy: the owner learns up to where the copy goes. Writes wait at that moment, for as
    /// long as what came during the flush takes to be flushed too. On one file system the copy
    /// shares the immutable files. `dir` must not exist, its parent must.
    ///
    /// # Errors
    /// Those of [`Store::flush`], and those of making the copy; what is then in `dir` is
    /// unusable and the caller's to remove.
    fn checkpoint(&self, dir: &Path, row: &[u8]) -> Result<Option<Bytes>, StoreError>;

    /// Sizes and counts for metrics and for the owner's decisions.
    fn stats(&self) -> StoreStats;
}
