//! Why a directory cannot be used.

use anabranch_types::ClusterId;
use std::io;
use std::path::{Path, PathBuf};

/// A directory that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// Another process uses it.
    #[error("directory {path} is locked by {}", holder(*pid), path = path.display())]
    Locked {
        /// The directory.
        path: PathBuf,
        /// The process, where it could be read.
        pid: Option<u32>,
    },
    /// A newer program has written it (D15).
    #[error("{path} has format {found}, this program knows up to {known}: use a newer program", path = path.display())]
    NewerFormat {
        /// The identity file.
        path: PathBuf,
        /// The version in the file.
        found: u64,
        /// The newest version this program reads.
        known: u64,
    },
    /// The identity cannot be understood.
    #[error("{path} is damaged: {reason}; restore it from a backup, a new one would lose the directory's data", path = path.display())]
    Damaged {
        /// The identity file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// There are other files but no identity: a lost one, or not our directory.
    #[error("directory {path} holds {found:?} but no {missing}: give an empty directory or restore the file", path = path.display())]
    NoIdentity {
        /// The directory.
        path: PathBuf,
        /// The file that should be there.
        missing: &'static str,
        /// One of the files that are.
        found: String,
    },
    /// The disk refused.
    #[error("cannot {action} {path}", path = path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the disk said.
        #[source]
        source: io::Error,
    },
}

/// The directory belongs to another cluster than the one that was met (D14).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the directory belongs to cluster {directory}, not to cluster {met}")]
pub struct ClusterMismatch {
    /// The cluster of the directory.
    pub directory: ClusterId,
    /// The cluster that was met.
    pub met: ClusterId,
}

impl DataDirError {
    pub(super) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        DataDirError::Io { action, path: path.to_owned(), source }
    }
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".to_owned(), |pid| format!("pid {pid}"))
}
