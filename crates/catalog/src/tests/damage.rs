//! Rows that no catalog wrote are refused with what is wrong, one test per kind of damage.

use super::resharding::*;
use super::world::*;
use crate::reshard::ReshardHistory;
use crate::rows::{RowKey, decode_value, encode_value};
use crate::tagging::Tagging;
use crate::*;
use anabranch_types::*;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::time::Duration;

type Rows = BTreeMap<Bytes, Bytes>;

/// One active stream (uid 1) of four shards, and the floor of a deleted one.
fn rows() -> Rows {
    let mut world = World::bootstrapped();
    world.active("s", 4, START);
    world.active("gone", 1, START);
    world.delete("gone");
    world.stored
}

fn load(rows: Rows) -> Result<Catalog, LoadError> {
    Catalog::load(rows.into_iter())
}

fn broken_rule(rows: Rows) -> &'static str {
    match load(rows) {
        Err(LoadError::Broken(violation)) => violation.rule,
        other => panic!("expected a broken invariant, not {other:?}"),
    }
}

fn change<V: crate::rows::RowValue>(rows: &mut Rows, key: &RowKey, edit: impl Fn(&mut V)) {
    let stored = rows.get_mut(&key.encode()).expect("a row of the catalog");
    let mut value: V = decode_value(stored).expect("written by the catalog");
    edit(&mut value);
    *stored = encode_value(&value);
}

fn change_shard(id: u32, edit: impl Fn(&mut Shard)) -> Rows {
    let mut rows = rows();
    change(&mut rows, &RowKey::Shard(StreamUid(1), ShardId(id)), edit);
    rows
}

#[test]
fn a_missing_or_narrowed_shard_breaks_the_tiling() {
    for id in 0..4 {
        let mut rows = rows();
        rows.remove(&RowKey::Shard(StreamUid(1), ShardId(id)).encode());
        assert_eq!(broken_rule(rows), "I6: open ranges tile the hash key space");
    }
    let narrowed = change_shard(2, |shard| {
        shard.range = HashKeyRange::new(HashKey(shard.range.start().0 + 1), shard.range.end()).expect("wide enough");
    });
    assert_eq!(broken_rule(narrowed), "I6: open ranges tile the hash key space");
    let doubled = change_shard(3, |shard| shard.range = HashKeyRange::FULL);
    assert_eq!(broken_rule(doubled), "I6: open ranges tile the hash key space");
}

#[test]
fn a_closed_shard_without_children_breaks_the_tiling() {
    let rows = change_shard(1, |shard| {
        let at = shard.opened.plus(Duration::from_secs(1));
        shard.closed = Some(Closed { ending: SequenceNumber::ending(shard.epoch(), at), at });
    });
    assert_eq!(broken_rule(rows), "I6: open ranges tile the hash key space");
}

#[test]
fn shards_outside_data_groups_are_refused() {
    for group in [0, 3] {
        let rows = change_shard(0, |shard| shard.group = GroupId(group));
        assert_eq!(broken_rule(rows), "a shard lives in a data group");
    }
}

#[test]
fn ids_that_were_never_handed_out_are_refused() {
    let rules: Vec<&str> = (0..4)
        .map(|which| {
            let mut rows = rows();
            change(&mut rows, &RowKey::Counters, |counters: &mut crate::cluster::Counters| match which {
                0 => counters.next_node = NodeId(1),
                1 => counters.next_group = GroupId(2),
                2 => counters.next_replica = ReplicaId(3),
                _ => counters.next_stream = StreamUid(1),
            });
            broken_rule(rows)
        })
        .collect();
    assert_eq!(
        rules,
        [
            "node ids were handed out",
            "group ids were handed out",
            "replica ids were handed out and are used once",
            "stream uids were handed out",
        ]
    );
    let mut rows = rows();
    change(&mut rows, &RowKey::Stream(StreamUid(1)), |stream: &mut Stream| stream.next_shard = ShardId(3));
    assert_eq!(broken_rule(rows), "shard ids were handed out");
}

