//! The log on a real file system, with its writer thread.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;

use anabranch_runtime::fs::{File, Fs, StdFs};
use anabranch_types::GroupId;
use anabranch_walog::{
    Done, Driver, Entry, GroupLog, LogError, LogId, OnPoison, OpenError, Options, Space, Step, Walog,
};
use bytes::Bytes;

fn options() -> Options {
    Options {
        segment_bytes: 64 << 10,
        entry_bytes_max: 16 << 10,
        batch_bytes_max: 16 << 10,
        cache_bytes: 8 << 10,
        quota_bytes: 1 << 20,
        salt: 0x5eed,
        ..Options::default()
    }
}

fn open(dir: &Path) -> Walog {
    Walog::open(Arc::new(StdFs), dir, options()).expect("the log opens")
}

fn id(index: u64) -> LogId {
    LogId { term: 1 + index / 100, index }
}

fn entry(index: u64) -> Entry {
    Entry { id: id(index), kind: 3, body: Bytes::from(vec![index as u8; 1000]) }
}

/// A `Done` and what it will hear.
fn done() -> (Done, mpsc::Receiver<Result<(), LogError>>) {
    let (sender, receiver) = mpsc::sync_channel(1);
    let done = Box::new(move |result| sender.send(result).expect("the test waits"));
    (done, receiver)
}

fn append(log: &GroupLog, index: u64) -> Result<(), LogError> {
    let (done, heard) = done();
    log.append(vec![entry(index)], done);
    heard.recv().expect("an answer")
}

fn append_reserved(log: &GroupLog, index: u64) -> Result<(), LogError> {
    let (done, heard) = done();
    log.append_reserved(vec![entry(index)], done);
    heard.recv().expect("an answer")
}

fn purge(log: &GroupLog, index: u64) -> Result<(), LogError> {
    let (done, heard) = done();
    log.purge(id(index), done);
    heard.recv().expect("an answer")
}

#[test]
fn everything_answered_is_there_after_reopening() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let walog = open(dir.path());
    let (one, two) = (walog.group(GroupId(1)), walog.group(GroupId(2)));
    for index in 0..50 {
        append(&one, index).expect("append");
        append(&two, index).expect("append");
    }
    let (voted, heard) = done();
    one.save_vote(Bytes::from_static(b"vote"), voted);
    heard.recv().expect("an answer").expect("vote");
    one.save_committed(id(40));
    purge(&one, 9).expect("purge");
    let (cut, heard) = done();
    two.truncate_after(Some(id(20)), cut);
    heard.recv().expect("an answer").expect("truncate");
    let (before_one, before_two) = (one.state(), two.state());
    walog.close();

    let walog = open(dir.path());
    assert_eq!(walog.quarantined(), vec![]);
    assert_eq!(walog.groups(), vec![GroupId(1), GroupId(2)]);
    let (one, two) = (walog.group(GroupId(1)), walog.group(GroupId(2)));
    assert_eq!((one.state(), two.state()), (before_one, before_two));
    assert_eq!(one.state().committed, Some(id(40)));
    let entries: Vec<Entry> = (10..50).map(entry).collect();
    assert_eq!(one.read(10..99, u64::MAX).expect("read"), entries);
    assert_eq!(two.read(5..6, u64::MAX).expect("read"), vec![entry(5)]);
    assert_eq!(two.read(21..30, u64::MAX).expect("read"), vec![]);
    assert_eq!(one.read(3..12, 10), Err(LogError::Purged { index: 3, first: 10 }));
    assert_eq!(one.read(10..50, 1).expect("read").len(), 1, "at least one entry, however little is asked for");
    walog.close();
}

#[test]
fn purged_segments_are_recycled_and_votes_outlive_them() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let walog = open(dir.path());
    let (busy, quiet) = (walog.group(GroupId(1)), walog.group(GroupId(2)));
    let (voted, heard) = done();
    quiet.save_vote(Bytes::from_static(b"old vote"), voted);
    heard.recv().expect("an answer").expect("vote");
    for index in 0..400 {
        append(&busy, index).expect("append");
        if index % 10 == 9 {
            purge(&busy, index - 5).expect("purge");
        }
    }
    let stats = walog.stats();
    assert!(stats.counters.segments_recycled > 5, "{stats:?}");
    assert!(stats.segments <= 3, "{stats:?}");
    walog.close();

    let walog = open(dir.path());
    assert_eq!(walog.quarantined(), vec![]);
    assert_eq!(walog.group(GroupId(2)).state().vote, Some(Bytes::from_static(b"old vote")));
    assert_eq!(walog.group(GroupId(1)).read(395..400, u64::MAX).expect("read").len(), 5);
    walog.close();
}

fn purge_to(log: &GroupLog, upto: LogId) {
    let (done, heard) = done();
    log.purge(upto, done);
    heard.recv().expect("an answer").expect("purge");
}

fn append_at(log: &GroupLog, id: LogId) {
    let (done, heard) = done();
    log.append(vec![Entry { id, ..entry(id.index) }], done);
    heard.recv().expect("an answer").expect("append");
}

