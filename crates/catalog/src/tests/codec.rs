//! Every command, outcome and row reads back as written, and no shorter or longer input is
//! taken for it.

use crate::cluster::Counters;
use crate::command::{decode, encode_outcome, open};
use crate::consumer::{AnsweredCall, ConsumerCalls};
use crate::reshard::{Answered, ReshardHistory};
use crate::rows::{Floor, RowKey, RowValue, decode_value, encode_value};
use crate::*;
use anabranch_types::*;
use proptest::prelude::*;
use std::fmt::Debug;
use std::time::Duration;

mod tags;

fn name() -> impl Strategy<Value = StreamName> {
    "[a-zA-Z0-9_.-]{1,128}".prop_map(|text| StreamName::new(&text).expect("valid"))
}

fn account() -> impl Strategy<Value = AccountId> {
    "[0-9]{12}".prop_map(|text| AccountId::parse(&text).expect("valid"))
}

fn time() -> impl Strategy<Value = Timestamp> {
    any::<u64>().prop_map(Timestamp::from_millis)
}

fn addresses() -> impl Strategy<Value = NodeAddresses> {
    ("[!-~]{0,260}", "[!-~]{0,40}").prop_map(|(peer, client)| NodeAddresses::new(&peer, &client).expect("valid"))
}

fn secret() -> impl Strategy<Value = TokenSecret> {
    any::<[u8; 32]>().prop_map(TokenSecret::new)
}

fn shard_id() -> impl Strategy<Value = ShardId> {
    (0u32..1 << 31).prop_map(ShardId)
}

fn parents() -> impl Strategy<Value = Parents> {
    prop_oneof![
        Just(Parents::None),
        shard_id().prop_map(|parent| Parents::Split { parent }),
        (shard_id(), shard_id()).prop_map(|(parent, adjacent)| Parents::Merge { parent, adjacent }),
    ]
}

fn closed(epoch: ShardEpoch) -> impl Strategy<Value = Option<Closed>> {
    let ending = (0u64..1 << 63, 0u64..1 << 36, time()).prop_map(move |(counter, arrival_s, at)| Closed {
        ending: SequenceNumber { epoch, counter: Counter::from_bits(counter).expect("63 bits"), arrival_s },
        at,
    });
    proptest::option::of(ending)
}

fn shard() -> impl Strategy<Value = Shard> {
    let ids = (shard_id(), any::<u32>(), 0u64..1 << 36);
    (ids, any::<[u128; 2]>(), parents(), time()).prop_flat_map(|((id, group, created_s), keys, parents, opened)| {
        let (start, end) = (HashKey(keys[0].min(keys[1])), HashKey(keys[0].max(keys[1])));
        let range = HashKeyRange::new(start, end).expect("ordered");
        let group = GroupId(group);
        closed(ShardEpoch { created_s, shard: id }).prop_map(move |closed| Shard {
            id,
            range,
            parents,
            group,
            created_s,
            opened,
            closed,
        })
    })
}

fn step() -> impl Strategy<Value = ReshardStep> {
    prop_oneof![
        (shard_id(), any::<u128>()).prop_map(|(parent, at)| ReshardStep::Split { parent, at: HashKey(at) }),
        (shard_id(), shard_id()).prop_map(|(parent, adjacent)| ReshardStep::Merge { parent, adjacent }),
    ]
}

fn round() -> impl Strategy<Value = Round> {
    let stage = prop_oneof![Just(RoundStage::Preparing), Just(RoundStage::Sealing)];
    (any::<u64>(), any::<u128>(), stage, proptest::collection::vec(shard(), 0..4)).prop_map(
        |(id, request, stage, children)| Round { id: MapVersion(id), request: RequestId(request), stage, children },
    )
}

fn history() -> impl Strategy<Value = ReshardHistory> {
    let answered = proptest::collection::vec((any::<u128>(), any::<u64>(), any::<[u32; 2]>()), 0..4);
    let scaling = proptest::option::of((any::<u128>(), any::<u32>()));
    (answered, proptest::collection::vec(time(), 0..4), scaling, time()).prop_map(
        |(answered, scaled, scaling, removed_until)| {
            let answered = answered.into_iter().map(|(request, version, [before, after])| Answered {
                request: RequestId(request),
                begun: ReshardBegun { version: MapVersion(version), before, after },
            });
            let scaling = scaling.map(|(request, target)| Scaling { request: RequestId(request), target });
            ReshardHistory { answered: answered.collect(), scaled, scaling, removed_until }
        },
    )
}

