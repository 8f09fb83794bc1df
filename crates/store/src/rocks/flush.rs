//! Flushing, and what may only happen around a flush: removing and making engine families, and
//! checkpoints.

use std::path::Path;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use parking_lot::MutexGuard;
use rocksdb::FlushOptions;
use rocksdb::checkpoint::Checkpoint;

use super::ledger::{FamilyNumber, LEDGER_FAMILY, META_FAMILY};
use super::{Handle, RocksStore, open, translate};
use crate::{Family, Store, StoreError, directory};

/// What a flush covers.
#[derive(Debug)]
struct Selection {
    /// All bucket families there are.
    families: Vec<FamilyNumber>,
    /// Those of them whose drops the flush makes durable.
    drops: Vec<FamilyNumber>,
    /// Unflushed bytes when the flush began; they do not count as such any more.
    covered_bytes: u64,
}

impl RocksStore {
    /// See [`Store::flush`](crate::Store::flush).
    pub(super) fn flush_all(&self) -> Result<(), StoreError> {
        let flushing = self.flushing.lock();
        let result = self.flush_while(&flushing);
        // An owner that flushes again at once must not starve a writer that waits for a family.
        MutexGuard::unlock_fair(flushing);
        result
    }

    /// See [`Store::checkpoint`](crate::Store::checkpoint).
    pub(super) fn checkpoint_to(&self, dir: &Path, row: &[u8]) -> Result<Option<Bytes>, StoreError> {
        let flushing = self.flushing.lock();
        // Twice: the second one leaves little for the moment in which nothing is written.
        self.flush_while(&flushing)?;
        self.flush_while(&flushing)?;
        let writes_wait = self.changing.lock();
        let row = self.get(Family::Meta, row)?;
        // Flushes once more, whatever was written since: that is safe while no family is made.
        // An error here says something about `dir`, so it is not latched.
        Checkpoint::new(&self.db)
            .and_then(|checkpoint| checkpoint.create_checkpoint(dir))
            .map_err(|error| translate("checkpoint", error))?;
        drop(writes_wait);
        // The engine syncs what is in `dir`, but not the name of `dir` itself.
        directory::sync_parent(dir)
            .map_err(|error| StoreError::Engine { operation: "checkpoint", reason: error.to_string() })?;
        Ok(row)
    }

    fn flush_while(&self, flushing: &MutexGuard<'_, ()>) -> Result<(), StoreError> {
        self.refuse_after_failure()?;
        self.flush_selected(&self.select())?;
        self.keep_a_spare(flushing)
    }

    /// What a flush that begins now covers. Spares are part of it: one may become a bucket, and
    /// receive its share of a batch, before the engine has switched memtables.
    fn select(&self) -> Selection {
        // Between two batches: all that is counted has been applied.
        let changing = self.changing.lock();
        let buckets = self.buckets.read();
        let families = buckets.values().chain(&changing.spares).chain(&changing.pending_drops);
        Selection {
            families: families.copied().collect(),
            drops: changing.pending_drops.clone(),
            covered_bytes: self.unflushed_bytes.swap(0, Ordering::Relaxed),
        }
    }

    fn flush_selected(&self, selection: &Selection) -> Result<(), StoreError> {
        let names = selection.families.iter().map(|family| family.name());
        let names = [LEDGER_FAMILY, META_FAMILY].map(str::to_owned).into_iter().chain(names);
        let handles: Vec<Handle<'_>> =
            names.map(|name| self.db.cf_handle(&name).expect("families on record exist")).collect();
        let handles: Vec<&Handle<'_>> = handles.iter().collect();
        self.db.flush_cfs_opt(&handles, &FlushOptions::default()).map_err(|error| {
            self.unflushed_bytes.fetch_add(selection.covered_bytes, Ordering::Relaxed);
            self.fail("flush", error)
        })?;
        self.flushes.fetch_add(1, Ordering::Relaxed);
        self.remove_dropped(&selection.drops)
    }

    /// Removes the families of buckets whose drops are durable, then their records. A crash in
    /// between leaves records of families that are gone, which opening clears away.
    fn remove_dropped(&self, drops: &[FamilyNumber]) -> Result<(), StoreError> {
        for family in drops {
            let name = family.name();
            // Held past the removal, so that the table files are deleted here and not while the
            // engine's list of families is locked.
            let handle = self.db.cf_handle(&name);
            self.db.drop_cf(&name).map_err(|error| self.fail("drop bucket", error))?;
            drop(handle);
        }
        let mut changing = self.changing.lock();
        changing.pending_drops.retain(|family| !drops.contains(family));
        open::forget(&self.db, drops.iter().copied()).map_err(|error| self.fail("drop bucket", error))
    }

