//! A node as a child process: started, listened to, told to end, waited for.
//!
//! One task owns the process; the [`Child`] is its handle. Whatever ends the parent ends the child
//! as well (`parent.rs`).

use super::node::Ready;
use super::start_command::StartCommand;
use crate::parent::PARENT_VARIABLE;
use anabranch_runtime::{OnFailure, TaskGroup};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{self, Write};
use std::process::{ExitStatus, Stdio};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::process::{ChildStdin, Command};
use tokio::sync::{mpsc, watch};

/// A line of a child is cut after so many bytes.
const LINE_BYTES_MAX: u64 = 1 << 20;

/// What becomes of nodes.
#[derive(Debug)]
pub(super) enum Event {
    /// The groups of a new cluster have their replicas.
    Replicated,
    /// A node is ready.
    Ready {
        /// The number of its directory.
        number: u8,
        /// Its process.
        pid: u32,
        /// What it says.
        ready: Ready,
    },
    /// A child has ended.
    Ended {
        /// The number of its directory.
        number: u8,
        /// How.
        status: ExitStatus,
    },
    /// The process that used a node's directory has ended; it was not a child.
    Left {
        /// The number of the directory.
        number: u8,
    },
    /// The process that uses a node's directory does not answer; it is not a child.
    Mute {
        /// The number of the directory.
        number: u8,
    },
}

/// What a child is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Run,
    Drain,
    End,
}

/// A running child. Dropping the handle ends the process at once.
#[derive(Debug)]
pub(super) struct Child {
    /// Its process.
    pub(super) pid: u32,
    orders: watch::Sender<Order>,
}

impl Child {
    /// Starts node `number`; what becomes of it comes by `events`. To be called on the thread that
    /// ends last of this process: the kernel takes the end of the thread that starts a child for
    /// the parent's.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn spawn(
        number: u8,
        command: &StartCommand,
        events: &mpsc::Sender<Event>,
        tasks: &TaskGroup,
    ) -> io::Result<Self> {
        let mut process = Command::new(command.program());
        for name in command.variables() {
            process.env_remove(name);
        }
        process.args(command.arguments()).env(PARENT_VARIABLE, std::process::id().to_string());
        // A signal of the terminal goes to the parent alone, which passes it on once.
        process.process_group(0).kill_on_drop(true);
        let mut process = process.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let pid = process.id().ok_or_else(|| io::Error::other("it ended at once"))?;
        let held_open = process.stdin.take().ok_or_else(|| io::Error::other("no pipe to it"))?;
        if let Some(stdout) = process.stdout.take() {
            let events = events.clone();
            tasks.spawn("node-stdout", OnFailure::Log, async move { listen(number, pid, stdout, &events).await });
        }
        if let Some(stderr) = process.stderr.take() {
            tasks.spawn("node-stderr", OnFailure::Log, async move { pass_on(number, stderr).await });
        }
        let (orders, ordered) = watch::channel(Order::Run);
        let events = events.clone();
        tasks.spawn("node", OnFailure::Log, async move { own(number, process, held_open, ordered, events).await });
        Ok(Child { pid, orders })
    }

    /// Tells it to drain and to end.
    pub(super) fn drain(&self) {
        self.orders.send_replace(Order::Drain);
    }

    /// Ends it at once.
    pub(super) fn end(&self) {
        self.orders.send_replace(Order::End);
    }
}

/// Waits for the end of the child and does what it is told until then.
async fn own(
    number: u8,
    mut process: tokio::process::Child,
    _held_open: ChildStdin,
    mut ordered: watch::Receiver<Order>,
    events: mpsc::Sender<Event>,
) -> io::Result<()> {
    let mut handle_lives = true;
    loop {
        tokio::select! {
            status = process.wait() => {
                // Nobody listens any more when the parent ends.
                let _told = events.send(Event::Ended { number, status: status? }).await;
                return Ok(());
            }
            changed = ordered.changed(), if handle_lives => {
                handle_lives = changed.is_ok();
                let order = if handle_lives { *ordered.borrow_and_update() } else { Order::End };
                send(process.id(), order)?;
            }
        }
    }
}

/// The process is not waited for yet, so its pid is its own.
fn send(pid: Option<u32>, order: Order) -> io::Result<()> {
    let pid = pid.and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
    let signal = match order {
        Order::Run => None,
        Order::Drain => Some(Signal::TERM),
        Order::End => Some(Signal::KILL),
    };
    match (pid, signal) {
        (Some(pid), Some(signal)) => Ok(kill_process(pid, signal)?),
        (None, _) | (_, None) => Ok(()),
    }
}

/// Waits for the child's ready line; what else it says on stdout is passed on to stderr.
async fn listen(number: u8, pid: u32, stdout: impl AsyncRead + Unpin, events: &mpsc::Sender<Event>) -> io::Result<()> {
    let mut lines = BufReader::new(stdout);
    while let Some(line) = next_line(&mut lines).await? {
        match std::str::from_utf8(&line).ok().and_then(Ready::read) {
            Some(ready) => {
                let _nobody_listens = events.send(Event::Ready { number, pid, ready }).await;
            }
            None => write_prefixed(number, &line),
        }
    }
    Ok(())
}

async fn pass_on(number: u8, stderr: impl AsyncRead + Unpin) -> io::Result<()> {
    let mut lines = BufReader::new(stderr);
    while let Some(line) = next_line(&mut lines).await? {
        write_prefixed(number, &line);
    }
    Ok(())
}

/// The next line without its end; none at the end.
async fn next_line<R: AsyncRead + Unpin>(lines: &mut BufReader<R>) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    if lines.take(LINE_BYTES_MAX).read_until(b'\n', &mut line).await? == 0 {
        return Ok(None);
    }
    line.pop_if(|last| *last == b'\n');
    Ok(Some(line))
}

/// One write, so that the lines of nodes do not mix.
fn write_prefixed(number: u8, line: &[u8]) {
    let text = [format!("[node {number}] ").as_bytes(), line, b"\n"].concat();
    // Where stderr has gone, there is nobody to tell.
    let _written = io::stderr().write_all(&text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_are_read_one_by_one_and_the_last_one_without_its_end() {
        let mut lines = BufReader::new(&b"one\n\ntwo"[..]);
        let mut read = Vec::new();
        while let Some(line) = next_line(&mut lines).await.expect("bytes") {
            read.push(String::from_utf8(line).expect("text"));
        }
        assert_eq!(read, ["one", "", "two"]);
    }

    #[tokio::test]
    async fn the_ready_line_of_a_child_becomes_an_event() {
        let (events, mut heard) = mpsc::channel(4);
        let said = b"hello\nanabranch ready api=http://a:1 tls=https://a:2 node=7 data=/d\n";
        listen(2, 42, &said[..], &events).await.expect("bytes");
        drop(events);
        let Some(Event::Ready { number: 2, pid: 42, ready }) = heard.recv().await else { panic!("no event") };
        assert_eq!((ready.id.0, ready.api.as_str()), (7, "http://a:1"));
        assert!(heard.recv().await.is_none());
    }
}
