//! turmoil's simulated disk behind the log's file system trait, with the faults that turmoil does
//! not have: a power cut between any two calls, writes torn in the middle and not only at the
//! end, syncs that fail and then lie, and errors on chosen writes.

use std::collections::BTreeSet;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use anabranch_runtime::fs::{File, Fs};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use turmoil::fs::shim::std::fs as disk;

/// How often each fault struck.
#[derive(Debug, Clone, Copy, Default)]
pub struct FaultCounts {
    pub crashes: u64,
    pub torn_writes: u64,
    pub failed_syncs: u64,
    pub failed_writes: u64,
    pub full_disk: u64,
    pub flips: u64,
}

/// What is wrong with the disk now.
pub struct Faults {
    pub rng: StdRng,
    /// Calls that change something, until the power goes.
    pub power_for: Option<u64>,
    /// Syncs until one fails.
    pub sync_fails_in: Option<u64>,
    /// Writes until one fails.
    pub write_fails_in: Option<u64>,
    pub full: bool,
    /// Every call fails from now on.
    pub dark: bool,
    /// Files whose dirty pages were dropped by a failed sync: later syncs say yes and do nothing.
    lied_about: BTreeSet<PathBuf>,
    /// The write that the power cut hit.
    pub cut_write: Option<(PathBuf, u64, Vec<u8>)>,
    pub counts: FaultCounts,
}

/// The disk; clones are the same disk.
#[derive(Clone)]
pub struct SimFs {
    faults: Arc<Mutex<Faults>>,
    /// Syncs of segments that reached the disk.
    pub segment_syncs: Arc<AtomicU64>,
}

impl SimFs {
    pub fn new(seed: u64) -> Self {
        let faults = Faults {
            rng: StdRng::seed_from_u64(seed),
            power_for: None,
            sync_fails_in: None,
            write_fails_in: None,
            full: false,
            dark: false,
            lied_about: BTreeSet::new(),
            cut_write: None,
            counts: FaultCounts::default(),
        };
        Self { faults: Arc::new(Mutex::new(faults)), segment_syncs: Arc::default() }
    }

    pub fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().expect("no test thread panicked with it")
    }

    /// The machine starts again with a sound disk.
    pub fn power_on(&self) {
        let mut faults = self.faults();
        (faults.power_for, faults.sync_fails_in, faults.write_fails_in) = (None, None, None);
        (faults.full, faults.dark) = (false, false);
        faults.lied_about.clear();
    }
}

fn eio(what: &str) -> io::Error {
    io::Error::other(format!("simulated: {what}"))
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

impl Faults {
    /// Whether the power goes during this call.
    fn goes_dark(&mut self) -> io::Result<bool> {
        if self.dark {
            return Err(eio("no power"));
        }
        self.dark = strikes(&mut self.power_for);
        Ok(self.dark)
    }

    /// A call that either happens or does not when the power goes.
    fn all_or_nothing(&mut self, call: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        if !self.goes_dark()? {
            return call().map_err(with_kind);
        }
        if self.rng.random_bool(0.5) {
            call()?;
        }
        Err(eio("no power"))
    }
}

impl Fs for SimFs {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let open = || disk::OpenOptions::new().read(true).write(true).create_new(true).open(path).map(drop);
        self.faults().all_or_nothing(open)?;
        self.open(path)
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        if self.faults().dark {
            return Err(eio("no power"));
        }
        let inner = disk::OpenOptions::new().read(true).write(true).open(path)?;
        Ok(Arc::new(SimFile { inner, path: path.to_owned(), fs: self.clone() }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.faults().all_or_nothing(|| disk::rename(from, to))
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.faults().all_or_nothing(|| disk::remove_file(path))
    }

    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        self.faults().all_or_nothing(|| disk::create_dir_all(dir))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let entries = disk::read_dir(dir)?.collect::<io::Result<Vec<_>>>()?;
        let mut names: Vec<String> =
            entries.iter().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        Ok(names)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.faults().all_or_nothing(|| disk::sync_dir(dir))
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

impl File for SimFile {
    fn read_at(&self, position: u64, buffer: &mut [u8]) -> io::Result<()> {
        if self.fs.faults().dark {
            return Err(eio("no power"));
        }
        self.inner.read_exact_at(buffer, position)
    }

    fn write_at(&self, position: u64, bytes: &[u8]) -> io::Result<()> {
        let mut faults = self.fs.faults();
        let dark = faults.goes_dark()?;
        if faults.full && position + bytes.len() as u64 > self.inner.metadata()?.len() {
            faults.counts.full_disk += 1;
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        let fails = strikes(&mut faults.write_fails_in);
        if dark {
            faults.cut_write = Some((self.path.clone(), position, bytes.to_vec()));
        }
        // turmoil keeps or loses each write by itself, so pieces of one write may survive in any mix.
        let mut rest = bytes;
        let mut at = position;
        while !rest.is_empty() {
            let piece = if faults.rng.random_bool(0.5) { rest.len() } else { 512 * faults.rng.random_range(1..6) };
            let (now, later) = rest.split_at(piece.min(rest.len()));
            let written = self.inner.write_all_at(now, at).map_err(with_kind);
            if let Err(error) = written {
                faults.counts.full_disk += u64::from(error.kind() == io::ErrorKind::StorageFull);
                return Err(error);
            }
            at += now.len() as u64;
            rest = later;
            if fails {
                faults.counts.failed_writes += 1;
                return Err(eio("a write failed"));
            }
        }
        if dark { Err(eio("no power")) } else { Ok(()) }
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut faults = self.fs.faults();
        let dark = faults.goes_dark()?;
        if strikes(&mut faults.sync_fails_in) {
            faults.counts.failed_syncs += 1;
            faults.lied_about.insert(self.path.clone());
            return Err(eio("a sync failed"));
        }
        if faults.lied_about.contains(&self.path) || dark && faults.rng.random_bool(0.5) {
            return if dark { Err(eio("no power")) } else { Ok(()) };
        }
        self.inner.sync_data()?;
        if self.path.to_string_lossy().contains("segment-") {
            self.fs.segment_syncs.fetch_add(1, Ordering::Relaxed);
        }
        if dark { Err(eio("no power")) } else { Ok(()) }
    }

    fn allocate(&self, bytes: u64) -> io::Result<()> {
        let from = self.byte_len()?;
        self.write_at(from, &vec![0u8; (bytes - from) as usize])?;
        self.inner.sync_data()
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        self.fs.faults().all_or_nothing(|| self.inner.set_len(bytes))
    }

    fn byte_len(&self) -> io::Result<u64> {
        Ok(self.inner.metadata()?.len())
    }
}