    /// Makes a family ahead of the next bucket, so that rolling a bucket costs no disk access on
    /// the apply path. A store without buckets needs none.
    fn keep_a_spare(&self, flushing: &MutexGuard<'_, ()>) -> Result<(), StoreError> {
        if self.buckets.read().is_empty() { Ok(()) } else { self.make_spares_while(1, flushing) }
    }

    /// Sees to it that there are `wanted` spare families. Waits for a running flush.
    pub(super) fn make_spares(&self, wanted: usize) -> Result<(), StoreError> {
        self.make_spares_while(wanted, &self.flushing.lock())
    }

    fn make_spares_while(&self, wanted: usize, _flushing: &MutexGuard<'_, ()>) -> Result<(), StoreError> {
        loop {
            let family = {
                let mut changing = self.changing.lock();
                if changing.spares.len() >= wanted {
                    return Ok(());
                }
                let family = changing.next_number;
                changing.next_number = family.next();
                family
            };
            self.db
                .create_cf(family.name(), &self.bucket_options)
                .map_err(|error| self.fail("create bucket", error))?;
            self.changing.lock().spares.push(family);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use rocksdb::WaitForCompactOptions;

    use super::super::options::BUCKET_FILES_MAX;
    use super::*;
    use crate::{Batch, Direction, SharedOptions, SharedResources, StoreOptions};

    fn open(dir: &Path) -> RocksStore {
        let shared = SharedResources::new(&SharedOptions::default()).expect("shared resources");
        RocksStore::open(dir, &StoreOptions::default(), &shared).expect("opens")
    }

    /// Entry `index` makes a bucket of its number with one record, and says so in the metadata.
    fn apply(store: &RocksStore, index: u32) {
        let mut batch = Batch::new();
        batch.create_bucket(index);
        batch.put(Family::Bucket(index), b"record", b"v");
        batch.put(Family::Meta, b"applied", &index.to_be_bytes());
        store.write(batch).expect("write");
    }

    #[test]
    fn a_bucket_made_while_a_flush_begins_is_flushed_with_its_batch_or_not_at_all() {
        let temporary = tempfile::tempdir().expect("temporary directory");
        let store = open(temporary.path());
        apply(&store, 1);
        store.flush().expect("flush");
        // The flush has listed its families, and the engine has yet to switch memtables.
        let selection = store.select();
        apply(&store, 2);
        store.flush_selected(&selection).expect("flush");
        assert!(store.unflushed_bytes() > 0, "what came after the beginning counts as unflushed");
        drop(store);
        let store = open(temporary.path());
        let applied = store.get(Family::Meta, b"applied").expect("get").expect("flushed");
        let second = store.get(Family::Bucket(2), b"record");
        assert_eq!(applied.as_ref() == 2_u32.to_be_bytes(), second == Ok(Some("v".into())), "{applied:?} {second:?}");
    }

    #[test]
    fn many_small_flushes_of_a_bucket_are_merged_and_keep_every_record() {
        let temporary = tempfile::tempdir().expect("temporary directory");
        let store = open(temporary.path());
        let flushes = 2 * BUCKET_FILES_MAX.unsigned_abs();
        for index in 0..flushes {
            let mut batch = Batch::new();
            batch.create_bucket(1);
            batch.put(Family::Bucket(1), &index.to_be_bytes(), b"record");
            store.write(batch).expect("write");
            store.flush().expect("flush");
        }
        store.db.wait_for_compact(&WaitForCompactOptions::default()).expect("compacted");
        assert!(store.stats().table_files < u64::from(flushes), "{:?}", store.stats());
        let mut found = Vec::new();
        store
            .scan(Family::Bucket(1), &[], &[0xff], Direction::Ascending, &mut |key, _| {
                found.push(key.to_vec());
                ControlFlow::Continue(())
            })
            .expect("scan");
        assert_eq!(found, (0..flushes).map(|index| index.to_be_bytes().to_vec()).collect::<Vec<_>>());
    }
}
