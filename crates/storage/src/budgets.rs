//! The token buckets of a group's shards, kept by its leader (D6).

use anabranch_limiter::{Consumed, Exceeded, ShardBudget, ShardLimits};
use anabranch_shard::ShardNo;
use parking_lot::{Mutex, MutexGuard};
use std::collections::HashMap;
use std::time::Duration;

/// Budgets of the shards that were used in this term. `now` is time since node start.
pub(crate) struct Budgets {
    limits: Option<ShardLimits>,
    of_term: Mutex<OfTerm>,
}

/// Another term means that another replica may have led meanwhile: its budgets are worth nothing.
#[derive(Default)]
struct OfTerm {
    term: u64,
    by_shard: HashMap<ShardNo, ShardBudget>,
}

impl Budgets {
    /// None lifts all limits.
    pub fn new(limits: Option<ShardLimits>) -> Self {
        Budgets { limits, of_term: Mutex::default() }
    }

    fn of_term(&self, term: u64) -> MutexGuard<'_, OfTerm> {
        let mut of_term = self.of_term.lock();
        if of_term.term < term {
            *of_term = OfTerm { term, by_shard: HashMap::new() };
        }
        of_term
    }

    /// Whether `shard` has limits and no budget in this term yet: what it took lately is to be
    /// read back first.
    pub fn lacks(&self, term: u64, shard: ShardNo) -> bool {
        self.limits.is_some() && !self.of_term(term).by_shard.contains_key(&shard)
    }

    /// Begins a shard's budget with what it took lately, unless it has one by now.
    pub fn begin(&self, term: u64, shard: ShardNo, consumed: Vec<Consumed>, now: Duration) {
        if let Some(limits) = &self.limits {
            let rebuilt = || ShardBudget::rebuilt(limits, consumed, now);
            self.of_term(term).by_shard.entry(shard).or_insert_with(rebuilt);
        }
    }

    /// Admits records of one shard, each for itself, in order: a record that does not fit is
    /// refused and the next is asked. `sizes` are data and key bytes.
    pub fn admit_writes(
        &self,
        shard: ShardNo,
        sizes: impl Iterator<Item = u64>,
        now: Duration,
    ) -> Vec<Result<(), Exceeded>> {
        let Some(limits) = &self.limits else { return sizes.map(|_| Ok(())).collect() };
        let mut of_term = self.of_term.lock();
        let budget = of_term.by_shard.entry(shard).or_insert_with(|| ShardBudget::new(limits, now));
        sizes.map(|bytes| budget.admit_write(bytes, 1, now)).collect()
    }

    /// Charges a write that an earlier try may have made, whatever is left; may go into debt.
    pub fn charge_writes(&self, shard: ShardNo, bytes: u64, records: u64, now: Duration) {
        let Some(limits) = &self.limits else { return };
        let mut of_term = self.of_term.lock();
        let budget = of_term.by_shard.entry(shard).or_insert_with(|| ShardBudget::new(limits, now));
        budget.charge_write(bytes, records, now);
    }

    /// Gives back what a write that certainly did not happen had taken.
    pub fn refund_writes(&self, shard: ShardNo, bytes: u64, records: u64) {
        if let Some(budget) = self.of_term.lock().by_shard.get_mut(&shard) {
            budget.refund_write(bytes, records);
        }
    }

    /// Admits one read call.
    pub fn admit_read(&self, shard: ShardNo, now: Duration) -> Result<(), Exceeded> {
        let Some(limits) = &self.limits else { return Ok(()) };
        let mut of_term = self.of_term.lock();
        let budget = of_term.by_shard.entry(shard).or_insert_with(|| ShardBudget::new(limits, now));
        budget.admit_read_call(now)
    }

    /// Admits one read of a follower.
    pub fn admit_following_read(&self, shard: ShardNo, now: Duration) -> Result<(), Exceeded> {
        let Some(limits) = &self.limits else { return Ok(()) };
        let mut of_term = self.of_term.lock();
        let budget = of_term.by_shard.entry(shard).or_insert_with(|| ShardBudget::new(limits, now));
        budget.admit_following_read(now)
    }

    /// Charges what a read call has answered; may go into debt.
    pub fn charge_read(&self, shard: ShardNo, bytes: u64, now: Duration) {
        if let Some(budget) = self.of_term.lock().by_shard.get_mut(&shard) {
            budget.charge_read_bytes(bytes, now);
        }
    }

    /// Forgets shards that are gone.
    pub fn retain(&self, exists: impl Fn(ShardNo) -> bool) {
        self.of_term.lock().by_shard.retain(|shard, _| exists(*shard));
    }
}
