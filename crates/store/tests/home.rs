//! A copy of another replica's store takes the place of this one's.

#![allow(clippy::unwrap_used, reason = "tests say what they expect bluntly")]

use std::path::Path;
use std::sync::Arc;

use anabranch_store::{
    Batch, Family, RocksHome, SharedOptions, SharedResources, StatePlace, Store, StoreHome, StoreOptions,
};

fn home(dir: &Path, name: &str) -> RocksHome {
    let shared = Arc::new(SharedResources::new(&SharedOptions::default()).unwrap());
    RocksHome::new(StatePlace::new(dir, name), StoreOptions::default(), shared)
}

fn put(store: &dyn Store, key: &str, value: &str) {
    let mut batch = Batch::new();
    batch.create_bucket(1);
    batch.put(Family::Meta, key.as_bytes(), value.as_bytes());
    batch.put(Family::Bucket(1), key.as_bytes(), value.as_bytes());
    store.write(batch).unwrap();
}

fn get(store: &dyn Store, key: &str) -> Option<String> {
    let text =
        |family| store.get(family, key.as_bytes()).unwrap().map(|value| String::from_utf8(value.to_vec()).unwrap());
    let (meta, bucket) = (text(Family::Meta), text(Family::Bucket(1)));
    assert_eq!(meta, bucket, "both families are of one moment");
    meta
}

/// A copy of another store, in which `who` is "new".
fn copy(dir: &Path) -> std::path::PathBuf {
    let other = home(dir, "other").open().unwrap();
    put(&*other, "who", "new");
    let copy = dir.join("copy");
    assert_eq!(other.checkpoint(&copy, b"who").unwrap().unwrap(), "new", "it says what the copy holds");
    copy
}

#[test]
fn what_is_taken_in_and_committed_replaces_the_store_for_new_readers_and_restarts() {
    let temporary = tempfile::tempdir().unwrap();
    let copy = copy(temporary.path());
    let home_before = home(temporary.path(), "00001");
    let old = home_before.open().unwrap();
    put(&*old, "who", "old");
    put(&*old, "only there", "old");
    let new = home_before.take_in(&copy).unwrap();
    home_before.commit().unwrap();
    assert_eq!((get(&*new, "who").as_deref(), get(&*new, "only there")), (Some("new"), None));

    // Who still reads the old one sees all of it, and nothing else; its files go with it.
    assert_eq!(get(&*old, "only there").as_deref(), Some("old"));
    assert!(temporary.path().join("00001").exists());
    drop(old);
    assert!(!temporary.path().join("00001").exists());

    put(&*new, "since", "new");
    new.flush().unwrap();
    drop((new, home_before));
    let after = home(temporary.path(), "00001").open().unwrap();
    assert_eq!((get(&*after, "who").as_deref(), get(&*after, "since").as_deref()), (Some("new"), Some("new")));
    assert_eq!(get(&*after, "only there"), None);
}

#[test]
fn what_is_taken_in_and_not_committed_leaves_the_old_store() {
    let temporary = tempfile::tempdir().unwrap();
    let copy = copy(temporary.path());
    let home_before = home(temporary.path(), "00001");
    let old = home_before.open().unwrap();
    put(&*old, "who", "old");
    old.flush().unwrap();
    let taken_in = home_before.take_in(&copy).unwrap();
    assert_eq!(get(&*taken_in, "who").as_deref(), Some("new"));
    // As a crash: neither is closed in any order that matters.
    drop((taken_in, old, home_before));
    let after = home(temporary.path(), "00001").open().unwrap();
    assert_eq!(get(&*after, "who").as_deref(), Some("old"));
    assert!(!temporary.path().join("00001.1").exists(), "what was not committed is removed");
}

#[test]
fn a_checkpoint_says_exactly_what_it_holds_while_batches_are_written() {
    let temporary = tempfile::tempdir().unwrap();
    let store = home(temporary.path(), "00001").open().unwrap();
    put(&*store, "number", "0");
    let writer = {
        let store = Arc::clone(&store);
        std::thread::spawn(move || (1..20_000).for_each(|number| put(&*store, "number", &number.to_string())))
    };
    for round in 0..5 {
        let dir = temporary.path().join(format!("copy {round}"));
        let said = store.checkpoint(&dir, b"number").unwrap().unwrap();
        let copy = home(temporary.path(), &format!("copy {round}")).open().unwrap();
        assert_eq!(get(&*copy, "number").unwrap().as_bytes(), &said[..]);
    }
    writer.join().unwrap();
}
