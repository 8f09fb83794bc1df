//! An ordered, atomic set of changes.
//!
//! Keys and short values are copied once into one buffer; operations only record their lengths. Large
//! values are shared with whoever has them.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::StoreError;

/// A key space of a group's store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// Applied index, membership, shard rows, dedupe windows, leases. Always there.
    Meta,
    /// Records of one time bucket; keys start with a 4-byte shard number.
    Bucket(u32),
}

/// One change, borrowed from its batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation<'a> {
    /// Sets `key` to `value`.
    Put {
        /// Where.
        family: Family,
        /// The key.
        key: &'a [u8],
        /// Its new value.
        value: &'a [u8],
    },
    /// Removes `key` if it is there.
    Delete {
        /// Where.
        family: Family,
        /// The key.
        key: &'a [u8],
    },
    /// Removes every key with `from <= key < to`.
    DeleteRange {
        /// Where.
        family: Family,
        /// First key of the range.
        from: &'a [u8],
        /// First key after the range.
        to: &'a [u8],
    },
    /// Makes an empty bucket unless it exists.
    CreateBucket(u32),
    /// Removes a bucket and all it holds, if it exists.
    DropBucket(u32),
}

/// What an operation is, with the lengths of its two byte strings in the buffer.
#[derive(Debug, Clone)]
enum Recorded {
    Put { family: Family, key: usize, value: usize },
    PutShared { family: Family, key: usize, value: Bytes },
    Delete { family: Family, key: usize },
    DeleteRange { family: Family, from: usize, to: usize },
    CreateBucket(u32),
    DropBucket(u32),
}

/// Changes that are applied together, in the order they were added.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    recorded: Vec<Recorded>,
    data: Vec<u8>,
    shared_bytes: usize,
}

/// Bytes an operation counts beyond its key and value: about what an entry costs a memtable.
const OPERATION_OVERHEAD_BYTES: usize = 32;

impl Batch {
    /// An empty batch.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets `key` to `value`.
    pub fn put(&mut self, family: Family, key: &[u8], value: &[u8]) {
        self.data.extend_from_slice(key);
        self.data.extend_from_slice(value);
        self.recorded.push(Recorded::Put { family, key: key.len(), value: value.len() });
    }

    /// Sets `key` to `value`, which is not copied before it is in the store.
    pub fn put_shared(&mut self, family: Family, key: &[u8], value: Bytes) {
        self.data.extend_from_slice(key);
        self.shared_bytes += value.len();
        self.recorded.push(Recorded::PutShared { family, key: key.len(), value });
    }

    /// Removes `key` if it is there.
    pub fn delete(&mut self, family: Family, key: &[u8]) {
        self.data.extend_from_slice(key);
        self.recorded.push(Recorded::Delete { family, key: key.len() });
    }

    /// Removes every key with `from <= key < to_exclusive`; nothing when the range is empty.
    ///
    /// Each such range costs every later read of the family a little: use it for what is rare,
    /// such as deleting a stream (docs/adr/0002-state-layout.md).
    pub fn delete_range(&mut self, family: Family, from: &[u8], to_exclusive: &[u8]) {
        if from >= to_exclusive {
            return;
        }
        self.data.extend_from_slice(from);
        self.data.extend_from_slice(to_exclusive);
        self.recorded.push(Recorded::DeleteRange { family, from: from.len(), to: to_exclusive.len() });
    }

    /// Makes an empty bucket; a no-op when it exists.
    pub fn create_bucket(&mut self, bucket: u32) {
        self.recorded.push(Recorded::CreateBucket(bucket));
    }

    /// Removes a bucket and all it holds; a no-op when it does not exist.
    pub fn drop_bucket(&mut self, bucket: u32) {
        self.recorded.push(Recorded::DropBucket(bucket));
    }

    /// Number of operations.
    #[must_use]
    pub fn len(&self) -> usize {
        self.recorded.len()
    }