#[test]
fn a_log_that_is_purged_beyond_its_end_goes_on_there() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let walog = open(dir.path());
    let (behind, empty, other) = (walog.group(GroupId(1)), walog.group(GroupId(2)), walog.group(GroupId(3)));
    for index in 0..30 {
        append(&behind, index).expect("append");
    }
    // As after a snapshot: of a newer term, far beyond what the log holds, or where nothing was.
    let snapshot = LogId { term: 9, index: 5_000 };
    purge_to(&behind, snapshot);
    purge_to(&empty, snapshot);
    assert_eq!((behind.state().last, empty.state().last), (Some(snapshot), Some(snapshot)));
    let next = |index: u64| LogId { term: 9, index };
    append_at(&behind, next(5_001));
    append_at(&empty, next(5_001));
    let (before_behind, before_empty) = (behind.state(), empty.state());
    walog.close();

    tracing::info!("both logs open with their gap");
    let walog = open(dir.path());
    assert_eq!(walog.quarantined(), vec![]);
    let (behind, empty) = (walog.group(GroupId(1)), walog.group(GroupId(2)));
    assert_eq!((behind.state(), empty.state()), (before_behind, before_empty));
    assert_eq!(behind.read(5_000..9_999, u64::MAX), Err(LogError::Purged { index: 5_000, first: 5_001 }));
    assert_eq!(behind.read(5_001..9_999, u64::MAX).expect("read").len(), 1);

    tracing::info!("and once the segments from before the gap are gone");
    let other = walog.group(other.id());
    for index in 0..400 {
        append(&other, index).expect("append");
        append_at(&behind, next(5_002 + index));
        if index % 10 == 9 {
            purge(&other, index - 5).expect("purge");
            purge_to(&behind, next(4_999 + index));
            purge_to(&empty, next(5_001));
        }
    }
    assert!(walog.stats().counters.segments_recycled > 3, "{:?}", walog.stats());
    let before = behind.state();
    walog.close();
    let walog = open(dir.path());
    assert_eq!(walog.quarantined(), vec![]);
    let behind = walog.group(GroupId(1));
    assert_eq!(behind.state(), before);
    assert_eq!(behind.read(5_399..9_999, u64::MAX).expect("read").len(), 3);
    assert_eq!(walog.group(GroupId(2)).state().last, Some(next(5_001)));
    walog.close();
}

#[test]
fn a_log_is_long_before_it_is_crowded() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let walog =
        Walog::open(Arc::new(StdFs), dir.path(), Options { long_bytes: 3 * (64 << 10), ..options() }).expect("open");
    let log = walog.group(GroupId(1));
    let mut index = 0;
    while !log.is_long() {
        append(&log, index).expect("append");
        index += 1;
    }
    assert_eq!(walog.stats().segments, 4, "more than three segments of 64 KiB: {:?}", walog.stats());
    assert!(!log.is_crowded());
    walog.close();
}

#[test]
fn a_log_is_crowded_once_entries_that_are_kept_take_half_of_its_quota() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let walog = open(dir.path());
    let log = walog.group(GroupId(1));
    let mut index = 0;
    while !log.is_crowded() {
        append(&log, index).expect("append");
        index += 1;
    }
    assert!(log.check_room().is_ok(), "there is still room");
    assert!(walog.stats().segments >= 8, "half of a mebibyte in segments of 64 KiB: {:?}", walog.stats());
    purge(&log, index - 1).expect("purge");
    for more in 0..2 {
        append(&log, index + more).expect("append");
    }
    assert!(!log.is_crowded());
    walog.close();
}

#[test]
fn freed_segments_wait_for_reuse_until_the_disk_is_short_of_room() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let options = Options { spare_bytes_max: 6 * (64 << 10), ..options() };
    let (walog, mut driver) = Walog::open_driven(Arc::new(StdFs), dir.path(), options).expect("the log opens");
    let log = walog.group(GroupId(1));
    let mut write = |index: u64| {
        log.append(vec![entry(index)], Box::new(|result| result.expect("append")));
        driver.step();
    };
    (0..200).for_each(&mut write);
    assert!(walog.stats().segments > 8, "{:?}", walog.stats());
    log.purge(id(199), Box::new(|result| result.expect("purge")));
    // The batch that proves the purge, and one behind it.
    (200..202).for_each(&mut write);
    assert_eq!((walog.stats().segments, walog.stats().spares), (1, 6), "{:?}", walog.stats());

    walog.set_short_of_room(true);
    assert_ne!(driver.idle(), Step::Stopped);
    assert_eq!(walog.stats().spares, 3, "the reserve and the next one stay");
    let spares = StdFs.list(dir.path()).expect("list").into_iter().filter(|name| name.starts_with("spare-"));
    assert_eq!(spares.count(), 3);
}

#[test]
fn a_segment_is_not_begun_in_the_room_that_others_need() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let (walog, mut driver) = Walog::open_driven(Arc::new(StdFs), dir.path(), options()).expect("the log opens");
    while walog.stats().spares < 3 {
        assert_ne!(driver.idle(), Step::Stopped);
    }
    drop((walog, driver));
    let short = Options { keep_free_bytes: u64::MAX / 2, ..options() };
    let walog = Walog::open(Arc::new(StdFs), dir.path(), short).expect("an old log opens");
    let log = walog.group(GroupId(1));
    let refused = (0..1000).find_map(|index| append(&log, index).err()).expect("the log gets full");
    assert!(matches!(&refused, LogError::Full(reason) if reason.contains("more are needed")), "{refused}");
    let last = log.state().last.expect("some entries were taken");
    purge(&log, last.index).expect("the reserve takes what frees room");
    walog.close();
}

