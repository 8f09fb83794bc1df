//! One node as a process of its own: started, stopped, killed and restarted on its directory.

use crate::client::{ACCESS_KEY, Client, SECRET_KEY};
use crate::deadline::{self, PATIENCE};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc;

/// Lines of the node's log that a failed proof shows.
const LOG_LINES_SHOWN: usize = 40;

/// How to start a node, always on free ports of loopback.
#[derive(Debug, Clone)]
pub struct NodeSpec {
    arguments: Vec<String>,
    log: PathBuf,
}

/// A running node. Killed when it is dropped.
pub struct Node {
    child: Child,
    /// Kept open: a node that prints into a closed pipe would be told so.
    _stdout: BufReader<ChildStdout>,
    address: SocketAddr,
    log: PathBuf,
}

impl NodeSpec {
    /// `anabranch dev` with its data and its log in `folder`.
    pub fn dev(folder: &Path, more: &[&str]) -> Self {
        let data_dir = folder.join("data").display().to_string();
        let fixed = ["dev", "--listen", "127.0.0.1:0", "--tls-listen", "127.0.0.1:0", "--data-dir", &data_dir];
        let arguments = fixed.iter().chain(more).map(|word| (*word).to_owned()).collect();
        NodeSpec { arguments, log: folder.join("node.log") }
    }

    /// `anabranch server` with its configuration and its log in `folder` and its data in
    /// `data_dir`; it has the credentials of [`Client::new`], no limits, and
    /// less state in memory than a twentieth of the small disk of a proof.
    ///
    /// # Panics
    /// When the configuration cannot be written.
    pub fn server(folder: &Path, data_dir: &Path) -> Self {
        let config = folder.join("node.toml");
        let text = format!(
            "data_dir = {data_dir:?}\nlisten = \"127.0.0.1:0\"\ntls_listen = \"127.0.0.1:0\"\nlimits = \"off\"\n\
             credentials = [{{ access_key = \"{ACCESS_KEY}\", secret_key = \"{SECRET_KEY}\" }}]\n\
             [cluster]\nbootstrap = true\n[log]\nsegment_bytes = 67108864\n[memory]\nmemtable_bytes = 16777216\n"
        );
        fs::write(&config, text).expect("the folder can be written");
        let arguments = vec!["server".to_owned(), "--config".to_owned(), config.display().to_string()];
        NodeSpec { arguments, log: folder.join("node.log") }
    }
    /// Starts the node and waits until it serves.
    ///
    /// # Panics
    /// When there is no binary, or the node does not get ready.
    pub fn start(&self) -> Node {
        let log = File::options().create(true).append(true).open(&self.log).expect("the log's folder is there");
        let mut command = Command::new(binary());
        let variables = std::env::vars_os().map(|(name, _)| name);
        for name in variables.filter(|name| name.to_string_lossy().starts_with("ANABRANCH_")) {
            command.env_remove(name);
        }
        command.args(&self.arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        let mut child = command.spawn().expect("the binary can be started");
        let stdout = child.stdout.take().expect("stdout is a pipe");
        match first_line(stdout) {
            Some((line, stdout)) if ready_address(&line).is_some() => {
                let address = ready_address(&line).expect("looked at above");
                Node { child, _stdout: stdout, address, log: self.log.clone() }
            }
            _ => {
                // It may have ended by itself.
                let _killed = child.kill();
                let status = child.wait().expect("a child can be waited for");
                panic!("the node did not get ready, {status}; its log:\n{}", tail(&self.log));
            }
        }
    }
}

impl Node {
    /// Where it serves without TLS.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A client of this node.
    pub fn client(&self) -> Client {
        Client::new(self.address)
    }

    /// The number of its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether the process has not ended.
    ///
    /// # Panics
    /// When the kernel does not know its own child.
    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().expect("a child can be asked for").is_none()
    }

    /// The end of its log.
    pub fn log(&self) -> String {
        tail(&self.log)
    }

    /// SIGTERM: it drains and ends well.
    ///
    /// # Panics
    /// When it does not.
    pub fn stop(mut self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).expect("the process is ours");
        let status: ExitStatus =
            deadline::until("the node's end", || self.child.try_wait().expect("a child can be asked for"));
        assert!(status.success(), "SIGTERM ended the node with {status}; its log:\n{}", self.log());
    }

    /// kill -9: nothing is flushed, nothing is said.
    ///
    /// # Panics
    /// When it has ended before.
    pub fn kill(mut self) {
        assert!(self.is_alive(), "the node ended by itself; its log:\n{}", self.log());
        self.end();
    }

    fn end(&mut self) {
        // Both fail only when it has been waited for already.
        let _killed = self.child.kill();
        let _waited = self.child.wait();
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.end();
        if std::thread::panicking() {
            crate::settings::tell(&format!("the node's log ends with:\n{}", self.log()));
        }
    }
}

/// The binary under proof.
fn binary() -> PathBuf {
    let path = std::env::var_os("ANABRANCH_BIN").filter(|path| !path.is_empty());
    let path = path.expect("ANABRANCH_BIN names no binary; run `cargo xtask test rust`, which builds one and names it");
    PathBuf::from(path)
}

/// The first line of a node's stdout, in time.
fn first_line(stdout: ChildStdout) -> Option<(String, BufReader<ChildStdout>)> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut stdout = BufReader::new(stdout);
        let mut line = String::new();
        // No line at all is told by an empty one; nobody listens once the time is over.
        let _read = (&mut stdout).take(64 << 10).read_line(&mut line);
        let _sent = sender.send((line, stdout));
    });
    receiver.recv_timeout(PATIENCE).ok()
}

/// The address of `anabranch ready api=http://ADDRESS …`.
fn ready_address(line: &str) -> Option<SocketAddr> {
    line.strip_prefix("anabranch ready api=http://")?.split_whitespace().next()?.parse().ok()
}

fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..].join("\n")
}
