//! What all handles of a log and its writer share. Lock order: `disk`, then `state`.

use std::path::PathBuf;
use std::sync::Arc;

use anabranch_runtime::fs::File;
use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::config::Options;
use crate::disk::{Bounds, Disk, DiskError, Prepared};
use crate::error::LogError;
use crate::frame::frame_bytes;
use crate::layout::{Place, SEGMENT_START};
use crate::state::{Batch, Completion, State};

/// Buffers of written batches that are kept: one is filled while the other is written.
const BUFFERS_KEPT: usize = 2;

pub(crate) struct Shared {
    pub state: Mutex<State>,
    pub disk: Mutex<Disk>,
    /// Something waits to be written, or the log is closing.
    pub work: Condvar,
    /// Something was written: there is room in the queue.
    pub room: Condvar,
    /// A thread drains the queue, so appends may wait for it.
    pub threaded: bool,
    pub options: Arc<Options>,
    pub dir: PathBuf,
}

/// Who may enter the reserved segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// Entries: they stop when only the reserve is left.
    Entries,
    /// Entries that were let in before: they wait for room in the queue and may use the reserve,
    /// but for its last segment, so that what frees space can always be noted.
    Reserved,
    /// Votes, truncations, purges, removals, and witnesses, without which a purge frees nothing. When
    /// the reserve is used up they go beyond the quota and into the room that is kept free on the
    /// disk: they alone can bring the log back below. They never wait for the queue.
    Control,
}

impl Class {
    /// Spares that stay for the classes below.
    fn reserve(self, options: &Options) -> usize {
        match self {
            Self::Entries => options.reserved_segments as usize,
            Self::Reserved => options.reserved_segments.saturating_sub(1) as usize,
            Self::Control => 0,
        }
    }

    /// What bounds the segments that are begun for the class, beside the size of the disk.
    fn bounds(self, options: &Options) -> Bounds {
        let Options { quota_bytes, keep_free_bytes, .. } = *options;
        match self {
            Self::Entries | Self::Reserved => Bounds { quota_bytes, keep_free_bytes },
            Self::Control => Bounds { quota_bytes: u64::MAX, keep_free_bytes: 0 },
        }
    }

    fn waits_for_queue(self) -> bool {
        match self {
            Self::Entries | Self::Reserved => true,
            Self::Control => false,
        }
    }
}

impl Shared {
    /// The state, once there is room for frames with such bodies; `prepare` makes the group known.
    ///
    /// # Errors
    /// `Full` when no segment can be prepared; `Poisoned` and `Closed`; what `prepare` says.
    pub(crate) fn admit(
        &self,
        class: Class,
        body_bytes: &[u64],
        prepare: impl Fn(&mut State) -> Result<(), LogError>,
    ) -> Result<MutexGuard<'_, State>, LogError> {
        loop {
            let mut state = self.state.lock();
            state.usable()?;
            if class.waits_for_queue() && self.threaded {
                while state.queued_bytes > self.options.queue_bytes_max {
                    self.room.wait(&mut state);
                    state.usable()?;
                }
            }
            prepare(&mut state)?;
            let rolls = state.rolls_for(body_bytes.iter().copied());
            if state.has_room(class, rolls) {
                return Ok(state);
            }
            drop(state);
            let mut disk = self.disk.lock();
            if let Prepared::Full(reason) = self.prepare_one(&mut disk, class)? {
                return Err(LogError::Full(reason));
            }
        }
    }

    /// Whether [`Shared::admit`] would block now. No promise: others are let in meanwhile.
    pub(crate) fn would_wait(&self, class: Class, body_bytes: impl Iterator<Item = u64>) -> bool {
        let state = self.state.lock();
        if state.usable().is_err() {
            return false;
        }
        let queued = self.threaded && class.waits_for_queue() && state.queued_bytes > self.options.queue_bytes_max;
        queued || !state.has_room(class, state.rolls_for(body_bytes))
    }

    /// Prepares one whole spare segment, as far as the disk has room.
    fn prepare_one(&self, disk: &mut Disk, class: Class) -> Result<Prepared, LogError> {
        loop {
            match self.prepare_piece(disk, class) {
                Ok(Prepared::Unfinished) => {}
                Ok(prepared) => return Ok(prepared),
                Err(error) => return Err(self.poison(&error, Vec::new())),
            }
        }
    }

    /// Goes on with the preparation of a spare for `class` and notes the outcome.
    pub(crate) fn prepare_piece(&self, disk: &mut Disk, class: Class) -> Result<Prepared, DiskError> {
        let used_bytes = self.state.lock().disk_bytes();
        let prepared = disk.prepare(used_bytes, class.bounds(&self.options))?;
        let mut state = self.state.lock();
        match &prepared {
            Prepared::Ready => state.gained_spare(),
            Prepared::Unfinished => {}
            Prepared::Full(reason) => state.full = Some(reason.clone()),
        }
        Ok(prepared)
    }

    /// Notes that the batch is durable; its requests are to be answered, in order.
    pub(crate) fn finish(&self, batch: Batch, file: Arc<dyn File>) -> Vec<Completion> {
        let completions = self.state.lock().finish(batch, file);
        self.room.notify_all();
        completions
    }

    /// As [`Shared::poison`], when the writer panicked.
    pub(crate) fn poison_after_panic(&self, unanswered: Vec<Completion>) {
        let source = std::io::Error::other("the writer panicked");
        self.poison(&DiskError { action: "write", path: self.dir.clone(), source }, unanswered);
    }

    /// Ends the log's life: every request that waits, and every later one, fails.
    pub(crate) fn poison(&self, error: &DiskError, unanswered: Vec<Completion>) -> LogError {
        let reason = error.to_string();
        let (first, waiting) = {
            let mut state = self.state.lock();
            let first = state.poisoned.is_none();
            let reason = state.poisoned.get_or_insert(reason).clone();
            let waiting = std::mem::take(&mut state.pending);
            state.queued_bytes = 0;
            (first.then_some(reason), waiting)
        };
        self.room.notify_all();
        self.work.notify_all();
        let failed = LogError::Poisoned(error.to_string());
        let completions = unanswered.into_iter().chain(waiting.into_iter().flat_map(|batch| batch.completions));
        for done in completions.filter_map(|completion| completion.done) {
            done(Err(failed.clone()));
        }
        if let (Some(reason), Some(hook)) = (first, &self.options.on_poison) {
            hook.call(&reason);
        }
        failed
    }

    /// Refuses what no empty segment could take.
    pub(crate) fn check_size(&self, body_bytes: &[u64]) -> Result<(), LogError> {
        let bytes_max = self.options.entry_bytes_max;
        match body_bytes.iter().find(|bytes| frame_bytes(**bytes) > frame_bytes(bytes_max)) {
            Some(bytes) => Err(LogError::TooLarge { bytes: *bytes, bytes_max }),
            None => Ok(()),
        }
    }
}

