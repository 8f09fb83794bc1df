//! turmoil's simulated disk behind the log's file system trait, which goes dark between any two calls: the
//! power is cut, which loses what is not synced and tears what was being written, or the process dies,
//! which loses nothing that was written. It may be full, a sync may fail, and what the log wrote may be
//! damaged when it is opened next.

use anabranch_runtime::fs::{File, Fs};
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::fmt;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use turmoil::fs::shim::std::fs as disk;

/// The log begins each batch at a page of its own.
const PAGE_BYTES: usize = 4096;
const SECTOR_BYTES: usize = 512;

/// How a node ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The page cache outlives it.
    ProcessDeath,
    /// What was not synced may be lost, in part or as a whole.
    PowerCut,
}

/// How syncs go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sync {
    Works,
    /// The next one fails.
    WillFail,
    /// One has failed: what was to be synced may be lost, and the node has to end.
    Failed,
}

/// Whether the log is as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Damage {
    None,
    /// It will not be when it is opened.
    Due,
    Done,
}

/// A batch in a segment of the log; docs/formats/walog.md has its bytes.
struct Batch {
    ordinal: u64,
    segment: PathBuf,
    from: usize,
    bytes: usize,
}

/// The disk of one node, over all its lives. Clones are the same disk.
#[derive(Clone)]
pub struct SimulatedDisk(Arc<Mutex<State>>);

struct State {
    rng: StdRng,
    /// How the present life ends, and after how many more calls that change something.
    ends: Option<(End, u32)>,
    /// Every call fails from now on.
    dark: bool,
    /// No file grows.
    full: bool,
    sync: Sync,
    damage: Damage,
    /// Directories that hold files.
    dirs: Vec<PathBuf>,
}

impl SimulatedDisk {
    pub fn new(seed: u64) -> Self {
        let rng = StdRng::seed_from_u64(seed);
        SimulatedDisk(Arc::new(Mutex::new(State {
            rng,
            ends: None,
            dark: false,
            full: false,
            sync: Sync::Works,
            damage: Damage::None,
            dirs: Vec::new(),
        })))
    }

    /// The present life ends after so many more calls that change something.
    pub fn end_after(&self, end: End, calls: u32) {
        self.0.lock().ends = Some((end, calls));
    }

    /// Whether the end has come.
    pub fn is_dark(&self) -> bool {
        self.0.lock().dark
    }

    /// Whether the node can do nothing but end: its power is gone, or a sync has failed.
    pub fn is_lost_to_its_node(&self) -> bool {
        let state = self.0.lock();
        state.dark || state.sync == Sync::Failed
    }

    /// The next sync fails.
    pub fn fail_next_sync(&self) {
        self.0.lock().sync = Sync::WillFail;
    }

    /// No file grows, or files do again.
    pub fn set_full(&self, full: bool) {
        self.0.lock().full = full;
    }

    /// What the log wrote is damaged when it is opened next.
    pub fn damage_log(&self) {
        self.0.lock().damage = Damage::Due;
    }

    /// Another disk is in its place.
    pub fn replace(&self) {
        self.0.lock().damage = Damage::None;
    }

    /// Whether something was damaged that the log in `dir` has written; it is damaged now if that was due.
    ///
    /// Its last batch is spared: damage there looks like a write that the power cut.
    ///
    /// # Errors
    /// The disk fails.
    pub fn is_damaged(&self, dir: &Path) -> io::Result<bool> {
        let mut state = self.0.lock();
        if state.damage == Damage::Due && state.dirs.iter().any(|known| known == dir) {
            let batches = batches(dir)?;
            let last = batches.iter().map(|batch| batch.ordinal).max().unwrap_or_default();
            let proven: Vec<Batch> = batches.into_iter().filter(|batch| batch.ordinal < last).collect();
            state.damage = Damage::None;
            if !proven.is_empty() {
                let nth = state.rng.random_range(0..proven.len());
                state.damage_batch(&proven[nth])?;
                state.damage = Damage::Done;
            }
        }
        Ok(state.damage == Damage::Done)
    }

    /// A new life begins, on what is left.
    pub fn begin_life(&self) {
        let mut state = self.0.lock();
        (state.ends, state.dark, state.sync) = (None, false, Sync::Works);
    }
}

fn the_end() -> io::Error {
    io::Error::other("simulated: the end")
}

fn is_full() -> io::Error {
    io::Error::from(io::ErrorKind::StorageFull)
}

impl State {
    /// How the life ends during this call, if it does.
    ///
    /// # Errors
    /// It has ended before.
    fn ends_now(&mut self) -> io::Result<Option<End>> {
        if self.dark {
            return Err(the_end());
        }
        match &mut self.ends {
            Some((end, 0)) => {
                self.dark = true;
                Ok(Some(*end))
            }
            Some((_, left)) => {
                *left -= 1;
                Ok(None)
            }
            None => Ok(None),
        }
    }

    /// A few bits of it change, or a page of it is zeros.
    fn damage_batch(&mut self, batch: &Batch) -> io::Result<()> {
        let file = disk::OpenOptions::new().read(true).write(true).open(&batch.segment)?;
        if self.rng.random_bool(0.3) {
            let page = self.rng.random_range(0..batch.bytes.div_ceil(PAGE_BYTES));
            file.write_all_at(&[0; PAGE_BYTES], (batch.from + page * PAGE_BYTES) as u64)?;
        }
        for _ in 0..self.rng.random_range(1..=8) {
            let at = (batch.from + self.rng.random_range(0..batch.bytes)) as u64;
            let mut byte = [0];
            file.read_exact_at(&mut byte, at)?;
            file.write_all_at(&[byte[0] ^ (1 << self.rng.random_range(0..8))], at)?;
        }
        tracing::info!(segment = %batch.segment.display(), ordinal = batch.ordinal, "a batch is damaged");
        file.sync_all()
    }

