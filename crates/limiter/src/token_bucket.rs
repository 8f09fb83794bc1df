//! Token bucket: admits work at a steady rate, with a burst of one second and with debt.
//!
//! One bucket guards one dimension (bytes, records or calls) of one shard;
//! `shard_budget.rs` combines them. A request is admitted while the balance is positive and
//! may drive it far below zero: a record of 10 MiB passes a bucket of 1 MiB/s and is then paid
//! off before anything else passes (D6).

use std::num::NonZeroU64;
use std::time::Duration;

/// Micro-units in a unit: a rate of n units per second earns n micro-units per microsecond,
/// so refilling never rounds.
const MICRO: i128 = 1_000_000;

/// Units available now, and how fast they come back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenBucket {
    /// Also the most that `balance` reaches, in units: the burst is one second.
    units_per_second: NonZeroU64,
    /// Micro-units; below zero it is debt.
    balance: i64,
    /// Whole microseconds of node time up to which refill is credited. Never moves back.
    credited_until_us: u64,
}

/// The bucket is empty or in debt; a request is admitted again after `retry_after`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("rate exceeded, retry after {retry_after:?}")]
pub struct RateExceeded {
    /// How long until the balance is positive, if nothing else is charged meanwhile.
    pub retry_after: Duration,
}

impl TokenBucket {
    /// A full bucket.
    pub fn new(units_per_second: NonZeroU64, now: Duration) -> Self {
        let mut bucket = TokenBucket::empty(units_per_second, now);
        bucket.balance = bucket.capacity();
        bucket
    }

    /// A bucket with nothing in it and no debt.
    pub(crate) fn empty(units_per_second: NonZeroU64, now: Duration) -> Self {
        TokenBucket { units_per_second, balance: 0, credited_until_us: micros(now) }
    }

    /// Takes `units` when the balance is positive, be it less than `units`.
    ///
    /// # Errors
    /// [`RateExceeded`] when the balance is zero or in debt at `now`; nothing is taken.
    pub fn admit(&mut self, units: u64, now: Duration) -> Result<(), RateExceeded> {
        self.ready(now)?;
        self.charge(units, now);
        Ok(())
    }

    /// Whether [`admit`](Self::admit) would take a request at `now`.
    ///
    /// # Errors
    /// [`RateExceeded`] when it would not.
    pub fn ready(&mut self, now: Duration) -> Result<(), RateExceeded> {
        self.refill(now);
        if self.balance > 0 { Ok(()) } else { Err(RateExceeded { retry_after: self.time_until_positive() }) }
    }

    /// Takes `units` whatever the balance: the work is done already.
    pub fn charge(&mut self, units: u64, now: Duration) {
        self.refill(now);
        self.balance = clamped(i128::from(self.balance) - i128::from(units) * MICRO);
    }

    /// Gives `units` back that were taken for work that was not done.
    pub fn refund(&mut self, units: u64) {
        let balance = clamped(i128::from(self.balance) + i128::from(units) * MICRO);
        self.balance = balance.min(self.capacity());
    }

    /// Lets `elapsed` pass without moving the bucket's own time: for replaying the past.
    pub(crate) fn earn(&mut self, elapsed: Duration) {
        self.credit(micros(elapsed));
    }

    fn refill(&mut self, now: Duration) {
        let now_us = micros(now);
        if now_us > self.credited_until_us {
            self.credit(now_us - self.credited_until_us);
            self.credited_until_us = now_us;
        }
    }

    fn credit(&mut self, elapsed_us: u64) {
        let earned = i128::from(elapsed_us).saturating_mul(i128::from(self.units_per_second.get()));
        self.balance = clamped(earned.saturating_add(i128::from(self.balance))).min(self.capacity());
    }

    fn capacity(&self) -> i64 {
        clamped(i128::from(self.units_per_second.get()) * MICRO)
    }

    /// Callers hold `balance <= 0`.
    fn time_until_positive(&self) -> Duration {
        let missing = self.balance.unsigned_abs().saturating_add(1);
        Duration::from_micros(missing.div_ceil(self.units_per_second.get()))
    }
}

/// Past 292,000 years of node time the bucket stands still.
fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

