//! One node as a process: started, asked, signalled, waited for.

use rustix::process::{Pid, Signal, kill_process};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::Duration;

/// Far above what anything here needs; it only ends a test that hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// A running node, which logs JSON. Killed when it is dropped.
pub struct Node {
    child: Child,
    stdout: Box<dyn BufRead>,
    stderr: BufReader<ChildStderr>,
    /// Dropped to call off the watchdog.
    _watchdog: Sender<()>,
}

/// How a node ended, and all that it printed since it was last listened to.
#[derive(Debug)]
pub struct End {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Node {
    /// `anabranch dev` with its data in `data_dir`, on free ports.
    pub fn start(data_dir: &Path, more: &[&str]) -> Self {
        Node::start_with(data_dir, more, &[])
    }

    /// The same, with environment variables.
    pub fn start_with(data_dir: &Path, more: &[&str], variables: &[(&str, &Path)]) -> Self {
        Node::start_by(dev(data_dir, more).envs(variables.iter().copied()))
    }

    /// The same, with a stdout that nobody reads.
    pub fn start_unheard(data_dir: &Path, more: &[&str]) -> Self {
        let (reader, writer) = io::pipe().expect("a pipe");
        drop(reader);
        Node::spawn(&mut dev(data_dir, more), writer.into())
    }

    /// What `command` starts.
    pub fn start_by(command: &mut Command) -> Self {
        Node::spawn(command, Stdio::piped())
    }

    fn spawn(command: &mut Command, stdout: Stdio) -> Self {
        command.stdin(Stdio::null()).stdout(stdout).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary starts");
        let stdout: Box<dyn BufRead> = match child.stdout.take() {
            Some(pipe) => Box::new(BufReader::new(pipe)),
            None => Box::new(io::empty()),
        };
        let stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        let (_watchdog, called_off) = mpsc::channel::<()>();
        let pid = Pid::from_child(&child);
        std::thread::spawn(move || {
            if called_off.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                let _may_have_ended = kill_process(pid, Signal::KILL);
            }
        });
        Node { child, stdout, stderr, _watchdog }
    }

    pub fn pid(&self) -> i32 {
        Pid::from_child(&self.child).as_raw_nonzero().get()
    }

    /// Waits for a line of its stdout; empty at the end.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("stdout is text");
        line
    }

    /// Waits until it is ready; where it then serves.
    pub fn ready(&mut self) -> SocketAddr {
        let line = self.line();
        let address = line.strip_prefix("anabranch ready api=http://").and_then(|rest| rest.split(' ').next());
        address.and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("no ready line: {line:?}"))
    }

    /// Waits until it answers pages, which is before it is ready; where it does.
    pub fn listening(&mut self) -> SocketAddr {
        let fields = self.logged("answering pages");
        fields["address"].as_str().and_then(|text| text.parse().ok()).expect("an address")
    }

    /// Waits until it logs a message that begins so; its fields.
    pub fn logged(&mut self, begin: &str) -> serde_json::Value {
        loop {
            let mut line = String::new();
            assert_ne!(self.stderr.read_line(&mut line).expect("stderr is text"), 0, "it ended");
            let mut event: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
            if event["fields"]["message"].as_str().is_some_and(|message| message.starts_with(begin)) {
                return event["fields"].take();
            }
        }
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it runs");
    }

    /// Waits until it ends by itself.
    pub fn end(&mut self) -> End {
        let (mut stdout, mut stderr) = (String::new(), String::new());
        self.stdout.read_to_string(&mut stdout).expect("stdout is text");
        self.stderr.read_to_string(&mut stderr).expect("stderr is text");
        End { code: self.child.wait().expect("a child can be waited for").code(), stdout, stderr }
    }

    /// Tells it to stop and waits until it has.
    pub fn stop(mut self) {
        self.signal(Signal::TERM);
        let end = self.end();
        assert_eq!(end.code, Some(0), "{end:?}");
    }
}

/// `anabranch dev` with its data in `data_dir`, on free ports.
fn dev(data_dir: &Path, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_anabranch"));
    command.args(["dev", "--listen", "127.0.0.1:0", "--tls-listen", "127.0.0.1:0", "--log-format", "json"]);
    command.arg("--data-dir").arg(data_dir).args(more);
    command
}

impl Drop for Node {
    fn drop(&mut self) {
        // Both fail only when it has been waited for already.
        let _killed = self.child.kill();
        let _waited = self.child.wait();
    }
}

/// A connection that gives up in the end.
pub fn connect(address: SocketAddr) -> TcpStream {
    let connection = TcpStream::connect(address).expect("it listens");
    connection.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    connection
}

/// Status and body of one request on a connection of its own; none when the node closes it, as it
/// may do at the moment when it begins to drain.
fn try_ask(address: SocketAddr, request: &str) -> Option<(u16, String)> {
    let mut connection = connect(address);
    let mut answer = String::new();
    connection.write_all(request.as_bytes()).and_then(|()| connection.read_to_string(&mut answer)).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, body.to_owned()))
}

fn ask(address: SocketAddr, request: &str) -> (u16, String) {
    try_ask(address, request).expect("an answer")
}

/// Status and text of a page.
pub fn page(address: SocketAddr, path: &str) -> (u16, String) {
    ask(address, &format!("GET {path} HTTP/1.1\r\nhost: node\r\nconnection: close\r\n\r\n"))
}

/// A call without a signature.
const CALL: &str = "POST / HTTP/1.1\r\nhost: node\r\nx-amz-target: Kinesis_20131202.ListStreams\r\n\
                    content-type: application/x-amz-json-1.1\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}";

/// Status and error of a call without a signature.
pub fn call(address: SocketAddr) -> (u16, String) {
    ask(address, CALL)
}

/// Waits until the node, which was told to stop, takes no more calls.
pub fn wait_until_draining(address: SocketAddr) {
    while try_ask(address, CALL).is_none_or(|(status, _)| status != 503) {}
}
