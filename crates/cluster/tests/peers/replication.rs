//! Three groups of three replicas, each node with its own listener and links.

use crate::memory::{Disk, Memory, log_options, open_log};
use crate::net::{Book, Node, PATIENCE, soon};
use anabranch_cluster::{PeerOptions, Served, SharedSecret};
use anabranch_consensus::{Group, GroupOptions, InFlight, ProposeError, Role, SnapshotOptions, Snapshots};
use anabranch_types::{GroupId, NodeId, ReplicaId};
use anabranch_walog::Walog;
use bytes::Bytes;
use futures::FutureExt;
use futures::future::{join_all, select_all};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tempfile::TempDir;

const GROUPS: usize = 3;

struct Host {
    node: Node,
    log: Walog,
    groups: Vec<Group<Memory>>,
}

struct Cluster {
    dir: TempDir,
    book: Arc<Book>,
    /// By node, then by group.
    disks: Vec<Vec<Disk>>,
    hosts: Vec<Option<Host>>,
}

fn group_id(group: usize) -> GroupId {
    GroupId(group as u32 + 1)
}

/// Replica ids are unique in the cluster.
fn replica(node: usize, group: usize) -> ReplicaId {
    ReplicaId((10 * (group + 1) + node + 1) as u64)
}

impl Cluster {
    async fn start() -> Self {
        let witnesses: Vec<_> = (0..GROUPS).map(|_| Disk::default().witness).collect();
        let disk = |group: usize| Disk { witness: Arc::clone(&witnesses[group]), ..Disk::default() };
        let disks = (0..3).map(|_| (0..GROUPS).map(disk).collect()).collect();
        let (dir, book) = (tempfile::tempdir().unwrap(), Arc::default());
        let mut cluster = Cluster { dir, book, disks, hosts: (0..3).map(|_| None).collect() };
        for node in 0..3 {
            cluster.boot(node).await;
        }
        for group in 0..GROUPS {
            let members: Vec<_> = (0..3).map(|node| (replica(node, group), NodeId(node as u64 + 1))).collect();
            let members = &members;
            join_all((0..3).map(|node| cluster.group(node, group).bootstrap(members))).await.into_iter().for_each(
                |bootstrapped| {
                    bootstrapped.unwrap();
                },
            );
        }
        cluster
    }

    /// Starts a node that is down; it listens on another port than before.
    async fn boot(&mut self, at: usize) {
        let secret = Some(SharedSecret::new(b"the secret of the cluster").unwrap());
        let options = PeerOptions { secret, ..PeerOptions::default() };
        let node = Node::start(at as u64 + 1, &self.book, Served::default(), options).await;
        let log = open_log(&self.dir.path().join(at.to_string()), log_options());
        let transport = Arc::new(node.links.clone());
        let snapshots = SnapshotOptions::in_dir(self.dir.path().join(format!("snapshots of {at}")));
        let snapshots = Some(Snapshots::new(snapshots, node.env.clone()));
        let in_flight = InFlight::new(32 << 20);
        let group_options = GroupOptions { transport, in_flight, snapshots, ..GroupOptions::default() };
        let mut groups = Vec::new();
        for group in 0..GROUPS {
            self.disks[at][group] = self.disks[at][group].after_crash();
            let machine = Memory(self.disks[at][group].clone());
            let id = group_id(group);
            let started = Group::start(id, replica(at, group), log.group(id), machine, &group_options).await.unwrap();
            node.served.replicas.insert(Arc::new(started.clone()));
            groups.push(started);
        }
        self.hosts[at] = Some(Host { node, log, groups });
    }

    /// Ends a node; what its machines had not flushed is gone.
    async fn kill(&mut self, at: usize) {
        let Host { node, log, groups } = self.hosts[at].take().unwrap();
        for group in &groups {
            node.served.replicas.remove(group.id(), group.replica_id());
        }
        node.stop().await;
        join_all(groups.iter().map(Group::shutdown)).await;
        log.close();
    }

    fn group(&self, node: usize, group: usize) -> &Group<Memory> {
        &self.hosts[node].as_ref().unwrap().groups[group]
    }

