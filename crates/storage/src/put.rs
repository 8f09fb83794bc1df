//! Writes records: admission, one proposal, and each record's fate.

use crate::admission::{self, Admitted};
use crate::group_host::HostedGroup;
use crate::metrics;
use anabranch_cluster::{NodeError, PutReply, PutRequest, RecordFate};
use anabranch_shard::{ItemOutcome, RequestOutcome, decode_put_outcome};
use anabranch_types::Counter;

pub(crate) async fn put(host: &HostedGroup, request: &PutRequest) -> Result<PutReply, NodeError> {
    host.writable.check()?;
    host.check_leader()?;
    let mut admitted = admission::admit(host, request);
    let Some(command) = admitted.command.take() else {
        return Ok(PutReply { fates: settle(admitted, &[]) });
    };
    let bytes = command.len();
    let outcome = match host.group.propose(command).await {
        Ok(proposed) => proposed.outcome,
        Err(error) => {
            let error = host.propose_failed(error);
            if matches!(error, NodeError::NotLeader { .. }) {
                refund(host, &admitted);
            }
            return Err(error);
        }
    };
    metrics::put_applied(bytes);
    let malformed = |error: anabranch_shard::Malformed| NodeError::Damaged { reason: error.to_string() };
    let outcomes = decode_put_outcome(&outcome).map_err(malformed)?;
    match outcomes.first() {
        Some(RequestOutcome::Items(items)) if items.len() == admitted.items.len() => {
            let reply = PutReply { fates: settle(admitted, items) };
            metrics::put_fates(&reply);
            Ok(reply)
        }
        Some(RequestOutcome::TooOld) => Ok(PutReply { fates: all_too_old(admitted) }),
        // The recorded answer of an earlier try that admitted other records.
        Some(RequestOutcome::Items(_)) | None => {
            Err(NodeError::Damaged { reason: "the recorded outcome does not fit the request".to_owned() })
        }
    }
}

/// Certainly not appended: what admission took is given back.
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
                ItemOutcome::Accepted { first, arrival, .. } => {
                    let counter = Counter::from_bits(first.bits() + position).expect("positions stay within an entry");
                    RecordFate::Stored { counter, arrival }
                }
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
