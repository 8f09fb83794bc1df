//! One seed: a disk, a log on it, several groups, and a history of faults and crashes.

mod image;
mod model;
mod problem;
mod report;
mod sim_fs;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use anabranch_types::GroupId;
use anabranch_walog::{Bug, Done, Driver, Entry, GroupLog, LogError, LogId, Options, Quarantine, Space, Step, Walog};
use bytes::Bytes;
use image::{Hit, Image, Piece};
use model::{FAILED, GroupModel, Held, Op, WAITING};
pub use problem::{Kind, Problem};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use report::APPENDS_MIN;
pub use report::Report;
use sim_fs::{SIMULATED, SimFs};
use turmoil::fs::shim::std::fs as disk;

const DIR: &str = "/log";
/// What else is on a small disk, until somebody makes room.
const BALLAST: &str = "/ballast";
const BALLAST_BYTES: u64 = 2 * SEGMENT_BYTES;
const SEGMENT_BYTES: u64 = 32 << 10;
/// Lives that end with a power cut, the death of the process, or a fault of the disk.
const MORTAL_LIVES: u32 = 4;
/// Two more: one that works, ended by a power cut at rest, and one that reads back what it left.
const LIVES: u32 = MORTAL_LIVES + 2;

/// What was answered as durable.
#[derive(Default)]
struct Tally {
    appends: u64,
    groups: BTreeSet<GroupId>,
    purges: u64,
}

#[derive(Debug, Default)]
struct Flips {
    /// In batches that something later proves.
    proven: Vec<Piece>,
    /// In the last batch: it now looks torn.
    last: Vec<Piece>,
}

struct World {
    fs: SimFs,
    rng: StdRng,
    groups: BTreeMap<GroupId, GroupModel>,
    planted: Option<Bug>,
    life: u32,
    /// The life before ended with the power.
    power_was_cut: bool,
    small_disk: bool,
    /// Room on the disk is kept for what must be written before a purge.
    keeps_room: bool,
    /// Where bits were flipped since the log last opened.
    flips: Flips,
    /// Groups that were found quarantined, and the batch with which their removal was answered.
    condemned: BTreeMap<GroupId, Arc<AtomicU64>>,
    /// Groups that the log does not know were found quarantined.
    unknown_condemned: bool,
    tally: Arc<Mutex<Tally>>,
    report: Report,
}

/// Runs one seed to its end, or to the first broken promise.
pub fn run_seed(seed: u64, planted: Option<Bug>) -> Result<Report, Problem> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut builder = turmoil::Builder::new();
    builder.rng_seed(seed).fs().block_size(512);
    // Files set aside after damage stay, and would fill a small disk for good: one or the other.
    let small_disk = rng.random_bool(0.2);
    if small_disk {
        builder.fs().capacity(BALLAST_BYTES + SEGMENT_BYTES * rng.random_range(6..10));
    }
    let world = Rc::new(RefCell::new((World::new(seed, rng, planted, small_disk), Ok(()))));
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
        let at = |problem: Problem, life: u32| problem.at(format!("seed {seed}, life {life}"));
        let stepped = sim.step();
        let (world, outcome) = &mut *world.borrow_mut();
        stepped.map_err(|error| at(Problem::new(Kind::Panicked, error.to_string()), world.life))?;
        outcome.clone().map_err(|problem| at(problem, world.life))?;
        if world.power_was_cut {
            sim.crash("disk");
        }
        if world.life == LIVES {
            return world.reported().judged().map_err(|problem| at(problem, LIVES));
        }
        sim.bounce("disk");
    }
}

impl Flips {
    fn is_empty(&self) -> bool {
        self.proven.is_empty() && self.last.is_empty()
    }

    /// The first batch that may be taken for torn.
    fn first_lost(&self) -> Option<u64> {
        self.last.iter().map(|piece| piece.ordinal).min()
    }

    /// Then the groups are named by what is left of them, and no other may be suspected.
    fn only_bodies_of_groups(&self) -> bool {
        self.proven.iter().all(|piece| matches!(piece.hit, Hit::Body { group: Some(_), .. }))
    }
}

impl World {
    fn new(seed: u64, mut rng: StdRng, planted: Option<Bug>, small_disk: bool) -> Self {
        Self {
            fs: SimFs::new(seed),
            groups: (1..=rng.random_range(4..8)).map(|group| (GroupId(group), GroupModel::default())).collect(),
            keeps_room: rng.random_bool(0.3),
            rng,
            planted,
            life: 0,
            power_was_cut: true,
            small_disk,
            flips: Flips::default(),
            condemned: BTreeMap::new(),
            unknown_condemned: false,
            tally: Arc::default(),
            report: Report::default(),
        }
    }

