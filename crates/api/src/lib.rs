//! The service as both doors see it: one trait, one file per operation, one table of errors.
//!
//! Doors (`aws-api`, `grpc-api`) parse, authenticate, call one method of [`Kinesis`] and
//! print. Every rule about streams lives behind the trait; nothing here knows a wire format.

mod add_tags_to_stream;
mod consumer;
mod context;
mod create_stream;
mod decrease_stream_retention_period;
mod delete_stream;
mod deregister_stream_consumer;
mod describe_limits;
mod describe_stream;
mod describe_stream_consumer;
mod describe_stream_summary;
mod error;
mod get_records;
mod get_shard_iterator;
mod increase_stream_retention_period;
mod list_shards;
mod list_stream_consumers;
mod list_streams;
mod list_tags_for_resource;
mod list_tags_for_stream;
mod merge_shards;
pub mod messages;
mod put_record;
mod put_records;
mod register_stream_consumer;
mod remove_tags_from_stream;
mod resource_arn;
mod service;
mod shard;
mod split_shard;
mod stream_selector;
mod subscribe_to_shard;
mod update_max_record_size;
mod update_shard_count;

pub use consumer::{Consumer, ConsumerSelector, ConsumerStatus};
mod tag_resource;
mod untag_resource;

pub use add_tags_to_stream::AddTagsToStream;
pub use context::{Principal, RequestContext};
pub use create_stream::CreateStream;
pub use decrease_stream_retention_period::DecreaseStreamRetentionPeriod;
pub use delete_stream::DeleteStream;
pub use deregister_stream_consumer::DeregisterStreamConsumer;
pub use describe_limits::AccountLimits;
pub use describe_stream::{DescribeStream, StreamDescription, StreamStatus};
pub use describe_stream_consumer::DescribeStreamConsumer;
pub use describe_stream_summary::{DescribeStreamSummary, StreamDescriptionSummary};
pub use error::{ApiError, ErrorCode};
pub use get_records::{ChildShard, GetRecords, GetRecordsOutput, Record};
pub use get_shard_iterator::{GetShardIterator, IteratorStart, ShardIterator};
pub use increase_stream_retention_period::IncreaseStreamRetentionPeriod;
pub use list_shards::{ListShards, ListShardsOutput, ShardFilter, ShardPage};
pub use list_stream_consumers::{ConsumerPage, ListStreamConsumers, ListStreamConsumersOutput};
pub use list_streams::{ListStreams, ListStreamsOutput, StreamSummary};
pub use list_tags_for_resource::ListTagsForResource;
pub use list_tags_for_stream::{ListTagsForStream, ListTagsForStreamOutput};
pub use merge_shards::MergeShards;
pub use put_record::{PutRecord, PutRecordOutput};
pub use put_records::{PutEntry, PutRecords, PutRecordsOutput, PutResult};
pub use register_stream_consumer::RegisterStreamConsumer;
pub use remove_tags_from_stream::RemoveTagsFromStream;
pub use resource_arn::ResourceArn;
pub use service::Kinesis;
pub use shard::Shard;
pub use split_shard::SplitShard;
pub use stream_selector::StreamSelector;
pub use subscribe_to_shard::{SubscribeToShard, SubscribeToShardEvent};
pub use tag_resource::TagResource;
pub use untag_resource::UntagResource;
pub use update_max_record_size::UpdateMaxRecordSize;
pub use update_shard_count::{UpdateShardCount, UpdateShardCountOutput};
