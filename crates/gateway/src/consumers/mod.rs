//! The operations about registered consumers, one file each.

pub(crate) mod deregister_stream_consumer;
pub(crate) mod describe_stream_consumer;
pub(crate) mod list_stream_consumers;
pub(crate) mod named;
pub(crate) mod register_stream_consumer;
pub(crate) mod subscribe_to_shard;
mod subscription;

pub use subscription::Subscription;
