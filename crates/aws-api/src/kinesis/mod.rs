//! The operations of Kinesis on the wire, in either encoding: one file each, from body to trait call to body.
//!
//! Nothing here decides about streams: a file reads, calls one method of the service and
//! prints. A body of zero bytes is the answer of operations without output.

mod add_tags_to_stream;
mod create_stream;
mod delete_stream;
mod describe_limits;
mod describe_stream;
mod describe_stream_summary;
mod get_records;
mod get_shard_iterator;
mod input;
mod list_shards;
mod list_streams;
mod list_tags_for_resource;
mod list_tags_for_stream;
mod operation;
mod output;
mod put_record;
mod put_records;
mod record;
mod remove_tags_from_stream;
mod shard;
mod tag_resource;
mod tags;
mod unsupported;
mod untag_resource;

#[cfg(any(test, feature = "bad-inputs"))]
pub mod bad_inputs;
#[cfg(test)]
mod tests;

pub use operation::Operation;

use crate::encoding::Encoded;
use anabranch_api::{ApiError, Kinesis, RequestContext};
use bytes::Bytes;

/// Serves one request of `operation`. The answer has the encoding of `body`.
///
/// # Errors
/// SerializationException when the body is not in its encoding (then the message is empty) or a member has
/// another type than the API model's; ValidationException when a member breaks a constraint of
/// the model; InvalidArgumentException when members contradict each other or ask for what
/// is not served; else what the service answers.
pub async fn dispatch<S: Kinesis>(
    service: &S,
    context: &RequestContext,
    operation: Operation,
    body: Encoded,
) -> Result<Bytes, ApiError> {
    match operation {
        Operation::AddTagsToStream => add_tags_to_stream::serve(service, context, &body).await,
        Operation::CreateStream => create_stream::serve(service, context, &body).await,
        Operation::DeleteStream => delete_stream::serve(service, context, &body).await,
        Operation::DescribeLimits => describe_limits::serve(service, context, &body).await,
        Operation::DescribeStream => describe_stream::serve(service, context, &body).await,
        Operation::DescribeStreamSummary => describe_stream_summary::serve(service, context, &body).await,
        Operation::GetRecords => get_records::serve(service, context, &body).await,
        Operation::GetShardIterator => get_shard_iterator::serve(service, context, &body).await,
        Operation::ListShards => list_shards::serve(service, context, &body).await,
        Operation::ListStreams => list_streams::serve(service, context, &body).await,
        Operation::ListTagsForResource => list_tags_for_resource::serve(service, context, &body).await,
        Operation::ListTagsForStream => list_tags_for_stream::serve(service, context, &body).await,
        Operation::PutRecord => put_record::serve(service, context, body).await,
        Operation::PutRecords => put_records::serve(service, context, body).await,
        Operation::RemoveTagsFromStream => remove_tags_from_stream::serve(service, context, &body).await,
        Operation::TagResource => tag_resource::serve(service, context, &body).await,
        Operation::UntagResource => untag_resource::serve(service, context, &body).await,
    }
}
