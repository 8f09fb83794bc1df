//! `anabranch group`: lists replication groups, and moves a replica.

use super::client::{CallError, Client};
use super::waiting::{Progress, tell, wait};
use crate::cli::{AskArgs, GroupCommand, MoveArgs, Output};
use crate::pages::admin::{Comparisons, GROUP_LIST, GROUP_MOVE, GROUP_VERIFY, GroupList, MoveReplica, Nothing};
use crate::status::{GroupStatus, ReplicaState, comparisons_to_text, groups_to_text};
use anabranch_runtime::Env;
use serde::Serialize;

/// What was done.
#[derive(Debug, Serialize)]
struct Done {
    #[serde(flatten)]
    replica: MoveReplica,
    /// Whether nothing is left to do; without `--wait` that was not looked at.
    finished: bool,
}

/// Does `command`; what is to be printed.
///
/// # Errors
/// [`CallError`].
pub fn group(command: &GroupCommand) -> anyhow::Result<String> {
    Ok(match command {
        GroupCommand::Ls(ask) => list(ask)?,
        GroupCommand::Verify(ask) => verify(ask)?,
        GroupCommand::Move(args) => move_replica(args)?,
    })
}

fn list(ask: &AskArgs) -> Result<String, CallError> {
    let groups: GroupList = Client::new(&ask.endpoint, &Env::system())?.call(GROUP_LIST, &Nothing {})?;
    Ok(match ask.output {
        Output::Text => groups_to_text(&groups.groups),
        Output::Json => super::json(&groups),
    })
}

/// Replicas that have applied the same are the same (I9).
#[derive(Debug, thiserror::Error)]
#[error("replicas of group {0} differ: stop writing to it and keep the directories of its nodes")]
struct Differ(u32);

fn verify(ask: &AskArgs) -> anyhow::Result<String> {
    let Comparisons { groups } = Client::new(&ask.endpoint, &Env::system())?.call(GROUP_VERIFY, &Nothing {})?;
    if let Some(differing) = groups.iter().find(|group| group.agree == Some(false)) {
        anyhow::bail!(Differ(differing.group));
    }
    Ok(match ask.output {
        Output::Text => comparisons_to_text(&groups),
        Output::Json => super::json(&Comparisons { groups }),
    })
}

fn move_replica(args: &MoveArgs) -> anyhow::Result<String> {
    let env = Env::system();
    let client = Client::new(&args.ask.endpoint, &env)?;
    let replica = MoveReplica { group: args.group, from: args.from, to: args.to };
    let Nothing {} = client.call(GROUP_MOVE, &replica)?;
    if args.wait {
        let look = || {
            let GroupList { groups } = client.call(GROUP_LIST, &Nothing {})?;
            Ok(progress(&groups, replica))
        };
        super::runtime()?.block_on(wait(&env, look, tell))?;
    }
    let MoveReplica { group, from, to } = replica;
    Ok(match (args.ask.output, args.wait) {
        (Output::Json, finished) => super::json(&Done { replica, finished }),
        (Output::Text, true) => format!("group {group} has moved from node {from} to node {to}\n"),
        (Output::Text, false) => format!("group {group} moves from node {from} to node {to}\n"),
    })
}

/// How far `replica` is.
fn progress(groups: &[GroupStatus], replica: MoveReplica) -> Progress {
    let MoveReplica { group, from, to } = replica;
    let Some(status) = groups.iter().find(|status| status.id == group) else {
        return Progress::At(format!("group {group} is not known yet"));
    };
    let on = |node: u64| status.replicas.iter().find(|replica| replica.node == node);
    Progress::At(match (on(from), on(to)) {
        (None, Some(new)) if new.state == ReplicaState::Voter => return Progress::Finished,
        (_, None) => format!("group {group}: node {to} has no replica yet"),
        (_, Some(new)) if new.state == ReplicaState::Learner => match new.lag_entries {
            Some(lag) => format!("group {group}: the replica on node {to} is {lag} entries behind"),
            None => format!("group {group}: the replica on node {to} is learning"),
        },
        (_, Some(_)) => format!("group {group}: the replica on node {to} votes, the one on node {from} is leaving"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::ReplicaEntry;

    fn group_with(replicas: &[(u64, ReplicaState, Option<u64>)]) -> Vec<GroupStatus> {
        let replica = |(index, (node, state, lag)): (usize, &(u64, ReplicaState, Option<u64>))| ReplicaEntry {
            id: index as u64 + 1,
            node: *node,
            state: *state,
            lag_entries: *lag,
        };
        let replicas = replicas.iter().enumerate().map(replica).collect();
        vec![GroupStatus { id: 4, replicas, leader: None, term: 1, applied: None, flushed: None, failure: None }]
    }

    #[test]
    fn a_move_is_told_from_its_first_step_to_its_last() {
        use ReplicaState::{Learner, Voter};
        let replica = MoveReplica { group: 4, from: 1, to: 3 };
        let (old, other) = ((1, Voter, Some(0)), (2, Voter, Some(0)));
        for (replicas, told) in [
            (vec![old, other], "node 3 has no replica yet"),
            (vec![old, other, (3, Learner, None)], "is learning"),
            (vec![old, other, (3, Learner, Some(120))], "120 entries behind"),
            (vec![old, other, (3, Voter, Some(0))], "the one on node 1 is leaving"),
        ] {
            let Progress::At(text) = progress(&group_with(&replicas), replica) else { panic!("{replicas:?}") };
            assert!(text.contains(told), "{text}");
        }
        assert_eq!(progress(&group_with(&[other, (3, Voter, Some(0))]), replica), Progress::Finished);
        assert_ne!(progress(&[], replica), Progress::Finished);
    }
}
