//! Measures behind docs/adr/0002-state-layout.md: what the layouts of applied state cost.
//!
//! ```text
//! cargo bench --profile dev -p anabranch-store --bench layout -- <what> [--flag value …]
//!   amplification  --layout buckets|levelled|bucket-first  --gib 4 --bucket-mib 1024 --shards 200
//!                  --chunk-kib 16 --flush-mib 64
//!   families       --databases 32 --families 64
//!   retention      --mib 1024 --shards 200
//! all take --dir (default: a directory of the system's temporary one, removed at the end)
//! ```
#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "a bench measures real time and prints")]

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anabranch_store::{
    Batch, Direction, Family, RocksStore, SharedOptions, SharedResources, Store, StoreOptions, Visitor,
};
use rocksdb::{DB, DBCompressionType, FlushOptions, Options, WaitForCompactOptions, WriteBatch, WriteOptions};

const MIB: u64 = 1 << 20;

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let what = arguments.next().unwrap_or_default();
    let flags = Flags::parse(arguments);
    let dir = flags.dir();
    std::fs::create_dir_all(&dir).expect("a directory for the measurement");
    match what.as_str() {
        "amplification" => amplification(&flags, &dir),
        "families" => families(&flags, &dir),
        "retention" => retention(&flags, &dir),
        _ => println!("say what to measure: amplification, families or retention"),
    }
    std::fs::remove_dir_all(&dir).expect("the directory is ours");
}

struct Flags(BTreeMap<String, String>);

impl Flags {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Self {
        let mut flags = BTreeMap::new();
        while let (Some(name), Some(value)) = (arguments.next(), arguments.next()) {
            flags.insert(name.trim_start_matches('-').to_owned(), value);
        }
        Self(flags)
    }

    fn number(&self, name: &str, otherwise: u64) -> u64 {
        self.0.get(name).map_or(otherwise, |value| value.parse().expect("a number"))
    }

    fn dir(&self) -> PathBuf {
        let temporary = || std::env::temp_dir().join(format!("layout-{}", std::process::id()));
        self.0.get("dir").map_or_else(temporary, PathBuf::from)
    }
}

/// Bytes this process has caused to be written to disk, without those taken back by deletion
/// before they got there. Source: Linux, /proc/self/io.
fn written_bytes() -> u64 {
    field_of("/proc/self/io", "write_bytes:") - field_of("/proc/self/io", "cancelled_write_bytes:")
}

/// Resident memory of this process. Source: Linux, /proc/self/status.
fn resident_bytes() -> u64 {
    field_of("/proc/self/status", "VmRSS:") * 1024
}

fn field_of(path: &str, name: &str) -> u64 {
    let text = std::fs::read_to_string(path).expect("a Linux proc file");
    let line = text.lines().find_map(|line| line.strip_prefix(name)).expect("the field is there");
    line.split_whitespace().next().and_then(|number| number.parse().ok()).expect("a number")
}

/// Bytes that do not compress, cut from a pool at changing places.
struct Noise {
    pool: Vec<u8>,
    state: u64,
}

impl Noise {
    fn new() -> Self {
        let mut noise = Self { pool: Vec::new(), state: 0x9e37_79b9_7f4a_7c15 };
        noise.pool = std::iter::repeat_with(|| noise.next().to_le_bytes()).take(2 << 20).flatten().collect();
        noise
    }

    fn next(&mut self) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn bytes(&mut self, length: usize) -> &[u8] {
        let bound = (self.pool.len() - length) as u64;
        let start = usize::try_from(self.below(bound)).expect("within the pool");
        &self.pool[start..start + length]
    }
}

fn shard_key(shard: u32, sequence: u64) -> [u8; 12] {
    let mut key = [0; 12];
    key[..4].copy_from_slice(&shard.to_be_bytes());
    key[4..].copy_from_slice(&sequence.to_be_bytes());
    key
}

fn open(dir: &Path, shared: &SharedResources, flush_after_bytes: u64) -> RocksStore {
    let flush_after_bytes = usize::try_from(flush_after_bytes).expect("fits");
    let options = StoreOptions { flush_after_bytes, ..StoreOptions::default() };
    RocksStore::open(dir, &options, shared).expect("opens")
}

