use super::*;
use NodeState::{Active, Decommissioning, Draining};
use anabranch_consensus::{Progress, Role};
use anabranch_types::GroupId;

/// Replica 1 leads the catalog, each replica on the node of its number; replica 4 has no vote.
fn status(lags: &[(u64, u64)]) -> GroupStatus {
    let progress = |(id, lag): &(u64, u64)| Progress {
        replica: ReplicaId(*id),
        matched_index: Some(100 - lag),
        lag_entries: *lag,
        heard_ago: None,
    };
    GroupStatus {
        group: GroupId(0),
        replica: ReplicaId(1),
        role: Role::Leader,
        leader: Some(ReplicaId(1)),
        term: 1,
        last_index: Some(100),
        applied_index: Some(100),
        flushed_index: None,
        members: (1..=4).map(|id| (ReplicaId(id), NodeId(id))).collect(),
        voters: [1, 2, 3].map(ReplicaId).to_vec(),
        is_committed: true,
        is_joint: false,
        progress: lags.iter().map(progress).collect(),
        failure: None,
    }
}

fn heir_among(states: [NodeState; 4], down: &[u64], lags: &[(u64, u64)]) -> Option<u64> {
    let state_of = |node: NodeId| usize::try_from(node.0 - 1).ok().and_then(|nth| states.get(nth).copied());
    heir(&status(lags), state_of, &down.iter().copied().map(NodeId).collect()).map(|id| id.0)
}

#[test]
fn a_node_that_is_to_stay_leads_on() {
    assert_eq!(heir_among([Active, Active, Draining, Active], &[], &[]), None);
}

#[test]
fn a_node_that_is_to_go_hands_over_to_the_voter_that_lacks_least() {
    for going in [Draining, Decommissioning] {
        assert_eq!(heir_among([going, Active, Active, Active], &[], &[(2, 9), (3, 4), (4, 0)]), Some(3));
    }
}

#[test]
fn a_voter_whose_node_is_down_or_is_to_go_as_well_does_not_inherit() {
    let lags = [(2, 0), (3, 9), (4, 0)];
    assert_eq!(heir_among([Draining, Draining, Active, Active], &[], &lags), Some(3));
    assert_eq!(heir_among([Draining, Active, Active, Active], &[2], &lags), Some(3));
}

#[test]
fn two_nodes_that_are_both_to_go_do_not_hand_over_to_each_other_for_ever() {
    // Simulated seed 316: neither led for long enough to have its replicas moved.
    assert_eq!(heir_among([Decommissioning, Decommissioning, Active, Active], &[3], &[]), None);
}

#[test]
fn a_leader_of_which_the_map_does_not_tell_leads_on() {
    assert_eq!(heir(&status(&[]), |_| None, &BTreeSet::new()), None);
}