    /// Whether there is nothing to apply.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.recorded.is_empty()
    }

    /// Keys and values in bytes, plus a fixed overhead per operation.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.data.len() + self.shared_bytes + self.recorded.len() * OPERATION_OVERHEAD_BYTES
    }

    /// The operations in the order they were added.
    pub fn operations(&self) -> impl Iterator<Item = Operation<'_>> {
        let mut rest = self.data.as_slice();
        self.recorded.iter().map(move |recorded| {
            let mut take = |length: usize| {
                let (head, tail) = rest.split_at(length);
                rest = tail;
                head
            };
            match *recorded {
                Recorded::Put { family, key, value } => Operation::Put { family, key: take(key), value: take(value) },
                Recorded::PutShared { family, key, ref value } => Operation::Put { family, key: take(key), value },
                Recorded::Delete { family, key } => Operation::Delete { family, key: take(key) },
                Recorded::DeleteRange { family, from, to } => {
                    Operation::DeleteRange { family, from: take(from), to: take(to) }
                }
                Recorded::CreateBucket(bucket) => Operation::CreateBucket(bucket),
                Recorded::DropBucket(bucket) => Operation::DropBucket(bucket),
            }
        })
    }

    /// Checks that every operation finds its bucket, given which `exists` before the batch.
    /// Returns how many buckets the batch makes.
    pub(crate) fn check(&self, exists: impl Fn(u32) -> bool) -> Result<usize, StoreError> {
        let mut makes = 0;
        let mut changed = BTreeMap::new();
        for recorded in &self.recorded {
            match *recorded {
                Recorded::Put { family, .. }
                | Recorded::PutShared { family, .. }
                | Recorded::Delete { family, .. }
                | Recorded::DeleteRange { family, .. } => {
                    if let Family::Bucket(bucket) = family
                        && !changed.get(&bucket).copied().unwrap_or_else(|| exists(bucket))
                    {
                        return Err(StoreError::UnknownBucket { bucket });
                    }
                }
                Recorded::CreateBucket(bucket) => {
                    let there = changed.insert(bucket, true).unwrap_or_else(|| exists(bucket));
                    makes += usize::from(!there);
                }
                Recorded::DropBucket(bucket) => {
                    changed.insert(bucket, false);
                }
            }
        }
        Ok(makes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_come_back_as_they_were_added() {
        let mut batch = Batch::new();
        batch.create_bucket(7);
        batch.put(Family::Bucket(7), b"key", b"value");
        batch.put_shared(Family::Bucket(7), b"other", Bytes::from_static(b"shared"));
        batch.delete(Family::Meta, b"gone");
        batch.delete_range(Family::Meta, b"a", b"bb");
        batch.drop_bucket(6);
        let operations: Vec<_> = batch.operations().collect();
        assert_eq!(
            operations,
            [
                Operation::CreateBucket(7),
                Operation::Put { family: Family::Bucket(7), key: b"key", value: b"value" },
                Operation::Put { family: Family::Bucket(7), key: b"other", value: b"shared" },
                Operation::Delete { family: Family::Meta, key: b"gone" },
                Operation::DeleteRange { family: Family::Meta, from: b"a", to: b"bb" },
                Operation::DropBucket(6),
            ]
        );
        assert_eq!(batch.len(), 6);
        assert_eq!(batch.bytes(), 26 + 6 * OPERATION_OVERHEAD_BYTES);
    }

    #[test]
    fn an_empty_range_is_not_recorded() {
        let mut batch = Batch::new();
        batch.delete_range(Family::Meta, b"b", b"a");
        batch.delete_range(Family::Meta, b"a", b"a");
        assert!(batch.is_empty());
    }

    #[test]
    fn a_bucket_exists_between_its_creation_and_its_drop() {
        let mut batch = Batch::new();
        batch.create_bucket(1);
        batch.put(Family::Bucket(1), b"k", b"v");
        batch.drop_bucket(1);
        assert_eq!(batch.check(|_| false), Ok(1));
        assert_eq!(batch.check(|_| true), Ok(0));
        batch.put(Family::Bucket(1), b"k", b"v");
        assert_eq!(batch.check(|_| true), Err(StoreError::UnknownBucket { bucket: 1 }));
    }
}