fn steps_refused() -> impl Strategy<Value = StepsRefused> {
    let refused = (0u8..10, shard_id(), shard_id(), any::<[u128; 3]>(), any::<[u32; 2]>(), any::<u64>());
    refused.prop_map(|(which, shard, adjacent, keys, [asked, limit], created_s)| match which {
        0 => StepsRefused::NoSteps,
        1 => StepsRefused::NoShard { shard },
        2 => StepsRefused::Closed { shard },
        3 => StepsRefused::Repeated { shard },
        4 => {
            let [start, end, at] = keys.map(HashKey);
            StepsRefused::HashKey { shard, start, end, at }
        }
        5 => StepsRefused::NotAdjacent { parent: shard, adjacent },
        6 => StepsRefused::StreamShardLimit { asked, limit },
        7 => StepsRefused::KeptShardLimit { asked, limit },
        8 => StepsRefused::ShardIds { next: shard },
        _ => StepsRefused::Time { created_s },
    })
}

fn status() -> impl Strategy<Value = StreamStatus> {
    prop_oneof![
        Just(StreamStatus::Creating),
        Just(StreamStatus::Active),
        Just(StreamStatus::Updating),
        Just(StreamStatus::Deleting),
    ]
}

fn span() -> impl Strategy<Value = Duration> {
    any::<u64>().prop_map(Duration::from_millis)
}

fn retention_changes() -> impl Strategy<Value = RetentionChanges> {
    let changed = (any::<u64>(), proptest::option::of(span()), proptest::collection::vec(any::<u128>(), 0..4));
    let changed = changed.prop_map(|(last, pending, calls)| RetentionChanges {
        last: MapVersion(last),
        pending,
        calls: calls.into_iter().map(RequestId).collect(),
    });
    prop_oneof![Just(RetentionChanges::default()), changed]
}

fn stream() -> impl Strategy<Value = Stream> {
    let names = (any::<u64>(), account(), name(), time(), status());
    let calls = proptest::collection::vec(any::<u128>(), 0..2);
    (names, any::<[u64; 3]>(), any::<u128>(), shard_id(), retention_changes(), calls).prop_map(
        |(
            (uid, account, name, created, status),
            [retention, bytes, version],
            request,
            next_shard,
            retention_changes,
            calls,
        )| Stream {
            uid: StreamUid(uid),
            account,
            name,
            created,
            status,
            retention: Duration::from_millis(retention),
            max_record_bytes: bytes,
            limits: StreamLimits::AwsDefaults,
            request: RequestId(request),
            next_shard,
            version: MapVersion(version),
            retention_changes,
            record_size_calls: calls.into_iter().map(RequestId).collect(),
        },
    )
}

fn token_key() -> impl Strategy<Value = TokenKey> {
    (any::<u32>(), secret(), time()).prop_map(|(id, secret, made)| TokenKey { id, secret, made })
}

fn zone() -> impl Strategy<Value = Zone> {
    prop_oneof![Just(String::new()), "[!-~]{0,64}"].prop_map(|name| Zone::new(&name).expect("valid"))
}

fn node_state() -> impl Strategy<Value = NodeState> {
    prop_oneof![
        3 => Just(NodeState::Active),
        1 => Just(NodeState::Draining),
        1 => Just(NodeState::Decommissioning),
        1 => Just(NodeState::Lost),
    ]
}

fn replica_state() -> impl Strategy<Value = ReplicaState> {
    prop_oneof![
        Just(ReplicaState::Observer),
        Just(ReplicaState::Joining),
        Just(ReplicaState::Member),
        Just(ReplicaState::Leaving),
        Just(ReplicaState::Retired),
    ]
}

fn node() -> impl Strategy<Value = Node> {
    (any::<u64>(), any::<u128>(), addresses(), any::<u16>(), time(), node_state(), zone()).prop_map(
        |(id, incarnation, addresses, feature_level, registered, state, zone)| Node {
            id: NodeId(id),
            incarnation: Incarnation(incarnation),
            addresses,
            feature_level,
            registered,
            state,
            zone,
        },
    )
}

fn group_of(state: impl Strategy<Value = ReplicaState>) -> impl Strategy<Value = Group> {
    (any::<u32>(), proptest::collection::vec((any::<[u64; 2]>(), state), 0..6)).prop_map(|(id, replicas)| {
        let replica =
            |([id, node], state): ([u64; 2], ReplicaState)| Replica { id: ReplicaId(id), node: NodeId(node), state };
        Group { id: GroupId(id), replicas: replicas.into_iter().map(replica).collect() }
    })
}

/// Version 1 can say this group.
fn settled_group() -> impl Strategy<Value = Group> {
    group_of(Just(ReplicaState::Member))
}

fn group() -> impl Strategy<Value = Group> {
    prop_oneof![settled_group(), group_of(replica_state())]
}

