//! Spreads what is pulled over time, so that it stays below a rate.
//!
//! No burst: a piece begins when the ones before have had their time. Waiting is the caller's.

use parking_lot::Mutex;
use std::num::NonZeroU64;
use std::time::Duration;
use tokio::time::Instant;

/// One rate for all who share it.
pub(crate) struct Pace {
    bytes_per_second: Option<NonZeroU64>,
    /// When the next piece may begin.
    next: Mutex<Option<Instant>>,
}

impl Pace {
    pub(crate) fn new(bytes_per_second: Option<NonZeroU64>) -> Self {
        Pace { bytes_per_second, next: Mutex::new(None) }
    }

    /// Takes the next `bytes` and says how long to wait before they begin.
    pub(crate) fn take(&self, bytes: u64, now: Instant) -> Duration {
        let Some(rate) = self.bytes_per_second else { return Duration::ZERO };
        let mut next = self.next.lock();
        let begin = next.map_or(now, |next| next.max(now));
        *next = Some(begin + Duration::from_secs_f64(bytes as f64 / rate.get() as f64));
        begin - now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_follow_each_other_at_the_rate_and_a_pause_earns_nothing() {
        let pace = Pace::new(NonZeroU64::new(1000));
        let start = Instant::now();
        assert_eq!(pace.take(500, start), Duration::ZERO);
        assert_eq!(pace.take(500, start), Duration::from_millis(500));
        assert_eq!(pace.take(500, start), Duration::from_millis(1000));
        let later = start + Duration::from_secs(60);
        assert_eq!(pace.take(500, later), Duration::ZERO);
        assert_eq!(pace.take(500, later), Duration::from_millis(500));
    }

    #[test]
    fn without_a_rate_nothing_waits() {
        let pace = Pace::new(None);
        assert_eq!((pace.take(1 << 40, Instant::now()), pace.take(1, Instant::now())), Default::default());
    }
}
