//! Wall-clock time as the protocol prints it: milliseconds since 1970-01-01 UTC.

use std::fmt;
use std::time::Duration;

/// Milliseconds since the Unix epoch. Records' arrival times have this precision
/// (Source: AWS GetRecords, ApproximateArrivalTimestamp).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The Unix epoch itself.
    pub const EPOCH: Timestamp = Timestamp(0);

    /// `millis` since the Unix epoch.
    pub const fn from_millis(millis: u64) -> Self {
        Timestamp(millis)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Whole seconds since the Unix epoch, rounded down.
    pub const fn as_secs(self) -> u64 {
        self.0 / 1000
    }

    /// This instant moved back by `span`, at the earliest the epoch.
    pub const fn minus(self, span: Duration) -> Timestamp {
        Timestamp(self.0.saturating_sub(span.as_millis() as u64))
    }

    /// This instant moved forward by `span`.
    pub const fn plus(self, span: Duration) -> Timestamp {
        Timestamp(self.0.saturating_add(span.as_millis() as u64))
    }

    /// Milliseconds from `earlier` to here, 0 when `earlier` is later.
    pub const fn millis_since(self, earlier: Timestamp) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for Timestamp {
    /// Seconds with three decimals, as AWS JSON prints times.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1000, self.0 % 1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_prints_seconds_with_three_decimals() {
        assert_eq!(Timestamp::from_millis(1_742_000_000_045).to_string(), "1742000000.045");
    }

    #[test]
    fn going_back_stops_at_the_epoch() {
        assert_eq!(Timestamp::from_millis(5).minus(Duration::from_secs(1)), Timestamp::EPOCH);
    }
}
