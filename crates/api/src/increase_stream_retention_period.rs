//! IncreaseStreamRetentionPeriod.

use crate::stream_selector::StreamSelector;

/// Makes a stream keep its records longer. What has expired does not come back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncreaseStreamRetentionPeriod {
    /// Which stream.
    pub stream: StreamSelector,
    /// How long records are to be kept, in hours; 24 to 8,760. Source: AWS API reference.
    pub hours: i64,
}
