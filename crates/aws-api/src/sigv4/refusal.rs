//! The texts with which a signature is refused, as AWS writes them where that is known.

use anabranch_api::{ApiError, ErrorCode};

/// The signature does not fit the request. Says the same for every cause, so that nothing can
/// be learnt by trying. Source: AWS Signature Version 4, troubleshooting.
pub(super) fn mismatch() -> ApiError {
    invalid(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access \
         Key and signing method. Consult the service documentation for details.",
    )
}

/// The signature, its date or its scope is wrong.
pub(super) fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> ApiError {
    ApiError::new(ErrorCode::InvalidSignature, message)
}

/// A part of the signature is missing or cannot be read.
pub(super) fn incomplete(message: impl Into<std::borrow::Cow<'static, str>>) -> ApiError {
    ApiError::new(ErrorCode::IncompleteSignature, message)
}

/// The request carries no signature.
pub(super) fn missing() -> ApiError {
    ApiError::new(ErrorCode::MissingAuthenticationToken, "Missing Authentication Token")
}

/// Nobody has this access key or session token.
pub(super) fn unrecognized() -> ApiError {
    ApiError::new(ErrorCode::UnrecognizedClient, "The security token included in the request is invalid.")
}
