//! turmoil's simulated disk behind the log's file system trait, with the faults that turmoil does
//! not have: a power cut between any two calls, writes torn in the middle and not only at the end,
//! the death of the process alone, which leaves the page cache, syncs that fail and let the kernel
//! forget what it had to write, and errors on chosen writes.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use anabranch_runtime::fs::{File, Fs};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use turmoil::fs::shim::std::fs as disk;

/// Every error that a fault causes begins so: no other error is excused.
pub const SIMULATED: &str = "simulated: ";
/// The log writes whole pages only, so what one write leaves of a page is whole too.
const PAGE_BYTES: usize = 4096;
/// turmoil tears writes at multiples of this.
const SECTOR_BYTES: usize = 512;

/// How often each fault struck.
#[derive(Debug, Clone, Copy, Default)]
pub struct FaultCounts {
    /// The power went in the middle of a life.
    pub power_cuts: u64,
    /// The process died, or ended because of a fault, and the machine stayed on.
    pub process_deaths: u64,
    /// Writes under a power cut that survived in part: of what they were to change, some changed.
    pub torn_writes: u64,
    pub failed_syncs: u64,
    /// A process began and read pages of a segment that the kernel had forgotten to write.
    pub forgotten_pages_read: u64,
    pub failed_writes: u64,
    /// Lives in which a write found no room.
    pub full_disk: u64,
    /// Bits flipped in a live batch that a later one, or a later segment, proves.
    pub flips_in_proven_batches: u64,
    /// Bits flipped in the last batch.
    pub flips_in_last_batch: u64,
}

/// Pages of a file that differ from the disk; turmoil's file reads as the process wrote it, but for
/// the forgotten pages, which it holds as the disk does.
#[derive(Default)]
struct CachedFile {
    /// Written since the last sync, and what the disk holds there.
    dirty: BTreeMap<u64, Vec<u8>>,
    /// Dropped by a failed sync: clean for the kernel, so no later sync writes them, and readable
    /// until they are evicted or the power goes.
    forgotten: BTreeMap<u64, Vec<u8>>,
}

/// The write that the power cut hit.
pub struct CutWrite {
    path: PathBuf,
    position: u64,
    before: Vec<u8>,
    meant: Vec<u8>,
}

/// What is wrong with the disk now.
pub struct Faults {
    rng: StdRng,
    /// Calls that change something, until the power goes or the process dies.
    pub alive_for: Option<u64>,
    /// At the end of that the process dies, the power stays.
    pub power_stays: bool,
    /// Syncs until one fails.
    pub sync_fails_in: Option<u64>,
    /// Writes until one fails.
    pub write_fails_in: Option<u64>,
    pub full: bool,
    /// A write of this life found no room.
    was_full: bool,
    /// Every call fails from now on.
    pub dark: bool,
    cache: BTreeMap<PathBuf, CachedFile>,
    cut_write: Option<CutWrite>,
    pub counts: FaultCounts,
}

/// The disk; clones are the same disk.
#[derive(Clone)]
pub struct SimFs {
    faults: Arc<Mutex<Faults>>,
    /// Ordinal of the batch that was written last.
    pub last_batch: Arc<AtomicU64>,
}

impl SimFs {
    pub fn new(seed: u64) -> Self {
        let faults = Faults {
            rng: StdRng::seed_from_u64(seed),
            alive_for: None,
            power_stays: false,
            sync_fails_in: None,
            write_fails_in: None,
            full: false,
            was_full: false,
            dark: false,
            cache: BTreeMap::new(),
            cut_write: None,
            counts: FaultCounts::default(),
        };
        Self { faults: Arc::new(Mutex::new(faults)), last_batch: Arc::default() }
    }

    pub fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().expect("no test thread panicked with it")
    }

    /// A process begins, with a sound disk.
    pub fn begin_life(&self, after_power_cut: bool) {
        let mut faults = self.faults();
        (faults.alive_for, faults.sync_fails_in, faults.write_fails_in) = (None, None, None);
        (faults.full, faults.was_full, faults.dark) = (false, false, false);
        if after_power_cut {
            faults.cache.clear();
            faults.count_torn_write();
        } else {
            faults.cut_write = None;
            faults.evict_some();
        }
    }
}

fn simulated(what: &str) -> io::Error {
    io::Error::other(format!("{SIMULATED}{what}"))
}

/// turmoil reports a full disk as an error of no kind.
fn with_kind(error: io::Error) -> io::Error {
    if error.to_string().contains("No space left") { io::Error::from(io::ErrorKind::StorageFull) } else { error }
}

/// Counts a countdown; true when it is over now.
fn strikes(countdown: &mut Option<u64>) -> bool {
    match countdown {
        Some(0) => {
            *countdown = None;
            true
        }
        Some(left) => {
            *left -= 1;
            false
        }
        None => false,
    }
}

fn is_segment(path: &Path) -> bool {
    path.to_string_lossy().contains("segment-")
}

