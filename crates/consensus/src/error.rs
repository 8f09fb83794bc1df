//! What can fail, one enum per operation.

use anabranch_types::{GroupId, ReplicaId};

/// The machine could not store or read its state. The group stops; what was acknowledged stands
/// in the log and is applied again after a restart.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct MachineError(pub String);

/// A group could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Timeouts or sizes do not fit together.
    #[error("group options do not fit together: {0}")]
    Options(String),
    /// Its log or state could not be read.
    #[error("group {group} could not be started: {reason}")]
    Unreadable {
        /// Which group.
        group: GroupId,
        /// What openraft or the machine said.
        reason: String,
    },
    /// It could not be given its first members.
    #[error("group {group} could not be bootstrapped: {reason}")]
    Bootstrap {
        /// Which group.
        group: GroupId,
        /// What openraft said.
        reason: String,
    },
}

/// A proposal was not applied, or it is unknown whether it was.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ProposeError {
    /// Certainly not appended: another replica leads, or none does.
    #[error("this replica does not lead; leader: {leader:?}")]
    NotLeader {
        /// Who leads, as far as known.
        leader: Option<ReplicaId>,
    },
    /// It may or may not be applied later: ask again with the same request id (I12).
    #[error("outcome unknown: {reason}")]
    Unknown {
        /// What happened.
        reason: String,
    },
}

/// The log takes no new commands now: its disk or its quota is full.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{reason}")]
pub struct NoRoom {
    /// What is missing.
    pub reason: String,
}

/// A read could not be proved to be recent.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BarrierError {
    /// Another replica leads, or none does.
    #[error("this replica does not lead; leader: {leader:?}")]
    NotLeader {
        /// Who leads, as far as known.
        leader: Option<ReplicaId>,
    },
    /// The group stopped or no majority answered.
    #[error("read barrier failed: {reason}")]
    Unavailable {
        /// What happened.
        reason: String,
    },
}
