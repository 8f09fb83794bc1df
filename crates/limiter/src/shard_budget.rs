//! The four buckets of one shard, asked together.

use crate::shard_limits::ShardLimits;
use crate::token_bucket::{RateExceeded, TokenBucket};
use std::fmt;
use std::num::NonZeroU64;
use std::time::Duration;

/// Which of a shard's limits is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Bucket {
    /// Bytes written.
    WriteBytes,
    /// Records written.
    WriteRecords,
    /// Bytes read.
    ReadBytes,
    /// Read calls.
    ReadCalls,
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Bucket::WriteBytes => "write bytes per second",
            Bucket::WriteRecords => "write records per second",
            Bucket::ReadBytes => "read bytes per second",
            Bucket::ReadCalls => "read calls per second",
        })
    }
}

/// A limit of the shard is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{bucket} exceeded, retry after {retry_after:?}")]
pub struct Exceeded {
    /// The limit; the one that takes longest when several are used up.
    pub bucket: Bucket,
    /// When the same request is admitted, if nothing else is charged meanwhile.
    pub retry_after: Duration,
}

/// What a shard took and gave at one moment of the past.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Consumed {
    /// How long ago.
    pub ago: Duration,
    /// Bytes written.
    pub write_bytes: u64,
    /// Records written.
    pub write_records: u64,
    /// Bytes read.
    pub read_bytes: u64,
    /// Read calls.
    pub read_calls: u64,
}

/// What one shard may still take and give now (I8). Lives in its leader's memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardBudget {
    write_bytes: TokenBucket,
    write_records: TokenBucket,
    read_bytes: TokenBucket,
    read_calls: TokenBucket,
}

impl ShardBudget {
    /// A budget with nothing used.
    pub fn new(limits: &ShardLimits, now: Duration) -> Self {
        ShardBudget::of(limits, |rate| TokenBucket::new(rate, now))
    }

    /// How far back consumption matters to [`ShardBudget::rebuilt`]: one second fills a bucket, the
    /// next one is what it may have been used in.
    pub const LOOKS_BACK: Duration = Duration::from_secs(2);

    /// The budget of a shard whose leader changed, of what it took within [`ShardBudget::LOOKS_BACK`],
    /// oldest first.
    ///
    /// What was left before is not known, and nothing is assumed. So a shard that is used to its limit
    /// does not get a burst from each leader (I8), and one that was idle for a second within that time
    /// is as if this node had admitted `consumed` itself. Debt that is older is forgiven.
    pub fn rebuilt(limits: &ShardLimits, consumed: impl IntoIterator<Item = Consumed>, now: Duration) -> Self {
        let mut budget = ShardBudget::of(limits, |rate| TokenBucket::empty(rate, now));
        let mut ago = ShardBudget::LOOKS_BACK;
        for event in consumed {
            budget.earn(ago.saturating_sub(event.ago));
            budget.write_bytes.charge(event.write_bytes, now);
            budget.write_records.charge(event.write_records, now);
            budget.read_bytes.charge(event.read_bytes, now);
            budget.read_calls.charge(event.read_calls, now);
            ago = event.ago;
        }
        budget.earn(ago);
        budget
    }

    fn of(limits: &ShardLimits, bucket: impl Fn(NonZeroU64) -> TokenBucket) -> Self {
        ShardBudget {
            write_bytes: bucket(limits.write_bytes_per_second),
            write_records: bucket(limits.write_records_per_second),
            read_bytes: bucket(limits.read_bytes_per_second),
            read_calls: bucket(limits.read_calls_per_second),
        }
    }

    /// Admits the records of one request, all or none.
    ///
    /// # Errors
    /// [`Exceeded`] when a write limit is used up; then neither bucket is charged.
    pub fn admit_write(&mut self, bytes: u64, records: u64, now: Duration) -> Result<(), Exceeded> {
        let ready =
            [(Bucket::WriteBytes, self.write_bytes.ready(now)), (Bucket::WriteRecords, self.write_records.ready(now))];
        longest_wait(ready)?;
        self.write_bytes.charge(bytes, now);
        self.write_records.charge(records, now);
        Ok(())
    }

