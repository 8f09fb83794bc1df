//! Replicas come and go one step at a time; each step may be repeated.

use super::world::*;
use crate::*;
use anabranch_types::*;

const GROUP: GroupId = GroupId(1);
/// The first replica of [`GROUP`], on node 1.
const FIRST: ReplicaId = ReplicaId(2);

#[test]
fn a_replica_walks_in_and_out_and_is_forgotten() {
    let mut world = World::of_nodes(2);
    let replica = world.apply(AddReplica { group: GROUP, node: NodeId(2) }).expect("node 2 is free").replica;
    assert_eq!(world.state_on(1, 2), Some(ReplicaState::Joining));
    world.apply(ReplicaJoined { group: GROUP, replica }).expect("the leader saw it vote");
    assert_eq!(world.state_on(1, 2), Some(ReplicaState::Member));
    world.apply(RemoveReplica { group: GROUP, replica }).expect("another member stays");
    assert_eq!(world.state_on(1, 2), Some(ReplicaState::Leaving));
    world.apply(ReplicaLeft { group: GROUP, replica }).expect("the leader took it out");
    assert_eq!(world.state_on(1, 2), Some(ReplicaState::Retired));
    world.apply(ForgetReplica { group: GROUP, replica }).expect("its node deleted it");
    assert_eq!(world.state_on(1, 2), None);

    let next = world.apply(AddReplica { group: GROUP, node: NodeId(2) }).expect("node 2 is free again").replica;
    assert!(next > replica, "replica ids never return");
}

#[test]
fn each_report_may_be_repeated_and_changes_nothing_the_second_time() {
    let mut world = World::of_nodes(2);
    let replica = world.apply(AddReplica { group: GROUP, node: NodeId(2) }).expect("node 2 is free").replica;
    fn twice<C: Command<Done = Recorded> + Copy>(world: &mut World, command: C)
    where
        C::Refused: std::fmt::Debug,
    {
        let first = world.apply(command).expect("in time");
        assert!(!world.mutations.is_empty());
        assert_eq!(first.version, world.catalog.shard_map().version());
        let second = world.apply(command).expect("a repetition");
        assert!(world.mutations.is_empty());
        assert_eq!(second, first);
    }
    twice(&mut world, ReplicaJoined { group: GROUP, replica });
    twice(&mut world, RemoveReplica { group: GROUP, replica });
    twice(&mut world, ReplicaLeft { group: GROUP, replica });
    twice(&mut world, ForgetReplica { group: GROUP, replica });
}

#[test]
fn a_replica_that_is_there_is_named_instead_of_doubled() {
    let mut world = World::of_nodes(2);
    let add = AddReplica { group: GROUP, node: NodeId(2) };
    let replica = world.apply(add).expect("node 2 is free").replica;
    let there = |state| Err(AddReplicaRefused::AlreadyThere { node: NodeId(2), replica, state });
    assert_eq!(world.apply(add), there(ReplicaState::Joining));
    world.apply(ReplicaJoined { group: GROUP, replica }).expect("it was joining");
    assert_eq!(world.apply(add), there(ReplicaState::Member));
    world.left(1, replica);
    // Its node keeps the old data under the group's id until it has deleted it.
    assert_eq!(world.apply(add), there(ReplicaState::Retired));
}

#[test]
fn one_replica_of_a_group_changes_at_a_time() {
    let mut world = World::of_nodes(3);
    let replica = world.apply(AddReplica { group: GROUP, node: NodeId(2) }).expect("node 2 is free").replica;
    let second = AddReplica { group: GROUP, node: NodeId(3) };
    assert_eq!(world.apply(second), Err(AddReplicaRefused::Changing { replica }));
    let other = AddReplica { group: GroupId(2), node: NodeId(3) };
    world.apply(other).expect("another group may change meanwhile");

    world.apply(ReplicaJoined { group: GROUP, replica }).expect("it was joining");
    world.apply(RemoveReplica { group: GROUP, replica: FIRST }).expect("another member stays");
    let remove = RemoveReplica { group: GROUP, replica };
    assert_eq!(world.apply(remove), Err(RemoveReplicaRefused::LastMember { group: GROUP, replica }));
    assert_eq!(world.apply(second), Err(AddReplicaRefused::Changing { replica: FIRST }));
}

#[test]
fn a_replica_that_cannot_join_is_taken_back() {
    let mut world = World::of_nodes(2);
    let replica = world.apply(AddReplica { group: GROUP, node: NodeId(2) }).expect("node 2 is free").replica;
    world.apply(RemoveReplica { group: GROUP, replica }).expect("it is the one that changes");
    let late = ReplicaJoinedRefused::State { replica, state: ReplicaState::Leaving };
    assert_eq!(world.apply(ReplicaJoined { group: GROUP, replica }), Err(late));
}

