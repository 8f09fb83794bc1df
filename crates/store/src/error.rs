//! What can go wrong: while opening, and afterwards.

use std::path::PathBuf;

/// A store refused or failed an operation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The bucket does not exist: never created, or dropped.
    #[error("bucket {bucket} does not exist")]
    UnknownBucket {
        /// The bucket that was named.
        bucket: u32,
    },
    /// The disk has no space left.
    #[error("disk full during {operation}: {reason}")]
    DiskFull {
        /// What the store was doing.
        operation: &'static str,
        /// What the engine said.
        reason: String,
    },
    /// Data on disk is not what was written.
    #[error("damaged data found during {operation}: {reason}")]
    Damaged {
        /// What the store was doing.
        operation: &'static str,
        /// What the engine said.
        reason: String,
    },
    /// The engine or the disk failed in another way.
    #[error("{operation} failed: {reason}")]
    Engine {
        /// What the store was doing.
        operation: &'static str,
        /// What the engine said.
        reason: String,
    },
    /// An earlier write or flush failed; the store must be reopened and the log replayed.
    #[error("store refuses writes since an earlier failure: {first}")]
    Failed {
        /// The failure that came first.
        first: String,
    },
}

/// A directory does not open as a store. Nothing in it was deleted (DESIGN D8).
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Written by a newer build (DESIGN D15).
    #[error("store in {dir} has format version {found}, this build opens versions up to {supported}")]
    NewerFormat {
        /// The store's directory.
        dir: PathBuf,
        /// The version on disk.
        found: u32,
        /// The newest version this build opens.
        supported: u32,
    },
    /// There is data but no format version.
    #[error("store in {dir} holds data but no format version")]
    MissingVersion {
        /// The store's directory.
        dir: PathBuf,
    },
    /// There are table files but no list of which of them are live.
    #[error("{dir} holds table files but no CURRENT file that names the manifest")]
    MissingManifest {
        /// The store's directory.
        dir: PathBuf,
    },
    /// A family with data that the store's own records do not know.
    #[error("store in {dir} holds data in family {family}, which its records do not know")]
    StrayFamily {
        /// The store's directory.
        dir: PathBuf,
        /// The engine's name of the family.
        family: String,
    },
    /// A bucket on record whose family is gone.
    #[error("store in {dir} has lost family {family} of bucket {bucket}")]
    MissingFamily {
        /// The store's directory.
        dir: PathBuf,
        /// The bucket.
        bucket: u32,
        /// The engine's name of the family.
        family: String,
    },
    /// A record of the store's own, or a memory checkpoint, that does not parse.
    #[error("store in {dir} has a damaged record: {what}")]
    DamagedRecord {
        /// The store's directory.
        dir: PathBuf,
        /// What is wrong with which record.
        what: String,
    },
    /// The engine refused to open the directory.
    #[error("cannot open store in {dir}: {reason}")]
    Engine {
        /// The store's directory.
        dir: PathBuf,
        /// What the engine said.
        reason: String,
    },
    /// The engine refused what all stores of the node are to share.
    #[error("cannot set up what stores share: {reason}")]
    SharedResources {
        /// What the engine said.
        reason: String,
    },
    /// The directory cannot be read or written.
    #[error("cannot open store in {dir}")]
    Io {
        /// The store's directory.
        dir: PathBuf,
        /// What the file system said.
        #[source]
        source: std::io::Error,
    },
}
