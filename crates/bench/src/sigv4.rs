//! Signature Version 4 of a POST to `/`, as an AWS SDK makes it.
//!
//! Source: AWS General Reference, "Signature Version 4 signing process". It stands apart from
//! the door's own code, so that a mistake there is not made twice.

use crate::date;
use aws_lc_rs::{digest, hmac};
use std::fmt::Write;
use std::time::{Duration, Instant};

/// The public half of the credential that every request of a bench is signed with.
pub const ACCESS_KEY: &str = "benchaccesskey";
/// The secret half.
pub const SECRET_KEY: &str = "bench-secret-key";

const REGION: &str = "us-east-1";
const CONTENT_TYPE: &str = "application/x-amz-json-1.1";
const SIGNED_HEADERS: &str = "content-type;host;x-amz-date;x-amz-target";

/// How long signatures are used: servers take them for five minutes.
const RENEWED_AFTER: Duration = Duration::from_secs(200);

/// Signs for one host with the keys of one day.
pub struct Signer {
    host: String,
    /// `YYYYMMDDTHHMMSSZ`; servers take it for five minutes.
    date: String,
    key: hmac::Key,
    made_at: Instant,
}

impl Signer {
    /// A signer whose signatures carry the time of this call.
    pub fn new(host: impl ToString) -> Signer {
        Signer::at(host.to_string(), date::now())
    }

    fn at(host: String, date: String) -> Signer {
        let mut key = hmac_sha256(&hmac_key(format!("AWS4{SECRET_KEY}").as_bytes()), &date[..8]);
        for part in [REGION, "kinesis", "aws4_request"] {
            key = hmac_sha256(&hmac_key(&key), part);
        }
        Signer { host, date, key: hmac_key(&key), made_at: Instant::now() }
    }

    /// Takes the time of this call for later signatures, once its own has become old: whether it did.
    pub fn renew(&mut self) -> bool {
        let is_old = self.made_at.elapsed() > RENEWED_AFTER;
        if is_old {
            *self = Signer::new(&self.host);
        }
        is_old
    }

    /// Puts the signed request for `operation` with this body into `request`, head and body.
    pub fn sign(&self, operation: &str, body: &[u8], request: &mut Vec<u8>) {
        let (host, date) = (&self.host, &self.date);
        let target = format!("Kinesis_20131202.{operation}");
        let hash = hex(digest::digest(&digest::SHA256, body).as_ref());
        let headers = format!("content-type:{CONTENT_TYPE}\nhost:{host}\nx-amz-date:{date}\nx-amz-target:{target}\n");
        let canonical = format!("POST\n/\n\n{headers}\n{SIGNED_HEADERS}\n{hash}");
        let scope = format!("{}/{REGION}/kinesis/aws4_request", &date[..8]);
        let canonical_hash = hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
        let signature = hex(&hmac_sha256(&self.key, &format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{canonical_hash}")));
        let head = format!(
            "POST / HTTP/1.1\r\nHost: {host}\r\nContent-Type: {CONTENT_TYPE}\r\nX-Amz-Date: {date}\r\n\
             X-Amz-Target: {target}\r\nAuthorization: AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/{scope}, \
             SignedHeaders={SIGNED_HEADERS}, Signature={signature}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        request.clear();
        request.extend_from_slice(head.as_bytes());
        request.extend_from_slice(body);
    }
}

fn hmac_key(bytes: &[u8]) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, bytes)
}

fn hmac_sha256(key: &hmac::Key, text: &str) -> Vec<u8> {
    hmac::sign(key, text.as_bytes()).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes all text");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_renewed_before_servers_refuse_it() {
        let mut signer = Signer::at("127.0.0.1:4567".to_owned(), "20260102T030405Z".to_owned());
        assert!(!signer.renew());
        signer.made_at -= RENEWED_AFTER + Duration::from_secs(1);
        assert!(signer.renew());
        assert_ne!(signer.date, "20260102T030405Z");
        assert!(!signer.renew());
    }

    #[test]
    fn a_request_carries_date_target_and_a_signature_of_its_body() {
        let signer = Signer::at("127.0.0.1:4567".to_owned(), "20260102T030405Z".to_owned());
        let sign = |body: &[u8]| {
            let mut request = Vec::new();
            signer.sign("ListStreams", body, &mut request);
            String::from_utf8(request).expect("head and body are text")
        };
        let (empty, other) = (sign(b"{}"), sign(b"[]"));
        assert!(empty.contains("Credential=benchaccesskey/20260102/us-east-1/kinesis/aws4_request, "), "{empty}");
        assert!(empty.contains("X-Amz-Target: Kinesis_20131202.ListStreams\r\n"), "{empty}");
        assert!(empty.ends_with("Content-Length: 2\r\n\r\n{}"), "{empty}");
        let signature = |request: &str| request.split("Signature=").nth(1).map(|rest| rest[..64].to_owned());
        assert_ne!(signature(&empty), signature(&other));
    }
}