#[test]
fn a_shard_below_its_deleted_predecessor_is_refused() {
    let mut rows = rows();
    let floor = crate::rows::Floor { created_s: START.as_secs() };
    rows.insert(RowKey::Floor(ACCOUNT, stream_name("s")).encode(), encode_value(&floor));
    assert_eq!(broken_rule(rows), "create seconds exceed those of deleted streams");
}

#[test]
fn nodes_and_groups_that_contradict_each_other_are_refused() {
    let mut two_alike = rows();
    change(&mut two_alike, &RowKey::Counters, |counters: &mut crate::cluster::Counters| counters.next_node.0 = 9);
    let mut node: Node = decode_value(&two_alike[&RowKey::Node(NodeId(1)).encode()]).expect("written");
    node.id = NodeId(2);
    two_alike.insert(RowKey::Node(node.id).encode(), encode_value(&node));
    assert_eq!(broken_rule(two_alike), "each node has its own incarnation (D14)");

    let mut too_old = rows();
    change(&mut too_old, &RowKey::Cluster, |cluster: &mut Cluster| cluster.feature_level = FEATURE_LEVEL + 1);
    assert_eq!(broken_rule(too_old), "every node understands the cluster's feature level (D15)");

    let group = RowKey::Group(GroupId(1));
    let mut empty = rows();
    change(&mut empty, &group, |group: &mut Group| group.replicas.clear());
    assert_eq!(broken_rule(empty), "a group has a member");

    let mut shared = rows();
    change(&mut shared, &group, |group: &mut Group| group.replicas[0].id = ReplicaId(1));
    assert_eq!(broken_rule(shared), "replica ids were handed out and are used once");

    let mut lost = rows();
    change(&mut lost, &group, |group: &mut Group| group.replicas[0].node = NodeId(5));
    assert_eq!(broken_rule(lost), "a group's replicas are on different nodes of the cluster");

    let mut observed = rows();
    change(&mut observed, &group, |group: &mut Group| {
        group.replicas[0].state = ReplicaState::Observer;
        group.replicas.push(Replica { id: ReplicaId(1), node: NodeId(1), state: ReplicaState::Member });
    });
    change(&mut observed, &RowKey::Group(GroupId::METADATA), |group: &mut Group| group.replicas[0].id = ReplicaId(4));
    change(&mut observed, &RowKey::Counters, |counters: &mut crate::cluster::Counters| counters.next_replica.0 = 9);
    assert_eq!(broken_rule(observed), "only the metadata group is observed");

    let mut restless = rows();
    change(&mut restless, &group, |group: &mut Group| {
        for (id, state) in [(8, ReplicaState::Joining), (9, ReplicaState::Leaving)] {
            group.replicas.push(Replica { id: ReplicaId(id), node: NodeId(id), state });
        }
    });
    assert_eq!(broken_rule(restless), "one replica of a group comes or goes at a time");

    let mut blind = rows();
    change(&mut blind, &RowKey::Counters, |counters: &mut crate::cluster::Counters| counters.next_node.0 = 9);
    let mut node: Node = decode_value(&blind[&RowKey::Node(NodeId(1)).encode()]).expect("written");
    (node.id, node.incarnation) = (NodeId(2), Incarnation(12));
    blind.insert(RowKey::Node(node.id).encode(), encode_value(&node));
    assert_eq!(broken_rule(blind), "a node that is to stay has a replica of the metadata group");

    let mut headless = rows();
    headless.remove(&RowKey::Group(GroupId::METADATA).encode());
    assert_eq!(broken_rule(headless), "a cluster has the metadata group and a data group");
}

#[test]
fn rows_without_their_cluster_are_refused() {
    let mut rows = rows();
    rows.remove(&RowKey::Cluster.encode());
    assert_eq!(broken_rule(rows), "nothing exists before the bootstrap");
}

#[test]
fn token_keys_out_of_order_are_refused() {
    let mut missing = rows();
    missing.remove(&RowKey::TokenKeys.encode());
    assert_eq!(broken_rule(missing), "a bootstrapped cluster has a token key");
    let mut turned = rows();
    change(&mut turned, &RowKey::TokenKeys, |keys: &mut TokenKeys| keys.previous = Some(keys.current.clone()));
    assert_eq!(broken_rule(turned), "the current token key follows the previous one");
}

