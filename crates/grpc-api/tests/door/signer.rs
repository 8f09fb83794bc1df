//! Signs a call as docs/GRPC.md says, written apart from the verifier.

use aws_lc_rs::{digest, hmac};

pub const ACCESS_KEY: &str = "AKIDEXAMPLE";
pub const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
/// The date of [`crate::world::NOW`].
pub const DATE: &str = "20150830T123600Z";

/// The `authorization` of a call of `path` at `host`.
pub fn authorization(path: &str, secret: &str, host: &str) -> String {
    let day = &DATE[..8];
    let scope = format!("{day}/eu-west-1/kinesis/aws4_request");
    let names = "host;x-amz-content-sha256;x-amz-date";
    let canonical = format!(
        "POST\n{path}\n\nhost:{host}\nx-amz-content-sha256:UNSIGNED-PAYLOAD\nx-amz-date:{DATE}\n\n{names}\nUNSIGNED-PAYLOAD"
    );
    let hash = hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
    let to_sign = format!("AWS4-HMAC-SHA256\n{DATE}\n{scope}\n{hash}");
    let mut key = format!("AWS4{secret}").into_bytes();
    for part in [day, "eu-west-1", "kinesis", "aws4_request", &to_sign] {
        key = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), part.as_bytes()).as_ref().to_vec();
    }
    format!("AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/{scope}, SignedHeaders={names}, Signature={}", hex(&key))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
