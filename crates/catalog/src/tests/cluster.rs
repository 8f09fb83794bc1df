use super::world::*;
use crate::*;
use anabranch_types::*;

fn register(incarnation: u128, feature_level: u16) -> RegisterNode {
    let addresses = NodeAddresses::new("b:1", "b:2").expect("valid");
    RegisterNode { incarnation: Incarnation(incarnation), addresses, feature_level, now: START }
}

fn update(node: u64, incarnation: u128, feature_level: u16) -> UpdateNode {
    let addresses = NodeAddresses::new("c:1", "").expect("valid");
    UpdateNode { node: NodeId(node), incarnation: Incarnation(incarnation), addresses, feature_level }
}

#[test]
fn bootstrap_makes_the_metadata_group_and_the_data_groups_on_the_first_node() {
    let mut world = World::default();
    let done = world.apply(bootstrap(3)).expect("the first bootstrap");

    assert_eq!(done.groups.iter().map(|group| group.id.0).collect::<Vec<_>>(), [1, 2, 3]);
    let map = world.catalog.shard_map();
    let metadata = map.group(GroupId::METADATA).expect("made");
    let first = Replica { id: Catalog::FIRST_METADATA_REPLICA, node: NodeId(1), state: ReplicaState::Member };
    assert_eq!(metadata.replicas, [first]);
    let replicas: Vec<u64> = map.groups().map(|group| group.replicas[0].id.0).collect();
    assert_eq!(replicas, [1, 2, 3, 4]);
    assert_eq!(world.catalog.cluster().map(|cluster| cluster.id), Some(ClusterId(7)));
    assert!(world.catalog.is_of(ClusterId(7)) && !world.catalog.is_of(ClusterId(8)));
    assert_eq!(world.catalog.node_of(Incarnation(11)), Some(NodeId(1)));
}

#[test]
fn a_second_bootstrap_is_refused_and_names_the_cluster() {
    let mut world = World::bootstrapped();
    let again = Bootstrap { cluster: ClusterId(8), ..bootstrap(1) };
    assert_eq!(world.apply(again), Err(BootstrapRefused::AlreadyBootstrapped { cluster: ClusterId(7) }));
}

#[test]
fn bootstraps_without_groups_or_with_impossible_nodes_are_refused() {
    let mut world = World::default();
    let max = crate::limits::BOOTSTRAP_GROUPS_MAX;
    for asked in [0, max + 1, u32::MAX] {
        assert_eq!(world.apply(bootstrap(asked)), Err(BootstrapRefused::GroupCount { asked, max }));
    }
    for (node, feature_level) in [(0, 1), (u64::MAX, 1), (1, 0)] {
        let command = Bootstrap { node: NodeId(node), feature_level, ..bootstrap(1) };
        assert_eq!(world.apply(command), Err(BootstrapRefused::Node { node: NodeId(node), feature_level }));
    }
}

#[test]
fn nothing_but_a_bootstrap_is_carried_out_before_the_bootstrap() {
    let mut world = World::default();
    assert_eq!(world.apply(create("s", 1, START)), Err(CreateStreamRefused::NotBootstrapped));
    assert_eq!(world.apply(register(1, 1)), Err(RegisterNodeRefused::NotBootstrapped));
    assert_eq!(world.apply(update(1, 1, 1)), Err(UpdateNodeRefused::NotBootstrapped));
    let rotate = RotateTokenKey { secret: TokenSecret::new([2; 32]), now: START };
    assert_eq!(world.apply(rotate), Err(RotateTokenKeyRefused::NotBootstrapped));
    let uid = StreamUid(1);
    assert_eq!(world.apply(ActivateStream { uid }), Err(ActivateStreamRefused::NotFound { uid }));
    assert_eq!(world.apply(FinishDeleteStream { uid }), Err(FinishDeleteStreamRefused::NeverExisted { uid }));
    assert_eq!(world.catalog, Catalog::default());
}