#[test]
fn purges_and_votes_go_on_in_the_room_kept_free_when_the_reserve_is_used_up() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let (walog, mut driver) = Walog::open_driven(Arc::new(StdFs), dir.path(), options()).expect("the log opens");
    while walog.stats().spares < 3 {
        assert_ne!(driver.idle(), Step::Stopped);
    }
    drop((walog, driver));
    let short = Options { keep_free_bytes: u64::MAX / 2, ..options() };
    let walog = Walog::open(Arc::new(StdFs), dir.path(), short).expect("an old log opens");
    let log = walog.group(GroupId(1));
    let mut index = 0;
    while append(&log, index).is_ok() {
        index += 1;
    }
    // Each is a batch of its own; 48 of them would use up three segments of 15 blocks.
    for nth in 0..100u32 {
        let (voted, heard) = done();
        log.save_vote(Bytes::from(nth.to_le_bytes().to_vec()), voted);
        heard.recv().expect("an answer").unwrap_or_else(|error| panic!("vote {nth}: {error}"));
    }
    assert!(matches!(append(&log, index), Err(LogError::Full(_))), "entries do not use that room");
    assert!(matches!(append_reserved(&log, index), Err(LogError::Full(_))), "nor do those let in before");
    assert!(walog.stats().segments > 4, "{:?}", walog.stats());
    purge(&log, index - 1).expect("a purge finds room");
    while append(&log, index).is_err() {
        purge(&log, index - 1).expect("purge");
    }
    walog.close();
}

#[test]
fn a_full_log_refuses_entries_takes_purges_and_serves_again() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let walog =
        Walog::open(Arc::new(StdFs), dir.path(), Options { quota_bytes: 384 << 10, ..options() }).expect("opens");
    let log = walog.group(GroupId(1));
    let mut index = 0;
    let refusal = loop {
        match append(&log, index) {
            Ok(()) => index += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(refusal, LogError::Full(_)), "{refusal}");
    assert!(matches!(walog.stats().space, Space::Full { .. }));
    assert_eq!(walog.stats().pinning, vec![GroupId(1)]);
    assert_eq!(log.state().last, Some(id(index - 1)), "a refused append changes nothing");
    purge(&log, index - 1).expect("purges go on in the reserve");
    while append(&log, index).is_err() {
        purge(&log, index - 1).expect("purge");
    }
    assert_eq!(log.read(index..index + 1, 1).expect("read"), vec![entry(index)]);
    walog.close();
}

#[test]
fn entries_that_were_let_in_use_the_reserve_but_leave_its_last_segment_to_purges() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let walog =
        Walog::open(Arc::new(StdFs), dir.path(), Options { quota_bytes: 384 << 10, ..options() }).expect("opens");
    let log = walog.group(GroupId(1));
    let mut index = 0;
    while append(&log, index).is_ok() {
        index += 1;
    }
    assert!(matches!(log.check_room(), Err(LogError::Full(_))), "whoever asks is told");
    let first = index;
    let refusal = loop {
        match append_reserved(&log, index) {
            Ok(()) => index += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(refusal, LogError::Full(_)), "{refusal}");
    assert!(index > first, "the reserve takes entries");
    assert_eq!(walog.stats().spares, 1, "one is left");
    purge(&log, index - 1).expect("a purge finds room");
    while log.check_room().is_err() {
        purge(&log, index - 1).expect("purge");
    }
    append(&log, index).expect("the log serves again");
    walog.close();
}

#[test]
fn purges_and_votes_go_beyond_the_quota_when_the_reserve_is_used_up_and_it_holds_again_later() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let quota_bytes = 384 << 10;
    let walog = Walog::open(Arc::new(StdFs), dir.path(), Options { quota_bytes, ..options() }).expect("opens");
    let log = walog.group(GroupId(1));
    let mut index = 0;
    while append(&log, index).is_ok() {
        index += 1;
    }
    for nth in 0..100u32 {
        let (voted, heard) = done();
        log.save_vote(Bytes::from(nth.to_le_bytes().to_vec()), voted);
        heard.recv().expect("an answer").unwrap_or_else(|error| panic!("vote {nth}: {error}"));
    }
    assert!(walog.stats().disk_bytes > quota_bytes);
    assert!(matches!(append_reserved(&log, index), Err(LogError::Full(_))), "entries do not follow");
    while append(&log, index).is_err() {
        purge(&log, index - 1).expect("purge");
    }
    assert!(walog.stats().disk_bytes <= quota_bytes, "{:?}", walog.stats());
    walog.close();
}

#[test]
fn a_purge_beyond_the_end_lets_a_snapshot_take_over() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let walog = open(dir.path());
    let log = walog.group(GroupId(7));
    append(&log, 0).expect("append");
    purge(&log, 500).expect("purge");
    append(&log, 501).expect("append");
    walog.close();
    let walog = open(dir.path());
    let state = walog.group(GroupId(7)).state();
    assert_eq!((state.purged, state.last), (Some(id(500)), Some(id(501))));
    walog.close();
}

#[test]
fn a_removed_group_is_gone_and_may_begin_anew() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let walog = open(dir.path());
    let log = walog.group(GroupId(1));
    append(&log, 0).expect("append");
    let (removed, heard) = done();
    log.remove(removed);
    heard.recv().expect("an answer").expect("remove");
    assert_eq!(walog.groups(), vec![]);
    walog.close();
    let walog = open(dir.path());
    assert_eq!(walog.groups(), vec![]);
    let log = walog.group(GroupId(1));
    assert_eq!(log.state().last, None);
    append(&log, 0).expect("append");
    walog.close();
}

#[test]
fn requests_that_wait_together_share_a_sync() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let (walog, mut driver) = Walog::open_driven(Arc::new(StdFs), dir.path(), options()).expect("opens");
    let before = walog.stats().counters.syncs;
    let heard: Vec<_> = (1..=8)
        .map(|group| {
            let (done, heard) = done();
            walog.group(GroupId(group)).append(vec![entry(0)], done);
            heard
        })
        .collect();
    driver.step();
    for heard in heard {
        heard.try_recv().expect("answered by the step").expect("append");
    }
    assert_eq!(walog.stats().counters.syncs - before, 1);
}

