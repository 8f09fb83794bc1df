//! The one table of errors: the AWS vocabulary, mapped once to each wire by the doors.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

macro_rules! error_codes {
    ($($(#[$doc:meta])* $code:ident = ($name:literal, $status:literal);)*) => {
        /// What went wrong, in the words that AWS clients know.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ErrorCode { $($(#[$doc])* $code,)* }

        impl ErrorCode {
            /// The `__type` that clients compare.
            pub const fn name(self) -> &'static str {
                match self { $(ErrorCode::$code => $name,)* }
            }

            /// The HTTP status of the AWS wire.
            pub const fn http_status(self) -> u16 {
                match self { $(ErrorCode::$code => $status,)* }
            }

            /// Every code, for tables in docs and tests.
            pub const ALL: &'static [ErrorCode] = &[$(ErrorCode::$code,)*];
        }
    };
}

// Source: AWS API model (exceptions, all 400 unless noted) and the recorded front end.
error_codes! {
    /// The caller may not do this.
    AccessDenied = ("AccessDeniedException", 400);
    /// The iterator is older than five minutes.
    ExpiredIterator = ("ExpiredIteratorException", 400);
    /// The page token is older than five minutes.
    ExpiredNextToken = ("ExpiredNextTokenException", 400);
    /// A session token's time is over.
    ExpiredToken = ("ExpiredTokenException", 400);
    /// Something here failed; the call may be repeated.
    InternalFailure = ("InternalFailure", 500);
    /// The signature's header lacks parts.
    IncompleteSignature = ("IncompleteSignatureException", 400);
    /// A value breaks a rule that only the service can check.
    InvalidArgument = ("InvalidArgumentException", 400);
    /// The signature does not match, or its date or scope is off.
    InvalidSignature = ("InvalidSignatureException", 400);
    /// A quota of the account is used up.
    LimitExceeded = ("LimitExceededException", 400);
    /// No signature at all.
    MissingAuthenticationToken = ("MissingAuthenticationTokenException", 400);
    /// A shard's rate is used up; the message says which and when to retry.
    ProvisionedThroughputExceeded = ("ProvisionedThroughputExceededException", 400);
    /// The body is larger than the door takes.
    RequestEntityTooLarge = ("RequestEntityTooLargeException", 413);
    /// The stream exists already, or is not in a state that allows the call.
    ResourceInUse = ("ResourceInUseException", 400);
    /// The stream or shard does not exist.
    ResourceNotFound = ("ResourceNotFoundException", 400);
    /// The body or a type in it cannot be read.
    Serialization = ("SerializationException", 400);
    /// Nothing is wrong with the call; this node cannot serve it now.
    ServiceUnavailable = ("ServiceUnavailable", 503);
    /// The access key is not known.
    UnrecognizedClient = ("UnrecognizedClientException", 400);
    /// No operation of this name is built.
    UnknownOperation = ("UnknownOperationException", 400);
    /// A value breaks a constraint of the API model.
    Validation = ("ValidationException", 400);
}

/// A refused or failed call. Messages never carry record data or secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    /// The kind, as clients compare it.
    pub code: ErrorCode,
    /// The text, byte-exact where clients or test suites compare it.
    pub message: Cow<'static, str>,
    /// When the same request fits again, where that is known.
    pub retry_after: Option<Duration>,
}

impl ApiError {
    /// An error of `code` that says `message`.
    pub fn new(code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        ApiError { code, message: message.into(), retry_after: None }
    }

    /// The same, with the time after which the request fits.
    pub fn with_retry_after(self, retry_after: Duration) -> Self {
        ApiError { retry_after: Some(retry_after), ..self }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.name(), self.message)
    }
}

impl std::error::Error for ApiError {}
