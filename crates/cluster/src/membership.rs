//! Carries out, at a group's leader, what the catalog says about the group's replicas.
//!
//! The catalog says which replicas come and go ([`ReplicaState`]); the leader adds, promotes and
//! removes them one step at a time and reports what is done. Each step may be repeated by any later
//! leader. States only move forward and ids never return, so that a leader whose view is old removes
//! nothing that is to stay; before it adds a replica or changes who votes, it asks for the newest view,
//! so that nothing comes back that another leader took out and whose data is being deleted.
//!
//! Not here: starting and deleting replicas (their nodes do), choosing nodes (the catalog's
//! planner does).

use crate::error::NodeError;
use crate::metadata_node::{MetadataNode, propose};
use crate::view::ViewWatch;
use anabranch_catalog::{Group as GroupRow, ReplicaJoined, ReplicaLeft, ReplicaState};
use anabranch_consensus::{Group, GroupStatus, Machine, MembersError, Role, TransferError};
use anabranch_runtime::Env;
use anabranch_types::{GroupId, MapVersion, NodeId, ReplicaId};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// How often progress is looked at while a replica catches up, and a failed step is tried again.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// A replica that lacks no more than this votes: what it lacks comes in a moment.
const CAUGHT_UP_ENTRIES: u64 = 256;
/// How long a handover may take.
const HANDOVER_PATIENCE: Duration = Duration::from_secs(2);

/// The next thing to do for a group.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    /// The group does not know the replica yet.
    AddLearner(ReplicaId, NodeId),
    /// These are to vote.
    ChangeVoters(Vec<ReplicaId>),
    /// The leader itself is to leave: this one takes over.
    HandOver(ReplicaId),
    /// A replica without a vote is to leave.
    RemoveLearner(ReplicaId),
    /// The replica votes: tell the catalog.
    ReportJoined(ReplicaId),
    /// The replica is out: tell the catalog.
    ReportLeft(ReplicaId),
}

impl Step {
    /// Whether a replica may get something by it that it does not have.
    fn may_add(&self) -> bool {
        match self {
            Step::AddLearner(..) | Step::ChangeVoters(_) => true,
            Step::HandOver(_) | Step::RemoveLearner(_) | Step::ReportJoined(_) | Step::ReportLeft(_) => false,
        }
    }
}

