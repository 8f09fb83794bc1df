use anabranch_store::{Batch, Family, StoreError};

use super::subject::{Subject, entries, put, value, write};
use crate::contract;

contract! {
    fn a_batch_is_visible_at_once_in_all_families(subject: S) {
        write(subject.store(), |batch| {
            batch.create_bucket(1);
            batch.put(Family::Bucket(1), b"k", b"record");
            batch.put(Family::Meta, b"applied", b"7");
        });
        assert_eq!(value(subject.store(), Family::Bucket(1), "k").as_deref(), Some("record"));
        assert_eq!(value(subject.store(), Family::Meta, "applied").as_deref(), Some("7"));
    }

    fn a_refused_batch_changes_nothing(subject: S) {
        put(subject.store(), Family::Meta, "applied", "1");
        let mut batch = Batch::new();
        batch.put(Family::Meta, b"applied", b"2");
        batch.create_bucket(5);
        batch.put(Family::Bucket(5), b"k", b"v");
        batch.put(Family::Bucket(6), b"k", b"v");
        let refusal = subject.store().write(batch);
        assert_eq!(refusal, Err(StoreError::UnknownBucket { bucket: 6 }));
        assert_eq!(value(subject.store(), Family::Meta, "applied").as_deref(), Some("1"));
        assert!(subject.store().buckets().is_empty());
        put(subject.store(), Family::Meta, "applied", "2");
        assert_eq!(value(subject.store(), Family::Meta, "applied").as_deref(), Some("2"));
    }

    fn later_operations_of_a_batch_win(subject: S) {
        write(subject.store(), |batch| {
            batch.put(Family::Meta, b"a", b"1");
            batch.put(Family::Meta, b"a", b"2");
            batch.put(Family::Meta, b"b", b"1");
            batch.delete(Family::Meta, b"b");
            batch.delete(Family::Meta, b"c");
            batch.put(Family::Meta, b"c", b"1");
            batch.put(Family::Meta, b"d1", b"before the range");
            batch.delete_range(Family::Meta, b"d", b"e");
            batch.put(Family::Meta, b"d2", b"after the range");
        });
        let expected = [("a", "2"), ("c", "1"), ("d2", "after the range")];
        let expected: Vec<_> = expected.map(|(k, v)| (k.as_bytes().to_vec(), v.as_bytes().to_vec())).into();
        assert_eq!(entries(subject.store(), Family::Meta), expected);
    }

    fn a_deleted_range_ends_before_its_end(subject: S) {
        for key in ["a", "b", "c", "d"] {
            put(subject.store(), Family::Meta, key, "v");
        }
        write(subject.store(), |batch| {
            batch.delete_range(Family::Meta, b"b", b"d");
            batch.delete_range(Family::Meta, b"z", b"a");
        });
        assert_eq!(value(subject.store(), Family::Meta, "a").as_deref(), Some("v"));
        assert_eq!(value(subject.store(), Family::Meta, "b"), None);
        assert_eq!(value(subject.store(), Family::Meta, "c"), None);
        assert_eq!(value(subject.store(), Family::Meta, "d").as_deref(), Some("v"));
    }

    fn empty_and_large_values_come_back_as_written(subject: S) {
        let large = vec![0xa5; 11 << 20];
        write(subject.store(), |batch| {
            batch.put(Family::Meta, b"empty", b"");
            batch.put(Family::Meta, b"large", &large);
            batch.put(Family::Meta, b"", b"empty key");
        });
        let store = subject.store();
        assert_eq!(store.get(Family::Meta, b"empty").expect("get").as_deref(), Some(&b""[..]));
        assert_eq!(store.get(Family::Meta, b"large").expect("get").as_deref(), Some(&large[..]));
        assert_eq!(store.get(Family::Meta, b"").expect("get").as_deref(), Some(&b"empty key"[..]));
        assert_eq!(store.get(Family::Meta, b"absent").expect("get"), None);
    }

    fn an_empty_batch_is_nothing(subject: S) {
        write(subject.store(), |_| {});
        assert_eq!(subject.store().unflushed_bytes(), 0);
    }

    fn unflushed_bytes_count_batches_until_a_flush(subject: S) {
        let mut batch = Batch::new();
        batch.put(Family::Meta, b"key", b"value");
        let bytes = batch.bytes() as u64;
        subject.store().write(batch.clone()).expect("write");
        subject.store().write(batch).expect("write");
        assert_eq!(subject.store().unflushed_bytes(), 2 * bytes);
        assert_eq!(subject.store().stats().unflushed_bytes, 2 * bytes);
        subject.store().flush().expect("flush");
        assert_eq!(subject.store().unflushed_bytes(), 0);
        assert_eq!(subject.store().stats().flushes, 1);
        assert!(!subject.store().stats().failed);
    }
}