impl State {
    /// Whether the log still takes requests.
    pub(crate) fn usable(&self) -> Result<(), LogError> {
        match (&self.poisoned, self.closed || self.closing) {
            (Some(reason), _) => Err(LogError::Poisoned(reason.clone())),
            (None, true) => Err(LogError::Closed),
            (None, false) => Ok(()),
        }
    }

    /// Whether frames that need `rolls` new segments may be placed now.
    fn has_room(&self, class: Class, rolls: usize) -> bool {
        if self.spares_ready >= rolls + class.reserve(&self.options) {
            return true;
        }
        match class {
            Class::Entries => false,
            // Else they would fill the segments that purges begin on a full disk.
            Class::Reserved => rolls == 0 && self.full.is_none(),
            Class::Control => rolls == 0,
        }
    }

    /// Bytes of the segments that are still needed.
    pub(crate) fn kept_bytes(&self) -> u64 {
        self.segments.values().map(|segment| segment.bytes).sum()
    }

    pub(crate) fn gained_spare(&mut self) {
        self.spares_ready += 1;
        if self.spares_ready > self.options.reserved_segments as usize {
            self.full = None;
        }
    }

    fn finish(&mut self, batch: Batch, file: Arc<dyn File>) -> Vec<Completion> {
        let Batch { place, mut buffer, frames, completions, .. } = batch;
        self.counters.syncs += 1;
        self.counters.frames += u64::from(frames);
        self.counters.bytes_written += buffer.len() as u64;
        self.durable = Place { position: place.position + buffer.len() as u64, ..place };
        if place.position > SEGMENT_START {
            self.proven_segment = place.segment;
        }
        let segment = self.segments.get_mut(&place.segment).expect("a segment stays while batches are written to it");
        if segment.file.is_none() {
            segment.file = Some(file);
            self.counters.segments_begun += 1;
        }
        self.release();
        for (number, count) in completions.iter().flat_map(|completion| &completion.released) {
            *self.released_unproven.entry(*number).or_default() += count;
        }
        self.written(&mut buffer);
        completions
    }

    /// Entries that the last durable batch gave up no longer count.
    pub(crate) fn release(&mut self) {
        for (number, count) in std::mem::take(&mut self.released_unproven) {
            let segment = self.segments.get_mut(&number).expect("a segment with live entries stays");
            assert!(segment.live >= count, "segment {number} has {} live entries, {count} released", segment.live);
            segment.live -= count;
        }
    }

    fn written(&mut self, buffer: &mut Vec<u8>) {
        let waiting: usize = self.pending.iter().map(|batch| batch.buffer.len()).sum();
        self.queued_bytes = waiting as u64;
        if self.buffers.len() < BUFFERS_KEPT && buffer.capacity() as u64 <= 2 * self.options.batch_bytes_max {
            self.buffers.push(std::mem::take(buffer));
        }
        self.evict();
    }
}
