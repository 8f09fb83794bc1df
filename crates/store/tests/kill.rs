//! A process that is killed keeps every flush it was told of, and a prefix of the rest (I1).

#![allow(clippy::print_stdout, reason = "the victim tells its parent what it flushed")]

use std::io::{BufRead, BufReader};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anabranch_store::{Batch, Direction, Family, RocksStore, SharedOptions, SharedResources, Store, StoreOptions};

/// Names the directory of the store, in the process that is to be killed.
const VICTIM_DIR: &str = "STORE_KILL_TEST_DIR";
const FLUSHED: &str = "flushed ";
const PER_BUCKET: u32 = 20;
/// The victim ends by itself if nobody kills it.
const BATCHES_MAX: u32 = 100_000;

fn open(dir: &Path) -> RocksStore {
    let shared = SharedResources::new(&SharedOptions::default()).expect("shared resources");
    let options = StoreOptions { flush_after_bytes: 1 << 20, ..StoreOptions::default() };
    RocksStore::open(dir, &options, &shared).expect("opens")
}

/// Writes, rolls and drops buckets on one thread and flushes on another, until killed.
fn live_until_killed(dir: &Path) {
    let store = open(dir);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            loop {
                let applied = applied(&store);
                store.flush().expect("flush");
                println!("{FLUSHED}{applied}");
                if applied == BATCHES_MAX {
                    return;
                }
            }
        });
        for index in 1..=BATCHES_MAX {
            let bucket = index / PER_BUCKET;
            let mut batch = Batch::new();
            batch.create_bucket(bucket);
            batch.put(Family::Bucket(bucket), &index.to_be_bytes(), &[7; 4096]);
            batch.put(Family::Meta, b"applied", &index.to_be_bytes());
            if bucket >= 2 {
                batch.drop_bucket(bucket - 2);
            }
            store.write(batch).expect("write");
        }
    });
}

fn applied(store: &RocksStore) -> u32 {
    let applied = store.get(Family::Meta, b"applied").expect("get");
    applied.map_or(0, |applied| u32::from_be_bytes(applied.as_ref().try_into().expect("four bytes")))
}

/// Starts this test again as another process, and kills it after some flushes. Returns the
/// newest applied index that it said was flushed.
fn kill_after_flushes(dir: &Path, flushes: usize) -> u32 {
    let mut victim = Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "a_killed_process_keeps_every_flush", "--nocapture"])
        .env(VICTIM_DIR, dir)
        .stdout(Stdio::piped())
        .spawn()
        .expect("started");
    let output = BufReader::new(victim.stdout.take().expect("piped"));
    let flushed = output.lines().map(|line| line.expect("text")).filter_map(|line| {
        let index = line.split_once(FLUSHED)?.1.parse::<u32>();
        Some(index.expect("a number"))
    });
    let newest = flushed.take(flushes).last().expect("it flushed");
    victim.kill().expect("killed");
    victim.wait().expect("gone");
    newest
}

#[test]
fn a_killed_process_keeps_every_flush() {
    if let Some(dir) = std::env::var_os(VICTIM_DIR) {
        return live_until_killed(&PathBuf::from(dir));
    }
    for flushes in [1, 2, 5, 11] {
        let temporary = tempfile::tempdir().expect("temporary directory");
        let flushed = kill_after_flushes(temporary.path(), flushes);
        let store = open(temporary.path());
        let applied = applied(&store);
        assert!(applied >= flushed, "told that {flushed} was flushed, found {applied}");
        if applied == 0 {
            continue;
        }
        let newest = applied / PER_BUCKET;
        let expected: Vec<u32> = (newest.saturating_sub(1)..=newest).collect();
        assert_eq!(store.buckets(), expected, "applied {applied}");
        for bucket in expected {
            let first = (bucket * PER_BUCKET).max(1);
            let last = applied.min(bucket * PER_BUCKET + PER_BUCKET - 1);
            let mut found = Vec::new();
            let family = Family::Bucket(bucket);
            store
                .scan(family, &[], &[0xff], Direction::Ascending, &mut |key, value| {
                    assert_eq!(value, [7; 4096]);
                    found.push(u32::from_be_bytes(key.try_into().expect("four bytes")));
                    ControlFlow::Continue(())
                })
                .expect("scan");
            assert_eq!(found, (first..=last).collect::<Vec<_>>(), "bucket {bucket}, applied {applied}");
        }
    }
}
