//! Replicas that lack purged entries catch up by snapshot, whatever breaks meanwhile.

use crate::cluster::{Cluster, GROUP, replica, soon};
use crate::memory::log_options;
use anabranch_consensus::GroupOptions;
use anabranch_types::{NodeId, ReplicaId};
use anabranch_walog::Options;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// In tests of what happens within a pull: eight pieces and one that is not full.
const BALLAST_BYTES: u64 = (8 << 20) + 1000;
/// The manifest, applied row, commands, and the ballast.
const PIECES: u64 = 3 + 9;

fn others(at: usize) -> [usize; 2] {
    [(at + 1) % 3, (at + 2) % 3]
}

/// A leader and a follower whose log begins behind what the third replica has: it is down.
async fn with_one_behind(ballast_bytes: u64) -> (Cluster, usize, usize) {
    // A crowded log would be let go behind a copy that is being pulled.
    let room_for_all = Options { quota_bytes: 256 << 20, ..log_options() };
    let mut cluster = Cluster::start_with(GroupOptions::default(), room_for_all).await;
    for disk in &cluster.disks {
        disk.ballast_bytes.store(ballast_bytes, Ordering::Relaxed);
    }
    let leader = cluster.leader().await;
    let [behind, follower] = others(leader);
    cluster.kill(behind).await;
    let last = propose(&cluster, &[leader, follower], "while it was down", 50).await;
    for at in [leader, follower] {
        cluster.applied(at, last).await;
        cluster.purge(at).await;
    }
    (cluster, leader, behind)
}

async fn propose(cluster: &Cluster, among: &[usize], what: &str, count: usize) -> u64 {
    let mut last = 0;
    for number in 0..count {
        last = cluster.propose(among, &format!("{what} {number}")).await;
    }
    last
}

/// Everything acknowledged is on all of `among`, each exactly where the others have it (I1, I9).
async fn all_show_the_same(cluster: &Cluster, among: &[usize]) {
    let last = cluster.propose(among, "together").await;
    for at in among {
        cluster.applied(*at, last).await;
    }
    for pair in among.windows(2) {
        assert_eq!(cluster.disks[pair[0]].commands(), cluster.disks[pair[1]].commands());
    }
    assert_eq!(cluster.shown(among[0], "while it was down 49"), 1);
}

fn installs(cluster: &Cluster, at: usize) -> u64 {
    cluster.disks[at].installs.load(Ordering::Relaxed)
}