#[test]
fn a_closed_log_refuses_everything() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let walog = open(dir.path());
    let log = walog.group(GroupId(1));
    walog.close();
    assert_eq!(append(&log, 0), Err(LogError::Closed));
}

#[test]
fn an_entry_beyond_the_bound_is_refused_and_leaves_no_trace() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let walog = open(dir.path());
    let log = walog.group(GroupId(1));
    let (told, heard) = done();
    log.append(vec![entry(0), Entry { id: id(1), kind: 0, body: Bytes::from(vec![0; 20 << 10]) }], told);
    let refusal = heard.recv().expect("an answer");
    assert_eq!(refusal, Err(LogError::TooLarge { bytes: 20 << 10, bytes_max: 16 << 10 }));
    assert_eq!(log.state().last, None);
    walog.close();
}

#[test]
fn a_newer_format_refuses_to_open_and_names_both() {
    let dir = tempfile::tempdir().expect("temporary directory");
    open(dir.path()).close();
    let path = dir.path().join("segment-0000000000000001.log");
    let mut bytes = std::fs::read(&path).expect("read");
    bytes[12] = 7;
    let crc = crc32c::crc32c(&bytes[12..48]);
    bytes[8..12].copy_from_slice(&crc.to_le_bytes());
    std::fs::write(&path, bytes).expect("write");
    let error = Walog::open(Arc::new(StdFs), dir.path(), options()).expect_err("newer");
    assert!(matches!(error, OpenError::NewerFormat { found: 7, known: 1, .. }), "{error}");
    assert!(error.to_string().contains('7') && error.to_string().contains('1'), "{error}");
}

#[test]
fn files_that_the_log_did_not_name_are_left_alone() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let walog = open(dir.path());
    append(&walog.group(GroupId(1)), 0).expect("append");
    walog.close();
    let strays =
        ["segment-2.log", "segment-+000000000000002.log", "segment-ffffffffffffffff.log", "spare-2.log", "notes"];
    for stray in strays {
        std::fs::write(dir.path().join(stray), "kept").expect("write");
    }
    let walog = open(dir.path());
    assert_eq!(walog.group(GroupId(1)).read(0..9, u64::MAX).expect("read"), vec![entry(0)]);
    append(&walog.group(GroupId(1)), 1).expect("append");
    walog.close();
    for stray in strays {
        assert_eq!(std::fs::read(dir.path().join(stray)).expect("it is there"), b"kept", "{stray}");
    }
}

#[test]
fn damage_costs_the_group_it_hit_and_no_other() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let walog = open(dir.path());
    let (hit, spared) = (walog.group(GroupId(1)), walog.group(GroupId(2)));
    append(&hit, 0).expect("append");
    append(&spared, 0).expect("append");
    walog.close();
    let path = dir.path().join("segment-0000000000000001.log");
    let mut bytes = std::fs::read(&path).expect("read");
    // Group 1, an entry, of kind 3: the tail of its frame's header; the body begins 36 bytes later.
    let frame = bytes.windows(6).position(|window| window == [1, 0, 0, 0, 1, 3]).expect("the first entry's frame");
    bytes[frame + 500] ^= 4;
    std::fs::write(&path, bytes).expect("write");

    let walog = open(dir.path());
    let quarantined = walog.quarantined();
    assert_eq!(quarantined.iter().map(|q| q.group).collect::<Vec<_>>(), vec![Some(GroupId(1))]);
    assert!(quarantined[0].to_string().contains("segment-0000000000000001.log"), "{}", quarantined[0]);
    assert!(quarantined[0].to_string().contains("from a backup"), "{}", quarantined[0]);
    let (hit, spared) = (walog.group(GroupId(1)), walog.group(GroupId(2)));
    assert_eq!((hit.quarantine(), spared.quarantine()), (Some(quarantined[0].clone()), None));
    assert!(matches!(hit.read(0..1, 1), Err(LogError::Quarantined(_))));
    assert!(matches!(append(&hit, 1), Err(LogError::Quarantined(_))));
    assert_eq!(spared.read(0..1, 1).expect("read"), vec![entry(0)]);
    // The verdict stays, and the file is kept when the log moves on.
    for index in 1..200 {
        append(&spared, index).expect("append");
        purge(&spared, index - 1).expect("purge");
    }
    walog.close();
    let walog = open(dir.path());
    assert_eq!(walog.quarantined().len(), 1);
    assert!(dir.path().join("quarantined-0000000000000001.log").exists());
    let (removed, heard) = done();
    walog.group(GroupId(1)).remove(removed);
    heard.recv().expect("an answer").expect("remove");
    append(&walog.group(GroupId(1)), 0).expect("the group begins anew");
    walog.close();
    assert_eq!(open(dir.path()).quarantined(), vec![]);
}

#[test]
fn a_newest_segment_that_was_cut_short_is_damage_for_good() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let walog = open(dir.path());
    for index in 0..3 {
        append(&walog.group(GroupId(1)), index).expect("append");
    }
    walog.close();
    let name = "segment-0000000000000001.log";
    let whole = std::fs::read(dir.path().join(name)).expect("read");
    let lengths = [0, 100, 4096, 4100, 8192, 8192 + 64 + 48 + 500, 8192 + 64 + 48 + 1000, 12000, 12288, 60000];
    for length in lengths.into_iter().chain([whole.len() - 1]) {
        let cut = tempfile::tempdir().expect("temporary directory");
        let path = cut.path().join(name);
        std::fs::write(&path, &whole[..length]).expect("write");
        if length < 48 {
            let opened = Walog::open(Arc::new(StdFs), cut.path(), options());
            assert!(matches!(opened, Err(OpenError::NoHeader { .. })), "{length}: nothing is there to be verified");
            continue;
        }
        for time in 1..4 {
            let walog = open(cut.path());
            let quarantined = walog.quarantined();
            walog.close();
            // What is missing may have been of any group.
            assert!(quarantined.iter().any(|q| q.group.is_none()), "{length}, open {time}: {quarantined:?}");
            let read = quarantined.iter().any(|q| q.group == Some(GroupId(1)));
            assert_eq!(read, length >= 8192 + 64 + 48 + 1000, "{length}, open {time}: {quarantined:?}");
            // Set aside once the verdict is durable, if anything of a group is in it.
            let aside = cut.path().join("quarantined-0000000000000001.log");
            let kept = std::fs::read(&path).or_else(|_| std::fs::read(&aside));
            assert!(!read || kept.is_ok_and(|kept| kept == whole[..length]), "{length}, open {time}");
        }
    }
}

