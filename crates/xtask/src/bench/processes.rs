//! The processes of a rival's cluster, started with fresh data and ended by their ids.

use super::Setting;
use crate::house;
use anyhow::{Context, bail};
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a cluster may take to listen.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Running processes. Dropped, they are killed and their data removed.
pub struct Processes {
    children: Vec<Child>,
    /// How each was started.
    pub command_lines: Vec<String>,
    /// Where each takes requests.
    pub addresses: Vec<SocketAddr>,
    data: PathBuf,
}

impl Processes {
    /// Starts `commands`, which keep their data in `data` and listen at `addresses`, and waits until
    /// all listen. What they print lies in the bench folder.
    ///
    /// # Errors
    /// When one does not start.
    pub fn start(
        setting: &Setting,
        name: &str,
        data: PathBuf,
        commands: Vec<Command>,
        addresses: Vec<SocketAddr>,
    ) -> anyhow::Result<Processes> {
        let mut processes = Processes { children: Vec::new(), command_lines: Vec::new(), addresses, data };
        for (index, mut command) in commands.into_iter().enumerate() {
            let log = File::create(setting.folder.join(format!("{name}-{}.log", index + 1)))?;
            command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
            let command_line = house::spelled(&command);
            processes.children.push(command.spawn().with_context(|| format!("start {command_line}"))?);
            processes.command_lines.push(command_line);
        }
        let addresses = processes.addresses.clone();
        processes.await_that("listens", || addresses.iter().all(|address| TcpStream::connect(address).is_ok()))?;
        Ok(processes)
    }

    /// Looks again and again.
    ///
    /// # Errors
    /// When a process ends before it is so, or it takes too long.
    pub fn await_that(&mut self, what: &str, is_so: impl Fn() -> bool) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !is_so() {
            for (child, command_line) in self.children.iter_mut().zip(&self.command_lines) {
                if let Some(status) = child.try_wait()? {
                    bail!("{command_line} ended with {status} before it {what}");
                }
            }
            if Instant::now() > deadline {
                bail!("not so within {PATIENCE:?}: every process of {:?} {what}", self.command_lines);
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }

    /// Their ids.
    pub fn pids(&self) -> Vec<u32> {
        self.children.iter().map(Child::id).collect()
    }

    /// Where they take requests, with commas between.
    pub fn joined_addresses(&self) -> String {
        self.addresses.iter().map(SocketAddr::to_string).collect::<Vec<_>>().join(",")
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        // They may have ended already: nothing more is wanted.
        for child in &mut self.children {
            let _ = child.kill();
        }
        for child in &mut self.children {
            let _ = child.wait();
        }
        let _ = fs::remove_dir_all(&self.data);
    }
}

/// An empty folder of this name in the bench folder.
///
/// # Errors
/// When it cannot be made.
pub fn fresh_folder(setting: &Setting, name: &str) -> anyhow::Result<PathBuf> {
    let folder = setting.folder.join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// Addresses on loopback that nobody listens at.
///
/// # Errors
/// When there are none.
pub fn free_addresses(count: usize) -> anyhow::Result<Vec<SocketAddr>> {
    // All are held until the last is known, so that none comes twice.
    let listeners: Vec<TcpListener> =
        (0..count).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).collect::<Result<_, _>>()?;
    Ok(listeners.iter().map(TcpListener::local_addr).collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn free_addresses_differ() {
        let addresses: BTreeSet<SocketAddr> = free_addresses(6).expect("six of them").into_iter().collect();
        assert_eq!(addresses.len(), 6);
    }
}