/// No prefix of `bytes`, and no longer input, is read as a value.
fn only_the_whole<T: Debug, E: Debug>(bytes: &[u8], read: impl Fn(&[u8]) -> Result<T, E>) {
    for length in 0..bytes.len() {
        assert!(read(&bytes[..length]).is_err(), "{length} of {} bytes were taken", bytes.len());
    }
    let longer = [bytes, &[0]].concat();
    assert!(read(&longer).is_err(), "a byte too many was taken");
}

fn row_reads_back<V: RowValue + PartialEq + Debug>(value: &V) {
    let bytes = encode_value(value);
    assert_eq!(decode_value::<V>(&bytes).as_ref(), Ok(value));
    only_the_whole(&bytes, decode_value::<V>);
    let newer = [&[V::VERSION + 1], &bytes[1..]].concat();
    let (what, found, known) = (V::WHAT, V::VERSION + 1, V::VERSION);
    assert_eq!(decode_value::<V>(&newer), Err(DecodeError::Version { what, found, known }));
}

fn command_reads_back<C: Command + PartialEq + Debug>(command: &C) {
    let bytes = command.encode();
    let read = |bytes: &[u8]| {
        let (kind, fields) = open(bytes)?;
        assert_eq!(kind, C::KIND);
        decode::<C>(fields)
    };
    assert_eq!(read(&bytes).as_ref(), Ok(command));
    only_the_whole(&bytes, read);
}

