//! A client's half of SigV4, written apart from the verifier so that tests compare two readings
//! of the specification.

use aws_lc_rs::{digest, hmac};

/// The key pair of AWS's published examples.
pub(crate) const ACCESS_KEY: &str = "AKIDEXAMPLE";
/// The secret of AWS's published examples.
pub(crate) const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// Signs by hand-made canonical parts.
pub(crate) struct ClientSigner<'a> {
    pub(crate) secret: &'a str,
    pub(crate) date: &'a str,
    pub(crate) region: &'a str,
    pub(crate) service: &'a str,
}

impl Default for ClientSigner<'_> {
    fn default() -> Self {
        ClientSigner { secret: SECRET, date: "20150830T123600Z", region: "us-east-1", service: "kinesis" }
    }
}

impl ClientSigner<'_> {
    pub(crate) fn scope(&self) -> String {
        format!("{}/{}/{}/aws4_request", &self.date[..8], self.region, self.service)
    }

    /// The signature of a canonical request.
    pub(crate) fn signature(&self, canonical: &str) -> String {
        let to_sign =
            format!("AWS4-HMAC-SHA256\n{}\n{}\n{}", self.date, self.scope(), sha256_hex(canonical.as_bytes()));
        let mut key = format!("AWS4{}", self.secret).into_bytes();
        for part in [&self.date[..8], self.region, self.service, "aws4_request", &to_sign] {
            let hmac_key = hmac::Key::new(hmac::HMAC_SHA256, &key);
            key = hmac::sign(&hmac_key, part.as_bytes()).as_ref().to_vec();
        }
        to_hex(&key)
    }

    /// The `Authorization` header for `POST /` with these headers (lower case, ascending).
    pub(crate) fn authorization(&self, headers: &[(&str, &str)], body: &[u8]) -> String {
        let lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
        let names = names.join(";");
        let canonical = format!("POST\n/\n\n{lines}\n{names}\n{}", sha256_hex(body));
        self.header(&names, &self.signature(&canonical))
    }

    /// The `Authorization` header of these parts.
    pub(crate) fn header(&self, signed_headers: &str, signature: &str) -> String {
        format!(
            "AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/{}, SignedHeaders={signed_headers}, Signature={signature}",
            self.scope()
        )
    }
}

pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    to_hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
