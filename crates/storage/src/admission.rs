//! What happens to records before they are proposed: is the shard here and open, does each
//! record fit its range and budget. What passes is packed into a command, with that of other calls.

use crate::group_host::HostedGroup;
use anabranch_cluster::{Attempt, PutItem, PutRequest, RecordFate};
use anabranch_shard::{PutBuilder, ShardNo, ShardState};
use bytes::Bytes;
use std::sync::Arc;

/// A put after admission.
pub(crate) struct AdmittedPut {
    /// The put as it came.
    pub request: Arc<PutRequest>,
    /// Whether it may have been applied before.
    attempt: Attempt,
    /// The items of which records passed, in the request's order; none when nothing passed.
    pub items: Vec<AdmittedItem>,
    /// The fate of each record that did not pass; none for those that did.
    pub fates: Vec<Vec<Option<RecordFate>>>,
}

/// An item of which records passed.
pub(crate) struct AdmittedItem {
    /// Which item of the request.
    pub item: usize,
    /// Its shard's number in the group.
    pub shard: ShardNo,
    /// Data and key bytes of its records.
    pub bytes: u64,
    /// How many of the item's records passed.
    pub records: u64,
}

impl AdmittedPut {
    /// Data and key bytes that passed.
    pub fn bytes(&self) -> u64 {
        self.items.iter().map(|item| item.bytes).sum()
    }

    /// Records that passed.
    pub fn records(&self) -> u64 {
        self.items.iter().map(|item| item.records).sum()
    }

    /// Whether a shard of it takes no more records.
    pub fn finds_closed(&self) -> bool {
        self.fates.iter().flatten().any(|fate| *fate == Some(RecordFate::Closed))
    }

    /// Nothing was written: what admission took is given back.
    pub fn refund(&self, host: &HostedGroup) {
        for item in &self.items {
            host.budgets.refund_writes(item.shard, item.bytes, item.records);
        }
    }
}

/// Judges each record of `request`. A repetition is charged but never refused for its budget: an
/// earlier try may be on its way into the log, and "not written" would be a lie (I12).
pub(crate) fn admit(host: &HostedGroup, request: Arc<PutRequest>, attempt: Attempt) -> AdmittedPut {
    let mut fates = Vec::with_capacity(request.items.len());
    let mut items = Vec::new();
    for (index, item) in request.items.iter().enumerate() {
        let (shard, judged) = judge(host, item, attempt);
        let passed = judged.iter().zip(&item.records).filter(|(fate, _)| fate.is_none());
        let (records, bytes) = passed.fold((0, 0), |(n, bytes), (_, r)| (n + 1, bytes + record_bytes(r)));
        if let Some(shard) = shard
            && records > 0
        {
            items.push(AdmittedItem { item: index, shard, bytes, records });
        }
        fates.push(judged);
    }
    AdmittedPut { request, attempt, items, fates }
}

fn judge(host: &HostedGroup, item: &PutItem, attempt: Attempt) -> (Option<ShardNo>, Vec<Option<RecordFate>>) {
    let all = |fate: RecordFate| vec![Some(fate); item.records.len()];
    let (no, range) = {
        let shared = host.current.now();
        let state = shared.state.read();
        let Some(shard) = state.shard(item.shard.stream, item.shard.shard) else {
            return (None, all(RecordFate::Misrouted));
        };
        match shard.state {
            ShardState::Open => (shard.no, shard.range),
            ShardState::Sealed { .. } => return (None, all(RecordFate::Closed)),
        }
    };
    if item.records.iter().any(|record| !range.contains(record.hash_key)) {
        return (None, all(RecordFate::Misrouted));
    }
    let now = host.env.clock.monotonic();
    if attempt == Attempt::Again {
        let bytes = item.records.iter().map(record_bytes).sum();
        host.budgets.charge_writes(no, bytes, item.records.len() as u64, now);
        return (Some(no), vec![None; item.records.len()]);
    }
    let admitted = host.budgets.admit_writes(no, item.records.iter().map(record_bytes), now);
    let fate = |exceeded: anabranch_limiter::Exceeded| RecordFate::Throttled {
        bucket: exceeded.bucket,
        retry_after: exceeded.retry_after,
    };
    (Some(no), admitted.into_iter().map(|result| result.err().map(fate)).collect())
}

/// What counts against limits: data and partition key.
fn record_bytes(record: &anabranch_cluster::PutRecordIn) -> u64 {
    (record.data.len() + record.partition_key.as_str().len()) as u64
}

/// Bytes that a record and a chunk cost beyond data and key, roughly; sizes one allocation.
const RECORD_OVERHEAD: u64 = 16;

/// Packs what passed of `puts` into one command. Every record is copied once.
///
/// # Panics
/// When together they have more records than an entry takes.
pub(crate) fn pack<'a>(host: &HostedGroup, puts: impl Iterator<Item = &'a AdmittedPut> + Clone) -> Bytes {
    let capacity =
        puts.clone().map(|put| put.bytes() + (put.records() + 8 * put.items.len() as u64 + 8) * RECORD_OVERHEAD);
    let capacity = usize::try_from(capacity.sum::<u64>()).expect("an entry has megabytes");
    // After a clock was set back, requests would look older than what was forgotten, until it
    // catches up: a first try cannot be, so it moves up, and with it the entry.
    let earliest = host.current.now().state.read().requests_from();
    let mut builder = PutBuilder::new(host.env.now().max(earliest), capacity);
    for put in puts {
        let request = &put.request;
        let issued = match put.attempt {
            Attempt::First => request.issued.max(earliest),
            Attempt::Again => request.issued,
        };
        let count = u32::try_from(put.records()).expect("callers keep to what an entry takes");
        builder.begin_request(request.request_id, issued, count).expect("callers keep to what an entry takes");
        for item in &put.items {
            builder.begin_item(item.shard);
            for (record, fate) in request.items[item.item].records.iter().zip(&put.fates[item.item]) {
                if fate.is_none() {
                    builder.push(record.hash_key, record.partition_key.as_str().as_bytes(), &record.data);
                }
            }
        }
    }
    builder.finish()
}
