//! How long to wait before the next attempt: doubling, bounded, and spread at random so that
//! many waiters do not come back together.
//!
//! Pure: it neither sleeps nor counts time; the caller does (`Env::sleep`).

use crate::Random;
use std::time::Duration;

/// The limits of a [`Backoff`]. `first <= longest`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackoffLimits {
    /// The wait after the first failure, before it is spread.
    pub first: Duration,
    /// No wait is longer.
    pub longest: Duration,
    /// How many waits are granted before [`Backoff::next_wait`] gives up; none for no end.
    pub waits_max: Option<u32>,
}

/// The waits of one retried action.
#[derive(Debug, Clone)]
pub struct Backoff {
    limits: BackoffLimits,
    /// Waits granted since the start or the last success.
    granted: u32,
}

impl Backoff {
    /// A backoff before its first failure.
    ///
    /// # Panics
    /// When `limits.first` is zero or longer than `limits.longest`: limits come from code,
    /// not from input.
    pub fn new(limits: BackoffLimits) -> Self {
        assert!(!limits.first.is_zero(), "the first wait is zero");
        assert!(limits.first <= limits.longest, "first {:?} > longest {:?}", limits.first, limits.longest);
        Backoff { limits, granted: 0 }
    }

    /// The wait after one more failure, drawn from the upper half of the doubled span; none
    /// when all waits are used up.
    pub fn next_wait(&mut self, random: &dyn Random) -> Option<Duration> {
        if self.limits.waits_max.is_some_and(|waits_max| self.granted >= waits_max) {
            return None;
        }
        let factor = 2u32.checked_pow(self.granted).unwrap_or(u32::MAX);
        let span = self.limits.first.saturating_mul(factor).min(self.limits.longest);
        self.granted = self.granted.saturating_add(1);
        Some(spread(span, random.u64()))
    }

    /// Starts over: the action succeeded.
    pub fn reset(&mut self) {
        self.granted = 0;
    }
}

/// Evenly between half of `span` and `span`, by `draw`.
fn spread(span: Duration, draw: u64) -> Duration {
    let nanos = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
    let half = nanos / 2;
    Duration::from_nanos(nanos - draw % (half + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SeededRandom;

    const LIMITS: BackoffLimits =
        BackoffLimits { first: Duration::from_millis(10), longest: Duration::from_secs(1), waits_max: None };

    #[test]
    fn each_wait_lies_in_the_upper_half_of_a_doubling_span() {
        let random = SeededRandom::new(1);
        let mut backoff = Backoff::new(LIMITS);
        for span_ms in [10, 20, 40, 80, 160, 320, 640, 1000, 1000] {
            let span = Duration::from_millis(span_ms);
            let wait = backoff.next_wait(&random).expect("no end");
            assert!(wait >= span / 2 && wait <= span, "{wait:?} of {span:?}");
        }
    }

    #[test]
    fn a_thousand_failures_never_wait_longer_than_the_limit() {
        let random = SeededRandom::new(2);
        let mut backoff = Backoff::new(LIMITS);
        for _ in 0..1000 {
            assert!(backoff.next_wait(&random) <= Some(LIMITS.longest));
        }
    }

    #[test]
    fn waits_end_where_the_limit_says_and_start_over_after_success() {
        let random = SeededRandom::new(3);
        let mut backoff = Backoff::new(BackoffLimits { waits_max: Some(2), ..LIMITS });
        assert!(backoff.next_wait(&random).is_some());
        assert!(backoff.next_wait(&random).is_some());
        assert_eq!(backoff.next_wait(&random), None);
        backoff.reset();
        assert!(backoff.next_wait(&random) <= Some(LIMITS.first));
    }

    #[test]
    fn two_waiters_do_not_come_back_together() {
        let waits = |seed| Backoff::new(LIMITS).next_wait(&SeededRandom::new(seed));
        assert_ne!(waits(4), waits(5));
    }
}