#[test]
fn two_streams_of_one_name_are_refused() {
    let mut world = World::bootstrapped();
    world.active("s", 1, START);
    world.active("t", 1, START);
    let mut rows = world.stored;
    change(&mut rows, &RowKey::Stream(StreamUid(2)), |stream: &mut Stream| stream.name = stream_name("s"));
    assert_eq!(broken_rule(rows), "a stream is found under its name");
}

#[test]
fn shards_of_no_stream_are_refused() {
    let mut rows = rows();
    rows.remove(&RowKey::Stream(StreamUid(1)).encode());
    assert_eq!(load(rows), Err(LoadError::Orphans { uid: StreamUid(1) }));
}

#[test]
fn rows_of_reshards_of_no_stream_are_refused() {
    for key in [RowKey::ReshardHistory(StreamUid(1)), RowKey::Round(StreamUid(1))] {
        let mut rows = resharding();
        let kept = rows[&key.encode()].clone();
        rows.retain(|key, _| !(7..=10).contains(&key[0]));
        rows.insert(key.encode(), kept);
        assert_eq!(load(rows), Err(LoadError::Orphans { uid: StreamUid(1) }));
    }
}

#[test]
fn tags_of_no_stream_are_refused() {
    let mut rows = tagged();
    let key = RowKey::Tagging(StreamUid(1)).encode();
    let kept = rows[&key].clone();
    rows.retain(|key, _| ![7, 8, 11].contains(&key[0]));
    rows.insert(key, kept);
    assert_eq!(load(rows), Err(LoadError::Orphans { uid: StreamUid(1) }));
}

#[test]
fn more_tags_or_calls_than_a_stream_can_have_are_refused() {
    let rule = "the tags of a stream and what is remembered of them are bounded";
    let key = RowKey::Tagging(StreamUid(1));
    let mut rows = tagged();
    change(&mut rows, &key, |tagging: &mut Tagging| tagging.tags = tags(0..51));
    assert_eq!(broken_rule(rows), rule);
    let mut rows = tagged();
    change(&mut rows, &key, |tagging: &mut Tagging| tagging.answered = (0..65).map(RequestId).collect());
    assert_eq!(broken_rule(rows), rule);
}

/// One stream (uid 1) with a tag.
fn tagged() -> Rows {
    let mut world = World::bootstrapped();
    let uid = world.active("s", 1, START);
    world.apply(TagStream { uid, tags: tags(0..1), request: RequestId(1) }).expect("active");
    world.stored
}

/// One stream (uid 1) of two shards, the second of which is to be split.
fn resharding() -> Rows {
    let mut world = World::bootstrapped();
    let uid = world.active("s", 2, START);
    world.begin(uid, 1, &[split(1, HashKey(3 << 126))], START).expect("active");
    world.stored
}

fn change_round(edit: impl Fn(&mut Round)) -> &'static str {
    let mut rows = resharding();
    change(&mut rows, &RowKey::Round(StreamUid(1)), edit);
    broken_rule(rows)
}

#[test]
fn a_round_that_could_not_be_committed_is_refused() {
    assert_eq!(change_round(|round| round.children.truncate(1)), "I6: open ranges tile the hash key space");
    let full = change_round(|round| round.children[0].range = HashKeyRange::FULL);
    assert_eq!(full, "I6: open ranges tile the hash key space");
    let swapped = change_round(|round| {
        let lower = round.children[0].range;
        round.children[0].range = round.children[1].range;
        round.children[1].range = lower;
        round.children[0].parents = Parents::Split { parent: ShardId(0) };
    });
    assert_eq!(swapped, "I6: open ranges tile the hash key space");
    let not_above = change_round(|round| round.children[1].created_s -= 1);
    assert_eq!(not_above, "a child's create second is above its parents' (D5)");
    assert_eq!(change_round(|round| round.children[1].id = ShardId(9)), "shard ids were handed out");
    assert_eq!(change_round(|round| round.children[1].id = ShardId(2)), "a stream's shards have ids of their own");
    assert_eq!(change_round(|round| round.children[0].group = GroupId(0)), "a shard lives in a data group");
    let parentless = change_round(|round| round.children[0].parents = Parents::None);
    assert_eq!(parentless, "a round has children, all of open shards, above them");
    let nothing = change_round(|round| round.children.clear());
    assert_eq!(nothing, "a round has children, all of open shards, above them");
    let known = change_round(|round| round.children[0].id = ShardId(1));
    assert_eq!(known, "a round has children, all of open shards, above them");
    let absent = change_round(|round| round.children[0].parents = Parents::Split { parent: ShardId(7) });
    assert_eq!(absent, "the parents of a round are open");
    let future = change_round(|round| round.id = MapVersion(99));
    assert_eq!(future, "a round is as old as its stream's version at most");
}

