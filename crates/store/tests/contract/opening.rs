//! What the disk version accepts and refuses when it opens, and what it does when the disk
//! fails: nothing that holds data is ever removed for want of metadata (DESIGN D8).

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use anabranch_store::{Batch, Family, OpenError, RocksStore, Store, StoreError};
use rocksdb::{DBWithThreadMode, MultiThreaded, Options};

use super::subject::{copy_files, entries, put, shared, small_options, value, write};

fn open(dir: &Path) -> Result<RocksStore, OpenError> {
    RocksStore::open(dir, &small_options(), &shared())
}

/// Opens the engine itself, with every family, to do what a crash or a stranger would do.
fn engine(dir: &Path) -> DBWithThreadMode<MultiThreaded> {
    let families = DBWithThreadMode::<MultiThreaded>::list_cf(&Options::default(), dir).expect("a database");
    DBWithThreadMode::open_cf(&Options::default(), dir, families).expect("opens")
}

fn families(dir: &Path) -> Vec<String> {
    DBWithThreadMode::<MultiThreaded>::list_cf(&Options::default(), dir).expect("a database")
}

/// The family number 1: the first a store makes.
const FIRST_FAMILY: &str = "f0000000000000001";

fn store_with_bucket_one(dir: &Path) {
    let store = open(dir).expect("opens");
    write(&store, |batch| {
        batch.create_bucket(1);
        batch.put(Family::Bucket(1), b"k", b"v");
        batch.put(Family::Meta, b"applied", b"1");
    });
    store.flush().expect("flush");
}

#[test]
fn a_newer_format_is_refused_with_both_versions_and_left_alone() {
    let temporary = tempfile::tempdir().expect("temporary directory");
    store_with_bucket_one(temporary.path());
    engine(temporary.path()).put(b"format", 9_u32.to_be_bytes()).expect("put");
    let manifest = std::fs::read(temporary.path().join("CURRENT")).expect("readable");
    let refusal = open(temporary.path()).err().expect("refused");
    assert!(matches!(refusal, OpenError::NewerFormat { found: 9, supported: 1, .. }), "{refusal}");
    assert!(refusal.to_string().contains("version 9") && refusal.to_string().contains("up to 1"), "{refusal}");
    assert_eq!(std::fs::read(temporary.path().join("CURRENT")).expect("readable"), manifest);
}

#[test]
fn data_without_a_format_version_is_refused() {
    let temporary = tempfile::tempdir().expect("temporary directory");
    store_with_bucket_one(temporary.path());
    engine(temporary.path()).delete(b"format").expect("delete");
    let refusal = open(temporary.path()).err().expect("refused");
    assert!(matches!(refusal, OpenError::MissingVersion { .. }), "{refusal}");
}

#[test]
fn a_family_with_data_but_no_record_is_refused_and_kept() {
    let temporary = tempfile::tempdir().expect("temporary directory");
    store_with_bucket_one(temporary.path());
    let key = [b"family/".as_slice(), &1_u64.to_be_bytes()].concat();
    engine(temporary.path()).delete(&key).expect("delete");
    for _ in 0..2 {
        let refusal = open(temporary.path()).err().expect("refused");
        assert!(matches!(&refusal, OpenError::StrayFamily { family, .. } if family == FIRST_FAMILY), "{refusal}");
    }
    engine(temporary.path()).put(&key, [1, 0, 0, 0, 1]).expect("put");
    let store = open(temporary.path()).expect("the record is back");
    assert_eq!(value(&store, Family::Bucket(1), "k").as_deref(), Some("v"));
}

#[test]
fn a_family_with_a_foreign_name_is_refused() {
    let temporary = tempfile::tempdir().expect("temporary directory");
    store_with_bucket_one(temporary.path());
    engine(temporary.path()).create_cf("strange", &Options::default()).expect("create");
    let refusal = open(temporary.path()).err().expect("refused");
    assert!(matches!(&refusal, OpenError::StrayFamily { family, .. } if family == "strange"), "{refusal}");
}

#[test]
fn empty_families_without_a_record_are_cleared_away() {
    let temporary = tempfile::tempdir().expect("temporary directory");
    store_with_bucket_one(temporary.path());
    {
        let engine = engine(temporary.path());
        for number in 7..12_u64 {
            engine.create_cf(format!("f{number:016x}"), &Options::default()).expect("create");
        }
    }
    let store = open(temporary.path()).expect("opens");
    write(&store, |batch| (2..8).for_each(|bucket| batch.create_bucket(bucket)));
    assert_eq!(store.buckets(), [1, 2, 3, 4, 5, 6, 7]);
    drop(store);
    drop(open(temporary.path()).expect("opens"));
    // The ledger, the metadata, bucket 1, and at most one spare.
    assert!(families(temporary.path()).len() <= 4, "{:?}", families(temporary.path()));
}

