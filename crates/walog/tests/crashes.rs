//! The log under crashes (D3, I1): seeded histories of power cuts, killed processes, torn writes,
//! failed syncs, full disks and flipped bits on a simulated disk.
//!
//! `ANABRANCH_LOG_SEEDS` sets how many seeds run (500 unless set), `ANABRANCH_LOG_FIRST_SEED` where
//! to begin: a failure names its seed.
#![allow(clippy::print_stdout, reason = "the fault counts are what the run is read for")]

mod crash_harness;

use anabranch_walog::Bug;
use crash_harness::{Kind, Problem, Report, run_seed};

/// A planted bug must show within so many seeds.
const SEEDS_FOR_A_BUG: u64 = 200;
/// Each fault must strike at least once in so many seeds.
const SEEDS_FOR_A_FAULT: u64 = 20;

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
        sum.add(&run_seed(seed, None).unwrap_or_else(|problem| panic!("{problem}")));
    }
    println!("seeds {:?}: {sum:?}", seeds());
    let least = (seeds().end - seeds().start) / SEEDS_FOR_A_FAULT;
    for (fault, count) in sum.faults.named() {
        assert!(count >= least, "{fault}: {count}, at least {least} are needed to prove anything");
    }
}

#[test]
fn a_seed_run_twice_does_the_same() {
    let (first, second) = (run_seed(7, None).expect("sound"), run_seed(7, None).expect("sound"));
    assert_eq!(format!("{first:?}"), format!("{second:?}"));
}

/// The bug shows, as one of the kinds of problem that it can cause and as nothing else.
fn is_found(bug: Bug, kinds: &[Kind]) {
    for seed in 0..SEEDS_FOR_A_BUG {
        let run = std::panic::catch_unwind(|| run_seed(seed, Some(bug)));
        let problem = match run {
            Ok(Ok(_)) => continue,
            Ok(Err(problem)) => problem,
            Err(_) => Problem::new(Kind::Panicked, "an invariant was asserted").at(format!("seed {seed}")),
        };
        assert!(kinds.contains(&problem.kind), "{bug:?} shows as something else: {problem}");
        return println!("{bug:?} found: {problem}");
    }
    panic!("{bug:?} was not found in {SEEDS_FOR_A_BUG} seeds");
}

#[test]
fn an_ack_before_the_sync_is_found() {
    is_found(Bug::AckBeforeSync, &[Kind::Lost]);
}

#[test]
fn stopping_at_corruption_is_found() {
    is_found(Bug::StopAtCorruption, &[Kind::Lost, Kind::Unnoticed]);
}

#[test]
fn distrust_of_a_torn_tail_is_found() {
    is_found(Bug::DistrustTornTail, &[Kind::FalseAlarm]);
}

#[test]
fn a_retry_after_a_failed_sync_is_found() {
    is_found(Bug::RetryFailedSync, &[Kind::Lost, Kind::FalseAlarm]);
}

#[test]
fn an_accepted_frame_of_a_recycled_segment_is_found() {
    is_found(Bug::AcceptRecycledFrames, &[Kind::Lost, Kind::FalseAlarm]);
}

#[test]
fn trust_in_what_a_failed_sync_left_in_memory_is_found() {
    is_found(Bug::TrustWhatIsRead, &[Kind::Lost, Kind::FalseAlarm]);
}