#[test]
fn a_directory_that_registers_again_keeps_its_node_id() {
    let mut world = World::bootstrapped();
    assert_eq!(world.apply(register(22, FEATURE_LEVEL)), Ok(NodeRegistered { node: NodeId(2) }));
    assert_eq!(world.apply(register(22, FEATURE_LEVEL)), Ok(NodeRegistered { node: NodeId(2) }));
    let other = RegisterNode { addresses: NodeAddresses::default(), ..register(33, FEATURE_LEVEL) };
    assert_eq!(world.apply(other), Ok(NodeRegistered { node: NodeId(3) }));
}

#[test]
fn node_ids_follow_the_one_the_first_node_chose() {
    let mut world = World::default();
    world.apply(Bootstrap { node: NodeId(41), ..bootstrap(1) }).expect("the first bootstrap");
    assert_eq!(world.apply(register(22, FEATURE_LEVEL)), Ok(NodeRegistered { node: NodeId(42) }));
}

#[test]
fn a_member_moves_to_another_address_but_not_to_another_directory() {
    let mut world = World::bootstrapped();
    let same = NodeUpdated { feature_level: FEATURE_LEVEL };
    assert_eq!(world.apply(update(1, 11, FEATURE_LEVEL)), Ok(same));
    let map = world.catalog.shard_map();
    assert_eq!(map.node(NodeId(1)).map(|node| node.addresses.peer()), Some("c:1"));

    // The same again changes nothing, so a restart costs no map version.
    world.apply(update(1, 11, FEATURE_LEVEL)).expect("as before");
    assert_eq!(world.catalog.shard_map().version(), map.version());

    let registered = Incarnation(11);
    assert_eq!(
        world.apply(update(1, 12, FEATURE_LEVEL)),
        Err(UpdateNodeRefused::Incarnation { node: NodeId(1), registered })
    );
    assert_eq!(world.apply(update(2, 12, FEATURE_LEVEL)), Err(UpdateNodeRefused::Unknown { node: NodeId(2) }));
}

#[test]
fn a_used_directory_of_level_1_reaches_this_builds_level_when_it_starts() {
    let mut world = World::default();
    world.apply(Bootstrap { feature_level: 1, ..bootstrap(2) }).expect("the first bootstrap");
    assert_eq!(world.apply(update(1, 11, FEATURE_LEVEL)), Ok(NodeUpdated { feature_level: FEATURE_LEVEL }));
    assert_eq!(world.catalog.cluster().map(|cluster| cluster.feature_level), Some(FEATURE_LEVEL));
}

#[test]
fn the_feature_level_rises_with_the_last_upgraded_node_and_never_falls() {
    let mut world = World::bootstrapped();
    world.apply(register(22, FEATURE_LEVEL)).expect("a new node");

    let (now, next) = (FEATURE_LEVEL, FEATURE_LEVEL + 1);
    assert_eq!(world.apply(update(1, 11, next + 1)), Ok(NodeUpdated { feature_level: now }));
    assert_eq!(world.apply(update(2, 22, next)), Ok(NodeUpdated { feature_level: next }));
    assert_eq!(world.catalog.cluster().map(|cluster| cluster.feature_level), Some(next));

    let (cluster, node) = (next, now);
    assert_eq!(world.apply(update(1, 11, now)), Err(UpdateNodeRefused::FeatureLevel { cluster, node }));
    assert_eq!(world.apply(register(33, now)), Err(RegisterNodeRefused::FeatureLevel { cluster, node }));
}

#[test]
fn addresses_of_other_characters_or_lengths_are_refused() {
    for bad in ["a b", "ä:1", "a\n", &"a".repeat(261)] {
        assert_eq!(NodeAddresses::new(bad, ""), Err(InvalidAddress), "{bad:?}");
        assert_eq!(NodeAddresses::new("", bad), Err(InvalidAddress), "{bad:?}");
    }
    assert!(NodeAddresses::new(&"a".repeat(260), "").is_ok());
}
