//! `anabranch dev --nodes` as a process: its lines, and the processes of its nodes.

use crate::node::{End, Node};
use rustix::fs::FlockOperation;
use rustix::process::{Pid, Signal, kill_process};
use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;

/// Far above what the end of a killed process needs.
const PATIENCE: Duration = Duration::from_secs(120);

/// What the line of a node says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeLine {
    pub id: u64,
    pub pid: i32,
    pub api: SocketAddr,
    pub peer: SocketAddr,
    pub data: String,
    pub start: String,
}

impl NodeLine {
    fn read(line: &str) -> Self {
        let (rest, start) = line.split_once(" start=\"").expect("a start command");
        let (rest, data) = rest.split_once(" data=").expect("a directory");
        let words: Vec<_> = rest.split(' ').collect();
        let ["anabranch", "node", id, pid, api, tls, peer] = words[..] else { panic!("no line of a node: {line:?}") };
        assert!(tls.starts_with("tls=https://"), "{line}");
        let value = |word: &str, key: &str| word.strip_prefix(key).expect(key).to_owned();
        NodeLine {
            id: value(id, "id=").parse().expect("a number"),
            pid: value(pid, "pid=").parse().expect("a number"),
            api: value(api, "api=http://").parse().expect("an address"),
            peer: value(peer, "peer=").parse().expect("an address"),
            data: data.to_owned(),
            start: start.strip_suffix('"').expect("the end of the line").to_owned(),
        }
    }

    pub fn kill(&self) {
        let pid = Pid::from_raw(self.pid).expect("a pid");
        kill_process(pid, Signal::KILL).expect("it runs");
    }

    /// Waits until the process has ended: the kernel unlocks its directory then.
    pub fn wait_until_gone(&self) {
        let lock = File::open(Path::new(&self.data).join("LOCK")).expect("the node has made it");
        let (gone, is_gone) = mpsc::channel();
        std::thread::spawn(move || gone.send(rustix::fs::flock(lock, FlockOperation::LockExclusive)));
        is_gone.recv_timeout(PATIENCE).expect("the node ends").expect("a lock");
    }

    /// Starts the node again as a person would, by its start command in a shell.
    pub fn start_in_a_shell(&self) -> Node {
        let mut shell = Command::new("sh");
        Node::start_by(shell.arg("-c").arg(format!("exec {}", self.start)))
    }
}

/// A running parent.
pub struct Cluster(Node);

impl Cluster {
    /// `anabranch dev --nodes` on free ports.
    pub fn start(data_dir: &Path, nodes: u8, more: &[&str]) -> Self {
        Cluster(Node::start(data_dir, &[&["--nodes", &nodes.to_string()], more].concat()))
    }

    /// The same, with a stdout that nobody reads.
    pub fn start_unheard(data_dir: &Path, nodes: u8) -> Self {
        Cluster(Node::start_unheard(data_dir, &["--nodes", &nodes.to_string()]))
    }

    /// Waits for the lines of its `nodes` nodes and for the ready line, which names the first.
    pub fn ready(&mut self, nodes: usize) -> Vec<NodeLine> {
        let lines: Vec<_> = (0..nodes).map(|_| NodeLine::read(self.0.line().trim_end_matches('\n'))).collect();
        let (first, ready) = (&lines[0], self.0.line());
        assert!(ready.starts_with(&format!("anabranch ready api=http://{} tls=https://", first.api)), "{ready}");
        assert!(ready.ends_with(&format!(" node={} data={}\n", first.id, first.data)), "{ready}");
        lines
    }

    /// Waits until the parent logs a message that begins so.
    pub fn wait_until_told(&mut self, begin: &str) {
        self.0.logged(begin);
    }

    pub fn signal(&self, signal: Signal) {
        self.0.signal(signal);
    }

    /// Waits until it ends by itself.
    pub fn end(&mut self) -> End {
        self.0.end()
    }

    /// Tells it to stop and waits until it has.
    pub fn stop(self) {
        self.0.stop();
    }
}
