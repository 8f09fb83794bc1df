//! The handle of a whole log: opening, closing, and what it tells of itself.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use anabranch_runtime::fs::Fs;
use anabranch_types::GroupId;
use parking_lot::{Condvar, Mutex};

use crate::cache::Cache;
use crate::config::Options;
use crate::disk::{Disk, Prepared};
use crate::entry::Quarantine;
use crate::error::OpenError;
use crate::group_log::GroupLog;
use crate::recovery::{Recovered, recover};
use crate::shared::{Class, Shared};
use crate::state::State;
use crate::stats::{Counters, Space, Stats};
use crate::writer::{Driver, Step};

/// One log on one disk, shared by all replicas there. Clones are handles to the same log.
#[derive(Clone)]
pub struct Walog {
    shared: Arc<Shared>,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl Walog {
    /// Opens the log in `dir`, or makes one, and starts its writer thread. Reads the whole log.
    ///
    /// # Errors
    /// When the disk fails, when the format is newer, or when nothing can be verified. Damage that
    /// spares some groups is no error: see [`Walog::quarantined`].
    pub fn open(fs: Arc<dyn Fs>, dir: &Path, options: Options) -> Result<Walog, OpenError> {
        let (walog, driver) = Self::assemble(fs, dir, options, true)?;
        let thread = std::thread::Builder::new().name("walog-writer".to_owned()).spawn(move || driver.run());
        let thread =
            thread.map_err(|source| OpenError::Io { action: "start a thread for", path: dir.to_owned(), source })?;
        *walog.thread.lock() = Some(thread);
        Ok(walog)
    }

    /// As [`Walog::open`], without a thread: the caller drives it. For simulations.
    ///
    /// # Errors
    /// As [`Walog::open`].
    pub fn open_driven(fs: Arc<dyn Fs>, dir: &Path, options: Options) -> Result<(Walog, Driver), OpenError> {
        Self::assemble(fs, dir, options, false)
    }

    fn assemble(fs: Arc<dyn Fs>, dir: &Path, options: Options, threaded: bool) -> Result<(Walog, Driver), OpenError> {
        options.check()?;
        let options = Arc::new(options);
        let recovered = recover(&*fs, dir, &options)?;
        let mut disk = Disk::new(fs, dir, Arc::clone(&options), recovered.salt, recovered.spares.clone());
        disk.resume(recovered.durable.segment, recovered.head_file.clone(), recovered.next_batch - 1);
        let fresh = recovered.segments.is_empty();
        let state = Mutex::new(State::recovered(recovered, Arc::clone(&options)));
        let (disk, dir) = (Mutex::new(disk), dir.to_owned());
        let (work, room) = (Condvar::new(), Condvar::new());
        let shared = Arc::new(Shared { state, disk, work, room, threaded, options, dir });
        let mut driver = Driver { shared: Arc::clone(&shared) };
        first_batch(&shared, &mut driver, fresh)?;
        Ok((Walog { shared, thread: Arc::new(Mutex::new(None)) }, driver))
    }

    /// The part of one group; a group that was never written to is empty.
    #[must_use]
    pub fn group(&self, group: GroupId) -> GroupLog {
        GroupLog { shared: Arc::clone(&self.shared), group }
    }

    /// The groups that the log knows, quarantined ones included.
    #[must_use]
    pub fn groups(&self) -> Vec<GroupId> {
        self.shared.state.lock().groups.keys().copied().collect()
    }

    /// What was found damaged when the log was opened. A group with other replicas is re-added
    /// under a new replica id and then [`GroupLog::remove`]d here; a group without refuses to open
    /// and prints the quarantine, which names the files.
    #[must_use]
    pub fn quarantined(&self) -> Vec<Quarantine> {
        let state = self.shared.state.lock();
        state.groups.values().filter_map(|group| group.quarantine.clone()).chain(state.unknown.clone()).collect()
    }

    /// A picture of the log now.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let state = self.shared.state.lock();
        let oldest = state.segments.keys().next().copied();
        let pins = |group: &crate::group::Group| group.slots().next().map(|slot| slot.place.segment) == oldest;
        Stats {
            counters: state.counters,
            segments: state.segments.len(),
            spares: state.spares_ready,
            disk_bytes: state.disk_bytes(),
            queued_bytes: state.queued_bytes,
            cached_bytes: state.cache.bytes(),
            space: state.full.clone().map_or(Space::Writable, |reason| Space::Full { reason }),
            pinning: state.groups.iter().filter(|(_, group)| pins(group)).map(|(id, _)| *id).collect(),
            poisoned: state.poisoned.clone(),
        }
    }

    /// Tells the log whether others are short of room on its disk: then it keeps nothing for reuse
    /// beyond its reserve, and its writer gives back, soon, what it has kept.
    pub fn set_short_of_room(&self, short: bool) {
        let mut state = self.shared.state.lock();
        state.short_of_room = short;
        // Only then: whoever is woken for nothing starts its wait for room anew.
        if state.has_surplus_spare() {
            self.shared.work.notify_all();
        }
    }

    /// Makes everything that was taken durable and proves the last batch, then stops the writer.
    /// Later requests fail.
    pub fn close(self) {
        self.shared.state.lock().closing = true;
        self.shared.work.notify_all();
        self.shared.room.notify_all();
        if let Some(thread) = self.thread.lock().take() {
            // A writer that panicked has poisoned the log and answered everyone already.
            let _panicked = thread.join();
        }
    }
}

/// Writes a witness: it proves what was read back, makes the verdict on damage last, and shows
/// early that the disk takes writes. A full disk is no reason not to open.
fn first_batch(shared: &Shared, driver: &mut Driver, fresh: bool) -> Result<(), OpenError> {
    let failed = |reason: String| OpenError::Io {
        action: "write to",
        path: shared.dir.clone(),
        source: std::io::Error::other(reason),
    };
    let mut disk = shared.disk.lock();
    while fresh && disk.spares() < 1 {
        match shared.prepare_piece(&mut disk, Class::Entries) {
            Ok(Prepared::Ready | Prepared::Unfinished) => {}
            Ok(Prepared::Full(reason)) => return Err(failed(reason)),
            Err(error) => return Err(failed(error.to_string())),
        }
    }
    drop(disk);
    shared.state.lock().witness_due = true;
    match driver.idle() {
        Step::Wrote | Step::Idle => Ok(()),
        Step::Stopped => Err(failed(shared.state.lock().poisoned.clone().unwrap_or_default())),
    }
}

impl State {
    fn recovered(recovered: Recovered, options: Arc<Options>) -> Self {
        Self {
            groups: recovered.groups,
            unknown: recovered.unknown,
            segments: recovered.segments,
            head: recovered.head,
            cursor: recovered.cursor,
            pending: VecDeque::new(),
            queued_bytes: 0,
            next_batch: recovered.next_batch,
            durable: recovered.durable,
            proven_segment: recovered.proven_segment,
            released_unproven: BTreeMap::new(),
            spares_ready: recovered.spares.len(),
            short_of_room: false,
            full: None,
            poisoned: None,
            closing: false,
            closed: false,
            witness_due: false,
            cache: Cache::default(),
            counters: Counters::default(),
            salt: recovered.salt,
            buffers: Vec::new(),
            options,
        }
    }
}

impl std::fmt::Debug for Walog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let groups: BTreeMap<_, _> =
            self.shared.state.lock().groups.iter().map(|(id, group)| (*id, group.state())).collect();
        f.debug_struct("Walog").field("dir", &self.shared.dir).field("groups", &groups).finish()
    }
}
