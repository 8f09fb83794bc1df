//! From a PutRecords body to the bytes that are written, and to its answer.

use aws_lc_rs::digest;
use md5::{Digest, Md5};
use serde::Deserialize;
use std::borrow::Cow;
use std::fmt::Write;

/// One request, parsed.
pub struct Parsed {
    /// Checksummed records, one behind the other.
    pub frame: Vec<u8>,
    /// The answer's body.
    pub answer: String,
}

#[derive(Deserialize)]
struct PutRecords<'a> {
    #[serde(rename = "Records", borrow)]
    records: Vec<Record<'a>>,
}

#[derive(Deserialize)]
struct Record<'a> {
    #[serde(rename = "Data", borrow)]
    data: Cow<'a, str>,
    #[serde(rename = "PartitionKey", borrow)]
    partition_key: Cow<'a, str>,
}

/// Hashes, parses, decodes and checksums `body`.
///
/// # Errors
/// When it is no PutRecords or its data no base64.
pub fn put_records(body: &[u8]) -> anyhow::Result<Parsed> {
    let hash = digest::digest(&digest::SHA256, body);
    let request: PutRecords<'_> = serde_json::from_slice(body)?;
    let mut frame = Vec::with_capacity(body.len());
    frame.extend_from_slice(hash.as_ref());
    let mut answer = String::with_capacity(64 + request.records.len() * 120);
    answer.push_str("{\"FailedRecordCount\":0,\"Records\":[");
    for (index, record) in request.records.iter().enumerate() {
        let start = frame.len();
        let hash_key = Md5::digest(record.partition_key.as_bytes());
        frame.extend_from_slice(&hash_key);
        frame.extend_from_slice(record.partition_key.as_bytes());
        base64_simd::STANDARD.decode_append(record.data.as_bytes(), &mut frame)?;
        let checksum = crc32c::crc32c(&frame[start..]);
        frame.extend_from_slice(&checksum.to_le_bytes());
        let comma = if index == 0 { "" } else { "," };
        let shard = hash_key[0] >> 2;
        write!(answer, "{comma}{{\"SequenceNumber\":\"4966{checksum:052}\",\"ShardId\":\"shardId-{shard:012}\"}}")?;
    }
    answer.push_str("]}");
    Ok(Parsed { frame, answer })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_become_a_frame_and_an_answer() {
        let body = br#"{"Records":[{"Data":"aGk=","PartitionKey":"k"}],"StreamName":"s"}"#;
        let parsed = put_records(body).expect("a PutRecords");
        assert_eq!(parsed.frame.len(), 32 + 16 + 1 + 2 + 4);
        let answer: serde_json::Value = serde_json::from_str(&parsed.answer).expect("JSON");
        assert_eq!(answer["Records"].as_array().map(Vec::len), Some(1));
    }

    #[test]
    fn bad_base64_is_an_error() {
        assert!(put_records(br#"{"Records":[{"Data":"!","PartitionKey":"k"}]}"#).is_err());
    }
}