/// A step was not taken; it is tried again.
#[derive(Debug, thiserror::Error)]
enum StepFailed {
    #[error(transparent)]
    Members(#[from] MembersError),
    #[error(transparent)]
    Transfer(#[from] TransferError),
    #[error("the catalog was not told: {0}")]
    Report(#[from] NodeError),
    #[error("the catalog refuses the report: {0}")]
    Refused(String),
}

/// Does it for one replica, whenever it leads, until `env` stops.
pub async fn keep_members<M: Machine>(group: Group<M>, view: ViewWatch, metadata: Arc<dyn MetadataNode>, env: Env) {
    let stopping = env.tasks.stopping();
    let mut changes = view.changes();
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            () = env.sleep(LOOK_EVERY) => {}
            Ok(()) = changes.changed() => {}
        }
        loop {
            let step = tokio::select! {
                () = stopping.cancelled() => return,
                step = step_now(|| group.status(), &view, || metadata.version()) => step,
            };
            let step = match step {
                Ok(Some(step)) => step,
                Ok(None) => break,
                Err(error) => {
                    tracing::info!(group = %group.id(), %error, "the catalog is asked again before a membership step");
                    break;
                }
            };
            let taken = tokio::select! {
                () = stopping.cancelled() => return,
                taken = take(&group, &step, &*metadata) => taken,
            };
            match taken {
                Ok(()) => tracing::info!(group = %group.id(), ?step, "membership step taken"),
                Err(error) => {
                    tracing::info!(group = %group.id(), ?step, %error, "membership step is tried again");
                    break;
                }
            }
            if let Step::ReportJoined(replica) | Step::ReportLeft(replica) = step {
                tokio::select! {
                    () = stopping.cancelled() => return,
                    () = env.sleep(LOOK_EVERY) => {}
                    _ = view.wait(|view| is_told(view.map.group(group.id()), replica)) => {}
                }
            }
        }
    }
}

/// What comes next, by the newest view there is for a step that adds: what was taken out before this
/// replica led is not in it. What is taken out later, by whoever leads then, is not added by this one.
async fn step_now(
    status: impl Fn() -> GroupStatus,
    view: &ViewWatch,
    newest_version: impl AsyncFnOnce() -> Result<MapVersion, NodeError>,
) -> Result<Option<Step>, NodeError> {
    let next = || {
        let status = status();
        view.load().map.group(status.group).and_then(|row| next_step(row, &status))
    };
    let (term, step) = (status().term, next());
    if !step.as_ref().is_some_and(Step::may_add) {
        return Ok(step);
    }
    #[cfg(feature = "planted-bugs")]
    if anabranch_runtime::planted::is_planted(anabranch_runtime::planted::Bug::AddsByOldView) {
        return Ok(step);
    }
    let version = newest_version().await?;
    let is_newest = view.load().map.version() >= version;
    let step = next();
    Ok(step.filter(|_| is_newest && status().term == term))
}

/// Whether the catalog has taken the report about `replica`.
fn is_told(row: Option<&GroupRow>, replica: ReplicaId) -> bool {
    row.and_then(|row| row.replica(replica)).is_none_or(|replica| !replica.state.is_changing())
}

async fn take<M: Machine>(group: &Group<M>, step: &Step, metadata: &dyn MetadataNode) -> Result<(), StepFailed> {
    let id: GroupId = group.id();
    match step {
        Step::AddLearner(replica, node) => group.add_learner(*replica, *node).await?,
        Step::ChangeVoters(voters) => group.change_voters(voters).await?,
        Step::HandOver(to) => group.transfer_leader(*to, HANDOVER_PATIENCE).await?,
        Step::RemoveLearner(replica) => group.remove_learner(*replica).await?,
        Step::ReportJoined(replica) => {
            let told = propose(metadata, &ReplicaJoined { group: id, replica: *replica }).await?;
            told.map_err(|refused| StepFailed::Refused(refused.to_string()))?;
        }
        Step::ReportLeft(replica) => {
            let told = propose(metadata, &ReplicaLeft { group: id, replica: *replica }).await?;
            told.map_err(|refused| StepFailed::Refused(refused.to_string()))?;
        }
    }
    Ok(())
}

/// What the leader does next so that the group becomes what the catalog says; nothing when it is, or
/// while a replica catches up, or on a replica that does not lead.
fn next_step(row: &GroupRow, status: &GroupStatus) -> Option<Step> {
    if status.role != Role::Leader {
        return None;
    }
    let is_known = |id: ReplicaId| status.members.iter().any(|(known, _)| *known == id);
    let voters: BTreeSet<ReplicaId> = status.voters.iter().copied().collect();
    let unknown = row.replicas.iter().find(|replica| is_staying(replica.state) && !is_known(replica.id));
    if let Some(replica) = unknown {
        return Some(Step::AddLearner(replica.id, replica.node));
    }

    let mut wanted = voters.clone();
    for replica in &row.replicas {
        match replica.state {
            ReplicaState::Joining | ReplicaState::Member if has_caught_up(status, replica.id) => {
                wanted.insert(replica.id);
            }
            ReplicaState::Leaving | ReplicaState::Retired => {
                wanted.remove(&replica.id);
            }
            ReplicaState::Joining | ReplicaState::Member | ReplicaState::Observer => {}
        }
    }
    if wanted.is_empty() {
        return None;
    }
    if !wanted.contains(&status.replica) {
        let lag = |id: &ReplicaId| status.progress.iter().find(|other| other.replica == *id).map(|it| it.lag_entries);
        let next = wanted.iter().filter(|id| voters.contains(id)).min_by_key(|id| lag(id).unwrap_or(u64::MAX));
        return next.map(|id| Step::HandOver(*id));
    }
    if wanted != voters || status.is_joint {
        return Some(Step::ChangeVoters(wanted.into_iter().collect()));
    }
    if !status.is_committed {
        // What is reported must stay: upon it data is deleted.
        return None;
    }
    row.replicas.iter().find_map(|replica| match replica.state {
        ReplicaState::Joining if voters.contains(&replica.id) => Some(Step::ReportJoined(replica.id)),
        // One that is retired may have been added once more by a leader whose view was old.
        ReplicaState::Leaving | ReplicaState::Retired if is_known(replica.id) => Some(Step::RemoveLearner(replica.id)),
        ReplicaState::Leaving => Some(Step::ReportLeft(replica.id)),
        ReplicaState::Joining | ReplicaState::Member | ReplicaState::Observer | ReplicaState::Retired => None,
    })
}

fn is_staying(state: ReplicaState) -> bool {
    match state {
        ReplicaState::Observer | ReplicaState::Joining | ReplicaState::Member => true,
        ReplicaState::Leaving | ReplicaState::Retired => false,
    }
}

/// The leader itself has everything.
fn has_caught_up(status: &GroupStatus, id: ReplicaId) -> bool {
    let progress = status.progress.iter().find(|other| other.replica == id);
    id == status.replica
        || progress.is_some_and(|other| other.matched_index.is_some() && other.lag_entries <= CAUGHT_UP_ENTRIES)
}

#[cfg(test)]
mod tests;
