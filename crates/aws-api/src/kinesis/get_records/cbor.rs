//! The CBOR of a GetRecords answer and of an event of SubscribeToShard, written into one buffer of its final size.

use crate::cbor;
use crate::kinesis::output;
use crate::kinesis::shard::PrintedChild;
use anabranch_api::{GetRecordsOutput, Record, SubscribeToShardEvent};
use anabranch_types::{SequenceNumber, Timestamp};
use bytes::Bytes;
use serde::{Serialize, Serializer};
use std::cell::Cell;

/// A record's member names, the heads of its values, a sequence number of up to 57 digits and a
/// time.
const RECORD_FRAME_BYTES: usize = 160;

/// The answer's own member names and a number.
const ANSWER_FRAME_BYTES: usize = 128;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    #[serde(serialize_with = "one_by_one")]
    records: Cell<Vec<Record>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_shard_iterator: Option<String>,
    millis_behind_latest: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    child_shards: Vec<PrintedChild>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Event {
    #[serde(serialize_with = "one_by_one")]
    records: Cell<Vec<Record>>,
    #[serde(serialize_with = "output::optional_text", skip_serializing_if = "Option::is_none")]
    continuation_sequence_number: Option<SequenceNumber>,
    millis_behind_latest: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    child_shards: Vec<PrintedChild>,
}

/// EncryptionType is left out, as the service does for streams that are not encrypted.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PrintedRecord {
    #[serde(serialize_with = "output::text")]
    sequence_number: SequenceNumber,
    #[serde(serialize_with = "output::moment")]
    approximate_arrival_timestamp: Timestamp,
    #[serde(serialize_with = "plain")]
    data: Bytes,
    #[serde(serialize_with = "text_of")]
    partition_key: Bytes,
}

/// Each is let go of once it is printed: the answer is as large as all of them.
fn one_by_one<S: Serializer>(records: &Cell<Vec<Record>>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(records.take().into_iter().map(PrintedRecord::from))
}

fn plain<S: Serializer>(data: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(data)
}

fn text_of<S: Serializer>(key: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&String::from_utf8_lossy(key))
}

impl From<Record> for PrintedRecord {
    fn from(record: Record) -> Self {
        PrintedRecord {
            sequence_number: record.sequence_number,
            approximate_arrival_timestamp: record.arrival,
            data: record.data,
            partition_key: record.partition_key,
        }
    }
}

/// Bytes of the printed answer; a little more than needed, but for children.
fn answer_bytes(slice: &GetRecordsOutput) -> usize {
    let iterator = slice.next.as_ref().map_or(0, |iterator| iterator.0.len());
    ANSWER_FRAME_BYTES + iterator + records_bytes(&slice.records)
}

fn records_bytes(records: &[Record]) -> usize {
    let record = |record: &Record| RECORD_FRAME_BYTES + record.data.len() + record.partition_key.len();
    records.iter().map(record).sum()
}

/// Bytes of the printed event, as those of an answer.
pub(in crate::kinesis) fn event_bytes(event: &SubscribeToShardEvent) -> usize {
    ANSWER_FRAME_BYTES + records_bytes(&event.records)
}

/// Appends an event.
pub(in crate::kinesis) fn print_event(event: SubscribeToShardEvent, payload: &mut Vec<u8>) {
    let value = Event {
        records: Cell::new(event.records),
        continuation_sequence_number: event.continuation,
        millis_behind_latest: event.millis_behind_latest,
        child_shards: event.child_shards.into_iter().map(PrintedChild::from).collect(),
    };
    cbor::append(&value, payload);
}

pub(super) fn print(slice: GetRecordsOutput) -> Vec<u8> {
    let mut answer = Vec::with_capacity(answer_bytes(&slice));
    let value = Answer {
        records: Cell::new(slice.records),
        next_shard_iterator: slice.next.map(|iterator| iterator.0),
        millis_behind_latest: slice.millis_behind_latest,
        child_shards: slice.child_shards.into_iter().map(PrintedChild::from).collect(),
    };
    cbor::append(&value, &mut answer);
    answer
}