fn outcome_reads_back<C>(outcome: &Result<C::Done, C::Refused>)
where
    C: Command,
    C::Done: PartialEq + Debug,
    C::Refused: PartialEq + Debug,
{
    let bytes = encode_outcome::<C>(outcome);
    assert_eq!(C::decode_outcome(&bytes).as_ref(), Ok(outcome));
    only_the_whole(&bytes, C::decode_outcome);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_row_value_reads_back(stream in stream(), shard in shard(), node in node(), group in group(),
                                  current in token_key(), previous in proptest::option::of(token_key()),
                                  numbers in any::<[u64; 5]>(), level in any::<u16>(), id in any::<u128>()) {
        row_reads_back(&stream);
        row_reads_back(&shard);
        row_reads_back(&node);
        row_reads_back(&group);
        row_reads_back(&TokenKeys { current, previous });
        row_reads_back(&Floor { created_s: numbers[0] });
        let bootstrapped = Timestamp::from_millis(numbers[1]);
        row_reads_back(&Cluster { id: ClusterId(id), bootstrapped, feature_level: level });
        row_reads_back(&Counters {
            map_version: MapVersion(numbers[0]),
            changed_at: numbers[1],
            next_node: NodeId(numbers[2]),
            next_group: GroupId(numbers[3] as u32),
            next_replica: ReplicaId(numbers[3]),
            next_stream: StreamUid(numbers[4]),
        });
    }

    #[test]
    fn every_row_key_reads_back(number in any::<u64>(), account in account(), name in name(), shard in shard_id()) {
        let uid = StreamUid(number);
        for key in [RowKey::Cluster, RowKey::Counters, RowKey::TokenKeys, RowKey::Node(NodeId(number)),
                    RowKey::Group(GroupId(number as u32)), RowKey::Stream(uid), RowKey::Shard(uid, shard),
                    RowKey::ReshardHistory(uid), RowKey::Round(uid), RowKey::Tagging(uid)] {
            let bytes = key.encode();
            prop_assert_eq!(RowKey::decode(&bytes), Ok(key));
            only_the_whole(&bytes, RowKey::decode);
        }
        // A floor's name runs to the end of the key, so a shorter key is another name.
        let key = RowKey::Floor(account, name);
        let bytes = key.encode();
        prop_assert_eq!(RowKey::decode(&bytes), Ok(key));
        for length in 0..=13 {
            prop_assert!(RowKey::decode(&bytes[..length]).is_err());
        }
    }

    #[test]
    fn every_command_reads_back(node in node(), secret in secret(), count in 1u32.., numbers in any::<[u32; 2]>(),
                                account in account(), name in name(), now in time(), wide in any::<u128>()) {
        let uid = StreamUid(node.id.0);
        command_reads_back(&Bootstrap {
            cluster: ClusterId(wide),
            node: node.id,
            incarnation: node.incarnation,
            addresses: node.addresses.clone(),
            feature_level: node.feature_level,
            data_groups: numbers[0],
            token_secret: secret.clone(),
            now,
        });
        let (incarnation, feature_level, addresses) = (node.incarnation, node.feature_level, node.addresses);
        command_reads_back(&RegisterNode { incarnation, addresses: addresses.clone(), feature_level, now });
        command_reads_back(&UpdateNode { node: node.id, incarnation, addresses, feature_level });
        command_reads_back(&CreateStream {
            account,
            name: name.clone(),
            shard_count: count.try_into().expect("from 1"),
            now,
            shard_limit: numbers[1],
            request: RequestId(wide),
        });
        command_reads_back(&ActivateStream { uid });
        command_reads_back(&BeginDeleteStream { account, name });
        command_reads_back(&FinishDeleteStream { uid });
        command_reads_back(&RotateTokenKey { secret, now });
    }

    #[test]
    fn every_outcome_reads_back(groups in proptest::collection::vec(settled_group(), 0..4), numbers in any::<[u32; 3]>(),
                                levels in any::<[u16; 2]>(), id in any::<u64>(), wide in any::<u128>(),
                                status in status(), until in time()) {
        let ([asked, limit, current], [cluster, node_level]) = (numbers, levels);
        let (node, uid, version) = (NodeId(id), StreamUid(id), MapVersion(id));
        outcome_reads_back::<Bootstrap>(&Ok(Bootstrapped { groups: groups.clone() }));
        for refused in [BootstrapRefused::AlreadyBootstrapped { cluster: ClusterId(wide) },
                        BootstrapRefused::GroupCount { asked, max: limit },
                        BootstrapRefused::Node { node, feature_level: node_level }] {
            outcome_reads_back::<Bootstrap>(&Err(refused));
        }
        outcome_reads_back::<RegisterNode>(&Ok(NodeRegistered { node }));
        for refused in [RegisterNodeRefused::NotBootstrapped,
                        RegisterNodeRefused::ClusterLevel { cluster, needed: node_level },
                        RegisterNodeRefused::AddressTaken { node },
                        RegisterNodeRefused::FeatureLevel { cluster, node: node_level }] {
            outcome_reads_back::<RegisterNode>(&Err(refused));
        }
        outcome_reads_back::<UpdateNode>(&Ok(NodeUpdated { feature_level: cluster }));
        for refused in [UpdateNodeRefused::NotBootstrapped, UpdateNodeRefused::Unknown { node },
                        UpdateNodeRefused::Incarnation { node, registered: Incarnation(wide) },
                        UpdateNodeRefused::FeatureLevel { cluster, node: node_level }] {
            outcome_reads_back::<UpdateNode>(&Err(refused));
        }
        outcome_reads_back::<CreateStream>(&Ok(StreamCreated { uid, version }));
        for refused in [CreateStreamRefused::NotBootstrapped, CreateStreamRefused::Exists { status },
                        CreateStreamRefused::ShardLimit { current, limit, asked },
                        CreateStreamRefused::StreamShardLimit { asked, limit },
                        CreateStreamRefused::Time { created_s: id }] {
            outcome_reads_back::<CreateStream>(&Err(refused));
        }
        outcome_reads_back::<ActivateStream>(&Ok(StreamActivated { version }));
        for refused in [ActivateStreamRefused::NotFound { uid }, ActivateStreamRefused::Deleting { uid }] {
            outcome_reads_back::<ActivateStream>(&Err(refused));
        }
        let groups = groups.iter().map(|group| group.id).collect();
        outcome_reads_back::<BeginDeleteStream>(&Ok(StreamDeleting { uid, groups, version }));
        outcome_reads_back::<BeginDeleteStream>(&Err(BeginDeleteStreamRefused::NotFound));
        outcome_reads_back::<FinishDeleteStream>(&Ok(StreamDeleted { version }));
        for refused in [FinishDeleteStreamRefused::NotDeleting { uid, status },
                        FinishDeleteStreamRefused::NeverExisted { uid }] {
            outcome_reads_back::<FinishDeleteStream>(&Err(refused));
        }
        outcome_reads_back::<RotateTokenKey>(&Ok(TokenKeyRotated { id: asked }));
        for refused in [RotateTokenKeyRefused::NotBootstrapped, RotateTokenKeyRefused::TooSoon { until }] {
            outcome_reads_back::<RotateTokenKey>(&Err(refused));
        }
    }

    #[test]
    fn every_membership_command_reads_back(ids in any::<[u64; 2]>(), id in any::<u32>(), wide in any::<u128>(),
                                           state in node_state(), zone in zone()) {
        let (node, replica, group, incarnation) = (NodeId(ids[0]), ReplicaId(ids[1]), GroupId(id), Incarnation(wide));
        command_reads_back(&AddReplica { group, node });
        command_reads_back(&PromoteReplica { group, replica });
        command_reads_back(&ReplicaJoined { group, replica });
        command_reads_back(&RemoveReplica { group, replica });
        command_reads_back(&ReplicaLeft { group, replica });
        command_reads_back(&ForgetReplica { group, replica });
        command_reads_back(&SetNodeState { node, incarnation, state });
        command_reads_back(&DescribeNode { node, incarnation, zone });
        command_reads_back(&RemoveNode { node });
        command_reads_back(&CreateGroup { node, known: id });
    }

    #[test]
    fn every_outcome_of_membership_reads_back(ids in any::<[u64; 3]>(), id in any::<u32>(), wide in any::<u128>(),
                                              state in replica_state(), node_state in node_state(),
                                              levels in any::<[u16; 2]>()) {
        let ([node, replica, version], group) = (ids, GroupId(id));
        let (node, replica, registered) = (NodeId(node), ReplicaId(replica), Incarnation(wide));
        let (recorded, [cluster, needed]) = (Recorded { version: MapVersion(version) }, levels);
        outcome_reads_back::<AddReplica>(&Ok(ReplicaAdded { replica }));
        for refused in [AddReplicaRefused::NotBootstrapped, AddReplicaRefused::FeatureLevel { cluster, needed },
                        AddReplicaRefused::NoGroup { group }, AddReplicaRefused::NoNode { node },
                        AddReplicaRefused::NodeState { node, state: node_state },
                        AddReplicaRefused::AlreadyThere { node, replica, state },
                        AddReplicaRefused::Changing { replica }] {
            outcome_reads_back::<AddReplica>(&Err(refused));
        }
        outcome_reads_back::<PromoteReplica>(&Ok(recorded));
        for refused in [PromoteReplicaRefused::NotBootstrapped, PromoteReplicaRefused::FeatureLevel { cluster, needed },
                        PromoteReplicaRefused::NoGroup { group }, PromoteReplicaRefused::NoReplica { group, replica },
                        PromoteReplicaRefused::State { replica, state },
                        PromoteReplicaRefused::NodeState { node, state: node_state },
                        PromoteReplicaRefused::Changing { replica }] {
            outcome_reads_back::<PromoteReplica>(&Err(refused));
        }
        outcome_reads_back::<ReplicaJoined>(&Ok(recorded));
        for refused in [ReplicaJoinedRefused::NotBootstrapped, ReplicaJoinedRefused::FeatureLevel { cluster, needed },
                        ReplicaJoinedRefused::NoGroup { group }, ReplicaJoinedRefused::NoReplica { group, replica },
                        ReplicaJoinedRefused::State { replica, state }] {
            outcome_reads_back::<ReplicaJoined>(&Err(refused));
        }
        outcome_reads_back::<RemoveReplica>(&Ok(recorded));
        for refused in [RemoveReplicaRefused::NotBootstrapped, RemoveReplicaRefused::FeatureLevel { cluster, needed },
                        RemoveReplicaRefused::NoGroup { group }, RemoveReplicaRefused::NoReplica { group, replica },
                        RemoveReplicaRefused::LastMember { group, replica },
                        RemoveReplicaRefused::Observing { node, replica },
                        RemoveReplicaRefused::Changing { replica }] {
            outcome_reads_back::<RemoveReplica>(&Err(refused));
        }
        outcome_reads_back::<ReplicaLeft>(&Ok(recorded));
        for refused in [ReplicaLeftRefused::NotBootstrapped, ReplicaLeftRefused::FeatureLevel { cluster, needed },
                        ReplicaLeftRefused::NoGroup { group }, ReplicaLeftRefused::NoReplica { group, replica },
                        ReplicaLeftRefused::State { replica, state }] {
            outcome_reads_back::<ReplicaLeft>(&Err(refused));
        }
        outcome_reads_back::<ForgetReplica>(&Ok(recorded));
        for refused in [ForgetReplicaRefused::NotBootstrapped, ForgetReplicaRefused::FeatureLevel { cluster, needed },
                        ForgetReplicaRefused::NoGroup { group }, ForgetReplicaRefused::NoReplica { group, replica },
                        ForgetReplicaRefused::State { replica, state }] {
            outcome_reads_back::<ForgetReplica>(&Err(refused));
        }
        outcome_reads_back::<SetNodeState>(&Ok(recorded));
        for refused in [SetNodeStateRefused::NotBootstrapped, SetNodeStateRefused::FeatureLevel { cluster, needed },
                        SetNodeStateRefused::NoNode { node }, SetNodeStateRefused::Incarnation { node, registered },
                        SetNodeStateRefused::Lost { node }, SetNodeStateRefused::TooLate { node }] {
            outcome_reads_back::<SetNodeState>(&Err(refused));
        }
        outcome_reads_back::<DescribeNode>(&Ok(recorded));
        for refused in [DescribeNodeRefused::NotBootstrapped, DescribeNodeRefused::FeatureLevel { cluster, needed },
                        DescribeNodeRefused::NoNode { node }, DescribeNodeRefused::Incarnation { node, registered }] {
            outcome_reads_back::<DescribeNode>(&Err(refused));
        }
        outcome_reads_back::<RemoveNode>(&Ok(recorded));
        for refused in [RemoveNodeRefused::NotBootstrapped, RemoveNodeRefused::FeatureLevel { cluster, needed },
                        RemoveNodeRefused::NoNode { node }, RemoveNodeRefused::NodeState { node, state: node_state },
                        RemoveNodeRefused::Holds { node, group, replica }] {
            outcome_reads_back::<RemoveNode>(&Err(refused));
        }
        outcome_reads_back::<CreateGroup>(&Ok(GroupCreated { group }));
        for refused in [CreateGroupRefused::NotBootstrapped, CreateGroupRefused::FeatureLevel { cluster, needed },
                        CreateGroupRefused::NoNode { node }, CreateGroupRefused::NodeState { node, state: node_state },
                        CreateGroupRefused::Count { known: id, there: id }] {
            outcome_reads_back::<CreateGroup>(&Err(refused));
        }
    }

    #[test]
    fn rows_of_reshards_read_back(history in history(), round in round()) {
        row_reads_back(&history);
        row_reads_back(&round);
    }

    #[test]
    fn every_command_of_reshards_reads_back(steps in proptest::collection::vec(step(), 0..4), ids in any::<[u64; 2]>(),
                                            shards in proptest::collection::vec((shard_id(), 0u64..1 << 36), 0..4),
                                            count in 1u32.., limit in any::<u32>(), now in time(), wide in any::<u128>()) {
        let (uid, round, request) = (StreamUid(ids[0]), MapVersion(ids[1]), RequestId(wide));
        command_reads_back(&BeginReshard { uid, steps: steps.clone(), now, shard_limit: limit, request });
        let target = count.try_into().expect("from 1");
        command_reads_back(&UpdateShardCount { uid, target, now, shard_limit: limit, request });
        command_reads_back(&ContinueScaling { uid, request, steps, now });
        command_reads_back(&SealParents { uid, round });
        let ending = |(shard, created_s): &(ShardId, u64)| {
            Ending { epoch: ShardEpoch { created_s: *created_s, shard: *shard }, closed: now }
        };
        command_reads_back(&CommitReshard { uid, round, endings: shards.iter().map(ending).collect(), now });
        command_reads_back(&AbortReshard { uid, request });
        command_reads_back(&FinishScaling { uid, request });
        command_reads_back(&RemoveShards { uid, shards: shards.into_iter().map(|(shard, _)| shard).collect(), now });
    }

    #[test]
    fn every_outcome_of_calls_that_reshard_reads_back(ids in any::<[u64; 2]>(), levels in any::<[u16; 2]>(),
                                                      numbers in any::<[u32; 3]>(), status in status(), until in time(),
                                                      reason in steps_refused(), wide in any::<u128>()) {
        let ([cluster, needed], uid, request) = (levels, StreamUid(ids[0]), RequestId(wide));
        let [current, limit, asked] = numbers;
        let (round, target) = (MapVersion(ids[1]), asked);
        outcome_reads_back::<BeginReshard>(&Ok(ReshardBegun { version: round, before: current, after: asked }));
        for refused in [BeginReshardRefused::NotBootstrapped, BeginReshardRefused::FeatureLevel { cluster, needed },
                        BeginReshardRefused::NoStream { uid }, BeginReshardRefused::Status { status },
                        BeginReshardRefused::ShardLimit { current, limit, asked },
                        BeginReshardRefused::Steps { reason: reason.clone() }] {
            outcome_reads_back::<BeginReshard>(&Err(refused));
        }
        for refused in [UpdateShardCountRefused::NotBootstrapped,
                        UpdateShardCountRefused::FeatureLevel { cluster, needed },
                        UpdateShardCountRefused::NoStream { uid }, UpdateShardCountRefused::Status { status },
                        UpdateShardCountRefused::Same { current },
                        UpdateShardCountRefused::AboveDouble { current, target },
                        UpdateShardCountRefused::BelowHalf { current, target },
                        UpdateShardCountRefused::TargetLimit { target, limit },
                        UpdateShardCountRefused::ShardLimit { current, limit, asked },
                        UpdateShardCountRefused::TooOften { until }] {
            outcome_reads_back::<UpdateShardCount>(&Err(refused));
        }
        outcome_reads_back::<ContinueScaling>(&Ok(RoundBegun { round }));
        for refused in [ContinueScalingRefused::NotBootstrapped,
                        ContinueScalingRefused::FeatureLevel { cluster, needed },
                        ContinueScalingRefused::NoStream { uid }, ContinueScalingRefused::NotUnderway { request },
                        ContinueScalingRefused::Round { round }, ContinueScalingRefused::Steps { reason }] {
            outcome_reads_back::<ContinueScaling>(&Err(refused));
        }
    }

    #[test]
    fn every_outcome_of_carrying_out_reshards_reads_back(ids in any::<[u64; 2]>(), levels in any::<[u16; 2]>(),
                                                         numbers in any::<[u32; 2]>(), shard in shard_id(),
                                                         until in time(), wide in any::<u128>()) {
        let ([cluster, needed], uid, request) = (levels, StreamUid(ids[0]), RequestId(wide));
        let ([open, target], round) = (numbers, MapVersion(ids[1]));
        let recorded = Recorded { version: round };
        outcome_reads_back::<SealParents>(&Ok(recorded));
        for refused in [SealParentsRefused::NotBootstrapped, SealParentsRefused::FeatureLevel { cluster, needed },
                        SealParentsRefused::NoStream { uid }, SealParentsRefused::NotUnderway { round }] {
            outcome_reads_back::<SealParents>(&Err(refused));
        }
        outcome_reads_back::<CommitReshard>(&Ok(recorded));
        for refused in [CommitReshardRefused::NotBootstrapped, CommitReshardRefused::FeatureLevel { cluster, needed },
                        CommitReshardRefused::NoStream { uid }, CommitReshardRefused::NotUnderway { round },
                        CommitReshardRefused::Preparing { round }, CommitReshardRefused::Missing { shard },
                        CommitReshardRefused::NotAParent { shard }, CommitReshardRefused::Time { at: until }] {
            outcome_reads_back::<CommitReshard>(&Err(refused));
        }
        outcome_reads_back::<AbortReshard>(&Ok(recorded));
        for refused in [AbortReshardRefused::NotBootstrapped, AbortReshardRefused::FeatureLevel { cluster, needed },
                        AbortReshardRefused::NoStream { uid }, AbortReshardRefused::NotUnderway { request },
                        AbortReshardRefused::Sealing { round }] {
            outcome_reads_back::<AbortReshard>(&Err(refused));
        }
        outcome_reads_back::<FinishScaling>(&Ok(recorded));
        for refused in [FinishScalingRefused::NotBootstrapped, FinishScalingRefused::FeatureLevel { cluster, needed },
                        FinishScalingRefused::NoStream { uid }, FinishScalingRefused::NotUnderway { request },
                        FinishScalingRefused::Round { round }, FinishScalingRefused::NotThere { open, target }] {
            outcome_reads_back::<FinishScaling>(&Err(refused));
        }
        outcome_reads_back::<RemoveShards>(&Ok(recorded));
        for refused in [RemoveShardsRefused::NotBootstrapped, RemoveShardsRefused::FeatureLevel { cluster, needed },
                        RemoveShardsRefused::NoStream { uid }, RemoveShardsRefused::NoShard { shard },
                        RemoveShardsRefused::NotClosed { shard }, RemoveShardsRefused::Kept { shard, until }] {
            outcome_reads_back::<RemoveShards>(&Err(refused));
        }
    }

    #[test]
    fn commands_of_retentions_and_their_outcomes_read_back(ids in any::<[u64; 3]>(), levels in any::<[u16; 2]>(),
                                                           spans in any::<[u64; 2]>(), status in status(),
                                                           raises in any::<bool>(), wide in any::<u128>()) {
        let (uid, change, recorded) = (StreamUid(ids[0]), MapVersion(ids[1]), Recorded { version: MapVersion(ids[2]) });
        let [cluster, needed] = levels;
        let [least, most] = spans.map(Duration::from_millis);
        let direction = if raises { RetentionMove::Increase } else { RetentionMove::Decrease };
        command_reads_back(&SetRetention { uid, retention: least, direction, request: RequestId(wide) });
        command_reads_back(&FinishRetention { uid, change });
        outcome_reads_back::<SetRetention>(&Ok(recorded));
        for refused in [SetRetentionRefused::NotBootstrapped, SetRetentionRefused::FeatureLevel { cluster, needed },
                        SetRetentionRefused::NoStream { uid }, SetRetentionRefused::Status { status },
                        SetRetentionRefused::Bounds { least, most },
                        SetRetentionRefused::BelowCurrent { current: most },
                        SetRetentionRefused::AboveCurrent { current: least }] {
            outcome_reads_back::<SetRetention>(&Err(refused));
        }
        command_reads_back(&UpdateMaxRecordSize { uid, max_record_bytes: ids[2], request: RequestId(wide) });
        outcome_reads_back::<UpdateMaxRecordSize>(&Ok(recorded));
        for refused in [UpdateMaxRecordSizeRefused::NotBootstrapped,
                        UpdateMaxRecordSizeRefused::FeatureLevel { cluster, needed },
                        UpdateMaxRecordSizeRefused::NoStream { uid }, UpdateMaxRecordSizeRefused::Status { status },
                        UpdateMaxRecordSizeRefused::Bounds { least: ids[0], most: ids[1] }] {
            outcome_reads_back::<UpdateMaxRecordSize>(&Err(refused));
        }
        outcome_reads_back::<FinishRetention>(&Ok(recorded));
        for refused in [FinishRetentionRefused::NotBootstrapped,
                        FinishRetentionRefused::FeatureLevel { cluster, needed },
                        FinishRetentionRefused::NoStream { uid }, FinishRetentionRefused::NotUnderway { change }] {
            outcome_reads_back::<FinishRetention>(&Err(refused));
        }
    }

    #[test]
    fn consumers_and_what_is_said_of_them_read_back(ids in any::<[u64; 3]>(), numbers in any::<[u32; 2]>(), wide in any::<u128>(),
                                                    name in name(), now in time(), status in status(),
                                                    levels in any::<[u16; 2]>(), calls in 0usize..4) {
        let ([cluster, needed], [current, limit], request) = (levels, numbers, RequestId(wide));
        let (uid, id, name) = (StreamUid(ids[0]), MapVersion(ids[1]), ConsumerName::new(name.as_str()).expect("valid"));
        let changed = ConsumerChanged { version: MapVersion(ids[2]), created: now };
        row_reads_back(&Consumer { id, name: name.clone(), created: now });
        row_reads_back(&ConsumerCalls { answered: vec![AnsweredCall { request, changed }; calls] });
        command_reads_back(&RegisterConsumer { uid, name: name.clone(), now, consumer_limit: limit, request });
        command_reads_back(&DeregisterConsumer { uid, name, id, request });
        outcome_reads_back::<RegisterConsumer>(&Ok(changed));
        for refused in [RegisterConsumerRefused::NotBootstrapped,
                        RegisterConsumerRefused::FeatureLevel { cluster, needed },
                        RegisterConsumerRefused::NoStream { uid }, RegisterConsumerRefused::Status { status },
                        RegisterConsumerRefused::Exists { created: now },
                        RegisterConsumerRefused::Limit { current, limit }] {
            outcome_reads_back::<RegisterConsumer>(&Err(refused));
        }
        outcome_reads_back::<DeregisterConsumer>(&Ok(changed));
        for refused in [DeregisterConsumerRefused::NotBootstrapped,
                        DeregisterConsumerRefused::FeatureLevel { cluster, needed },
                        DeregisterConsumerRefused::NoStream { uid }, DeregisterConsumerRefused::NoConsumer { id }] {
            outcome_reads_back::<DeregisterConsumer>(&Err(refused));
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80),
                                                   kind in 1u8..=33) {
        let framed: bytes::Bytes = [&[COMMAND_VERSION, kind], &bytes[..]].concat().into();
        let mut catalog = Catalog::default();
        let _ = catalog.apply(1, &framed, &mut Vec::new());
        let _ = Catalog::load([(bytes.clone().into(), framed)].into_iter());
        let key: bytes::Bytes = [&[kind], &bytes[..]].concat().into();
        let _ = Catalog::load([(key, bytes.into())].into_iter());
    }
}

