//! Wall time that does not follow a clock that jumped, until the clock has settled.
//!
//! What is stamped on records and requests outlives the jump: an arrival in the future holds
//! back expiry, and a request issued in the future makes later ones look old (D5).

use crate::{Clock, ClockJump, Trust};
use anabranch_types::Timestamp;
use parking_lot::Mutex;
use std::time::Duration;

/// Reads both clocks; shared by everything on a node that stamps times.
#[derive(Debug, Default)]
pub struct TrustedWall(Mutex<Reading>);

#[derive(Debug, Default)]
struct Reading {
    jumps: ClockJump,
    /// Wall and monotonic time when the wall clock was last trusted.
    trusted: Option<(Timestamp, Duration)>,
}

impl TrustedWall {
    /// The first reading is trusted.
    pub fn new() -> Self {
        TrustedWall::default()
    }

    /// The wall clock's time while it is trusted; else the time it would show had it run on.
    pub fn now(&self, clock: &dyn Clock) -> Timestamp {
        let mut reading = self.0.lock();
        // Both under the lock: the watch wants them in order.
        let (wall, monotonic) = (clock.wall(), clock.monotonic());
        match (reading.jumps.observe(wall, monotonic), reading.trusted) {
            (Trust::Suspended { .. }, Some((trusted, at))) => trusted.plus(monotonic.saturating_sub(at)),
            (Trust::Suspended { .. }, None) | (Trust::Steady, _) => {
                reading.trusted = Some((wall, monotonic));
                wall
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SimulatedClock;

    const START: Timestamp = Timestamp::from_millis(1_742_000_000_000);

    #[tokio::test(start_paused = true)]
    async fn a_jump_is_not_followed_until_the_clock_has_settled() {
        let (clock, wall) = (SimulatedClock::starting_at(START), TrustedWall::new());
        assert_eq!(wall.now(&clock), START);
        clock.set_wall(START.plus(Duration::from_secs(86_400)));
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(wall.now(&clock), START.plus(Duration::from_secs(5)));
        for _ in 0..200 {
            tokio::time::advance(Duration::from_secs(5)).await;
            wall.now(&clock);
        }
        assert_eq!(wall.now(&clock), clock.wall(), "a clock that stays where it was set is right");
    }
}
