//! Plans, carried out step by step and in any order, end where they should and are safe on the
//! way.

use super::world::*;
use crate::*;
use anabranch_types::*;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const OPTIONS: PlacementOptions = PlacementOptions { replication_factor: 3, metadata_voters: 3, groups_per_node: 2 };

/// A cluster whose leaders and nodes do what the catalog says, sooner or later.
struct Cluster {
    world: World,
    down: BTreeSet<NodeId>,
    /// Which of the things that could happen next do; xorshift64.
    chance: u64,
    added: usize,
    created: usize,
}

impl Cluster {
    fn new(world: World, seed: u64) -> Self {
        Cluster { world, down: BTreeSet::new(), chance: seed | 1, added: 0, created: 0 }
    }

    fn one_in(&mut self, count: u64) -> bool {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        self.chance.is_multiple_of(count)
    }

    fn map(&self) -> std::sync::Arc<ShardMap> {
        self.world.catalog.shard_map()
    }

    fn is_well(&self, node: NodeId) -> bool {
        let is_there = self.map().node(node).is_some_and(|node| node.state != NodeState::Lost);
        is_there && !self.down.contains(&node)
    }

    fn decides(&self, group: &Group) -> bool {
        group.members().filter(|member| self.is_well(member.node)).count() > group.members().count() / 2
    }

    fn keeps(&self, node: NodeId) -> bool {
        self.map().node(node).is_some_and(|node| matches!(node.state, NodeState::Active | NodeState::Draining))
    }

    fn kept(&self, group: &Group) -> usize {
        group.members().filter(|member| self.keeps(member.node)).count()
    }

    fn free(&self) -> BTreeSet<NodeId> {
        let map = self.map();
        let active = map.nodes().filter(|node| node.state == NodeState::Active).map(|node| node.id);
        active.filter(|node| !self.down.contains(node)).collect()
    }

    /// Proposes a step, which must be accepted and safe.
    fn propose(&mut self, step: Step) {
        match step {
            Step::AddReplica { group, node } => {
                assert!(self.free().contains(&node), "{step:?}");
                self.world.apply(AddReplica { group, node }).expect("planned from this map");
                self.added += 1;
            }
            Step::PromoteReplica { group, replica } => {
                self.world.apply(PromoteReplica { group, replica }).expect("planned from this map");
            }
            Step::RemoveReplica { group, replica } => {
                let before = self.world.group(group.0);
                self.world.apply(RemoveReplica { group, replica }).expect("planned from this map");
                let after = self.world.group(group.0);
                assert!(self.decides(&before) && self.decides(&after), "{step:?} takes the majority of {before:?}");
                let (before, after) = (self.kept(&before), self.kept(&after));
                assert!(before == after || after >= 3, "{step:?} gives up one of {before} copies that could stay");
            }
            Step::RemoveNode { node } => {
                self.world.apply(RemoveNode { node }).expect("planned from this map");
            }
            Step::CreateGroup { node, known } => {
                assert!(self.free().contains(&node), "{step:?}");
                self.world.apply(CreateGroup { node, known }).expect("planned from this map");
                self.created += 1;
            }
        }
    }

    /// What leaders and nodes could report now.
    fn reports(&self) -> Vec<(Group, Replica)> {
        let mut reports = Vec::new();
        for group in self.map().groups() {
            for replica in &group.replicas {
                let is_due = match replica.state {
                    ReplicaState::Joining => self.decides(group) && self.is_well(replica.node),
                    ReplicaState::Leaving => self.decides(group),
                    ReplicaState::Retired => self.is_well(replica.node) && group.id != GroupId::METADATA,
                    ReplicaState::Observer | ReplicaState::Member => false,
                };
                if is_due {
                    reports.push((group.clone(), *replica));
                }
            }
        }
        reports
    }