#[test]
fn a_bucket_on_record_whose_family_is_gone_is_refused() {
    let temporary = tempfile::tempdir().expect("temporary directory");
    store_with_bucket_one(temporary.path());
    engine(temporary.path()).drop_cf(FIRST_FAMILY).expect("drop");
    let refusal = open(temporary.path()).err().expect("refused");
    assert!(matches!(refusal, OpenError::MissingFamily { bucket: 1, .. }), "{refusal}");
}

#[test]
fn a_bucket_in_two_families_is_refused() {
    let temporary = tempfile::tempdir().expect("temporary directory");
    store_with_bucket_one(temporary.path());
    {
        let engine = engine(temporary.path());
        engine.create_cf("f00000000000000ff", &Options::default()).expect("create");
        engine.put([b"family/".as_slice(), &255_u64.to_be_bytes()].concat(), [1, 0, 0, 0, 1]).expect("put");
    }
    let refusal = open(temporary.path()).err().expect("refused");
    assert!(matches!(refusal, OpenError::DamagedRecord { .. }), "{refusal}");
}

#[test]
fn a_record_that_does_not_parse_is_refused() {
    let temporary = tempfile::tempdir().expect("temporary directory");
    store_with_bucket_one(temporary.path());
    engine(temporary.path()).put(b"unheard of", b"?").expect("put");
    let refusal = open(temporary.path()).err().expect("refused");
    assert!(matches!(refusal, OpenError::DamagedRecord { .. }), "{refusal}");
}

#[test]
fn table_files_without_a_manifest_are_refused_and_kept() {
    let temporary = tempfile::tempdir().expect("temporary directory");
    store_with_bucket_one(temporary.path());
    std::fs::remove_file(temporary.path().join("CURRENT")).expect("removed");
    let tables = || {
        let files = std::fs::read_dir(temporary.path()).expect("readable");
        files.filter(|file| file.as_ref().expect("readable").path().extension().is_some_and(|e| e == "sst")).count()
    };
    let before = tables();
    let refusal = open(temporary.path()).err().expect("refused");
    assert!(matches!(refusal, OpenError::MissingManifest { .. }), "{refusal}");
    assert_eq!(tables(), before);
}

#[test]
fn a_crash_after_the_flush_of_a_drop_finishes_the_drop() {
    let temporary = tempfile::tempdir().expect("temporary directory");
    let dir = temporary.path().join("store");
    store_with_bucket_one(&dir);
    // As a flush leaves it, before the family is removed.
    engine(&dir).put([b"family/".as_slice(), &1_u64.to_be_bytes()].concat(), [2, 0, 0, 0, 1]).expect("put");
    let store = open(&dir).expect("opens");
    assert!(store.buckets().is_empty());
    assert_eq!(value(&store, Family::Meta, "applied").as_deref(), Some("1"));
    drop(store);
    assert!(!families(&dir).contains(&FIRST_FAMILY.to_owned()));
    drop(open(&dir).expect("opens again, with the record gone or not"));
}

#[test]
fn a_crash_after_the_family_of_a_dropped_bucket_was_removed_is_harmless() {
    let temporary = tempfile::tempdir().expect("temporary directory");
    store_with_bucket_one(temporary.path());
    {
        let engine = engine(temporary.path());
        engine.put([b"family/".as_slice(), &1_u64.to_be_bytes()].concat(), [2, 0, 0, 0, 1]).expect("put");
        engine.drop_cf(FIRST_FAMILY).expect("drop");
    }
    let store = open(temporary.path()).expect("opens");
    write(&store, |batch| batch.create_bucket(1));
    assert_eq!(value(&store, Family::Bucket(1), "k"), None);
}

#[test]
fn a_creation_cut_short_starts_over() {
    let temporary = tempfile::tempdir().expect("temporary directory");
    let mut options = Options::default();
    options.create_if_missing(true);
    options.create_missing_column_families(true);
    drop(DBWithThreadMode::<MultiThreaded>::open_cf(&options, temporary.path(), ["meta"]).expect("made"));
    store_with_bucket_one(temporary.path());
    let store = open(temporary.path()).expect("opens");
    assert_eq!(store.buckets(), [1]);
}

