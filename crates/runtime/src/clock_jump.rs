//! Whether the wall clock can be trusted to expire data (D5).
//!
//! The wall clock and the monotonic clock advance together; when their difference changes by
//! more than [`JUMP_TOLERATED`], somebody set the wall clock. Trimming is suspended until the
//! clock is set back or has run steadily for [`SETTLED_AFTER`].
//! Pure: the caller reads the clocks. It cannot tell which of two wall times is right, nor
//! see a jump that happened while the node was down.

use anabranch_types::Timestamp;
use std::time::Duration;

/// The largest jump that is ignored. Source: D5.
pub const JUMP_TOLERATED: Duration = Duration::from_secs(60);
/// How long a wall clock must run steadily after a jump before it is trusted again.
pub const SETTLED_AFTER: Duration = Duration::from_secs(600);
/// How far a steady clock may stray while it settles: corrections of a time daemon.
pub const STRAY_TOLERATED: Duration = Duration::from_secs(1);
/// Time daemons slew by at most half of this, so the trusted difference follows at this rate
/// and small steps still add up to a jump. Source: adjtimex(2), 500 parts per million.
const DRIFT_FOLLOWED_MILLIONTHS: u128 = 1_000;

/// How a wall clock moved against the monotonic clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Jump {
    /// It shows later than it should, by so much.
    Forward(Duration),
    /// It shows earlier than it should, by so much.
    Backward(Duration),
}

/// The trusted difference follows so often at most: each step is at least a millisecond, which
/// must stay within the rate however often the clock is read.
const FOLLOW_EVERY: Duration = Duration::from_secs(1);

/// Verdict over the wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// The wall clock runs with the monotonic clock.
    Steady,
    /// It jumped and has not settled; nothing is to be trimmed by it.
    Suspended {
        /// How far it is from where it was trusted.
        jump: Jump,
    },
}

/// Watches the difference between the wall clock and the monotonic clock.
#[derive(Debug, Default)]
pub struct ClockJump {
    watch: Option<Watch>,
}

#[derive(Debug)]
struct Watch {
    /// Wall minus monotonic time, in milliseconds, where it was last trusted.
    trusted_millis: i128,
    /// Monotonic time up to which the trusted difference has followed.
    followed_at: Duration,
    settling: Option<Settling>,
}

/// A jumped clock that may become the trusted one. `since` is monotonic time.
#[derive(Debug)]
struct Settling {
    difference_millis: i128,
    since: Duration,
}

impl ClockJump {
    /// A watch whose first observation is trusted.
    pub fn new() -> Self {
        ClockJump::default()
    }

    /// Judges one reading of both clocks; to be called in order of `monotonic`,
    /// and every few seconds at least.
    pub fn observe(&mut self, wall: Timestamp, monotonic: Duration) -> Trust {
        let difference_millis = i128::from(wall.as_millis()) - monotonic.as_millis() as i128;
        let watch = self.watch.get_or_insert(Watch {
            trusted_millis: difference_millis,
            followed_at: monotonic,
            settling: None,
        });
        watch.observe(difference_millis, monotonic)
    }
}

impl Watch {
    fn observe(&mut self, difference_millis: i128, monotonic: Duration) -> Trust {
        let deviation_millis = difference_millis - self.trusted_millis;
        if deviation_millis.unsigned_abs() <= JUMP_TOLERATED.as_millis() {
            self.settling = None;
            let elapsed = monotonic.saturating_sub(self.followed_at);
            if elapsed >= FOLLOW_EVERY {
                self.followed_at = monotonic;
                self.follow(deviation_millis, elapsed);
            }
            return Trust::Steady;
        }
        if self.has_settled(difference_millis, monotonic) {
            self.settling = None;
            self.trusted_millis = difference_millis;
            return Trust::Steady;
        }
        Trust::Suspended { jump: Jump::of_millis(deviation_millis) }
    }

    /// Lets the trusted difference drift towards the observed one.
    fn follow(&mut self, deviation_millis: i128, elapsed: Duration) {
        let drift_millis = (elapsed.as_millis() * DRIFT_FOLLOWED_MILLIONTHS).div_ceil(1_000_000) as i128;
        self.trusted_millis += deviation_millis.clamp(-drift_millis, drift_millis);
    }