#[test]
fn a_segment_that_was_cut_short_before_another_is_damage() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let walog = open(dir.path());
    for index in 0..20 {
        append(&walog.group(GroupId(1)), index).expect("append");
    }
    walog.close();
    assert!(dir.path().join("segment-0000000000000002.log").exists());
    let path = dir.path().join("segment-0000000000000001.log");
    let whole = std::fs::read(&path).expect("read");
    for length in [0, 50, 4096, 4096 + 64 + 200, 8192 + 500, 12288 + 64 + 48 + 1000, 20000] {
        let cut = tempfile::tempdir().expect("temporary directory");
        for name in ["segment-0000000000000001.log", "segment-0000000000000002.log"] {
            std::fs::copy(dir.path().join(name), cut.path().join(name)).expect("copy");
        }
        std::fs::write(cut.path().join("segment-0000000000000001.log"), &whole[..length]).expect("write");
        for _ in 0..2 {
            let walog = open(cut.path());
            let quarantined = walog.quarantined();
            walog.close();
            assert!(quarantined.iter().any(|q| q.group == Some(GroupId(1))), "{length}: {quarantined:?}");
        }
    }
}

/// A log of group 1 with entries of such bodies, each in a batch of its own.
fn log_of(options: Options, sizes: &[usize]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("temporary directory");
    let walog = Walog::open(Arc::new(StdFs), dir.path(), options).expect("the log opens");
    for (index, bytes) in sizes.iter().enumerate() {
        let (done, heard) = done();
        let body = Bytes::from(vec![index as u8; *bytes]);
        walog.group(GroupId(1)).append(vec![Entry { id: id(index as u64), kind: 3, body }], done);
        heard.recv().expect("an answer").expect("append");
    }
    walog.close();
    dir
}

/// Opens the log three times: group 1 is quarantined each time, and the bytes of segment `number` stay.
fn contradiction_lasts(dir: &Path, number: u64) {
    let path = dir.join(format!("segment-{number:016x}.log"));
    let bytes = std::fs::read(&path).expect("read");
    for time in 1..4 {
        let walog = open(dir);
        let quarantined: Vec<_> = walog.quarantined().iter().map(|q| q.group).collect();
        assert!(quarantined.contains(&Some(GroupId(1))), "open {time}: {quarantined:?}");
        walog.close();
        assert!(std::fs::read(&path).expect("it is there") == bytes, "open {time} changed the segment");
    }
}

#[test]
fn a_segment_of_another_past_is_a_contradiction_for_good() {
    // One log has ten batches in its first segment, the other began its second one after four.
    let (ours, other) = (log_of(options(), &[1000; 10]), log_of(options(), &[16_000; 5]));
    let name = "segment-0000000000000002.log";
    std::fs::copy(other.path().join(name), ours.path().join(name)).expect("the other log has two segments");
    contradiction_lasts(ours.path(), 2);
}

#[test]
fn a_segment_that_begins_before_the_one_before_it_is_damage_and_is_not_overwritten() {
    // The second segment of one log begins later than the third of the other.
    let (ours, other) = (log_of(options(), &[1000; 20]), log_of(options(), &[16_000; 8]));
    let name = "segment-0000000000000003.log";
    std::fs::copy(other.path().join(name), ours.path().join(name)).expect("the other log has three segments");
    contradiction_lasts(ours.path(), 3);
}

#[test]
fn a_newest_segment_of_another_log_is_damage_and_is_not_overwritten() {
    let (ours, other) = (log_of(options(), &[1000; 10]), log_of(Options { salt: 7, ..options() }, &[16_000; 5]));
    let name = "segment-0000000000000002.log";
    std::fs::copy(other.path().join(name), ours.path().join(name)).expect("the other log has two segments");
    contradiction_lasts(ours.path(), 2);
}

#[test]
fn damage_to_the_last_batch_of_a_closed_log_is_found() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let options = Options { witness_after: std::time::Duration::from_secs(3600), ..options() };
    let walog = Walog::open(Arc::new(StdFs), dir.path(), options).expect("the log opens");
    append(&walog.group(GroupId(1)), 0).expect("append");
    walog.close();
    let path = dir.path().join("segment-0000000000000001.log");
    let mut bytes = std::fs::read(&path).expect("read");
    let frame = bytes.windows(6).position(|window| window == [1, 0, 0, 0, 1, 3]).expect("the entry's frame");
    bytes[frame + 500] ^= 4;
    std::fs::write(&path, bytes).expect("write");

    let quarantined = open(dir.path()).quarantined();
    assert_eq!(quarantined.iter().map(|q| q.group).collect::<Vec<_>>(), vec![Some(GroupId(1))]);
}

