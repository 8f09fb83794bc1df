//! The quotas of Amazon Kinesis Data Streams, each with its unit and source.

use std::time::Duration;

/// Bytes a shard takes per second. Source: AWS quotas and limits, 1 MB/s (counted as MiB).
pub const SHARD_WRITE_BYTES_PER_SECOND: u64 = 1024 * 1024;
/// Records a shard takes per second. Source: AWS quotas and limits.
pub const SHARD_WRITE_RECORDS_PER_SECOND: u64 = 1_000;
/// Bytes all GetRecords callers of a shard get per second. Source: AWS quotas and limits, 2 MB/s.
pub const SHARD_READ_BYTES_PER_SECOND: u64 = 2 * 1024 * 1024;
/// GetRecords calls a shard answers per second. Source: AWS quotas and limits.
pub const SHARD_READ_CALLS_PER_SECOND: u64 = 5;
/// Data and partition key of one record, unless the stream allows more. Source: AWS PutRecord.
pub const RECORD_BYTES_DEFAULT: u64 = 1024 * 1024;
/// The most that a stream can allow for one record. Source: AWS UpdateMaxRecordSize.
pub const RECORD_BYTES_MAX: u64 = 10 * 1024 * 1024;
/// Records of one PutRecords call. Source: AWS PutRecords.
pub const PUT_RECORDS_COUNT_MAX: usize = 500;
/// Data and partition keys of one PutRecords call. Source: AWS PutRecords.
pub const PUT_RECORDS_BYTES_MAX: u64 = 10 * 1024 * 1024;
/// Records of one GetRecords answer. Source: AWS GetRecords.
pub const GET_RECORDS_COUNT_MAX: usize = 10_000;
/// Data of one GetRecords answer. Source: AWS GetRecords.
pub const GET_RECORDS_BYTES_MAX: u64 = 10 * 1024 * 1024;
/// How long a shard iterator stays valid. Source: AWS GetShardIterator.
pub const ITERATOR_VALID: Duration = Duration::from_secs(300);
/// How long a page token stays valid. Source: AWS ListShards.
pub const NEXT_TOKEN_VALID: Duration = Duration::from_secs(300);
/// How long a new stream keeps its records, and the shortest that a stream keeps them. Source: AWS
/// CreateStream, DecreaseStreamRetentionPeriod.
pub const RETENTION_DEFAULT: Duration = Duration::from_secs(24 * 3600);
/// The longest that a stream keeps its records. Source: AWS IncreaseStreamRetentionPeriod.
pub const RETENTION_MAX: Duration = Duration::from_secs(8_760 * 3600);
/// Shards of one account. Source: AWS quotas and limits, the largest regions.
pub const SHARDS_PER_ACCOUNT_MAX: u32 = 20_000;
/// On-demand streams of one account. Source: AWS quotas and limits.
pub const ON_DEMAND_STREAMS_PER_ACCOUNT_MAX: u32 = 50;
/// Tags of one stream. Source: AWS AddTagsToStream.
pub const TAGS_PER_STREAM_MAX: usize = 50;
/// Shards on one page of DescribeStream. Source: AWS DescribeStream.
pub const DESCRIBE_STREAM_SHARDS_MAX: usize = 100;
/// Shards on one page of ListShards when MaxResults is absent. Source: AWS ListShards.
pub const LIST_SHARDS_DEFAULT: usize = 1_000;
/// Names on one page of ListStreams when Limit is absent. Source: AWS ListStreams.
pub const LIST_STREAMS_DEFAULT: usize = 100;
/// Consumers of one stream. Source: AWS quotas and limits, the default.
pub const CONSUMERS_PER_STREAM_MAX: u32 = 20;
/// Bytes each consumer gets of a shard per second. Source: AWS quotas and limits, 2 MB/s.
pub const CONSUMER_READ_BYTES_PER_SECOND: u64 = 2 * 1024 * 1024;
/// How long a subscription lasts. Source: AWS SubscribeToShard.
pub const SUBSCRIPTION_LASTS: Duration = Duration::from_secs(300);
/// How long a subscription keeps its consumer's place at the shard from the next one. Source: AWS
/// SubscribeToShard.
pub const SUBSCRIPTION_TAKEOVER_AFTER: Duration = Duration::from_secs(5);
/// Consumers on one page of ListStreamConsumers when MaxResults is absent. Source: AWS
/// ListStreamConsumers.
pub const LIST_STREAM_CONSUMERS_DEFAULT: usize = 100;
/// How far a signature's date may be off. Source: AWS Signature Version 4.
pub const SIGNATURE_SKEW_MAX: Duration = Duration::from_secs(300);