#[test]
fn a_store_opens_once_at_a_time() {
    let temporary = tempfile::tempdir().expect("temporary directory");
    let store = open(temporary.path()).expect("opens");
    let refusal = open(temporary.path()).err().expect("refused");
    assert!(matches!(refusal, OpenError::Engine { .. }), "{refusal}");
    drop(store);
    drop(open(temporary.path()).expect("opens"));
}

#[test]
fn dropping_a_bucket_frees_the_disk_at_the_next_flush() {
    let temporary = tempfile::tempdir().expect("temporary directory");
    let store = open(temporary.path()).expect("opens");
    write(&store, |batch| {
        batch.create_bucket(1);
        (0..64_u32).for_each(|key| batch.put(Family::Bucket(1), &key.to_be_bytes(), &incompressible(16 << 10)));
    });
    store.flush().expect("flush");
    assert!(store.stats().table_bytes > 1 << 20);
    write(&store, |batch| batch.drop_bucket(1));
    assert_eq!(store.stats().pending_drops, 1);
    assert!(store.stats().table_bytes > 1 << 20, "the drop is not durable yet");
    store.flush().expect("flush");
    assert!(store.stats().table_bytes < 64 << 10);
    let files = std::fs::read_dir(temporary.path()).expect("readable");
    let tables = files.map(|file| file.expect("readable")).filter(|f| f.path().extension().is_some_and(|e| e == "sst"));
    let bytes: u64 = tables.map(|file| file.metadata().expect("metadata").len()).sum();
    assert!(bytes < 64 << 10, "{bytes} bytes of tables left");
}

fn incompressible(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    })
    .take(length)
    .collect()
}

#[test]
fn a_failed_flush_is_latched_and_reads_go_on() {
    let temporary = tempfile::tempdir().expect("temporary directory");
    let dir = temporary.path().join("store");
    store_with_bucket_one(&dir);
    let kept = temporary.path().join("kept");
    copy_files(&dir, &kept);
    let store = open(&dir).expect("opens");
    put(&store, Family::Meta, "applied", "2");
    std::fs::remove_dir_all(&dir).expect("removed");
    let failure = store.flush().expect_err("nowhere to write");
    assert!(matches!(failure, StoreError::Engine { operation: "flush", .. }), "{failure}");
    assert!(store.stats().failed);
    let mut batch = Batch::new();
    batch.put(Family::Meta, b"applied", b"3");
    let first = failure.to_string();
    assert_eq!(store.write(batch), Err(StoreError::Failed { first: first.clone() }));
    assert_eq!(store.flush(), Err(StoreError::Failed { first }));
    assert_eq!(value(&store, Family::Meta, "applied").as_deref(), Some("2"));
    drop(store);
    let reopened = open(&kept).expect("opens");
    assert_eq!(value(&reopened, Family::Meta, "applied").as_deref(), Some("1"));
}

#[test]
fn a_flipped_bit_on_disk_is_an_error_and_never_a_record() {
    let temporary = tempfile::tempdir().expect("temporary directory");
    let payload = incompressible(48 << 10);
    {
        let store = open(temporary.path()).expect("opens");
        write(&store, |batch| {
            batch.create_bucket(1);
            batch.put(Family::Bucket(1), b"k", &payload);
        });
        store.flush().expect("flush");
    }
    let largest = largest_table(temporary.path());
    let mut table = std::fs::read(&largest).expect("readable");
    table[20 << 10] ^= 1;
    std::fs::write(&largest, &table).expect("written");
    let store = open(temporary.path()).expect("opens");
    let found = store.get(Family::Bucket(1), b"k");
    assert!(matches!(found, Err(StoreError::Damaged { operation: "get", .. })), "{found:?}");
    let mut visited = 0;
    let scan = store.scan(Family::Bucket(1), b"a", b"z", anabranch_store::Direction::Ascending, &mut |_, _| {
        visited += 1;
        std::ops::ControlFlow::Continue(())
    });
    assert!(matches!(scan, Err(StoreError::Damaged { operation: "scan", .. })), "{scan:?}");
    assert_eq!(visited, 0);
}

