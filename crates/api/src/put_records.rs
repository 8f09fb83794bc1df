//! PutRecords.

use crate::error::ApiError;
use crate::put_record::PutRecordOutput;
use crate::stream_selector::StreamSelector;
use anabranch_types::{HashKey, PartitionKey};
use bytes::Bytes;

/// One record to write. Data and key together hold at most the stream's record limit.
#[derive(Debug, Clone)]
pub struct PutEntry {
    /// The record's bytes, decoded.
    pub data: Bytes,
    /// Kept with the record.
    pub partition_key: PartitionKey,
    /// Routes instead of the key's hash.
    pub explicit_hash_key: Option<HashKey>,
}

/// Writes 1 to 500 records, each for itself: some may fail. A shard takes its records of one call in
/// their order, and a limit of its that is used up stays so to the end of the call: behind a refused
/// record of a shard none is written.
#[derive(Debug, Clone)]
pub struct PutRecords {
    /// Which stream.
    pub stream: StreamSelector,
    /// The records.
    pub entries: Vec<PutEntry>,
}

/// One record's fate.
pub type PutResult = Result<PutRecordOutput, ApiError>;

/// Every record's fate, in the order of the request.
#[derive(Debug, Clone)]
pub struct PutRecordsOutput {
    /// One per entry. Errors are ProvisionedThroughputExceeded or InternalFailure.
    pub results: Vec<PutResult>,
}
