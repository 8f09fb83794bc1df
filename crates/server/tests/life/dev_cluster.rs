//! The parent of `anabranch dev --nodes` and its children.

use crate::cluster::Cluster;
use crate::node::page;
use rustix::process::Signal;
use std::net::TcpListener;
use std::path::Path;

#[test]
fn a_parent_says_where_its_nodes_are_and_drains_them() {
    let scratch = tempfile::tempdir().expect("a temporary directory");
    let mut cluster = Cluster::start(&scratch.path().join("data"), 1, &[]);
    let [node] = &cluster.ready(1)[..] else { unreachable!("one was asked for") };
    assert_eq!((node.id, page(node.api, "/health/ready").0), (1, 200));
    assert!(Path::new(&node.data).is_absolute() && node.data.ends_with("/data/node-1"), "{}", node.data);

    cluster.signal(Signal::TERM);
    let end = cluster.end();
    assert_eq!((end.code, end.stdout.as_str()), (Some(0), ""), "{}", end.stderr);
    assert!(end.stderr.lines().any(|line| line.starts_with("[node 1] ")), "its log is passed on: {}", end.stderr);
    node.wait_until_gone();
}

#[test]
fn nodes_end_with_a_parent_that_is_killed() {
    let scratch = tempfile::tempdir().expect("a temporary directory");
    let mut cluster = Cluster::start(scratch.path(), 1, &[]);
    let nodes = cluster.ready(1);
    cluster.signal(Signal::KILL);
    assert_eq!(cluster.end().code, None);
    nodes[0].wait_until_gone();
}

#[test]
fn a_parent_never_starts_a_node_again_but_its_start_command_does() {
    let scratch = tempfile::tempdir().expect("a temporary directory");
    let data_dir = scratch.path().join("it's a $HOME of \"one\" node");
    let mut cluster = Cluster::start(&data_dir, 1, &["--stream", "kept:1"]);
    let nodes = cluster.ready(1);
    nodes[0].kill();
    let end = cluster.end();
    assert_eq!(end.code, Some(1), "{}", end.stderr);
    let told = end.stderr.lines().find(|line| line.contains("the node has ended; it is not started again"));
    let warning: serde_json::Value = serde_json::from_str(told.expect("a warning")).expect("a line of JSON");
    assert_eq!((&warning["level"], &warning["fields"]["pid"]), (&"WARN".into(), &nodes[0].pid.into()));
    assert_eq!(warning["fields"]["start"], nodes[0].start.as_str());

    let mut by_hand = nodes[0].start_in_a_shell();
    assert_eq!(by_hand.ready(), nodes[0].api);
    let (status, text) = page(nodes[0].api, "/status");
    assert!(status == 200 && text.contains("kept"), "{status} {text}");

    let mut cluster = Cluster::start(&data_dir, 1, &["--stream", "late:1"]);
    let found = cluster.ready(1);
    cluster.wait_until_told("no stream is created, for every node runs already");
    assert_eq!((found[0].pid, &found[0].start), (by_hand.pid(), &nodes[0].start));
    cluster.stop();
    assert_eq!(page(nodes[0].api, "/health/ready").0, 200, "it is not the parent's to end");
    by_hand.stop();
}

#[test]
fn a_cluster_that_is_started_again_has_its_ports_and_its_data() {
    let scratch = tempfile::tempdir().expect("a temporary directory");
    let mut cluster = Cluster::start(scratch.path(), 1, &["--stream", "kept:2"]);
    let before = cluster.ready(1);
    cluster.stop();

    let mut cluster = Cluster::start(scratch.path(), 1, &[]);
    let after = cluster.ready(1);
    assert_eq!((after[0].api, after[0].peer, after[0].id), (before[0].api, before[0].peer, before[0].id));
    let (_, text) = page(after[0].api, "/status");
    assert!(text.contains("kept"), "{text}");
    cluster.stop();

    let taken = TcpListener::bind(before[0].peer).expect("the node has ended");
    let end = Cluster::start(scratch.path(), 1, &[]).end();
    assert_eq!((end.code, end.stdout.as_str()), (Some(1), ""));
    let last = end.stderr.lines().last().unwrap_or_default();
    let told = format!("port {} is taken: another process listens on {}", before[0].peer.port(), before[0].peer);
    assert!(last.contains("node 1 cannot be started where nodes.json says") && last.contains(&told), "{last}");
    drop(taken);
}

#[test]
fn a_parent_that_is_told_to_stop_while_nodes_start_ends_well() {
    let scratch = tempfile::tempdir().expect("a temporary directory");
    let mut cluster = Cluster::start(scratch.path(), 1, &[]);
    cluster.wait_until_told("the node is started");
    cluster.signal(Signal::INT);
    let end = cluster.end();
    assert_eq!(end.code, Some(0), "{}", end.stderr);
}

#[test]
fn a_parent_whose_lines_nobody_reads_runs_until_it_is_told_to_stop() {
    let scratch = tempfile::tempdir().expect("a temporary directory");
    let mut cluster = Cluster::start_unheard(scratch.path(), 1);
    cluster.wait_until_told("nobody reads stdout");
    cluster.signal(Signal::TERM);
    let end = cluster.end();
    assert_eq!(end.code, Some(0), "{}", end.stderr);
}

#[test]
fn a_node_that_cannot_start_ends_the_parent_with_its_reason() {
    let scratch = tempfile::tempdir().expect("a temporary directory");
    let strange = scratch.path().join("node-1");
    std::fs::create_dir(&strange).and_then(|()| std::fs::write(strange.join("letter"), "dear")).expect("written");
    let end = Cluster::start(scratch.path(), 1, &[]).end();
    assert_eq!((end.code, end.stdout.as_str()), (Some(1), ""));
    let reason = |line: &str| line.starts_with("[node 1] error: ") && line.contains("holds \"letter\"");
    assert!(end.stderr.lines().any(reason), "{}", end.stderr);
    let last = end.stderr.lines().last().unwrap_or_default();
    assert!(last.starts_with("error: node 1 ended before it was ready, exit status: 1: "), "{last}");
}

#[test]
fn a_directory_of_a_single_node_is_not_taken() {
    let scratch = tempfile::tempdir().expect("a temporary directory");
    let mut node = crate::node::Node::start(scratch.path(), &[]);
    node.ready();
    node.stop();
    let end = Cluster::start(scratch.path(), 3, &[]).end();
    assert_eq!(end.code, Some(1), "{}", end.stderr);
    assert!(end.stderr.contains("is of a single node. To grow it"), "{}", end.stderr);
}
