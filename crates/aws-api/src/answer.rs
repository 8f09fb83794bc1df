//! Prints answers and refusals, in the encoding that the request came in.
//!
//! Knows forms only: which refusal wins is decided in `checks.rs`.

use crate::cbor;
use crate::encoding::{Encoded, Encoding};
use crate::event_stream::{self, EventBody};
use anabranch_api::{ApiError, ErrorCode};
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::{Either, Full};
use serde::Serialize;

/// The body of every answer: whole, or an event stream.
pub type DoorBody = Either<Full<Bytes>, EventBody>;

/// Plain JSON, which the real front end knows and serves nothing in.
pub(crate) const PLAIN_JSON: &str = "application/json";

/// A request that is not served, with all that its answer depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// An error of the service's vocabulary, in the encoding of the request.
    Error(ApiError, Encoding),
    /// A request in [`PLAIN_JSON`], refused by this code.
    PlainJson(ErrorCode),
    /// The body came too slowly. Not in the vocabulary of the service: an error of HTTP.
    RequestTimeout(Encoding),
    /// Path and headers are larger than the limit. An error of HTTP as well.
    HeadTooLarge(Encoding),
    /// 403: nothing names an operation.
    Unnamed,
    /// 404: an operation in an encoding that does not exist.
    UnknownEncoding,
}

impl Refusal {
    /// The code as metrics and logs call it.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Refusal::Error(error, _) => error.code.name(),
            Refusal::PlainJson(code) => code.name(),
            Refusal::RequestTimeout(_) => "RequestTimeoutException",
            Refusal::HeadTooLarge(_) => "RequestHeaderFieldsTooLargeException",
            Refusal::Unnamed => ErrorCode::AccessDenied.name(),
            Refusal::UnknownEncoding => ErrorCode::UnknownOperation.name(),
        }
    }

    /// Prints the refusal. The XML texts are the recorded ones.
    pub(crate) fn print(&self) -> Response<DoorBody> {
        match self {
            Refusal::Error(error, encoding) => {
                print_error(status_of(error.code), error.code.name(), &error.message, *encoding)
            }
            Refusal::PlainJson(code) => print_plain_json(*code),
            Refusal::RequestTimeout(encoding) => {
                print_error(StatusCode::REQUEST_TIMEOUT, self.code(), "The request body came too slowly.", *encoding)
            }
            Refusal::HeadTooLarge(encoding) => print_error(
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                self.code(),
                "The path and headers of the request are too large.",
                *encoding,
            ),
            Refusal::Unnamed => xml(
                StatusCode::FORBIDDEN,
                "<AccessDeniedException>\n  <Message>Unable to determine service/operation name to be \
                 authorized</Message>\n</AccessDeniedException>\n",
            ),
            Refusal::UnknownEncoding => xml(StatusCode::NOT_FOUND, "<UnknownOperationException/>\n"),
        }
    }
}

fn status_of(code: ErrorCode) -> StatusCode {
    StatusCode::from_u16(code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// The answer of an operation; zero bytes for one without output.
pub(crate) fn success(output: Encoded) -> Response<DoorBody> {
    answer(StatusCode::OK, output.encoding.media_type(), output.bytes)
}

/// An answer with the headers that belong to its body.
pub(crate) fn answer(status: StatusCode, content_type: &'static str, body: Bytes) -> Response<DoorBody> {
    let length = HeaderValue::from(body.len());
    let mut response = Response::new(Either::Left(Full::new(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response.headers_mut().insert(CONTENT_LENGTH, length);
    response
}

/// An event stream; how long it will be is not known.
pub(crate) fn events(body: EventBody) -> Response<DoorBody> {
    let mut response = Response::new(Either::Right(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(event_stream::MEDIA_TYPE));
    response
}

fn xml(status: StatusCode, text: &'static str) -> Response<DoorBody> {
    answer(status, "text/xml", Bytes::from_static(text.as_bytes()))
}

/// An empty message is left out, as the front end does where it refuses on its own.
fn print_error(status: StatusCode, name: &str, message: &str, encoding: Encoding) -> Response<DoorBody> {
    let body = match encoding {
        Encoding::Json => Bytes::from(json_error(name, message)),
        Encoding::Cbor => Bytes::from(cbor_error(name, message)),
    };
    answer(status, encoding.media_type(), body)
}

fn print_plain_json(code: ErrorCode) -> Response<DoorBody> {
    let body = format!(r#"{{"Output":{{"__type":"com.amazon.coral.service#{}"}},"Version":"1.0"}}"#, code.name());
    let status = if code == ErrorCode::UnknownOperation { StatusCode::NOT_FOUND } else { status_of(code) };
    answer(status, PLAIN_JSON, body.into())
}

/// `{"__type":name,"message":message}`. A SerializationException spells it `Message`.
fn json_error(name: &str, message: &str) -> String {
    if message.is_empty() {
        return format!(r#"{{"__type":"{name}"}}"#);
    }
    let key = if name == ErrorCode::Serialization.name() { "Message" } else { "message" };
    let message = serde_json::Value::from(message);
    format!(r#"{{"__type":"{name}","{key}":{message}}}"#)
}

/// The same in CBOR, where every error spells it `message`.
fn cbor_error(name: &str, message: &str) -> Vec<u8> {
    #[derive(Serialize)]
    struct Body<'a> {
        #[serde(rename = "__type")]
        name: &'a str,
        #[serde(skip_serializing_if = "str::is_empty")]
        message: &'a str,
    }
    let mut bytes = Vec::new();
    cbor::append(&Body { name, message }, &mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_print_their_type_and_message() {
        assert_eq!(
            json_error("ValidationException", "a \"b\"\n"),
            r#"{"__type":"ValidationException","message":"a \"b\"\n"}"#
        );
        assert_eq!(json_error("SerializationException", "x"), r#"{"__type":"SerializationException","Message":"x"}"#);
        assert_eq!(json_error("UnknownOperationException", ""), r#"{"__type":"UnknownOperationException"}"#);
    }

    #[test]
    fn errors_in_cbor_are_maps_of_indefinite_length_as_recorded() {
        assert_eq!(cbor_error("E", "m"), b"\xbf\x66__type\x61E\x67message\x61m\xff");
        assert_eq!(cbor_error("SerializationException", ""), b"\xbf\x66__type\x76SerializationException\xff");
    }

    #[test]
    fn every_code_prints_its_own_status() {
        for code in ErrorCode::ALL {
            let response = Refusal::Error(ApiError::new(*code, "m"), Encoding::Json).print();
            assert_eq!(response.status().as_u16(), code.http_status(), "{}", code.name());
        }
    }
}
