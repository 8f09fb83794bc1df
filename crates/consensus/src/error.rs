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
    /// Certainly not appended: the log got full while the command waited for its turn.
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
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

/// Leadership was not handed over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransferError {
    /// Another replica leads, or none does.
    #[error("this replica does not lead; leader: {leader:?}")]
    NotLeader {
        /// Who leads, as far as known.
        leader: Option<ReplicaId>,
    },
    /// Only a voter can lead.
    #[error("replica {replica} has no vote")]
    NotVoter {
        /// Who was to lead.
        replica: ReplicaId,
    },
    /// It would keep proposals waiting while it catches up.
    #[error("replica {replica} lacks {lag_entries} entries")]
    Behind {
        /// Who was to lead.
        replica: ReplicaId,
        /// What it lacks; all of them when nothing is known of it.
        lag_entries: u64,
    },
    /// It was begun; somebody else leads now, or nobody yet.
    #[error("replica {replica} did not take over; leader: {leader:?}")]
    Failed {
        /// Who was to lead.
        replica: ReplicaId,
        /// Who leads, as far as known.
        leader: Option<ReplicaId>,
    },
}

/// The members were not changed, or it is unknown whether they were.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MembersError {
    /// Certainly not changed: another replica leads, or none does.
    #[error("this replica does not lead; leader: {leader:?}")]
    NotLeader {
        /// Who leads, as far as known.
        leader: Option<ReplicaId>,
    },
    /// Certainly not changed: a new voter has not caught up.
    #[error("replica {replica} lacks {lag_entries} entries")]
    Behind {
        /// Who was to vote.
        replica: ReplicaId,
        /// What it lacks; all of them when nothing is known of it.
        lag_entries: u64,
    },
    /// Certainly not changed: another change is under way, or no such replica was added.
    #[error("members stay as they are: {reason}")]
    Refused {
        /// Why.
        reason: String,
    },
    /// It may or may not happen yet; ask again.
    #[error("outcome unknown: {reason}")]
    Unknown {
        /// What happened.
        reason: String,
    },
}
