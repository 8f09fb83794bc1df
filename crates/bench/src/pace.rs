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
pub struct Pace {
    window: Window,
    /// None in a closed loop.
    schedule: Option<Rc<Schedule>>,
}

/// Permits for those who learn that no slot is left: far more than connections.
const OVER_PERMITS: usize = 1 << 20;

/// Slot k is due at `begins_at + k * every`, for k below `slots`.
struct Schedule {
    begins_at: Instant,
    every: f64,
    slots: u64,
    taken: Cell<u64>,
    /// A permit for each slot that is due and not taken, and more behind the last.
    due: Arc<Semaphore>,
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
            return Ok(Pace { window: window.clone(), schedule: None });
        }
        let every = records as f64 / rate;
        let schedule = Schedule::new(window, every);
        let (begins_at, ends_at) = (schedule.begins_at, window.ends_at());
        let (slots, due) = (schedule.slots, Arc::clone(&schedule.due));
        // A thread, as the runtime's timers are a millisecond coarse.
        std::thread::Builder::new().name("pace".to_owned()).spawn(move || {
            for slot in 0..slots {
                sleep_until(slot_at(begins_at, every, slot));
                due.add_permits(1);
            }
            // Not before the end, so that the rate is that of the whole measured time.
            sleep_until(ends_at);
            due.add_permits(OVER_PERMITS);
        })?;
        Ok(Pace { window: window.clone(), schedule: Some(Rc::new(schedule)) })
    }

    /// Waits until a request is due, and says since when: now in a closed loop. None when there
    /// are no more. What was due in time is sent in an open loop even when its time has come late.
    /// Cancel-safe: a slot that was not returned is another connection's.
    pub async fn next(&self) -> Option<Instant> {
        let Some(schedule) = &self.schedule else { return self.window.is_open().then(Instant::now) };
        timeout_at(self.window.gives_up_at(), schedule.due.acquire()).await.ok()?.ok()?.forget();
        let slot = schedule.taken.replace(schedule.taken.get() + 1);
        (slot < schedule.slots).then(|| schedule.slot_at(slot))
    }

    /// Whether an answer that came now counts, to a request that was due then: by its own time in
    /// a closed loop, by the request's in an open one, so that late answers are not left out.
    pub fn counts(&self, due: Instant) -> bool {
        if self.schedule.is_some() { due >= self.window.counts_from() } else { self.window.counts() }
    }

    /// Requests that were due and have no answer, each with `latencies` of at least
    /// [`GRACE`]; none in a closed loop. `counted` is what all connections counted.
    pub fn missed(&self, counted: &[Counts], latencies: usize) -> Counts {
        let due = self.schedule.as_ref().map_or(0, |schedule| schedule.slots_since(self.window.counts_from()));
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
        Schedule { begins_at, every, slots, taken: Cell::new(0), due }
    }

    fn slot_at(&self, slot: u64) -> Instant {
        slot_at(self.begins_at, self.every, slot)
    }

    fn slots_since(&self, from: Instant) -> u64 {
        (0..self.slots).filter(|slot| self.slot_at(*slot) >= from).count() as u64
    }
}

fn slot_at(begins_at: Instant, every: f64, slot: u64) -> Instant {
    begins_at + Duration::from_secs_f64(every * slot as f64)
}

fn sleep_until(at: Instant) {
    std::thread::sleep(at.saturating_duration_since(Instant::now()));
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
        assert_eq!((schedule.slots, schedule.slots_since(window.counts_from())), (12, 8));
    }

    #[test]
    fn requests_without_an_answer_are_missed_and_slow() {
        let window = Window::open(&args("--seconds 2")).expect("a window");
        let pace = Pace { schedule: Some(Rc::new(Schedule::new(&window, 0.5))), window: window.clone() };
        let answered = Counts { requests: 2, errors: 1, ..Counts::default() };
        let missed = pace.missed(&[answered], 3);
        assert_eq!((missed.missed, missed.latencies_us), (1, vec![1_000_000; 3]));
        assert_eq!(Pace { window, schedule: None }.missed(&[], 3).missed, 0);
    }

    #[tokio::test]
    async fn slots_that_wait_are_taken_in_turn_with_their_times_and_then_it_is_over() {
        let window = Window::open(&args("--seconds 0.75")).expect("a window");
        let schedule = Schedule::new(&window, 0.25);
        schedule.due.add_permits(OVER_PERMITS);
        let pace = Pace { schedule: Some(Rc::new(schedule)), window: window.clone() };
        for millis in [0, 250, 500] {
            let due = pace.next().await.expect("a slot waits");
            assert_eq!(due.duration_since(window.begins_at()).as_millis(), millis);
        }
        assert_eq!((pace.next().await, pace.next().await), (None, None));
    }

    #[test]
    fn a_rate_of_nothing_is_refused() {
        let args = args("--seconds 1 --records-per-second 0");
        let window = Window::open(&args).expect("a window");
        assert!(Pace::open(&args, &window, 1).is_err());
    }
}
