//! Three replicas of one group in one process, each with a log of its own.

pub mod wires;

use crate::memory::{Disk, Memory, log_options, open_log};
use anabranch_consensus::{Group, GroupOptions, GroupStatus, InFlight, ProposeError, Role, SnapshotOptions, Snapshots};
use anabranch_runtime::Env;
use anabranch_types::{GroupId, NodeId, ReplicaId};
use anabranch_walog::{Options, Walog};
use bytes::Bytes;
use futures::FutureExt;
use futures::future::{join_all, select_all};
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use wires::{Wire, Wires};

pub const PATIENCE: Duration = Duration::from_secs(60);
pub const GROUP: GroupId = GroupId(7);

pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("waited in vain: {what}"))
}

/// A running replica.
pub struct Node {
    pub group: Group<Memory>,
    pub log: Walog,
    pub env: Env,
}

pub struct Cluster {
    dir: TempDir,
    pub wires: Arc<Wires>,
    pub disks: Vec<Disk>,
    /// By replica, from 1; none while it is down.
    pub nodes: Vec<Option<Node>>,
    pub options: GroupOptions,
    pub log_options: Options,
    /// Of each node.
    pub in_flight_bytes: u32,
    /// Of each node, but for where its copies lie.
    pub snapshots: SnapshotOptions,
}

pub fn replica(at: usize) -> ReplicaId {
    ReplicaId(at as u64 + 1)
}

impl Cluster {
    /// Three members, running.
    pub async fn start() -> Self {
        Self::start_with(GroupOptions::default(), log_options()).await
    }

    pub async fn start_with(options: GroupOptions, log_options: Options) -> Self {
        let witness = Disk::default().witness;
        let disks = (0..3).map(|_| Disk { witness: Arc::clone(&witness), ..Disk::default() }).collect();
        let dir = tempfile::tempdir().unwrap();
        let nodes = (0..3).map(|_| None).collect();
        let snapshots = SnapshotOptions {
            offer_every: Duration::from_millis(10),
            ..SnapshotOptions::in_dir(dir.path().to_owned())
        };
        let (wires, in_flight_bytes) = (Arc::default(), 32 << 20);
        let mut cluster = Cluster { dir, wires, disks, nodes, options, log_options, in_flight_bytes, snapshots };
        for at in 0..3 {
            cluster.boot(at).await;
        }
        let members: Vec<_> = (0..3).map(|at| (replica(at), NodeId(at as u64 + 1))).collect();
        join_all(cluster.running().map(|group| group.bootstrap(&members)))
            .await
            .into_iter()
            .collect::<Result<Vec<_>, _>>()
            .unwrap();
        cluster
    }

    /// Starts a replica that is down; its machine shows what it had flushed.
    pub async fn boot(&mut self, at: usize) {
        self.boot_in(at, replica(at), &at.to_string()).await;
    }

    /// Starts another replica, with an empty disk, in the place of one that is down.
    pub async fn boot_new(&mut self, at: usize, id: ReplicaId) {
        self.disks[at] = Disk { witness: Arc::clone(&self.disks[at].witness), ..Disk::default() };
        self.boot_in(at, id, &format!("{at} as {id}")).await;
    }

    async fn boot_in(&mut self, at: usize, id: ReplicaId, dir: &str) {
        let snapshots = SnapshotOptions { dir: self.snapshots_dir(dir), ..self.snapshots.clone() };
        let dir = self.dir.path().join(dir);
        let log = open_log(&dir, self.log_options.clone());
        let env = Env::system();
        let snapshots = Some(Snapshots::new(snapshots, env.clone()));
        self.disks[at] = self.disks[at].after_crash();
        let transport = Arc::new(Wire { from: id, wires: Arc::clone(&self.wires) });
        // Replicas on nodes of their own share no bound.
        let in_flight = InFlight::new(self.in_flight_bytes);
        let options = GroupOptions { transport, in_flight, snapshots, ..self.options.clone() };
        let machine = Memory(self.disks[at].clone());
        let group = Group::start(GROUP, id, log.group(GROUP), machine, &options).await.expect("starts");
        self.wires.connect(Arc::new(group.clone()));
        self.nodes[at] = Some(Node { group, log, env });
    }

    /// Ends a replica; what its machine had not flushed is gone.
    pub async fn kill(&mut self, at: usize) {
        let node = self.nodes[at].take().expect("it runs");
        self.wires.disconnect(node.group.replica_id());
        node.group.shutdown().await;
        node.env.tasks.shutdown(PATIENCE).await.expect("tasks end");
        node.log.close();
    }

