use super::*;
use anabranch_catalog::Replica;
use anabranch_consensus::Progress;

fn row(replicas: &[(u64, ReplicaState)]) -> GroupRow {
    let replica = |(id, state): &(u64, ReplicaState)| Replica { id: ReplicaId(*id), node: NodeId(*id), state: *state };
    GroupRow { id: GroupId(7), replicas: replicas.iter().map(replica).collect() }
}

/// Replica 1 leads; the others lack `lag` entries.
fn status(voters: &[u64], learners: &[u64], lag: u64) -> GroupStatus {
    let ids = |ids: &[u64]| ids.iter().map(|id| ReplicaId(*id)).collect::<Vec<_>>();
    let members = ids(&[voters, learners].concat());
    let progress = |replica: &ReplicaId| Progress {
        replica: *replica,
        matched_index: Some(1000 - lag.min(1000)),
        lag_entries: lag,
        heard_ago: None,
    };
    GroupStatus {
        group: GroupId(7),
        replica: ReplicaId(1),
        role: Role::Leader,
        leader: Some(ReplicaId(1)),
        term: 1,
        last_index: Some(1000),
        applied_index: Some(1000),
        flushed_index: None,
        members: members.iter().map(|id| (*id, NodeId(id.0))).collect(),
        voters: ids(voters),
        is_committed: true,
        is_joint: false,
        progress: members.iter().filter(|id| id.0 != 1).map(progress).collect(),
        failure: None,
    }
}

use ReplicaState::{Joining, Leaving, Member, Observer, Retired};

#[test]
fn a_group_that_is_as_the_catalog_says_is_left_alone() {
    let row = row(&[(1, Member), (2, Member), (3, Member), (4, Observer), (5, Retired)]);
    assert_eq!(next_step(&row, &status(&[1, 2, 3], &[4], 0)), None);
}

#[test]
fn a_follower_does_nothing() {
    let row = row(&[(1, Member), (2, Joining)]);
    let follower = GroupStatus { role: Role::Follower, ..status(&[1], &[], 0) };
    assert_eq!(next_step(&row, &follower), None);
}

#[test]
fn a_replica_that_joins_is_added_then_waited_for_then_votes_then_reported() {
    let row = row(&[(1, Member), (2, Joining)]);
    let added = Some(Step::AddLearner(ReplicaId(2), NodeId(2)));
    assert_eq!(next_step(&row, &status(&[1], &[], 0)), added);
    assert_eq!(next_step(&row, &status(&[1], &[2], 5000)), None, "it catches up");
    let votes = Some(Step::ChangeVoters(vec![ReplicaId(1), ReplicaId(2)]));
    assert_eq!(next_step(&row, &status(&[1], &[2], 3)), votes);
    assert_eq!(next_step(&row, &status(&[1, 2], &[], 3)), Some(Step::ReportJoined(ReplicaId(2))));
}

#[test]
fn a_change_that_was_cut_short_is_completed_before_it_is_reported() {
    let row = row(&[(1, Member), (2, Joining)]);
    let joint = GroupStatus { is_joint: true, ..status(&[1, 2], &[], 0) };
    assert_eq!(next_step(&row, &joint), Some(Step::ChangeVoters(vec![ReplicaId(1), ReplicaId(2)])));
}

#[test]
fn a_replica_that_leaves_loses_its_vote_then_is_reported() {
    let row = row(&[(1, Member), (2, Member), (3, Leaving)]);
    let without = Some(Step::ChangeVoters(vec![ReplicaId(1), ReplicaId(2)]));
    assert_eq!(next_step(&row, &status(&[1, 2, 3], &[], 0)), without);
    assert_eq!(next_step(&row, &status(&[1, 2], &[3], 0)), Some(Step::RemoveLearner(ReplicaId(3))));
    assert_eq!(next_step(&row, &status(&[1, 2], &[], 0)), Some(Step::ReportLeft(ReplicaId(3))));
}

#[test]
fn what_a_majority_does_not_have_yet_is_not_reported() {
    let (leaving, joining) = (row(&[(1, Member), (2, Leaving)]), row(&[(1, Member), (2, Joining)]));
    let uncommitted = |voters: &[u64]| GroupStatus { is_committed: false, ..status(voters, &[], 0) };
    assert_eq!(next_step(&leaving, &uncommitted(&[1])), None);
    assert_eq!(next_step(&joining, &uncommitted(&[1, 2])), None);
}

#[test]
fn a_retired_replica_that_came_back_is_dropped_again() {
    let row = row(&[(1, Member), (2, Retired)]);
    assert_eq!(next_step(&row, &status(&[1], &[2], 0)), Some(Step::RemoveLearner(ReplicaId(2))));
    assert_eq!(next_step(&row, &status(&[1], &[], 0)), None);
}

#[test]
fn a_leader_that_leaves_hands_over_to_a_voter_first() {
    let row = row(&[(1, Leaving), (2, Member), (3, Member)]);
    let mut leading = status(&[1, 2, 3], &[], 9);
    leading.progress[1].lag_entries = 0;
    assert_eq!(next_step(&row, &leading), Some(Step::HandOver(ReplicaId(3))));
}

#[test]
fn a_voter_of_which_the_view_knows_nothing_stays() {
    // This node's view is old: replica 3 joined since.
    let row = row(&[(1, Member), (2, Member)]);
    assert_eq!(next_step(&row, &status(&[1, 2, 3], &[], 0)), None);
}

#[test]
fn the_last_voter_is_never_taken_out() {
    assert_eq!(next_step(&row(&[(1, Leaving)]), &status(&[1], &[], 0)), None);
}
