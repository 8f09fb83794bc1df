//! DeleteStream.

use crate::stream_selector::StreamSelector;

/// Deletes a stream and its records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteStream {
    /// Which stream.
    pub stream: StreamSelector,
    /// Whether its registered consumers go with it; else a stream that has some stays.
    pub enforce_consumer_deletion: bool,
}