    fn tally(&self) -> std::sync::MutexGuard<'_, Tally> {
        self.tally.lock().expect("no test thread panicked with it")
    }

    fn reported(&self) -> Report {
        let tally = self.tally();
        Report {
            faults: self.fs.faults().counts,
            appends: tally.appends,
            groups: self.groups.len(),
            groups_appended: tally.groups.len(),
            purges: tally.purges,
            ..self.report
        }
    }

    /// One life of the process, from its start to its end.
    fn live(&mut self) -> Result<(), Problem> {
        self.fs.begin_life(self.power_was_cut);
        self.life += 1;
        // A disk at rest: bits of pages that are in memory would not be seen.
        if self.power_was_cut && !self.small_disk && self.flips.is_empty() && self.rng.random_bool(0.3) {
            self.flip_bits();
        }
        Self::delete_files_set_aside();
        if self.small_disk {
            self.move_ballast().expect("turmoil does it");
        }
        let mortal = self.life <= MORTAL_LIVES;
        if mortal {
            self.draw_faults();
        }
        let stopped = self.open_and_work(mortal)?;
        let mut faults = self.fs.faults();
        let process_died = stopped && (!faults.dark || faults.power_stays);
        faults.counts.process_deaths += u64::from(process_died);
        faults.counts.power_cuts += u64::from(stopped && !process_died);
        let restarts = process_died && (faults.dark || self.rng.random_bool(0.7));
        self.power_was_cut = !restarts;
        Ok(())
    }

    /// Whether the life was ended by a fault.
    fn open_and_work(&mut self, mortal: bool) -> Result<bool, Problem> {
        let newest_segment = image::segments(DIR).pop();
        let opened = Walog::open_driven(Arc::new(self.fs.clone()), Path::new(DIR), self.options());
        let (walog, mut driver) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
                return Self::explained(format!("{error}: {source}")).map(|()| true);
            }
        };
        let moved_on = image::segments(DIR).pop() > newest_segment;
        self.check(&walog, &mut driver, moved_on)?;
        let stopped = self.work(&walog, &mut driver, mortal)?;
        if stopped {
            Self::explained(walog.stats().poisoned.unwrap_or_default())?;
        }
        let stats = walog.stats();
        self.report.segments_begun += stats.counters.segments_begun;
        self.report.segments_recycled += stats.counters.segments_recycled;
        Ok(stopped)
    }

    /// Only what the simulation did may end a life.
    fn explained(error: String) -> Result<(), Problem> {
        if error.contains(SIMULATED) { Ok(()) } else { Err(Problem::new(Kind::Unexplained, error)) }
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

    /// A small disk that is full, with the reserve used up, waits for an operator who makes room.
    fn move_ballast(&self) -> std::io::Result<()> {
        if self.life == 1 {
            disk::write(BALLAST, vec![1; BALLAST_BYTES as usize])?;
            disk::File::open(BALLAST)?.sync_all()?;
        } else if self.life == MORTAL_LIVES + 1 {
            disk::remove_file(BALLAST)?;
        }
        disk::sync_dir("/")
    }

    fn options(&self) -> Options {
        Options {
            segment_bytes: SEGMENT_BYTES,
            entry_bytes_max: 8 << 10,
            batch_bytes_max: 8 << 10,
            cache_bytes: 16 << 10,
            spare_bytes_max: 5 * SEGMENT_BYTES,
            keep_free_bytes: if self.keeps_room { 2 * SEGMENT_BYTES } else { 0 },
            quota_bytes: 12 * SEGMENT_BYTES,
            salt: 0xa5a5_5a5a,
            planted: self.planted,
            ..Options::default()
        }
    }

    fn draw_faults(&mut self) {
        let mut faults = self.fs.faults();
        let soon = self.rng.random_bool(0.2);
        faults.alive_for = Some(if soon { self.rng.random_range(0..12) } else { self.rng.random_range(12..250) });
        faults.power_stays = self.rng.random_bool(0.3);
        faults.sync_fails_in = self.rng.random_bool(0.2).then(|| self.rng.random_range(0..60));
        faults.write_fails_in = self.rng.random_bool(0.1).then(|| self.rng.random_range(0..60));
    }

    /// Flips a bit of a live batch: of its header, of a frame's header or of a frame's body. Each
    /// such piece is as likely as any other, but for the last batch, which is hit more often.
    /// Sometimes it flips another one nearby, but never all that proves the first.
    fn flip_bits(&mut self) {
        let image = Image::read(DIR);
        let last = self.rng.random_bool(0.2);
        let pieces: Vec<&Piece> = image.pieces.iter().filter(|piece| !last || piece.ordinal > image.proven).collect();
        let Some(piece) = pieces.choose(&mut self.rng) else { return };
        let near = |other: &&Piece| {
            let ordinals = (piece.ordinal.min(other.ordinal), piece.ordinal.max(other.ordinal));
            other.from != piece.from && ordinals.1 - ordinals.0 <= 1 && ordinals.1 <= image.proven
        };
        let near: Vec<&Piece> = image.pieces.iter().filter(near).collect();
        let mut hit = vec![(*piece).clone()];
        if self.rng.random_bool(0.3) {
            hit.extend(near.choose(&mut self.rng).map(|other| (*other).clone()));
        }
        for piece in &hit {
            self.flip_a_bit_of(piece);
        }
        let (proven, last): (Vec<Piece>, Vec<Piece>) = hit.into_iter().partition(|piece| piece.ordinal <= image.proven);
        let counts = &mut self.fs.faults().counts;
        counts.flips_in_proven_batches += proven.len() as u64;
        counts.flips_in_last_batch += last.len() as u64;
        self.flips = Flips { proven, last };
    }

    fn flip_a_bit_of(&mut self, piece: &Piece) {
        let at = (piece.from + self.rng.random_range(0..piece.bytes)) as u64;
        let file = disk::OpenOptions::new().read(true).write(true).open(&piece.path).expect("it was read");
        let mut byte = [0u8];
        file.read_exact_at(&mut byte, at).expect("turmoil reads");
        byte[0] ^= 1 << self.rng.random_range(0..8);
        file.write_all_at(&byte, at).expect("turmoil writes");
        file.sync_all().expect("turmoil syncs");
    }

    /// Compares what was read back with what is owed. The log has opened: what it found damaged is
    /// settled now, so flips excuse, and have to be noticed by, this life only.
    fn check(&mut self, walog: &Walog, driver: &mut Driver, moved_on: bool) -> Result<(), Problem> {
        let flips = std::mem::take(&mut self.flips);
        let (quarantined, known) = (walog.quarantined(), walog.groups());
        let hit =
            |id: &GroupId, quarantine: &Quarantine| quarantine.group.map_or(!known.contains(id), |group| group == *id);
        let condemned = self.groups.keys().filter(|id| quarantined.iter().any(|quarantine| hit(id, quarantine)));
        let condemned: Vec<GroupId> = condemned.copied().collect();
        self.check_quarantine(&flips, &quarantined, &condemned)?;
        let full = matches!(walog.stats().space, Space::Full { .. });
        if !flips.proven.is_empty() && quarantined.is_empty() && !moved_on && !full {
            return Err(Problem::new(Kind::Unnoticed, format!("{flips:?}")));
        }
        for (id, model) in self.groups.iter_mut().filter(|(id, _)| !condemned.contains(id)) {
            let log = walog.group(*id);
            let found = Held::of(&log)?;
            for entry in found.entries.values() {
                self.report.digest = crc32c::crc32c_append(self.report.digest, &entry.body);
            }
            let committed = log.state().committed;
            if committed > model.committed {
                let what = format!("group {id}: commit mark {committed:?} was never saved");
                return Err(Problem::new(Kind::Misread, what));
            }
            model.committed = committed;
            // Damage to the very last batch may pass for a torn write, and only that.
            let survived = match (model.survived(found.clone(), FAILED - 1), flips.first_lost()) {
                (Err(_), Some(ordinal)) => {
                    self.report.flips_lost_last_batch += 1;
                    model.survived(found, ordinal - 1)
                }
                (survived, _) => survived,
            };
            survived.map_err(|problem| problem.at(format!("group {id}")))?;
        }
        self.report.quarantined += condemned.len() as u64;
        self.unknown_condemned = quarantined.iter().any(|quarantine| quarantine.group.is_none());
        self.replace(walog, driver, &condemned);
        Ok(())
    }

    /// What is quarantined has a reason, and what flips must have damaged is quarantined.
    fn check_quarantine(
        &self,
        flips: &Flips,
        quarantined: &[Quarantine],
        condemned: &[GroupId],
    ) -> Result<(), Problem> {
        // A removal that was not answered, or is in a batch that damage may cost, need not be there.
        let is_lifted = |batch: u64| (WAITING + 1..flips.first_lost().unwrap_or(FAILED)).contains(&batch);
        let expected =
            |id: &GroupId| self.condemned.get(id).is_some_and(|lifted| !is_lifted(lifted.load(Ordering::Relaxed)));
        let fresh: Vec<&GroupId> = condemned.iter().filter(|id| !expected(id)).collect();
        let fresh_unknown = !self.unknown_condemned && quarantined.iter().any(|quarantine| quarantine.group.is_none());
        let hit: Vec<GroupId> = flips.proven.iter().filter_map(|piece| piece.hit.group()).collect();
        let explained = if flips.only_bodies_of_groups() {
            !fresh_unknown && fresh.iter().all(|id| hit.contains(id))
        } else {
            true
        };
        if !explained {
            return Err(Problem::new(Kind::FalseAlarm, format!("{fresh:?} after {flips:?}: {}", quarantined[0])));
        }
        // Behind a damaged roster nothing is told from what is missing, nor need it be.
        let missed = hit.iter().find(|id| !condemned.contains(id));
        match missed {
            Some(id) if !flips.proven.iter().any(|piece| piece.hit.of_roster()) => {
                Err(Problem::new(Kind::Unnoticed, format!("group {id} is served after {flips:?}")))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Removes quarantined groups, as when other replicas have taken over.
    fn replace(&mut self, walog: &Walog, driver: &mut Driver, condemned: &[GroupId]) {
        self.condemned.clear();
        for id in condemned {
            let lifted = Arc::new(AtomicU64::new(WAITING));
            self.condemned.insert(*id, Arc::clone(&lifted));
            let last_batch = Arc::clone(&self.fs.last_batch);
            walog.group(*id).remove(Box::new(move |result| {
                let batch = if result.is_ok() { last_batch.load(Ordering::Relaxed) } else { FAILED };
                lifted.store(batch, Ordering::Relaxed);
            }));
            if let Some(model) = self.groups.get_mut(id) {
                model.forget();
            }
        }
        driver.step();
    }

    /// Whether a fault ended it.
    fn work(&mut self, walog: &Walog, driver: &mut Driver, mortal: bool) -> Result<bool, Problem> {
        let full_from = if mortal && self.rng.random_bool(0.4) { self.rng.random_range(0..120) } else { u64::MAX };
        for round in 1..5000 {
            self.fs.faults().full = (full_from..full_from.saturating_add(60)).contains(&round);
            let refused = self.report.refused_full;
            self.request(walog)?;
            if self.report.refused_full > refused && self.rng.random_bool(0.3) {
                self.purge_everything(walog);
            }
            if self.rng.random_bool(0.02) {
                walog.set_short_of_room(true);
            }
            let step = match self.rng.random_range(0..20) {
                0 => driver.idle(),
                1..8 => driver.step(),
                _ => Step::Idle,
            };
            if step == Step::Stopped {
                return Ok(true);
            }
            if !mortal && round > 200 && self.did_enough() {
                break;
            }
        }
        Ok(driver.step() == Step::Stopped)
    }

    fn did_enough(&self) -> bool {
        let tally = self.tally();
        tally.appends >= APPENDS_MIN && tally.groups.len() == self.groups.len() && tally.purges > 0
    }

    fn request(&mut self, walog: &Walog) -> Result<(), Problem> {
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
    fn read_back(&self, log: &GroupLog) -> Result<(), Problem> {
        match log.read(0..0, 0) {
            Ok(_) => {}
            // Its removal found no room.
            Err(LogError::Quarantined(_)) if self.condemned.contains_key(&log.id()) => return Ok(()),
            Err(LogError::Poisoned(reason)) => return Self::explained(reason),
            Err(error) => return Err(Problem::new(Kind::Misread, error.to_string())),
        }
        let found = Held::of(log)?;
        let right = found == self.groups[&log.id()].held;
        if right { Ok(()) } else { Err(Problem::new(Kind::Misread, format!("group {} reads wrong", log.id()))) }
    }

    fn ask(&mut self, log: &GroupLog, op: Op) {
        let id = log.id();
        let Some(model) = self.groups.get_mut(&id) else { return };
        let held_before = model.held.entries.len();
        let answer = model.ask(op.clone());
        let purges = u64::from(matches!(op, Op::Purge(_)) && model.held.entries.len() < held_before);
        let appends = if let Op::Append(entries) = &op { entries.len() as u64 } else { 0 };
        let refused = Arc::new(AtomicBool::new(false));
        let (told, full) = (Arc::clone(&answer), Arc::clone(&refused));
        let (last_batch, tally) = (Arc::clone(&self.fs.last_batch), Arc::clone(&self.tally));
        let done: Done = Box::new(move |result| {
            full.store(matches!(result, Err(LogError::Full(_))), Ordering::Relaxed);
            let batch = if result.is_ok() { last_batch.load(Ordering::Relaxed).max(WAITING + 1) } else { FAILED };
            told.store(batch, Ordering::Relaxed);
            if result.is_ok() {
                let mut tally = tally.lock().expect("no test thread panicked with it");
                tally.appends += appends;
                tally.purges += purges;
                tally.groups.extend((appends > 0).then_some(id));
            }
        });
        match op {
            Op::Append(entries) if self.rng.random_bool(0.5) => log.append_reserved(entries, done),
            Op::Append(entries) => log.append(entries, done),
            Op::Truncate(kept) => log.truncate_after(kept, done),
            Op::Purge(upto) => log.purge(upto, done),
            Op::Vote(vote) => log.save_vote(vote, done),
        }
        if refused.load(Ordering::Relaxed) {
            model.refused();
            self.report.refused_full += 1;
        }
    }
}