#[test]
fn a_status_that_hides_or_pretends_a_reshard_is_refused() {
    let mut rows = resharding();
    change(&mut rows, &RowKey::Stream(StreamUid(1)), |stream: &mut Stream| stream.status = StreamStatus::Active);
    assert_eq!(broken_rule(rows), "a stream is updating while it is resharded or its retention changed");
    let mut rows = resharding();
    rows.remove(&RowKey::Round(StreamUid(1)).encode());
    assert_eq!(broken_rule(rows), "a stream is updating while it is resharded or its retention changed");
}

#[test]
fn a_history_without_bounds_or_order_is_refused() {
    let history = |edit: fn(&mut ReshardHistory)| {
        let mut rows = resharding();
        change(&mut rows, &RowKey::ReshardHistory(StreamUid(1)), edit);
        broken_rule(rows)
    };
    let rule = "what is remembered of reshards is bounded and in order";
    assert_eq!(history(|history| history.answered = vec![history.answered[0]; 65]), rule);
    assert_eq!(history(|history| history.scaled = vec![START; 11]), rule);
    assert_eq!(history(|history| history.scaled = vec![START, Timestamp::EPOCH]), rule);
    let nowhere = history(|history| history.scaling = Some(Scaling { request: RequestId(1), target: 0 }));
    assert_eq!(nowhere, "a stream is scaled to a shard at least");
}

#[test]
fn a_row_under_another_rows_key_is_refused() {
    let mut rows = rows();
    let moved = rows[&RowKey::Shard(StreamUid(1), ShardId(0)).encode()].clone();
    let key = RowKey::Shard(StreamUid(1), ShardId(1)).encode();
    rows.insert(key.clone(), moved);
    assert_eq!(load(rows), Err(LoadError::Value { key, reason: DecodeError::Invalid { what: "row of this key" } }));
}

#[test]
fn a_newer_row_is_refused_with_both_versions() {
    let mut rows = rows();
    let row = rows.get_mut(&RowKey::Stream(StreamUid(1)).encode()).expect("a row of the catalog");
    *row = [&[3], &row[1..]].concat().into();
    let message = load(rows).expect_err("version 3").to_string();
    assert!(message.ends_with("stream row has version 3, this build knows version 2"), "{message}");
}

#[test]
fn a_row_of_a_higher_version_than_it_needs_is_refused() {
    let mut rows = rows();
    let row = rows.get_mut(&RowKey::Node(NodeId(1)).encode()).expect("a row of the catalog");
    // Active, and no zone: version 1 says that already, and equal catalogs have equal rows.
    *row = [&[2], &row[1..], &[1, 0, 0]].concat().into();
    let message = load(rows).expect_err("version 2").to_string();
    assert!(message.ends_with("not a valid row of the lowest version that can say it"), "{message}");
}

#[test]
fn a_row_of_an_unknown_kind_is_refused() {
    let mut rows = rows();
    let key = Bytes::from_static(&[200, 1]);
    rows.insert(key.clone(), Bytes::new());
    let reason = DecodeError::Invalid { what: "kind of catalog row" };
    assert_eq!(load(rows), Err(LoadError::Key { key, reason }));
}

#[test]
fn a_row_that_comes_twice_is_refused() {
    let stored = rows();
    for (key, value) in &stored {
        let twice = stored.clone().into_iter().chain([(key.clone(), value.clone())]);
        match Catalog::load(twice) {
            Err(LoadError::Repeated { key: repeated }) => assert_eq!(&repeated, key),
            Err(LoadError::Broken(violation)) => assert_eq!(violation.rule, "a stream's shards have ids of their own"),
            other => panic!("{key:02x?} came twice: {other:?}"),
        }
    }
}

