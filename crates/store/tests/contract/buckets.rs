use anabranch_store::{Family, Store, StoreError};

use super::subject::{Subject, entries, put, value, write};
use crate::contract;

/// Log entries as an owner applies them: entry `n` writes `n` as the applied index.
fn apply(store: &dyn Store, index: u32) {
    write(store, |batch| {
        match index {
            1 => batch.create_bucket(1),
            2 => batch.put(Family::Bucket(1), b"k", b"one"),
            3 => batch.create_bucket(2),
            4 => batch.put(Family::Bucket(2), b"k", b"two"),
            5 => batch.drop_bucket(1),
            _ => batch.put(Family::Bucket(2), b"l", b"two"),
        }
        batch.put(Family::Meta, b"applied", index.to_string().as_bytes());
    });
}

contract! {
    fn creating_what_exists_and_dropping_what_does_not_are_no_ops(subject: S) {
        write(subject.store(), |batch| {
            batch.create_bucket(1);
            batch.put(Family::Bucket(1), b"k", b"v");
        });
        write(subject.store(), |batch| {
            batch.create_bucket(1);
            batch.drop_bucket(2);
        });
        assert_eq!(value(subject.store(), Family::Bucket(1), "k").as_deref(), Some("v"));
        assert_eq!(subject.store().buckets(), [1]);
    }

    fn a_dropped_bucket_is_gone_at_once(subject: S) {
        write(subject.store(), |batch| {
            batch.create_bucket(1);
            batch.create_bucket(u32::MAX);
            batch.put(Family::Bucket(1), b"k", b"v");
        });
        write(subject.store(), |batch| batch.drop_bucket(1));
        assert_eq!(subject.store().buckets(), [u32::MAX]);
        assert_eq!(subject.store().get(Family::Bucket(1), b"k"), Err(StoreError::UnknownBucket { bucket: 1 }));
        assert_eq!(subject.store().stats().pending_drops, 1);
        assert_eq!(subject.store().stats().buckets, 1);
    }

    fn an_unflushed_drop_is_undone_by_a_crash(subject: S) {
        write(subject.store(), |batch| {
            batch.create_bucket(1);
            batch.put(Family::Bucket(1), b"k", b"v");
        });
        subject.store().flush().expect("flush");
        write(subject.store(), |batch| batch.drop_bucket(1));
        subject = subject.crash();
        assert_eq!(subject.store().buckets(), [1]);
        assert_eq!(value(subject.store(), Family::Bucket(1), "k").as_deref(), Some("v"));
    }

    fn a_flushed_drop_is_final(subject: S) {
        write(subject.store(), |batch| {
            batch.create_bucket(1);
            batch.put(Family::Bucket(1), b"k", b"v");
        });
        subject.store().flush().expect("flush");
        write(subject.store(), |batch| batch.drop_bucket(1));
        subject.store().flush().expect("flush");
        assert_eq!(subject.store().stats().pending_drops, 0);
        subject = subject.crash();
        assert!(subject.store().buckets().is_empty());
        write(subject.store(), |batch| batch.create_bucket(1));
        assert!(entries(subject.store(), Family::Bucket(1)).is_empty());
    }

    fn a_bucket_made_again_starts_empty(subject: S) {
        write(subject.store(), |batch| {
            batch.create_bucket(1);
            batch.put(Family::Bucket(1), b"old", b"v");
        });
        subject.store().flush().expect("flush");
        write(subject.store(), |batch| {
            batch.drop_bucket(1);
            batch.create_bucket(1);
            batch.put(Family::Bucket(1), b"new", b"v");
        });
        assert_eq!(entries(subject.store(), Family::Bucket(1)), [(b"new".to_vec(), b"v".to_vec())]);
        subject = subject.crash();
        assert_eq!(entries(subject.store(), Family::Bucket(1)), [(b"old".to_vec(), b"v".to_vec())]);
        write(subject.store(), |batch| {
            batch.drop_bucket(1);
            batch.create_bucket(1);
            batch.put(Family::Bucket(1), b"new", b"v");
        });
        subject.store().flush().expect("flush");
        subject = subject.crash();
        assert_eq!(entries(subject.store(), Family::Bucket(1)), [(b"new".to_vec(), b"v".to_vec())]);
    }

    fn a_bucket_that_lived_within_one_flush_leaves_nothing(subject: S) {
        write(subject.store(), |batch| {
            batch.create_bucket(1);
            batch.put(Family::Bucket(1), b"k", b"v");
            batch.drop_bucket(1);
        });
        assert!(subject.store().buckets().is_empty());
        subject.store().flush().expect("flush");
        subject = subject.crash();
        assert!(subject.store().buckets().is_empty());
        assert_eq!(subject.store().stats().pending_drops, 0);
    }

    /// Whatever was flushed before the crash, replaying the log from the applied index on
    /// leads to the same state (I9).
    fn replay_from_any_flush_gives_the_same_state(subject: S) {
        for flushed_at in 0..=6 {
            let mut subject = if flushed_at == 0 { subject.copy() } else { S::create() };
            for index in 1..=6 {
                apply(subject.store(), index);
                if index == flushed_at {
                    subject.store().flush().expect("flush");
                }
            }
            subject = subject.crash();
            let applied = value(subject.store(), Family::Meta, "applied").map_or(0, |n| n.parse().expect("a number"));
            assert_eq!(applied, flushed_at);
            for index in applied + 1..=6 {
                apply(subject.store(), index);
            }
            assert_eq!(subject.store().buckets(), [2]);
            let expected = [(b"k".to_vec(), b"two".to_vec()), (b"l".to_vec(), b"two".to_vec())];
            assert_eq!(entries(subject.store(), Family::Bucket(2)), expected);
        }
    }

    fn many_buckets_roll_through_a_store(subject: S) {
        for bucket in 0..40_u32 {
            write(subject.store(), |batch| {
                batch.create_bucket(bucket);
                batch.put(Family::Bucket(bucket), b"k", &bucket.to_be_bytes());
                if bucket >= 4 {
                    batch.drop_bucket(bucket - 4);
                }
            });
            if bucket % 3 == 0 {
                subject.store().flush().expect("flush");
            }
            if bucket % 10 == 9 {
                subject.store().flush().expect("flush");
                subject = subject.crash();
            }
        }
        assert_eq!(subject.store().buckets(), [36, 37, 38, 39]);
        for bucket in 36..40 {
            let found = subject.store().get(Family::Bucket(bucket), b"k").expect("get");
            assert_eq!(found.as_deref(), Some(&bucket.to_be_bytes()[..]));
        }
    }

    fn a_scan_outlives_the_drop_of_its_bucket(subject: S) {
        write(subject.store(), |batch| {
            batch.create_bucket(1);
            for key in 0..100_u32 {
                batch.put(Family::Bucket(1), &key.to_be_bytes(), &[7; 1000]);
            }
        });
        subject.store().flush().expect("flush");
        let store = subject.store();
        let mut visited = 0;
        std::thread::scope(|scope| {
            store.scan(Family::Bucket(1), b"", &[0xff; 4], anabranch_store::Direction::Ascending, &mut |_, value| {
                if visited == 10 {
                    scope.spawn(|| {
                        write(store, |batch| batch.drop_bucket(1));
                        store.flush().expect("flush");
                    }).join().expect("drop and flush succeed");
                }
                assert_eq!(value, [7; 1000]);
                visited += 1;
                std::ops::ControlFlow::Continue(())
            }).expect("the scan ends well");
        });
        assert_eq!(visited, 100);
        assert!(store.buckets().is_empty());
    }

    fn reads_run_beside_writes_flushes_and_drops(subject: S) {
        let store = subject.store();
        let done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let mut reads = 0_u64;
                while !done.load(std::sync::atomic::Ordering::Relaxed) || reads == 0 {
                    // A bucket named in the metadata exists unless it was dropped since.
                    let Some(open) = store.get(Family::Meta, b"open").expect("get") else { continue };
                    let bucket = u32::from_be_bytes(open.as_ref().try_into().expect("four bytes"));
                    match store.get(Family::Bucket(bucket), b"k") {
                        Ok(found) => assert_eq!(found.as_deref(), Some(&bucket.to_be_bytes()[..])),
                        Err(error) => assert_eq!(error, StoreError::UnknownBucket { bucket }),
                    }
                    reads += 1;
                }
            });
            for bucket in 0..50_u32 {
                write(store, |batch| {
                    batch.create_bucket(bucket);
                    batch.put(Family::Bucket(bucket), b"k", &bucket.to_be_bytes());
                    batch.put(Family::Meta, b"open", &bucket.to_be_bytes());
                    if bucket > 0 {
                        batch.drop_bucket(bucket - 1);
                    }
                });
                if bucket % 4 == 0 {
                    store.flush().expect("flush");
                }
            }
            done.store(true, std::sync::atomic::Ordering::Relaxed);
            reader.join().expect("the reader found nothing wrong");
        });
        put(store, Family::Meta, "end", "1");
    }
}
