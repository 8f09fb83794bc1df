//! What a group's entries are applied to.

use crate::error::MachineError;
use anabranch_walog::LogId;
use bytes::Bytes;
use std::path::{Path, PathBuf};

/// A committed entry of the log.
#[derive(Debug, Clone)]
pub struct Committed {
    /// Where it stands. Indexes have no gaps.
    pub id: LogId,
    /// What it holds.
    pub payload: Payload,
}

/// What an entry holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    /// Nothing: a new leader's first entry.
    Blank,
    /// A command of the machine, as it was proposed.
    Command(Bytes),
    /// The group's members, opaque; the newest belongs to the state.
    Membership(Bytes),
}

/// Up to where the state stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AppliedState {
    /// The newest entry the state covers.
    pub last: Option<LogId>,
    /// The newest membership entry the state covers, and where it stood.
    pub membership: Option<(LogId, Bytes)>,
}

/// Makes a moment of the state durable; made by [`Machine::begin_flush`], run beside later applies.
pub type FlushJob = Box<dyn FnOnce() -> Result<AppliedState, MachineError> + Send>;

/// Makes a copy of the state; made by [`Machine::begin_checkpoint`], run beside later applies.
pub type CheckpointJob = Box<dyn FnOnce() -> Result<AppliedState, MachineError> + Send>;

/// Applied state: a pure function of the log (D5), stored so that it may lose what was applied
/// after the last flush but nothing else (D4).
///
/// All methods may block; the group calls them one at a time.
pub trait Machine: Send + 'static {
    /// Where the state stands that this machine shows now; after opening, where it was flushed.
    fn applied(&self) -> AppliedState;

    /// Applies `entries` in order, all of them as one step that readers see at once. Answers one
    /// outcome per entry; those of blank and membership entries are empty.
    ///
    /// # Errors
    /// [`MachineError`] stops the group; nothing after the failed step is applied.
    fn apply(&mut self, entries: Vec<Committed>) -> Result<Vec<Bytes>, MachineError>;

    /// The work that makes everything applied so far survive a crash. The job answers up to where
    /// the state is durable: at least up to here. The log may be purged up to its answer.
    fn begin_flush(&mut self) -> FlushJob;

    /// The work that copies the state into `dir`, for other replicas: files only, no directories,
    /// all of them durable. `dir` does not exist yet, its parent does. The job answers exactly what
    /// the copy covers: everything applied so far, and maybe some of what is applied meanwhile.
    /// What it leaves in `dir` when it fails is the caller's to remove.
    fn begin_checkpoint(&mut self, dir: PathBuf) -> CheckpointJob;

    /// Replaces the state by the copy in `dir`, which another replica's [`Machine::begin_checkpoint`]
    /// made and whose files are durable, though the name of `dir` need not be. The machine may move
    /// `dir`. Afterwards [`Machine::applied`] is what the copy covers, readers see nothing of the old
    /// state, and a restart finds the new one; a crash at any moment leaves one of the two whole.
    ///
    /// # Errors
    /// [`MachineError`] stops the group. The old state is then what a restart finds, unless the copy
    /// was in place already.
    fn install(&mut self, dir: &Path) -> Result<(), MachineError>;
}