#[test]
fn a_purge_frees_segments_only_when_a_later_batch_proves_it() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let (walog, mut driver) = Walog::open_driven(Arc::new(StdFs), dir.path(), options()).expect("the log opens");
    let log = walog.group(GroupId(1));
    for index in 0..100 {
        log.append(vec![entry(index)], Box::new(|result| result.expect("append")));
        driver.step();
    }
    log.purge(id(98), Box::new(|result| result.expect("purge")));
    driver.step();
    drop((log, walog, driver));
    // The last batch holds the purge: damage to it passes for a torn write, so the purge is lost.
    let segments = StdFs.list(dir.path()).expect("list").into_iter().filter(|name| name.starts_with("segment-"));
    let path = dir.path().join(segments.max().expect("a segment"));
    let mut bytes = std::fs::read(&path).expect("read");
    let last = bytes.windows(4).rposition(|window| window == b"WBAT").expect("a batch");
    bytes[last + 100] ^= 4;
    std::fs::write(&path, bytes).expect("write");

    let walog = open(dir.path());
    assert_eq!(walog.quarantined(), vec![]);
    assert_eq!(walog.group(GroupId(1)).read(0..100, u64::MAX).expect("read").len(), 100);
    walog.close();
}

#[test]
fn damage_to_two_batches_in_a_row_hides_nothing() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let (walog, mut driver) = Walog::open_driven(Arc::new(StdFs), dir.path(), options()).expect("opens");
    let mut step = |group: u32, vote: &'static [u8]| {
        walog.group(GroupId(group)).save_vote(Bytes::from_static(vote), Box::new(|result| result.expect("vote")));
        driver.step();
    };
    (1..=4).for_each(|group| step(group, b"old"));
    (1..=3).for_each(|group| step(group, b"new"));
    let path = dir.path().join("segment-0000000000000001.log");
    let mut bytes = std::fs::read(&path).expect("read");
    // A block each: the first batch, four old votes, three new ones. Of the first two new votes the
    // body and the batch's header are damaged; the third proves both.
    bytes[4096 + 5 * 4096 + 64 + 48] ^= 4;
    bytes[4096 + 6 * 4096 + 20] ^= 4;
    std::fs::write(&path, bytes).expect("write");

    let walog = open(dir.path());
    assert!(quarantined_groups(&walog).contains(&GroupId(1)), "{:?}", walog.quarantined());
    for group in 2..=4 {
        let log = walog.group(GroupId(group));
        let vote = if group == 4 { "old" } else { "new" };
        assert!(
            log.quarantine().is_some() || log.state().vote == Some(Bytes::from(vote)),
            "{group}: {:?}",
            log.state()
        );
    }
    walog.close();
}

fn quarantined_groups(walog: &Walog) -> Vec<GroupId> {
    walog.quarantined().iter().filter_map(|quarantine| quarantine.group).collect()
}

/// Flips a bit in the body of the segment's first frame.
fn damage_roster(path: &Path) {
    let mut bytes = std::fs::read(path).expect("read");
    bytes[4096 + 64 + 48 + 2] ^= 4;
    std::fs::write(path, bytes).expect("write");
}

#[test]
fn a_damaged_roster_costs_nobody_though_the_segments_before_it_are_no_longer_needed() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let (one, two) = (GroupId(1), GroupId(2));
    let append_both = |walog: &Walog, indexes: std::ops::Range<u64>| {
        for index in indexes {
            append(&walog.group(one), index).expect("append");
            append(&walog.group(two), index).expect("append");
        }
    };
    let walog = open(dir.path());
    append_both(&walog, 0..12);
    walog.close();
    damage_roster(&dir.path().join("segment-0000000000000002.log"));

    let walog = open(dir.path());
    assert_eq!(quarantined_groups(&walog), vec![], "later frames show that nothing of them is missing");
    assert_eq!(walog.stats().segments, 3, "the log goes on in a new segment");
    // Nothing in the first segment is needed any more.
    for group in [one, two] {
        purge(&walog.group(group), 8).expect("purge");
    }
    append_both(&walog, 12..14);
    walog.close();
    let walog = open(dir.path());
    assert_eq!(quarantined_groups(&walog), vec![]);
    for group in [one, two] {
        let entries: Vec<Entry> = (9..14).map(entry).collect();
        assert_eq!(walog.group(group).read(9..99, u64::MAX).expect("read"), entries);
    }
    // Nor in the second: both go, the damaged one is kept under another name.
    for group in [one, two] {
        purge(&walog.group(group), 12).expect("purge");
    }
    append_both(&walog, 14..15);
    walog.close();
    let names = StdFs.list(dir.path()).expect("list");
    assert!(!names.contains(&"segment-0000000000000001.log".to_owned()), "{names:?}");
    assert!(names.contains(&"quarantined-0000000000000002.log".to_owned()), "{names:?}");
    assert_eq!(quarantined_groups(&open(dir.path())), vec![]);
}

#[test]
fn a_damaged_roster_without_the_segment_before_it_costs_only_groups_with_entries_behind_it() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let (one, two) = (GroupId(1), GroupId(2));
    let walog = open(dir.path());
    append(&walog.group(two), 0).expect("append");
    for index in 0..18 {
        append(&walog.group(one), index).expect("append");
    }
    purge(&walog.group(two), 0).expect("purge");
    append(&walog.group(one), 18).expect("append");
    assert_eq!(walog.stats().segments, 2, "both groups' last frames are in the second");
    walog.close();
    damage_roster(&dir.path().join("segment-0000000000000002.log"));
    open(dir.path()).close();
    // As if the process had died while it took both segments out of the log.
    std::fs::remove_file(dir.path().join("segment-0000000000000001.log")).expect("remove");

    let walog = open(dir.path());
    assert_eq!(quarantined_groups(&walog), vec![one]);
    assert_eq!(walog.quarantined()[0].file, "segment-0000000000000002.log");
    assert_eq!(walog.group(two).state().purged, Some(id(0)));
    append(&walog.group(two), 1).expect("the other group goes on");
    walog.close();
}

