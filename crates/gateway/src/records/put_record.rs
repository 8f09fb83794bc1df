//! PutRecord.

use super::arrival::has_arrived;
use super::put_records::{entry_bytes, put};
use crate::gateway::Gateway;
use crate::resolve;
use anabranch_api::{ApiError, PutRecord, PutRecordOutput, RequestContext, messages};
use anabranch_catalog::StreamMap;
use anabranch_types::{SequenceNumber, Timestamp};

pub(crate) async fn put_record(
    gateway: &Gateway,
    context: &RequestContext,
    request: PutRecord,
) -> Result<PutRecordOutput, ApiError> {
    let map = resolve::served_stream(gateway, context, &request.stream).await?;
    let limit = map.stream.max_record_bytes;
    if entry_bytes(&request.entry) > limit {
        return Err(messages::record_too_large("data", limit));
    }
    let map = match request.above {
        Some(above) => resolve::with_shard(gateway, map, above.epoch.shard).await?,
        None => map,
    };
    if let Some(above) = request.above
        && !was_handed_out(&map, above, gateway.now())
    {
        return Err(messages::invalid_minimum_sequence_number(&above.to_string(), &map.stream.name, context.account));
    }
    let mut results = put(gateway, context, &map, vec![request.entry]).await?;
    results.pop().expect("one result per entry")
}

/// Numbers only grow within a shard, so a number that this stream has handed out is below every
/// one to come; nothing else has to be done to honour the request's order.
fn was_handed_out(map: &StreamMap, number: SequenceNumber, now: Timestamp) -> bool {
    let of_this_stream = map.shard(number.epoch.shard).is_some_and(|shard| shard.epoch() == number.epoch);
    of_this_stream && has_arrived(number, now)
}
