//! When a piece arrives, by when it was said and how fast bytes pass.

use crate::link::Pace;
use std::time::Duration;
use tokio::time::Instant;

/// One direction of one connection.
#[derive(Debug)]
pub struct Pacing {
    /// When the newest piece arrives: none after it arrives before.
    last: Instant,
    random: u64,
}

impl Pacing {
    /// Begins at `now`. Equal seeds give equal jitter.
    pub fn new(now: Instant, seed: u64) -> Self {
        Pacing { last: now, random: seed }
    }

    /// When `bytes` that were said at `now` arrive: their last one counts.
    pub fn arrival(&mut self, now: Instant, bytes: usize, pace: Pace) -> Instant {
        let jitter = pace.jitter.mul_f64(self.draw());
        let takes = pace
            .bytes_per_second
            .map_or(Duration::ZERO, |rate| Duration::from_nanos((bytes as u64).saturating_mul(1_000_000_000) / rate));
        self.last = self.last.max(now + pace.delay + jitter) + takes;
        self.last
    }

    /// Between 0 and 1. Source: SplitMix64 by Sebastiano Vigna, in the public domain.
    fn draw(&mut self) -> f64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        (mixed >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroU64;

    const MS: Duration = Duration::from_millis(1);

    #[tokio::test(start_paused = true)]
    async fn a_delay_is_the_same_for_all_and_a_rate_adds_up() {
        let now = Instant::now();
        let mut pacing = Pacing::new(now, 1);
        let delayed = Pace { delay: 10 * MS, ..Pace::default() };
        assert_eq!(pacing.arrival(now, 1000, delayed), now + 10 * MS);
        assert_eq!(pacing.arrival(now + MS, 1000, delayed), now + 11 * MS);
        let narrow = Pace { bytes_per_second: NonZeroU64::new(100_000), ..delayed };
        assert_eq!(pacing.arrival(now + 2 * MS, 1000, narrow), now + 22 * MS);
        assert_eq!(pacing.arrival(now + 2 * MS, 1000, narrow), now + 32 * MS);
    }

    #[tokio::test(start_paused = true)]
    async fn jitter_stays_in_its_bounds_and_nothing_overtakes() {
        let now = Instant::now();
        let mut pacing = Pacing::new(now, 7);
        let pace = Pace { delay: 5 * MS, jitter: 20 * MS, ..Pace::default() };
        let (mut last, mut latest) = (now, now);
        for _ in 0..1000 {
            let arrival = pacing.arrival(now, 1, pace);
            assert!(arrival >= last && arrival >= now + 5 * MS && arrival <= now + 25 * MS);
            (last, latest) = (arrival, latest.max(arrival));
        }
        assert!(latest > now + 20 * MS, "a thousand draws come near the bound");
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_after_a_delay_is_lifted_waits_for_what_came_before() {
        let now = Instant::now();
        let mut pacing = Pacing::new(now, 1);
        pacing.arrival(now, 1, Pace { delay: 50 * MS, ..Pace::default() });
        assert_eq!(pacing.arrival(now, 1, Pace::default()), now + 50 * MS);
    }
}
