//! The log's files: spare segments, the head segment, and what happens to old ones.
//!
//! Only one thread at a time is in here; it holds no other lock.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anabranch_runtime::fs::{File, Fs, is_full};

use crate::batch::BatchHeader;
use crate::config::Options;
use crate::layout::whole_blocks;
use crate::segment_header::{FileName, SegmentHeader};
use crate::staging::{STAGING_BYTES, Staging};
use crate::state::{Batch, seal};

/// How many zeros are written and synced at a time while a spare is prepared.
const PREPARE_BYTES: u64 = STAGING_BYTES as u64;

/// What went wrong with a file, in words.
#[derive(Debug)]
pub(crate) struct DiskError {
    pub action: &'static str,
    pub path: PathBuf,
    pub source: io::Error,
}

impl std::fmt::Display for DiskError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "cannot {} {}: {}", self.action, self.path.display(), self.source)
    }
}

/// What a spare that is begun must leave.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// The log takes at most so much with it.
    pub quota_bytes: u64,
    /// So much stays available on the disk.
    pub keep_free_bytes: u64,
}

/// What becomes of a segment that nothing needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// A spare, while one is wanted; else it is removed.
    Reuse,
    /// Removed: the log takes more than its quota.
    Remove,
    /// Its bytes are kept under another name.
    SetAside,
}

/// How far the preparation of a spare segment came.
#[derive(Debug)]
pub(crate) enum Prepared {
    /// There is one spare more.
    Ready,
    /// More zeros are to be written.
    Unfinished,
    /// The disk is full; nothing is left behind.
    Full(String),
}

struct Preparation {
    file: Arc<dyn File>,
    written: u64,
}

struct Head {
    number: u64,
    file: Arc<dyn File>,
}

pub(crate) struct Disk {
    fs: Arc<dyn Fs>,
    dir: PathBuf,
    options: Arc<Options>,
    salt: u64,
    spares: BTreeSet<u64>,
    next_spare: u64,
    preparation: Option<Preparation>,
    head: Option<Head>,
    /// Every batch up to this ordinal is synced.
    synced: u64,
    staging: Staging,
}

impl Disk {
    pub(crate) fn new(fs: Arc<dyn Fs>, dir: &Path, options: Arc<Options>, salt: u64, spares: BTreeSet<u64>) -> Self {
        let next_spare = spares.last().map_or(1, |last| last + 1);
        let (dir, staging) = (dir.to_owned(), Staging::new());
        Self { fs, dir, options, salt, spares, next_spare, preparation: None, head: None, synced: 0, staging }
    }

    /// Goes on where recovery found the end.
    pub(crate) fn resume(&mut self, number: u64, file: Option<Arc<dyn File>>, synced: u64) {
        self.head = file.map(|file| Head { number, file });
        self.synced = synced;
    }

    pub(crate) fn spares(&self) -> usize {
        self.spares.len()
    }

    fn path(&self, name: FileName) -> PathBuf {
        self.dir.join(name.to_string())
    }

    fn at<T>(&self, action: &'static str, name: FileName, result: io::Result<T>) -> Result<T, DiskError> {
        result.map_err(|source| DiskError { action, path: self.path(name), source })
    }

    fn sync_dir(&self) -> Result<(), DiskError> {
        let synced = self.fs.sync_dir(&self.dir);
        synced.map_err(|source| DiskError { action: "sync", path: self.dir.clone(), source })
    }

    /// Writes the batch and returns the file it is in; [`Disk::sync`] makes it durable.
    pub(crate) fn write(&mut self, batch: &mut Batch) -> Result<Arc<dyn File>, DiskError> {
        assert_eq!(self.synced + 1, batch.ordinal, "batches are synced in order, one at a time");
        let file = match &self.head {
            Some(head) if head.number == batch.place.segment => Arc::clone(&head.file),
            Some(_) | None => self.roll(batch.place.segment, batch.ordinal)?,
        };
        let (position, bytes) = (batch.place.position, batch.buffer.len() as u32);
        let header = BatchHeader { bytes, frames: batch.frames, ordinal: batch.ordinal, synced: self.synced };
        header.write_to(&mut batch.buffer, seal(&self.options, self.salt, batch.place.segment), position);
        batch.buffer.resize(whole_blocks(u64::from(bytes)) as usize, 0);
        let written = self.staging.write(&*file, position, &batch.buffer);
        self.at("write", FileName::Segment(batch.place.segment), written)?;
        Ok(file)
    }

    /// Makes the batch that was just written durable.
    pub(crate) fn sync(&mut self, batch: &Batch, file: &dyn File) -> Result<(), DiskError> {
        let synced = file.sync_data();
        #[cfg(feature = "planted-bugs")]
        let synced = match self.options.planted {
            Some(crate::planted::Bug::RetryFailedSync) => synced.or_else(|_| file.sync_data()),
            Some(_) | None => synced,
        };
        self.at("sync", FileName::Segment(batch.place.segment), synced)?;
        self.synced = batch.ordinal;
        Ok(())
    }

