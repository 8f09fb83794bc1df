//! PutRecords.

use super::backlog::OnItsWay;
use super::parking;
use super::route::{self, Part};
use crate::gateway::Gateway;
use crate::resolve;
use anabranch_api::{
    ApiError, ErrorCode, PutEntry, PutRecordOutput, PutRecords, PutRecordsOutput, PutResult, RequestContext, messages,
};
use anabranch_catalog::StreamMap;
use anabranch_cluster::{NodeError, PutReply, RecordFate};
use anabranch_types::{AccountId, RequestId, SequenceNumber, ShardId, limits};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

pub(crate) async fn put_records(
    gateway: &Gateway,
    context: &RequestContext,
    request: PutRecords,
) -> Result<PutRecordsOutput, ApiError> {
    let map = resolve::served_stream(gateway, context, &request.stream).await?;
    check_sizes(&map, &request.entries)?;
    Ok(PutRecordsOutput { results: put(gateway, context, &map, request.entries).await? })
}

/// Writes `entries`, each for itself, and answers in their order. Records whose shard is split or merged
/// meanwhile go where the map sends them afterwards.
///
/// # Errors
/// `ServiceUnavailable` when nothing was written and the nodes take no writes now (disk full,
/// draining): the whole call is to be repeated.
pub(crate) async fn put(
    gateway: &Gateway,
    context: &RequestContext,
    map: &Arc<StreamMap>,
    entries: Vec<PutEntry>,
) -> Result<Vec<PutResult>, ApiError> {
    let mut results: Vec<Option<PutResult>> = vec![None; entries.len()];
    let deadline = gateway.deadline(context, gateway.options.put_patience);
    let mut map = Arc::clone(map);
    let mut parts = route::split(&map, route::records(entries), context.request_id, gateway.now());
    loop {
        let sent = futures::future::join_all(parts.iter().map(|part| send(gateway, part, deadline))).await;
        // Records that are on their second way are answered one by one: others of the call are written.
        if results.iter().all(Option::is_none)
            && let Some(error) = refused_as_a_whole(&sent)
        {
            return Err(resolve::node_failed(error));
        }
        let (mut shards, mut records, mut parked) = (BTreeSet::new(), Vec::new(), Vec::new());
        for (part, sent) in parts.iter().zip(sent) {
            let reply = sent.reply.as_ref();
            collect(context.account, &map, part, reply, &mut results);
            let (closed, left) = reply.map(|reply| part.closed(reply)).unwrap_or_default();
            if !closed.is_empty() {
                parked.push(sent);
            }
            shards.extend(closed);
            records.extend(left);
        }
        let patience = deadline.saturating_sub(gateway.env.clock.monotonic());
        if records.is_empty() || patience.is_zero() {
            break;
        }
        tracing::debug!(stream = %map.stream.name, records = records.len(), ?shards, "records wait for a reshard");
        let moved = parking::wait(&gateway.view, map.stream.uid, &shards, patience).await;
        drop(parked);
        let Some(moved) = moved else { break };
        map = moved;
        records.sort_unstable_by_key(|(place, _)| *place);
        // The child may be in the parent's group, which would answer the same call as before: closed.
        let request_id = RequestId(gateway.env.random.u128());
        parts = route::split(&map, records, request_id, gateway.now());
    }
    Ok(results.into_iter().map(|result| result.expect("every record was routed to one part")).collect())
}

/// What came of a part, and its place in its group's backlog, which it keeps while its records wait.
struct Sent<'a> {
    reply: Result<PutReply, NodeError>,
    _on_its_way: Option<OnItsWay<'a>>,
}

async fn send<'a>(gateway: &'a Gateway, part: &Part, deadline: Duration) -> Sent<'a> {
    let now = gateway.env.clock.monotonic();
    let on_its_way = match gateway.backlogs.enter(part.request.group, part.bytes(), now) {
        Ok(on_its_way) => on_its_way,
        Err(error) => return Sent { reply: Err(error), _on_its_way: None },
    };
    let call = gateway.router.call_again(part.request.group, deadline, |node, attempt| {
        let request = Arc::clone(&part.request);
        async move { node.put(request, attempt).await }
    });
    Sent { reply: call.await, _on_its_way: Some(on_its_way) }
}