#[test]
fn the_last_member_stays() {
    let mut world = World::of_nodes(2);
    let last = Err(RemoveReplicaRefused::LastMember { group: GROUP, replica: FIRST });
    assert_eq!(world.apply(RemoveReplica { group: GROUP, replica: FIRST }), last);
    // A replica that does not vote yet is no comfort.
    world.apply(AddReplica { group: GROUP, node: NodeId(2) }).expect("node 2 is free");
    assert_eq!(world.apply(RemoveReplica { group: GROUP, replica: FIRST }), last);
}

#[test]
fn only_what_the_group_gave_up_is_forgotten() {
    let mut world = World::of_nodes(2);
    let forget = |replica| ForgetReplica { group: GROUP, replica };
    let member = ForgetReplicaRefused::State { replica: FIRST, state: ReplicaState::Member };
    assert_eq!(world.apply(forget(FIRST)), Err(member));
    let never = ForgetReplicaRefused::NoReplica { group: GROUP, replica: ReplicaId(99) };
    assert_eq!(world.apply(forget(ReplicaId(99))), Err(never));
    let left = ReplicaLeftRefused::State { replica: FIRST, state: ReplicaState::Member };
    assert_eq!(world.apply(ReplicaLeft { group: GROUP, replica: FIRST }), Err(left));
}

#[test]
fn a_new_node_observes_the_catalog_until_it_is_given_a_vote() {
    let mut world = World::of_nodes(3);
    let group = GroupId::METADATA;
    let observer = world.group(0).replica_on(NodeId(2)).copied().expect("each node has one");
    assert_eq!(observer.state, ReplicaState::Observer);
    let there = AddReplicaRefused::AlreadyThere { node: NodeId(2), replica: observer.id, state: observer.state };
    assert_eq!(world.apply(AddReplica { group, node: NodeId(2) }), Err(there));

    let promote = PromoteReplica { group, replica: observer.id };
    world.apply(promote).expect("an observer");
    assert_eq!(world.state_on(0, 2), Some(ReplicaState::Joining));
    world.apply(promote).expect("a repetition");
    let other = world.group(0).replica_on(NodeId(3)).copied().expect("each node has one").id;
    let busy = PromoteReplicaRefused::Changing { replica: observer.id };
    assert_eq!(world.apply(PromoteReplica { group, replica: other }), Err(busy));
    world.apply(ReplicaJoined { group, replica: observer.id }).expect("it was joining");
    assert_eq!(world.group(0).members().count(), 2);
    assert_eq!(world.apply(ReplicaJoined { group, replica: other }).map_err(|refused| refused.to_string()), {
        Err(format!("replica {other} is Observer"))
    });
}

#[test]
fn a_node_that_stays_keeps_its_replica_of_the_metadata_group() {
    let mut world = World::of_nodes(2);
    let replica = world.group(0).replica_on(NodeId(2)).map(|own| own.id).expect("each node has one");
    let remove = RemoveReplica { group: GroupId::METADATA, replica };
    assert_eq!(world.apply(remove), Err(RemoveReplicaRefused::Observing { node: NodeId(2), replica }));
    world.set_state(2, NodeState::Decommissioning).expect("it was active");
    world.apply(remove).expect("the node is to go");
}

#[test]
fn a_group_says_who_may_lead_and_who_is_to_stay() {
    let mut world = World::of_nodes(4);
    let second = world.joined(1, 2);
    world.joined(1, 3);
    world.left(1, second);
    world.apply(RemoveReplica { group: GROUP, replica: FIRST }).expect("another member stays");
    let group = world.group(1);
    let nodes = |replicas: Vec<&Replica>| replicas.iter().map(|replica| replica.node.0).collect::<Vec<_>>();
    assert_eq!(nodes(group.members().collect()), [3]);
    assert_eq!(nodes(group.voters().collect()), [1, 3]);
    assert_eq!(group.changing().map(|changing| changing.id), Some(FIRST));
    assert_eq!(group.replica_on(NodeId(2)), None, "retired");
    assert_eq!(group.replica(second).map(|replica| replica.state), Some(ReplicaState::Retired));
    assert_eq!(group.replica_on(NodeId(1)).map(|replica| replica.id), Some(FIRST));
}

