//! RegisterStreamConsumer.

use anabranch_types::{ConsumerName, StreamArn};

/// Registers a consumer of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterStreamConsumer {
    /// The stream.
    pub stream: StreamArn,
    /// Unique in the stream.
    pub name: ConsumerName,
}
