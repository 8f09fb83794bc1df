//! Reads a log back: what every group holds, where the log ends, and what cannot be trusted.
//!
//! Before anything is appended the last batch is written again, a torn tail is overwritten with
//! zeros, and both are synced. Damage anywhere else costs the groups that it may have touched, never
//! the others, and nothing is deleted.

mod replay;
mod scan;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anabranch_runtime::fs::{File, Fs};
use anabranch_types::GroupId;

use crate::config::Options;
use crate::cursor::Cursor;
use crate::entry::Quarantine;
use crate::error::OpenError;
use crate::group::Group;
use crate::layout::{BLOCK_BYTES, Place, SEGMENT_START};
use crate::recovery::replay::Replay;
use crate::recovery::scan::{ScanHabits, Scanned, SegmentImage};
use crate::segment_header::{FORMAT, FileName, HeaderFault, SegmentHeader};
use crate::staging::Staging;
use crate::state::{Segment, seal};

/// A log as it was found on disk.
pub(crate) struct Recovered {
    pub groups: BTreeMap<GroupId, Group>,
    pub unknown: Option<Quarantine>,
    pub segments: BTreeMap<u64, Segment>,
    pub spares: BTreeSet<u64>,
    pub cursor: Cursor,
    /// Number of the newest segment that was ever made.
    pub head: u64,
    pub head_file: Option<Arc<dyn File>>,
    pub next_batch: u64,
    pub durable: Place,
    /// The newest segment whose roster is proven by a batch behind it; 0 after damage.
    pub proven_segment: u64,
    pub salt: u64,
}

struct Found {
    file: Arc<dyn File>,
    bytes: u64,
    header: Option<SegmentHeader>,
}

/// The newest batch, with the zeros behind it: nothing on the disk proves that it was synced.
struct LastBatch {
    position: u64,
    bytes: Vec<u8>,
}

struct Recovery<'a> {
    fs: &'a dyn Fs,
    dir: &'a Path,
    options: &'a Options,
}

/// Reads the log in `dir`, which is made if it is not there.
pub(crate) fn recover(fs: &dyn Fs, dir: &Path, options: &Options) -> Result<Recovered, OpenError> {
    Recovery { fs, dir, options }.run()
}

