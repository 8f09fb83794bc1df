//! Operations on streams and their shards.

pub(crate) mod create_stream;
pub(crate) mod delete_stream;
pub(crate) mod describe_limits;
pub(crate) mod describe_stream;
pub(crate) mod describe_stream_summary;
pub(crate) mod list_shards;
pub(crate) mod list_streams;
