//! Groups of one replica over a real log: what is acknowledged stays, in order, exactly once.

use crate::memory::{Disk, Memory, POISON, log_options, open_log};
use anabranch_consensus::{Group, GroupOptions, ProposeError};
use anabranch_types::{GroupId, NodeId, ReplicaId};
use anabranch_walog::{Options, Walog};
use bytes::Bytes;
use futures::StreamExt;
use futures::future::join_all;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);
async fn start(log: &Walog, id: u32, disk: &Disk) -> Group<Memory> {
    let (id, replica) = (GroupId(id), ReplicaId(1));
    let machine = Memory(disk.clone());
    let group = Group::start(id, replica, log.group(id), machine, &GroupOptions::default()).await.expect("starts");
    group.bootstrap(&[(replica, NodeId(1))]).await.expect("bootstraps");
    group.wait_ready(PATIENCE).await.expect("gets ready");
    group
}

async fn start_all(log: &Walog, disks: &[Disk]) -> Vec<Group<Memory>> {
    join_all(disks.iter().zip(1..).map(|(disk, id)| start(log, id, disk))).await
}

async fn stop_all(log: Walog, groups: &[Group<Memory>]) {
    join_all(groups.iter().map(Group::shutdown)).await;
    log.close();
}

/// Proposes `count` commands of `bytes` bytes at once; each answer is the command's own.
async fn propose_many(group: &Group<Memory>, from: usize, count: usize, bytes: usize) -> Vec<(u64, Bytes)> {
    let proposals = (from..from + count).map(|number| async move {
        let mut command = format!("{} of {}", number, group.id()).into_bytes();
        command.resize(bytes.max(command.len()), b' ');
        let command = Bytes::from(command);
        let proposed = group.propose_freeing(command.clone()).await.expect("is applied");
        assert_eq!(proposed.outcome, command, "an answer belongs to its own command");
        (proposed.index, command)
    });
    let mut acknowledged = join_all(proposals).await;
    acknowledged.sort_by_key(|(index, _)| *index);
    acknowledged
}

