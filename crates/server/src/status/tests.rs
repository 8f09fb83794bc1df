use super::text::uptime;
use super::*;

fn replica(id: u64, node: u64, state: ReplicaState, lag_entries: Option<u64>) -> ReplicaEntry {
    ReplicaEntry { id, node, state, lag_entries }
}

fn node(id: u64, state: NodeState, replicas: Option<u32>, leads: Option<u32>) -> NodeEntry {
    let addresses = vec![format!("http://127.0.0.1:{}", 4557 + 10 * id)];
    NodeEntry { id, pid: (id == 1).then_some(42), addresses, state, zone: String::new(), replicas, leads }
}

fn status() -> NodeStatus {
    let group = |id: u32, failure: Option<&str>| GroupStatus {
        id,
        replicas: vec![replica(7, 1, ReplicaState::Voter, Some(0))],
        leader: failure.is_none().then_some(1),
        term: 3,
        applied: Some(120),
        flushed: None,
        failure: failure.map(str::to_owned),
    };
    let shard = |n: u32| ShardEntry { stream: "orders".to_owned(), shard: format!("shardId-{n:012}"), group: 12 };
    NodeStatus {
        version: "0.1.0".to_owned(),
        cluster: "00ff".repeat(8),
        node: 1,
        ready: false,
        reasons: vec!["disk: nearly full".to_owned()],
        uptime_seconds: 93_784,
        nodes: vec![node(1, NodeState::Active, Some(2), None)],
        groups: vec![group(0, None), group(12, Some("log poisoned"))],
        shards: vec![shard(0), shard(1)],
    }
}

#[test]
fn people_get_one_aligned_row_per_group() {
    let expected = "\
cluster 00ff00ff00ff00ff00ff00ff00ff00ff
node 1 is not ready (disk: nearly full), up 1d 2h, version 0.1.0

NODE  PID  STATE   ZONE  REPLICAS  LEADS  ADDRESSES
1     42   active  -     2         -      http://127.0.0.1:4567

GROUP    LEADER  TERM  APPLIED  FLUSHED  SHARDS  REPLICAS  STATE
catalog  1       3     120      -        0       7@1       running
12       -       3     120      -        2       7@1       log poisoned
";
    assert_eq!(status().to_text(), expected);
}

#[test]
fn people_see_how_far_a_node_has_come_with_what_it_was_told() {
    let zoned = NodeEntry { zone: "rack-1".to_owned(), ..node(1, NodeState::Draining, Some(4), Some(2)) };
    let nodes = [
        zoned,
        node(2, NodeState::Draining, Some(4), Some(0)),
        node(3, NodeState::Decommissioning, Some(1), Some(0)),
        node(4, NodeState::Decommissioning, Some(0), Some(0)),
    ];
    let expected = "\
NODE  PID  STATE            ZONE    REPLICAS  LEADS  ADDRESSES
1     42   draining         rack-1  4         2      http://127.0.0.1:4567
2     -    drained          -       4         0      http://127.0.0.1:4577
3     -    decommissioning  -       1         0      http://127.0.0.1:4587
4     -    decommissioned   -       0         0      http://127.0.0.1:4597
";
    assert_eq!(nodes_to_text(&nodes), expected);
}

#[test]
fn people_see_which_replica_is_behind() {
    let mut group = status().groups[0].clone();
    group.replicas = vec![
        replica(7, 1, ReplicaState::Voter, Some(0)),
        replica(8, 2, ReplicaState::Voter, Some(12)),
        replica(9, 3, ReplicaState::Learner, Some(1200)),
        replica(10, 4, ReplicaState::Learner, None),
    ];
    let text = groups_to_text(&[group]);
    let row = text.lines().nth(1).expect("a row");
    assert!(row.contains("7@1, 8@2 (12 behind), 9@3 (learner, 1200 behind), 10@4 (learner)"), "{row}");
}

#[test]
fn machines_get_json_that_reads_back() {
    let json = status().to_json();
    assert!(json.ends_with("}\n"), "{json}");
    assert_eq!(serde_json::from_str::<NodeStatus>(&json).expect("our own JSON"), status());
}

#[test]
fn uptime_is_told_in_its_two_largest_units() {
    for (seconds, text) in
        [(0, "0s"), (59, "59s"), (61, "1m 1s"), (3_600, "1h 0m"), (86_399, "23h 59m"), (90_000, "1d 1h")]
    {
        assert_eq!(uptime(seconds), text);
    }
}