/// Batches, bucket rolls and flushes race, and the engine also flushes by itself. Whatever the
/// crash leaves is a prefix of the batches, the same in every family (I1, I9).
#[test]
fn a_crash_amid_writes_rolls_and_flushes_leaves_a_prefix() {
    const BATCHES: u32 = 1500;
    const PER_BUCKET: u32 = 40;
    let temporary = tempfile::tempdir().expect("temporary directory");
    let payload = incompressible(8 << 10);
    let store = open(temporary.path()).expect("opens");
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                store.flush().expect("flush");
            }
        });
        for index in 0..BATCHES {
            let bucket = index / PER_BUCKET;
            write(&store, |batch| {
                batch.create_bucket(bucket);
                batch.put(Family::Bucket(bucket), &index.to_be_bytes(), &payload);
                batch.put(Family::Meta, b"applied", &index.to_be_bytes());
                if index % PER_BUCKET == 0 && bucket >= 3 {
                    batch.drop_bucket(bucket - 3);
                }
            });
            if index == BATCHES / 2 {
                done.store(true, Ordering::Relaxed);
            }
        }
    });
    drop(store);
    let store = open(temporary.path()).expect("opens");
    let applied = store.get(Family::Meta, b"applied").expect("get").expect("flushed at least once");
    let applied = u32::from_be_bytes(applied.as_ref().try_into().expect("four bytes"));
    assert!(applied < BATCHES);
    let newest = applied / PER_BUCKET;
    let expected: Vec<u32> = (newest.saturating_sub(2)..=newest).collect();
    assert_eq!(store.buckets(), expected);
    for bucket in expected {
        let last = applied.min(bucket * PER_BUCKET + PER_BUCKET - 1);
        let found = entries(&store, Family::Bucket(bucket));
        let indices: Vec<Vec<u8>> = found.into_iter().map(|(key, _)| key).collect();
        let wanted: Vec<Vec<u8>> = (bucket * PER_BUCKET..=last).map(|index| index.to_be_bytes().to_vec()).collect();
        assert_eq!(indices, wanted, "bucket {bucket}, applied {applied}");
    }
}

#[test]
fn closing_writes_nothing_even_after_many_writes() {
    let temporary = tempfile::tempdir().expect("temporary directory");
    let store = open(temporary.path()).expect("opens");
    store.flush().expect("flush");
    (0..100).for_each(|index: u32| put(&store, Family::Meta, "applied", &index.to_string()));
    drop(store);
    assert_eq!(value(&open(temporary.path()).expect("opens"), Family::Meta, "applied"), None);
}

/// The engine's own WAL is never written, so a store with stale WAL files has none to replay.
#[test]
fn no_write_of_the_store_reaches_a_wal() {
    let temporary = tempfile::tempdir().expect("temporary directory");
    let store = open(temporary.path()).expect("opens");
    write(&store, |batch| {
        batch.create_bucket(1);
        batch.put(Family::Bucket(1), b"k", &incompressible(100 << 10));
        batch.put(Family::Meta, b"applied", b"1");
    });
    store.flush().expect("flush");
    let logs = std::fs::read_dir(temporary.path()).expect("readable").map(|file| file.expect("readable"));
    let bytes: u64 = logs
        .filter(|file| file.path().extension().is_some_and(|extension| extension == "log"))
        .map(|file| file.metadata().expect("metadata").len())
        .sum();
    assert_eq!(bytes, 0);
}

fn largest_table(dir: &Path) -> std::path::PathBuf {
    let files = std::fs::read_dir(dir).expect("readable").map(|file| file.expect("readable").path());
    files
        .filter(|path| path.extension().is_some_and(|extension| extension == "sst"))
        .max_by_key(|path| path.metadata().expect("metadata").len())
        .expect("a table")
}

#[test]
fn a_lost_table_file_is_refused() {
    let temporary = tempfile::tempdir().expect("temporary directory");
    store_with_bucket_one(temporary.path());
    std::fs::remove_file(largest_table(temporary.path())).expect("removed");
    let refusal = open(temporary.path()).err().expect("refused");
    assert!(matches!(refusal, OpenError::Engine { .. }), "{refusal}");
}

#[test]
fn a_table_file_cut_short_is_refused() {
    let temporary = tempfile::tempdir().expect("temporary directory");
    store_with_bucket_one(temporary.path());
    let table = largest_table(temporary.path());
    let content = std::fs::read(&table).expect("readable");
    std::fs::write(&table, &content[..content.len() / 2]).expect("written");
    let refusal = open(temporary.path()).err().expect("refused");
    assert!(matches!(refusal, OpenError::Engine { .. }), "{refusal}");
}
