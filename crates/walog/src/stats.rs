//! What the log tells of itself.

use anabranch_types::GroupId;

/// Whether entries are accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Space {
    /// There is room, or it can be made.
    Writable,
    /// No further segment can be prepared: entries are, or will soon be, refused; purges, votes and
    /// commit marks go on in the reserve.
    Full {
        /// What is missing.
        reason: String,
    },
}

/// Counted since the log was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Batches that were synced; one fdatasync each.
    pub syncs: u64,
    /// Frames in them.
    pub frames: u64,
    /// Entries that were taken.
    pub entries: u64,
    /// Bytes written for batches, with padding.
    pub bytes_written: u64,
    /// Segments that were begun.
    pub segments_begun: u64,
    /// Segments whose file was put back among the spares, or removed.
    pub segments_recycled: u64,
    /// Entries read from disk instead of memory.
    pub disk_reads: u64,
}

/// A picture of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stats {
    /// Since the log was opened.
    pub counters: Counters,
    /// Segments that are part of the log.
    pub segments: usize,
    /// Prepared segments that wait for their use.
    pub spares: usize,
    /// Bytes on disk of segments and spares.
    pub disk_bytes: u64,
    /// Bytes that wait to become durable.
    pub queued_bytes: u64,
    /// Entry bodies in memory, in bytes.
    pub cached_bytes: u64,
    /// Whether entries are accepted.
    pub space: Space,
    /// Groups with entries in the oldest segment: these keep it from being recycled.
    pub pinning: Vec<GroupId>,
    /// Why the log is poisoned, if it is.
    pub poisoned: Option<String>,
}