    /// Where the replica that runs in `dir` keeps copies.
    pub fn snapshots_dir(&self, dir: &str) -> PathBuf {
        self.dir.path().join(format!("snapshots of {dir}"))
    }

    /// Flushes `at` until its log is purged up to what it shows now.
    pub async fn purge(&self, at: usize) {
        let node = self.nodes[at].as_ref().expect("it runs");
        let target = node.group.status().applied_index;
        let purged = async {
            while node.log.group(GROUP).state().purged.map(|id| id.index) < target {
                node.group.request_flush().await;
                tokio::task::yield_now().await;
            }
        };
        soon("a purge", purged).await;
    }

    pub async fn stop(mut self) {
        for at in 0..3 {
            if self.nodes[at].is_some() {
                self.kill(at).await;
            }
        }
    }

    pub fn group(&self, at: usize) -> &Group<Memory> {
        &self.nodes[at].as_ref().expect("it runs").group
    }

    pub fn running(&self) -> impl Iterator<Item = &Group<Memory>> {
        self.nodes.iter().flatten().map(|node| &node.group)
    }

    /// The first of `among` that leads in a term above `term`.
    pub async fn leader_above(&self, term: u64, among: &[usize]) -> usize {
        let elected = among.iter().map(|at| {
            self.group(*at)
                .wait_status(move |status| status.role == Role::Leader && status.term > term)
                .map(|_| *at)
                .boxed_local()
        });
        soon("a leader", select_all(elected)).await.0
    }

    /// Whoever leads once a command was acknowledged: before its first answer from a majority, a
    /// leader takes none.
    pub async fn leader(&self) -> usize {
        self.propose(&[0, 1, 2], "first").await;
        self.leader_above(0, &[0, 1, 2]).await
    }

    /// Proposes at whoever of `among` leads until the command is acknowledged.
    pub async fn propose(&self, among: &[usize], command: &str) -> u64 {
        let command = Bytes::from(command.to_owned());
        let acknowledged = async {
            loop {
                for at in among {
                    match self.group(*at).propose(command.clone()).await {
                        Ok(proposed) => return proposed.index,
                        Err(ProposeError::NotLeader { .. } | ProposeError::NoRoom(_)) => {}
                        Err(ProposeError::Unknown { reason }) => tracing::info!(reason, "proposed again"),
                    }
                }
                tokio::task::yield_now().await;
            }
        };
        soon("an answer to a proposal", acknowledged).await
    }

    /// Adds a learner through whoever of `among` leads; it catches up afterwards.
    pub async fn add_learner(&self, among: &[usize], learner: ReplicaId, node: NodeId) {
        let added = self.by_the_leader(among, async |group| group.add_learner(learner, node).await);
        soon("a learner", added).await;
    }

    /// Makes `voters` the voters, through whoever of `among` leads and sees that they have caught up.
    pub async fn change_voters(&self, among: &[usize], voters: &[ReplicaId]) {
        let changed = self.by_the_leader(among, async |group| group.change_voters(voters).await);
        soon("other voters", changed).await;
    }

    /// Hands leadership to `next`, by whoever leads.
    pub async fn hand_over(&self, next: usize) {
        let ask = async |group: &Group<Memory>| group.transfer_leader(replica(next), PATIENCE).await;
        soon("another leader", self.by_the_leader(&[0, 1, 2], ask)).await;
    }

    /// Asks each of `among` in turn until one does it: an election may come between any two steps, and
    /// whoever leads then has yet to hear of the others.
    async fn by_the_leader<E: std::fmt::Display>(
        &self,
        among: &[usize],
        ask: impl AsyncFn(&Group<Memory>) -> Result<(), E>,
    ) {
        loop {
            for at in among {
                match ask(self.group(*at)).await {
                    Ok(()) => return,
                    Err(error) => tracing::info!(at, %error, "not done there"),
                }
            }
            tokio::task::yield_now().await;
        }
    }

    /// Waits until `at` shows everything up to `index`.
    pub async fn applied(&self, at: usize, index: u64) -> GroupStatus {
        let applied = self.group(at).wait_status(|status| status.applied_index >= Some(index));
        soon(&format!("replica {} at {index}", replica(at)), applied).await.expect("it runs")
    }

    /// Whether `at` shows the command, and how often.
    pub fn shown(&self, at: usize, command: &str) -> usize {
        self.disks[at].commands().iter().filter(|(_, shown)| shown == command).count()
    }
}
