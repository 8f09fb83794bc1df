//! What happens to records before they are proposed: is the shard here and open, does each
//! record fit its range and budget. What passes is packed into one command.

use crate::group_host::HostedGroup;
use anabranch_cluster::{Attempt, PutItem, PutRequest, RecordFate};
use anabranch_shard::{PutBuilder, ShardNo, ShardState};
use bytes::Bytes;

/// A put after admission.
pub(crate) struct Admitted {
    /// What is to be proposed; none when nothing passed.
    pub command: Option<Bytes>,
    /// The items in the command, in its order.
    pub items: Vec<AdmittedItem>,
    /// The fate of each record that did not pass; none for those in the command.
    pub fates: Vec<Vec<Option<RecordFate>>>,
}

/// An item of the command.
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

/// Judges each record of `request` and packs those that pass. A repetition is charged but never
/// refused for its budget: an earlier try may be on its way into the log, and "not written" would
/// be a lie (I12).
pub(crate) fn admit(host: &HostedGroup, request: &PutRequest, attempt: Attempt) -> Admitted {
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
    let command = (!items.is_empty()).then(|| pack(host, request, attempt, &items, &fates));
    Admitted { command, items, fates }
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

fn pack(
    host: &HostedGroup,
    request: &PutRequest,
    attempt: Attempt,
    items: &[AdmittedItem],
    fates: &[Vec<Option<RecordFate>>],
) -> Bytes {
    let records: u64 = items.iter().map(|item| item.records).sum();
    let bytes: u64 = items.iter().map(|item| item.bytes).sum();
    let capacity = bytes + (records + 8 * items.len() as u64 + 8) * RECORD_OVERHEAD;
    // After a clock was set back, requests would look older than what was forgotten, until it
    // catches up: a first try cannot be, so it moves up, and with it the entry.
    let earliest = host.current.now().state.read().requests_from();
    let issued = match attempt {
        Attempt::First => request.issued.max(earliest),
        Attempt::Again => request.issued,
    };
    let arrival = host.env.now().max(earliest);
    let mut builder = PutBuilder::new(arrival, usize::try_from(capacity).expect("a call has megabytes"));
    let count = u32::try_from(records).expect("a call has at most 500 records");
    builder.begin_request(request.request_id, issued, count).expect("an entry holds more than one call");
    for item in items {
        builder.begin_item(item.shard);
        for (record, fate) in request.items[item.item].records.iter().zip(&fates[item.item]) {
            if fate.is_none() {
                builder.push(record.hash_key, record.partition_key.as_str().as_bytes(), &record.data);
            }
        }
    }
    builder.finish()
}
