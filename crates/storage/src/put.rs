//! Writes records: admission, an entry of the log, and each record's fate.

use crate::admission::{self, AdmittedPut};
use crate::group_host::HostedGroup;
use crate::{metrics, put_batches};
use anabranch_cluster::{Attempt, NodeError, PutItem, PutReply, PutRequest, RecordFate};
use anabranch_shard::{ItemOutcome, RequestOutcome};
use anabranch_types::{Counter, Timestamp};
use std::sync::Arc;

#[tracing::instrument(name = "storage.put", skip_all, fields(group = %host.id(), request_id = %request.request_id))]
pub(crate) async fn put(
    host: &Arc<HostedGroup>,
    request: Arc<PutRequest>,
    attempt: Attempt,
) -> Result<PutReply, NodeError> {
    host.check_leader()?;
    // Before anything that refuses: what was written is not to be called refused.
    let recorded = host.current.now().state.read().recorded(request.request_id);
    if let Some(outcome) = recorded {
        return Ok(PutReply { fates: settle_recorded(&request, &outcome) });
    }
    host.check_writable()?;
    for item in &request.items {
        host.begin_budget(item.shard).await?;
    }
    let admitted = Arc::new(admission::admit(host, request, attempt));
    if attempt == Attempt::Again && admitted.finds_closed() {
        // An earlier try that was on its way above went into the log before the shard was closed, or never
        // will: it is applied by now. "Closed" would send its records elsewhere a second time (I12).
        let recorded = host.current.now().state.read().recorded(admitted.request.request_id);
        if let Some(outcome) = recorded {
            admitted.refund(host);
            return Ok(PutReply { fates: settle_recorded(&admitted.request, &outcome) });
        }
    }
    if admitted.items.is_empty() {
        let reply = PutReply { fates: settle(&admitted, &[]) };
        metrics::put_fates(&reply);
        return Ok(reply);
    }
    let (index, outcome) = match put_batches::propose(host, Arc::clone(&admitted)).await {
        Ok(answer) => answer,
        Err(error) => {
            if matches!(error, NodeError::NotLeader { .. } | NodeError::Unavailable { .. }) {
                admitted.refund(host);
            }
            return Err(error);
        }
    };
    match &outcome {
        outcome if is_recorded(outcome, index) => {
            admitted.refund(host);
            Ok(PutReply { fates: settle_recorded(&admitted.request, outcome) })
        }
        RequestOutcome::Items(items) if items.len() == admitted.items.len() => {
            let reply = PutReply { fates: settle(&admitted, items) };
            metrics::put_fates(&reply);
            Ok(reply)
        }
        RequestOutcome::TooOld => {
            admitted.refund(host);
            Ok(PutReply { fates: all_too_old(&admitted) })
        }
        RequestOutcome::Items(_) => {
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

/// Fills in the fates of the records that were proposed.
fn settle(admitted: &AdmittedPut, outcomes: &[ItemOutcome]) -> Vec<Vec<RecordFate>> {
    let mut fates = admitted.fates.clone();
    for (item, outcome) in admitted.items.iter().zip(outcomes) {
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

fn all_too_old(admitted: &AdmittedPut) -> Vec<Vec<RecordFate>> {
    let settled = |fate: &Option<RecordFate>| fate.unwrap_or(RecordFate::TooOld);
    admitted.fates.iter().map(|item| item.iter().map(settled).collect()).collect()
}