    fn running(&self) -> Vec<usize> {
        (0..3).filter(|node| self.hosts[*node].is_some()).collect()
    }

    /// Proposes at whoever leads until the command is acknowledged.
    async fn propose(&self, group: usize, command: &str) -> u64 {
        let command = Bytes::from(command.to_owned());
        let acknowledged = async {
            loop {
                for node in self.running() {
                    match self.group(node, group).propose(command.clone()).await {
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

    async fn leader(&self, group: usize) -> usize {
        let led = self.running().into_iter().map(|node| {
            let status = self.group(node, group).wait_status(|status| status.role == Role::Leader);
            status.map(move |_| node).boxed_local()
        });
        soon("a leader", select_all(led)).await.0
    }

    async fn applied(&self, node: usize, group: usize, index: u64) {
        let applied = self.group(node, group).wait_status(|status| status.applied_index >= Some(index));
        soon("a replica to apply", applied).await.unwrap();
    }

    fn shows(&self, node: usize, group: usize, command: &str) -> bool {
        self.disks[node][group].commands().iter().any(|(_, shown)| shown == command)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn groups_replicate_over_sockets_and_fail_over() {
    let mut cluster = Cluster::start().await;
    for group in 0..GROUPS {
        join_all((0..20).map(|number| {
            let cluster = &cluster;
            async move { cluster.propose(group, &format!("first {number}")).await }
        }))
        .await;
    }
    let killed = cluster.leader(0).await;
    tracing::info!(node = killed, "the leader of the first group dies");
    cluster.kill(killed).await;
    for group in 0..GROUPS {
        for number in 0..20 {
            cluster.propose(group, &format!("without it {number}")).await;
        }
    }
    tracing::info!("it comes back at another address");
    cluster.boot(killed).await;
    for group in 0..GROUPS {
        let last = cluster.propose(group, "together").await;
        for node in 0..3 {
            cluster.applied(node, group, last).await;
            for number in 0..20 {
                assert!(cluster.shows(node, group, &format!("first {number}")));
                assert!(cluster.shows(node, group, &format!("without it {number}")));
            }
        }
    }
    tracing::info!("leadership moves by message");
    let leader = cluster.leader(1).await;
    let next = (leader + 1) % 3;
    cluster.propose(1, "before the handover").await;
    let leader = if cluster.group(leader, 1).status().role == Role::Leader { leader } else { cluster.leader(1).await };
    if leader != next {
        cluster.group(leader, 1).transfer_leader(replica(next, 1), PATIENCE).await.unwrap();
        assert!(cluster.propose(1, "after the handover").await > 0);
    }
    for node in 0..3 {
        cluster.kill(node).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_behind_the_logs_catches_up_by_snapshots_over_sockets() {
    let mut cluster = Cluster::start().await;
    for disk in cluster.disks.iter().flatten() {
        disk.ballast_bytes.store((2 << 20) + 77, Ordering::Relaxed);
    }
    for group in 0..GROUPS {
        cluster.propose(group, "before").await;
    }
    let behind = 2;
    cluster.kill(behind).await;
    for group in 0..GROUPS {
        let mut last = 0;
        for number in 0..20 {
            last = cluster.propose(group, &format!("without it {number}")).await;
        }
        for node in cluster.running() {
            cluster.applied(node, group, last).await;
            let purged = async {
                let log = cluster.hosts[node].as_ref().unwrap().log.group(group_id(group));
                while log.state().purged.map(|id| id.index) < Some(last) {
                    cluster.group(node, group).request_flush().await;
                    tokio::task::yield_now().await;
                }
            };
            soon("a purge", purged).await;
        }
    }
    cluster.boot(behind).await;
    for group in 0..GROUPS {
        let last = cluster.propose(group, "together").await;
        cluster.applied(behind, group, last).await;
        assert_eq!(cluster.disks[behind][group].installs.load(Ordering::Relaxed), 1);
        cluster.applied(0, group, last).await;
        assert_eq!(cluster.disks[behind][group].commands(), cluster.disks[0][group].commands());
    }
    for node in 0..3 {
        cluster.kill(node).await;
    }
}
