//! The service as both doors see it: one trait, one file per operation, one table of errors.
//!
//! Doors (`aws-api`, `grpc-api`) parse, authenticate, call one method of [`Kinesis`] and
//! print. Every rule about streams lives behind the trait; nothing here knows a wire format.

mod add_tags_to_stream;
mod context;
mod create_stream;
mod delete_stream;
mod describe_limits;
mod describe_stream;
mod describe_stream_summary;
mod error;
mod get_records;
mod get_shard_iterator;
mod list_shards;
mod list_streams;
mod list_tags_for_resource;
mod list_tags_for_stream;
pub mod messages;
mod put_record;
mod put_records;
mod remove_tags_from_stream;
mod resource_arn;
mod service;
mod shard;
mod stream_selector;
mod tag_resource;
mod untag_resource;

pub use add_tags_to_stream::AddTagsToStream;
pub use context::{Principal, RequestContext};
pub use create_stream::CreateStream;
pub use delete_stream::DeleteStream;
pub use describe_limits::AccountLimits;
pub use describe_stream::{DescribeStream, StreamDescription, StreamStatus};
pub use describe_stream_summary::{DescribeStreamSummary, StreamDescriptionSummary};
pub use error::{ApiError, ErrorCode};
pub use get_records::{ChildShard, GetRecords, GetRecordsOutput, Record};
pub use get_shard_iterator::{GetShardIterator, IteratorStart, ShardIterator};
pub use list_shards::{ListShards, ListShardsOutput, ShardFilter, ShardPage};
pub use list_streams::{ListStreams, ListStreamsOutput, StreamSummary};
pub use list_tags_for_resource::ListTagsForResource;
pub use list_tags_for_stream::{ListTagsForStream, ListTagsForStreamOutput};
pub use put_record::{PutRecord, PutRecordOutput};
pub use put_records::{PutEntry, PutRecords, PutRecordsOutput, PutResult};
pub use remove_tags_from_stream::RemoveTagsFromStream;
pub use resource_arn::ResourceArn;
pub use service::Kinesis;
pub use shard::Shard;
pub use stream_selector::StreamSelector;
pub use tag_resource::TagResource;
pub use untag_resource::UntagResource;
