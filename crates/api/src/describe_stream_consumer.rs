//! DescribeStreamConsumer.

use crate::consumer::ConsumerSelector;

/// Asks for one consumer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribeStreamConsumer {
    /// Which consumer.
    pub consumer: ConsumerSelector,
}