async fn until(what: &str, condition: impl Fn() -> bool) {
    let waited = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    soon(what, waited).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_is_behind_the_log_catches_up_by_snapshot() {
    let (mut cluster, _, behind) = with_one_behind(0).await;
    cluster.boot(behind).await;
    all_show_the_same(&cluster, &[0, 1, 2]).await;
    assert_eq!(installs(&cluster, behind), 1);

    tracing::info!("a restart finds the installed state and the log that begins behind it");
    cluster.kill(behind).await;
    cluster.boot(behind).await;
    all_show_the_same(&cluster, &[0, 1, 2]).await;
    assert_eq!(installs(&cluster, behind), 1);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_replica_catches_up_by_snapshot_and_then_votes() {
    let (mut cluster, leader, gone) = with_one_behind(0).await;
    cluster.boot_new(gone, ReplicaId(4)).await;
    let up = [leader, 3 - leader - gone];
    cluster.add_learner(&up, ReplicaId(4), NodeId(4)).await;
    cluster.change_voters(&up, &[replica(up[0]), replica(up[1]), ReplicaId(4)]).await;
    assert_eq!(installs(&cluster, gone), 1, "it votes once it has caught up");
    all_show_the_same(&cluster, &[0, 1, 2]).await;
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_catches_up_by_one_snapshot_while_others_write_and_purge() {
    let (mut cluster, leader, behind) = with_one_behind(BALLAST_BYTES).await;
    let up = [leader, 3 - leader - behind];
    cluster.wires.pass_pieces(4);
    cluster.boot(behind).await;
    until("a pull that is half done", || cluster.wires.pieces_carried() == 4).await;
    for round in 0..20 {
        propose(&cluster, &up, &format!("round {round}"), 10).await;
        for at in up {
            cluster.group(at).request_flush().await;
        }
    }
    cluster.wires.pass_pieces(u64::MAX);
    let load = async {
        let mut number = 0;
        loop {
            cluster.propose(&up, &format!("meanwhile {number}")).await;
            for at in up {
                cluster.group(at).request_flush().await;
            }
            number += 1;
        }
    };
    let caught_up = until("the snapshot and what came after it", || {
        let applied = cluster.group(behind).status().applied_index;
        installs(&cluster, behind) > 0
            && applied.is_some_and(|at| cluster.group(leader).status().last_index <= Some(at + 50))
    });
    tokio::select! {
        () = caught_up => {}
        () = load => {}
    }
    all_show_the_same(&cluster, &[0, 1, 2]).await;
    assert_eq!(installs(&cluster, behind), 1, "the log behind the copy was kept for it");
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_is_killed_goes_on_with_what_it_had() {
    let (mut cluster, _, behind) = with_one_behind(BALLAST_BYTES).await;
    cluster.wires.pass_pieces(7);
    cluster.boot(behind).await;
    until("a pull that is half done", || cluster.wires.pieces_carried() == 7).await;
    let staged = cluster.snapshots_dir(&behind.to_string()).join("00007.incoming/files/ballast");
    // What was carried is on its way to the disk; at least so much of it is there.
    until("four pieces on disk", || staged.metadata().is_ok_and(|file| file.len() >= 4 << 20)).await;
    cluster.kill(behind).await;
    cluster.wires.pass_pieces(u64::MAX);
    cluster.boot(behind).await;
    all_show_the_same(&cluster, &[0, 1, 2]).await;
    assert_eq!(installs(&cluster, behind), 1);
    let again = cluster.wires.pieces_carried() - 7;
    assert!(again <= PIECES - 4, "{again} pieces of {PIECES} were pulled after seven");
    until("nothing to be left of the pull", || !staged.exists()).await;
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sender_that_is_killed_is_replaced_by_the_next_leader() {
    let (mut cluster, leader, behind) = with_one_behind(BALLAST_BYTES).await;
    let follower = 3 - leader - behind;
    cluster.wires.pass_pieces(5);
    cluster.boot(behind).await;
    until("a pull that is half done", || cluster.wires.pieces_carried() == 5).await;
    let sender = cluster.leader_above(0, &[leader, follower]).await;
    let heir = leader + follower - sender;
    cluster.kill(sender).await;
    cluster.wires.pass_pieces(u64::MAX);
    all_show_the_same(&cluster, &[heir, behind]).await;
    assert_eq!(installs(&cluster, behind), 1);
    cluster.boot(sender).await;
    all_show_the_same(&cluster, &[0, 1, 2]).await;
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_piece_that_comes_damaged_is_pulled_again() {
    let (mut cluster, _, behind) = with_one_behind(BALLAST_BYTES).await;
    cluster.wires.damage_a_piece_of(1 << 20);
    cluster.boot(behind).await;
    all_show_the_same(&cluster, &[0, 1, 2]).await;
    assert!(cluster.wires.damage_is_done());
    assert_eq!((installs(&cluster, behind), cluster.wires.pieces_carried()), (1, PIECES + 1));
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_older_than_what_the_replica_has_changes_nothing() {
    let (mut cluster, _, behind) = with_one_behind(0).await;
    cluster.boot(behind).await;
    all_show_the_same(&cluster, &[0, 1, 2]).await;
    let (before, pieces) = (cluster.disks[behind].commands(), cluster.wires.pieces_carried());
    let answer = cluster.wires.offer_again(replica(behind)).await.expect("an answer");
    assert_eq!(answer[..3], [1, 6, 2], "it has it");
    assert_eq!((cluster.disks[behind].commands(), cluster.wires.pieces_carried()), (before, pieces));
    assert_eq!(installs(&cluster, behind), 1);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_nobody_pulls_is_removed_and_the_log_let_go() {
    let (mut cluster, leader, behind) = with_one_behind(0).await;
    for at in others(behind) {
        cluster.kill(at).await;
    }
    cluster.snapshots.idle_max = Duration::from_millis(100);
    cluster.wires.pass_pieces(0);
    for at in 0..3 {
        cluster.boot(at).await;
    }
    let follower = 3 - leader - behind;
    let sender = cluster.leader_above(0, &[leader, follower]).await;
    let copies = cluster.snapshots_dir(&sender.to_string()).join("00007.outgoing");
    let copies_there = || std::fs::read_dir(&copies).map_or(0, Iterator::count);
    until("a copy", || copies_there() > 0).await;
    tracing::info!("the receiver is gone");
    cluster.kill(behind).await;
    until("the copy to be removed", || copies_there() == 0).await;
    propose(&cluster, &[leader, follower], "after it", 5).await;
    cluster.purge(sender).await;
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_crash_left_of_snapshots_is_removed_at_start() {
    let (mut cluster, leader, behind) = with_one_behind(0).await;
    cluster.boot(behind).await;
    all_show_the_same(&cluster, &[0, 1, 2]).await;
    cluster.kill(leader).await;
    let dir = cluster.snapshots_dir(&leader.to_string());
    let (copy, pull) = (dir.join("00007.outgoing/0"), dir.join("00007.incoming/files"));
    for leftover in [&copy, &pull] {
        std::fs::create_dir_all(leftover).unwrap();
        std::fs::write(leftover.join("000001.sst"), "half a table").unwrap();
    }
    cluster.boot(leader).await;
    assert!(!copy.exists() && !pull.exists());
    all_show_the_same(&cluster, &[0, 1, 2]).await;
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_between_the_swap_and_the_purge_is_mended_at_start() {
    let (mut cluster, leader, behind) = with_one_behind(0).await;
    // As the crash leaves it: the state is the leader's, the log the replica's own.
    let swapped_in = cluster.disks[leader].flushed.lock().clone();
    let covered = swapped_in.applied.last.unwrap();
    *cluster.disks[behind].flushed.lock() = swapped_in;
    cluster.boot(behind).await;
    let log = cluster.nodes[behind].as_ref().unwrap().log.group(GROUP).state();
    assert!(log.purged >= Some(covered), "the log begins behind the state: {log:?}");
    all_show_the_same(&cluster, &[0, 1, 2]).await;
    assert_eq!(installs(&cluster, behind), 0);
    cluster.stop().await;
}
