//! A cluster of ours on this machine: `anabranch dev --nodes`, started with fresh data and stopped
//! by its process ids.

use super::Setting;
use super::page;
use super::server::STREAM;
use super::target::Target;
use crate::house;
use anyhow::{Context, bail};
use serde_json::Value;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Nodes, and replicas of every group, where nothing else is said.
pub const NODES: usize = 3;
/// Groups that hold shards: two for each of three nodes, so that the cluster makes no more by itself.
const GROUPS: usize = 6;
/// Shards of the stream where nothing else is said.
pub const SHARDS: u32 = 8;
/// How long it may take to start, to have every replica, and to stop.
const PATIENCE: Duration = Duration::from_secs(120);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A running cluster. Dropped, it is killed and its data removed.
pub struct Cluster {
    /// Its nodes end with it.
    parent: Child,
    nodes: Vec<Node>,
    /// How it was started.
    pub command_line: String,
    data: PathBuf,
    shards: u32,
}

/// What the parent says of a node.
#[derive(Debug, PartialEq, Eq)]
struct Node {
    pid: u32,
    api: SocketAddr,
}

impl Cluster {
    /// Starts so many nodes in an empty directory, waits until every group has all of its replicas, and
    /// creates the stream of so many shards.
    ///
    /// # Errors
    /// When it does not come so far; what it printed lies in the bench folder.
    pub fn start(setting: &Setting, nodes: usize, shards: u32) -> anyhow::Result<Cluster> {
        let data = setting.folder.join("cluster");
        if data.exists() {
            fs::remove_dir_all(&data)?;
        }
        let said = setting.folder.join("cluster.out");
        let mut command = Command::new(&setting.server);
        command.args(["dev", "--nodes", &nodes.to_string(), "--groups", &GROUPS.to_string(), "--no-limits"]);
        command.args(["--listen", "127.0.0.1:0", "--log-filter", "warn,openraft=error", "--data-dir"]).arg(&data);
        command.stdin(Stdio::null()).stdout(fs::File::create(&said)?);
        command.stderr(fs::File::create(setting.folder.join("cluster.log"))?);
        let command_line = house::spelled(&command);
        let parent = command.spawn().with_context(|| format!("start {command_line}"))?;
        let mut cluster = Cluster { parent, nodes: Vec::new(), command_line, data, shards };
        cluster.nodes = cluster.await_that("is ready", || nodes_in(&fs::read_to_string(&said).ok()?))?;
        let apis: Vec<SocketAddr> = cluster.nodes.iter().map(|node| node.api).collect();
        cluster
            .await_that("has all replicas", || apis.iter().all(|api| has_all_replicas(*api, nodes)).then_some(()))?;
        let mut client = Command::new(&setting.client);
        client.args(["stream", "--stream", STREAM, "--shards", &shards.to_string(), "--address"]);
        house::run(client.arg(cluster.addresses()))?;
        Ok(cluster)
    }

