//! How requests to the log, and opening it, fail.

use std::io;
use std::path::PathBuf;

use crate::entry::Quarantine;

/// Why a request was not, or not certainly, carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// A write or sync failed: the log is of no more use, the process must exit. Whether
    /// outstanding requests are on disk is unknown until the next open.
    #[error("the log is poisoned: {0}")]
    Poisoned(String),
    /// No room for another segment. Nothing was changed; the same request works after a purge or
    /// when the disk has room again.
    #[error("the log is full: {0}")]
    Full(String),
    /// The bytes on disk are not what was written. Nothing of them is served.
    #[error("{file} is damaged at byte {position}: {reason}")]
    Damaged {
        /// Name of the file in the log's directory.
        file: String,
        /// Where in the file, in bytes.
        position: u64,
        /// What is wrong there.
        reason: String,
    },
    /// The group was found damaged when the log was opened.
    #[error("{0}")]
    Quarantined(Box<Quarantine>),
    /// The entries were purged.
    #[error("index {index} is purged, the first one left is {first}")]
    Purged {
        /// The index that was asked for.
        index: u64,
        /// The first index that can be read.
        first: u64,
    },
    /// An entry, vote or request larger than the options allow.
    #[error("{bytes} bytes, at most {bytes_max} are allowed")]
    TooLarge {
        /// What was asked for.
        bytes: u64,
        /// What is allowed.
        bytes_max: u64,
    },
    /// The disk failed a read.
    #[error("cannot read {file} at byte {position}: {reason}")]
    Unreadable {
        /// Name of the file in the log's directory.
        file: String,
        /// Where in the file, in bytes.
        position: u64,
        /// What the disk said.
        reason: String,
    },
    /// The log was closed.
    #[error("the log is closed")]
    Closed,
}

/// Why a log could not be opened. Nothing that was durable in it is lost by the attempt.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The disk failed, or has no room for the first segments. A read that fails is never taken for the end of the log.
    #[error("cannot {action} {path}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the disk said.
        #[source]
        source: io::Error,
    },
    /// Written by a newer program (D15).
    #[error("{path} has log format {found}, this program knows up to {known}; run the newer program")]
    NewerFormat {
        /// The segment.
        path: PathBuf,
        /// Its format.
        found: u16,
        /// The newest format known here.
        known: u16,
    },
    /// Nothing can be verified: both copies of the only segment's header are damaged.
    #[error(
        "{path} has no readable header and no other segment vouches for it; its bytes are kept: restore the whole data directory from a backup"
    )]
    NoHeader {
        /// The segment.
        path: PathBuf,
    },
    /// The options contradict each other.
    #[error("invalid log options: {0}")]
    Options(&'static str),
}
