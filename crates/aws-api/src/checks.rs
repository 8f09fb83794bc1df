//! The order of checks: which refusal wins when several things are wrong with a request.
//!
//! As recorded from the real front end: method, empty body, content type, unreadable body,
//! unknown target, signature. Types and constraints come after, in the operations.

use crate::answer::{PLAIN_JSON, Refusal};
use crate::cbor;
use crate::encoding::{Encoded, Encoding};
use crate::kinesis::Operation;
use crate::model;
use crate::sigv4::{BodyHash, Signer, Verifier};
use anabranch_api::{ApiError, ErrorCode};
use anabranch_types::Timestamp;
use bytes::Bytes;
use http::Method;
use http::header::CONTENT_TYPE;
use http::request::Parts;

/// The prefix of `X-Amz-Target`, before the dot. Source: targetPrefix of the API model.
const TARGET_PREFIX: &str = "Kinesis_20131202";

/// The operation that the target names, if it is built.
pub(crate) fn operation(parts: &Parts) -> Option<Operation> {
    let target = parts.headers.get("x-amz-target")?.to_str().ok()?;
    let (prefix, name) = target.split_once('.')?;
    Operation::from_name(name).filter(|_| prefix == TARGET_PREFIX)
}

/// The encoding that errors are printed in before the content type is judged.
pub(crate) fn encoding_of_errors(parts: &Parts) -> Encoding {
    match content_type(parts) {
        Some(ContentType::Served(encoding)) => encoding,
        Some(ContentType::PlainJson) | None => Encoding::Json,
    }
}

/// The checks that need no body.
pub(crate) fn check_head(parts: &Parts, bytes_max: usize) -> Result<(), Refusal> {
    let uri = parts.uri.path_and_query().map_or(0, |path| path.as_str().len());
    let headers: usize = parts.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if uri + headers > bytes_max {
        return Err(Refusal::HeadTooLarge(encoding_of_errors(parts)));
    }
    if parts.method == Method::POST { Ok(()) } else { Err(Refusal::Unnamed) }
}

/// A request that has passed.
pub(crate) struct Checked {
    pub(crate) operation: Operation,
    pub(crate) signer: Signer,
    pub(crate) body: Encoded,
}

/// All other checks. Whether the body can be read at all is decided by the operation itself
/// where everything else is right: it would be read twice otherwise. Its refusal is the same.
pub(crate) fn check(
    parts: &Parts,
    bytes: Bytes,
    body_hash: &BodyHash,
    verifier: &Verifier,
    now: Timestamp,
) -> Result<Checked, Refusal> {
    let operation = operation(parts);
    let content_type = content_type(parts);
    if bytes.is_empty() {
        let code = if operation.is_some() { ErrorCode::Serialization } else { ErrorCode::UnknownOperation };
        let is_json = content_type == Some(ContentType::Served(Encoding::Json));
        let encoding = if is_json { Encoding::Json } else { Encoding::Cbor };
        return Err(Refusal::Error(ApiError::new(code, ""), encoding));
    }
    let body = match content_type {
        Some(ContentType::Served(encoding)) => Encoded { encoding, bytes },
        Some(ContentType::PlainJson) => {
            let is_readable = is_readable(&Encoded { encoding: Encoding::Json, bytes });
            let code = if is_readable { ErrorCode::UnknownOperation } else { ErrorCode::Serialization };
            return Err(Refusal::PlainJson(code));
        }
        None if parts.headers.contains_key("x-amz-target") => return Err(Refusal::UnknownEncoding),
        None => return Err(Refusal::Unnamed),
    };
    let known = operation.ok_or_else(|| ApiError::new(ErrorCode::UnknownOperation, ""));
    match known.and_then(|operation| Ok((operation, verifier.verify(parts, body_hash, now)?))) {
        Ok((operation, signer)) => Ok(Checked { operation, signer, body }),
        Err(error) => {
            let wins = if is_readable(&body) { error } else { ApiError::new(ErrorCode::Serialization, "") };
            Err(Refusal::Error(wins, body.encoding))
        }
    }
}

/// A content type that the real front end knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ContentType {
    Served(Encoding),
    PlainJson,
}

/// What `Content-Type` says, without its parameters.
fn content_type(parts: &Parts) -> Option<ContentType> {
    let text = parts.headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let media_type = text.split(';').next().unwrap_or(text).trim();
    let served = Encoding::ALL.map(|encoding| (encoding.media_type(), ContentType::Served(encoding)));
    let mut known = served.into_iter().chain([(PLAIN_JSON, ContentType::PlainJson)]);
    known.find(|(name, _)| media_type.eq_ignore_ascii_case(name)).map(|(_, content_type)| content_type)
}

/// Whether a body is an object or a list of its encoding.
fn is_readable(body: &Encoded) -> bool {
    let begins = match body.encoding {
        Encoding::Json => {
            let first = body.bytes.iter().find(|byte| !byte.is_ascii_whitespace());
            matches!(first, Some(b'{' | b'['))
        }
        Encoding::Cbor => cbor::begins_list_or_map(&body.bytes),
    };
    begins && model::is_well_formed(body)
}
