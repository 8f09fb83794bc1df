//! The log under crashes (D3, I1): seeded histories of power cuts, torn writes, failed syncs, full
//! disks and flipped bits on a simulated disk.
//!
//! `ANABRANCH_LOG_SEEDS` sets how many seeds run (500 unless set), `ANABRANCH_LOG_FIRST_SEED` where
//! to begin: a failure names its seed.
#![allow(clippy::print_stdout, reason = "the fault counts are what the run is read for")]

mod crash_harness;

use anabranch_walog::Bug;
use crash_harness::{Report, run_seed};

/// A planted bug must show within so many seeds.
const SEEDS_FOR_A_BUG: u64 = 200;

fn number_from_env(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn seeds() -> std::ops::Range<u64> {
    let first = number_from_env("ANABRANCH_LOG_FIRST_SEED").unwrap_or(0);
    first..first + number_from_env("ANABRANCH_LOG_SEEDS").unwrap_or(500)
}

#[test]
fn no_answered_request_is_lost_and_no_damage_is_served() {
    let mut sum = Report::default();
    for seed in seeds() {
        let report = run_seed(seed, None).unwrap_or_else(|problem| panic!("{problem}"));
        sum.faults.crashes += report.faults.crashes;
        sum.faults.torn_writes += report.faults.torn_writes;
        sum.faults.failed_syncs += report.faults.failed_syncs;
        sum.faults.failed_writes += report.faults.failed_writes;
        sum.faults.full_disk += report.faults.full_disk;
        sum.faults.flips += report.faults.flips;
        sum.appends += report.appends;
        sum.purges += report.purges;
        sum.segments_begun += report.segments_begun;
        sum.segments_recycled += report.segments_recycled;
        sum.refused_full += report.refused_full;
        sum.quarantined += report.quarantined;
        sum.flips_lost_last_batch += report.flips_lost_last_batch;
    }
    println!("seeds {:?}: {sum:?}", seeds());
}

#[test]
fn a_seed_run_twice_does_the_same() {
    let (first, second) = (run_seed(7, None).expect("sound"), run_seed(7, None).expect("sound"));
    assert_eq!(format!("{first:?}"), format!("{second:?}"));
}

fn is_found(bug: Bug) {
    for seed in 0..SEEDS_FOR_A_BUG {
        let run = std::panic::catch_unwind(|| run_seed(seed, Some(bug)));
        let problem = match run {
            Ok(Ok(_)) => continue,
            Ok(Err(problem)) => problem,
            Err(_) => format!("seed {seed}: an invariant was asserted"),
        };
        return println!("{bug:?} found: {problem}");
    }
    panic!("{bug:?} was not found in {SEEDS_FOR_A_BUG} seeds");
}

#[test]
fn an_ack_before_the_sync_is_found() {
    is_found(Bug::AckBeforeSync);
}

#[test]
fn stopping_at_corruption_is_found() {
    is_found(Bug::StopAtCorruption);
}

#[test]
fn a_retry_after_a_failed_sync_is_found() {
    is_found(Bug::RetryFailedSync);
}

#[test]
fn an_accepted_frame_of_a_recycled_segment_is_found() {
    is_found(Bug::AcceptRecycledFrames);
}