fn clamped(value: i128) -> i64 {
    value.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bucket(rate: u64) -> TokenBucket {
        TokenBucket::new(NonZeroU64::new(rate).expect("above 0"), Duration::ZERO)
    }

    #[test]
    fn a_full_bucket_admits_more_than_it_holds_and_then_pays_off() {
        let mut bucket = bucket(1_000);
        assert_eq!(bucket.admit(10_000, Duration::ZERO), Ok(()));
        let refusal = bucket.admit(1, Duration::ZERO).expect_err("in debt");
        assert_eq!(refusal.retry_after, Duration::from_micros(9_000_001));
        assert!(bucket.admit(1, Duration::from_secs(9)).is_err());
        assert_eq!(bucket.admit(1, refusal.retry_after), Ok(()));
    }

    #[test]
    fn a_bucket_never_holds_more_than_one_second() {
        let mut bucket = bucket(10);
        bucket.charge(0, Duration::from_secs(1_000));
        for _ in 0..10 {
            assert_eq!(bucket.admit(1, Duration::from_secs(1_000)), Ok(()));
        }
        assert!(bucket.admit(1, Duration::from_secs(1_000)).is_err());
    }

    #[test]
    fn a_refund_gives_back_what_was_taken_and_no_more_than_the_burst() {
        let mut full = bucket(10);
        full.refund(1_000);
        assert_eq!(full, bucket(10));
        full.charge(30, Duration::ZERO);
        full.refund(30);
        assert_eq!(full, bucket(10));
    }

    #[test]
    fn time_that_runs_back_earns_nothing() {
        let mut bucket = bucket(10);
        bucket.charge(20, Duration::from_secs(5));
        bucket.charge(0, Duration::from_secs(1));
        assert!(bucket.ready(Duration::from_secs(6)).is_err());
        assert!(bucket.ready(Duration::from_micros(6_000_001)).is_ok());
    }

    #[test]
    fn the_largest_rates_and_charges_neither_wrap_nor_panic() {
        let mut bucket = bucket(u64::MAX);
        bucket.charge(u64::MAX, Duration::MAX);
        bucket.charge(u64::MAX, Duration::MAX);
        assert!(bucket.ready(Duration::MAX).is_err());
        bucket.refund(u64::MAX);
    }

    proptest! {
        #[test]
        fn many_small_steps_credit_as_much_as_one_big_step(
            rate in 1u64..5_000_000, debt in 0u64..50_000_000, steps in prop::collection::vec(0u64..2_000_000_000, 1..50),
        ) {
            let (mut small, mut big) = (bucket(rate), bucket(rate));
            small.charge(debt, Duration::ZERO);
            big.charge(debt, Duration::ZERO);
            let mut now = Duration::ZERO;
            for step in steps {
                now += Duration::from_nanos(step);
                small.charge(0, now);
            }
            big.charge(0, now);
            prop_assert_eq!(small, big);
        }

        #[test]
        fn accepted_in_any_window_stays_within_burst_rate_and_one_request(
            rate in 1u64..100_000,
            requests in prop::collection::vec((0u64..3_000_000, 0u64..400_000), 1..80),
        ) {
            let mut bucket = bucket(rate);
            let mut now_us = 0;
            let mut accepted = Vec::new();
            for (pause_us, units) in requests {
                now_us += pause_us;
                if bucket.admit(units, Duration::from_micros(now_us)).is_ok() {
                    accepted.push((now_us, units));
                }
            }
            for first in 0..accepted.len() {
                let mut sum = 0u128;
                for (at, units) in &accepted[first..] {
                    sum += u128::from(*units) * 1_000_000;
                    let window_us = u128::from(at - accepted[first].0);
                    let bound = u128::from(rate) * (1_000_000 + window_us) + u128::from(*units) * 1_000_000;
                    prop_assert!(sum <= bound, "{} > {}", sum, bound);
                }
            }
        }

        #[test]
        fn a_refusal_says_when_the_next_request_is_admitted(rate in 1u64..1_000_000, debt in 1u64..100_000_000) {
            let mut bucket = bucket(rate);
            bucket.charge(rate + debt, Duration::ZERO);
            let RateExceeded { retry_after } = bucket.ready(Duration::ZERO).expect_err("in debt");
            prop_assert!(bucket.clone().ready(retry_after - Duration::from_micros(1)).is_err());
            prop_assert!(bucket.ready(retry_after).is_ok());
        }
    }
}
