//! Whether a record that a client names by its sequence number can have arrived.
//!
//! Does not say whether the number is of the stream or the shard that is asked for.

use anabranch_types::{Counter, SequenceNumber, Timestamp};
use std::time::Duration;

/// How far a record's arrival can be ahead of this gateway's clock: a leader's clock is at most 5 s
/// before the peers' median and a gateway's at most 5 s behind it, and a shard's arrivals never go
/// back, so they stay ahead after a leader with a slower clock took over. Source: D5 of the design.
const ARRIVAL_AHEAD_MAX: Duration = Duration::from_secs(10);

/// Whether `number` may have been handed out by `now`. The starting and the ending number of a
/// shard stand for no record and are not judged by their time: a shard's create second can run
/// ahead of every clock.
pub(crate) fn has_arrived(number: SequenceNumber, now: Timestamp) -> bool {
    let of_no_record = number.counter == Counter::ZERO || number.counter == Counter::END;
    of_no_record || number.arrival_s <= now.plus(ARRIVAL_AHEAD_MAX).as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use anabranch_types::{ShardEpoch, ShardId};

    const NOW: Timestamp = Timestamp::from_millis(1_742_000_000_999);

    fn number(counter: Counter, ahead_s: u64) -> SequenceNumber {
        let epoch = ShardEpoch { created_s: 1_741_000_000, shard: ShardId(0) };
        SequenceNumber { epoch, counter, arrival_s: NOW.as_secs() + ahead_s }
    }

    #[test]
    fn a_record_may_have_arrived_by_a_clock_that_is_ten_seconds_ahead() {
        let arrived = |ahead_s| has_arrived(number(Counter::new(0, 7, 0), ahead_s), NOW);
        assert!(arrived(0) && arrived(10));
        assert!(!arrived(11));
    }

    #[test]
    fn the_ends_of_a_shard_need_not_have_arrived() {
        assert!(has_arrived(number(Counter::ZERO, 500), NOW));
        assert!(has_arrived(number(Counter::END, 500), NOW));
    }
}
