//! The one writer: everything that waits, one write, one sync, then the answers.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::disk::{Disk, DiskError, Prepared};
use crate::error::LogError;
use crate::shared::{Class, Shared};
use crate::state::{Batch, Completion};

/// How often a full disk is asked again while nothing else happens.
const FULL_RETRY: Duration = Duration::from_secs(1);

/// Drives a log that was opened without a thread: for simulations, where the caller decides when
/// the disk is touched. The writer thread does nothing else.
pub struct Driver {
    pub(crate) shared: Arc<Shared>,
}

/// What a step of the [`Driver`] came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// What waited is durable and answered.
    Wrote,
    /// Nothing waited.
    Idle,
    /// The log is poisoned.
    Stopped,
}

impl Driver {
    /// Writes everything that waits: one write and one sync for each segment it goes to (usually
    /// one) and for each [`crate::Options::batch_bytes_max`]; then recycles what is no longer needed.
    pub fn step(&mut self) -> Step {
        let mut disk = self.shared.disk.lock();
        let batches = {
            let mut state = self.shared.state.lock();
            if state.poisoned.is_some() {
                return Step::Stopped;
            }
            state.take_pending()
        };
        if batches.is_empty() {
            return Step::Idle;
        }
        let mut taken = Taken { shared: &self.shared, batches, answers: VecDeque::new() };
        while !taken.batches.is_empty() {
            if let Err(error) = self.write(&mut disk, &mut taken) {
                self.shared.poison(&error, taken.unanswered());
                return Step::Stopped;
            }
        }
        drop(taken);
        match self.housekeeping(&mut disk) {
            Ok(()) => Step::Wrote,
            Err(error) => {
                self.shared.poison(&error, Vec::new());
                Step::Stopped
            }
        }
    }

    /// What is done when nothing waited for a while: a witness that proves the last batch, and
    /// preparation of segments.
    pub fn idle(&mut self) -> Step {
        if self.shared.state.lock().witness_due {
            match self.shared.admit(Class::Control, &[0], |_| Ok(())) {
                Ok(mut state) => state.witness(),
                // What the last batch gave up is freed without: there is no room for the proof.
                Err(LogError::Full(_)) => self.shared.state.lock().release(),
                Err(_) => {}
            }
        }
        match self.step() {
            Step::Idle => {}
            step @ (Step::Wrote | Step::Stopped) => return step,
        }
        let mut disk = self.shared.disk.lock();
        match self.housekeeping(&mut disk) {
            Ok(()) => Step::Idle,
            Err(error) => {
                self.shared.poison(&error, Vec::new());
                Step::Stopped
            }
        }
    }

    /// Makes the first batch durable, then answers its requests, in order.
    fn write(&self, disk: &mut Disk, taken: &mut Taken<'_>) -> Result<(), DiskError> {
        let Some(batch) = taken.batches.front_mut() else { return Ok(()) };
        // One span for all groups' requests in it: they share the write and the sync.
        let bytes = batch.buffer.len();
        let span = tracing::info_span!("walog.sync", batch = batch.ordinal, frames = batch.frames, bytes).entered();
        let file = disk.write(batch)?;
        #[cfg(feature = "planted-bugs")]
        if self.shared.options.planted == Some(crate::planted::Bug::AckBeforeSync) {
            for done in batch.completions.iter_mut().filter_map(|completion| completion.done.take()) {
                done(Ok(()));
            }
        }
        disk.sync(batch, &*file)?;
        drop(span);
        if let Some(batch) = taken.batches.pop_front() {
            taken.answers = self.shared.finish(batch, file).into();
        }
        while let Some(answer) = taken.answers.pop_front() {
            if let Some(done) = answer.done {
                done(Ok(()));
            }
        }
        Ok(())
    }

    /// Recycles segments that nothing needs, gives back spares, goes on preparing the next one.
    fn housekeeping(&self, disk: &mut Disk) -> Result<(), DiskError> {
        while let Some((number, bytes, fate)) = { self.shared.state.lock().take_unneeded_segment() } {
            let spares = disk.spares();
            disk.retire(number, bytes, fate)?;
            let mut state = self.shared.state.lock();
            state.counters.segments_recycled += 1;
            if disk.spares() > spares {
                state.gained_spare();
            }
        }
        while self.shared.state.lock().take_surplus_spare() {
            disk.remove_spare()?;
        }
        if disk.spares() < self.shared.options.spares_wanted() {
            match self.shared.prepare_piece(disk, Class::Entries)? {
                Prepared::Ready | Prepared::Unfinished | Prepared::Full(_) => {}
            }
        }
        Ok(())
    }

    /// Runs until the log is closed or poisoned.
    pub(crate) fn run(mut self) {
        let _guard = PoisonOnPanic(Arc::clone(&self.shared));
        loop {
            let timed_out = {
                let mut state = self.shared.state.lock();
                if state.poisoned.is_some() {
                    return;
                }
                if !state.pending.is_empty() || state.closing && state.last_witness() {
                    false
                } else if state.closing {
                    state.closed = true;
                    return;
                } else if state.witness_due && (state.full.is_none() || state.witness_fits()) {
                    self.shared.work.wait_for(&mut state, self.shared.options.witness_after).timed_out()
                } else if state.full.is_some() {
                    self.shared.work.wait_for(&mut state, FULL_RETRY).timed_out()
                } else if state.spares_ready < self.shared.options.spares_wanted() || state.has_surplus_spare() {
                    true
                } else {
                    self.shared.work.wait(&mut state);
                    false
                }
            };
            let step = if timed_out { self.idle() } else { self.step() };
            if step == Step::Stopped {
                return;
            }
        }
    }
}

/// What was taken to be written and is not answered yet.
struct Taken<'a> {
    shared: &'a Shared,
    batches: VecDeque<Batch>,
    /// Of a batch that is durable.
    answers: VecDeque<Completion>,
}

impl Taken<'_> {
    fn unanswered(&mut self) -> Vec<Completion> {
        let batches = self.batches.drain(..).flat_map(|batch| batch.completions);
        self.answers.drain(..).chain(batches).collect()
    }
}

/// A callback that panics, or a broken invariant, must not leave the others waiting for ever.
impl Drop for Taken<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let unanswered = self.unanswered();
            self.shared.poison_after_panic(unanswered);
        }
    }
}

/// As [`Taken`], for a panic while nothing is taken.
struct PoisonOnPanic(Arc<Shared>);

impl Drop for PoisonOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.poison_after_panic(Vec::new());
        }
    }
}
