//! The client's half, for this program's own calls: signs one request.

use super::canonical::canonical_request;
use super::credentials::SecretKey;
use super::keys::derive;
use super::query::Query;
use super::scope::{SERVICE, Scope, TERMINATOR};
use super::{hex, string_to_sign};
use crate::calendar::print_basic;
use anabranch_types::{Region, Timestamp};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderValue, Request};

/// What is signed, in the order of the specification.
const SIGNED_HEADERS: &str = "content-type;host;x-amz-date";

/// An access key, its secret and the region to sign for.
#[derive(Debug, Clone)]
pub struct CallSigner {
    access_key: String,
    secret: SecretKey,
    region: Region,
}

/// A `POST` without a query, to be signed.
#[derive(Debug, Clone, Copy)]
pub struct Post<'a> {
    /// The `Host` header: whom it goes to.
    pub host: &'a str,
    /// Where there.
    pub path: &'a str,
    /// The media type of `body`.
    pub content_type: &'a str,
    /// All of it.
    pub body: &'a [u8],
}

/// The values of the two headers that make a request a signed one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedHeaders {
    /// `x-amz-date`.
    pub date: String,
    /// `authorization`.
    pub authorization: String,
}

impl CallSigner {
    /// Signs as `access_key`.
    pub fn new(access_key: &str, secret: SecretKey, region: Region) -> Self {
        CallSigner { access_key: access_key.to_owned(), secret, region }
    }

    /// Signs `post` as of `now`; none when a part of it is no text of HTTP.
    pub fn sign(&self, post: &Post<'_>, now: Timestamp) -> Option<SignedHeaders> {
        let date = print_basic(now);
        let request = Request::post(post.path)
            .header(CONTENT_TYPE, post.content_type)
            .header(HOST, post.host)
            .header("x-amz-date", HeaderValue::try_from(&date).ok()?);
        let (parts, ()) = request.body(()).ok()?.into_parts();
        let body_hash = hex(digest(&SHA256, post.body).as_ref());
        let canonical = canonical_request(&parts, &Query::read(""), SIGNED_HEADERS, &body_hash)?;
        let day = date.get(..8)?.to_owned();
        let scope = Scope { access_key: self.access_key.clone(), day, region: self.region.clone() };
        let key = derive(&self.secret, &scope);
        let signature = hex(hmac::sign(&key, string_to_sign(now, &scope, &canonical).as_bytes()).as_ref());
        let credential = format!("{}/{}/{}/{SERVICE}/{TERMINATOR}", scope.access_key, scope.day, scope.region);
        let authorization =
            format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={SIGNED_HEADERS}, Signature={signature}");
        Some(SignedHeaders { date, authorization })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sigv4::signer::{ACCESS_KEY, ClientSigner, SECRET};

    #[test]
    fn a_signature_is_what_another_reading_of_the_specification_makes() {
        let region = Region::parse("us-east-1").expect("a region");
        let signer = CallSigner::new(ACCESS_KEY, SecretKey::new(SECRET), region);
        let (content_type, body) = ("application/json", b"{}");
        let now = Timestamp::from_millis(1_440_938_160_000);
        let signed = signer.sign(&Post { host: "broker", path: "/", content_type, body }, now).expect("texts");
        let other = ClientSigner::default();
        let headers = [("content-type", content_type), ("host", "broker"), ("x-amz-date", other.date)];
        assert_eq!((signed.date.as_str(), signed.authorization), (other.date, other.authorization(&headers, body)));
        assert!(!format!("{signer:?}").contains(SECRET));
    }

    #[test]
    fn what_is_no_text_of_http_is_not_signed() {
        let region = Region::parse("us-east-1").expect("a region");
        let signer = CallSigner::new("key", SecretKey::new("secret"), region);
        let post = Post { host: "a\nb", path: "/", content_type: "application/json", body: b"" };
        assert_eq!(signer.sign(&post, Timestamp::EPOCH), None);
    }
}