#[test]
fn counters_without_room_for_a_cluster_s_life_are_refused() {
    let edits: [fn(&mut crate::cluster::Counters); 6] = [
        |counters| counters.changed_at = u64::MAX,
        |counters| counters.next_node = NodeId(u64::MAX),
        |counters| counters.next_group = GroupId(u32::MAX),
        |counters| counters.next_replica = ReplicaId(u64::MAX),
        |counters| counters.next_stream = StreamUid(u64::MAX),
        |counters| counters.map_version = MapVersion(u64::MAX),
    ];
    for edit in edits {
        let mut rows = rows();
        change(&mut rows, &RowKey::Counters, edit);
        assert_eq!(broken_rule(rows), "numbers are left to hand out");
    }
    let mut rows = rows();
    change(&mut rows, &RowKey::TokenKeys, |keys: &mut TokenKeys| keys.current.id = u32::MAX);
    assert_eq!(broken_rule(rows), "numbers are left to hand out");
}

#[test]
fn counters_of_no_entry_are_no_row() {
    let counters = encode_value(&crate::cluster::Counters::default());
    let rows = Rows::from([(RowKey::Counters.encode(), counters)]);
    assert!(matches!(load(rows), Err(LoadError::Value { .. })));
}

#[test]
fn token_keys_and_floors_that_nothing_made_are_refused() {
    let mut token_rows = rows();
    change(&mut token_rows, &RowKey::TokenKeys, |keys: &mut TokenKeys| keys.current.id = 0);
    assert_eq!(broken_rule(token_rows), "token keys count from 1");
    let mut rows = rows();
    let floor = RowKey::Floor(ACCOUNT, stream_name("gone"));
    change(&mut rows, &floor, |floor: &mut crate::rows::Floor| floor.created_s = 1 << 36);
    assert_eq!(broken_rule(rows), "deleted streams had create seconds that fit a sequence number");
}

#[test]
fn a_shard_merged_from_one_shard_is_refused() {
    let parents = Parents::Merge { parent: ShardId(0), adjacent: ShardId(0) };
    let rows = change_shard(3, |shard| shard.parents = parents);
    assert_eq!(broken_rule(rows), "a merge takes two shards");
}

#[test]
fn changes_of_a_retention_that_nobody_made_are_refused() {
    let changed = |change: fn(&mut Stream)| {
        let mut world = World::bootstrapped();
        let uid = world.active("s", 1, START);
        let (retention, direction) = (RETENTION * 2, RetentionMove::Increase);
        world.apply(SetRetention { uid, retention, direction, request: RequestId(1) }).expect("active");
        let mut rows = world.stored;
        self::change(&mut rows, &RowKey::Stream(uid), change);
        broken_rule(rows)
    };
    let old = "a change of a retention is as old as its stream's version at most";
    assert_eq!(changed(|stream| stream.retention_changes.last.0 += 1), old);
    assert_eq!(changed(|stream| stream.retention_changes.last.0 = 0), old);
    assert_eq!(changed(|stream| stream.retention_changes.calls = vec![RequestId(1); 17]), old);
    let shown = "a stream shows no longer retention than its groups keep";
    assert_eq!(changed(|stream| stream.retention = RETENTION * 3), shown);
    assert_eq!(changed(|stream| stream.retention_changes.pending = Some(RETENTION * 366)), shown);
    let status = "a stream is updating while it is resharded or its retention changed";
    assert_eq!(changed(|stream| stream.status = StreamStatus::Active), status);
    assert_eq!(changed(|stream| stream.retention_changes.pending = None), status);
}

#[test]
fn a_row_of_a_stream_in_a_higher_version_than_it_needs_is_refused() {
    let mut rows = rows();
    let row = rows.get_mut(&RowKey::Stream(StreamUid(1)).encode()).expect("a stream");
    let mut bytes = row.to_vec();
    bytes[0] = 2;
    bytes.extend([0; 8 + 1 + 4 + 4]);
    *row = bytes.into();
    assert!(matches!(load(rows), Err(LoadError::Value { .. })));
}