    fn await_that<T>(&mut self, what: &str, look: impl Fn() -> Option<T>) -> anyhow::Result<T> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(seen) = look() {
                return Ok(seen);
            }
            if let Some(status) = self.parent.try_wait()? {
                bail!("{} ended with {status} before it {what}", self.command_line);
            }
            if Instant::now() > deadline {
                bail!("{}: not so within {PATIENCE:?}: it {what}", self.command_line);
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Asks it to stop and waits.
    ///
    /// # Errors
    /// When it does not stop.
    pub fn stop(mut self) -> anyhow::Result<()> {
        house::run(Command::new("kill").args(["-TERM", &self.parent.id().to_string()]))?;
        let deadline = Instant::now() + PATIENCE;
        while self.parent.try_wait()?.is_none() {
            if Instant::now() > deadline {
                bail!("{} does not stop", self.command_line);
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }
}

impl Target for Cluster {
    fn addresses(&self) -> String {
        self.nodes.iter().map(|node| node.api.to_string()).collect::<Vec<_>>().join(",")
    }

    fn shards(&self) -> u32 {
        self.shards
    }

    fn pids(&self) -> Vec<u32> {
        self.nodes.iter().map(|node| node.pid).collect()
    }

    fn syncs(&self) -> anyhow::Result<Option<u64>> {
        let mut sum = Some(0);
        for node in &self.nodes {
            let syncs = page::syncs_in(&page::get(node.api, "/metrics")?);
            sum = sum.zip(syncs).map(|(sum, syncs)| sum + syncs);
        }
        Ok(sum)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // It may have ended already: nothing more is wanted.
        let _ = self.parent.kill();
        let _ = self.parent.wait();
        // The kernel ends the nodes with their parent; their data is theirs until then.
        let deadline = Instant::now() + PATIENCE;
        let lives = |node: &Node| Path::new("/proc").join(node.pid.to_string()).exists();
        while self.nodes.iter().any(lives) && Instant::now() < deadline {
            std::thread::sleep(LOOK_EVERY);
        }
        let _ = fs::remove_dir_all(&self.data);
    }
}

/// The nodes, once the parent has said that all are ready.
fn nodes_in(said: &str) -> Option<Vec<Node>> {
    said.lines().any(|line| line.starts_with("anabranch ready ")).then_some(())?;
    let nodes = said.lines().filter_map(|line| line.strip_prefix("anabranch node "));
    nodes
        .map(|line| {
            let word = |name: &str| line.split(' ').find_map(|word| word.strip_prefix(name));
            Some(Node { pid: word("pid=")?.parse().ok()?, api: word("api=http://")?.parse().ok()? })
        })
        .collect()
}

/// Whether the node tells of every group for shards, each led and with a voter on every node.
fn has_all_replicas(api: SocketAddr, nodes: usize) -> bool {
    let answer = page::get(api, "/status").unwrap_or_default();
    let status: Option<Value> = page::body(&answer).and_then(|body| serde_json::from_slice(body).ok());
    status.is_some_and(|status| is_whole(&status, nodes))
}

fn is_whole(status: &Value, nodes: usize) -> bool {
    let groups: Vec<&Value> = status["groups"].as_array().into_iter().flatten().collect();
    let is_whole = |group: &&Value| {
        let replicas = group["replicas"].as_array().map_or(&[][..], Vec::as_slice);
        replicas.len() == nodes
            && replicas.iter().all(|replica| replica["state"] == "voter")
            && !group["leader"].is_null()
    };
    groups.iter().filter(|group| group["id"] != 0).count() == GROUPS && groups.iter().all(is_whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nodes_are_known_once_all_are_ready() {
        let node = "anabranch node id=1 pid=47 api=http://127.0.0.1:4567 tls=https://127.0.0.1:4568 peer=127.0.0.1:4569 \
                    data=/d/node-1 start=\"/usr/bin/anabranch dev\"\n";
        assert_eq!(nodes_in(node), None);
        let ready =
            format!("{node}anabranch ready api=http://127.0.0.1:4567 tls=https://127.0.0.1:4568 node=1 data=/d\n");
        assert_eq!(nodes_in(&ready), Some(vec![Node { pid: 47, api: "127.0.0.1:4567".parse().expect("an address") }]));
    }

    #[test]
    fn a_group_is_whole_with_a_leader_and_three_voters() {
        let group = |id: usize, third: &str, leader: Value| {
            let replica = |state: &str| json!({ "state": state });
            json!({ "id": id, "leader": leader, "replicas": [replica("voter"), replica("voter"), replica(third)] })
        };
        let status = |third: &str, leader: Value| {
            let groups: Vec<Value> = (0..=GROUPS).map(|id| group(id, third, leader.clone())).collect();
            json!({ "groups": groups })
        };
        assert!(is_whole(&status("voter", json!(2)), NODES));
        assert!(!is_whole(&status("learner", json!(2)), NODES));
        assert!(!is_whole(&status("voter", Value::Null), NODES));
        assert!(!is_whole(&json!({ "groups": [group(1, "voter", json!(2))] }), NODES));
        assert!(!is_whole(&Value::Null, NODES));
    }
}
