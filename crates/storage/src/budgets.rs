//! The token buckets of a group's shards, kept by its leader (D6).

use anabranch_limiter::{Exceeded, ShardBudget, ShardLimits};
use anabranch_shard::ShardNo;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::time::Duration;

/// Budgets of the shards that were used lately. `now` is time since node start.
pub(crate) struct Budgets {
    limits: Option<ShardLimits>,
    by_shard: Mutex<HashMap<ShardNo, ShardBudget>>,
}

impl Budgets {
    /// None lifts all limits.
    pub fn new(limits: Option<ShardLimits>) -> Self {
        Budgets { limits, by_shard: Mutex::new(HashMap::new()) }
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
        let mut budgets = self.by_shard.lock();
        let budget = budgets.entry(shard).or_insert_with(|| ShardBudget::new(limits, now));
        sizes.map(|bytes| budget.admit_write(bytes, 1, now)).collect()
    }

    /// Gives back what a write that certainly did not happen had taken.
    pub fn refund_writes(&self, shard: ShardNo, bytes: u64, records: u64) {
        if let Some(budget) = self.by_shard.lock().get_mut(&shard) {
            budget.refund_write(bytes, records);
        }
    }

    /// Admits one read call.
    pub fn admit_read(&self, shard: ShardNo, now: Duration) -> Result<(), Exceeded> {
        let Some(limits) = &self.limits else { return Ok(()) };
        let mut budgets = self.by_shard.lock();
        budgets.entry(shard).or_insert_with(|| ShardBudget::new(limits, now)).admit_read_call(now)
    }

    /// Charges what a read call has answered; may go into debt.
    pub fn charge_read(&self, shard: ShardNo, bytes: u64, now: Duration) {
        if let Some(budget) = self.by_shard.lock().get_mut(&shard) {
            budget.charge_read_bytes(bytes, now);
        }
    }

    /// Forgets shards that are gone.
    pub fn retain(&self, exists: impl Fn(ShardNo) -> bool) {
        self.by_shard.lock().retain(|shard, _| exists(*shard));
    }
}
