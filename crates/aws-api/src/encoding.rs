//! The encodings that requests, answers and errors come in.

use bytes::Bytes;

/// How a request's body is encoded, and so how its answer and its errors are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// JSON 1.1, the encoding of all SDKs but Java's.
    Json,
    /// CBOR 1.1, the encoding of the SDKs for Java.
    Cbor,
}

impl Encoding {
    /// Every encoding.
    pub const ALL: [Encoding; 2] = [Encoding::Json, Encoding::Cbor];

    /// As `Content-Type` names it.
    pub const fn media_type(self) -> &'static str {
        match self {
            Encoding::Json => "application/x-amz-json-1.1",
            Encoding::Cbor => "application/x-amz-cbor-1.1",
        }
    }
}

/// The body of a request or an answer, and how it is encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// The encoding.
    pub encoding: Encoding,
    /// The body as it is on the wire.
    pub bytes: Bytes,
}
