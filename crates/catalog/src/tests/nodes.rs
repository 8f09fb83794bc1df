//! What is to become of nodes, and how they leave.

use super::world::*;
use crate::*;
use anabranch_types::*;

fn update(node: u64, peer: &str) -> UpdateNode {
    let incarnation = Incarnation(u128::from(node) + 10);
    let addresses = NodeAddresses::new(peer, "").expect("valid");
    UpdateNode { node: NodeId(node), incarnation, addresses, feature_level: FEATURE_LEVEL }
}

/// The catalog's replica on a node that is to go walks out, up to where it is forgotten.
fn leave_metadata(world: &mut World, node: u64) {
    let replica = world.group(0).replica_on(NodeId(node)).map(|own| own.id).expect("each node has one");
    world.left(0, replica);
}

#[test]
fn a_node_is_drained_and_taken_back() {
    let mut world = World::of_nodes(2);
    for state in [NodeState::Draining, NodeState::Decommissioning, NodeState::Active, NodeState::Draining] {
        world.set_state(2, state).expect("allowed");
        assert_eq!(world.node(2).state, state);
        world.set_state(2, state).expect("a repetition");
        assert!(world.mutations.is_empty());
    }
    let add = world.apply(AddReplica { group: GroupId(1), node: NodeId(2) });
    let refused = AddReplicaRefused::NodeState { node: NodeId(2), state: NodeState::Draining };
    assert_eq!(add, Err(refused));
    let replica = world.group(0).replica_on(NodeId(2)).map(|own| own.id).expect("each node has one");
    let promote = world.apply(PromoteReplica { group: GroupId::METADATA, replica });
    let refused = PromoteReplicaRefused::NodeState { node: NodeId(2), state: NodeState::Draining };
    assert_eq!(promote, Err(refused));
}

#[test]
fn a_state_is_meant_for_one_directory() {
    let mut world = World::of_nodes(2);
    let (node, state, registered) = (NodeId(2), NodeState::Lost, Incarnation(12));
    let refused = world.apply(SetNodeState { node, incarnation: Incarnation(11), state });
    assert_eq!(refused, Err(SetNodeStateRefused::Incarnation { node, registered }));
    let zone = Zone::new("a").expect("valid");
    let refused = world.apply(DescribeNode { node, incarnation: Incarnation(11), zone });
    assert_eq!(refused, Err(DescribeNodeRefused::Incarnation { node, registered }));
    let refused = world.apply(SetNodeState { node: NodeId(3), incarnation: Incarnation(13), state });
    assert_eq!(refused, Err(SetNodeStateRefused::NoNode { node: NodeId(3) }));
}

#[test]
fn a_node_says_where_it_stands() {
    let mut world = World::of_nodes(2);
    let (node, incarnation) = (NodeId(2), Incarnation(12));
    let zone = Zone::new("eu-west-1a").expect("valid");
    world.apply(DescribeNode { node, incarnation, zone: zone.clone() }).expect("a member");
    assert_eq!(world.node(2).zone, zone);
    world.apply(DescribeNode { node, incarnation, zone }).expect("a repetition");
    assert!(world.mutations.is_empty());
    for bad in ["a b", "ä", &"a".repeat(65)] {
        assert_eq!(Zone::new(bad), Err(InvalidZone), "{bad:?}");
    }
    assert!(Zone::new(&"a".repeat(64)).is_ok());
}

#[test]
fn a_node_is_removed_once_nothing_counts_on_it_and_its_id_never_returns() {
    let mut world = World::of_nodes(2);
    let node = NodeId(2);
    let replica = world.joined(1, 2);
    let refused = RemoveNodeRefused::NodeState { node, state: NodeState::Active };
    assert_eq!(world.apply(RemoveNode { node }), Err(refused));

    world.set_state(2, NodeState::Decommissioning).expect("it was active");
    let observer = world.group(0).replica_on(node).map(|own| own.id).expect("each node has one");
    let held = |group, replica| Err(RemoveNodeRefused::Holds { node, group, replica });
    assert_eq!(world.apply(RemoveNode { node }), held(GroupId::METADATA, observer));
    leave_metadata(&mut world, 2);
    assert_eq!(world.apply(RemoveNode { node }), held(GroupId(1), replica));
    world.left(1, replica);

    world.apply(RemoveNode { node }).expect("only retired replicas are left");
    assert_eq!(world.state_on(0, 2), None);
    assert_eq!(world.state_on(1, 2), None);
    world.apply(RemoveNode { node }).expect("a repetition");
    assert!(world.mutations.is_empty());
    assert_eq!(world.apply(register(12)), Ok(NodeRegistered { node: NodeId(3) }));
    for never in [0, 9] {
        let refused = RemoveNodeRefused::NoNode { node: NodeId(never) };
        assert_eq!(world.apply(RemoveNode { node: NodeId(never) }), Err(refused));
    }
}

