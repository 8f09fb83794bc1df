//! The stores under test, and how to crash them.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use anabranch_store::{
    Batch, Direction, Family, MemoryStore, RocksStore, SharedOptions, SharedResources, Store, StoreOptions,
};

/// A store that can crash, come back, and be copied.
pub trait Subject: Sized {
    fn create() -> Self;
    fn store(&self) -> &dyn Store;
    /// Loses power and starts again.
    fn crash(self) -> Self;
    /// Copies the store by a checkpoint and opens the copy.
    fn copy(&self) -> Self;
}

/// Both versions run `$body`, a function generic over [`Subject`].
#[macro_export]
macro_rules! contract {
    ($($(#[$doc:meta])* fn $name:ident($subject:ident: S) $body:block)+) => { $(
        $(#[$doc])*
        mod $name {
            use super::*;
            fn story<S: Subject>(mut $subject: S) { let _ = &mut $subject; $body }
            #[test] fn on_disk() { story($crate::contract::subject::OnDisk::create()); }
            #[test] fn on_disk_killed() { story($crate::contract::subject::Killed::create()); }
            #[test] fn in_memory() { story($crate::contract::subject::InMemory::create()); }
        }
    )+ };
}

pub struct InMemory(MemoryStore);

impl Subject for InMemory {
    fn create() -> Self {
        Self(MemoryStore::new())
    }
    fn store(&self) -> &dyn Store {
        &self.0
    }
    fn crash(self) -> Self {
        Self(self.0.crash())
    }
    fn copy(&self) -> Self {
        let temporary = tempfile::tempdir().expect("temporary directory");
        let dir = temporary.path().join("copy");
        self.0.checkpoint(&dir, b"applied").expect("checkpoint");
        Self(MemoryStore::from_checkpoint(&dir).expect("opens"))
    }
}

/// RocksDB, crashed by dropping it.
pub struct OnDisk {
    store: RocksStore,
    temporary: tempfile::TempDir,
    dir: PathBuf,
}

/// Small memtables, so that tests also meet flushes the engine starts by itself.
pub fn small_options() -> StoreOptions {
    StoreOptions { flush_after_bytes: 1 << 20, ..StoreOptions::default() }
}

pub fn shared() -> SharedResources {
    SharedResources::new(&SharedOptions { block_cache_bytes: 8 << 20, ..SharedOptions::default() })
        .expect("shared resources")
}

impl OnDisk {
    fn open(temporary: tempfile::TempDir, dir: PathBuf) -> Self {
        let store = RocksStore::open(&dir, &small_options(), &shared()).expect("opens");
        Self { store, temporary, dir }
    }
}

impl Subject for OnDisk {
    fn create() -> Self {
        let temporary = tempfile::tempdir().expect("temporary directory");
        let dir = temporary.path().join("store");
        Self::open(temporary, dir)
    }
    fn store(&self) -> &dyn Store {
        &self.store
    }
    fn crash(self) -> Self {
        drop(self.store);
        Self::open(self.temporary, self.dir)
    }
    fn copy(&self) -> Self {
        let temporary = tempfile::tempdir().expect("temporary directory");
        let dir = temporary.path().join("copy");
        self.store.checkpoint(&dir, b"applied").expect("checkpoint");
        Self::open(temporary, dir)
    }
}

/// RocksDB, crashed by opening a copy of its files taken while it runs.
pub struct Killed(OnDisk);

impl Subject for Killed {
    fn create() -> Self {
        Self(OnDisk::create())
    }
    fn store(&self) -> &dyn Store {
        self.0.store()
    }
    fn crash(self) -> Self {
        let temporary = tempfile::tempdir().expect("temporary directory");
        let dir = temporary.path().join("store");
        copy_files(&self.0.dir, &dir);
        Self(OnDisk::open(temporary, dir))
    }
    fn copy(&self) -> Self {
        Self(self.0.copy())
    }
}

/// How often an image may be begun anew because the engine changed files meanwhile; it settles
/// once nobody writes.
const IMAGES_MAX: usize = 1_000;

/// Copies the files of a running store as a kill would leave them: all of one instant.
///
/// The engine deletes tables in the background, so a copy counts only when the directory lists
/// the same before and after it.
pub fn copy_files(from: &Path, to: &Path) {
    for _ in 0..IMAGES_MAX {
        let before = listing(from);
        std::fs::create_dir(to).expect("new directory");
        let copied = before.iter().all(|(name, _)| std::fs::copy(from.join(name), to.join(name)).is_ok());
        if copied && listing(from) == before {
            return;
        }
        std::fs::remove_dir_all(to).expect("removed");
    }
    panic!("the store changed its files in each of {IMAGES_MAX} images");
}

/// The names and sizes of a directory's files; one that vanishes meanwhile is left out.
fn listing(dir: &Path) -> BTreeMap<OsString, u64> {
    let entries = std::fs::read_dir(dir).expect("readable").map(|entry| entry.expect("readable"));
    entries.filter_map(|entry| Some((entry.file_name(), entry.metadata().ok()?.len()))).collect()
}

/// All entries of a family, in ascending order.
pub fn entries(store: &dyn Store, family: Family) -> Vec<(Vec<u8>, Vec<u8>)> {
    scan(store, family, b"", &[0xff; 8], Direction::Ascending)
}

pub fn scan(
    store: &dyn Store,
    family: Family,
    from: &[u8],
    to: &[u8],
    direction: Direction,
) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut found = Vec::new();
    store
        .scan(family, from, to, direction, &mut |key, value| {
            found.push((key.to_vec(), value.to_vec()));
            ControlFlow::Continue(())
        })
        .expect("scan");
    found
}

/// The keys of `scan`, as text.
pub fn keys(store: &dyn Store, family: Family, from: &str, to: &str, direction: Direction) -> Vec<String> {
    let found = scan(store, family, from.as_bytes(), to.as_bytes(), direction);
    found.into_iter().map(|(key, _)| String::from_utf8(key).expect("text keys")).collect()
}

pub fn value(store: &dyn Store, family: Family, key: &str) -> Option<String> {
    let value = store.get(family, key.as_bytes()).expect("get");
    value.map(|value| String::from_utf8(value.to_vec()).expect("text values"))
}

/// Writes one batch built by `build`.
pub fn write(store: &dyn Store, build: impl FnOnce(&mut Batch)) {
    let mut batch = Batch::new();
    build(&mut batch);
    store.write(batch).expect("write");
}

pub fn put(store: &dyn Store, family: Family, key: &str, value: &str) {
    write(store, |batch| batch.put(family, key.as_bytes(), value.as_bytes()));
}
