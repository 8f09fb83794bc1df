//! One contestant, started with fresh data and stopped by its process id.

use super::Setting;
use super::contestant::Contestant;
use super::usage::{self, Usage};
use crate::house;
use anyhow::{Context, bail};
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The stream that is written and read.
pub const STREAM: &str = "bench";
/// Its shards.
pub const SHARDS: &str = "64";
/// How long a contestant may take to stop, flushes included.
const STOP_PATIENCE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A running contestant. Dropped, it is killed and its data removed.
pub struct Server {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// How it was started.
    pub command_line: String,
    data: PathBuf,
    counts_syncs: bool,
}

impl Server {
    /// Starts it in an empty directory and waits until its stream can be written.
    ///
    /// # Errors
    /// When it does not start; what it printed lies in the bench folder.
    pub fn start(setting: &Setting, contestant: Contestant) -> anyhow::Result<Server> {
        let data = setting.folder.join("data");
        if data.exists() {
            fs::remove_dir_all(&data)?;
        }
        fs::create_dir_all(&data)?;
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let mut command = contestant.command(setting, &data, port)?;
        let log = fs::File::create(setting.folder.join("server.log"))?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let command_line = house::spelled(&command);
        let child = command.spawn().with_context(|| format!("start {command_line}"))?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let server = Server { child, address, command_line, data, counts_syncs: contestant.counts_syncs() };
        server.await_that(|address| TcpStream::connect(address).is_ok())?;
        if contestant.has_streams() {
            // Whoever has such a page says there when calls are served; the others serve by now.
            server.await_that(|address| get(address, "/health/ready").is_ok_and(|answer| !is_not_yet(&answer)))?;
            let mut client = Command::new(&setting.client);
            client.args(["stream", "--stream", STREAM, "--shards", SHARDS, "--address", &address.to_string()]);
            house::run(&mut client)?;
        }
        Ok(server)
    }

    fn await_that(&self, serves: impl Fn(SocketAddr) -> bool) -> anyhow::Result<()> {
        let deadline = Instant::now() + STOP_PATIENCE;
        while !serves(self.address) {
            if Instant::now() > deadline || usage::has_ended(self.child.id())? {
                bail!("{} does not serve", self.command_line);
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }

    /// What it has used so far.
    ///
    /// # Errors
    /// When it ended.
    pub fn usage(&self) -> anyhow::Result<Usage> {
        Usage::of(self.child.id())
    }

    /// How often it synced its log; none where nobody counts.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn syncs(&self) -> anyhow::Result<Option<u64>> {
        if !self.counts_syncs {
            return Ok(None);
        }
        Ok(syncs_in(&get(self.address, "/metrics")?))
    }

    /// Asks it to stop, waits, and returns what it used in its whole life.
    ///
    /// # Errors
    /// When it does not stop.
    pub fn stop(mut self) -> anyhow::Result<Usage> {
        let pid = self.child.id();
        house::run(Command::new("kill").args(["-TERM", &pid.to_string()]))?;
        let deadline = Instant::now() + STOP_PATIENCE;
        while !usage::has_ended(pid)? {
            if Instant::now() > deadline {
                bail!("{} does not stop", self.command_line);
            }
            std::thread::sleep(LOOK_EVERY);
        }
        let usage = Usage::of(pid)?;
        self.child.wait()?;
        Ok(usage)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended, and its data may be gone: nothing more is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.data);
    }
}

/// A page over a connection of its own; one that is kept open all the same is read until it is
/// silent.
fn get(address: SocketAddr, path: &str) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n").as_bytes())?;
    let mut page = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(count) = stream.read(&mut buffer) {
        page.extend_from_slice(&buffer[..count]);
        if count == 0 {
            break;
        }
    }
    Ok(page)
}

/// Whether an answer says that calls are not served yet.
fn is_not_yet(answer: &[u8]) -> bool {
    answer.starts_with(b"HTTP/1.1 503")
}

fn syncs_in(page: &[u8]) -> Option<u64> {
    let text = String::from_utf8_lossy(page);
    let line = text.lines().find_map(|line| line.strip_prefix("anabranch_log_syncs_total ").map(str::to_owned))?;
    // Only a whole line is a number; the last one may still be on its way.
    text.contains(&format!("{line}\n")).then(|| line.trim().parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_syncs_is_read_once_its_line_is_whole() {
        assert_eq!(syncs_in(b"# HELP x\nanabranch_log_syncs_total 12\n"), Some(12));
        assert_eq!(syncs_in(b"# HELP x\nanabranch_log_syncs_total 12"), None);
        assert_eq!(syncs_in(b"other 1\n"), None);
    }
}
