//! Groups of three replicas over real logs: what is acknowledged survives whatever fails.

#![allow(clippy::unwrap_used, reason = "tests say what they expect bluntly")]

mod cluster;
mod memory;

use bytes::Bytes;
use cluster::{Cluster, replica, soon};
use futures::FutureExt;
use futures::future::join_all;

/// The replicas that are not `at`.
fn others(at: usize) -> [usize; 2] {
    [(at + 1) % 3, (at + 2) % 3]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_replicas_show_what_one_of_them_acknowledged() {
    let cluster = Cluster::start().await;
    let leader = cluster.leader().await;
    let group = cluster.group(leader);
    let proposals = (0..200).map(|number| group.propose(Bytes::from(format!("command {number}"))));
    let indexes: Vec<u64> = join_all(proposals).await.into_iter().map(|proposed| proposed.unwrap().index).collect();
    let last = indexes.into_iter().max().unwrap();
    for at in 0..3 {
        cluster.applied(at, last).await;
        assert_eq!(cluster.disks[at].commands(), cluster.disks[leader].commands());
    }
    let caught_up = group
        .wait_status(|status| status.progress.len() == 2 && status.progress.iter().all(|other| other.lag_entries == 0));
    let status = soon("the leader to hear of it", caught_up).await.unwrap();
    assert!(status.progress.iter().all(|other| other.matched_index == status.last_index), "{status:?}");
    assert_eq!(status.voters.len(), 3);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_acknowledged_without_a_majority() {
    let cluster = Cluster::start().await;
    let leader = cluster.leader().await;
    let before = cluster.propose(&[leader], "before").await;
    for other in others(leader) {
        cluster.wires.cut(replica(leader), replica(other));
    }
    let mut proposal = Box::pin(cluster.group(leader).propose(Bytes::from_static(b"alone")));
    // The others elect a leader among them; until then, and after, the old one has no majority.
    let next = cluster.leader_above(cluster.group(leader).term(), &others(leader)).await;
    assert!(proposal.as_mut().now_or_never().is_none_or(|answer| answer.is_err()), "acknowledged alone");
    assert_eq!(cluster.shown(leader, "alone"), 0);
    cluster.propose(&[next], "with a majority").await;

    cluster.wires.heal_all();
    assert!(soon("the old leader's answer", proposal).await.is_err(), "it never had a majority");
    let last = cluster.propose(&[0, 1, 2], "together").await;
    for at in 0..3 {
        cluster.applied(at, last).await;
        assert_eq!(cluster.shown(at, "alone"), 0, "the tail that nobody acknowledged is cut off");
        assert_eq!((cluster.shown(at, "before"), cluster.shown(at, "with a majority")), (1, 1));
        assert!(before < last);
    }
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_that_restarts_catches_up() {
    let mut cluster = Cluster::start().await;
    let leader = cluster.leader().await;
    let follower = others(leader)[0];
    cluster.propose(&[leader], "before").await;
    cluster.kill(follower).await;
    for number in 0..100 {
        cluster.propose(&others(follower), &format!("while it was down {number}")).await;
    }
    cluster.boot(follower).await;
    let last = cluster.propose(&[0, 1, 2], "after").await;
    cluster.applied(follower, last).await;
    assert_eq!((cluster.shown(follower, "before"), cluster.shown(follower, "while it was down 99")), (1, 1));
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_is_there_after_all_three_were_killed() {
    let mut cluster = Cluster::start().await;
    let leader = cluster.leader().await;
    for number in 0..50 {
        cluster.propose(&[0, 1, 2], &format!("command {number}")).await;
    }
    for at in [leader, others(leader)[0], others(leader)[1]] {
        cluster.kill(at).await;
    }
    for at in 0..3 {
        cluster.boot(at).await;
    }
    let last = cluster.propose(&[0, 1, 2], "after").await;
    for at in 0..3 {
        cluster.applied(at, last).await;
        for number in 0..50 {
            assert_eq!(cluster.shown(at, &format!("command {number}")), 1, "command {number} on {}", replica(at));
        }
    }
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_hears_nobody_is_replaced() {
    let cluster = Cluster::start().await;
    let leader = cluster.leader().await;
    let term = cluster.group(leader).term();
    // Its heartbeats still arrive: without the quorum-loss probe the others would wait for ever.
    for other in others(leader) {
        cluster.wires.cut_one_way(replica(other), replica(leader));
    }
    let next = cluster.leader_above(term, &others(leader)).await;
    cluster.propose(&[next], "progress").await;
    cluster.wires.heal_all();
    let last = cluster.propose(&[0, 1, 2], "together").await;
    for at in 0..3 {
        cluster.applied(at, last).await;
        assert_eq!(cluster.shown(at, "progress"), 1);
    }
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bridge_between_two_that_do_not_hear_each_other_makes_progress() {
    let cluster = Cluster::start().await;
    let leader = cluster.leader().await;
    let [bridge, far] = others(leader);
    cluster.wires.cut(replica(leader), replica(far));
    for number in 0..20 {
        cluster.propose(&[0, 1, 2], &format!("over the bridge {number}")).await;
    }
    cluster.wires.heal_all();
    let last = cluster.propose(&[0, 1, 2], "together").await;
    for at in [leader, bridge, far] {
        cluster.applied(at, last).await;
        assert_eq!(cluster.shown(at, "over the bridge 19"), 1);
    }
    cluster.stop().await;
}
