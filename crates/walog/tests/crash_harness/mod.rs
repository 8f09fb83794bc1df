//! One seed: a disk, a log on it, several groups, and a history of faults and crashes.

mod model;
mod sim_fs;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anabranch_types::GroupId;
use anabranch_walog::{Bug, Done, Driver, Entry, GroupLog, LogError, LogId, Options, Quarantine, Step, Walog};
use bytes::Bytes;
use model::{FAILED, GroupModel, Held, Op, WAITING};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
pub use sim_fs::FaultCounts;
use sim_fs::SimFs;
use turmoil::fs::shim::std::fs as disk;

const DIR: &str = "/log";
const SEGMENT_BYTES: u64 = 32 << 10;
const APPENDS_MIN: u64 = 200;
const POWER_CUTS: u32 = 3;

/// What a seed did and saw.
#[derive(Debug, Clone, Copy, Default)]
pub struct Report {
    pub faults: FaultCounts,
    pub appends: u64,
    pub purges: u64,
    pub segments_begun: u64,
    pub segments_recycled: u64,
    pub refused_full: u64,
    pub quarantined: u64,
    pub flips_lost_last_batch: u64,
    /// A digest of everything that was read back, to compare two runs of a seed.
    pub digest: u32,
}

struct World {
    fs: SimFs,
    rng: StdRng,
    groups: BTreeMap<GroupId, GroupModel>,
    planted: Option<Bug>,
    phase: u32,
    small_disk: bool,
    flipped: bool,
    /// Number of the last sync of a batch in the last life that came to work.
    last_sync: u64,
    report: Report,
}

/// Runs one seed to its end, or to the first broken promise.
pub fn run_seed(seed: u64, planted: Option<Bug>) -> Result<Report, String> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut builder = turmoil::Builder::new();
    builder.rng_seed(seed).fs().block_size(512);
    // Files set aside after damage stay, and would fill a small disk for good: one or the other.
    let small_disk = rng.random_bool(0.2);
    if small_disk {
        builder.fs().capacity(SEGMENT_BYTES * rng.random_range(6..10));
    }
    let groups = (1..=rng.random_range(4..8)).map(|group| (GroupId(group), GroupModel::default())).collect();
    let fs = SimFs::new(seed);
    let world = World {
        fs,
        rng,
        groups,
        planted,
        phase: 0,
        small_disk,
        flipped: false,
        last_sync: 1,
        report: Report::default(),
    };
    let world = Rc::new(RefCell::new((world, Ok(()))));
    let mut sim = builder.build();
    let inside = Rc::clone(&world);
    sim.host("disk", move || {
        let inside = Rc::clone(&inside);
        async move {
            let (world, outcome) = &mut *inside.borrow_mut();
            *outcome = world.live();
            Ok(())
        }
    });
    loop {
        sim.step().map_err(|error| format!("turmoil: {error}"))?;
        sim.crash("disk");
        let (world, outcome) = &mut *world.borrow_mut();
        outcome.clone().map_err(|problem| format!("seed {seed}, life {}: {problem}", world.phase))?;
        world.report.faults = world.fs.faults().counts;
        if world.phase > POWER_CUTS + 1 {
            return world.report.judged(seed);
        }
        sim.bounce("disk");
    }
}

impl Report {
    fn judged(self, seed: u64) -> Result<Self, String> {
        let enough = self.appends >= APPENDS_MIN && self.purges > 0 && self.segments_begun > 1;
        if enough && self.faults.crashes >= 2 { Ok(self) } else { Err(format!("seed {seed} proves little: {self:?}")) }
    }
}