#[test]
fn membership_waits_for_the_last_node_of_an_older_build() {
    let mut world = World::default();
    world.apply(Bootstrap { feature_level: 1, ..bootstrap(1) }).expect("the first bootstrap");
    let (cluster, needed, replica, node, incarnation) = (1, 2, FIRST, NodeId(1), Incarnation(11));
    assert_eq!(world.apply(register(12)), Err(RegisterNodeRefused::ClusterLevel { cluster, needed }));
    let known = RegisterNode { incarnation, ..register(11) };
    assert_eq!(world.apply(known), Ok(NodeRegistered { node }), "a member is one at any level");
    let add = world.apply(AddReplica { group: GROUP, node });
    assert_eq!(add, Err(AddReplicaRefused::FeatureLevel { cluster, needed }));
    let promote = world.apply(PromoteReplica { group: GROUP, replica });
    assert_eq!(promote, Err(PromoteReplicaRefused::FeatureLevel { cluster, needed }));
    let joined = world.apply(ReplicaJoined { group: GROUP, replica });
    assert_eq!(joined, Err(ReplicaJoinedRefused::FeatureLevel { cluster, needed }));
    let remove = world.apply(RemoveReplica { group: GROUP, replica });
    assert_eq!(remove, Err(RemoveReplicaRefused::FeatureLevel { cluster, needed }));
    let left = world.apply(ReplicaLeft { group: GROUP, replica });
    assert_eq!(left, Err(ReplicaLeftRefused::FeatureLevel { cluster, needed }));
    let forget = world.apply(ForgetReplica { group: GROUP, replica });
    assert_eq!(forget, Err(ForgetReplicaRefused::FeatureLevel { cluster, needed }));
    let state = world.set_state(1, NodeState::Draining);
    assert_eq!(state, Err(SetNodeStateRefused::FeatureLevel { cluster, needed }));
    let describe = world.apply(DescribeNode { node, incarnation, zone: Zone::default() });
    assert_eq!(describe, Err(DescribeNodeRefused::FeatureLevel { cluster, needed }));
    let remove = world.apply(RemoveNode { node });
    assert_eq!(remove, Err(RemoveNodeRefused::FeatureLevel { cluster, needed }));
}

#[test]
fn groups_are_made_one_at_a_time_once_every_build_knows_them() {
    let mut world = World::default();
    world.apply(Bootstrap { feature_level: 2, ..bootstrap(1) }).expect("the first bootstrap");
    let (node, incarnation) = (NodeId(1), Incarnation(11));
    let refused = CreateGroupRefused::FeatureLevel { cluster: 2, needed: 3 };
    assert_eq!(world.apply(CreateGroup { node, known: 1 }), Err(refused));
    let addresses = world.node(1).addresses;
    let update = UpdateNode { node, incarnation, addresses, feature_level: FEATURE_LEVEL };
    world.apply(update).expect("the last node is upgraded");
    assert_eq!(world.apply(CreateGroup { node, known: 1 }), Ok(GroupCreated { group: GroupId(2) }));
    let again = world.apply(CreateGroup { node, known: 1 });
    assert_eq!(again, Err(CreateGroupRefused::Count { known: 1, there: 2 }), "a repetition makes no third");
    assert_eq!(world.group(2).members().map(|member| member.node).collect::<Vec<_>>(), [node]);
    world.set_state(1, NodeState::Draining).expect("it is active");
    let state = CreateGroupRefused::NodeState { node, state: NodeState::Draining };
    assert_eq!(world.apply(CreateGroup { node, known: 2 }), Err(state));
    assert_eq!(
        world.apply(CreateGroup { node: NodeId(9), known: 2 }),
        Err(CreateGroupRefused::NoNode { node: NodeId(9) })
    );
}

#[test]
fn a_build_of_a_lower_level_refuses_what_it_does_not_know_by_number() {
    let create = CreateGroup { node: NodeId(1), known: 1 }.encode();
    assert_eq!(check_level(&create, 3), Ok(()));
    let refused = check_level(&create, 2).expect_err("of level 3").to_string();
    assert_eq!(refused, "catalog command of version 1 has kind 18, this build knows kinds up to 17");
    assert!(check_level(&AddReplica { group: GroupId(1), node: NodeId(1) }.encode(), 1).is_err());
}

#[test]
fn membership_names_the_group_and_the_replica_it_does_not_find() {
    let mut world = World::of_nodes(2);
    let (group, replica, node) = (GroupId(9), ReplicaId(99), NodeId(9));
    assert_eq!(world.apply(AddReplica { group, node }), Err(AddReplicaRefused::NoGroup { group }));
    assert_eq!(world.apply(AddReplica { group: GROUP, node }), Err(AddReplicaRefused::NoNode { node }));
    assert_eq!(world.apply(PromoteReplica { group, replica }), Err(PromoteReplicaRefused::NoGroup { group }));
    assert_eq!(world.apply(ReplicaJoined { group, replica }), Err(ReplicaJoinedRefused::NoGroup { group }));
    assert_eq!(world.apply(RemoveReplica { group, replica }), Err(RemoveReplicaRefused::NoGroup { group }));
    assert_eq!(world.apply(ReplicaLeft { group, replica }), Err(ReplicaLeftRefused::NoGroup { group }));
    assert_eq!(world.apply(ForgetReplica { group, replica }), Err(ForgetReplicaRefused::NoGroup { group }));
    let group = GROUP;
    let promote = world.apply(PromoteReplica { group, replica });
    assert_eq!(promote, Err(PromoteReplicaRefused::NoReplica { group, replica }));
    let joined = world.apply(ReplicaJoined { group, replica });
    assert_eq!(joined, Err(ReplicaJoinedRefused::NoReplica { group, replica }));
    let remove = world.apply(RemoveReplica { group, replica });
    assert_eq!(remove, Err(RemoveReplicaRefused::NoReplica { group, replica }));
    assert_eq!(world.apply(ReplicaLeft { group, replica }), Err(ReplicaLeftRefused::NoReplica { group, replica }));
}