    /// Whether the jumped clock has stayed where it is for long enough; starts anew when it
    /// moved again.
    fn has_settled(&mut self, difference_millis: i128, monotonic: Duration) -> bool {
        match &self.settling {
            Some(settling)
                if (difference_millis - settling.difference_millis).unsigned_abs() <= STRAY_TOLERATED.as_millis() =>
            {
                monotonic.saturating_sub(settling.since) >= SETTLED_AFTER
            }
            Some(_) | None => {
                self.settling = Some(Settling { difference_millis, since: monotonic });
                false
            }
        }
    }
}

impl Jump {
    fn of_millis(deviation_millis: i128) -> Self {
        let span = Duration::from_millis(u64::try_from(deviation_millis.unsigned_abs()).unwrap_or(u64::MAX));
        if deviation_millis < 0 { Jump::Backward(span) } else { Jump::Forward(span) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp::from_millis(1_742_000_000_000);

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// A watch that has run steadily for 100 s from noon.
    fn steady_watch() -> ClockJump {
        let mut watch = ClockJump::new();
        for second in (0..=100).step_by(10) {
            assert_eq!(watch.observe(NOON.plus(secs(second)), secs(second)), Trust::Steady);
        }
        watch
    }

    #[test]
    fn a_jump_of_a_minute_is_ignored_and_a_longer_one_suspends() {
        let mut watch = steady_watch();
        assert_eq!(watch.observe(NOON.plus(secs(160)), secs(100)), Trust::Steady);
        let verdict = watch.observe(NOON.plus(secs(171)), secs(110));
        assert!(matches!(verdict, Trust::Suspended { jump: Jump::Forward(_) }), "{verdict:?}");
    }

    #[test]
    fn a_jump_backwards_suspends_too() {
        let mut watch = steady_watch();
        let jump = Jump::Backward(secs(3600));
        assert_eq!(watch.observe(NOON.plus(secs(110)).minus(secs(3600)), secs(110)), Trust::Suspended { jump });
    }

    #[test]
    fn small_steps_add_up_to_a_jump() {
        let mut watch = steady_watch();
        assert_eq!(watch.observe(NOON.plus(secs(110 + 50)), secs(110)), Trust::Steady);
        let verdict = watch.observe(NOON.plus(secs(120 + 100)), secs(120));
        assert!(matches!(verdict, Trust::Suspended { .. }), "{verdict:?}");
    }

    #[test]
    fn slow_drift_is_followed_for_ever() {
        let mut watch = ClockJump::new();
        for step in 0..100_000u64 {
            let slewed = Duration::from_millis(step * 10_005);
            assert_eq!(watch.observe(NOON.plus(slewed), secs(step * 10)), Trust::Steady);
        }
    }

    #[test]
    fn a_clock_that_is_set_back_is_trusted_at_once() {
        let mut watch = steady_watch();
        assert_ne!(watch.observe(NOON.plus(secs(10_000)), secs(110)), Trust::Steady);
        assert_eq!(watch.observe(NOON.plus(secs(120)), secs(120)), Trust::Steady);
    }

    #[test]
    fn a_jumped_clock_is_trusted_again_after_it_ran_steadily() {
        let mut watch = steady_watch();
        let ahead = secs(86_400);
        for second in (110..110 + SETTLED_AFTER.as_secs()).step_by(10) {
            let verdict = watch.observe(NOON.plus(ahead + secs(second)), secs(second));
            assert_eq!(verdict, Trust::Suspended { jump: Jump::Forward(ahead) }, "at {second}");
        }
        let settled = secs(110) + SETTLED_AFTER;
        assert_eq!(watch.observe(NOON.plus(ahead + settled), settled), Trust::Steady);
    }

    #[test]
    fn a_second_jump_starts_the_settling_anew() {
        let mut watch = steady_watch();
        assert_ne!(watch.observe(NOON.plus(secs(10_000)), secs(110)), Trust::Steady);
        assert_ne!(watch.observe(NOON.plus(secs(20_000)), secs(700)), Trust::Steady);
        assert_ne!(watch.observe(NOON.plus(secs(20_020)), secs(720)), Trust::Steady);
        assert_eq!(watch.observe(NOON.plus(secs(20_600)), secs(1300)), Trust::Steady);
    }
}
