//! Changes of who leads and who votes. Each is asked of the leader.
//!
//! A replica moves in three steps that its caller takes one by one, so that each can be seen and
//! repeated: it is added as a learner, it catches up (`GroupStatus::progress`), it votes.

use crate::error::{MembersError, TransferError};
use crate::group::Group;
use crate::machine::Machine;
use crate::raft_types::{Member, RaftTypes};
use crate::status::{GroupStatus, Progress, Role};
use anabranch_types::{NodeId, ReplicaId};
use openraft::ChangeMembers;
use openraft::errors::{ClientWriteError, RaftError};
use std::collections::BTreeSet;
use std::time::Duration;

/// A replica that lacks more entries than this is behind: a leader that hands over takes no
/// proposals until the next one has them all.
const LAG_ENTRIES_MAX: u64 = 1024;
/// A replica that has not answered its leader for so long may be gone: it answers at every heartbeat.
const ANSWERS_WITHIN: Duration = Duration::from_millis(500);

impl<M: Machine> Group<M> {
    /// Hands leadership to `to` and waits until it leads. From the first moment on no proposal is
    /// taken here; what was proposed before is kept and committed by whoever leads next.
    ///
    /// # Errors
    /// [`TransferError::NotLeader`], [`TransferError::Behind`] and [`TransferError::NotVoter`] with
    /// nothing done. [`TransferError::Failed`] when it was begun and `to` does not lead within
    /// `patience`: the others have let go of this leader and elect one, maybe this one again.
    pub async fn transfer_leader(&self, to: ReplicaId, patience: Duration) -> Result<(), TransferError> {
        let status = self.status();
        if status.role != Role::Leader {
            return Err(TransferError::NotLeader { leader: status.leader });
        }
        if to == self.replica_id() {
            return Ok(());
        }
        if !status.voters.contains(&to) {
            return Err(TransferError::NotVoter { replica: to });
        }
        if let Some(lag_entries) = lag_of(&status, to) {
            return Err(TransferError::Behind { replica: to, lag_entries });
        }
        let failed = |leader| TransferError::Failed { replica: to, leader };
        self.raft().trigger().transfer_leader(to.0).await.map_err(|_| failed(None))?;
        let (this, term) = (self.replica_id(), status.term);
        let next = self.wait_status(|now| now.term > term && now.leader.is_some());
        match tokio::time::timeout(patience, next).await {
            Ok(Ok(next)) if next.leader == Some(to) => Ok(()),
            Ok(Ok(next)) => Err(failed(next.leader)),
            Ok(Err(_)) => Err(failed(None)),
            Err(_) => Err(failed(self.status().leader.filter(|leader| *leader != this))),
        }
    }

    /// Before this replica stops: hands leadership, if it has it, to the voter that has most of the
    /// log, of those that answer if any does. Returns when somebody else leads or nobody else can, at the latest after `patience`.
    pub async fn hand_over(&self, patience: Duration) {
        let status = self.status();
        if status.role != Role::Leader {
            return;
        }
        let voters = status.progress.iter().filter(|other| status.voters.contains(&other.replica));
        let is_silent = |other: &Progress| other.heard_ago.is_none_or(|ago| ago > ANSWERS_WITHIN);
        let Some(next) = voters.min_by_key(|other| (is_silent(other), other.lag_entries)) else { return };
        match self.transfer_leader(next.replica, patience).await {
            Ok(()) => tracing::info!(group = %self.id(), to = %next.replica, "leadership handed over"),
            Err(error) => tracing::warn!(group = %self.id(), %error, "leadership not handed over"),
        }
    }

    /// Adds a replica without a vote, on `node`. Returns when the others know of it; it catches up
    /// afterwards. Repeating it does no harm.
    ///
    /// # Errors
    /// [`MembersError`].
    pub async fn add_learner(&self, replica: ReplicaId, node: NodeId) -> Result<(), MembersError> {
        let added = self.raft().add_learner(replica.0, Member { node }, false).await;
        added.map(drop).map_err(members_error)
    }

    /// Drops a replica that has no vote. One that the group does not know is dropped already.
    ///
    /// # Errors
    /// [`MembersError`]; [`MembersError::Refused`] for a voter.
    pub async fn remove_learner(&self, replica: ReplicaId) -> Result<(), MembersError> {
        let gone = ChangeMembers::RemoveNodes(BTreeSet::from([replica.0]));
        self.raft().change_membership(gone, false).await.map(drop).map_err(members_error)
    }

    /// Makes exactly `voters` vote, through a joint membership, and drops every other voter. Replicas
    /// without a vote stay.
    /// When it was cut short the joint membership stands; asking for the same again completes it.
    ///
    /// # Errors
    /// [`MembersError::Behind`] when one of them has not caught up: it would slow down or stop
    /// what needs it for a majority. Else as [`MembersError`] says.
    pub async fn change_voters(&self, voters: &[ReplicaId]) -> Result<(), MembersError> {
        let status = self.status();
        if status.role != Role::Leader {
            return Err(MembersError::NotLeader { leader: status.leader });
        }
        for replica in voters.iter().filter(|replica| !status.voters.contains(replica)) {
            if let Some(lag_entries) = lag_of(&status, *replica) {
                return Err(MembersError::Behind { replica: *replica, lag_entries });
            }
        }
        let voters: BTreeSet<u64> = voters.iter().map(|replica| replica.0).collect();
        self.raft().change_membership(voters, false).await.map(drop).map_err(members_error)
    }
}

/// How many entries `replica` lacks, when that is too many.
fn lag_of(status: &GroupStatus, replica: ReplicaId) -> Option<u64> {
    let progress = status.progress.iter().find(|progress| progress.replica == replica);
    let lag_entries = progress.map_or(u64::MAX, |progress| progress.lag_entries);
    (lag_entries > LAG_ENTRIES_MAX || progress.is_none_or(|progress| progress.matched_index.is_none()))
        .then_some(lag_entries)
}

fn members_error(error: RaftError<RaftTypes, ClientWriteError<RaftTypes>>) -> MembersError {
    match error {
        RaftError::APIError(ClientWriteError::ForwardToLeader(forward)) => {
            MembersError::NotLeader { leader: forward.leader_id.map(ReplicaId) }
        }
        RaftError::APIError(ClientWriteError::ChangeMembershipError(refusal)) => {
            MembersError::Refused { reason: refusal.to_string() }
        }
        RaftError::APIError(ClientWriteError::PreconditionFailed(refusal)) => {
            MembersError::Refused { reason: refusal.to_string() }
        }
        RaftError::APIError(discarded @ ClientWriteError::LogEntryDiscarded(_)) => {
            MembersError::Unknown { reason: discarded.to_string() }
        }
        RaftError::Fatal(fatal) => MembersError::Unknown { reason: fatal.to_string() },
    }
}