    /// Charges a write that is let pass whatever is left, which may drive the buckets into debt.
    pub fn charge_write(&mut self, bytes: u64, records: u64, now: Duration) {
        self.write_bytes.charge(bytes, now);
        self.write_records.charge(records, now);
    }

    /// Gives back what an admitted write took, when it never reached the log.
    pub fn refund_write(&mut self, bytes: u64, records: u64) {
        self.write_bytes.refund(bytes);
        self.write_records.refund(records);
    }

    /// Admits one read call while calls are left and the bytes of earlier answers are paid.
    ///
    /// # Errors
    /// [`Exceeded`] when a read limit is used up; nothing is charged.
    pub fn admit_read_call(&mut self, now: Duration) -> Result<(), Exceeded> {
        let ready = [(Bucket::ReadBytes, self.read_bytes.ready(now)), (Bucket::ReadCalls, self.read_calls.ready(now))];
        longest_wait(ready)?;
        self.read_calls.charge(1, now);
        Ok(())
    }

    /// Admits the read of a follower, which takes no call, while the bytes of earlier answers are
    /// paid.
    ///
    /// # Errors
    /// [`Exceeded`] when the bytes are used up.
    pub fn admit_following_read(&mut self, now: Duration) -> Result<(), Exceeded> {
        let exceeded = |RateExceeded { retry_after }| Exceeded { bucket: Bucket::ReadBytes, retry_after };
        self.read_bytes.ready(now).map_err(exceeded)
    }

    /// Charges the bytes of an admitted call's answer, which may drive the bucket into debt.
    pub fn charge_read_bytes(&mut self, bytes: u64, now: Duration) {
        self.read_bytes.charge(bytes, now);
    }

    fn earn(&mut self, elapsed: Duration) {
        for bucket in [&mut self.write_bytes, &mut self.write_records, &mut self.read_bytes, &mut self.read_calls] {
            bucket.earn(elapsed);
        }
    }
}

