//! Mistakes on purpose: the simulation must find each of them (`cargo xtask sim`).
//!
//! One for the whole process, and only in builds with the feature `planted-bugs`, which tests alone have.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// One mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Bug {
    /// A replica says that entries are durable before they are.
    AcknowledgesBeforeDurable = 1,
    /// The log is purged by what was applied, flushed or not.
    PurgesBeforeFlush,
    /// What was answered to a request is not kept with the state.
    ForgetsRequests,
    /// The outcome of an entry depends on the process that applies it.
    AppliesByLocalCount,
    /// A leader answers reads without proof that it still leads.
    ReadsWithoutBarrier,
    /// A record of which nobody knows whether it is written is told as not written.
    TellsUnknownAsNotWritten,
    /// A hash key routes to the range that ends before it.
    RoutesOffByOne,
    /// A node that has lost its disk goes on under its old name.
    ReusesReplica,
    /// The row that a command of the catalog leaves depends on the process that applies it.
    CatalogByLocalCount,
    /// What was answered to a request is not in a snapshot.
    SnapshotForgetsRequests,
    /// A chunk of records is not in a snapshot.
    SnapshotLosesAChunk,
    /// Damage in the middle of the log is taken for its end.
    StopsAtDamage,
    /// The torn end of the log is taken for damage.
    DistrustsTornTail,
    /// A group's leader adds replicas by whatever view of the catalog it has.
    AddsByOldView,
}

impl Bug {
    /// All of them.
    pub const ALL: [Bug; 14] = [
        Bug::AcknowledgesBeforeDurable,
        Bug::PurgesBeforeFlush,
        Bug::ForgetsRequests,
        Bug::AppliesByLocalCount,
        Bug::ReadsWithoutBarrier,
        Bug::TellsUnknownAsNotWritten,
        Bug::RoutesOffByOne,
        Bug::ReusesReplica,
        Bug::CatalogByLocalCount,
        Bug::SnapshotForgetsRequests,
        Bug::SnapshotLosesAChunk,
        Bug::StopsAtDamage,
        Bug::DistrustsTornTail,
        Bug::AddsByOldView,
    ];
}

/// The planted one; 0 is none.
static PLANTED: AtomicU8 = AtomicU8::new(0);

/// Plants `bug`, and nothing else, from now on.
pub fn plant(bug: Bug) {
    PLANTED.store(bug as u8, Ordering::Relaxed);
}

/// Whether `bug` is planted.
pub fn is_planted(bug: Bug) -> bool {
    PLANTED.load(Ordering::Relaxed) == bug as u8
}

/// The index of an entry to be applied; when `bug` is planted, another one each time, whoever applies.
pub fn index_of(bug: Bug, index: u64) -> u64 {
    static APPLIED: AtomicU64 = AtomicU64::new(0);
    let own = if is_planted(bug) { APPLIED.fetch_add(1, Ordering::Relaxed) } else { 0 };
    index + own
}
