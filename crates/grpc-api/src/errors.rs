//! Errors on the wire: the one table of gRPC statuses, and the typed details that go with them.

use anabranch_api::{ApiError, ErrorCode};
use anabranch_proto::v1 as proto;
use bytes::Bytes;
use prost::Message;
use std::borrow::Cow;
use tonic::{Code, Status};

/// Texts of errors that are longer, in bytes, lose their middle. A status travels in headers, of
/// which connections take 16 KiB: the text is there three times, once with up to three bytes for one.
const TEXT_BYTES_MAX: usize = 1_024;
/// What is kept of the end: a rule stands behind the value that breaks it.
const TEXT_END_BYTES: usize = 384;
/// Stands for what was cut out.
const CUT: &str = " … ";

/// A refused or failed call, with the field that is at fault where one is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CallError {
    pub error: ApiError,
    /// As a path in the request; empty when the error is not about one field.
    pub field: String,
}

impl CallError {
    /// A field of the request breaks a rule, which `rule` says: "must be …".
    pub fn field(field: impl Into<String>, rule: &str) -> Self {
        let field = field.into();
        CallError { error: ApiError::new(ErrorCode::Validation, format!("{field} {rule}")), field }
    }

    /// The service's own error about a value of this field.
    pub fn about(field: impl Into<String>, error: ApiError) -> Self {
        CallError { error, field: field.into() }
    }

    /// The same, where the message is a part of a larger one: `outer.` goes before the field.
    pub fn within(self, outer: &str) -> Self {
        let field = format!("{outer}.{}", self.field);
        let message = match self.error.message.strip_prefix(&self.field) {
            Some(rule) if self.error.code == ErrorCode::Validation => format!("{field}{rule}").into(),
            _ => self.error.message,
        };
        CallError { error: ApiError { message, ..self.error }, field }
    }

    /// As the message that clients read.
    pub fn to_message(&self) -> proto::Error {
        error_message(&self.error, &self.field)
    }

    /// As the status of a call, with [`proto::Error`] as its details.
    pub fn to_status(&self) -> Status {
        let (code, message) = (status_code(self.error.code), bounded(&self.error.message).into_owned());
        let details = Details {
            code: code as i32,
            message: message.clone(),
            details: vec![prost_types::Any {
                type_url: "type.googleapis.com/anabranch.v1.Error".to_owned(),
                value: self.to_message().encode_to_vec(),
            }],
        };
        Status::with_details(code, message, Bytes::from(details.encode_to_vec()))
    }
}

impl From<ApiError> for CallError {
    fn from(error: ApiError) -> Self {
        CallError { error, field: String::new() }
    }
}

/// As the message that clients read.
pub(crate) fn error_message(error: &ApiError, field: &str) -> proto::Error {
    proto::Error {
        code: error.code.name().to_owned(),
        message: bounded(&error.message).into_owned(),
        field: field.to_owned(),
        retry_after: error.retry_after.and_then(|span| prost_types::Duration::try_from(span).ok()),
    }
}

/// `text` in at most [`TEXT_BYTES_MAX`]: what a client sent and an error quotes may be of any length.
fn bounded(text: &str) -> Cow<'_, str> {
    if text.len() <= TEXT_BYTES_MAX {
        return Cow::Borrowed(text);
    }
    let head = text.floor_char_boundary(TEXT_BYTES_MAX - TEXT_END_BYTES - CUT.len());
    let end = text.ceil_char_boundary(text.len() - TEXT_END_BYTES);
    Cow::Owned([&text[..head], CUT, &text[end..]].concat())
}

/// google.rpc.Status, which every client library finds in `grpc-status-details-bin`. Source:
/// github.com/googleapis/googleapis, google/rpc/status.proto.
#[derive(Clone, PartialEq, Message)]
struct Details {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<prost_types::Any>,
}

