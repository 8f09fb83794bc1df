//! DeleteStream.

use crate::stream_selector::StreamSelector;

/// Deletes a stream and its records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteStream {
    /// Which stream.
    pub stream: StreamSelector,
}