impl Faults {
    /// Whether the power goes, or the process dies, during this call.
    fn goes_dark(&mut self) -> io::Result<bool> {
        if self.dark {
            return Err(simulated("the end"));
        }
        self.dark = strikes(&mut self.alive_for);
        Ok(self.dark)
    }

    /// A call that either happens or does not when it is the last one; says whether it did.
    fn all_or_nothing(&mut self, call: impl FnOnce() -> io::Result<()>) -> (bool, io::Result<()>) {
        match self.goes_dark() {
            Err(error) => (false, Err(error)),
            Ok(false) => {
                let called = call().map_err(with_kind);
                (called.is_ok(), called)
            }
            Ok(true) => {
                let happens = self.rng.random_bool(0.5) && call().is_ok();
                (happens, Err(simulated("the end")))
            }
        }
    }

    fn note_full(&mut self) {
        self.counts.full_disk += u64::from(!self.was_full);
        self.was_full = true;
    }

    /// The kernel may drop a clean page whenever it likes; what is on the disk is read again then.
    fn evict_some(&mut self) {
        let Self { rng, cache, counts, .. } = self;
        if rng.random_bool(0.2) {
            cache.values_mut().for_each(|file| file.forgotten.retain(|_, _| rng.random_bool(0.5)));
        }
        let reads_forgotten = cache.iter().any(|(path, file)| is_segment(path) && !file.forgotten.is_empty());
        counts.forgotten_pages_read += u64::from(reads_forgotten);
    }

    /// Whether the write that the last power cut hit survived in part. Sectors that it did not
    /// change, as where zeros overwrite zeros, say nothing.
    fn count_torn_write(&mut self) {
        let Some(CutWrite { path, position, before, meant }) = self.cut_write.take() else { return };
        let Ok(file) = disk::File::open(&path) else { return };
        let mut now = vec![0u8; meant.len()];
        if file.read_exact_at(&mut now, position).is_err() {
            return;
        }
        let sectors = now.chunks(SECTOR_BYTES).zip(before.chunks(SECTOR_BYTES)).zip(meant.chunks(SECTOR_BYTES));
        let changes = sectors.filter(|((_, before), meant)| before != meant);
        let (landed, lost): (Vec<_>, Vec<_>) = changes.partition(|((now, _), meant)| now == meant);
        self.counts.torn_writes += u64::from(!landed.is_empty() && !lost.is_empty());
    }
}

impl Fs for SimFs {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let open = || disk::OpenOptions::new().read(true).write(true).create_new(true).open(path).map(drop);
        self.faults().all_or_nothing(open).1?;
        self.open(path)
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        if self.faults().dark {
            return Err(simulated("the end"));
        }
        let inner = disk::OpenOptions::new().read(true).write(true).open(path)?;
        Ok(Arc::new(SimFile { inner, path: path.to_owned(), fs: self.clone() }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut faults = self.faults();
        let (happened, renamed) = faults.all_or_nothing(|| disk::rename(from, to));
        if happened {
            let cached = faults.cache.remove(from).unwrap_or_default();
            assert!(cached.dirty.is_empty(), "{} is renamed before it is synced", from.display());
            faults.cache.insert(to.to_owned(), cached);
        }
        renamed
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        let mut faults = self.faults();
        // turmoil would lay what is not synced of a removed file over the next one of that name.
        let flush_and_remove = || disk::File::open(path)?.sync_data().and_then(|()| disk::remove_file(path));
        let (happened, removed) = faults.all_or_nothing(flush_and_remove);
        if happened {
            faults.cache.remove(path);
        }
        removed
    }

    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        self.faults().all_or_nothing(|| disk::create_dir_all(dir)).1
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let entries = disk::read_dir(dir)?.collect::<io::Result<Vec<_>>>()?;
        let mut names: Vec<String> =
            entries.iter().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        Ok(names)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.faults().all_or_nothing(|| disk::sync_dir(dir)).1
    }

    fn available_bytes(&self, _dir: &Path) -> io::Result<u64> {
        Ok(if self.faults().full { 0 } else { u64::MAX })
    }
}

#[derive(Debug)]
struct SimFile {
    inner: disk::File,
    path: PathBuf,
    fs: SimFs,
}

impl std::fmt::Debug for SimFs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SimFs")
    }
}

impl SimFile {
    /// What turmoil's file holds, with zeros where it ends.
    fn now(&self, position: u64, bytes: usize) -> io::Result<Vec<u8>> {
        let mut now = vec![0u8; bytes];
        let there = (self.byte_len()?.saturating_sub(position) as usize).min(bytes);
        self.inner.read_exact_at(&mut now[..there], position)?;
        Ok(now)
    }

    fn note_batch(&self, bytes: &[u8]) {
        if is_segment(&self.path) && bytes.starts_with(b"WBAT") {
            let ordinal = bytes[16..24].try_into().expect("eight bytes");
            self.fs.last_batch.store(u64::from_le_bytes(ordinal), Ordering::Relaxed);
        }
    }