/// The one table (D10). Generic clients retry UNAVAILABLE; RESOURCE_EXHAUSTED says when.
pub(crate) const fn status_code(code: ErrorCode) -> Code {
    match code {
        ErrorCode::AccessDenied => Code::PermissionDenied,
        ErrorCode::ExpiredToken
        | ErrorCode::IncompleteSignature
        | ErrorCode::InvalidSignature
        | ErrorCode::MissingAuthenticationToken
        | ErrorCode::UnrecognizedClient => Code::Unauthenticated,
        ErrorCode::ExpiredIterator | ErrorCode::ExpiredNextToken | ErrorCode::ResourceInUse => Code::FailedPrecondition,
        ErrorCode::InternalFailure => Code::Internal,
        ErrorCode::InvalidArgument | ErrorCode::Serialization | ErrorCode::Validation => Code::InvalidArgument,
        ErrorCode::LimitExceeded | ErrorCode::ProvisionedThroughputExceeded => Code::ResourceExhausted,
        ErrorCode::RequestEntityTooLarge => Code::OutOfRange,
        ErrorCode::ResourceNotFound => Code::NotFound,
        ErrorCode::ServiceUnavailable => Code::Unavailable,
        ErrorCode::UnknownOperation => Code::Unimplemented,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_status_carries_code_field_and_retry_hint_as_typed_details() {
        let error = ApiError::new(ErrorCode::ProvisionedThroughputExceeded, "slow down");
        let error = CallError::about("entries[2]", error.with_retry_after(Duration::from_millis(1_500)));
        let status = error.to_status();
        assert_eq!((status.code(), status.message()), (Code::ResourceExhausted, "slow down"));
        let details = Details::decode(status.details()).expect("a google.rpc.Status");
        assert_eq!((details.code, details.message.as_str()), (8, "slow down"));
        assert_eq!(details.details[0].type_url, "type.googleapis.com/anabranch.v1.Error");
        let typed = proto::Error::decode(&*details.details[0].value).expect("an Error");
        assert_eq!(
            (typed.code.as_str(), typed.field.as_str()),
            ("ProvisionedThroughputExceededException", "entries[2]")
        );
        assert_eq!(typed.retry_after, Some(prost_types::Duration { seconds: 1, nanos: 500_000_000 }));
    }

    #[test]
    fn a_rule_names_its_field_from_the_outside_in() {
        let error = CallError::field("partition_key", "must not be empty").within("entries[7]").within("batch");
        assert_eq!(error.field, "batch.entries[7].partition_key");
        assert_eq!(error.error.message, "batch.entries[7].partition_key must not be empty");
        let told = CallError::about("name", ApiError::new(ErrorCode::InvalidArgument, "name is odd")).within("stream");
        assert_eq!((told.field.as_str(), told.error.message.as_ref()), ("stream.name", "name is odd"));
    }

    #[test]
    fn an_error_that_quotes_all_that_a_client_sent_fits_into_the_headers_of_a_connection() {
        let text = format!("Value '{}' at 'name' must be shorter.", "ß".repeat(100_000));
        let error = ApiError::new(ErrorCode::Validation, text).with_retry_after(Duration::from_secs(1));
        let status = CallError::about("entries[2].name", error).to_status();
        let headers = status.clone().into_http::<()>().into_parts().0.headers;
        let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        assert!(bytes < 8 << 10, "{bytes}");
        assert!(
            status.message().starts_with("Value 'ßß") && status.message().ends_with("ß' at 'name' must be shorter.")
        );
        let details = Details::decode(status.details()).expect("a google.rpc.Status");
        let typed = proto::Error::decode(&*details.details[0].value).expect("an Error");
        assert_eq!((typed.code.as_str(), typed.field.as_str()), ("ValidationException", "entries[2].name"));
        assert!(typed.retry_after.is_some() && typed.message == status.message());
    }

    #[test]
    fn a_text_is_cut_between_its_letters_and_only_where_it_is_long() {
        for length in 0..TEXT_BYTES_MAX {
            let (short, long) = ("a".repeat(length), format!("{}{}", "a".repeat(length), "€".repeat(1_000)));
            assert_eq!(bounded(&short), short);
            assert!(bounded(&long).len() <= TEXT_BYTES_MAX && bounded(&long).ends_with("€€"));
        }
        assert_eq!(bounded(&"a".repeat(TEXT_BYTES_MAX)).len(), TEXT_BYTES_MAX);
    }

    #[test]
    fn no_error_is_called_ok() {
        assert!(
            ErrorCode::ALL.iter().all(|code| status_code(*code) != Code::Ok && status_code(*code) != Code::Unknown)
        );
    }
}
