//! One contestant, started with fresh data and stopped by its process id.

use super::Setting;
use super::contestant::Contestant;
use super::page;
use super::target::Target;
use super::usage::{self, Usage};
use crate::house;
use anyhow::{Context, bail};
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The stream that is written and read.
pub const STREAM: &str = "bench";
/// Its shards where nothing else is said.
pub const SHARDS: u32 = 64;
/// How long a contestant may take to stop, flushes included.
const STOP_PATIENCE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A running contestant. Dropped, it is killed and its data removed.
pub struct Server {
    child: Child,
    /// Where it listens.
    address: SocketAddr,
    /// How it was started.
    pub command_line: String,
    data: PathBuf,
    shards: u32,
    counts_syncs: bool,
}

impl Server {
    /// Starts it in an empty directory and waits until its stream of so many shards can be written.
    ///
    /// # Errors
    /// When it does not start; what it printed lies in the bench folder.
    pub fn start(setting: &Setting, contestant: Contestant, shards: u32) -> anyhow::Result<Server> {
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
        let server = Server { child, address, command_line, data, shards, counts_syncs: contestant.counts_syncs() };
        server.await_that(|address| TcpStream::connect(address).is_ok())?;
        if contestant.has_streams() {
            // Whoever has such a page says there when calls are served; the others serve by now.
            server
                .await_that(|address| page::get(address, "/health/ready").is_ok_and(|answer| !is_not_yet(&answer)))?;
            let mut client = Command::new(&setting.client);
            client.args([
                "stream",
                "--stream",
                STREAM,
                "--shards",
                &shards.to_string(),
                "--address",
                &address.to_string(),
            ]);
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

impl Target for Server {
    fn addresses(&self) -> String {
        self.address.to_string()
    }

    fn shards(&self) -> u32 {
        self.shards
    }

    fn pids(&self) -> Vec<u32> {
        vec![self.child.id()]
    }

    fn syncs(&self) -> anyhow::Result<Option<u64>> {
        if !self.counts_syncs {
            return Ok(None);
        }
        Ok(page::syncs_in(&page::get(self.address, "/metrics")?))
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

/// Whether an answer says that calls are not served yet.
fn is_not_yet(answer: &[u8]) -> bool {
    answer.starts_with(b"HTTP/1.1 503")
}
