//! A client's half of SigV4, written from what a request means: parts that are not encoded yet.
//!
//! Source: AWS Signature Version 4, "Create a signed request".

use aws_lc_rs::{digest, hmac};

/// Day and region of every signature here.
pub const SCOPE: &str = "20150830/us-east-1/kinesis/aws4_request";

/// What is signed. Nothing is encoded.
#[derive(Debug, Clone, Default)]
pub struct Meaning {
    /// Neither empty nor dots.
    pub segments: Vec<Vec<u8>>,
    /// Whether the path ends with a slash.
    pub is_open: bool,
    /// The query, in its order.
    pub pairs: Vec<(Vec<u8>, Vec<u8>)>,
    /// Names in lower case; one may be there twice.
    pub headers: Vec<(String, Vec<u8>)>,
    /// All of it.
    pub body: Vec<u8>,
}

/// Percent-encoded but for what URIs do not reserve. Source: RFC 3986, 2.3.
pub fn encoded(bytes: &[u8]) -> String {
    let one = |byte: &u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(*byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    bytes.iter().map(one).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// SHA-256 in hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

impl Meaning {
    fn path(&self, encode: impl Fn(&[u8]) -> String) -> String {
        let segments: Vec<String> = self.segments.iter().map(|segment| encode(segment)).collect();
        let end = if self.is_open && !segments.is_empty() { "/" } else { "" };
        format!("/{}{end}", segments.join("/"))
    }

    fn query(&self) -> Vec<String> {
        self.pairs.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect()
    }

    /// Path and query as they are sent.
    pub fn target(&self) -> String {
        let path = self.path(encoded);
        if self.pairs.is_empty() { path } else { format!("{path}?{}", self.query().join("&")) }
    }

    /// The names of all headers, as a signature lists them.
    pub fn names(&self) -> String {
        let mut names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        names.join(";")
    }

    fn canonical(&self) -> Vec<u8> {
        let mut pairs: Vec<(String, String)> =
            self.pairs.iter().map(|(name, value)| (encoded(name), encoded(value))).collect();
        pairs.sort();
        let query: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
        // Each segment is encoded once more than it is when sent.
        let path = self.path(|segment| encoded(encoded(segment).as_bytes()));
        let mut text = format!("POST\n{path}\n{}\n", query.join("&")).into_bytes();
        let names = self.names();
        for name in names.split(';') {
            let values = self.headers.iter().filter(|(header, _)| header == name);
            let values: Vec<Vec<u8>> = values.map(|(_, value)| unspaced(value)).collect();
            text.extend_from_slice(format!("{name}:").as_bytes());
            text.extend_from_slice(&values.join(&b','));
            text.push(b'\n');
        }
        text.extend_from_slice(format!("\n{names}\n{}", sha256(&self.body)).as_bytes());
        text
    }

    /// The signature at `date` with `secret`.
    pub fn signature(&self, date: &str, secret: &str) -> String {
        let to_sign = format!("AWS4-HMAC-SHA256\n{date}\n{SCOPE}\n{}", sha256(&self.canonical()));
        let mut key = format!("AWS4{secret}").into_bytes();
        for part in SCOPE.split('/').chain([to_sign.as_str()]) {
            key = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), part.as_bytes()).as_ref().to_vec();
        }
        hex(&key)
    }
}

/// Without spaces at the ends, and one where there are several.
fn unspaced(value: &[u8]) -> Vec<u8> {
    let words: Vec<&[u8]> = value.split(|byte| *byte == b' ').filter(|word| !word.is_empty()).collect();
    words.join(&b' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_is_encoded_once_and_what_is_signed_twice() {
        let meaning = Meaning {
            segments: vec![b"a b".to_vec()],
            pairs: vec![(b"z".to_vec(), b"/".to_vec()), (b"a".to_vec(), Vec::new())],
            headers: vec![("host".to_owned(), b" x  y ".to_vec()), ("a".to_owned(), b"1".to_vec())],
            ..Meaning::default()
        };
        assert_eq!(meaning.target(), "/a%20b?z=%2F&a=");
        let lines = format!("POST\n/a%2520b\na=&z=%2F\na:1\nhost:x y\n\na;host\n{}", sha256(b""));
        assert_eq!(String::from_utf8(meaning.canonical()).expect("ASCII"), lines);
    }
}