/// Flushes and waits until everything applied before is flushed and the log knows.
async fn flush(group: &Group<Memory>) {
    let target = group.status().applied_index;
    let flushed = async {
        while group.status().flushed_index < target {
            group.request_flush().await;
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, flushed).await.expect("a flush ends");
}

fn flushed_index(disk: &Disk) -> u64 {
    disk.flushed.lock().applied.last.map_or(0, |id| id.index)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_groups_share_syncs_and_keep_their_entries_apart() {
    let dir = tempfile::tempdir().unwrap();
    let log = open_log(dir.path(), log_options());
    let disks: Vec<Disk> = (0..16).map(|_| Disk::default()).collect();
    let groups = start_all(&log, &disks).await;
    let syncs_before = log.stats().counters.syncs;
    let acknowledged = join_all(groups.iter().map(|group| propose_many(group, 0, 50, 100))).await;
    let syncs = log.stats().counters.syncs - syncs_before;
    for (group, (disk, acknowledged)) in groups.iter().zip(disks.iter().zip(&acknowledged)) {
        assert_eq!(acknowledged.len(), 50);
        assert!(acknowledged.windows(2).all(|pair| pair[0].0 + 1 == pair[1].0), "no index twice, none left out");
        assert_eq!(&disk.commands(), acknowledged, "group {} shows what it acknowledged", group.id());
    }
    assert!(syncs < 16 * 50 / 4, "800 proposals took {syncs} syncs");
    stop_all(log, &groups).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_applies_what_was_not_flushed_exactly_once_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let log = open_log(dir.path(), log_options());
    let disks: Vec<Disk> = (0..16).map(|_| Disk::default()).collect();
    let groups = start_all(&log, &disks).await;
    let mut acknowledged = join_all(groups.iter().map(|group| propose_many(group, 0, 20, 100))).await;
    join_all(groups.iter().step_by(2).map(flush)).await;
    let later = join_all(groups.iter().map(|group| propose_many(group, 20, 20, 100))).await;
    acknowledged.iter_mut().zip(later).for_each(|(all, later)| all.extend(later));
    stop_all(log, &groups).await;

    tracing::info!("the process dies with its machines' memory");
    let disks: Vec<Disk> = disks.iter().map(Disk::after_crash).collect();
    let flushed: Vec<u64> = disks.iter().map(flushed_index).collect();
    let log = open_log(dir.path(), log_options());
    let groups = start_all(&log, &disks).await;
    for ((disk, acknowledged), flushed) in disks.iter().zip(&acknowledged).zip(flushed) {
        assert_eq!(&disk.commands(), acknowledged, "all that was acknowledged, each once");
        let applied = disk.applied_here.lock().clone();
        let first = if flushed == 0 { applied[0] } else { flushed + 1 };
        assert!(applied.iter().copied().eq(first..first + applied.len() as u64), "from {first}: {applied:?}");
        assert_eq!(flushed == 0, applied.contains(&acknowledged[0].0), "what was flushed is not applied again");
    }
    let more = propose_many(&groups[3], 40, 1, 100).await;
    assert!(more[0].0 > acknowledged[3].last().unwrap().0, "the log goes on after what it held");
    stop_all(log, &groups).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flushed_entries_are_purged_and_their_segments_used_again() {
    let dir = tempfile::tempdir().unwrap();
    let log = open_log(dir.path(), log_options());
    let disks: Vec<Disk> = (0..2).map(|_| Disk::default()).collect();
    let groups = start_all(&log, &disks).await;
    let rounds = async {
        let mut round = 0;
        while log.stats().counters.segments_recycled < 4 {
            join_all(groups.iter().map(|group| propose_many(group, round * 16, 16, 8 << 10))).await;
            join_all(groups.iter().map(flush)).await;
            round += 1;
        }
    };
    tokio::time::timeout(PATIENCE, rounds).await.expect("segments are recycled");
    let stats = log.stats();
    assert!(stats.segments <= 6, "{} segments hold what two groups have flushed", stats.segments);
    stop_all(log, &groups).await;

    tracing::info!("a log that was purged opens, and goes on above the purge");
    let before: Vec<usize> = disks.iter().map(|disk| disk.commands().len()).collect();
    let disks: Vec<Disk> = disks.iter().map(Disk::after_crash).collect();
    let log = open_log(dir.path(), log_options());
    let groups = start_all(&log, &disks).await;
    assert_eq!(disks.iter().map(|disk| disk.commands().len()).collect::<Vec<_>>(), before);
    propose_many(&groups[0], 0, 1, 100).await;
    stop_all(log, &groups).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_that_fails_stops_its_own_group_only() {
    let dir = tempfile::tempdir().unwrap();
    let log = open_log(dir.path(), log_options());
    let disks: Vec<Disk> = (0..2).map(|_| Disk::default()).collect();
    let groups = start_all(&log, &disks).await;
    let refusal = groups[0].propose(Bytes::from_static(POISON)).await.expect_err("the machine fails");
    assert!(matches!(refusal, ProposeError::Unknown { .. }), "it stands in the log: {refusal}");
    let reason = tokio::time::timeout(PATIENCE, groups[0].stopped()).await.expect("the group stops");
    assert!(reason.contains("poisoned command"), "{reason}");
    assert_eq!(propose_many(&groups[1], 0, 10, 100).await.len(), 10);
    assert_eq!(groups[1].status().failure, None);
    stop_all(log, &groups).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_barrier_sees_every_acknowledged_proposal() {
    let dir = tempfile::tempdir().unwrap();
    let log = open_log(dir.path(), log_options());
    let disk = Disk::default();
    let group = start(&log, 1, &disk).await;
    let reads = (0..64).map(|number| {
        let (group, disk) = (&group, &disk);
        async move {
            let acknowledged = propose_many(group, number, 1, 100).await;
            group.read_barrier().await.expect("it leads");
            assert!(disk.commands().contains(&acknowledged[0]), "the barrier came before {acknowledged:?}");
        }
    });
    join_all(reads).await;
    stop_all(log, &[group]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_log_warns_stalls_and_goes_on_after_a_purge() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { quota_bytes: 12 * (256 << 10), ..log_options() };
    let log = open_log(dir.path(), options);
    let disks: Vec<Disk> = (0..2).map(|_| Disk::default()).collect();
    let groups = start_all(&log, &disks).await;
    let (filler, staller) = (&groups[0], &groups[1]);
    // What a stalled group has not flushed stays in the log: here it is to pin nothing.
    flush(staller).await;
    while filler.check_room().is_ok() {
        propose_many(filler, 0, 4, 8 << 10).await;
    }

    let refusal = filler.propose(Bytes::from_static(b"more")).await.expect_err("the log is full");
    assert!(matches!(refusal, ProposeError::NoRoom(_)), "certainly not appended: {refusal}");

    tracing::info!("commands that free space still pass");
    propose_many(staller, 0, 1, 100).await;

    tracing::info!("more than the reserve holds waits, and nothing stops");
    let proposals = (1..129).map(|number| propose_many(staller, number, 1, 8 << 10));
    let mut waiting = std::pin::pin!(futures::stream::iter(proposals).buffer_unordered(4));
    let to_the_last_spare = async {
        while log.stats().spares > 1 {
            tokio::select! {
                written = waiting.next() => assert!(written.is_some(), "a mebibyte does not fit the reserve"),
                () = tokio::task::yield_now() => {}
            }
        }
    };
    tokio::time::timeout(PATIENCE, to_the_last_spare).await.expect("the reserve is used");
    assert_eq!((staller.status().failure, filler.status().failure), (None, None));

    tracing::info!("a purge makes room");
    flush(filler).await;
    let rest = async { while waiting.next().await.is_some() {} };
    tokio::time::timeout(PATIENCE, rest).await.expect("what waited is written");
    assert_eq!(disks[1].commands().len(), 129);
    let room = async {
        while staller.check_room().is_err() {
            propose_many(staller, 0, 1, 100).await;
        }
    };
    tokio::time::timeout(PATIENCE, room).await.expect("there is room again");
    stop_all(log, &groups).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_kept_for_followers_are_given_up_once_the_log_is_crowded() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { quota_bytes: 4 << 20, ..log_options() };
    let log = open_log(dir.path(), options);
    let disk = Disk::default();
    let (id, replica) = (GroupId(1), ReplicaId(1));
    let options = GroupOptions { kept_entries: GroupOptions::KEPT_ENTRIES, ..GroupOptions::default() };
    let group = Group::start(id, replica, log.group(id), Memory(disk.clone()), &options).await.expect("starts");
    group.bootstrap(&[(replica, NodeId(1))]).await.expect("bootstraps");
    group.wait_ready(PATIENCE).await.expect("gets ready");
    propose_many(&group, 0, 50, 100).await;
    flush(&group).await;
    group.relieve_log().await;
    flush(&group).await;
    assert_eq!(log.group(id).state().purged, None, "flushed entries stay while there is room");

    let mut number = 50;
    while !log.group(id).is_crowded() {
        propose_many(&group, number, 16, 8 << 10).await;
        flush(&group).await;
        number += 16;
    }
    let relieved = async {
        while log.group(id).is_crowded() {
            group.relieve_log().await;
            propose_many(&group, number, 1, 100).await;
        }
    };
    tokio::time::timeout(PATIENCE, relieved).await.expect("kept entries are given up");
    assert!(log.group(id).check_room().is_ok());
    stop_all(log, &[group]).await;
}
