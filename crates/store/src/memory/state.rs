//! The content of a memory store, and how to go back to its last flush.
//!
//! Changes since the flush are kept as a list of their inverses, so that a flush costs nothing
//! and memory grows only with what a crash would lose.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use crate::{Batch, Family, Operation, StoreError, StoreStats};

/// The entries of one family in key order.
pub(super) type Entries = BTreeMap<Bytes, Bytes>;

/// Undoes one change.
#[derive(Debug, Clone)]
enum Inverse {
    /// Gives `key` the value it had, or removes it.
    Entry { family: Family, key: Bytes, before: Option<Bytes> },
    /// Removes a bucket that was made.
    Created(u32),
    /// Brings a dropped bucket back.
    Dropped(u32, Arc<Entries>),
}

/// Everything a memory store holds. Families are copied on write while a scan holds them.
#[derive(Debug, Clone, Default)]
pub(super) struct State {
    meta: Arc<Entries>,
    buckets: BTreeMap<u32, Arc<Entries>>,
    /// Inverses of the changes since the last flush, in the order of the changes.
    since_flush: Vec<Inverse>,
    unflushed_bytes: u64,
    flushes: u64,
}

impl State {
    /// A flushed state with this content.
    pub(super) fn with_content(meta: Entries, buckets: BTreeMap<u32, Entries>) -> Self {
        let buckets = buckets.into_iter().map(|(bucket, entries)| (bucket, Arc::new(entries))).collect();
        Self { meta: Arc::new(meta), buckets, ..Self::default() }
    }

    pub(super) fn has_bucket(&self, bucket: u32) -> bool {
        self.buckets.contains_key(&bucket)
    }

    pub(super) fn buckets(&self) -> Vec<u32> {
        self.buckets.keys().copied().collect()
    }

    pub(super) fn family(&self, family: Family) -> Result<&Arc<Entries>, StoreError> {
        match family {
            Family::Meta => Ok(&self.meta),
            Family::Bucket(bucket) => self.buckets.get(&bucket).ok_or(StoreError::UnknownBucket { bucket }),
        }
    }

    /// Applies a batch that has been checked.
    pub(super) fn apply(&mut self, batch: &Batch) {
        self.unflushed_bytes += batch.bytes() as u64;
        for operation in batch.operations() {
            match operation {
                Operation::Put { family, key, value } => {
                    self.set(family, Bytes::copy_from_slice(key), Some(Bytes::copy_from_slice(value)));
                }
                Operation::Delete { family, key } => self.set(family, Bytes::copy_from_slice(key), None),
                Operation::DeleteRange { family, from, to } => self.delete_range(family, from, to),
                Operation::CreateBucket(bucket) => self.create_bucket(bucket),
                Operation::DropBucket(bucket) => self.drop_bucket(bucket),
            }
        }
    }

    pub(super) fn mark_flushed(&mut self) {
        self.since_flush = Vec::new();
        self.unflushed_bytes = 0;
        self.flushes += 1;
    }

    /// The state at the last flush.
    pub(super) fn as_flushed(&self) -> State {
        let mut state = Self { meta: Arc::clone(&self.meta), buckets: self.buckets.clone(), ..Self::default() };
        for inverse in self.since_flush.iter().rev().cloned() {
            match inverse {
                Inverse::Entry { family, key, before: Some(value) } => {
                    state.entries(family).insert(key, value);
                }
                Inverse::Entry { family, key, before: None } => {
                    state.entries(family).remove(&key);
                }
                Inverse::Created(bucket) => {
                    state.buckets.remove(&bucket);
                }
                Inverse::Dropped(bucket, entries) => {
                    state.buckets.insert(bucket, entries);
                }
            }
        }
        state
    }

    pub(super) fn unflushed_bytes(&self) -> u64 {
        self.unflushed_bytes
    }

    pub(super) fn stats(&self) -> StoreStats {
        let pending = self.since_flush.iter().filter(|inverse| matches!(inverse, Inverse::Dropped(..)));
        StoreStats {
            buckets: self.buckets.len() as u64,
            pending_drops: pending.count() as u64,
            unflushed_bytes: self.unflushed_bytes,
            memtable_bytes: self.unflushed_bytes,
            flushes: self.flushes,
            ..StoreStats::default()
        }
    }

    /// The entries of a family that is known to exist.
    fn entries(&mut self, family: Family) -> &mut Entries {
        Arc::make_mut(match family {
            Family::Meta => &mut self.meta,
            Family::Bucket(bucket) => {
                self.buckets.get_mut(&bucket).expect("checked before applying, and inverses run in reverse order")
            }
        })
    }

    fn set(&mut self, family: Family, key: Bytes, value: Option<Bytes>) {
        let entries = self.entries(family);
        let before = match value {
            Some(value) => entries.insert(key.clone(), value),
            None => entries.remove(&key),
        };
        self.since_flush.push(Inverse::Entry { family, key, before });
    }

    fn delete_range(&mut self, family: Family, from: &[u8], to: &[u8]) {
        let range = (std::ops::Bound::Included(from), std::ops::Bound::Excluded(to));
        let keys: Vec<Bytes> = self.entries(family).range::<[u8], _>(range).map(|(key, _)| key.clone()).collect();
        for key in keys {
            self.set(family, key, None);
        }
    }

    fn create_bucket(&mut self, bucket: u32) {
        if let std::collections::btree_map::Entry::Vacant(vacant) = self.buckets.entry(bucket) {
            vacant.insert(Arc::default());
            self.since_flush.push(Inverse::Created(bucket));
        }
    }

    fn drop_bucket(&mut self, bucket: u32) {
        if let Some(entries) = self.buckets.remove(&bucket) {
            self.since_flush.push(Inverse::Dropped(bucket, entries));
        }
    }
}
