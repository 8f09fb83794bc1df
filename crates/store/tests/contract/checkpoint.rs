use anabranch_store::Family;

use super::subject::{Subject, entries, put, value, write};
use crate::contract;

contract! {
    fn a_checkpoint_opens_with_the_same_content(subject: S) {
        write(subject.store(), |batch| {
            batch.create_bucket(1);
            batch.create_bucket(2);
            batch.put(Family::Bucket(1), b"k", b"one");
            batch.put(Family::Meta, b"applied", b"7");
        });
        subject.store().flush().expect("flush");
        write(subject.store(), |batch| {
            batch.put(Family::Bucket(2), b"k", b"two, not flushed by us");
            batch.drop_bucket(1);
        });
        let copy = subject.copy();
        assert_eq!(copy.store().buckets(), [2]);
        assert_eq!(entries(copy.store(), Family::Bucket(2)), entries(subject.store(), Family::Bucket(2)));
        assert_eq!(entries(copy.store(), Family::Meta), entries(subject.store(), Family::Meta));
    }

    fn a_checkpoint_is_a_flush(subject: S) {
        put(subject.store(), Family::Meta, "a", "v");
        drop(subject.copy());
        assert_eq!(subject.store().unflushed_bytes(), 0);
        subject = subject.crash();
        assert_eq!(value(subject.store(), Family::Meta, "a").as_deref(), Some("v"));
    }

    fn a_copy_and_its_original_part_ways(subject: S) {
        write(subject.store(), |batch| {
            batch.create_bucket(1);
            batch.put(Family::Bucket(1), b"k", b"v");
        });
        let mut copy = subject.copy();
        write(subject.store(), |batch| batch.drop_bucket(1));
        subject.store().flush().expect("flush");
        put(copy.store(), Family::Meta, "copy", "yes");
        copy.store().flush().expect("flush");
        copy = copy.crash();
        assert_eq!(value(copy.store(), Family::Bucket(1), "k").as_deref(), Some("v"));
        assert_eq!(value(subject.store(), Family::Meta, "copy"), None);
    }

    fn a_checkpoint_into_an_existing_directory_is_refused_and_harmless(subject: S) {
        let temporary = tempfile::tempdir().expect("temporary directory");
        put(subject.store(), Family::Meta, "a", "v");
        assert!(subject.store().checkpoint(temporary.path(), b"a").is_err());
        put(subject.store(), Family::Meta, "b", "v");
        subject.store().flush().expect("flush");
        assert_eq!(value(subject.store(), Family::Meta, "b").as_deref(), Some("v"));
    }
}