#[test]
fn damage_met_while_reading_is_an_error_never_an_entry() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let options = Options { cache_bytes: 0, ..options() };
    let walog = Walog::open(Arc::new(StdFs), dir.path(), options).expect("the log opens");
    let log = walog.group(GroupId(1));
    append(&log, 0).expect("append");
    append(&log, 1).expect("append");
    assert_eq!(log.read(0..2, u64::MAX).expect("read"), vec![entry(0), entry(1)]);
    assert!(walog.stats().counters.disk_reads > 0, "nothing is kept in memory");
    let path = dir.path().join("segment-0000000000000001.log");
    let mut bytes = std::fs::read(&path).expect("read");
    let frame = bytes.windows(6).position(|window| window == [1, 0, 0, 0, 1, 3]).expect("the first entry's frame");
    bytes[frame + 500] ^= 4;
    std::fs::write(&path, bytes).expect("write");
    assert!(matches!(log.read(0..1, 1), Err(LogError::Damaged { .. })));
    assert_eq!(log.read(1..2, 1).expect("read"), vec![entry(1)]);
    walog.close();
}

#[test]
fn an_append_that_needs_a_segment_or_a_drained_queue_says_that_it_would_wait() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let options = Options { queue_bytes_max: 20 << 10, ..options() };
    let (walog, mut driver) = Walog::open_driven(Arc::new(StdFs), dir.path(), options.clone()).expect("opens");
    let log = walog.group(GroupId(1));
    let bodies = |count: usize| std::iter::repeat_n(16_u64 << 10, count);
    assert_eq!(walog.stats().spares, 1, "the last one is for purges");
    assert!(!log.would_wait(bodies(1)), "it fits what is there");
    assert!(log.would_wait(bodies(4)), "a segment would have to be prepared");
    while walog.stats().spares < 3 {
        assert_ne!(driver.idle(), Step::Stopped);
    }
    assert!(!log.would_wait(bodies(4)), "a spare can be used, one stays for purges");
    assert!(log.would_wait(bodies(12)), "more than the spares hold");
    drop((log, walog, driver));

    // The writer is held in a callback while the queue fills.
    let walog = Walog::open(Arc::new(StdFs), dir.path(), options).expect("opens");
    let log = walog.group(GroupId(1));
    let ((hold, held), (reached, holds)) = (mpsc::channel::<()>(), mpsc::channel());
    log.append(
        vec![entry(0)],
        Box::new(move |_| {
            reached.send(()).expect("the test waits");
            held.recv().expect("the test lets go");
        }),
    );
    holds.recv().expect("the writer is in the callback");
    let mut answers = Vec::new();
    while walog.stats().queued_bytes <= 20 << 10 {
        let (done, heard) = done();
        answers.push(heard);
        log.append(vec![entry(answers.len() as u64)], done);
    }
    assert!(log.would_wait(std::iter::once(1)), "the queue is full");
    hold.send(()).expect("the writer waits");
    for heard in answers {
        heard.recv().expect("an answer").expect("append");
    }
    assert!(!log.would_wait(std::iter::once(1)));
    walog.close();
    assert!(!log.would_wait(bodies(40)), "a closed log answers at once");
}

#[test]
fn a_callback_that_panics_leaves_nobody_without_an_answer() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let (walog, mut driver) = Walog::open_driven(Arc::new(StdFs), dir.path(), options()).expect("opens");
    let log = walog.group(GroupId(1));
    log.append(vec![entry(0)], Box::new(|_| panic!("a callback of the test")));
    // The same batch, and, since a batch takes 16 KiB, others that are taken with it.
    let heard: Vec<_> = (1..40)
        .map(|index| {
            let (done, heard) = done();
            log.append(vec![entry(index)], done);
            heard
        })
        .collect();
    let step = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| driver.step()));
    step.expect_err("the panic goes on");
    for heard in heard {
        assert!(matches!(heard.try_recv().expect("an answer"), Err(LogError::Poisoned(_))));
    }
    assert!(matches!(append(&log, 40), Err(LogError::Poisoned(_))));
}

/// A disk that fails one sync, or has no room for another file.
#[derive(Debug, Clone, Default)]
struct FailingDisk {
    /// Counts down; the sync that makes it zero fails.
    fails_in: Arc<AtomicU64>,
    full: Arc<AtomicBool>,
}

#[derive(Debug)]
struct FailingFile {
    inner: Arc<dyn File>,
    disk: FailingDisk,
}

impl FailingDisk {
    fn wrap(&self, inner: Arc<dyn File>) -> Arc<dyn File> {
        Arc::new(FailingFile { inner, disk: self.clone() })
    }
}

impl Fs for FailingDisk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        Ok(self.wrap(StdFs.create(path)?))
    }
    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        Ok(self.wrap(StdFs.open(path)?))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        StdFs.rename(from, to)
    }
    fn remove_file(&self, path: &Path) -> io::Result<()> {
        StdFs.remove_file(path)
    }
    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        StdFs.create_dir_all(dir)
    }
    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        StdFs.list(dir)
    }
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        StdFs.sync_dir(dir)
    }
    fn available_bytes(&self, dir: &Path) -> io::Result<u64> {
        StdFs.available_bytes(dir)
    }
}