impl World {
    /// One life of the process, from start to power cut.
    fn live(&mut self) -> Result<(), String> {
        self.fs.power_on();
        if self.phase > 0 {
            self.fs.faults().counts.crashes += 1;
            self.count_torn_write();
        }
        self.phase += 1;
        if self.phase > 1 && !self.small_disk && !self.flipped && self.rng.random_bool(0.2) {
            self.flip_a_bit();
        }
        Self::delete_files_set_aside();
        let mortal = self.phase <= POWER_CUTS;
        if mortal {
            self.draw_faults();
        }
        let opened = Walog::open_driven(Arc::new(self.fs.clone()), Path::new(DIR), self.options());
        let (walog, mut driver) = match opened {
            Ok(opened) => opened,
            Err(_) if mortal => return Ok(()),
            Err(error) => return Err(format!("open: {error}")),
        };
        self.check(&walog, &mut driver)?;
        self.work(&walog, &mut driver, mortal)?;
        self.last_sync = self.fs.segment_syncs.load(Ordering::Relaxed);
        let stats = walog.stats();
        self.report.segments_begun += stats.counters.segments_begun;
        self.report.segments_recycled += stats.counters.segments_recycled;
        Ok(())
    }

    /// As the operator does once the new replicas have caught up; else the small disk stays full.
    fn delete_files_set_aside() {
        let Ok(entries) = disk::read_dir(DIR) else { return };
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            if path.to_string_lossy().contains("quarantined-") {
                disk::remove_file(&path).expect("turmoil removes");
            }
        }
        disk::sync_dir(DIR).expect("turmoil syncs");
    }

    fn options(&self) -> Options {
        Options {
            segment_bytes: SEGMENT_BYTES,
            entry_bytes_max: 8 << 10,
            batch_bytes_max: 8 << 10,
            cache_bytes: 16 << 10,
            spare_bytes_max: 5 * SEGMENT_BYTES,
            quota_bytes: 12 * SEGMENT_BYTES,
            salt: 0xa5a5_5a5a,
            planted: self.planted,
            ..Options::default()
        }
    }

    fn draw_faults(&mut self) {
        let mut faults = self.fs.faults();
        faults.power_for =
            Some(if self.rng.random_bool(0.2) { self.rng.random_range(0..12) } else { self.rng.random_range(12..250) });
        faults.sync_fails_in = self.rng.random_bool(0.2).then(|| self.rng.random_range(0..60));
        faults.write_fails_in = self.rng.random_bool(0.1).then(|| self.rng.random_range(0..60));
    }

    /// Whether the write that the last power cut hit survived in part.
    fn count_torn_write(&self) {
        let Some((path, position, bytes)) = self.fs.faults().cut_write.take() else { return };
        let Ok(file) = disk::File::open(&path) else { return };
        let mut now = vec![0u8; bytes.len()];
        if file.read_exact_at(&mut now, position).is_ok() {
            let same = now.chunks(512).zip(bytes.chunks(512)).filter(|(now, meant)| now == meant).count();
            let torn = same > 0 && same < bytes.len().div_ceil(512);
            self.fs.faults().counts.torn_writes += u64::from(torn);
        }
    }

    /// Flips one bit of a segment, in what is not zero.
    fn flip_a_bit(&mut self) {
        let Ok(entries) = disk::read_dir(DIR) else { return };
        let names = entries.filter_map(|entry| Some(entry.ok()?.path()));
        let mut names: Vec<_> = names.filter(|path| path.to_string_lossy().contains("segment-")).collect();
        names.sort();
        if names.is_empty() {
            return;
        }
        let path = &names[self.rng.random_range(0..names.len())];
        let Ok(mut bytes) = disk::read(path) else { return };
        let used: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] != 0).collect();
        if used.is_empty() {
            return;
        }
        let at = used[self.rng.random_range(0..used.len())];
        bytes[at] ^= 1 << self.rng.random_range(0..8);
        let file = disk::OpenOptions::new().read(true).write(true).open(path).expect("it was read");
        file.write_all_at(&bytes[at..=at], at as u64).expect("turmoil writes");
        file.sync_all().expect("turmoil syncs");
        self.flipped = true;
        self.fs.faults().counts.flips += 1;
    }

    /// Compares what was read back with what is owed.
    fn check(&mut self, walog: &Walog, driver: &mut Driver) -> Result<(), String> {
        let quarantined = walog.quarantined();
        if !quarantined.is_empty() && !self.flipped {
            return Err(format!("quarantined without damage: {}", quarantined[0]));
        }
        let known = walog.groups();
        // Only a flip in the very last batch that was synced may go unnoticed.
        let mut condemned = Vec::new();
        for (id, model) in &mut self.groups {
            let hit = |quarantine: &Quarantine| quarantine.group.map_or(!known.contains(id), |group| group == *id);
            if quarantined.iter().any(hit) {
                condemned.push(*id);
                continue;
            }
            let log = walog.group(*id);
            let found = Held::of(&log)?;
            for entry in found.entries.values() {
                self.report.digest = crc32c::crc32c_append(self.report.digest, &entry.body);
            }
            let committed = log.state().committed;
            if committed > model.committed {
                return Err(format!("group {id}: commit mark {committed:?} was never saved"));
            }
            model.committed = committed;
            let lost_last = self.flipped && model.survived(found.clone(), u64::MAX - 1).is_err();
            let upto = if lost_last { self.last_sync - 1 } else { u64::MAX - 1 };
            self.report.flips_lost_last_batch += u64::from(lost_last);
            model.survived(found, upto).map_err(|problem| format!("group {id}: {problem}"))?;
        }
        self.flipped = !quarantined.is_empty();
        self.report.quarantined += condemned.len() as u64;
        self.replace(walog, driver, &condemned);
        Ok(())
    }

    /// Removes quarantined groups, as when other replicas have taken over.
    fn replace(&mut self, walog: &Walog, driver: &mut Driver, condemned: &[GroupId]) {
        for id in condemned {
            walog.group(*id).remove(Box::new(|_| ()));
            if let Some(model) = self.groups.get_mut(id) {
                model.forget();
            }
        }
        driver.step();
    }

    fn work(&mut self, walog: &Walog, driver: &mut Driver, mortal: bool) -> Result<(), String> {
        let full_from = if mortal && self.rng.random_bool(0.4) { self.rng.random_range(0..120) } else { u64::MAX };
        let mut round = 0;
        loop {
            round += 1;
            self.fs.faults().full = (full_from..full_from.saturating_add(60)).contains(&round);
            let refused = self.report.refused_full;
            self.request(walog)?;
            if self.report.refused_full > refused && self.rng.random_bool(0.3) {
                self.purge_everything(walog);
            }
            if self.rng.random_bool(0.02) {
                walog.release_spares();
            }
            let step = match self.rng.random_range(0..20) {
                0 => driver.idle(),
                1..8 => driver.step(),
                _ => Step::Idle,
            };
            if step == Step::Stopped {
                return Ok(());
            }
            let enough = self.report.appends >= APPENDS_MIN + 20;
            if round > 200 && (mortal || enough) || round > 5000 {
                driver.step();
                return Ok(());
            }
        }
    }

    fn request(&mut self, walog: &Walog) -> Result<(), String> {
        let nth = self.rng.random_range(0..self.groups.len());
        let Some((id, _)) = self.groups.iter().nth(nth) else { return Ok(()) };
        let log = walog.group(*id);
        match self.rng.random_range(0..100) {
            0..72 => self.append(&log),
            72..78 => {
                let vote = Bytes::from(format!("vote {}", self.rng.random::<u32>()));
                self.ask(&log, Op::Vote(vote));
            }
            78..83 => self.truncate(&log),
            83..95 => self.purge(&log),
            95..98 => self.commit(&log),
            _ => return self.read_back(&log),
        }
        Ok(())
    }

    fn append(&mut self, log: &GroupLog) {
        let rng = &mut self.rng;
        let Some(model) = self.groups.get_mut(&log.id()) else { return };
        model.term += u64::from(rng.random_bool(0.1));
        let first = model.held.last().map_or(0, |last| last.index + 1);
        let term = model.held.last().map_or(1, |last| last.term).max(model.term);
        let entries = (first..first + rng.random_range(1..4)).map(|index| {
            let body: Vec<u8> = (0..rng.random_range(0..1500)).map(|_| rng.random()).collect();
            Entry { id: LogId { term, index }, kind: rng.random(), body: Bytes::from(body) }
        });
        let entries = entries.collect();
        self.ask(log, Op::Append(entries));
    }

    fn truncate(&mut self, log: &GroupLog) {
        let held = &self.groups[&log.id()].held;
        let some: Vec<LogId> = held.entries.values().rev().take(6).map(|entry| entry.id).collect();
        if let Some(kept) = some.get(self.rng.random_range(0..6)) {
            self.ask(log, Op::Truncate(Some(*kept)));
        }
    }

    fn purge(&mut self, log: &GroupLog) {
        let held = &self.groups[&log.id()].held;
        let Some(last) = held.last() else { return };
        let some: Vec<LogId> = held.entries.values().rev().take(8).map(|entry| entry.id).collect();
        let beyond = LogId { index: last.index + 5, ..last };
        let upto =
            *some.get(self.rng.random_range(0..12)).unwrap_or(if self.rng.random_bool(0.1) { &beyond } else { &last });
        self.ask(log, Op::Purge(upto));
    }

    /// What a full disk asks for: every group gives up what it can.
    fn purge_everything(&mut self, walog: &Walog) {
        let lasts = self.groups.iter().filter_map(|(id, model)| Some((*id, model.held.last()?)));
        for (id, last) in lasts.collect::<Vec<_>>() {
            self.ask(&walog.group(id), Op::Purge(last));
        }
    }

    fn commit(&mut self, log: &GroupLog) {
        let Some(model) = self.groups.get_mut(&log.id()) else { return };
        if let Some(last) = model.held.last() {
            log.save_committed(last);
            model.committed = model.committed.max(Some(last));
        }
    }

    /// Reads are right at any time, durable or not.
    fn read_back(&self, log: &GroupLog) -> Result<(), String> {
        if log.read(0..0, 0).is_err() {
            return Ok(());
        }
        let found = Held::of(log)?;
        if found == self.groups[&log.id()].held { Ok(()) } else { Err(format!("group {} reads wrong", log.id())) }
    }

    fn ask(&mut self, log: &GroupLog, op: Op) {
        let Some(model) = self.groups.get_mut(&log.id()) else { return };
        let answer = model.ask(op.clone());
        let (told, syncs) = (Arc::clone(&answer), Arc::clone(&self.fs.segment_syncs));
        let refused = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let full = Arc::clone(&refused);
        let done: Done = Box::new(move |result| {
            full.store(matches!(result, Err(LogError::Full(_))), Ordering::Relaxed);
            let sync = if result.is_ok() { syncs.load(Ordering::Relaxed).max(WAITING + 1) } else { FAILED };
            told.store(sync, Ordering::Relaxed);
        });
        let (entries, purge) = match &op {
            Op::Append(entries) => (entries.len() as u64, 0),
            Op::Purge(_) => (0, 1),
            Op::Truncate(_) | Op::Vote(_) => (0, 0),
        };
        match op {
            Op::Append(entries) => log.append(entries, done),
            Op::Truncate(kept) => log.truncate_after(kept, done),
            Op::Purge(upto) => log.purge(upto, done),
            Op::Vote(vote) => log.save_vote(vote, done),
        }
        if refused.load(Ordering::Relaxed) {
            model.refused();
            self.report.refused_full += 1;
        } else if answer.load(Ordering::Relaxed) != FAILED {
            self.report.appends += entries;
            self.report.purges += purge;
        }
    }
}
