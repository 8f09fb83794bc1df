use super::*;

fn status() -> NodeStatus {
    let catalog = GroupStatus {
        group_id: 0,
        role: ReplicaRole::Leader,
        leader_node_id: Some(1),
        term: 3,
        last_index: 120,
        committed_index: 120,
        applied_index: 119,
        shards: 0,
        replica_node_ids: vec![1, 2, 3],
    };
    let data =
        GroupStatus { group_id: 12, role: ReplicaRole::Follower, leader_node_id: None, shards: 250, ..catalog.clone() };
    NodeStatus {
        version: "0.1.0".to_owned(),
        cluster_id: "00ff".repeat(8),
        node_id: 1,
        incarnation: "0".repeat(32),
        ready: false,
        reasons: vec!["storage: group 12 has no leader".to_owned()],
        uptime_seconds: 93_784,
        streams: 2,
        open_shards: 250,
        groups: vec![catalog, data],
    }
}

#[test]
fn people_get_one_aligned_row_per_group() {
    let text = status().to_text();
    let expected = "\
cluster 00ff00ff00ff00ff00ff00ff00ff00ff

NODE  VERSION  UPTIME  STREAMS  OPEN SHARDS  STATE
1     0.1.0    1d 2h   2        250          not ready (storage: group 12 has no leader)

GROUP    ROLE      LEADER  TERM  LAST  COMMITTED  APPLIED  SHARDS  REPLICAS
catalog  leader    1       3     120   120        119      0       1,2,3
12       follower  none    3     120   120        119      250     1,2,3
";
    assert_eq!(text, expected);
}

#[test]
fn machines_get_json_that_reads_back() {
    let json = status().to_json();
    assert!(json.contains("\"role\": \"follower\"") && json.ends_with("}\n"), "{json}");
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
