use anabranch_store::Family;

use super::subject::{Subject, entries, put, value, write};
use crate::contract;

contract! {
    fn what_was_not_flushed_is_lost_in_a_crash_together(subject: S) {
        write(subject.store(), |batch| {
            batch.create_bucket(1);
            batch.put(Family::Bucket(1), b"k", b"flushed");
            batch.put(Family::Meta, b"applied", b"1");
        });
        subject.store().flush().expect("flush");
        write(subject.store(), |batch| {
            batch.put(Family::Bucket(1), b"k", b"lost");
            batch.create_bucket(2);
            batch.put(Family::Bucket(2), b"k", b"lost");
            batch.put(Family::Meta, b"applied", b"2");
        });
        subject = subject.crash();
        assert_eq!(value(subject.store(), Family::Meta, "applied").as_deref(), Some("1"));
        assert_eq!(value(subject.store(), Family::Bucket(1), "k").as_deref(), Some("flushed"));
        assert_eq!(subject.store().buckets(), [1]);
    }

    fn a_store_that_never_flushed_comes_back_empty(subject: S) {
        write(subject.store(), |batch| {
            batch.create_bucket(1);
            batch.put(Family::Bucket(1), b"k", b"v");
            batch.put(Family::Meta, b"applied", b"1");
        });
        subject = subject.crash();
        assert!(entries(subject.store(), Family::Meta).is_empty());
        assert!(subject.store().buckets().is_empty());
    }

    fn a_store_goes_on_after_a_crash(subject: S) {
        for round in ["1", "2", "3"] {
            write(subject.store(), |batch| {
                batch.create_bucket(round.parse().expect("a number"));
                batch.put(Family::Meta, round.as_bytes(), b"kept");
            });
            subject.store().flush().expect("flush");
            put(subject.store(), Family::Meta, "unflushed", round);
            subject = subject.crash();
            assert_eq!(value(subject.store(), Family::Meta, "unflushed"), None);
            assert_eq!(value(subject.store(), Family::Meta, round).as_deref(), Some("kept"));
        }
        assert_eq!(subject.store().buckets(), [1, 2, 3]);
    }

    fn deletions_are_flushed_too(subject: S) {
        for key in ["a", "b", "c", "d"] {
            put(subject.store(), Family::Meta, key, "v");
        }
        subject.store().flush().expect("flush");
        write(subject.store(), |batch| {
            batch.delete(Family::Meta, b"a");
            batch.delete_range(Family::Meta, b"c", b"z");
        });
        subject.store().flush().expect("flush");
        subject = subject.crash();
        let left = entries(subject.store(), Family::Meta);
        assert_eq!(left, [(b"b".to_vec(), b"v".to_vec())]);
    }

    fn an_unflushed_range_deletion_is_undone_by_a_crash(subject: S) {
        put(subject.store(), Family::Meta, "a", "v");
        subject.store().flush().expect("flush");
        write(subject.store(), |batch| {
            batch.delete_range(Family::Meta, b"a", b"b");
            batch.put(Family::Meta, b"a", b"again");
        });
        subject = subject.crash();
        assert_eq!(value(subject.store(), Family::Meta, "a").as_deref(), Some("v"));
    }

    fn flushing_nothing_twice_is_harmless(subject: S) {
        subject.store().flush().expect("flush");
        subject.store().flush().expect("flush");
        put(subject.store(), Family::Meta, "a", "v");
        subject.store().flush().expect("flush");
        subject.store().flush().expect("flush");
        subject = subject.crash();
        assert_eq!(value(subject.store(), Family::Meta, "a").as_deref(), Some("v"));
    }
}
