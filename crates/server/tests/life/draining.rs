//! A node that drains, held there by a request that has not come in full.

use crate::node::{Node, call, connect, page, wait_until_draining};
use rustix::process::Signal;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

/// A call without its body, which the node waits for.
fn begin_call(address: SocketAddr) -> BufReader<TcpStream> {
    let mut connection = connect(address);
    let target = "x-amz-target: Kinesis_20131202.ListStreams\r\ncontent-type: application/x-amz-json-1.1";
    let head =
        format!("POST / HTTP/1.1\r\nhost: node\r\n{target}\r\ncontent-length: 2\r\nexpect: 100-continue\r\n\r\n");
    connection.write_all(head.as_bytes()).expect("written");
    let mut connection = BufReader::new(connection);
    let mut told = String::new();
    while !told.ends_with("\r\n\r\n") {
        connection.read_line(&mut told).expect("the node asks for the body");
    }
    assert_eq!(told, "HTTP/1.1 100 Continue\r\n\r\n");
    connection
}

/// Tells `node` to stop, and waits until it drains.
fn drain(node: &Node, address: SocketAddr) {
    node.signal(Signal::TERM);
    wait_until_draining(address);
}

#[test]
fn a_draining_node_answers_pages_and_what_it_has() {
    let scratch = tempfile::tempdir().expect("a temporary directory");
    let mut node = Node::start(&scratch.path().join("data"), &[]);
    let address = node.ready();
    let mut open = begin_call(address);
    drain(&node, address);

    let draining = r#"{"ok":false,"reasons":["the node is draining"]}"#.to_owned();
    assert_eq!(page(address, "/health/ready"), (503, draining));
    assert_eq!((page(address, "/health/live").0, page(address, "/health/startup").0), (200, 200));
    assert_eq!((page(address, "/metrics").0, page(address, "/status").0), (200, 200));
    let (status, error) = call(address);
    assert!(status == 503 && error.contains("ServiceUnavailable"), "{status} {error}");

    open.get_mut().write_all(b"{}").expect("written");
    let mut answer = String::new();
    open.read_to_string(&mut answer).expect("an answer, then the end");
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("MissingAuthenticationToken"), "{answer}");
    let end = node.end();
    assert_eq!((end.code, end.stdout.as_str()), (Some(0), ""), "{}", end.stderr);
}

#[test]
fn a_second_signal_ends_a_draining_node_with_1() {
    for second in [Signal::TERM, Signal::INT] {
        let scratch = tempfile::tempdir().expect("a temporary directory");
        let mut node = Node::start(&scratch.path().join("data"), &[]);
        let address = node.ready();
        let _open = begin_call(address);
        drain(&node, address);

        node.signal(second);
        let end = node.end();
        assert_eq!(end.code, Some(1), "{}", end.stderr);
        let last = end.stderr.lines().last().unwrap_or_default();
        assert!(last.starts_with("error: stopped by a second SIG"), "{last}");
    }
}
