//! Writes records: admission, one proposal, and each record's fate.

use crate::admission::{self, Admitted};
use crate::group_host::HostedGroup;
use crate::metrics;
use anabranch_cluster::{Attempt, NodeError, PutItem, PutReply, PutRequest, RecordFate};
use anabranch_shard::{ItemOutcome, RequestOutcome, decode_put_outcome};
use anabranch_types::{Counter, Timestamp};

#[tracing::instrument(name = "storage.put", skip_all, fields(group = %host.id(), request_id = %request.request_id))]
pub(crate) async fn put(host: &HostedGroup, request: &PutRequest, attempt: Attempt) -> Result<PutReply, NodeError> {
    host.check_leader()?;
    // Before anything that refuses: what was written is not to be called refused.
    let recorded = host.current.now().state.read().recorded(request.request_id);
    if let Some(outcome) = recorded {
        return Ok(PutReply { fates: settle_recorded(request, &outcome) });
    }
    host.check_writable()?;
    for item in &request.items {
        host.begin_budget(item.shard).await?;
    }
    let mut admitted = admission::admit(host, request, attempt);
    let Some(command) = admitted.command.take() else {
        let reply = PutReply { fates: settle(admitted, &[]) };
        metrics::put_fates(&reply);
        return Ok(reply);
    };
    let bytes = command.len();
    let proposed = match host.group.propose(command).await {
        Ok(proposed) => proposed,
        Err(error) => {
            let error = host.propose_failed(error);
            if matches!(error, NodeError::NotLeader { .. } | NodeError::Unavailable { .. }) {
                refund(host, &admitted);
            }
            return Err(error);
        }
    };
    metrics::put_applied(bytes);
    let malformed = |error: anabranch_shard::Malformed| NodeError::Damaged { reason: error.to_string() };
    let outcomes = decode_put_outcome(&proposed.outcome).map_err(malformed)?;
    match outcomes.first() {
        Some(outcome) if is_recorded(outcome, proposed.index) => {
            refund(host, &admitted);
            Ok(PutReply { fates: settle_recorded(request, outcome) })
        }
        Some(RequestOutcome::Items(items)) if items.len() == admitted.items.len() => {
            let reply = PutReply { fates: settle(admitted, items) };
            metrics::put_fates(&reply);
            Ok(reply)
        }
        Some(RequestOutcome::TooOld) => {
            refund(host, &admitted);
            Ok(PutReply { fates: all_too_old(admitted) })
        }
        Some(RequestOutcome::Items(_)) | None => {
            Err(NodeError::Damaged { reason: "the outcome does not fit the request".to_owned() })
        }
    }
}

/// Whether an earlier try was applied and this one, at `index`, only heard its answer.
fn is_recorded(outcome: &RequestOutcome, index: u64) -> bool {
    let RequestOutcome::Items(items) = outcome else { return false };
    items.iter().any(|item| matches!(item, ItemOutcome::Accepted { first, .. } if first.log_index() != index))
}

/// The fates of the try that was applied. Its admission is forgotten, but of each shard it took
/// the first so many records: a budget that is used up stays so to the end of a call. When a shard
/// was left out altogether, nobody knows which; then nothing is claimed of any record (I12).
fn settle_recorded(request: &PutRequest, outcome: &RequestOutcome) -> Vec<Vec<RecordFate>> {
    let outcomes = match outcome {
        RequestOutcome::Items(items) if items.len() == request.items.len() => items.as_slice(),
        RequestOutcome::Items(_) | RequestOutcome::TooOld => &[],
    };
    let fate = |outcome: Option<&ItemOutcome>, nth: u64| match outcome {
        Some(ItemOutcome::Accepted { first, records, arrival }) if nth < u64::from(*records) => {
            stored(*first, nth, *arrival)
        }
        Some(ItemOutcome::Accepted { .. }) | None => RecordFate::TooOld,
        Some(ItemOutcome::Closed) => RecordFate::Closed,
        Some(ItemOutcome::NotFound | ItemOutcome::OutOfRange) => RecordFate::Misrouted,
    };
    let fates = |(index, item): (usize, &PutItem)| {
        (0..item.records.len() as u64).map(|nth| fate(outcomes.get(index), nth)).collect()
    };
    request.items.iter().enumerate().map(fates).collect()
}

fn stored(first: Counter, nth: u64, arrival: Timestamp) -> RecordFate {
    let counter = Counter::from_bits(first.bits() + nth).expect("positions stay within an entry");
    RecordFate::Stored { counter, arrival }
}

/// Nothing was written: what admission took is given back.
fn refund(host: &HostedGroup, admitted: &Admitted) {
    for item in &admitted.items {
        host.budgets.refund_writes(item.shard, item.bytes, item.records);
    }
}

/// Fills in the fates of the records that were proposed.
fn settle(admitted: Admitted, outcomes: &[ItemOutcome]) -> Vec<Vec<RecordFate>> {
    let Admitted { items, mut fates, .. } = admitted;
    for (item, outcome) in items.iter().zip(outcomes) {
        let proposed = fates[item.item].iter_mut().filter(|fate| fate.is_none());
        for (position, fate) in (0u64..).zip(proposed) {
            *fate = Some(match *outcome {
                ItemOutcome::Accepted { first, arrival, .. } => stored(first, position, arrival),
                ItemOutcome::Closed => RecordFate::Closed,
                ItemOutcome::NotFound | ItemOutcome::OutOfRange => RecordFate::Misrouted,
            });
        }
    }
    let decided = |fate: Option<RecordFate>| fate.expect("every record was refused or is in the command");
    fates.into_iter().map(|item| item.into_iter().map(decided).collect()).collect()
}

fn all_too_old(admitted: Admitted) -> Vec<Vec<RecordFate>> {
    let settled = |fate: Option<RecordFate>| fate.unwrap_or(RecordFate::TooOld);
    admitted.fates.into_iter().map(|item| item.into_iter().map(settled).collect()).collect()
}
