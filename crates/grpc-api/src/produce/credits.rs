//! What a client may send ahead: it bounds the memory of one produce stream (D16).
//!
//! Both sides add up alike: what was granted, less what was sent.

use anabranch_proto::v1::ProduceCredits;

/// The credits of one stream. `free + spent + owed` is what was given in the beginning.
#[derive(Debug)]
pub(super) struct Credits {
    records: Account,
    bytes: Account,
}

#[derive(Debug)]
struct Account {
    limit: u64,
    /// Granted and not spent. Below zero after a batch above the limit.
    free: i128,
    /// Come back and not granted again yet.
    owed: u64,
}

/// The client sent more than it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a batch of {records} records and {bytes} bytes, with credits for {free_records} and {free_bytes}")]
pub(super) struct Overdrawn {
    records: u64,
    bytes: u64,
    free_records: i128,
    free_bytes: i128,
}

impl Credits {
    /// All is owed: the first grant gives it.
    pub fn new(records: u64, bytes: u64) -> Self {
        let account = |limit| Account { limit, free: 0, owed: limit };
        Credits { records: account(records), bytes: account(bytes) }
    }

    /// Takes what a batch costs. A batch of more bytes than there can ever be credits for passes
    /// while no bytes are outstanding.
    pub fn spend(&mut self, records: u64, bytes: u64) -> Result<(), Overdrawn> {
        let fits = |account: &Account, cost: u64| i128::from(cost) <= account.free;
        let alone = self.bytes.free == i128::from(self.bytes.limit);
        if !fits(&self.records, records) || !(alone || fits(&self.bytes, bytes)) {
            let (free_records, free_bytes) = (self.records.free, self.bytes.free);
            return Err(Overdrawn { records, bytes, free_records, free_bytes });
        }
        self.records.free -= i128::from(records);
        self.bytes.free -= i128::from(bytes);
        Ok(())
    }

    /// Records and bytes that are not in memory any more.
    pub fn come_back(&mut self, records: u64, bytes: u64) {
        self.records.owed += records;
        self.bytes.owed += bytes;
    }

    /// Whether there is something to grant.
    pub fn owes(&self) -> bool {
        self.records.owed > 0 || self.bytes.owed > 0
    }

    /// Grants all that came back; none when nothing did.
    pub fn grant(&mut self) -> Option<ProduceCredits> {
        if !self.owes() {
            return None;
        }
        let grant = |account: &mut Account| {
            let granted = std::mem::take(&mut account.owed);
            account.free += i128::from(granted);
            granted
        };
        Some(ProduceCredits { records: grant(&mut self.records), bytes: grant(&mut self.bytes) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn granted(records: u64, bytes: u64) -> Credits {
        let mut credits = Credits::new(records, bytes);
        assert_eq!(credits.grant(), Some(ProduceCredits { records, bytes }));
        credits
    }

    #[test]
    fn nothing_may_be_sent_before_the_first_grant() {
        assert!(Credits::new(10, 100).spend(1, 0).is_err());
    }

    #[test]
    fn a_batch_needs_credits_of_both_kinds() {
        let mut credits = granted(10, 100);
        assert_eq!(credits.spend(4, 60), Ok(()));
        assert!(credits.spend(7, 1).is_err());
        let refused = credits.spend(1, 41).expect_err("41 of 40 bytes");
        assert_eq!(refused.to_string(), "a batch of 1 records and 41 bytes, with credits for 6 and 40");
        assert_eq!(credits.spend(6, 40), Ok(()));
    }

    #[test]
    fn a_batch_above_the_limit_passes_alone() {
        let mut credits = granted(10, 100);
        assert_eq!(credits.spend(1, 1_000), Ok(()));
        assert!(credits.spend(1, 0).is_err(), "it has to be paid off first");
        credits.come_back(1, 1_000);
        assert_eq!(credits.grant(), Some(ProduceCredits { records: 1, bytes: 1_000 }));
        assert_eq!(credits.spend(1, 100), Ok(()));
        assert!(credits.spend(1, 1_000).is_err(), "not alone any more");
    }

    proptest! {
        #[test]
        fn what_is_outstanding_never_exceeds_the_limit_or_one_batch(
            batches in proptest::collection::vec((1u64..20, 0u64..300, any::<bool>()), 1..100)
        ) {
            let mut credits = granted(50, 200);
            let mut open: Vec<(u64, u64)> = Vec::new();
            for (records, bytes, answers) in batches {
                if credits.spend(records, bytes).is_ok() {
                    open.push((records, bytes));
                }
                let total = open.iter().fold((0, 0), |sum, batch| (sum.0 + batch.0, sum.1 + batch.1));
                prop_assert!(total.0 <= 50);
                prop_assert!(total.1 <= 200 || open.iter().filter(|batch| batch.1 > 0).count() == 1, "{:?}", open);
                if answers && !open.is_empty() {
                    let (records, bytes) = open.remove(0);
                    credits.come_back(records, bytes);
                    prop_assert!(credits.grant().is_some());
                }
            }
        }
    }
}
