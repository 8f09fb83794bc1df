//! Signatures that are refused: by every node where the form, the date or the scope is wrong, by
//! a node with credentials also where the signature itself is.

use crate::attack::BadRequest;
use anabranch_tests::client::{ACCESS_KEY, SECRET_KEY};
use anabranch_tests::signer::Signer;

/// One minute more than a clock may be off. Source: AWS Signature Version 4.
const SIX_MINUTES: i64 = 360;

fn right() -> Signer {
    Signer::new(ACCESS_KEY, SECRET_KEY)
}

fn refused(signer: Signer, code: &'static str) -> BadRequest {
    BadRequest::signed("ListStreams", b"{}".to_vec(), 400, code).signed_by(signer)
}

/// Replaces the value of the header `name`.
fn set(headers: &mut [(String, String)], name: &str, change: impl Fn(&str) -> String) {
    for (_, value) in headers.iter_mut().filter(|(known, _)| known == name) {
        *value = change(value);
    }
}

/// What `dev` refuses as well.
pub fn bad_for_anyone() -> Vec<BadRequest> {
    let invalid = "InvalidSignatureException";
    let incomplete = "IncompleteSignatureException";
    vec![
        refused(Signer { clock_ahead_seconds: SIX_MINUTES, ..right() }, invalid).naming("not yet current"),
        refused(Signer { clock_ahead_seconds: -SIX_MINUTES, ..right() }, invalid).naming("expired"),
        refused(Signer { clock_ahead_seconds: -86_400, ..right() }, invalid).naming("expired"),
        refused(Signer { service: "s3".to_owned(), ..right() }, invalid).naming("correct service: 'kinesis'"),
        refused(Signer { region: "Nowhere!".to_owned(), ..right() }, invalid).naming("valid region"),
        refused(Signer { region: String::new(), ..right() }, invalid).naming("valid region"),
        refused(right(), "MissingAuthenticationTokenException")
            .forged(|headers| headers.retain(|(name, _)| name != "authorization")),
        refused(right(), incomplete).forged(|headers| set(headers, "authorization", |_| "Basic YTpi".to_owned())),
        refused(right(), incomplete)
            .forged(|headers| set(headers, "authorization", |value| value.replace("Signature=", "Sign="))),
        refused(right(), incomplete)
            .forged(|headers| set(headers, "authorization", |value| value.replace("/aws4_request", ""))),
        refused(right(), invalid)
            .forged(|headers| set(headers, "authorization", |value| value.replace("aws4_request", "aws5_request"))),
        refused(right(), incomplete).forged(|headers| headers.retain(|(name, _)| name != "x-amz-date")),
    ]
}

/// What only a node with credentials can tell.
pub fn bad_where_verified() -> Vec<BadRequest> {
    let invalid = "InvalidSignatureException";
    let unknown = "UnrecognizedClientException";
    vec![
        refused(Signer::new(ACCESS_KEY, "another secret"), invalid),
        refused(Signer::new(ACCESS_KEY, ""), invalid),
        refused(Signer::new("somebody", SECRET_KEY), unknown),
        refused(Signer::new("", SECRET_KEY), unknown),
        refused(right(), invalid)
            .forged(|headers| set(headers, "x-amz-target", |_| "Kinesis_20131202.CreateStream".to_owned())),
        refused(right(), invalid).forged(|headers| set(headers, "host", |_| "elsewhere".to_owned())),
        refused(right(), invalid)
            .forged(|headers| headers.push(("x-amz-content-sha256".to_owned(), "UNSIGNED-PAYLOAD".to_owned()))),
        refused(right(), invalid).forged(|headers| {
            set(headers, "authorization", |value| {
                let (before, _) = value.split_once("Signature=").expect("it is signed");
                format!("{before}Signature={}", "0".repeat(64))
            });
        }),
        refused(right(), invalid).forged(|headers| {
            set(headers, "authorization", |value| value.replace("content-type;host;", "content-type;"))
        }),
        refused(right(), unknown)
            .forged(|headers| headers.push(("x-amz-security-token".to_owned(), "token".to_owned())))
            .or_code(invalid),
        refused(right(), invalid).with_body_after_signing(b"{\"Limit\":1}"),
    ]
}
