//! When the next request is due: when the server has answered (closed loop), or when the schedule
//! says so, whatever the server does (open loop).

use crate::args::Args;
use crate::report::Counts;
use crate::window::{GRACE, Window};
use anyhow::ensure;
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio::time::timeout_at;

/// The pace of one run, shared by its connections.
#[derive(Clone)]
pub struct Pace(Option<Rc<Schedule>>);

/// Slot k is due at `begins_at + k * every`; `taken <= slots`.
struct Schedule {
    begins_at: Instant,
    every: f64,
    slots: u64,
    taken: Cell<u64>,
    /// A permit for each slot that is due and not taken.
    due: Arc<Semaphore>,
    window: Window,
}

impl Pace {
    /// `--records-per-second` in requests of `records`; a closed loop without it.
    ///
    /// # Errors
    /// When the rate is not above 0 or the clock's thread cannot be started.
    pub fn open(args: &Args, window: &Window, records: usize) -> anyhow::Result<Pace> {
        let rate: f64 = args.value_or("records-per-second", f64::INFINITY)?;
        ensure!(rate > 0.0, "--records-per-second must be above 0");
        if rate.is_infinite() {
            return Ok(Pace(None));
        }
        let every = records as f64 / rate;
        let schedule = Schedule::new(window, every);
        let (begins_at, slots, due) = (schedule.begins_at, schedule.slots, Arc::clone(&schedule.due));
        // A thread, as the runtime's timers are a millisecond coarse.
        std::thread::Builder::new().name("pace".to_owned()).spawn(move || {
            for slot in 0..slots {
                std::thread::sleep(slot_at(begins_at, every, slot).saturating_duration_since(Instant::now()));
                due.add_permits(1);
            }
        })?;
        Ok(Pace(Some(Rc::new(schedule))))
    }

    /// Waits until a request is due, and says since when: now in a closed loop. None when the
    /// window ends before. Cancel-safe: a slot that was not returned is another connection's.
    pub async fn next(&self) -> Option<Instant> {
        let Some(schedule) = &self.0 else { return Some(Instant::now()) };
        let ends_at = schedule.window.ends_at().into();
        timeout_at(ends_at, schedule.due.acquire()).await.ok()?.ok()?.forget();
        let slot = schedule.taken.replace(schedule.taken.get() + 1);
        Some(schedule.slot_at(slot))
    }

    /// Whether an answer that came now counts, to a request that was due then: by its own time in
    /// a closed loop, by the request's in an open one, so that late answers are not left out.
    pub fn counts(&self, window: &Window, due: Instant) -> bool {
        if self.0.is_some() { due >= window.counts_from() } else { window.counts() }
    }

    /// Requests that were due and have no answer, each with `latencies` of at least
    /// [`GRACE`]; none in a closed loop. `counted` is what all connections counted.
    pub fn missed(&self, counted: &[Counts], latencies: usize) -> Counts {
        let due = self.0.as_ref().map_or(0, |schedule| schedule.counted_slots());
        let answered: u64 = counted.iter().map(|counts| counts.requests + counts.errors).sum();
        let missed = due.saturating_sub(answered);
        let grace_us = u64::try_from(GRACE.as_micros()).unwrap_or(u64::MAX);
        Counts { missed, latencies_us: vec![grace_us; missed as usize * latencies], ..Counts::default() }
    }
}

impl Schedule {
    fn new(window: &Window, every: f64) -> Schedule {
        let begins_at = window.begins_at();
        let length = window.ends_at().saturating_duration_since(begins_at).as_secs_f64();
        let (slots, due) = ((length / every) as u64, Arc::new(Semaphore::new(0)));
        Schedule { begins_at, every, slots, taken: Cell::new(0), due, window: window.clone() }
    }

    fn slot_at(&self, slot: u64) -> Instant {
        slot_at(self.begins_at, self.every, slot)
    }

    /// Slots in the measured time.
    fn counted_slots(&self) -> u64 {
        (0..self.slots).filter(|slot| self.slot_at(*slot) >= self.window.counts_from()).count() as u64
    }
}

fn slot_at(begins_at: Instant, every: f64, slot: u64) -> Instant {
    begins_at + Duration::from_secs_f64(every * slot as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(line: &str) -> Args {
        Args::parse(line.split_whitespace().map(str::to_owned)).expect("pairs")
    }

    #[test]
    fn slots_of_the_warm_up_do_not_count() {
        let window = Window::open(&args("--seconds 2 --warm-up-seconds 1")).expect("a window");
        let schedule = Schedule::new(&window, 0.25);
        assert_eq!((schedule.slots, schedule.counted_slots()), (12, 8));
    }

    #[test]
    fn requests_without_an_answer_are_missed_and_slow() {
        let window = Window::open(&args("--seconds 2")).expect("a window");
        let pace = Pace(Some(Rc::new(Schedule::new(&window, 0.5))));
        let answered = Counts { requests: 2, errors: 1, ..Counts::default() };
        let missed = pace.missed(&[answered], 3);
        assert_eq!((missed.missed, missed.latencies_us), (1, vec![1_000_000; 3]));
        assert_eq!(Pace(None).missed(&[], 3).missed, 0);
    }

    #[tokio::test]
    async fn slots_that_wait_are_taken_in_turn_and_keep_their_times() {
        let window = Window::open(&args("--seconds 600")).expect("a window");
        let schedule = Schedule::new(&window, 0.25);
        schedule.due.add_permits(3);
        let pace = Pace(Some(Rc::new(schedule)));
        for millis in [0, 250, 500] {
            let due = pace.next().await.expect("a slot waits");
            assert_eq!(due.duration_since(window.begins_at()).as_millis(), millis);
        }
    }

    #[test]
    fn a_rate_of_nothing_is_refused() {
        let args = args("--seconds 1 --records-per-second 0");
        let window = Window::open(&args).expect("a window");
        assert!(Pace::open(&args, &window, 1).is_err());
    }
}
