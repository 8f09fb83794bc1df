use super::*;

fn status() -> NodeStatus {
    let group = |id: u32, failure: Option<&str>| GroupStatus {
        id,
        replicas: vec![ReplicaEntry { id: 7, node: 1 }],
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
        nodes: vec![NodeEntry { id: 1, pid: Some(42), addresses: vec!["http://127.0.0.1:4567".to_owned()] }],
        groups: vec![group(0, None), group(12, Some("log poisoned"))],
        shards: vec![shard(0), shard(1)],
    }
}

#[test]
fn people_get_one_aligned_row_per_group() {
    let expected = "\
cluster 00ff00ff00ff00ff00ff00ff00ff00ff
node 1 is not ready (disk: nearly full), up 1d 2h, version 0.1.0

NODE  PID  ADDRESSES
1     42   http://127.0.0.1:4567

GROUP    LEADER  TERM  APPLIED  FLUSHED  SHARDS  REPLICAS  STATE
catalog  1       3     120      -        0       7@1       running
12       -       3     120      -        2       7@1       log poisoned
";
    assert_eq!(status().to_text(), expected);
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