impl Recovery<'_> {
    fn run(&self) -> Result<Recovered, OpenError> {
        self.make_dir()?;
        let (numbers, spares, set_aside) = self.list()?;
        let mut found = BTreeMap::new();
        for number in numbers {
            found.insert(number, self.open_segment(number)?);
        }
        let Some(last) = found.keys().next_back().copied() else {
            return Ok(self.fresh(spares, set_aside));
        };
        let salt = found.values().find_map(|found| found.header.map(|header| header.salt));
        let salt = salt.ok_or_else(|| OpenError::NoHeader { path: self.path(FileName::Segment(last)) })?;
        for found in found.values_mut() {
            // The header of another log says nothing about this one.
            found.header = found.header.filter(|header| header.salt == salt);
        }
        self.replay(found, spares, salt, set_aside.max(last))
    }

    fn io<T>(&self, action: &'static str, path: PathBuf, result: io::Result<T>) -> Result<T, OpenError> {
        result.map_err(|source| OpenError::Io { action, path, source })
    }

    fn path(&self, name: FileName) -> PathBuf {
        self.dir.join(name.to_string())
    }

    fn make_dir(&self) -> Result<(), OpenError> {
        self.io("create", self.dir.to_owned(), self.fs.create_dir_all(self.dir))?;
        if let Some(parent) = self.dir.parent() {
            self.io("sync", parent.to_owned(), self.fs.sync_dir(parent))?;
        }
        Ok(())
    }

    /// Segments, usable spares, and the highest number that was set aside. Leftovers of an
    /// unfinished preparation go.
    fn list(&self) -> Result<(BTreeSet<u64>, BTreeSet<u64>, u64), OpenError> {
        let (mut numbers, mut spares, mut set_aside) = (BTreeSet::new(), BTreeSet::new(), 0);
        for name in self.io("list", self.dir.to_owned(), self.fs.list(self.dir))? {
            match FileName::parse(&name) {
                Some(FileName::Segment(number)) => {
                    numbers.insert(number);
                }
                Some(name @ FileName::Spare(number)) => {
                    let path = self.path(name);
                    let file = self.io("open", path.clone(), self.fs.open(&path))?;
                    if self.io("measure", path.clone(), file.byte_len())? == self.options.segment_bytes {
                        spares.insert(number);
                    } else {
                        self.io("remove", path.clone(), self.fs.remove_file(&path))?;
                    }
                }
                Some(name @ FileName::Preparing) => {
                    let path = self.path(name);
                    self.io("remove", path.clone(), self.fs.remove_file(&path))?;
                }
                Some(FileName::Quarantined(number)) => set_aside = set_aside.max(number),
                None => {}
            }
        }
        self.io("sync", self.dir.to_owned(), self.fs.sync_dir(self.dir))?;
        Ok((numbers, spares, set_aside))
    }

    fn fresh(&self, spares: BTreeSet<u64>, head: u64) -> Recovered {
        Recovered {
            groups: BTreeMap::new(),
            unknown: None,
            segments: BTreeMap::new(),
            spares,
            cursor: Cursor::NO_SEGMENT,
            head,
            head_file: None,
            next_batch: 1,
            durable: Place { segment: 0, position: 0 },
            proven_segment: 0,
            salt: self.options.salt,
        }
    }

    fn open_segment(&self, number: u64) -> Result<Found, OpenError> {
        let path = self.path(FileName::Segment(number));
        let file = self.io("open", path.clone(), self.fs.open(&path))?;
        let bytes = self.io("measure", path.clone(), file.byte_len())?;
        let mut block = vec![0u8; bytes.min(BLOCK_BYTES) as usize];
        self.io("read", path.clone(), file.read_at(0, &mut block))?;
        let header = match SegmentHeader::decode(&block, number) {
            Ok(header) => Some(header),
            Err(HeaderFault::Unreadable) => None,
            Err(HeaderFault::NewerFormat(found)) => return Err(OpenError::NewerFormat { path, found, known: FORMAT }),
        };
        Ok(Found { file, bytes, header })
    }

    fn replay(
        &self,
        found: BTreeMap<u64, Found>,
        spares: BTreeSet<u64>,
        salt: u64,
        head: u64,
    ) -> Result<Recovered, OpenError> {
        let mut replay = Replay::default();
        let mut segments = BTreeMap::new();
        let mut expected = found.values().next().and_then(|first| first.header.map(|header| header.first_batch));
        let mut end = Place { segment: 0, position: SEGMENT_START };
        let (mut any_damage, mut last_batch) = (false, None);
        for (number, segment) in &found {
            if end.segment > 0 && *number != end.segment + 1 {
                any_damage = true;
                let place = Place { segment: end.segment + 1, position: 0 };
                replay.unattributed(place, "the segment is not there");
            }
            let next = found.get(&(number + 1));
            let end_ordinal = next.and_then(|next| next.header.map(|header| header.first_batch));
            let scanned;
            (scanned, last_batch) = self.scan(*number, segment, salt, end_ordinal, &mut expected, &mut replay)?;
            let damaged = scanned.damaged || segment.header.is_none();
            any_damage |= damaged;
            end = Place { segment: *number, position: scanned.end };
            let file = Some(Arc::clone(&segment.file));
            let (keep, rosterless) = (damaged, scanned.rosterless);
            segments.insert(*number, Segment { file, bytes: segment.bytes, live: 0, keep, rosterless });
            if scanned.stopped {
                break;
            }
        }
        let tail = &found[&end.segment];
        let segment_bytes = tail.header.map_or(tail.bytes, |header| header.segment_bytes);
        // A verdict on damage has to be durable and proven before anything goes.
        let proven_segment = match &last_batch {
            _ if any_damage => 0,
            Some(batch) if batch.position > SEGMENT_START => end.segment,
            Some(_) | None => end.segment.saturating_sub(1),
        };
        self.settle_tail(end, tail, segment_bytes, last_batch, any_damage)?;
        let verdict = replay.finish(end);
        for (number, segment) in &mut segments {
            segment.keep |= verdict.kept.contains(number);
        }
        for slot in verdict.groups.values().flat_map(Group::slots) {
            segments.get_mut(&slot.place.segment).expect("a slot was read from a segment").live += 1;
        }
        // After damage the next frame begins a segment, whose roster makes the verdict last.
        let segment_bytes = if any_damage { 0 } else { segment_bytes };
        Ok(Recovered {
            groups: verdict.groups,
            unknown: verdict.unknown,
            segments,
            spares,
            cursor: Cursor { segment_bytes, batch_start: end.position, batch_bytes: 0 },
            head: if self.habits().stops_at_damage { end.segment } else { head },
            head_file: Some(Arc::clone(&tail.file)),
            next_batch: expected.unwrap_or(1),
            durable: end,
            proven_segment,
            salt,
        })
    }

    fn scan(
        &self,
        number: u64,
        found: &Found,
        salt: u64,
        end_ordinal: Option<u64>,
        expected: &mut Option<u64>,
        replay: &mut Replay,
    ) -> Result<(Scanned, Option<LastBatch>), OpenError> {
        let mut bytes = vec![0u8; found.bytes as usize];
        self.io("read", self.path(FileName::Segment(number)), found.file.read_at(0, &mut bytes))?;
        let seal = seal(self.options, salt, number);
        let first_batch = found.header.map(|header| header.first_batch);
        let is_cut = found.header.is_some_and(|header| found.bytes < header.segment_bytes);
        let habits = self.habits();
        let image = SegmentImage { bytes: &bytes, is_cut, number, seal, first_batch, end_ordinal, habits };
        let scanned = image.scan(expected, replay);
        // A later segment was begun only when the batches of this one were synced.
        // One that was cut short stays so: its length proves the damage until the verdict is durable.
        let is_whole = !is_cut && scanned.end <= found.bytes;
        let last = scanned.last_batch.filter(|_| end_ordinal.is_none() && is_whole);
        let last = last.map(|at| LastBatch { position: at, bytes: bytes[at as usize..scanned.end as usize].to_vec() });
        Ok((scanned, last))
    }

    /// Makes the newest segment durable as it was read: what follows claims that it is.
    ///
    /// What was read may be in the page cache only, and even be clean there: after a failed sync the
    /// kernel forgets what it could not write, and a process that starts again on the same machine
    /// reads it, syncs nothing, and loses it at the next power cut. So the last batch is written
    /// again; all before it were synced before it was written. The bytes are the same, so a write
    /// that is torn here harms nothing. What lies behind is overwritten with zeros, unless damage was
    /// found: then nothing will be written there, and it may be all that proves the damage until the
    /// verdict is durable.
    fn settle_tail(
        &self,
        end: Place,
        tail: &Found,
        segment_bytes: u64,
        last_batch: Option<LastBatch>,
        any_damage: bool,
    ) -> Result<(), OpenError> {
        let path = self.path(FileName::Segment(end.segment));
        if let Some(LastBatch { position, bytes }) = last_batch.filter(|_| !self.trusts_what_is_read()) {
            self.io("write", path.clone(), Staging::new().write(&*tail.file, position, &bytes))?;
        }
        let mut position = end.position;
        let mut block = vec![0u8; BLOCK_BYTES as usize];
        let zeros = vec![0u8; BLOCK_BYTES as usize];
        while !any_damage && position + BLOCK_BYTES <= segment_bytes {
            self.io("read", path.clone(), tail.file.read_at(position, &mut block))?;
            if block != zeros {
                self.io("write", path.clone(), tail.file.write_at(position, &zeros))?;
            }
            position += BLOCK_BYTES;
        }
        self.io("sync", path, tail.file.sync_data())
    }

    /// Always false in earnest.
    fn trusts_what_is_read(&self) -> bool {
        #[cfg(feature = "planted-bugs")]
        return self.options.planted == Some(crate::planted::Bug::TrustWhatIsRead);
        #[cfg(not(feature = "planted-bugs"))]
        false
    }

    fn habits(&self) -> ScanHabits {
        #[cfg(feature = "planted-bugs")]
        return ScanHabits {
            stops_at_damage: self.options.planted == Some(crate::planted::Bug::StopAtCorruption),
            distrusts_torn_tail: self.options.planted == Some(crate::planted::Bug::DistrustTornTail),
            ignores_ordinals: self.options.planted == Some(crate::planted::Bug::AcceptRecycledFrames),
        };
        #[cfg(not(feature = "planted-bugs"))]
        ScanHabits::default()
    }
}