fn longest_wait(ready: [(Bucket, Result<(), RateExceeded>); 2]) -> Result<(), Exceeded> {
    let refusals = ready.into_iter().filter_map(|(bucket, result)| {
        result.err().map(|RateExceeded { retry_after }| Exceeded { bucket, retry_after })
    });
    refusals.max_by_key(|exceeded| exceeded.retry_after).map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const START: Duration = Duration::from_secs(100);

    #[test]
    fn a_write_that_one_bucket_refuses_charges_none() {
        let mut budget = ShardBudget::new(&ShardLimits::default(), START);
        budget.admit_write(10, 2_000, START).expect("full");
        let before = budget.clone();
        let refusal = budget.admit_write(10, 1, START).expect_err("records are in debt");
        assert_eq!(refusal.bucket, Bucket::WriteRecords);
        assert_eq!(budget, before);
    }

    #[test]
    fn a_refusal_names_the_bucket_and_when_to_retry() {
        let mut budget = ShardBudget::new(&ShardLimits::default(), START);
        budget.admit_write(3 * 1024 * 1024, 1_500, START).expect("full");
        let refusal = budget.admit_write(1, 1, START).expect_err("both are in debt");
        assert_eq!(refusal.to_string(), "write bytes per second exceeded, retry after 2.000001s");
    }

    #[test]
    fn a_follower_pays_bytes_and_no_calls() {
        let mut budget = ShardBudget::new(&ShardLimits::default(), START);
        (0..100).for_each(|_| budget.admit_following_read(START).expect("no bytes were read"));
        (0..5).for_each(|_| budget.admit_read_call(START).expect("all five calls are left"));
        budget.charge_read_bytes(3 * 1024 * 1024, START);
        let refusal = budget.admit_following_read(START).expect_err("1 MiB of debt");
        assert_eq!((refusal.bucket, refusal.retry_after.as_millis()), (Bucket::ReadBytes, 500));
    }

    #[test]
    fn five_calls_a_second_are_admitted_and_a_large_answer_is_paid_off() {
        let mut budget = ShardBudget::new(&ShardLimits::default(), START);
        for _ in 0..5 {
            budget.admit_read_call(START).expect("five calls");
        }
        assert_eq!(budget.admit_read_call(START).expect_err("the sixth").bucket, Bucket::ReadCalls);
        let later = START + Duration::from_secs(1);
        budget.admit_read_call(later).expect("a second later");
        budget.charge_read_bytes(10 * 1024 * 1024, later);
        let refusal = budget.admit_read_call(later).expect_err("8 MiB of debt");
        assert_eq!(refusal.bucket, Bucket::ReadBytes);
        assert_eq!(refusal.retry_after.as_millis(), 4_000);
    }

    #[test]
    fn a_refunded_write_leaves_the_budget_as_it_was() {
        let mut budget = ShardBudget::new(&ShardLimits::default(), START);
        budget.admit_write(500, 5, START).expect("full");
        budget.refund_write(500, 5);
        assert_eq!(budget, ShardBudget::new(&ShardLimits::default(), START));
    }

    #[test]
    fn ten_thousand_budgets_take_less_than_two_mebibytes() {
        assert!(size_of::<ShardBudget>() * 10_000 < 2 * 1024 * 1024);
    }

    #[test]
    fn a_shard_that_was_idle_has_its_whole_burst_again() {
        let limits = ShardLimits::default();
        assert_eq!(ShardBudget::rebuilt(&limits, [], START), ShardBudget::new(&limits, START));
    }

    proptest! {
        #[test]
        fn a_rebuilt_budget_is_the_one_that_the_old_leader_had_if_it_was_full_a_second_ago(
            writes in prop::collection::vec((1u64..30, 0u64..300_000, 0u64..300), 1..30), rest_ms in 0u64..100,
        ) {
            let limits = ShardLimits::default();
            let mut old = ShardBudget::new(&limits, START);
            let mut now = START;
            let mut taken = Vec::new();
            for (pause_ms, bytes, records) in writes {
                now += Duration::from_millis(pause_ms);
                if old.admit_write(bytes, records, now).is_ok() {
                    taken.push((now, bytes, records));
                }
            }
            now += Duration::from_millis(rest_ms);
            let consumed = taken.iter().map(|&(at, write_bytes, write_records)| Consumed {
                ago: now - at, write_bytes, write_records, ..Consumed::default()
            });
            let new = ShardBudget::rebuilt(&limits, consumed, now);
            old.write_bytes.charge(0, now);
            old.write_records.charge(0, now);
            prop_assert_eq!(new.write_bytes, old.write_bytes);
            prop_assert_eq!(new.write_records, old.write_records);
        }

        #[test]
        fn a_shard_that_is_used_to_its_limit_gets_no_burst_from_the_next_leader(
            pauses_ms in prop::collection::vec(1u64..20, 400..600), bytes in 1_000u64..60_000,
        ) {
            let limits = ShardLimits::default();
            let mut old = ShardBudget::new(&limits, START);
            let mut now = START;
            let mut taken = Vec::new();
            for pause_ms in pauses_ms {
                now += Duration::from_millis(pause_ms);
                // More than is let in: until the next one is refused.
                while old.admit_write(bytes, 1, now).is_ok() {
                    taken.push((now, bytes));
                }
            }
            let lately = taken.iter().filter(|(at, _)| now - *at <= ShardBudget::LOOKS_BACK);
            let consumed = lately.map(|&(at, write_bytes)| Consumed {
                ago: now - at, write_bytes, write_records: 1, ..Consumed::default()
            });
            let mut new = ShardBudget::rebuilt(&limits, consumed, now);
            let mut more = 0;
            while new.admit_write(bytes, 1, now).is_ok() {
                more += 1;
            }
            // The debt of a write before that is forgiven, no more.
            prop_assert!(more <= 2, "{} writes of {} bytes", more, bytes);
        }
    }
}