#[test]
fn a_node_that_no_longer_sees_the_catalog_is_not_taken_back() {
    let mut world = World::of_nodes(2);
    world.set_state(2, NodeState::Decommissioning).expect("it was active");
    let replica = world.group(0).replica_on(NodeId(2)).map(|own| own.id).expect("each node has one");
    world.apply(RemoveReplica { group: GroupId::METADATA, replica }).expect("the node is to go");
    let late = Err(SetNodeStateRefused::TooLate { node: NodeId(2) });
    assert_eq!(world.set_state(2, NodeState::Active), late);
    world.apply(ReplicaLeft { group: GroupId::METADATA, replica }).expect("it was leaving");
    assert_eq!(world.set_state(2, NodeState::Draining), late);
    world.set_state(2, NodeState::Lost).expect("it may still be lost");
}

#[test]
fn removing_the_last_node_of_an_older_build_raises_the_feature_level() {
    let mut world = World::of_nodes(2);
    let newer = UpdateNode { feature_level: FEATURE_LEVEL + 1, ..update(1, "10.0.0.1:4600") };
    assert_eq!(world.apply(newer), Ok(NodeUpdated { feature_level: FEATURE_LEVEL }));
    world.set_state(2, NodeState::Lost).expect("it was active");
    leave_metadata(&mut world, 2);
    world.apply(RemoveNode { node: NodeId(2) }).expect("only retired replicas are left");
    assert_eq!(world.catalog.cluster().map(|cluster| cluster.feature_level), Some(FEATURE_LEVEL + 1));
}

#[test]
fn a_new_directory_at_a_members_address_makes_the_member_lost() {
    let mut world = World::of_nodes(3);
    let addresses = world.node(2).addresses;
    let successor = RegisterNode { addresses, ..register(22) };
    assert_eq!(world.apply(successor.clone()), Ok(NodeRegistered { node: NodeId(4) }));
    assert_eq!(world.node(2).state, NodeState::Lost);
    assert_eq!(world.node(3).state, NodeState::Active);
    assert_eq!(world.node(4).state, NodeState::Active);
    assert_eq!(world.state_on(0, 4), Some(ReplicaState::Observer));
    world.apply(successor).expect("a repetition");
    assert!(world.mutations.is_empty());
    assert_eq!(world.set_state(2, NodeState::Active), Err(SetNodeStateRefused::Lost { node: NodeId(2) }));
}

#[test]
fn nodes_without_a_peer_address_are_not_taken_for_each_other() {
    let mut world = World::bootstrapped();
    for incarnation in [12, 13] {
        let quiet = RegisterNode { addresses: NodeAddresses::default(), ..register(incarnation) };
        world.apply(quiet).expect("a new node");
    }
    assert_eq!(world.node(2).state, NodeState::Active);
}

#[test]
fn a_voter_is_not_lost_to_a_claim_that_needed_its_vote() {
    let mut world = World::of_nodes(3);
    let claim = |world: &World, node| RegisterNode { addresses: world.node(node).addresses, ..register(22) };
    let first = claim(&world, 1);
    assert_eq!(world.apply(first), Err(RegisterNodeRefused::AddressTaken { node: NodeId(1) }));
    for node in [2, 3] {
        let replica = world.group(0).replica_on(NodeId(node)).map(|own| own.id).expect("each node has one");
        let group = GroupId::METADATA;
        world.apply(PromoteReplica { group, replica }).expect("an observer");
        world.apply(ReplicaJoined { group, replica }).expect("it was joining");
        if node == 2 {
            // Two of two must agree.
            let second = claim(&world, 2);
            assert_eq!(world.apply(second), Err(RegisterNodeRefused::AddressTaken { node: NodeId(2) }));
        }
    }
    let second = claim(&world, 2);
    world.apply(second).expect("nodes 1 and 3 are a majority without node 2");
    assert_eq!(world.node(2).state, NodeState::Lost);
}

#[test]
fn a_lost_node_that_comes_back_elsewhere_is_a_source_and_no_target() {
    let mut world = World::of_nodes(2);
    let taken = world.node(2).addresses;
    world.apply(RegisterNode { addresses: taken.clone(), ..register(22) }).expect("a new directory");

    // At the address of its successor nobody could reach it.
    world.apply(update(2, taken.peer())).expect("a member");
    assert_eq!(world.node(2).state, NodeState::Lost);
    world.apply(update(2, "")).expect("a member");
    assert_eq!(world.node(2).state, NodeState::Lost);

    world.apply(update(2, "elsewhere:1")).expect("a member");
    assert_eq!(world.node(2).state, NodeState::Decommissioning);
    world.set_state(2, NodeState::Active).expect("an operator takes it back");
}

#[test]
fn two_members_may_swap_their_addresses() {
    let mut world = World::of_nodes(2);
    let (first, second) = (world.node(1).addresses, world.node(2).addresses);
    world.apply(update(1, second.peer())).expect("a member");
    world.apply(update(2, first.peer())).expect("a member");
    assert_eq!(world.node(1).state, NodeState::Active);
    assert_eq!(world.node(2).state, NodeState::Active);
}
