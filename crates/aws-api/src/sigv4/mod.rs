//! Verifies AWS Signature Version 4, in the header and in the presigned form.
//!
//! Pure: the caller passes `now` and the body's hash. Says who signed, not what they may do.

mod authorization;
mod canonical;
mod credentials;
mod keys;
mod query;
mod refusal;
mod scope;
mod sign;
#[cfg(test)]
pub(crate) mod signer;
#[cfg(test)]
mod tests;

pub use credentials::{Credentials, SecretKey, Verification};
pub use sign::{CallSigner, Post, SignedHeaders};

use crate::calendar::print_basic;
use anabranch_api::ApiError;
use anabranch_types::{Region, Timestamp};
use authorization::{Authorization, Place};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use keys::SigningKeys;
use query::Query;
use scope::Scope;
use std::time::Duration;

/// How far a request's date may be from ours, both ways. Source: AWS Signature Version 4.
const SKEW_MAX: Duration = Duration::from_secs(300);

/// Stands for the hash of a body that is not signed. Source: AWS Signature Version 4.
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// The SHA-256 of a request's body.
pub(crate) type BodyHash = [u8; 32];

/// What a signature says about the body.
#[derive(Debug, Clone, Copy)]
enum Payload<'a> {
    /// Its hash, as received.
    Hashed(&'a BodyHash),
    /// Nothing, and it has to say so.
    Unsigned,
}

impl Payload<'_> {
    /// What stands for the body in the canonical request, if the request declares the same.
    fn check_declared(self, parts: &Parts) -> Result<String, ApiError> {
        let mut declared = parts.headers.get_all("x-amz-content-sha256").iter();
        match self {
            Payload::Hashed(hash) => {
                let hash = hex(hash);
                // Also refuses UNSIGNED-PAYLOAD and the streaming forms.
                if declared.any(|value| value.as_bytes() != hash.as_bytes()) {
                    return Err(refusal::invalid(
                        "The value of 'x-amz-content-sha256' is not the SHA-256 of the body.",
                    ));
                }
                Ok(hash)
            }
            Payload::Unsigned => {
                let says_so = declared.next().is_some_and(|value| value.as_bytes() == UNSIGNED.as_bytes());
                if !says_so || declared.next().is_some() {
                    return Err(refusal::invalid("The value of 'x-amz-content-sha256' must be UNSIGNED-PAYLOAD."));
                }
                Ok(UNSIGNED.to_owned())
            }
        }
    }
}

/// Who signed a request, and for which region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    /// The access key id.
    pub access_key: String,
    /// The region of the signature's scope.
    pub region: Region,
}

/// Checks signatures as far as [`Verification`] says.
pub struct Verifier {
    verification: Verification,
    /// The only region served, where one is configured.
    region: Option<Region>,
    keys: SigningKeys,
}

impl Verifier {
    /// A verifier; `region`, where given, is the only one that signatures may be scoped to.
    pub fn new(verification: Verification, region: Option<Region>) -> Self {
        Verifier { verification, region, keys: SigningKeys::default() }
    }

    /// Whether any credentials pass, so that none need to be asked for.
    pub fn accepts_anyone(&self) -> bool {
        matches!(self.verification, Verification::FormOnly)
    }

    /// Whether [`Verifier::verify`] looks at the body's hash.
    pub(crate) fn needs_body_hash(&self) -> bool {
        matches!(self.verification, Verification::Full(_))
    }

    /// Says who signed the request. `body_hash` is of the body as received.
    ///
    /// # Errors
    /// MissingAuthenticationToken, IncompleteSignature, InvalidSignature or UnrecognizedClient,
    /// with the recorded texts.
    pub(crate) fn verify(&self, parts: &Parts, body_hash: &BodyHash, now: Timestamp) -> Result<Signer, ApiError> {
        self.verify_with(parts, Payload::Hashed(body_hash), now)
    }

    /// Says who signed a call whose body is not signed, because it is a stream: its
    /// `x-amz-content-sha256` is `UNSIGNED-PAYLOAD`. The content type need not be signed.
    ///
    /// # Errors
    /// MissingAuthenticationToken, IncompleteSignature, InvalidSignature or UnrecognizedClient.
    pub fn verify_head(&self, parts: &Parts, now: Timestamp) -> Result<Signer, ApiError> {
        self.verify_with(parts, Payload::Unsigned, now)
    }

