//! UpdateMaxRecordSize.

use crate::stream_selector::StreamSelector;

/// Changes the largest record that a stream takes; records that are there stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateMaxRecordSize {
    /// Which stream.
    pub stream: StreamSelector,
    /// Data and partition key of one record at most, KiB; 1,024 to 10,240. Source: AWS API reference.
    pub max_record_kib: u32,
}
