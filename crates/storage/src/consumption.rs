//! What a shard took lately, read back from what was applied: a new leader's budgets
//! begin there, so that failover neither doubles a budget nor throttles everyone (D6).

use crate::read::{run_search, store_failed};
use crate::shared::SharedState;
use anabranch_cluster::NodeError;
use anabranch_limiter::{Consumed, ShardBudget};
use anabranch_shard::ShardNo;
use anabranch_store::{Direction, Family, StoreError};
use anabranch_types::Timestamp;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::Duration;

/// How far back consumption matters.
const LOOKED_BACK: Duration = ShardBudget::LOOKS_BACK;

/// Whether anything was written to `shard` within [`LOOKED_BACK`] before `now`.
pub(crate) fn is_recent(shared: &SharedState, shard: ShardNo, now: Timestamp) -> bool {
    let state = shared.state.read();
    let newest = state.shard_by_no(shard).and_then(|shard| shard.newest);
    newest.is_some_and(|newest| newest.arrival.plus(LOOKED_BACK) > now)
}

/// The writes within [`LOOKED_BACK`], oldest first. Blocks on the store. What is stamped later than
/// `now`, by a clock that was ahead, is not counted: nobody knows when it was.
///
/// # Errors
/// [`NodeError`] when what is stored cannot be read.
pub(crate) fn lately(shared: &SharedState, shard: ShardNo, now: Timestamp) -> Result<Vec<Consumed>, NodeError> {
    let since = now.minus(LOOKED_BACK);
    let Some(search) = shared.state.read().time_search(shard, since) else { return Ok(Vec::new()) };
    let from = run_search(&*shared.store, search)?;
    let Some(plan) = shared.state.read().read_plan(shard, from) else { return Ok(Vec::new()) };
    let mut by_arrival: BTreeMap<Timestamp, Consumed> = BTreeMap::new();
    let mut damage = None;
    for step in &plan.steps {
        let family = Family::Bucket(step.bucket.0);
        let scanned = shared.store.scan(family, &step.from, &step.to, Direction::Ascending, &mut |key, value| {
            let opened = plan.open(key, Bytes::copy_from_slice(value));
            let records = opened.and_then(Iterator::collect::<Result<Vec<_>, _>>);
            match records {
                Ok(records) => {
                    // Arrivals never go back within a shard.
                    if records.first().is_some_and(|record| record.arrival > now) {
                        return ControlFlow::Break(());
                    }
                    for record in records.iter().filter(|record| record.arrival >= since) {
                        let consumed = by_arrival.entry(record.arrival).or_default();
                        consumed.ago = Duration::from_millis(now.millis_since(record.arrival));
                        consumed.write_bytes += (record.data.len() + record.partition_key.len()) as u64;
                        consumed.write_records += 1;
                    }
                    ControlFlow::Continue(())
                }
                Err(error) => {
                    damage = Some(error.to_string());
                    ControlFlow::Break(())
                }
            }
        });
        match scanned {
            Ok(()) | Err(StoreError::UnknownBucket { .. }) => {}
            Err(error) => return Err(store_failed(error)),
        }
    }
    damage.map_or_else(|| Ok(by_arrival.into_values().collect()), |reason| Err(NodeError::Damaged { reason }))
}