/// The reason, when no part was written and every one was refused for the nodes' sake.
fn refused_as_a_whole<'a>(parts: &'a [Sent<'_>]) -> Option<&'a NodeError> {
    let mut refusals = parts.iter().map(|part| part.reply.as_ref().err());
    let first = refusals.next()??;
    let unavailable = |error: &NodeError| matches!(error, NodeError::Unavailable { .. });
    (unavailable(first) && refusals.all(|refusal| refusal.is_some_and(unavailable))).then_some(first)
}

fn collect(
    account: AccountId,
    map: &StreamMap,
    part: &Part,
    reply: Result<&PutReply, &NodeError>,
    results: &mut [Option<PutResult>],
) {
    if let Err(error) = reply {
        tracing::warn!(group = %part.request.group, %error, "records not acknowledged");
    }
    for (index, (item, places)) in part.request.items.iter().zip(&part.places).enumerate() {
        let shard = item.shard.shard;
        for (nth, place) in places.iter().enumerate() {
            results[*place] = Some(match reply {
                Ok(reply) => answer(account, map, shard, reply.fates[index][nth]),
                Err(error) => Err(not_acknowledged(error)),
            });
        }
    }
}

fn answer(account: AccountId, map: &StreamMap, shard: ShardId, fate: RecordFate) -> PutResult {
    match fate {
        RecordFate::Stored { counter, arrival } => {
            let epoch = map.shard(shard).expect("the record was routed to a shard of this map").epoch();
            Ok(PutRecordOutput { shard, sequence_number: SequenceNumber::of_record(epoch, counter, arrival) })
        }
        RecordFate::Throttled { bucket, retry_after } => {
            Err(messages::rate_exceeded(shard, &map.stream.name, account, bucket, retry_after))
        }
        RecordFate::Closed | RecordFate::Misrouted | RecordFate::TooOld => Err(internal_failure()),
    }
}

/// Of a record that nobody acknowledged: to be sent again where it was certainly not written. The AWS
/// door has one code for both, a produce stream tries the former again.
fn not_acknowledged(error: &NodeError) -> ApiError {
    #[cfg(feature = "planted-bugs")]
    if anabranch_runtime::planted::is_planted(anabranch_runtime::planted::Bug::TellsUnknownAsNotWritten) {
        return ApiError::new(ErrorCode::ServiceUnavailable, "planted");
    }
    match error {
        NodeError::Unavailable { .. } => resolve::node_failed(error),
        NodeError::NotLeader { group, .. } => {
            let message = format!("Service temporarily unavailable: group {group} has no leader. Retry.");
            ApiError::new(ErrorCode::ServiceUnavailable, message)
        }
        NodeError::Unknown { .. }
        | NodeError::NoSuchShard { .. }
        | NodeError::Throttled { .. }
        | NodeError::SubscriptionInUse { .. }
        | NodeError::SubscriptionTakenOver
        | NodeError::Damaged { .. } => internal_failure(),
    }
}

fn internal_failure() -> ApiError {
    ApiError::new(ErrorCode::InternalFailure, messages::INTERNAL_FAILURE)
}

/// A record's data and key fit the stream, and all of them fit one call.
///
/// # Errors
/// `Validation` that names the record, `InvalidArgument` for the sum; the whole call fails.
fn check_sizes(map: &StreamMap, entries: &[PutEntry]) -> Result<(), ApiError> {
    let limit = map.stream.max_record_bytes;
    let mut total = 0;
    for (index, entry) in entries.iter().enumerate() {
        let bytes = entry_bytes(entry);
        if bytes > limit {
            return Err(messages::record_too_large(&format!("records.{}.member.data", index + 1), limit));
        }
        total += bytes;
    }
    if total > limits::PUT_RECORDS_BYTES_MAX {
        return Err(messages::records_too_large(limits::PUT_RECORDS_BYTES_MAX));
    }
    Ok(())
}

/// What counts against limits: data and partition key. Source: AWS PutRecord API reference.
pub(crate) fn entry_bytes(entry: &PutEntry) -> u64 {
    (entry.data.len() + entry.partition_key.as_str().len()) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use anabranch_types::GroupId;

    #[test]
    fn a_record_is_to_be_sent_again_where_it_was_certainly_not_written_and_nowhere_else() {
        let reason = || "the disk is full".to_owned();
        let group = GroupId(7);
        for (error, code) in [
            (NodeError::NotLeader { group, leader: None }, ErrorCode::ServiceUnavailable),
            (NodeError::Unavailable { reason: reason() }, ErrorCode::ServiceUnavailable),
            (NodeError::Unknown { reason: reason() }, ErrorCode::InternalFailure),
            (NodeError::Damaged { reason: reason() }, ErrorCode::InternalFailure),
            (NodeError::NoSuchShard { group }, ErrorCode::InternalFailure),
        ] {
            assert_eq!(not_acknowledged(&error).code, code, "{error}");
        }
    }
}
