//! Where a request carries its signature (header or query) and which parts it has.
//!
//! Form only: nothing here judges dates, scopes or signatures.

use super::query::Query;
use super::refusal;
use crate::calendar;
use anabranch_api::ApiError;
use anabranch_types::Timestamp;
use http::header::{AUTHORIZATION, DATE};
use http::request::Parts;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// How long a presigned request may be valid at most, in seconds. Source: AWS SigV4, query string.
const EXPIRES_SECONDS_MAX: u64 = 604_800;

/// Where the signature was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In the `Authorization` header, dated by the named header.
    Header {
        /// `x-amz-date` or `date`.
        dated_by: &'static str,
    },
    /// In the query string (presigned).
    Query {
        /// `X-Amz-Expires`, where given.
        expires_seconds: Option<u64>,
    },
}

/// A signature with all of its parts, none of them judged yet.
#[derive(Debug)]
pub(super) struct Authorization {
    pub(super) place: Place,
    pub(super) credential: String,
    /// Names as given, separated by `;`.
    pub(super) signed_headers: String,
    pub(super) signature: String,
    pub(super) date: Timestamp,
}

impl Authorization {
    /// Finds the signature of a request.
    ///
    /// # Errors
    /// MissingAuthenticationToken when there is none, InvalidSignature when there are two,
    /// IncompleteSignature when parts are missing or cannot be read.
    pub(super) fn read(parts: &Parts, query: &Query) -> Result<Self, ApiError> {
        let presigned = query.has("X-Amz-Algorithm");
        match (header(parts, AUTHORIZATION.as_str())?, presigned) {
            (Some(_), true) => Err(refusal::invalid(
                "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.",
            )),
            (None, false) => Err(refusal::missing()),
            (Some(text), false) => Self::read_header(parts, &text),
            (None, true) => Self::read_query(query),
        }
    }

    /// The texts are those of the recorded front end, byte for byte.
    fn read_header(parts: &Parts, text: &str) -> Result<Self, ApiError> {
        let (algorithm, rest) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
        let find = |name: &str| {
            let mut pairs = rest.split([',', ' ']).filter_map(|piece| piece.split_once('='));
            pairs.find(|(key, value)| *key == name && !value.is_empty()).map(|(_, value)| value.to_owned())
        };
        let (credential, signature, signed) = (find("Credential"), find("Signature"), find("SignedHeaders"));
        let dated = match header(parts, "x-amz-date")? {
            Some(date) => Some((date, "x-amz-date")),
            None => header(parts, DATE.as_str())?.map(|date| (date, "date")),
        };
        let (Some(credential), Some(signature), Some(signed_headers), Some((date, dated_by))) =
            (&credential, &signature, &signed, &dated)
        else {
            let parts = [("Credential", &credential), ("Signature", &signature), ("SignedHeaders", &signed)];
            let mut message = String::new();
            for (name, _) in parts.iter().filter(|(_, part)| part.is_none()) {
                message += &format!("Authorization header requires '{name}' parameter. ");
            }
            if dated.is_none() {
                message += "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ";
            }
            return Err(refusal::incomplete(format!("{message}Authorization={text}")));
        };
        check_algorithm(algorithm)?;
        Ok(Authorization {
            place: Place::Header { dated_by },
            credential: credential.clone(),
            signed_headers: signed_headers.clone(),
            signature: signature.clone(),
            date: read_date(date)?,
        })
    }

    fn read_query(query: &Query) -> Result<Self, ApiError> {
        const REQUIRED: [&str; 5] =
            ["X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date"];
        let mut found = Vec::with_capacity(REQUIRED.len());
        let mut message = String::new();
        for name in REQUIRED {
            match parameter(query, name)? {
                Some(value) => found.push(value),
                None => message += &format!("AWS query-string parameters must include '{name}'. "),
            }
        }
        let Ok([algorithm, credential, signature, signed_headers, date]) = <[String; 5]>::try_from(found) else {
            return Err(refusal::incomplete(message + "Re-examine the query-string parameters."));
        };
        check_algorithm(&algorithm)?;
        let expires_seconds = parameter(query, "X-Amz-Expires")?.map(|text| read_expires(&text)).transpose()?;
        let date = read_date(&date)?;
        Ok(Authorization { place: Place::Query { expires_seconds }, credential, signed_headers, signature, date })
    }
}

fn check_algorithm(algorithm: &str) -> Result<(), ApiError> {
    if algorithm == ALGORITHM {
        return Ok(());
    }
    Err(refusal::incomplete(format!("Unsupported AWS 'algorithm': '{algorithm}'.")))
}

fn read_expires(text: &str) -> Result<u64, ApiError> {
    let seconds = text.parse().ok().filter(|seconds| (1..=EXPIRES_SECONDS_MAX).contains(seconds));
    seconds.ok_or_else(|| {
        refusal::invalid(format!("X-Amz-Expires must be a number of seconds from 1 to {EXPIRES_SECONDS_MAX}."))
    })
}

fn read_date(text: &str) -> Result<Timestamp, ApiError> {
    calendar::read_basic(text).or_else(|| calendar::read_http(text)).ok_or_else(|| {
        refusal::incomplete(format!(
            "Date must be in ISO-8601 'basic format'. Got '{text}'. See http://en.wikipedia.org/wiki/ISO_8601"
        ))
    })
}

/// The one header called `name`. Two would let a proxy and this door read different ones.
fn header(parts: &Parts, name: &str) -> Result<Option<String>, ApiError> {
    let mut values = parts.headers.get_all(name).iter();
    let first = values.next().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    match values.next() {
        Some(_) => Err(refusal::invalid(format!("Found more than one '{name}' as HTTP header."))),
        None => Ok(first),
    }
}

/// The one non-empty query parameter called `name`.
fn parameter(query: &Query, name: &str) -> Result<Option<String>, ApiError> {
    let mut values = query.all(name);
    let first = values.next().map(|value| String::from_utf8_lossy(value).into_owned());
    match values.next() {
        Some(_) => Err(refusal::invalid(format!("Found more than one '{name}' as a query-string param."))),
        None => Ok(first.filter(|value| !value.is_empty())),
    }
}
