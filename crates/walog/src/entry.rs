//! What callers put into the log and get back.

use std::fmt;

use anabranch_types::GroupId;
use bytes::Bytes;

use crate::error::LogError;

/// Names one entry of one group. Ordered by term, then index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogId {
    /// The term of the leader that made the entry.
    pub term: u64,
    /// Place of the entry in its group's log; neighbours differ by one.
    pub index: u64,
}

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.term, self.index)
    }
}

/// One entry of one group. The log never looks into `kind` and `body`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name in the group.
    pub id: LogId,
    /// The caller's own tag.
    pub kind: u8,
    /// The caller's bytes, at most [`crate::Options::entry_bytes_max`] of them.
    pub body: Bytes,
}

/// Told how a request ended: `Ok` means that it is durable.
///
/// Called once, in the order in which the requests of a group were made, from the writer thread
/// (or, for a request that was refused at once, from the caller's). It must not block or call the log.
pub type Done = Box<dyn FnOnce(Result<(), LogError>) + Send>;

/// What the log knows of a group. `purged <= committed` and `committed <= last` are the
/// caller's business; `purged <= last` is kept here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupLogState {
    /// The newest entry that was purged, with everything before it.
    pub purged: Option<LogId>,
    /// The newest entry, or `purged` when no entry is left.
    pub last: Option<LogId>,
    /// The newest vote, as the caller encoded it.
    pub vote: Option<Bytes>,
    /// The newest commit mark that was saved. It may lag behind what was committed.
    pub committed: Option<LogId>,
}

/// A group whose frames were damaged on disk. Nothing of it is served any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantine {
    /// The group; `None` stands for every group that this log does not know, because the
    /// damaged place may have held the only trace of it.
    pub group: Option<GroupId>,
    /// Name of the damaged file in the log's directory.
    pub file: String,
    /// Where in the file, in bytes.
    pub position: u64,
    /// What is wrong there.
    pub reason: String,
}

impl fmt::Display for Quarantine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.group {
            Some(group) => write!(f, "group {group} is quarantined: ")?,
            None => write!(f, "groups unknown to this log are quarantined: ")?,
        }
        write!(
            f,
            "{} at byte {} of {}; the file is kept: a group with other replicas is re-added under a new \
             replica id, one without them needs the whole data directory from a backup",
            self.reason, self.position, self.file
        )
    }
}