    fn verify_with(&self, parts: &Parts, payload: Payload<'_>, now: Timestamp) -> Result<Signer, ApiError> {
        let query = Query::read(parts.uri.query().unwrap_or(""));
        let authorization = Authorization::read(parts, &query)?;
        let date = print_basic(authorization.date);
        let scope = Scope::read(&authorization.credential, &date, self.region.as_ref())?;
        check_date(&authorization, now)?;
        if let Verification::Full(credentials) = &self.verification {
            check_signed_headers(parts, &authorization, payload)?;
            let secret = credentials.secret(&scope.access_key).ok_or_else(refusal::unrecognized)?;
            // Configured keys are long-lived; a session token can only belong to another service's keys.
            if parts.headers.contains_key("x-amz-security-token") || query.has("X-Amz-Security-Token") {
                return Err(refusal::unrecognized());
            }
            self.check_signature(parts, &query, &authorization, &scope, &secret, payload)?;
        }
        Ok(Signer { access_key: scope.access_key, region: scope.region })
    }

    fn check_signature(
        &self,
        parts: &Parts,
        query: &Query,
        authorization: &Authorization,
        scope: &Scope,
        secret: &SecretKey,
        payload: Payload<'_>,
    ) -> Result<(), ApiError> {
        let body_hash = payload.check_declared(parts)?;
        let canonical = canonical::canonical_request(parts, query, &authorization.signed_headers, &body_hash);
        let to_sign = string_to_sign(authorization.date, scope, &canonical.ok_or_else(refusal::mismatch)?);
        let signature = read_hex(&authorization.signature).ok_or_else(refusal::mismatch)?;
        let key = self.keys.get(secret, scope);
        hmac::verify(&key, to_sign.as_bytes(), &signature).map_err(|_| refusal::mismatch())?;
        self.keys.keep(secret, scope, key);
        Ok(())
    }
}

fn string_to_sign(date: Timestamp, scope: &Scope, canonical: &[u8]) -> String {
    let hash = hex(digest(&SHA256, canonical).as_ref());
    format!("AWS4-HMAC-SHA256\n{}\n{}\n{hash}", print_basic(date), scope.text())
}

/// A date may be off by [`SKEW_MAX`]; a presigned request with an expiry may be that much older.
fn check_date(authorization: &Authorization, now: Timestamp) -> Result<(), ApiError> {
    let date = authorization.date;
    let (age_max, age_text) = match authorization.place {
        Place::Query { expires_seconds: Some(seconds) } => (Duration::from_secs(seconds), format!("{seconds} s")),
        Place::Header { .. } | Place::Query { expires_seconds: None } => (SKEW_MAX, "5 min".to_owned()),
    };
    let (written, node) = (print_basic(date), print_basic(now));
    // Dates hold whole seconds, so the node's milliseconds are no part of the age.
    if date.plus(age_max).as_secs() < now.as_secs() {
        let oldest = print_basic(now.minus(age_max));
        return Err(refusal::invalid(format!(
            "Signature expired: {written} is now earlier than {oldest} ({node} - {age_text}.)"
        )));
    }
    if date > now.plus(SKEW_MAX) {
        let newest = print_basic(now.plus(SKEW_MAX));
        return Err(refusal::invalid(format!(
            "Signature not yet current: {written} is still later than {newest} ({node} + 5 min.)"
        )));
    }
    Ok(())
}

/// What decides the meaning of a request must be signed: the host, its date, every `x-amz-`
/// header and, where the signature is in the header and covers the body, the content type.
fn check_signed_headers(parts: &Parts, authorization: &Authorization, payload: Payload<'_>) -> Result<(), ApiError> {
    let is_signed = |name: &str| authorization.signed_headers.split(';').any(|signed| signed == name);
    let must =
        |name: &str| Err(refusal::invalid(format!("'{name}' must be a 'SignedHeader' in the AWS Authorization.")));
    if !is_signed("host") {
        return Err(refusal::invalid("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."));
    }
    let in_header = match authorization.place {
        Place::Header { dated_by } if !is_signed(dated_by) => return must(dated_by),
        Place::Header { .. } => matches!(payload, Payload::Hashed(_)),
        Place::Query { .. } => false,
    };
    for name in parts.headers.keys() {
        let matters = name.as_str().starts_with("x-amz-") || (in_header && name == CONTENT_TYPE);
        if matters && !is_signed(name.as_str()) {
            return must(name.as_str());
        }
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    digits.map(char::from).collect()
}

/// Reads the 64 lower-case digits of a signature.
fn read_hex(text: &str) -> Option<[u8; 32]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let digits: &[u8; 64] = text.as_bytes().try_into().ok()?;
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}