fn shared() -> SharedResources {
    SharedResources::new(&SharedOptions { memtable_bytes_max: 1 << 30, ..SharedOptions::default() })
        .expect("shared resources")
}

/// The load of the amplification measurement: chunks of random shards, some per batch.
struct Load {
    layout: String,
    total_bytes: u64,
    bucket_bytes: u64,
    shards: u64,
    chunk_bytes: usize,
    flush_bytes: u64,
}

const CHUNKS_PER_BATCH: u64 = 32;

fn amplification(flags: &Flags, dir: &Path) {
    let load = Load {
        layout: flags.0.get("layout").cloned().unwrap_or_else(|| "buckets".to_owned()),
        total_bytes: flags.number("gib", 4) * 1024 * MIB,
        bucket_bytes: flags.number("bucket-mib", 1024) * MIB,
        shards: flags.number("shards", 200),
        chunk_bytes: usize::try_from(flags.number("chunk-kib", 16) * 1024).expect("fits"),
        flush_bytes: flags.number("flush-mib", 64) * MIB,
    };
    let before = written_bytes();
    let started = Instant::now();
    match load.layout.as_str() {
        "buckets" => load.fill_buckets(dir),
        "levelled" => load.fill_one_family(dir, false),
        "bucket-first" => load.fill_one_family(dir, true),
        other => println!("no layout is called {other}"),
    }
    let seconds = started.elapsed().as_secs_f64();
    let written = written_bytes() - before;
    println!(
        "amplification layout={} logical_mib={} written_mib={} amplification={:.2} seconds={seconds:.1} rss_mib={}",
        load.layout,
        load.total_bytes / MIB,
        written / MIB,
        written as f64 / load.total_bytes as f64,
        resident_bytes() / MIB,
    );
}

impl Load {
    fn fill_buckets(&self, dir: &Path) {
        let store = open(dir, &shared(), self.flush_bytes);
        let mut noise = Noise::new();
        let (mut written, mut sequence) = (0, 0_u64);
        let mut slowest = Duration::ZERO;
        while written < self.total_bytes {
            let bucket = u32::try_from(written / self.bucket_bytes).expect("few buckets");
            let mut batch = Batch::new();
            batch.create_bucket(bucket);
            for _ in 0..CHUNKS_PER_BATCH {
                let shard = u32::try_from(noise.below(self.shards)).expect("few shards");
                batch.put(Family::Bucket(bucket), &shard_key(shard, sequence), noise.bytes(self.chunk_bytes));
                sequence += 1;
            }
            batch.put(Family::Meta, b"applied", &sequence.to_be_bytes());
            let started = Instant::now();
            store.write(batch).expect("write");
            slowest = slowest.max(started.elapsed());
            written += CHUNKS_PER_BATCH * self.chunk_bytes as u64;
            if store.unflushed_bytes() >= self.flush_bytes {
                store.flush().expect("flush");
            }
        }
        store.flush().expect("flush");
        println!("slowest write {slowest:?}, {:?}", store.stats());
        let bucket = store.buckets()[0];
        read_back("bucket", &mut noise, self.shards, |from, to, visit| {
            store.scan(Family::Bucket(bucket), from, to, Direction::Ascending, visit).expect("scan");
        });
    }

    fn fill_one_family(&self, dir: &Path, bucket_first: bool) {
        let mut options = Options::default();
        options.create_if_missing(true);
        options.set_compression_type(DBCompressionType::Lz4);
        options.set_write_buffer_size(usize::try_from(2 * self.flush_bytes).expect("fits"));
        options.set_max_background_jobs(2);
        let db = DB::open(&options, dir).expect("opens");
        let mut unlogged = WriteOptions::default();
        unlogged.disable_wal(true);
        let mut noise = Noise::new();
        let (mut written, mut unflushed, mut sequence) = (0, 0, 0_u64);
        while written < self.total_bytes {
            let bucket = u32::try_from(written / self.bucket_bytes).expect("few buckets");
            let mut batch = WriteBatch::default();
            for _ in 0..CHUNKS_PER_BATCH {
                let shard = u32::try_from(noise.below(self.shards)).expect("few shards");
                let key = key_of(bucket_first.then_some(bucket), shard, sequence);
                batch.put(key, noise.bytes(self.chunk_bytes));
                sequence += 1;
            }
            db.write_opt(batch, &unlogged).expect("write");
            written += CHUNKS_PER_BATCH * self.chunk_bytes as u64;
            unflushed += CHUNKS_PER_BATCH * self.chunk_bytes as u64;
            if unflushed >= self.flush_bytes {
                db.flush_opt(&FlushOptions::default()).expect("flush");
                unflushed = 0;
            }
        }
        db.flush_opt(&FlushOptions::default()).expect("flush");
        db.wait_for_compact(&WaitForCompactOptions::default()).expect("compacted");
        let prefix = if bucket_first { vec![0; 4] } else { Vec::new() };
        read_back("levelled", &mut noise, self.shards, |from, to, visit| {
            let (from, to) = ([&prefix, from].concat(), [&prefix, to].concat());
            let mut options = rocksdb::ReadOptions::default();
            options.set_iterate_lower_bound(from);
            options.set_iterate_upper_bound(to);
            let mut entries = db.raw_iterator_opt(options);
            entries.seek_to_first();
            while let Some((key, value)) = entries.item() {
                if visit(key, value).is_break() {
                    break;
                }
                entries.next();
            }
        });
    }
}

