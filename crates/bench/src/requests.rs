//! What is sent: random records, and PutRecords requests that are signed before the run so that
//! sending them costs little.

use crate::sigv4::Signer;
use std::fmt::Write;

/// The shape of one PutRecords request, or of one batch of a produce stream.
#[derive(Debug, Clone, Copy)]
pub struct Batch {
    /// Records in it.
    pub records: usize,
    /// Bytes of each record's data.
    pub record_bytes: usize,
}

/// `count` different signed requests. Data is random, so that nothing compresses it, and every
/// record has its own random partition key.
pub fn put_records(signer: &Signer, stream: &str, batch: Batch, count: usize) -> Vec<Vec<u8>> {
    (0..count)
        .map(|_| {
            let mut request = Vec::new();
            signer.sign("PutRecords", body(stream, batch).as_bytes(), &mut request);
            request
        })
        .collect()
}

fn body(stream: &str, batch: Batch) -> String {
    let mut data = vec![0; batch.record_bytes];
    let mut body = String::from("{\"Records\":[");
    for index in 0..batch.records {
        random(&mut data);
        let comma = if index == 0 { "" } else { "," };
        let key = random_key();
        let data = base64_simd::STANDARD.encode_to_string(&data);
        write!(body, "{comma}{{\"Data\":\"{data}\",\"PartitionKey\":\"{key}\"}}").expect("a String takes all text");
    }
    write!(body, "],\"StreamName\":\"{stream}\"}}").expect("a String takes all text");
    body
}

/// A partition key of 20 bytes.
pub fn random_key() -> String {
    let mut key = [0; 8];
    random(&mut key);
    format!("key-{:016x}", u64::from_le_bytes(key))
}

/// Fills them.
pub fn random(bytes: &mut [u8]) {
    aws_lc_rs::rand::fill(bytes).expect("the system has random bytes");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_holds_the_batch() {
        let body = body("s", Batch { records: 3, record_bytes: 10 });
        let parsed: serde_json::Value = serde_json::from_str(&body).expect("JSON");
        let records = parsed["Records"].as_array().expect("a list");
        assert_eq!((records.len(), parsed["StreamName"].as_str()), (3, Some("s")));
        let data = records[0]["Data"].as_str().expect("text");
        assert_eq!(base64_simd::STANDARD.decode_to_vec(data).expect("base64").len(), 10);
        assert_ne!(records[0]["PartitionKey"], records[1]["PartitionKey"]);
    }
}