    fn report(&mut self, group: GroupId, replica: Replica) {
        let id = replica.id;
        match replica.state {
            ReplicaState::Joining => {
                self.world.apply(ReplicaJoined { group, replica: id }).expect("it was joining");
            }
            ReplicaState::Leaving => {
                self.world.apply(ReplicaLeft { group, replica: id }).expect("it was leaving");
            }
            ReplicaState::Retired => {
                self.world.apply(ForgetReplica { group, replica: id }).expect("it was retired");
            }
            ReplicaState::Observer | ReplicaState::Member => {}
        }
    }

    fn plan(&self) -> Vec<Step> {
        let steps = plan(&self.map(), &OPTIONS, &self.down);
        assert_eq!(steps, plan(&self.map(), &OPTIONS, &self.down), "a plan is a function of the map");
        let mut groups = BTreeSet::new();
        for step in &steps {
            match step {
                Step::AddReplica { group, .. }
                | Step::PromoteReplica { group, .. }
                | Step::RemoveReplica { group, .. } => assert!(groups.insert(*group), "one step for each: {steps:?}"),
                Step::RemoveNode { .. } => {}
                Step::CreateGroup { .. } => assert_eq!(steps.len(), 1, "all else comes first: {steps:?}"),
            }
        }
        steps
    }

    /// Every node receives two replicas at a time at most, unless it received more at the start.
    fn assert_throttled(&self, before: &BTreeMap<NodeId, usize>) {
        for (node, joining) in self.joining() {
            assert!(joining <= before.get(&node).copied().unwrap_or(0).max(2), "{node} receives {joining}");
        }
    }

    /// Replicas of groups that can send something.
    fn joining(&self) -> BTreeMap<NodeId, usize> {
        let mut joining = BTreeMap::new();
        for group in self.map().groups().filter(|group| group.id != GroupId::METADATA && self.decides(group)) {
            for replica in group.replicas.iter().filter(|replica| replica.state == ReplicaState::Joining) {
                *joining.entry(replica.node).or_insert(0) += 1;
            }
        }
        joining
    }

    /// Plans, proposes and reports until nothing is left to do.
    fn settle(&mut self) {
        (self.added, self.created) = (0, 0);
        let nodes = self.map().nodes().count();
        let groups = self.map().groups().count();
        let members: usize = self.map().groups().map(|group| group.replicas.len()).sum();
        for _ in 0..4_000 {
            let (steps, reports) = (self.plan(), self.reports());
            if steps.is_empty() && reports.is_empty() {
                let most = 2 * (members + (groups + self.created) * 3 + nodes);
                assert!(self.added <= most, "{} replicas were added, {most} would be many", self.added);
                return;
            }
            let before = self.joining();
            for step in steps {
                if !self.one_in(4) {
                    self.propose(step);
                }
            }
            self.assert_throttled(&before);
            for (group, replica) in reports {
                // Steps may have changed the replica since the report was due.
                let now = self.world.group(group.id.0).replica(replica.id).copied();
                if now == Some(replica) && self.one_in(2) {
                    self.report(group.id, replica);
                }
            }
        }
        panic!("no end: {:?} of {:?}", self.plan(), self.map().groups().collect::<Vec<_>>());
    }

    /// Everything is where it should be, as far as groups can decide.
    fn assert_settled(&self) {
        let (map, free) = (self.map(), self.free());
        let able = |group: &&Group| self.decides(group);
        for group in map.groups().filter(able) {
            assert_eq!(group.changing(), None);
            let candidates = match group.id {
                GroupId::METADATA => free.iter().filter(|node| group.replica_on(**node).is_some()).count(),
                _ => free.len(),
            };
            if candidates >= 3 {
                assert!(self.kept(group) >= 3, "{group:?}");
            }
            if group.id != GroupId::METADATA {
                assert!(self.kept(group) <= 3, "{group:?}");
            }
            // A node keeps its view of the catalog while a group that cannot decide holds it.
            let is_bound = group.id == GroupId::METADATA && !map.groups().all(|group| able(&group));
            if self.down.is_empty() && self.kept(group) > 0 && !is_bound {
                assert!(group.members().all(|member| self.keeps(member.node)), "{group:?}");
            }
        }
        if self.down.is_empty() && map.groups().all(|group| able(&group)) && !free.is_empty() {
            assert!(map.nodes().all(|node| self.keeps(node.id)), "{:?}", map.nodes().collect::<Vec<_>>());
            self.assert_zones_apart();
            let zones: BTreeSet<_> = map.nodes().map(|node| &node.zone).collect();
            if free.len() >= 3 && zones.iter().all(|zone| zone.is_empty()) {
                self.assert_balanced();
            }
        }
    }

