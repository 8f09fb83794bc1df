//! What stops a storage node, or keeps a group from opening.

use anabranch_consensus::{AppliedRowError, StartError};
use anabranch_store::{HomeError, StoreError};
use anabranch_types::GroupId;

/// A group's state on disk cannot be read. Its files stay as they are.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Its applied row is damaged or of a newer build.
    #[error(transparent)]
    Applied(#[from] AppliedRowError),
    /// Its rows are damaged, missing or of a newer build.
    #[error("state rows: {0}")]
    Rows(String),
    /// A snapshot of another replica cannot be opened or put in place.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The node is not set up to take snapshots of other replicas.
    #[error("this replica takes no snapshots")]
    NoHome,
}

/// A group could not be hosted.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// Its state cannot be read.
    #[error("group {group}: {source}")]
    Open {
        /// The group.
        group: GroupId,
        /// Why.
        source: OpenError,
    },
    /// Its replica could not be started.
    #[error(transparent)]
    Start(#[from] StartError),
    /// It could not be told its policy.
    #[error("group {group} could not be initialised: {reason}")]
    Init {
        /// The group.
        group: GroupId,
        /// Why.
        reason: String,
    },
}

/// A group's log or state failed while it ran.
#[derive(Debug, thiserror::Error)]
#[error("group {group} stopped: {reason}")]
pub(crate) struct GroupStopped {
    /// The group.
    pub group: GroupId,
    /// Why.
    pub reason: String,
}
