//! Groups of three replicas over real logs: what is acknowledged survives whatever fails.

use crate::cluster::{Cluster, PATIENCE, replica, soon};
use crate::memory::log_options;
use anabranch_consensus::{GroupOptions, MembersError, TransferError};
use anabranch_types::{NodeId, ReplicaId};
use anabranch_walog::Options;
use bytes::Bytes;
use futures::FutureExt;
use futures::future::join_all;
use std::time::Duration;

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
    let old_leader = cluster.group(leader).clone();
    let mut proposal = Box::pin(old_leader.propose(Bytes::from_static(b"alone")));
    // The others elect a leader among them; until then, and after, the old one has no majority.
    let next = cluster.leader_above(cluster.group(leader).term(), &others(leader)).await;
    // The old leader may have given up by now.
    let early = proposal.as_mut().now_or_never();
    assert!(early.as_ref().is_none_or(Result::is_err), "acknowledged alone");
    assert_eq!(cluster.shown(leader, "alone"), 0);
    cluster.propose(&[next], "with a majority").await;

    cluster.wires.heal_all();
    let answer = match early {
        Some(answer) => answer,
        None => soon("the old leader's answer", proposal).await,
    };
    assert!(answer.is_err(), "it never had a majority");
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leadership_is_handed_over_without_losing_a_proposal() {
    let cluster = Cluster::start().await;
    for round in 0..6 {
        let leader = cluster.leader().await;
        let next = others(leader)[round % 2];
        let stream = async {
            for number in 0..20 {
                cluster.propose(&[0, 1, 2], &format!("round {round} command {number}")).await;
            }
        };
        tokio::join!(stream, cluster.hand_over(next));
    }
    let last = cluster.propose(&[0, 1, 2], "last").await;
    for at in 0..3 {
        cluster.applied(at, last).await;
        for command in (0..6).flat_map(|round| (0..20).map(move |number| format!("round {round} command {number}"))) {
            assert!(cluster.shown(at, &command) >= 1, "{command} on {}", replica(at));
        }
    }
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leadership_goes_to_voters_that_have_caught_up_and_from_leaders_only() {
    let cluster = Cluster::start().await;
    let leader = cluster.leader().await;
    let follower = cluster.group(others(leader)[0]);
    let refusal = follower.transfer_leader(replica(others(leader)[1]), PATIENCE).await.unwrap_err();
    assert!(matches!(refusal, TransferError::NotLeader { .. }), "{refusal}");
    let refusal = cluster.group(leader).transfer_leader(ReplicaId(9), PATIENCE).await.unwrap_err();
    assert_eq!(refusal, TransferError::NotVoter { replica: ReplicaId(9) });
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_is_replaced_by_one_that_caught_up() {
    let mut cluster = Cluster::start().await;
    let leader = cluster.leader().await;
    let [gone, stays] = others(leader);
    cluster.kill(gone).await;
    for number in 0..50 {
        cluster.propose(&[leader, stays], &format!("command {number}")).await;
    }
    cluster.boot_new(gone, ReplicaId(4)).await;
    let voters = [replica(leader), replica(stays), ReplicaId(4)];
    let leader = cluster.leader_above(0, &[leader, stays]).await;
    let group = cluster.group(leader);
    let refusal = group.change_voters(&voters).await.expect_err("it is not even a learner");
    assert!(matches!(refusal, MembersError::Behind { .. }), "{refusal}");
    group.add_learner(ReplicaId(4), NodeId(4)).await.unwrap();
    let caught_up = group.wait_status(|status| {
        status.progress.iter().any(|other| other.replica == ReplicaId(4) && other.lag_entries == 0)
    });
    soon("the learner to catch up", caught_up).await.unwrap();
    group.change_voters(&voters).await.unwrap();
    assert_eq!(group.status().voters.len(), 3);
    assert!(!group.status().members.iter().any(|(member, _)| *member == replica(gone)), "it is no member any more");

    // The new one counts: with the third replica down, it makes the majority.
    let third = if replica(leader) == voters[0] { stays } else { (3 - gone) - stays };
    cluster.kill(third).await;
    let last = cluster.propose(&[leader, gone], "with the new one").await;
    cluster.applied(gone, last).await;
    assert_eq!(cluster.shown(gone, "command 49"), 1);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_for_another_replica_is_refused() {
    let cluster = Cluster::start().await;
    let leader = cluster.leader().await;
    let [follower, other] = others(leader);
    // As if replica ids were used again: what is meant for one arrives at another.
    cluster.wires.misdirect(replica(other), replica(follower));
    let index = cluster.propose(&[leader], "for the other").await;
    cluster.applied(follower, index).await;
    let refused = async {
        while !cluster.wires.refusals().iter().any(|reason| reason.contains("was asked, this is replica")) {
            tokio::task::yield_now().await;
        }
    };
    soon("a refusal", refused).await;
    assert_eq!(cluster.shown(other, "for the other"), 0);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restarted_replica_neither_grants_nor_seeks_votes_for_one_lease() {
    let (election_min, election_max) = (Duration::from_millis(1000), Duration::from_millis(1200));
    let options = GroupOptions { election_min, election_max, ..GroupOptions::default() };
    let mut cluster = Cluster::start_with(options, log_options()).await;
    let leader = cluster.leader().await;
    let term = cluster.group(leader).term();
    let [restarted, cut_off] = others(leader);
    // One follower has long forgotten the leader and asks for votes; the other one holds it up.
    cluster.wires.cut(replica(leader), replica(cut_off));
    let forgotten = async {
        while cluster.wires.pre_votes_of(replica(cut_off)) == 0 {
            tokio::task::yield_now().await;
        }
    };
    soon("the replica that was cut off to stand for election", forgotten).await;
    cluster.propose(&[leader], "the leader counts on the follower that restarts").await;

    cluster.kill(restarted).await;
    let started = tokio::time::Instant::now();
    cluster.wires.cut(replica(leader), replica(restarted));
    cluster.boot(restarted).await;
    let next = cluster.leader_above(term, &[restarted, cut_off]).await;
    let waited = started.elapsed();
    assert!(waited >= election_max, "{} was elected after {waited:?}, within the lease", replica(next));
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_group_on_two_cores_keeps_its_leader() {
    let room_for_all = Options { quota_bytes: 256 << 20, ..log_options() };
    let cluster = Cluster::start_with(GroupOptions::default(), room_for_all).await;
    let leader = cluster.leader().await;
    let term = cluster.group(leader).term();
    for round in 0..20 {
        let proposals = (0..200).map(|number| {
            let command = format!("{round} {number} {}", "x".repeat(4 << 10));
            let cluster = &cluster;
            async move { cluster.propose(&[0, 1, 2], &command).await }
        });
        join_all(proposals).await;
    }
    let elections = cluster.running().map(|group| group.term()).max().unwrap() - term;
    println!("4000 proposals of 4 KiB to three replicas in one process: {elections} false elections");
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_way_delays_and_reorders_nothing() {
    let cluster = Cluster::start().await;
    let leader = cluster.leader().await;
    for other in others(leader) {
        cluster.wires.slow_down(replica(leader), replica(other), 50);
        cluster.wires.slow_down(replica(other), replica(leader), 50);
    }
    let proposals = (0..100).map(|number| {
        let cluster = &cluster;
        async move { cluster.propose(&[0, 1, 2], &format!("command {number}")).await }
    });
    let last = join_all(proposals).await.into_iter().max().unwrap();
    for at in 0..3 {
        cluster.applied(at, last).await;
    }
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_with_a_full_log_still_flushes_and_then_goes_on() {
    // One entry at a time, so that a message is smaller than what may be in flight.
    let options = GroupOptions { payload_entries_max: 1, ..GroupOptions::default() };
    let mut cluster = Cluster::start_with(options, log_options()).await;
    let leader = cluster.leader().await;
    let [small, large] = others(leader);
    cluster.kill(small).await;
    tracing::info!("the follower comes back with less room than the leader has");
    cluster.log_options.quota_bytes = 12 * (256 << 10);
    cluster.in_flight_bytes = 64 << 10;
    cluster.boot(small).await;
    cluster.applied(small, cluster.propose(&[0, 1, 2], "small").await).await;
    let mut number = 0;
    let full = async {
        while cluster.group(small).check_room().is_ok() {
            number += 1;
            let command = format!("{number} {}", "x".repeat(8 << 10));
            cluster.propose(&[leader, large], &command).await;
        }
    };
    soon("the small log to be full", full).await;
    tracing::info!("more than the reserve holds");
    let mut last = 0;
    for number in 0..200 {
        last = cluster.propose(&[leader, large], &format!("more {number} {}", "x".repeat(8 << 10))).await;
    }
    assert!(cluster.group(small).status().applied_index < Some(last), "there was room for all");
    let room = async {
        while cluster.group(small).status().applied_index < Some(last) {
            cluster.group(small).request_flush().await;
            tokio::task::yield_now().await;
        }
    };
    soon("the follower to flush, purge and go on", room).await;
    assert_eq!(cluster.group(small).status().failure, None);
    cluster.stop().await;
}
