//! Two clocks: the wall's, which people and records see, and the node's own, which never
//! jumps. Timers, leases and budgets use the second only.
//!
//! Nothing here decides whether the wall clock can be trusted: [`crate::ClockJump`] does.

use anabranch_types::Timestamp;
use parking_lot::Mutex;
use std::fmt;
use std::time::{Duration, Instant, SystemTime};

/// Where time comes from (D12).
pub trait Clock: Send + Sync + fmt::Debug {
    /// Time of day. May jump in both directions whenever an operator or a time daemon
    /// decides so.
    fn wall(&self) -> Timestamp;

    /// Time since the node started. Never moves backwards and does not follow jumps of the
    /// wall clock; it stands still while the machine is suspended.
    fn monotonic(&self) -> Duration;
}

/// The machine's clocks.
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    /// A clock whose monotonic time starts now.
    pub fn new() -> Self {
        SystemClock { started: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        SystemClock::new()
    }
}

impl Clock for SystemClock {
    /// A machine whose date lies before 1970 reads as the epoch.
    fn wall(&self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Timestamp::EPOCH.plus(since_epoch)
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }
}

/// Follows the async runtime's time, so that clock and sleeps agree where that time is
/// paused or simulated.
#[derive(Debug)]
pub struct SimulatedClock {
    started: tokio::time::Instant,
    /// Wall time at monotonic zero; moved by [`SimulatedClock::set_wall`].
    wall_at_start_millis: Mutex<i128>,
}

impl SimulatedClock {
    /// A clock at monotonic zero that shows `wall` now. To be made inside the runtime whose
    /// time it follows.
    pub fn starting_at(wall: Timestamp) -> Self {
        SimulatedClock {
            started: tokio::time::Instant::now(),
            wall_at_start_millis: Mutex::new(i128::from(wall.as_millis())),
        }
    }

    /// Lets the wall clock jump to `wall`; monotonic time is untouched.
    pub fn set_wall(&self, wall: Timestamp) {
        let elapsed_millis = self.monotonic().as_millis() as i128;
        *self.wall_at_start_millis.lock() = i128::from(wall.as_millis()) - elapsed_millis;
    }
}

impl Clock for SimulatedClock {
    fn wall(&self) -> Timestamp {
        let elapsed_millis = self.monotonic().as_millis() as i128;
        let millis = (*self.wall_at_start_millis.lock() + elapsed_millis).max(0);
        Timestamp::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }
}

/// A clock that moves only when told to, for tests of code that takes a [`Clock`].
#[derive(Debug)]
pub struct ManualClock {
    /// Wall and monotonic time.
    now: Mutex<(Timestamp, Duration)>,
}

impl ManualClock {
    /// A clock that shows `wall` and monotonic zero.
    pub fn starting_at(wall: Timestamp) -> Self {
        ManualClock { now: Mutex::new((wall, Duration::ZERO)) }
    }

    /// Moves both clocks forward, as time does.
    pub fn advance(&self, span: Duration) {
        let mut now = self.now.lock();
        now.0 = now.0.plus(span);
        now.1 += span;
    }

    /// Lets the wall clock jump to `wall`; monotonic time is untouched.
    pub fn set_wall(&self, wall: Timestamp) {
        self.now.lock().0 = wall;
    }

    /// Moves monotonic time to `monotonic`; the wall clock is untouched.
    ///
    /// # Panics
    /// When `monotonic` lies before the present monotonic time.
    pub fn set_monotonic(&self, monotonic: Duration) {
        let mut now = self.now.lock();
        assert!(monotonic >= now.1, "monotonic time moves from {:?} back to {monotonic:?}", now.1);
        now.1 = monotonic;
    }
}

impl Clock for ManualClock {
    fn wall(&self) -> Timestamp {
        self.now.lock().0
    }

    fn monotonic(&self) -> Duration {
        self.now.lock().1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp::from_millis(1_742_000_000_000);

    #[test]
    fn the_manual_wall_clock_jumps_without_moving_monotonic_time() {
        let clock = ManualClock::starting_at(NOON);
        clock.advance(Duration::from_secs(3));
        clock.set_wall(Timestamp::EPOCH);
        assert_eq!((clock.wall(), clock.monotonic()), (Timestamp::EPOCH, Duration::from_secs(3)));
    }

    #[test]
    fn manual_monotonic_time_moves_without_the_wall_clock() {
        let clock = ManualClock::starting_at(NOON);
        clock.set_monotonic(Duration::from_secs(9));
        assert_eq!((clock.wall(), clock.monotonic()), (NOON, Duration::from_secs(9)));
    }

    #[tokio::test(start_paused = true)]
    async fn the_simulated_clock_follows_sleeps_of_the_runtime() {
        let clock = SimulatedClock::starting_at(NOON);
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(clock.monotonic(), Duration::from_secs(60));
        assert_eq!(clock.wall(), NOON.plus(Duration::from_secs(60)));
        clock.set_wall(NOON);
        assert_eq!((clock.wall(), clock.monotonic()), (NOON, Duration::from_secs(60)));
    }

    #[test]
    fn the_system_clock_shows_this_century_and_never_moves_back() {
        let clock = SystemClock::new();
        let earlier = clock.monotonic();
        assert!(clock.wall() > Timestamp::from_millis(1_700_000_000_000));
        assert!(clock.monotonic() >= earlier);
    }
}
