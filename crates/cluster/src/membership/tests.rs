use super::*;
use crate::view::ClusterView;
use anabranch_catalog::{
    AddReplica, Bootstrap, Catalog, Command, FEATURE_LEVEL, NodeAddresses, RegisterNode, RemoveReplica, Replica,
    TokenSecret,
};
use anabranch_consensus::Progress;
use anabranch_types::{ClusterId, Incarnation, Timestamp};
use std::cell::Cell;
use std::future::ready;

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

/// What the catalog shows of two nodes and a group, whose replica joins on the second.
struct Shown {
    catalog: Catalog,
    view: ViewWatch,
    index: u64,
    leading: ReplicaId,
    joining: ReplicaId,
}

const SHOWN: GroupId = GroupId(1);

impl Shown {
    fn new() -> Self {
        let view = ViewWatch::new(ClusterView { map: Arc::default(), keys: None, feature_level: FEATURE_LEVEL });
        let (catalog, none) = (Catalog::default(), ReplicaId(0));
        let mut shown = Shown { catalog, view, index: 0, leading: none, joining: none };
        let addresses = |host: u8| NodeAddresses::new(&format!("10.0.0.{host}:4600"), "").expect("valid");
        shown.apply(Bootstrap {
            cluster: ClusterId(7),
            node: NodeId(1),
            incarnation: Incarnation(11),
            addresses: addresses(1),
            feature_level: FEATURE_LEVEL,
            data_groups: 1,
            token_secret: TokenSecret::new([1; 32]),
            now: Timestamp::from_millis(1),
        });
        shown.apply(RegisterNode {
            incarnation: Incarnation(12),
            addresses: addresses(2),
            feature_level: FEATURE_LEVEL,
            now: Timestamp::from_millis(2),
        });
        shown.leading = shown.catalog.shard_map().group(SHOWN).expect("bootstrapped").replicas[0].id;
        shown.joining = shown.apply(AddReplica { group: SHOWN, node: NodeId(2) }).replica;
        shown.publish();
        shown
    }

    fn apply<C: Command>(&mut self, command: C) -> C::Done {
        self.index += 1;
        let outcome = self.catalog.apply(self.index, &command.encode(), &mut Vec::new()).expect("of this build");
        C::decode_outcome(&outcome).expect("its outcome").map_err(|_| ()).expect("nothing is refused here")
    }

    fn remove_joining(&mut self) {
        self.apply(RemoveReplica { group: SHOWN, replica: self.joining });
    }

    fn publish(&self) {
        self.view.publish(ClusterView { map: self.catalog.shard_map(), ..(*self.view.load()).clone() });
    }

    fn version(&self) -> MapVersion {
        self.catalog.shard_map().version()
    }

    /// The group, with these beside its leader.
    fn status(&self, learners: &[u64]) -> GroupStatus {
        GroupStatus { group: SHOWN, replica: self.leading, ..status(&[self.leading.0], learners, 0) }
    }

    /// What comes when the one that joins is added.
    fn added(&self) -> Step {
        Step::AddLearner(self.joining, NodeId(2))
    }
}

#[tokio::test]
async fn a_replica_is_added_when_the_newest_view_has_it() {
    let shown = Shown::new();
    let step = step_now(|| shown.status(&[]), &shown.view, || ready(Ok(shown.version()))).await;
    assert_eq!(step.expect("the catalog answers"), Some(shown.added()));
}

#[tokio::test]
async fn a_replica_that_others_took_out_meanwhile_is_not_added_by_an_old_view() {
    // Simulated seeds 31 and 42: its data was being deleted.
    let mut shown = Shown::new();
    shown.remove_joining();
    let version = shown.version();
    let step = step_now(|| shown.status(&[]), &shown.view, || ready(Ok(version))).await;
    assert_eq!(step.expect("the catalog answers"), None, "the view is not there yet");
    let step = step_now(
        || shown.status(&[]),
        &shown.view,
        async || {
            shown.publish();
            Ok(version)
        },
    );
    assert_ne!(step.await.expect("the catalog answers"), Some(shown.added()));
}

#[tokio::test]
async fn nobody_is_added_by_one_who_led_again_since() {
    let shown = Shown::new();
    let term = Cell::new(1);
    let status = || GroupStatus { term: term.get(), ..shown.status(&[]) };
    let step = step_now(status, &shown.view, async || {
        term.set(2);
        Ok(shown.version())
    });
    assert_eq!(step.await.expect("the catalog answers"), None);
}

#[tokio::test]
async fn nobody_is_added_while_the_catalog_does_not_answer_and_who_leaves_waits_for_no_answer() {
    let silent = || ready(Err(NodeError::Unavailable { reason: "no leader".to_owned() }));
    let mut shown = Shown::new();
    let asked = step_now(|| shown.status(&[]), &shown.view, silent).await;
    asked.expect_err("it is not known whether the view is the newest");
    shown.remove_joining();
    shown.publish();
    let learner = [shown.joining.0];
    let step = step_now(|| shown.status(&learner), &shown.view, silent).await.expect("nothing is asked");
    assert_eq!(step, Some(Step::RemoveLearner(shown.joining)));
}
