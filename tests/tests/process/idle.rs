//! A node with many shards and nothing to do costs next to nothing.

use anabranch_tests::node::{Node, NodeSpec};
use anabranch_tests::{deadline, process, settings, streams};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const STREAM: &str = "idle";
/// Of one core, where the rest is long enough to be judged.
const PROCESSOR_SHARE_MAX: f64 = 0.05;
/// A shorter rest holds the start's own work, such as preparing log segments: it is only told.
const JUDGED_FROM: Duration = Duration::from_secs(60);
const RESIDENT_BYTES_MAX: u64 = 400_000_000;
/// Source: AWS PutRecords API reference.
const RECORDS_PER_PUT: usize = 500;
/// How many threads the figures name.
const THREADS_SHOWN: usize = 5;

#[test]
fn a_restarted_node_with_many_shards_rests() {
    let shards = settings::number("ANABRANCH_IDLE_SHARDS", 200);
    let seconds = settings::number("ANABRANCH_IDLE_SECONDS", 10);
    let folder = tempfile::tempdir().expect("a temporary directory");
    let stream = format!("{STREAM}:{shards}");
    let spec = NodeSpec::dev(folder.path(), &["--stream", &stream, "--no-limits"]);

    let started = Instant::now();
    let node = spec.start();
    let ready = started.elapsed();
    put_into_every_shard(&node, shards);
    node.stop();

    let started = Instant::now();
    let mut node = spec.start();
    settings::tell(&format!(
        "{shards} shards: ready after {:.1} s, after the restart in {:.1} s",
        ready.as_secs_f64(),
        started.elapsed().as_secs_f64()
    ));
    rest(&node, Duration::from_secs(seconds));
    assert!(node.is_alive(), "the node ended; its log:\n{}", node.log());
    shards_have_their_record(&node, shards);
    node.stop();
}

fn put_into_every_shard(node: &Node, shards: u64) {
    let mut client = node.client();
    let rows = streams::shards(&mut client, STREAM);
    assert_eq!(rows.len() as u64, shards);
    for rows in rows.chunks(RECORDS_PER_PUT) {
        let record = |row: &streams::ShardRow| json!({"Data": "cmVzdA==", "PartitionKey": "key", "ExplicitHashKey": row.starting_hash_key});
        let records: Vec<Value> = rows.iter().map(record).collect();
        let answer = client.must("PutRecords", &json!({"StreamName": STREAM, "Records": records}));
        assert_eq!(answer["FailedRecordCount"], 0);
        let answers = answer["Records"].as_array().expect("Records is a list");
        for (row, answer) in rows.iter().zip(answers) {
            assert_eq!(answer["ShardId"], row.id, "a record at a range's start goes into that shard");
        }
    }
}

/// The node does nothing for `time`; tells what it took and judges it.
fn rest(node: &Node, time: Duration) {
    let (before, started) = (process::processor_time(node.pid()), Instant::now());
    let threads_before = process::processor_time_by_thread(node.pid());
    let mut resident_max = process::resident_bytes(node.pid());
    deadline::pass(time, || resident_max = resident_max.max(process::resident_bytes(node.pid())));
    let used = process::processor_time(node.pid()) - before;
    let share = used.as_secs_f64() / started.elapsed().as_secs_f64();
    settings::tell(&format!(
        "at rest for {:.0} s: {:.2} % of a core, {:.1} MB resident at most",
        started.elapsed().as_secs_f64(),
        share * 100.0,
        resident_max as f64 / 1e6
    ));
    let mut threads = threads_of(node, &threads_before);
    threads.truncate(THREADS_SHOWN);
    settings::tell(&format!("most busy threads: {threads:?}"));
    assert!(time < JUDGED_FROM || share <= PROCESSOR_SHARE_MAX, "{:.2} % of a core at rest", share * 100.0);
    assert!(resident_max <= RESIDENT_BYTES_MAX, "{resident_max} bytes resident at rest");
}

/// What each thread has used since `before`, most first.
fn threads_of(node: &Node, before: &[process::ThreadTime]) -> Vec<(String, Duration)> {
    let since = |now: process::ThreadTime| {
        let known = before.iter().find(|earlier| earlier.thread == now.thread);
        (now.name, now.time - known.map_or(Duration::ZERO, |earlier| earlier.time))
    };
    let mut times: Vec<_> = process::processor_time_by_thread(node.pid()).into_iter().map(since).collect();
    times.sort_by_key(|(_, time)| std::cmp::Reverse(*time));
    times
}

/// The first and the last shard, and some between: the restart has lost nothing.
fn shards_have_their_record(node: &Node, shards: u64) {
    let mut client = node.client();
    let rows = streams::shards(&mut client, STREAM);
    assert_eq!(rows.len() as u64, shards);
    for row in rows.iter().step_by(rows.len().div_ceil(200)).chain(rows.last()) {
        let records = streams::read_all(&mut client, STREAM, &row.id);
        assert_eq!(records.len(), 1, "{}", row.id);
        assert_eq!(records[0].data, b"rest");
    }
}