    /// Turns a spare into segment `number`, whose first batch will be `first_batch`.
    fn roll(&mut self, number: u64, first_batch: u64) -> Result<Arc<dyn File>, DiskError> {
        let spare = self.spares.pop_first().expect("a segment is begun only when a spare is ready");
        let (from, to) = (FileName::Spare(spare), FileName::Segment(number));
        let file = self.at("open", from, self.fs.open(&self.path(from)))?;
        let segment_bytes = self.options.segment_bytes;
        let header = SegmentHeader { number, salt: self.salt, segment_bytes, first_batch };
        self.at("write", from, file.write_at(0, &header.encode()))?;
        self.at("sync", from, file.sync_data())?;
        self.at("rename", from, self.fs.rename(&self.path(from), &self.path(to)))?;
        self.sync_dir()?;
        let file = self.at("open", to, self.fs.open(&self.path(to)))?;
        self.head = Some(Head { number, file: Arc::clone(&file) });
        Ok(file)
    }

    /// Takes an old segment out of the log.
    pub(crate) fn retire(&mut self, number: u64, bytes: u64, fate: Fate) -> Result<(), DiskError> {
        let from = FileName::Segment(number);
        let reusable = fate == Fate::Reuse && bytes == self.options.segment_bytes;
        if fate == Fate::SetAside {
            let to = self.path(FileName::Quarantined(number));
            self.at("rename", from, self.fs.rename(&self.path(from), &to))?;
        } else if reusable && self.wants_another_spare() {
            let spare = self.next_spare;
            self.next_spare += 1;
            let to = self.path(FileName::Spare(spare));
            self.at("rename", from, self.fs.rename(&self.path(from), &to))?;
            self.spares.insert(spare);
        } else {
            self.at("remove", from, self.fs.remove_file(&self.path(from)))?;
        }
        self.sync_dir()
    }

    /// Whether there is a use for another spare.
    fn wants_another_spare(&self) -> bool {
        let kept_bytes = (self.spares.len() as u64 + 1) * self.options.segment_bytes;
        self.spares.len() < self.options.spares_wanted() || kept_bytes <= self.options.spare_bytes_max
    }

    /// Gives the room of a spare back to the disk. The caller has taken it off the account.
    pub(crate) fn remove_spare(&mut self) -> Result<(), DiskError> {
        let spare = self.spares.pop_last().expect("a spare is removed only when one is left over");
        let name = FileName::Spare(spare);
        self.at("remove", name, self.fs.remove_file(&self.path(name)))?;
        self.sync_dir()
    }

    /// Goes on preparing a spare, a few mebibytes at a time. `used_bytes` is what the log takes now.
    pub(crate) fn prepare(&mut self, used_bytes: u64, bounds: Bounds) -> Result<Prepared, DiskError> {
        let (total, quota) = (self.options.segment_bytes, bounds.quota_bytes);
        if used_bytes + total > quota {
            return Ok(Prepared::Full(format!("{used_bytes} bytes of the quota of {quota} are in use")));
        }
        if let Some(reason) = self.shortage(total, bounds.keep_free_bytes) {
            return Ok(Prepared::Full(reason));
        }
        match self.prepare_piece(total) {
            Ok(prepared) => Ok(prepared),
            Err(error) if is_full(&error.source) => {
                self.preparation = None;
                let name = FileName::Preparing;
                self.at("remove", name, self.fs.remove_file(&self.path(name)))?;
                self.sync_dir()?;
                Ok(Prepared::Full(error.to_string()))
            }
            Err(error) => Err(error),
        }
    }

    /// Why a segment must not be begun. One that is under way has its room already.
    fn shortage(&self, total: u64, keep_free: u64) -> Option<String> {
        if keep_free == 0 || self.preparation.is_some() {
            return None;
        }
        let available = self.fs.available_bytes(&self.dir).ok()?;
        let short = available < total + keep_free;
        short.then(|| format!("{available} bytes of the disk are available, {total} and {keep_free} more are needed"))
    }

    fn prepare_piece(&mut self, total: u64) -> Result<Prepared, DiskError> {
        let name = FileName::Preparing;
        if self.preparation.is_none() {
            let file = self.at("create", name, self.fs.create(&self.path(name)))?;
            self.preparation = Some(Preparation { file: Arc::clone(&file), written: 0 });
            self.at("allocate", name, file.allocate(total))?;
        }
        let preparation = self.preparation.as_mut().expect("it was begun above");
        let piece = PREPARE_BYTES.min(total - preparation.written);
        let (file, at) = (Arc::clone(&preparation.file), preparation.written);
        preparation.written += piece;
        let unfinished = preparation.written < total;
        // Zeros are written, not only reserved: later syncs then change no file system metadata.
        let written = self.staging.write_zeros(&*file, at, piece);
        self.at("write", name, written)?;
        self.at("sync", name, file.sync_data())?;
        if unfinished {
            return Ok(Prepared::Unfinished);
        }
        let spare = self.next_spare;
        self.next_spare += 1;
        self.at("rename", name, self.fs.rename(&self.path(name), &self.path(FileName::Spare(spare))))?;
        self.sync_dir()?;
        self.preparation = None;
        self.spares.insert(spare);
        Ok(Prepared::Ready)
    }
}