    fn zones_of(&self, group: &Group) -> BTreeMap<Zone, usize> {
        let mut zones = BTreeMap::new();
        for member in group.members() {
            *zones.entry(self.world.node(member.node.0).zone).or_insert(0) += 1;
        }
        zones
    }

    /// No full group could have one more zone of its own.
    fn assert_zones_apart(&self) {
        for group in self.map().groups().filter(|group| group.id != GroupId::METADATA && group.members().count() == 3) {
            let zones = self.zones_of(group);
            let is_crowded = zones.iter().any(|(zone, count)| !zone.is_empty() && *count > 1);
            let other = self.free().into_iter().map(|node| self.world.node(node.0)).find(|node| {
                group.replica_on(node.id).is_none() && (node.zone.is_empty() || !zones.contains_key(&node.zone))
            });
            assert!(!is_crowded || other.is_none(), "{group:?} in {zones:?} could be on {other:?}");
        }
    }

    fn loads(&self) -> BTreeMap<NodeId, usize> {
        let mut loads: BTreeMap<NodeId, usize> = self.free().into_iter().map(|node| (node, 0)).collect();
        for group in self.map().groups().filter(|group| group.id != GroupId::METADATA) {
            for member in group.members() {
                loads.entry(member.node).and_modify(|load| *load += 1);
            }
        }
        loads
    }

    fn assert_balanced(&self) {
        let loads = self.loads();
        let (most, least) = (loads.values().max(), loads.values().min());
        assert!(most.zip(least).is_some_and(|(most, least)| most - least <= 1), "{loads:?}");
    }
}

/// What an operator, or fate, does to a cluster.
#[derive(Debug, Clone)]
enum Event {
    Join { zone: u8 },
    State { node: u64, state: NodeState },
    Down { node: u64 },
    Up,
}

fn event() -> impl Strategy<Value = Event> {
    let state = prop_oneof![
        2 => Just(NodeState::Active),
        1 => Just(NodeState::Draining),
        2 => Just(NodeState::Decommissioning),
        1 => Just(NodeState::Lost),
    ];
    prop_oneof![
        3 => (0..4u8).prop_map(|zone| Event::Join { zone }),
        4 => (1..12u64, state).prop_map(|(node, state)| Event::State { node, state }),
        1 => (1..12u64).prop_map(|node| Event::Down { node }),
        2 => Just(Event::Up),
    ]
}

impl Cluster {
    fn meet(&mut self, event: &Event, zoned: bool) {
        match event {
            Event::Join { zone } => {
                let next = self.world.index;
                let node = self.world.apply(register(u128::from(next) + 1_000)).expect("a new node").node;
                if zoned {
                    self.world.set_zone(node.0, ["", "a", "b", "c"][usize::from(*zone)]);
                }
            }
            Event::State { node, state } => {
                if self.map().node(NodeId(*node)).is_some() {
                    // A node may be lost already, or be too far on its way out.
                    let _ = self.world.set_state(*node, *state);
                }
            }
            Event::Down { node } => self.down = BTreeSet::from([NodeId(*node)]),
            Event::Up => self.down.clear(),
        }
    }

