//! What is sent: random records, and PutRecords requests that are signed before the run so that
//! sending them costs little.

use crate::sigv4::Signer;
use memchr::memmem;
use std::fmt::Write;

const OPERATION: &str = "PutRecords";

/// The shape of one PutRecords request, or of one batch of a produce stream.
#[derive(Debug, Clone, Copy)]
pub struct Batch {
    /// Records in it.
    pub records: usize,
    /// Bytes of each record's data.
    pub record_bytes: usize,
}

/// Different signed requests that are sent in turn, and signed anew when their signatures get old.
pub struct PutRequests {
    signer: Signer,
    /// How often the signer was renewed, and with which of these signers each request was signed.
    renewed: u64,
    requests: Vec<(u64, Vec<u8>)>,
    next: usize,
}

impl PutRequests {
    /// `count` of them. Data is random, so that nothing compresses it, and every record has its own
    /// random partition key.
    pub fn prepare(signer: Signer, stream: &str, batch: Batch, count: usize) -> PutRequests {
        let requests = (0..count).map(|_| {
            let mut request = Vec::new();
            signer.sign(OPERATION, body(stream, batch).as_bytes(), &mut request);
            (0, request)
        });
        PutRequests { requests: requests.collect(), signer, renewed: 0, next: 0 }
    }

    /// The next one, whose signature servers take.
    pub fn next(&mut self) -> &[u8] {
        self.renewed += u64::from(self.signer.renew());
        let at = self.next % self.requests.len();
        self.next += 1;
        let (signed_with, request) = &mut self.requests[at];
        if *signed_with != self.renewed {
            let head = memmem::find(request, b"\r\n\r\n").map_or(0, |end| end + 4);
            let body = request.split_off(head);
            self.signer.sign(OPERATION, &body, request);
            *signed_with = self.renewed;
        }
        request
    }
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
    fn requests_come_in_turn_and_again() {
        let batch = Batch { records: 1, record_bytes: 10 };
        let mut requests = PutRequests::prepare(Signer::new("127.0.0.1:1"), "s", batch, 2);
        let seen: Vec<Vec<u8>> = (0..3).map(|_| requests.next().to_vec()).collect();
        assert_ne!(seen[0], seen[1]);
        assert_eq!(seen[0], seen[2]);
    }

    #[test]
    fn a_request_of_an_older_signer_is_signed_anew_with_the_same_body() {
        let batch = Batch { records: 1, record_bytes: 10 };
        let mut requests = PutRequests::prepare(Signer::new("127.0.0.1:1"), "s", batch, 1);
        let body = |request: &[u8]| request[memmem::find(request, b"\r\n\r\n").expect("a head")..].to_vec();
        let before = requests.next().to_vec();
        requests.signer = Signer::new("127.0.0.1:2");
        requests.renewed = 1;
        let after = requests.next().to_vec();
        assert_ne!(before, after);
        assert_eq!(body(&before), body(&after));
        assert_eq!(requests.next(), after);
    }

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
