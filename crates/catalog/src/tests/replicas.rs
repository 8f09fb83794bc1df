//! Replicas that apply the same commands are equal, and so is one that was loaded from rows
//! in between (I9).

use super::world::*;
use crate::*;
use anabranch_types::*;
use bytes::Bytes;
use proptest::prelude::*;

/// A command over so few names and ids that most meet something that exists.
fn command() -> impl Strategy<Value = Bytes> {
    let name = (0..3u8).prop_map(|n| stream_name(["a", "b", "c"][usize::from(n)]));
    let account = (0..2u8).prop_map(|n| AccountId::parse(["000000000000", "000000000001"][usize::from(n)]));
    let account = account.prop_map(|account| account.expect("twelve digits"));
    let now = (0..3_000u64).prop_map(|s| START.plus(std::time::Duration::from_secs(s)));
    let uid = (0..12u64).prop_map(StreamUid);
    let addresses = "[a-c]".prop_map(|text| NodeAddresses::new(&text, "").expect("valid"));
    let node = (1..5u64, 10..15u128, addresses, 1..4u16);
    let node_state = proptest::sample::select(vec![
        NodeState::Active,
        NodeState::Draining,
        NodeState::Decommissioning,
        NodeState::Lost,
    ]);
    let zone = "[xy]?".prop_map(|name| Zone::new(&name).expect("valid"));
    let replica = ((0..3u32).prop_map(GroupId), (1..10u64).prop_map(ReplicaId));
    prop_oneof![
        1 => (1..4u32).prop_map(|groups| bootstrap(groups).encode()),
        3 => ((0..3u32).prop_map(GroupId), (1..5u64).prop_map(NodeId)).prop_map(|(group, node)| {
            AddReplica { group, node }.encode()
        }),
        2 => replica.clone().prop_map(|(group, replica)| PromoteReplica { group, replica }.encode()),
        3 => replica.clone().prop_map(|(group, replica)| ReplicaJoined { group, replica }.encode()),
        2 => replica.clone().prop_map(|(group, replica)| RemoveReplica { group, replica }.encode()),
        2 => replica.clone().prop_map(|(group, replica)| ReplicaLeft { group, replica }.encode()),
        2 => replica.prop_map(|(group, replica)| ForgetReplica { group, replica }.encode()),
        2 => (1..5u64, 10..15u128, node_state).prop_map(|(node, incarnation, state)| {
            SetNodeState { node: NodeId(node), incarnation: Incarnation(incarnation), state }.encode()
        }),
        1 => (1..5u64, 10..15u128, zone).prop_map(|(node, incarnation, zone)| {
            DescribeNode { node: NodeId(node), incarnation: Incarnation(incarnation), zone }.encode()
        }),
        1 => (1..5u64).prop_map(|node| RemoveNode { node: NodeId(node) }.encode()),
        1 => (1..5u64, 1..6u32).prop_map(|(node, known)| CreateGroup { node: NodeId(node), known }.encode()),
        4 => (node.clone(), now.clone()).prop_map(|((_, incarnation, addresses, feature_level), now)| {
            RegisterNode { incarnation: Incarnation(incarnation), addresses, feature_level, now }.encode()
        }),
        1 => node.prop_map(|(node, incarnation, addresses, feature_level)| {
            UpdateNode { node: NodeId(node), incarnation: Incarnation(incarnation), addresses, feature_level }.encode()
        }),
        6 => (account.clone(), name.clone(), 1..6u32, now.clone(), 0..3u128).prop_map(
            |(account, name, shards, now, request)| CreateStream {
                account,
                name,
                shard_limit: 12,
                request: RequestId(request),
                ..create("x", shards, now)
            }.encode()
        ),
        4 => uid.clone().prop_map(|uid| ActivateStream { uid }.encode()),
        4 => (account, name).prop_map(|(account, name)| BeginDeleteStream { account, name }.encode()),
        4 => uid.prop_map(|uid| FinishDeleteStream { uid }.encode()),
        2 => (any::<u8>(), now).prop_map(|(byte, now)| {
            RotateTokenKey { secret: TokenSecret::new([byte; 32]), now }.encode()
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_catalog_loaded_from_rows_is_the_one_that_wrote_them(
        commands in proptest::collection::vec((command(), any::<bool>()), 1..90),
        bootstrapped_first in proptest::bool::weighted(0.9),
    ) {
        let mut world = if bootstrapped_first { World::bootstrapped() } else { World::default() };
        let mut twin = Catalog::load(world.stored.clone().into_iter()).expect("rows of a catalog");
        for (command, restart) in commands {
            let outcome = world.apply_bytes(&command).expect("a command of this build");
            let mut rows = Vec::new();
            prop_assert_eq!(twin.apply(world.index, &command, &mut rows), Ok(outcome));
            prop_assert_eq!(&rows, &world.mutations);
            if restart {
                // Rows may come in any order.
                twin = Catalog::load(world.stored.clone().into_iter().rev()).expect("rows of a catalog");
            }
            prop_assert_eq!(&twin, &world.catalog);
            prop_assert_eq!(twin.hash(), world.catalog.hash());
        }
    }
}

#[test]
fn catalogs_that_differ_in_one_row_have_different_hashes() {
    let mut world = World::bootstrapped();
    let before = world.catalog.hash();
    world.create("a", 1, START);
    assert_ne!(world.catalog.hash(), before);
}