    /// The kernel could not write, and takes the pages for clean. Some may have been written before.
    fn forget_dirty_pages(&self, faults: &mut Faults) -> io::Result<()> {
        let Faults { rng, cache, .. } = faults;
        let cached = cache.entry(self.path.clone()).or_default();
        let all = rng.random_bool(0.5);
        for (page, before) in std::mem::take(&mut cached.dirty) {
            if all || rng.random_bool(0.5) {
                cached.forgotten.insert(page, self.now(page, PAGE_BYTES)?);
                self.inner.write_all_at(&before, page)?;
            }
        }
        self.inner.sync_data()
    }
}

impl File for SimFile {
    fn read_at(&self, position: u64, buffer: &mut [u8]) -> io::Result<()> {
        let faults = self.fs.faults();
        if faults.dark {
            return Err(simulated("the end"));
        }
        self.inner.read_exact_at(buffer, position)?;
        let Some(cached) = faults.cache.get(&self.path) else { return Ok(()) };
        let end = position + buffer.len() as u64;
        for (page, bytes) in cached.forgotten.range(position.saturating_sub(PAGE_BYTES as u64 - 1)..end) {
            let (from, to) = (position.max(*page), end.min(page + PAGE_BYTES as u64));
            let read = &mut buffer[(from - position) as usize..(to - position) as usize];
            read.copy_from_slice(&bytes[(from - page) as usize..(to - page) as usize]);
        }
        Ok(())
    }

    fn write_at(&self, position: u64, bytes: &[u8]) -> io::Result<()> {
        let whole = (position as usize).is_multiple_of(PAGE_BYTES) && bytes.len().is_multiple_of(PAGE_BYTES);
        assert!(whole, "{} bytes at {position} of {} are no whole pages", bytes.len(), self.path.display());
        let mut faults = self.fs.faults();
        let dark = faults.goes_dark()?;
        if faults.full && position + bytes.len() as u64 > self.inner.metadata()?.len() {
            faults.note_full();
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        let fails = strikes(&mut faults.write_fails_in);
        faults.counts.failed_writes += u64::from(fails);
        let before = self.now(position, bytes.len())?;
        // A power cut tears later, what turmoil holds back; here ends what the process gets done.
        let ends_early = fails || dark && faults.power_stays;
        let pages = if ends_early { faults.rng.random_range(0..=bytes.len() / PAGE_BYTES) } else { usize::MAX };
        let mut rest = &bytes[..pages.saturating_mul(PAGE_BYTES).min(bytes.len())];
        let cached = faults.cache.entry(self.path.clone()).or_default();
        for (page, before) in (position..).step_by(PAGE_BYTES).zip(before[..rest.len()].chunks(PAGE_BYTES)) {
            cached.forgotten.remove(&page);
            cached.dirty.entry(page).or_insert_with(|| before.to_vec());
        }
        // turmoil keeps or loses each write by itself, so pieces of one write may survive in any mix.
        let mut at = position;
        while !rest.is_empty() {
            let sectors = faults.rng.random_range(1..6);
            let piece = if faults.rng.random_bool(0.5) { rest.len() } else { SECTOR_BYTES * sectors };
            let (now, later) = rest.split_at(piece.min(rest.len()));
            if let Err(error) = self.inner.write_all_at(now, at).map_err(with_kind) {
                if error.kind() == io::ErrorKind::StorageFull {
                    faults.note_full();
                }
                return Err(error);
            }
            at += now.len() as u64;
            rest = later;
        }
        self.note_batch(bytes);
        if dark {
            let (path, meant) = (self.path.clone(), bytes.to_vec());
            faults.cut_write = Some(CutWrite { path, position, before, meant });
            return Err(simulated("the end"));
        }
        if fails { Err(simulated("a write failed")) } else { Ok(()) }
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut faults = self.fs.faults();
        let dark = faults.goes_dark()?;
        if strikes(&mut faults.sync_fails_in) {
            faults.counts.failed_syncs += 1;
            self.forget_dirty_pages(&mut faults)?;
            return Err(simulated("a sync failed"));
        }
        if !dark || faults.rng.random_bool(0.5) {
            self.inner.sync_data()?;
            faults.cache.entry(self.path.clone()).or_default().dirty.clear();
        }
        if dark { Err(simulated("the end")) } else { Ok(()) }
    }

    fn allocate(&self, bytes: u64) -> io::Result<()> {
        let from = self.byte_len()?;
        self.write_at(from, &vec![0u8; (bytes - from) as usize])?;
        self.inner.sync_data()?;
        self.fs.faults().cache.entry(self.path.clone()).or_default().dirty.clear();
        Ok(())
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        self.fs.faults().all_or_nothing(|| self.inner.set_len(bytes)).1
    }

    fn byte_len(&self) -> io::Result<u64> {
        Ok(self.inner.metadata()?.len())
    }
}
