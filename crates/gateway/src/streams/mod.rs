//! Operations on streams and their shards.

pub(crate) mod create_stream;
pub(crate) mod decrease_stream_retention_period;
pub(crate) mod delete_stream;
pub(crate) mod describe_limits;
pub(crate) mod describe_stream;
pub(crate) mod describe_stream_summary;
pub(crate) mod increase_stream_retention_period;
pub(crate) mod list_shards;
pub(crate) mod list_streams;
pub(crate) mod merge_shards;
mod reshard;
mod retention;
pub(crate) mod split_shard;
pub(crate) mod update_max_record_size;
pub(crate) mod update_shard_count;
