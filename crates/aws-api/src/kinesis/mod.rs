//! The operations of Kinesis on the wire, in either encoding: one file each, from body to trait call to body.
//!
//! Nothing here decides about streams: a file reads, calls one method of the service and
//! prints. A body of zero bytes is the answer of operations without output.

mod add_tags_to_stream;
mod consumer;
mod create_stream;
mod decrease_stream_retention_period;
mod delete_stream;
mod deregister_stream_consumer;
mod describe_limits;
mod describe_stream;
mod describe_stream_consumer;
mod describe_stream_summary;
mod get_records;
mod get_shard_iterator;
mod increase_stream_retention_period;
mod input;
mod list_shards;
mod list_stream_consumers;
mod list_streams;
mod list_tags_for_resource;
mod list_tags_for_stream;
mod merge_shards;
mod operation;
mod output;
mod put_record;
mod put_records;
mod record;
mod register_stream_consumer;
mod remove_tags_from_stream;
mod shard;
mod split_shard;
mod subscribe_to_shard;
mod tag_resource;
mod tags;
mod unsupported;
mod untag_resource;
mod update_max_record_size;
mod update_shard_count;

#[cfg(any(test, feature = "bad-inputs"))]
pub mod bad_inputs;
#[cfg(test)]
mod tests;

pub use operation::Operation;
pub(crate) use subscribe_to_shard::{EventPrinter, print_exception};

use crate::encoding::Encoded;
use anabranch_api::{ApiError, Kinesis, RequestContext};
use bytes::Bytes;

/// What an operation answers, in the encoding of its request.
#[derive(Debug)]
pub enum Answer<Subscription> {
    /// All of it.
    Whole(Bytes),
    /// A subscription, whose events are asked for one by one.
    Events(Subscription),
}

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
) -> Result<Answer<S::Subscription>, ApiError> {
    let whole = match operation {
        Operation::AddTagsToStream => add_tags_to_stream::serve(service, context, &body).await,
        Operation::CreateStream => create_stream::serve(service, context, &body).await,
        Operation::DecreaseStreamRetentionPeriod => {
            decrease_stream_retention_period::serve(service, context, &body).await
        }
        Operation::DeleteStream => delete_stream::serve(service, context, &body).await,
        Operation::DeregisterStreamConsumer => deregister_stream_consumer::serve(service, context, &body).await,
        Operation::DescribeLimits => describe_limits::serve(service, context, &body).await,
        Operation::DescribeStream => describe_stream::serve(service, context, &body).await,
        Operation::DescribeStreamConsumer => describe_stream_consumer::serve(service, context, &body).await,
        Operation::DescribeStreamSummary => describe_stream_summary::serve(service, context, &body).await,
        Operation::GetRecords => get_records::serve(service, context, &body).await,
        Operation::GetShardIterator => get_shard_iterator::serve(service, context, &body).await,
        Operation::IncreaseStreamRetentionPeriod => {
            increase_stream_retention_period::serve(service, context, &body).await
        }
        Operation::ListShards => list_shards::serve(service, context, &body).await,
        Operation::ListStreamConsumers => list_stream_consumers::serve(service, context, &body).await,
        Operation::ListStreams => list_streams::serve(service, context, &body).await,
        Operation::ListTagsForResource => list_tags_for_resource::serve(service, context, &body).await,
        Operation::ListTagsForStream => list_tags_for_stream::serve(service, context, &body).await,
        Operation::MergeShards => merge_shards::serve(service, context, &body).await,
        Operation::PutRecord => put_record::serve(service, context, body).await,
        Operation::PutRecords => put_records::serve(service, context, body).await,
        Operation::RegisterStreamConsumer => register_stream_consumer::serve(service, context, &body).await,
        Operation::RemoveTagsFromStream => remove_tags_from_stream::serve(service, context, &body).await,
        Operation::SplitShard => split_shard::serve(service, context, &body).await,
        Operation::SubscribeToShard => {
            return subscribe_to_shard::serve(service, context, &body).await.map(Answer::Events);
        }
        Operation::TagResource => tag_resource::serve(service, context, &body).await,
        Operation::UntagResource => untag_resource::serve(service, context, &body).await,
        Operation::UpdateMaxRecordSize => update_max_record_size::serve(service, context, &body).await,
        Operation::UpdateShardCount => update_shard_count::serve(service, context, &body).await,
    };
    whole.map(Answer::Whole)
}