    /// A call that either happens or does not when it is the last one.
    fn all_or_nothing(&mut self, call: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let Some(end) = self.ends_now()? else { return call() };
        if self.rng.random_bool(0.5) {
            call()?;
        }
        self.after_last_call(end)
    }

    /// What the kernel had of a process that died comes to the disk later, whatever the disk does.
    fn after_last_call(&self, end: End) -> io::Result<()> {
        if end == End::ProcessDeath {
            for dir in &self.dirs {
                for entry in disk::read_dir(dir)?.collect::<io::Result<Vec<_>>>()? {
                    disk::File::open(entry.path())?.sync_all()?;
                }
                disk::sync_dir(dir)?;
            }
        }
        Err(the_end())
    }
}

/// Every batch that can be told from its first bytes, those of recycled segments too.
fn batches(dir: &Path) -> io::Result<Vec<Batch>> {
    let mut batches = Vec::new();
    for segment in disk::read_dir(dir)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()? {
        let content = disk::read(&segment)?;
        for (page, begin) in content.chunks_exact(PAGE_BYTES).enumerate().filter(|(_, page)| page.starts_with(b"WBAT"))
        {
            let number = |at: usize, bytes: usize| {
                begin[at..at + bytes].iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
            };
            let (from, bytes) = (page * PAGE_BYTES, (number(8, 4) as usize).min(content.len() - page * PAGE_BYTES));
            batches.push(Batch { ordinal: number(16, 8), segment: segment.clone(), from, bytes: bytes.max(1) });
        }
    }
    batches.sort_by(|one, other| (one.ordinal, &one.segment).cmp(&(other.ordinal, &other.segment)));
    Ok(batches)
}

impl Fs for SimulatedDisk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let open = || disk::OpenOptions::new().read(true).write(true).create_new(true).open(path).map(drop);
        self.0.lock().all_or_nothing(open)?;
        self.open(path)
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        if self.is_dark() {
            return Err(the_end());
        }
        let inner = disk::OpenOptions::new().read(true).write(true).open(path)?;
        Ok(Arc::new(SimulatedFile { inner, path: path.to_owned(), disk: self.clone() }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.lock().all_or_nothing(|| disk::rename(from, to))
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        // turmoil would lay what is not synced of a removed file over the next one of that name.
        let flush_and_remove = || disk::File::open(path)?.sync_data().and_then(|()| disk::remove_file(path));
        self.0.lock().all_or_nothing(flush_and_remove)
    }

    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        state.all_or_nothing(|| disk::create_dir_all(dir))?;
        if !state.dirs.iter().any(|known| known == dir) {
            state.dirs.push(dir.to_owned());
        }
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let entries = disk::read_dir(dir)?.collect::<io::Result<Vec<_>>>()?;
        let mut names: Vec<String> =
            entries.iter().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        Ok(names)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.0.lock().all_or_nothing(|| disk::sync_dir(dir))
    }

    fn available_bytes(&self, _dir: &Path) -> io::Result<u64> {
        Ok(if self.0.lock().full { 0 } else { 1 << 40 })
    }
}

struct SimulatedFile {
    inner: disk::File,
    path: PathBuf,
    disk: SimulatedDisk,
}

impl fmt::Debug for SimulatedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())
    }
}

impl File for SimulatedFile {
    fn read_at(&self, position: u64, buffer: &mut [u8]) -> io::Result<()> {
        if self.disk.is_dark() {
            return Err(the_end());
        }
        self.inner.read_exact_at(buffer, position)
    }

    fn write_at(&self, position: u64, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.disk.0.lock();
        if state.full && position + bytes.len() as u64 > self.inner.metadata()?.len() {
            return Err(is_full());
        }
        let end = state.ends_now()?;
        // A process that dies gets whole pages done. What a power cut hits is torn by turmoil.
        let pages = bytes.len() / PAGE_BYTES;
        let pages = if end == Some(End::ProcessDeath) { state.rng.random_range(0..=pages) } else { pages };
        let (mut rest, mut at) = (&bytes[..(pages * PAGE_BYTES).min(bytes.len())], position);
        if end.is_none() {
            rest = bytes;
        }
        // turmoil keeps or loses each write by itself, so pieces of one write may survive in any mix.
        while !rest.is_empty() {
            let sectors = state.rng.random_range(1..6);
            let piece = if end.is_none() { rest.len() } else { SECTOR_BYTES * sectors };
            let (now, later) = rest.split_at(piece.min(rest.len()));
            self.inner.write_all_at(now, at)?;
            at += now.len() as u64;
            rest = later;
        }
        end.map_or(Ok(()), |end| state.after_last_call(end))
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.disk.0.lock();
        if state.sync == Sync::WillFail {
            state.sync = Sync::Failed;
            return Err(io::Error::other("simulated: a failed sync"));
        }
        state.all_or_nothing(|| self.inner.sync_data())
    }

    fn allocate(&self, bytes: u64) -> io::Result<()> {
        let from = self.byte_len()?;
        let mut state = self.disk.0.lock();
        if state.full && bytes > from {
            return Err(is_full());
        }
        state.all_or_nothing(|| {
            self.inner.write_all_at(&vec![0u8; bytes.saturating_sub(from) as usize], from)?;
            self.inner.sync_data()
        })
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        self.disk.0.lock().all_or_nothing(|| self.inner.set_len(bytes))
    }

    fn byte_len(&self) -> io::Result<u64> {
        Ok(self.inner.metadata()?.len())
    }
}
