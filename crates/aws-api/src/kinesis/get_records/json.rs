//! The JSON of a GetRecords answer and of an event of SubscribeToShard, written by hand into one buffer of its final size: it can
//! hold 10 MiB of data, which is encoded straight into place.

use crate::kinesis::shard::PrintedChild;
use anabranch_api::{ChildShard, GetRecordsOutput, Record, SubscribeToShardEvent};
use serde::Serialize;
use std::io::Write;

/// A record's member names, punctuation and quotes, a sequence number of up to 57 digits and
/// a time of up to 24 characters.
const RECORD_FRAME_BYTES: usize = 160;

/// The answer's own member names and a number.
const ANSWER_FRAME_BYTES: usize = 128;

/// Bytes of the printed answer at the least; exact but for the slack of the frames, keys that
/// need escapes, and children.
fn answer_bytes(slice: &GetRecordsOutput) -> usize {
    let iterator = slice.next.as_ref().map_or(0, |iterator| iterator.0.len());
    ANSWER_FRAME_BYTES + iterator + records_bytes(&slice.records)
}

fn records_bytes(records: &[Record]) -> usize {
    let record = |record: &Record| {
        RECORD_FRAME_BYTES + base64_simd::STANDARD.encoded_length(record.data.len()) + record.partition_key.len()
    };
    records.iter().map(record).sum()
}

/// Bytes of the printed event, as those of an answer.
pub(in crate::kinesis) fn event_bytes(event: &SubscribeToShardEvent) -> usize {
    ANSWER_FRAME_BYTES + records_bytes(&event.records)
}

/// Appends an event.
pub(in crate::kinesis) fn print_event(event: SubscribeToShardEvent, payload: &mut Vec<u8>) {
    print_records(event.records, payload);
    if let Some(continuation) = event.continuation {
        append(format_args!(",\"ContinuationSequenceNumber\":\"{continuation}\""), payload);
    }
    print_end(event.millis_behind_latest, event.child_shards, payload);
}

pub(super) fn print(slice: GetRecordsOutput) -> Vec<u8> {
    let mut answer = Vec::with_capacity(answer_bytes(&slice));
    print_records(slice.records, &mut answer);
    if let Some(next) = &slice.next {
        answer.extend_from_slice(b",\"NextShardIterator\":");
        append_json(&next.0, &mut answer);
    }
    print_end(slice.millis_behind_latest, slice.child_shards, &mut answer);
    answer
}

/// The opening brace and the records.
fn print_records(records: Vec<Record>, answer: &mut Vec<u8>) {
    answer.extend_from_slice(b"{\"Records\":[");
    // Each is let go of once it is printed: the answer is as large as all of them.
    for (index, record) in records.into_iter().enumerate() {
        if index > 0 {
            answer.push(b',');
        }
        print_record(&record, answer);
    }
    answer.push(b']');
}

/// What follows the place to read on, and the closing brace.
fn print_end(millis_behind_latest: u64, child_shards: Vec<ChildShard>, answer: &mut Vec<u8>) {
    append(format_args!(",\"MillisBehindLatest\":{millis_behind_latest}"), answer);
    if !child_shards.is_empty() {
        let children: Vec<PrintedChild> = child_shards.into_iter().map(PrintedChild::from).collect();
        answer.extend_from_slice(b",\"ChildShards\":");
        append_json(&children, answer);
    }
    answer.push(b'}');
}

/// EncryptionType is left out, as the service does for streams that are not encrypted.
fn print_record(record: &Record, answer: &mut Vec<u8>) {
    append(
        format_args!(
            "{{\"SequenceNumber\":\"{}\",\"ApproximateArrivalTimestamp\":{},\"Data\":\"",
            record.sequence_number, record.arrival
        ),
        answer,
    );
    base64_simd::STANDARD.encode_append(&record.data, answer);
    answer.extend_from_slice(b"\",\"PartitionKey\":");
    append_json(&*String::from_utf8_lossy(&record.partition_key), answer);
    answer.push(b'}');
}

fn append(text: std::fmt::Arguments<'_>, answer: &mut Vec<u8>) {
    answer.write_fmt(text).expect("a vector takes every write");
}

fn append_json<T: Serialize + ?Sized>(value: &T, answer: &mut Vec<u8>) {
    serde_json::to_writer(answer, value).expect("a vector takes every write and the value has text keys only");
}

#[cfg(test)]
mod tests {
    use super::*;
    use anabranch_api::ShardIterator;
    use anabranch_types::{Counter, SequenceNumber, ShardEpoch, ShardId, Timestamp};
    use bytes::Bytes;

    fn record(data: &'static [u8], key: &'static [u8]) -> Record {
        let epoch = ShardEpoch { created_s: 1_742_000_000, shard: ShardId(3) };
        Record {
            sequence_number: SequenceNumber::of_record(epoch, Counter::new(0, 7, 1), Timestamp::EPOCH),
            arrival: Timestamp::from_millis(1_742_000_000_045),
            data: Bytes::from_static(data),
            partition_key: Bytes::from_static(key),
        }
    }

    #[test]
    fn an_answer_of_plain_keys_is_written_without_growing_its_buffer() {
        let slice = GetRecordsOutput {
            records: vec![record(&[7; 100_000], b"key"), record(b"", &[b'k'; 256])],
            next: Some(ShardIterator("A".repeat(512))),
            millis_behind_latest: u64::MAX,
            child_shards: Vec::new(),
        };
        let expected = answer_bytes(&slice);
        let answer = print(slice);
        assert!(answer.len() <= expected && expected - answer.len() < 400, "{} of {expected}", answer.len());
        assert!(answer.capacity() < expected + 64);
    }

    #[test]
    fn keys_with_quotes_controls_or_broken_unicode_print_as_json() {
        let slice = GetRecordsOutput {
            records: vec![record(b"a", b"\"\\\n\x01"), record(b"a", b"\xff")],
            next: None,
            millis_behind_latest: 0,
            child_shards: Vec::new(),
        };
        let json: serde_json::Value = serde_json::from_slice(&print(slice)).expect("json");
        assert_eq!(json["Records"][0]["PartitionKey"], "\"\\\n\u{1}");
        assert_eq!(json["Records"][1]["PartitionKey"], "\u{fffd}");
    }
}