#[test]
fn the_outcome_of_another_command_is_refused() {
    let outcome = encode_outcome::<ActivateStream>(&Ok(StreamActivated { version: MapVersion(1) }));
    assert_eq!(
        FinishDeleteStream::decode_outcome(&outcome),
        Err(DecodeError::Invalid { what: "outcome of this command" })
    );
}

#[test]
fn a_command_of_another_version_or_kind_stops_the_node_and_changes_nothing() {
    let mut world = super::world::World::bootstrapped();
    let before = world.catalog.clone();
    let version = UnknownCommand::Version { found: 2, known: 1 };
    assert_eq!(version.to_string(), "catalog command has version 2, this build knows version 1: upgrade this node");
    assert_eq!(world.apply_bytes(&vec![2, 1].into()), Err(version));
    let kind = UnknownCommand::Kind { version: 1, found: 99, known: 33 };
    assert_eq!(world.apply_bytes(&vec![1, 99, 0].into()), Err(kind));
    assert_eq!(world.apply_bytes(&vec![1].into()), Err(UnknownCommand::Short { bytes: 1, known: 1 }));
    let (kind, reason) = (CommandKind::ActivateStream, DecodeError::Truncated { missing: 7 });
    assert_eq!(world.apply_bytes(&vec![1, 5, 0].into()), Err(UnknownCommand::Malformed { version: 1, kind, reason }));
    assert_eq!(world.catalog, before);
}
