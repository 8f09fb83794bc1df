//! What stops the metadata service.

use anabranch_cluster::NodeError;
use anabranch_consensus::StartError;

/// The metadata service could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum MetadataError {
    /// Its group could not be started.
    #[error(transparent)]
    Start(#[from] StartError),
    /// A command could not be proposed, or its outcome is unknown.
    #[error("a catalog command failed: {0}")]
    Propose(#[from] NodeError),
    /// The catalog refused to be bootstrapped.
    #[error("bootstrap refused: {0}")]
    Bootstrap(String),
}

/// The metadata group's log or state failed while it ran.
#[derive(Debug, thiserror::Error)]
#[error("the metadata group stopped: {reason}")]
pub(crate) struct GroupStopped {
    /// Why.
    pub reason: String,
}