fn key_of(bucket: Option<u32>, shard: u32, sequence: u64) -> Vec<u8> {
    let bucket = bucket.map(u32::to_be_bytes);
    [bucket.as_ref().map_or(&[][..], |bucket| bucket), &shard_key(shard, sequence)].concat()
}

/// Reads a MiB from the beginning of a shard, as one call for records does, for many shards.
fn read_back(name: &str, noise: &mut Noise, shards: u64, mut scan: impl FnMut(&[u8], &[u8], &mut Visitor<'_>)) {
    let mut times = Vec::new();
    for _ in 0..200 {
        let shard = u32::try_from(noise.below(shards)).expect("few shards");
        let mut bytes = 0;
        let started = Instant::now();
        scan(&shard_key(shard, 0), &shard_key(shard + 1, 0), &mut |_, value| {
            bytes += value.len() as u64;
            if bytes >= MIB { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        times.push(started.elapsed());
    }
    times.sort_unstable();
    println!("read 1 MiB of a shard from {name}: p50 {:?} p99 {:?}", times[100], times[198]);
}

fn families(flags: &Flags, dir: &Path) {
    let databases = flags.number("databases", 32);
    let per_database = u32::try_from(flags.number("families", 64)).expect("fits");
    let shared = shared();
    let empty = resident_bytes();
    println!("families: before anything rss_kib={}", empty / 1024);
    let stores: Vec<RocksStore> = (0..databases).map(|n| open(&dir.join(n.to_string()), &shared, 32 * MIB)).collect();
    println!("{databases} empty databases rss_kib={}", resident_bytes() / 1024);
    for bucket in 0..per_database {
        let started = Instant::now();
        for store in &stores {
            let mut batch = Batch::new();
            batch.create_bucket(bucket);
            batch.put(Family::Bucket(bucket), &shard_key(0, 0), &[7; 1024]);
            store.write(batch).expect("write");
        }
        let writing = started.elapsed();
        let started = Instant::now();
        stores.iter().for_each(|store| store.flush().expect("flush"));
        let flushing = started.elapsed();
        if (bucket + 1).is_power_of_two() || bucket + 1 == per_database {
            let each = u32::try_from(databases).expect("few");
            println!(
                "with {} families: batch that takes a spare {:?}, flush that makes the next {:?}, rss_kib={}",
                bucket + 1,
                writing / each,
                flushing / each,
                resident_bytes() / 1024
            );
        }
    }
    drop(stores);
    println!("all closed rss_kib={}", resident_bytes() / 1024);
    reopen(databases, per_database, dir, &shared);
}

fn reopen(databases: u64, per_database: u32, dir: &Path, shared: &SharedResources) {
    let started = Instant::now();
    let stores: Vec<RocksStore> = (0..databases).map(|n| open(&dir.join(n.to_string()), shared, 32 * MIB)).collect();
    let each = u32::try_from(databases).expect("few");
    println!(
        "reopened {databases} databases of {per_database} families: {:?} each, rss_kib={}",
        started.elapsed() / each,
        resident_bytes() / 1024
    );
    let started = Instant::now();
    for store in &stores {
        let mut batch = Batch::new();
        (0..per_database).for_each(|bucket| batch.put(Family::Bucket(bucket), &shard_key(1, 1), &[7; 1024]));
        store.write(batch).expect("write");
        store.flush().expect("flush");
    }
    println!(
        "flush of {per_database} dirty families: {:?}, rss_kib={}",
        started.elapsed() / each,
        resident_bytes() / 1024
    );
    let started = Instant::now();
    for store in &stores {
        let mut batch = Batch::new();
        batch.drop_bucket(0);
        store.write(batch).expect("write");
        store.flush().expect("flush");
    }
    println!("flush that removes one family of {per_database}: {:?}", started.elapsed() / each);
}

/// Raises retention for every shard of a bucket of the 24-hour class, so that survivors move to
/// a bucket of the 365-day class before theirs drops; then lowers it again.
fn retention(flags: &Flags, dir: &Path) {
    let (short, long) = (0, 1 << 31);
    let shards = u32::try_from(flags.number("shards", 200)).expect("few shards");
    let total_bytes = flags.number("mib", 1024) * MIB;
    let store = open(dir, &shared(), 32 * MIB);
    fill(&store, short, shards, total_bytes);
    let before = written_bytes();
    let started = Instant::now();
    let mut copied = 0;
    for shard in 0..shards {
        copied += move_shard(&store, short, long, shard);
    }
    let mut batch = Batch::new();
    batch.drop_bucket(short);
    store.write(batch).expect("write");
    store.flush().expect("flush");
    println!(
        "raise: {shards} shards, {} MiB copied in {:?}, {} MiB written, tables now {} MiB",
        copied / MIB,
        started.elapsed(),
        (written_bytes() - before) / MIB,
        store.stats().table_bytes / MIB
    );
    let before = written_bytes();
    let started = Instant::now();
    let mut batch = Batch::new();
    for shard in 0..shards {
        batch.delete_range(Family::Bucket(long), &shard_key(shard, 0), &shard_key(shard, u64::MAX));
    }
    store.write(batch).expect("write");
    store.flush().expect("flush");
    println!(
        "lower, by range deletions: {:?}, {} KiB written, tables now {} MiB",
        started.elapsed(),
        (written_bytes() - before) / 1024,
        store.stats().table_bytes / MIB
    );
    let started = Instant::now();
    let mut batch = Batch::new();
    batch.drop_bucket(long);
    store.write(batch).expect("write");
    store.flush().expect("flush");
    println!("drop of the emptied bucket: {:?}, tables now {} MiB", started.elapsed(), store.stats().table_bytes / MIB);
}

fn fill(store: &RocksStore, bucket: u32, shards: u32, total_bytes: u64) {
    let mut noise = Noise::new();
    let (mut written, mut sequence) = (0, 0_u64);
    while written < total_bytes {
        let mut batch = Batch::new();
        batch.create_bucket(bucket);
        for _ in 0..CHUNKS_PER_BATCH {
            let shard = u32::try_from(noise.below(u64::from(shards))).expect("few shards");
            batch.put(Family::Bucket(bucket), &shard_key(shard, sequence), noise.bytes(16 << 10));
            sequence += 1;
            written += 16 << 10;
        }
        store.write(batch).expect("write");
        if store.unflushed_bytes() >= 32 * MIB {
            store.flush().expect("flush");
        }
    }
    store.flush().expect("flush");
}

/// Copies a shard's chunks in batches of about a MiB; returns the bytes copied.
fn move_shard(store: &RocksStore, from: u32, to: u32, shard: u32) -> u64 {
    let mut copied = 0;
    let mut batches = vec![Batch::new()];
    let (first, last) = (shard_key(shard, 0), shard_key(shard, u64::MAX));
    store
        .scan(Family::Bucket(from), &first, &last, Direction::Ascending, &mut |key, value| {
            copied += value.len() as u64;
            if batches.last().is_some_and(|batch| batch.bytes() as u64 > MIB) {
                batches.push(Batch::new());
            }
            batches.last_mut().expect("never empty").put(Family::Bucket(to), key, value);
            ControlFlow::Continue(())
        })
        .expect("scan");
    for batch in batches {
        let mut making = Batch::new();
        making.create_bucket(to);
        store.write(making).expect("write");
        store.write(batch).expect("write");
        if store.unflushed_bytes() >= 32 * MIB {
            store.flush().expect("flush");
        }
    }
    copied
}
