//! Follow: a shard's records as they are committed, sent for as long as the client takes them.
//!
//! It reads as a client would, from iterator to iterator, but its reads wait at the tip where the
//! shard's leader is, so that nothing polls. No read begins before the client has room for what the
//! last one found.

use crate::call::Call;
use crate::errors::CallError;
use crate::long_stream::{WAITING_MAX, draining};
use crate::wire;
use anabranch_api::{
    ApiError, ErrorCode, GetRecords, GetRecordsOutput, GetShardIterator, IteratorStart, Kinesis, ShardIterator,
    StreamSelector,
};
use anabranch_proto::v1::{FollowRequest, FollowResponse};
use anabranch_types::SequenceNumber;
use std::future::Future;
use std::time::Duration;
use tokio::sync::mpsc;
use tonic::Status;

/// Pause before a throttled read is tried again, where the refusal has no hint.
const PAUSE: Duration = Duration::from_millis(100);

/// A place in a shard, and how to find it again.
pub(crate) struct Place {
    stream: StreamSelector,
    shard: String,
    iterator: ShardIterator,
    /// The last record that was sent.
    last: Option<SequenceNumber>,
}

/// Finds the place where a client wants to begin.
///
/// # Errors
/// Those of GetShardIterator, and fields that cannot be read.
pub(crate) async fn locate<S: Kinesis>(call: &Call<S>, request: FollowRequest) -> Result<Place, CallError> {
    let stream = wire::stream_in(request.stream)?;
    let start = wire::position_in(request.position)?;
    let asked = GetShardIterator { stream: stream.clone(), shard: request.shard_id.clone(), start };
    let iterator = call.service.get_shard_iterator(&call.context(), asked).await?;
    Ok(Place { stream, shard: request.shard_id, iterator, last: None })
}

/// Sends what is at `place` and after it, until the shard's end. Dropping the future ends it.
///
/// # Errors
/// The status that ends the stream: the service's, or the node drains, or the client's time is
/// over.
pub(crate) async fn run<S: Kinesis>(
    call: Call<S>,
    mut place: Place,
    messages: mpsc::Sender<FollowResponse>,
) -> Result<(), Status> {
    let mut wait_max = Duration::ZERO;
    // The first answer is told even if it is empty: it says that the place is found.
    let mut tells = true;
    loop {
        let Some(slice) = within(&call, &messages, read(&call, &place, wait_max)).await? else { return Ok(()) };
        let slice = match slice {
            Ok(slice) => slice,
            Err(error) if error.code == ErrorCode::ProvisionedThroughputExceeded => {
                let pause = call.env.sleep(error.retry_after.unwrap_or(PAUSE));
                if within(&call, &messages, pause).await?.is_none() {
                    return Ok(());
                }
                continue;
            }
            Err(error) if error.code == ErrorCode::ExpiredIterator => {
                // The client took nothing for minutes.
                place.iterator = find_again(&call, &place, error).await.map_err(|error| error.to_status())?;
                continue;
            }
            Err(error) => return Err(CallError::from(error).to_status()),
        };
        place.last = slice.records.last().map(|record| record.sequence_number).or(place.last);
        let next = slice.next.clone();
        if tells || !slice.records.is_empty() || next.is_none() {
            let message = message(slice);
            let _wait = call.bytes.wait_for_client(held_bytes(&call));
            let sent = async { messages.send(message).await.is_ok() };
            if within(&call, &messages, sent).await? != Some(true) {
                return Ok(());
            }
        }
        let Some(next) = next else { return Ok(()) };
        place.iterator = next;
        (wait_max, tells) = (call.shared.options.timeouts.follow_wait, false);
    }
}

/// What a stream holds while its client takes nothing: this message and those before it.
fn held_bytes<S>(call: &Call<S>) -> usize {
    usize::try_from(call.shared.options.limits.follow_bytes).unwrap_or(usize::MAX).saturating_mul(1 + WAITING_MAX)
}

async fn read<S: Kinesis>(call: &Call<S>, place: &Place, wait_max: Duration) -> Result<GetRecordsOutput, ApiError> {
    let deadline = call.env.clock.monotonic() + wait_max + call.request_timeout();
    let context = call.context_until(call.draw_request_id(), deadline);
    let asked = GetRecords {
        iterator: place.iterator.clone(),
        limit: None,
        stream_arn: None,
        bytes_max: Some(call.shared.options.limits.follow_bytes),
        wait_max,
    };
    call.service.get_records(&context, asked).await
}

/// An iterator behind the last record that was sent; without one there is nothing to go by.
async fn find_again<S: Kinesis>(call: &Call<S>, place: &Place, expired: ApiError) -> Result<ShardIterator, CallError> {
    let last = place.last.ok_or(expired)?;
    let start = IteratorStart::AfterSequenceNumber(last);
    let context = call.context_until(call.draw_request_id(), call.env.clock.monotonic() + call.request_timeout());
    let asked = GetShardIterator { stream: place.stream.clone(), shard: place.shard.clone(), start };
    Ok(call.service.get_shard_iterator(&context, asked).await?)
}

fn message(slice: GetRecordsOutput) -> FollowResponse {
    FollowResponse {
        records: slice.records.into_iter().map(wire::record_out).collect(),
        millis_behind_latest: slice.millis_behind_latest,
        child_shards: slice.child_shards.into_iter().map(wire::child_out).collect(),
    }
}

/// Does `work` while the stream is wanted; none when the client is gone.
async fn within<S, T>(
    call: &Call<S>,
    messages: &mpsc::Sender<FollowResponse>,
    work: impl Future<Output = T>,
) -> Result<Option<T>, Status> {
    let stopping = call.env.tasks.stopping();
    let time_left = call.ends_at.map(|at| at.saturating_sub(call.env.clock.monotonic()));
    tokio::select! {
        done = work => Ok(Some(done)),
        () = messages.closed() => Ok(None),
        () = stopping.cancelled() => Err(draining()),
        () = call.env.sleep(time_left.unwrap_or_default()), if time_left.is_some() => {
            Err(Status::deadline_exceeded("The time that the client granted the stream is over."))
        }
    }
}
