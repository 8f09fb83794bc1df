use std::ops::ControlFlow;

use anabranch_store::Direction::{Ascending, Descending};
use anabranch_store::{Family, StoreError};

use super::subject::{Subject, keys, put, scan, value, write};
use crate::contract;

contract! {
    fn a_scan_includes_its_start_and_excludes_its_end(subject: S) {
        for key in ["a", "b", "ba", "c", "d"] {
            put(subject.store(), Family::Meta, key, "v");
        }
        assert_eq!(keys(subject.store(), Family::Meta, "b", "d", Ascending), ["b", "ba", "c"]);
        assert_eq!(keys(subject.store(), Family::Meta, "b", "d", Descending), ["c", "ba", "b"]);
        assert_eq!(keys(subject.store(), Family::Meta, "bb", "cc", Descending), ["c"]);
        assert_eq!(keys(subject.store(), Family::Meta, "", "b", Ascending), ["a"]);
    }

    fn an_empty_or_reversed_range_visits_nothing(subject: S) {
        put(subject.store(), Family::Meta, "b", "v");
        for (from, to) in [("b", "b"), ("c", "a"), ("", ""), ("c", "d")] {
            assert!(keys(subject.store(), Family::Meta, from, to, Ascending).is_empty(), "{from}..{to}");
            assert!(keys(subject.store(), Family::Meta, from, to, Descending).is_empty(), "{from}..{to}");
        }
    }

    fn a_scan_stops_when_its_visitor_breaks(subject: S) {
        for key in ["a", "b", "c"] {
            put(subject.store(), Family::Meta, key, "v");
        }
        for direction in [Ascending, Descending] {
            let mut visited = 0;
            subject.store().scan(Family::Meta, b"a", b"z", direction, &mut |_, _| {
                visited += 1;
                if visited == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            }).expect("scan");
            assert_eq!(visited, 2);
        }
    }

    fn keys_compare_as_unsigned_bytes(subject: S) {
        write(subject.store(), |batch| {
            for key in [&[0x80][..], &[0x7f], &[0xff, 0], &[0], &[0xff]] {
                batch.put(Family::Meta, key, b"");
            }
        });
        let found = scan(subject.store(), Family::Meta, &[0], &[0xff, 0xff], Ascending);
        let found: Vec<Vec<u8>> = found.into_iter().map(|(key, _)| key).collect();
        assert_eq!(found, [&[0][..], &[0x7f], &[0x80], &[0xff], &[0xff, 0]]);
    }

    fn a_scan_merges_flushed_and_unflushed_entries(subject: S) {
        write(subject.store(), |batch| {
            batch.create_bucket(1);
            batch.put(Family::Bucket(1), b"a", b"old");
            batch.put(Family::Bucket(1), b"c", b"old");
            batch.put(Family::Bucket(1), b"e", b"old");
        });
        subject.store().flush().expect("flush");
        write(subject.store(), |batch| {
            batch.put(Family::Bucket(1), b"b", b"new");
            batch.put(Family::Bucket(1), b"c", b"new");
            batch.delete(Family::Bucket(1), b"e");
        });
        let found = scan(subject.store(), Family::Bucket(1), b"a", b"z", Ascending);
        let expected = [("a", "old"), ("b", "new"), ("c", "new")];
        assert_eq!(found, expected.map(|(k, v)| (k.as_bytes().to_vec(), v.as_bytes().to_vec())));
    }

    fn a_visitor_may_read_from_the_store(subject: S) {
        put(subject.store(), Family::Meta, "a", "1");
        put(subject.store(), Family::Meta, "b", "2");
        let mut seen = Vec::new();
        let store = subject.store();
        store.scan(Family::Meta, b"a", b"z", Ascending, &mut |_, _| {
            seen.push(value(store, Family::Meta, "b"));
            ControlFlow::Continue(())
        }).expect("scan");
        assert_eq!(seen, [Some("2".to_owned()), Some("2".to_owned())]);
    }

    fn a_scan_sees_one_point_in_time(subject: S) {
        put(subject.store(), Family::Meta, "a", "1");
        put(subject.store(), Family::Meta, "b", "1");
        let store = subject.store();
        let mut seen = Vec::new();
        std::thread::scope(|scope| {
            store.scan(Family::Meta, b"a", b"z", Ascending, &mut |key, value| {
                if key == b"a" {
                    // Another thread writes between two visits.
                    scope.spawn(|| put(store, Family::Meta, "b", "2")).join().expect("the write succeeds");
                }
                seen.push(value.to_vec());
                ControlFlow::Continue(())
            }).expect("scan");
        });
        assert_eq!(seen, [b"1", b"1"]);
        assert_eq!(value(store, Family::Meta, "b").as_deref(), Some("2"));
    }

    fn an_unknown_bucket_is_an_error_not_an_empty_one(subject: S) {
        let unknown = StoreError::UnknownBucket { bucket: 9 };
        assert_eq!(subject.store().get(Family::Bucket(9), b"k"), Err(unknown.clone()));
        let scan = subject.store().scan(Family::Bucket(9), b"a", b"b", Ascending, &mut |_, _| ControlFlow::Break(()));
        assert_eq!(scan, Err(unknown));
    }

    fn families_do_not_share_keys(subject: S) {
        write(subject.store(), |batch| {
            batch.create_bucket(1);
            batch.create_bucket(2);
            batch.put(Family::Bucket(1), b"k", b"one");
            batch.put(Family::Meta, b"k", b"meta");
        });
        assert_eq!(value(subject.store(), Family::Bucket(1), "k").as_deref(), Some("one"));
        assert_eq!(value(subject.store(), Family::Bucket(2), "k"), None);
        assert_eq!(value(subject.store(), Family::Meta, "k").as_deref(), Some("meta"));
    }
}
