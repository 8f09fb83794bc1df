//! DeregisterStreamConsumer.

use crate::consumer::ConsumerSelector;

/// Forgets a consumer of a stream; its subscriptions end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeregisterStreamConsumer {
    /// Which consumer.
    pub consumer: ConsumerSelector,
}
