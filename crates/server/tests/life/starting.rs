//! A node that is starting: held there by a store that waits to be read.

use crate::node::{Node, call, page};
use rustix::fs::{CWD, FileType, Mode};
use rustix::process::Signal;
use std::fs;
use std::path::{Path, PathBuf};

/// The first file that the store of the catalog reads: which of its files are valid.
fn first_file(data_dir: &Path) -> PathBuf {
    let mut folders = vec![data_dir.join("groups/00000")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
            if entry.ends_with("CURRENT") {
                return entry;
            }
            if entry.is_dir() {
                folders.push(entry);
            }
        }
    }
    panic!("the store of the catalog has no CURRENT");
}

#[test]
fn a_starting_node_answers_pages_and_stops_at_once_when_told() {
    let scratch = tempfile::tempdir().expect("a temporary directory");
    let data_dir = scratch.path().join("data");
    let mut node = Node::start(&data_dir, &["--stream", "kept:1"]);
    node.ready();
    node.stop();

    // A pipe without a writer: whoever opens it waits.
    let (current, aside) = (first_file(&data_dir), scratch.path().join("aside"));
    fs::rename(&current, &aside).expect("moved");
    rustix::fs::mknodat(CWD, &current, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a pipe");
    let mut node = Node::start(&data_dir, &[]);
    let address = node.listening();
    let starting = r#"{"ok":false,"reasons":["the node is starting"]}"#.to_owned();
    assert_eq!(page(address, "/health/startup"), (503, starting.clone()));
    assert_eq!(page(address, "/health/ready"), (503, starting.clone()));
    assert_eq!(page(address, "/status"), (503, starting));
    assert_eq!(page(address, "/health/live").0, 200);
    let (status, metrics) = page(address, "/metrics");
    assert!(status == 200 && metrics.contains("process_open_fds"), "{status} {metrics}");
    let (status, error) = call(address);
    assert!(status == 503 && error.contains("ServiceUnavailable"), "{status} {error}");

    node.signal(Signal::TERM);
    let end = node.end();
    assert_eq!((end.code, end.stdout.as_str()), (Some(0), ""), "{}", end.stderr);

    fs::rename(&aside, &current).expect("moved back");
    let mut node = Node::start(&data_dir, &[]);
    let (status, text) = page(node.ready(), "/status");
    assert!(status == 200 && text.contains("kept"), "{status} {text}");
    node.stop();
}
