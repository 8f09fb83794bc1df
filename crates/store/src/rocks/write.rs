//! Writing a batch: entries, and the records that make and drop buckets, in one engine batch.

use std::borrow::Cow;
use std::sync::atomic::Ordering;

use parking_lot::RwLockUpgradableReadGuard;
use rocksdb::WriteBatch;

use super::ledger::{FamilyNumber, META_FAMILY, Record};
use super::{Buckets, Changing, Handle, RocksStore};
use crate::{Batch, Family, Operation, StoreError};

/// What the engine writes before the operations of a batch. Source: RocksDB, write_batch.cc, kHeader.
const BATCH_HEADER_BYTES: usize = 12;

impl RocksStore {
    /// See [`Store::write`](crate::Store::write).
    pub(super) fn write_batch(&self, batch: &Batch) -> Result<(), StoreError> {
        self.refuse_after_failure()?;
        loop {
            let mut changing = self.changing.lock();
            let makes = {
                let buckets = self.buckets.read();
                batch.check(|bucket| buckets.contains_key(&bucket))?
            };
            if makes <= changing.spares.len() {
                return self.apply(batch, &mut changing);
            }
            // Spares are made under `flushing`, which comes before `changing`.
            drop(changing);
            self.make_spares(makes)?;
        }
    }

    fn apply(&self, batch: &Batch, changing: &mut Changing) -> Result<(), StoreError> {
        let buckets = self.buckets.upgradable_read();
        let (engine_batch, after, dropped) = {
            let mut plan = Plan::new(self, &buckets, batch.bytes());
            for operation in batch.operations() {
                plan.add(operation, changing);
            }
            let after = match plan.buckets {
                Cow::Borrowed(_) => None,
                Cow::Owned(after) => Some(after),
            };
            (plan.engine_batch, after, plan.dropped)
        };
        if let Some(after) = after {
            // Readers wait, so that whoever sees the batch also sees its buckets.
            let mut buckets = RwLockUpgradableReadGuard::upgrade(buckets);
            self.db.write_opt(engine_batch, &self.write_options).map_err(|error| self.fail("write", error))?;
            *buckets = after;
        } else {
            self.db.write_opt(engine_batch, &self.write_options).map_err(|error| self.fail("write", error))?;
        }
        changing.pending_drops.extend(dropped);
        self.unflushed_bytes.fetch_add(batch.bytes() as u64, Ordering::Relaxed);
        Ok(())
    }
}

/// An engine batch in the making, and the buckets there will be after it.
struct Plan<'store, 'lock> {
    store: &'store RocksStore,
    engine_batch: WriteBatch,
    buckets: Cow<'lock, Buckets>,
    dropped: Vec<FamilyNumber>,
    /// Families looked up so far: a batch names few, and often the same one.
    handles: Vec<(Option<FamilyNumber>, Handle<'store>)>,
}

impl<'store, 'lock> Plan<'store, 'lock> {
    /// A plan for about so many bytes: a batch that grows as it goes copies what it has each time.
    fn new(store: &'store RocksStore, buckets: &'lock Buckets, bytes: usize) -> Self {
        Self {
            store,
            engine_batch: WriteBatch::with_capacity_bytes(bytes + BATCH_HEADER_BYTES),
            buckets: Cow::Borrowed(buckets),
            dropped: Vec::new(),
            handles: Vec::new(),
        }
    }

    /// Adds an operation of a batch that has been checked and found enough spares.
    fn add(&mut self, operation: Operation<'_>, changing: &mut Changing) {
        match operation {
            Operation::Put { family, key, value } => {
                let handle = self.handle(family);
                self.engine_batch.put_cf(&handle, key, value);
            }
            Operation::Delete { family, key } => {
                let handle = self.handle(family);
                self.engine_batch.delete_cf(&handle, key);
            }
            Operation::DeleteRange { family, from, to } => {
                let handle = self.handle(family);
                self.engine_batch.delete_range_cf(&handle, from, to);
            }
            Operation::CreateBucket(bucket) => self.create_bucket(bucket, changing),
            Operation::DropBucket(bucket) => self.drop_bucket(bucket),
        }
    }

    fn create_bucket(&mut self, bucket: u32, changing: &mut Changing) {
        if self.buckets.contains_key(&bucket) {
            return;
        }
        let family = changing.spares.pop().expect("spares were counted before");
        self.engine_batch.put(family.key(), Record::Live(bucket).encode());
        self.buckets.to_mut().insert(bucket, family);
    }

    fn drop_bucket(&mut self, bucket: u32) {
        if !self.buckets.contains_key(&bucket) {
            return;
        }
        let family = self.buckets.to_mut().remove(&bucket).expect("found a line above");
        self.engine_batch.put(family.key(), Record::Dropped(bucket).encode());
        self.dropped.push(family);
    }

    fn handle(&mut self, family: Family) -> Handle<'store> {
        let number = match family {
            Family::Meta => None,
            Family::Bucket(bucket) => Some(*self.buckets.get(&bucket).expect("the batch was checked")),
        };
        if let Some((_, handle)) = self.handles.iter().find(|(known, _)| *known == number) {
            return handle.clone();
        }
        let name = number.map_or_else(|| META_FAMILY.to_owned(), FamilyNumber::name);
        let handle = self.store.db.cf_handle(&name).expect("families of buckets on record exist");
        self.handles.push((number, handle.clone()));
        handle
    }
}