impl File for FailingFile {
    fn read_at(&self, position: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.inner.read_at(position, buffer)
    }
    fn write_at(&self, position: u64, bytes: &[u8]) -> io::Result<()> {
        self.inner.write_at(position, bytes)
    }
    fn sync_data(&self) -> io::Result<()> {
        // It fails once, and then says yes.
        let left = self.disk.fails_in.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if left == Ok(1) { Err(io::Error::other("lost it")) } else { self.inner.sync_data() }
    }
    fn allocate(&self, bytes: u64) -> io::Result<()> {
        if self.disk.full.load(Ordering::SeqCst) {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        self.inner.allocate(bytes)
    }
    fn set_len(&self, bytes: u64) -> io::Result<()> {
        self.inner.set_len(bytes)
    }
    fn byte_len(&self) -> io::Result<u64> {
        self.inner.byte_len()
    }
}

#[test]
fn the_first_failed_sync_poisons_the_log_for_ever_and_says_so() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let fs = FailingDisk::default();
    let fails_in = Arc::clone(&fs.fails_in);
    let (sender, told) = mpsc::channel();
    let on_poison = OnPoison::new(move |reason| sender.send(reason.to_owned()).expect("the test waits"));
    let options = Options { on_poison: Some(on_poison), ..options() };
    let (walog, mut driver) = Walog::open_driven(Arc::new(fs), dir.path(), options).expect("opens");
    let log = walog.group(GroupId(1));
    fails_in.store(1, Ordering::SeqCst);
    let (first, first_heard) = done();
    log.append(vec![entry(0)], first);
    assert_eq!(driver.step(), Step::Stopped);
    assert!(matches!(first_heard.recv().expect("an answer"), Err(LogError::Poisoned(_))));
    assert!(told.recv().expect("the hook is called").contains("lost it"));
    assert!(matches!(append(&log, 1), Err(LogError::Poisoned(_))), "the disk says yes again, the log does not");
    assert!(matches!(log.read(0..1, 1), Err(LogError::Poisoned(_))));
    assert_eq!(driver.step(), Step::Stopped);
    assert!(told.try_recv().is_err(), "the hook is called once");
}

#[test]
fn a_torn_batch_that_proves_damage_stays_until_the_verdict_is_durable() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let (walog, mut driver) = Walog::open_driven(Arc::new(StdFs), dir.path(), options()).expect("opens");
    for index in 0..2 {
        walog.group(GroupId(1)).append(vec![entry(index)], Box::new(|result| result.expect("append")));
        driver.step();
    }
    drop((walog, driver));
    // Both bodies are damaged: the first was synced, as the header of the second says; the second
    // may have been torn.
    let path = dir.path().join("segment-0000000000000001.log");
    let mut bytes = std::fs::read(&path).expect("read");
    for at in [8192 + 500, 12288 + 500] {
        bytes[at] ^= 4;
    }
    std::fs::write(&path, bytes).expect("write");
    // The process dies between what recovery writes and the verdict, in a new segment's header.
    let fs = FailingDisk { fails_in: Arc::new(AtomicU64::new(2)), ..FailingDisk::default() };
    Walog::open(Arc::new(fs), dir.path(), options()).expect_err("the second sync fails");

    let quarantined = open(dir.path()).quarantined();
    assert_eq!(quarantined.iter().map(|q| q.group).collect::<Vec<_>>(), vec![Some(GroupId(1))]);
}

/// A log on a full disk whose last block is taken by the purge that gives up everything, and the
/// next index.
fn purged_in_the_last_block(dir: &Path, fs: &FailingDisk) -> (Walog, Driver, u64) {
    let (walog, mut driver) = Walog::open_driven(Arc::new(fs.clone()), dir, options()).expect("opens");
    while walog.stats().spares < 3 {
        assert_ne!(driver.idle(), Step::Stopped);
    }
    fs.full.store(true, Ordering::SeqCst);
    let log = walog.group(GroupId(1));
    let index = (0..1000).find(|index| {
        let (done, heard) = done();
        log.append(vec![entry(*index)], done);
        driver.step();
        heard.recv().expect("an answer").is_err()
    });
    let index = index.expect("the log gets full");
    // The blocks that are left: of two reserved segments 15 each, and this one has none.
    for nth in 0..29u32 {
        log.save_vote(Bytes::from(nth.to_le_bytes().to_vec()), Box::new(|result| result.expect("vote")));
        driver.step();
    }
    log.purge(id(index - 1), Box::new(|result| result.expect("purge")));
    driver.step();
    let (voted, heard) = done();
    log.save_vote(Bytes::from_static(b"one too many"), voted);
    assert!(matches!(heard.recv().expect("an answer"), Err(LogError::Full(_))), "{:?}", walog.stats());
    (walog, driver, index)
}

#[test]
fn a_purge_in_the_last_block_of_a_full_disk_frees_the_log() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let fs = FailingDisk::default();
    let (walog, mut driver, index) = purged_in_the_last_block(dir.path(), &fs);
    for _ in 0..3 {
        assert_ne!(driver.idle(), Step::Stopped);
    }
    walog.group(GroupId(1)).append(vec![entry(index)], Box::new(|result| result.expect("append")));
    assert_eq!(driver.step(), Step::Wrote);
}

#[test]
fn a_purge_in_the_last_block_of_a_full_disk_frees_the_log_after_a_restart() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let fs = FailingDisk::default();
    let (walog, driver, index) = purged_in_the_last_block(dir.path(), &fs);
    drop((walog, driver));
    let (walog, mut driver) = Walog::open_driven(Arc::new(fs), dir.path(), options()).expect("opens");
    assert_ne!(driver.idle(), Step::Stopped);
    walog.group(GroupId(1)).append(vec![entry(index)], Box::new(|result| result.expect("append")));
    assert_eq!(driver.step(), Step::Wrote);
}
