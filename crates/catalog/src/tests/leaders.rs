//! Leaders move off nodes that are to be spared, and are spread over the others.

use super::world::*;
use crate::*;
use anabranch_types::*;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

type Leaders = BTreeMap<GroupId, NodeId>;

fn hand_over(map: &ShardMap, leaders: &mut Leaders, moves: &[LeaderMove]) {
    let mut groups = BTreeSet::new();
    for LeaderMove { group, to } in moves {
        assert!(groups.insert(*group), "one handover for each group: {moves:?}");
        let heir = map.group(*group).and_then(|group| group.replica(*to)).expect("a replica of the group");
        assert_eq!(heir.state, ReplicaState::Member);
        assert_eq!(map.node(heir.node).map(|node| node.state), Some(NodeState::Active));
        assert_ne!(leaders.insert(*group, heir.node), Some(heir.node), "it leads already");
    }
}

/// Hands over until nothing is left to do.
fn settle(map: &ShardMap, leaders: &mut Leaders, down: &BTreeSet<NodeId>) {
    for _ in 0..=2 * leaders.len() {
        let moves = leader_moves(map, leaders, down);
        if moves.is_empty() {
            return;
        }
        hand_over(map, leaders, &moves);
    }
    panic!("no end: {:?}", leader_moves(map, leaders, down));
}

fn counts(map: &ShardMap, leaders: &Leaders, down: &BTreeSet<NodeId>) -> BTreeMap<NodeId, usize> {
    let active = map.nodes().filter(|node| node.state == NodeState::Active && !down.contains(&node.id));
    let count = |node: NodeId| leaders.values().filter(|leader| **leader == node).count();
    active.map(|node| (node.id, count(node.id))).collect()
}

/// Every group has a member on each of the nodes in `on`.
fn world(nodes: u64, groups: u32, on: impl Fn(u32, u64) -> bool) -> World {
    let mut world = World::of_nodes_and_groups(nodes, groups);
    for group in 1..=groups {
        for node in (2..=nodes).filter(|node| on(group, *node)) {
            world.joined(group, node);
        }
    }
    world
}

fn all_led_by(map: &ShardMap, node: u64) -> Leaders {
    map.groups().skip(1).map(|group| (group.id, NodeId(node))).collect()
}

#[test]
fn leaders_are_balanced_within_one_and_then_stay() {
    let world = world(3, 8, |_, _| true);
    let map = world.catalog.shard_map();
    let mut leaders = all_led_by(&map, 1);
    settle(&map, &mut leaders, &BTreeSet::new());
    let counts = counts(&map, &leaders, &BTreeSet::new());
    assert_eq!(counts.values().sum::<usize>(), 8);
    assert!(counts.values().all(|count| (2..=3).contains(count)), "{counts:?}");
}

#[test]
fn few_leaders_move_at_a_time_for_balance() {
    let world = world(3, 30, |_, _| true);
    let map = world.catalog.shard_map();
    assert_eq!(leader_moves(&map, &all_led_by(&map, 1), &BTreeSet::new()).len(), 4);
}

#[test]
fn all_leaders_leave_a_drained_node_at_once_and_stay_away() {
    let mut world = world(3, 8, |_, _| true);
    world.set_state(1, NodeState::Draining).expect("it was active");
    let map = world.catalog.shard_map();
    let mut leaders = all_led_by(&map, 1);
    let moves = leader_moves(&map, &leaders, &BTreeSet::new());
    hand_over(&map, &mut leaders, &moves);
    assert_eq!(counts(&map, &leaders, &BTreeSet::new()), BTreeMap::from([(NodeId(2), 4), (NodeId(3), 4)]));
    assert_eq!(leader_moves(&map, &leaders, &BTreeSet::new()), []);
}

#[test]
fn the_only_member_goes_on_leading_wherever_it_is() {
    let mut world = World::of_nodes(2);
    world.set_state(1, NodeState::Draining).expect("it was active");
    let map = world.catalog.shard_map();
    assert_eq!(leader_moves(&map, &all_led_by(&map, 1), &BTreeSet::new()), []);
}

#[test]
fn a_replica_on_its_way_out_hands_over() {
    let mut world = world(2, 1, |_, _| true);
    let leaving = world.group(1).replica_on(NodeId(1)).map(|own| own.id).expect("a member");
    world.apply(RemoveReplica { group: GroupId(1), replica: leaving }).expect("not the last");
    let map = world.catalog.shard_map();
    let moves = leader_moves(&map, &all_led_by(&map, 1), &BTreeSet::new());
    let heir = world.group(1).replica_on(NodeId(2)).map(|own| own.id).expect("a member");
    assert_eq!(moves, [LeaderMove { group: GroupId(1), to: heir }]);
}

#[test]
fn a_node_that_is_down_gets_no_leader() {
    let world = world(3, 8, |_, _| true);
    let map = world.catalog.shard_map();
    let (mut leaders, down) = (all_led_by(&map, 1), BTreeSet::from([NodeId(2)]));
    settle(&map, &mut leaders, &down);
    assert_eq!(counts(&map, &leaders, &down), BTreeMap::from([(NodeId(1), 4), (NodeId(3), 4)]));
    assert!(!leaders.values().any(|node| *node == NodeId(2)));
}

#[test]
fn a_group_is_handed_on_by_way_of_a_node_between() {
    // Node 1 leads four groups that only node 2 could take; node 2 leads two that node 3 could.
    let world = world(3, 6, |group, node| if group <= 4 { node == 2 } else { true });
    let map = world.catalog.shard_map();
    let mut leaders: Leaders = (1..=4).map(|group| (GroupId(group), NodeId(1))).collect();
    leaders.extend((5..=6).map(|group| (GroupId(group), NodeId(2))));
    settle(&map, &mut leaders, &BTreeSet::new());
    assert!(counts(&map, &leaders, &BTreeSet::new()).values().all(|count| *count == 2), "{leaders:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn handovers_come_to_an_end_and_leave_nobody_where_he_must_not_be(
        nodes in 1..6u64, groups in 1..12u32, placed in any::<[u64; 12]>(), led in any::<[u64; 12]>(),
        states in proptest::collection::vec(0..6u8, 6), down in proptest::option::of(1..6u64),
    ) {
        let mut world = world(nodes, groups, |group, node| placed[group as usize - 1] >> node & 1 == 1);
        for (node, state) in (1..=nodes).zip(states) {
            let states = [NodeState::Draining, NodeState::Decommissioning, NodeState::Lost];
            if let Some(state) = states.get(usize::from(state)) {
                world.set_state(node, *state).expect("it was active");
            }
        }
        let (map, down) = (world.catalog.shard_map(), down.map(NodeId).into_iter().collect::<BTreeSet<_>>());
        let mut leaders = Leaders::new();
        for group in map.groups().skip(1) {
            let members: Vec<_> = group.members().collect();
            let leader = members[(led[group.id.0 as usize - 1] % members.len() as u64) as usize];
            leaders.insert(group.id, leader.node);
        }
        settle(&map, &mut leaders, &down);
        let counts = counts(&map, &leaders, &down);
        for (group, leader) in &leaders {
            let members: Vec<_> = map.group(*group).expect("a group").members().map(|member| member.node).collect();
            let able: Vec<_> = members.iter().filter(|node| counts.contains_key(node)).collect();
            prop_assert!(able.is_empty() || counts.contains_key(leader));
            for heir in able.into_iter().filter(|_| counts.contains_key(leader)) {
                prop_assert!(counts[heir] + 1 >= counts[leader], "{} of {:?}", leader, counts);
            }
        }
    }
}
