//! DecreaseStreamRetentionPeriod.

use crate::stream_selector::StreamSelector;

/// Makes a stream keep its records for a shorter time. What is older is gone at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecreaseStreamRetentionPeriod {
    /// Which stream.
    pub stream: StreamSelector,
    /// How long records are to be kept, in hours; 24 to 8,760. Source: AWS API reference.
    pub hours: i64,
}