    /// Leaves replicas wherever commands allow.
    fn scatter(&mut self, nodes: u64, groups: u32) {
        for group in 1..=groups {
            for node in 1..=nodes {
                if self.one_in(3) {
                    continue;
                }
                let Ok(added) = self.world.apply(AddReplica { group: GroupId(group), node: NodeId(node) }) else {
                    continue;
                };
                let (group, replica) = (GroupId(group), added.replica);
                if self.one_in(8) {
                    continue;
                }
                self.world.apply(ReplicaJoined { group, replica }).expect("it was joining");
                if self.one_in(6) {
                    self.world.apply(RemoveReplica { group, replica }).expect("not the last");
                    if self.one_in(2) {
                        self.world.apply(ReplicaLeft { group, replica }).expect("it was leaving");
                    }
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn every_cluster_settles_safely_whatever_happened_to_it(
        nodes in 1..9u64, groups in 1..10u32, zoned in any::<bool>(), zones in proptest::collection::vec(0..4usize, 9),
        scattered in any::<bool>(), states in proptest::collection::vec(event(), 0..4), seed in any::<u64>(),
        events in proptest::collection::vec(event(), 0..6),
    ) {
        let mut cluster = Cluster::new(World::of_nodes_and_groups(nodes, groups), seed);
        cluster.world.active("s", 7, START);
        for (node, zone) in (1..=nodes).zip(&zones).filter(|_| zoned) {
            cluster.world.set_zone(node, ["", "a", "b", "c"][*zone]);
        }
        if scattered {
            cluster.scatter(nodes, groups);
        }
        for event in &states {
            cluster.meet(event, zoned);
        }
        cluster.settle();
        cluster.assert_settled();
        for event in &events {
            cluster.meet(event, zoned);
            cluster.settle();
            cluster.assert_settled();
        }
    }
}

fn settled(nodes: u64, groups: u32) -> Cluster {
    let mut cluster = Cluster::new(World::of_nodes_and_groups(nodes, groups), 7);
    cluster.settle();
    cluster.assert_settled();
    cluster
}

#[test]
fn nothing_moves_until_there_are_three_nodes() {
    for nodes in [1, 2] {
        let cluster = Cluster::new(World::of_nodes_and_groups(nodes, 4), 7);
        assert_eq!(cluster.plan(), []);
    }
    let cluster = settled(3, 4);
    for group in cluster.map().groups() {
        assert_eq!(group.members().count(), 3);
    }
}

#[test]
fn a_new_node_gets_its_share_of_replicas_and_no_vote_beyond_the_third() {
    let mut cluster = settled(3, 8);
    cluster.meet(&Event::Join { zone: 0 }, false);
    cluster.settle();
    cluster.assert_settled();
    assert_eq!(cluster.loads().values().copied().collect::<Vec<_>>(), [6, 6, 6, 6]);
    assert_eq!(cluster.world.group(0).members().count(), 3);
    assert_eq!(cluster.world.state_on(0, 4), Some(ReplicaState::Observer));
    assert_eq!(cluster.added, 6, "no replica moved twice");
}

#[test]
fn a_node_receives_two_replicas_at_a_time() {
    let cluster = Cluster::new(World::of_nodes_and_groups(3, 8), 7);
    let mut received: BTreeMap<NodeId, usize> = BTreeMap::new();
    for step in cluster.plan() {
        if let Step::AddReplica { node, .. } = step {
            *received.entry(node).or_default() += 1;
        }
    }
    assert_eq!(received, BTreeMap::from([(NodeId(2), 2), (NodeId(3), 2)]));
}

#[test]
fn a_decommissioned_node_is_emptied_and_removed() {
    let mut cluster = settled(4, 8);
    cluster.world.set_state(1, NodeState::Decommissioning).expect("it was active");
    cluster.settle();
    cluster.assert_settled();
    assert_eq!(cluster.map().node(NodeId(1)), None);
    assert!(cluster.map().groups().all(|group| group.members().count() == 3));
}

#[test]
fn a_decommissioned_node_that_ended_before_it_had_deleted_all_is_removed() {
    let mut cluster = settled(4, 8);
    let leaving = NodeId(1);
    cluster.world.set_state(leaving.0, NodeState::Decommissioning).expect("it was active");
    let observes = |map: &ShardMap| map.group(GroupId::METADATA).and_then(|group| group.replica_on(leaving)).is_some();
    for round in 0..1_000 {
        // It deletes nothing, ends some time later, and nobody hears of who has left the catalog's group.
        let is_silent = round > 100 && observes(&cluster.map());
        cluster.down = if is_silent { BTreeSet::from([leaving]) } else { BTreeSet::new() };
        cluster.plan().into_iter().for_each(|step| cluster.propose(step));
        for (group, replica) in cluster.reports() {
            if replica.state != ReplicaState::Retired || replica.node != leaving {
                cluster.report(group.id, replica);
            }
        }
    }
    assert_eq!(cluster.map().node(leaving), None);
}

#[test]
fn the_third_of_three_nodes_leaves_two_copies_behind() {
    let mut cluster = settled(3, 4);
    cluster.world.set_state(3, NodeState::Decommissioning).expect("it was active");
    cluster.settle();
    assert_eq!(cluster.map().node(NodeId(3)), None);
    for group in cluster.map().groups() {
        assert_eq!(group.members().map(|member| member.node.0).collect::<BTreeSet<_>>(), BTreeSet::from([1, 2]));
    }
}

#[test]
fn a_lost_node_is_replaced_and_a_node_that_is_down_is_not() {
    let mut cluster = settled(4, 8);
    cluster.down = BTreeSet::from([NodeId(4)]);
    assert_eq!(cluster.plan(), []);
    cluster.world.set_state(4, NodeState::Lost).expect("it was active");
    cluster.settle();
    cluster.assert_settled();
    assert_eq!(cluster.map().node(NodeId(4)), None);
}

#[test]
fn a_group_without_a_majority_is_left_to_its_members() {
    let mut cluster = settled(3, 2);
    cluster.meet(&Event::Join { zone: 0 }, false);
    cluster.world.set_state(1, NodeState::Lost).expect("it was active");
    cluster.world.set_state(2, NodeState::Lost).expect("it was active");
    assert_eq!(cluster.plan(), []);
}

#[test]
fn a_drained_node_keeps_what_it_has_and_gets_nothing() {
    let mut cluster = settled(4, 8);
    let before: Vec<Group> = cluster.map().groups().cloned().collect();
    cluster.world.set_state(1, NodeState::Draining).expect("it was active");
    cluster.settle();
    let held = |groups: &[Group]| groups.iter().filter(|group| group.replica_on(NodeId(1)).is_some()).count();
    assert_eq!(held(&cluster.map().groups().cloned().collect::<Vec<_>>()), held(&before));
}

#[test]
fn replicas_and_votes_are_spread_over_zones() {
    let mut cluster = Cluster::new(World::of_nodes_and_groups(6, 6), 7);
    for (node, zone) in (1..=6).zip(["a", "a", "b", "b", "c", "c"]) {
        cluster.world.set_zone(node, zone);
    }
    cluster.settle();
    cluster.assert_settled();
    cluster.assert_balanced();
    for group in cluster.map().groups() {
        let zones: Vec<usize> = cluster.zones_of(group).into_values().collect();
        assert_eq!(zones, [1, 1, 1], "{group:?}");
    }
}

#[test]
fn a_zone_that_comes_later_gets_a_replica_of_each_group() {
    let mut cluster = settled(3, 4);
    for node in 1..=3 {
        cluster.world.set_zone(node, "a");
    }
    assert_eq!(cluster.plan(), []);
    cluster.meet(&Event::Join { zone: 2 }, true);
    cluster.settle();
    assert!(cluster.map().groups().skip(1).all(|group| group.replica_on(NodeId(4)).is_some()));
}

#[test]
fn a_replica_that_cannot_join_is_given_up() {
    let mut cluster = settled(3, 1);
    cluster.meet(&Event::Join { zone: 0 }, false);
    let replica = cluster.world.apply(AddReplica { group: GroupId(1), node: NodeId(4) }).expect("free").replica;
    let given_up = Step::RemoveReplica { group: GroupId(1), replica };
    assert!(!cluster.plan().contains(&given_up));
    cluster.down = BTreeSet::from([NodeId(4)]);
    assert_eq!(cluster.plan(), [given_up]);
}

#[test]
fn a_node_sees_the_catalog_until_it_has_deleted_everything_else() {
    let mut cluster = settled(4, 1);
    let holder = cluster.world.group(1).members().next().expect("three members").node;
    let data = cluster.world.group(1).replica_on(holder).copied().expect("a member").id;
    let catalog = cluster.world.group(0).replica_on(holder).copied().expect("each node has one").id;
    cluster.world.set_state(holder.0, NodeState::Decommissioning).expect("it was active");
    let gives_up_catalog = Step::RemoveReplica { group: GroupId::METADATA, replica: catalog };
    for _ in 0..20 {
        if cluster.world.group(1).replica(data).is_some() {
            assert!(!cluster.plan().contains(&gives_up_catalog));
        }
        for step in cluster.plan() {
            cluster.propose(step);
        }
        for (group, replica) in cluster.reports() {
            cluster.report(group.id, replica);
        }
    }
    assert_eq!(cluster.map().node(holder), None);
}

#[test]
fn replicas_that_wait_for_a_group_without_a_majority_do_not_keep_others_waiting() {
    let mut cluster = Cluster::new(World::of_nodes_and_groups(4, 3), 7);
    cluster.world.joined(1, 2);
    cluster.world.joined(1, 3);
    for group in [2, 3] {
        let command = AddReplica { group: GroupId(group), node: NodeId(4) };
        cluster.world.apply(command).expect("free");
    }
    // Groups 2 and 3 had their only member on node 1.
    cluster.world.set_state(1, NodeState::Lost).expect("it was active");
    assert!(cluster.plan().contains(&Step::AddReplica { group: GroupId(1), node: NodeId(4) }));
}

#[test]
fn shards_weigh_among_nodes_of_equally_many_replicas() {
    let mut cluster = Cluster::new(World::of_nodes_and_groups(4, 3), 7);
    cluster.world.active("s", 1, START);
    cluster.world.joined(1, 2);
    cluster.world.joined(3, 3);
    // Group 1, which has the shard, goes to node 4, which has nothing. Then nodes 2, 3 and 4 have
    // one replica each, and that on node 3 has no shard.
    let steps = cluster.plan();
    assert!(steps.contains(&Step::AddReplica { group: GroupId(1), node: NodeId(4) }), "{steps:?}");
    assert!(steps.contains(&Step::AddReplica { group: GroupId(2), node: NodeId(3) }), "{steps:?}");
}

#[test]
fn a_replica_that_is_only_to_be_deleted_is_not_moved() {
    let mut world = World::of_nodes_and_groups(5, 7);
    let joined = |world: &mut World, group, nodes: &[u64]| {
        nodes.iter().for_each(|node| {
            world.joined(group, *node);
        })
    };
    // Shards go to the groups of most members: eight to group 1, then four to group 7.
    joined(&mut world, 1, &[2, 3]);
    world.active("eight", 8, START);
    joined(&mut world, 7, &[2, 3, 4]);
    world.active("four", 4, START);
    let leaving = world.group(7).replica_on(NodeId(1)).copied().expect("its first member").id;
    world.left(7, leaving);
    for (group, nodes) in [(2, [2, 4]), (3, [3, 4]), (4, [2, 3]), (5, [2, 4]), (6, [3, 4])] {
        joined(&mut world, group, &nodes);
    }
    // Where a move goes within a zone, none makes the spread worse.
    (1..=5).for_each(|node| world.set_zone(node, "x"));
    // Node 1 holds the most, and group 7 would leave its shards and those of node 5 most alike.
    let moved = |step: &Step| matches!(step, Step::AddReplica { group: GroupId(7), .. });
    let steps = Cluster::new(world, 7).plan();
    assert!(steps.contains(&Step::AddReplica { group: GroupId(1), node: NodeId(5) }), "{steps:?}");
    assert!(!steps.iter().any(moved), "{steps:?}");
}
