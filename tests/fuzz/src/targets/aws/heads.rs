//! Whole requests at the AWS door: only one that is signed rightly gets past it.

use super::canonical::{Meaning, SCOPE, sha256};
use crate::input::Input;
use crate::service::{Service, account};
use crate::time;
use anabranch_aws_api::{AwsDoor, Credentials, DoorBody, DoorOptions, SecretKey, Verification};
use anabranch_runtime::Env;
use anabranch_types::Timestamp;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response, Version};
use http_body_util::{BodyExt, Full};
use std::sync::Arc;

/// 20150830T123600Z, the date of AWS's published examples; so are the keys.
pub(super) const NOW: Timestamp = Timestamp::from_millis(1_440_938_160_000);
const ACCESS_KEY: &str = "AKIDEXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// Whoever has the key of the examples is known.
pub(super) struct OneKey;

impl Credentials for OneKey {
    fn secret(&self, access_key: &str) -> Option<SecretKey> {
        (access_key == ACCESS_KEY).then(|| SecretKey::new(SECRET))
    }
}

/// The answer of a door that verifies signatures, and how often its service was asked.
fn ask(request: Request<Full<Bytes>>) -> (Response<DoorBody>, usize) {
    time::run(async {
        let options = DoorOptions::new(account(), Verification::Full(Arc::new(OneKey)));
        let door = AwsDoor::new(Service::default(), options, Env::simulated(NOW, 1));
        let response = door.handle(request).await;
        let asked = door.service().expect("the door is open").take_asked().len();
        (response, asked)
    })
}

/// A request as it comes: nobody can sign by chance. One that is signed rightly is served; changed afterwards in any
/// part that counts, it is not.
pub fn heads(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    match input.byte() % 3 {
        0 => unsigned(&mut input),
        1 => signed(&mut input, false),
        _ => signed(&mut input, true),
    }
}

const METHODS: [Method; 6] = [Method::POST, Method::GET, Method::OPTIONS, Method::PUT, Method::HEAD, Method::DELETE];
/// Headers that mean something to the door.
const NAMES: [&str; 14] = [
    "authorization",
    "x-amz-date",
    "x-amz-target",
    "content-type",
    "host",
    "date",
    "x-amz-content-sha256",
    "x-amz-security-token",
    "origin",
    "access-control-request-method",
    "access-control-request-headers",
    "expect",
    "content-length",
    "x-amz-meta",
];

fn unsigned(input: &mut Input<'_>) {
    let mut builder = Request::builder().method(METHODS[usize::from(input.byte()) % METHODS.len()].clone());
    if input.byte() & 1 != 0 {
        builder = builder.version(Version::HTTP_2);
    }
    builder = builder.uri(input.short());
    for _ in 0..input.byte() % 16 {
        let name = NAMES.get(usize::from(input.byte()) % (NAMES.len() + 1));
        let name = name.map_or_else(|| input.short(), |name| name.as_bytes());
        builder = builder.header(name, input.short());
    }
    let Ok(request) = builder.body(Full::new(Bytes::copy_from_slice(input.rest()))) else { return };
    let shown = format!("{request:?}");
    let (response, asked) = ask(request);
    assert_eq!(asked, 0, "{shown} was let in");
    let (parts, body) = response.into_parts();
    let body = body.collect();
    let bytes = time::run(body).expect("an answer is whole").to_bytes();
    let length = parts.headers.get("content-length").and_then(|length| length.to_str().ok()?.parse().ok());
    assert_eq!(length.unwrap_or(0), bytes.len(), "{parts:?}");
}

/// Bytes that a header may have, tabs aside, which the specification does not speak of.
fn header_value(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|byte| if *byte < b' ' || *byte == 0x7f { b' ' } else { *byte }).collect()
}

/// A date within five minutes of the door's, both ways.
fn date(input: &mut Input<'_>) -> String {
    let second = u64::from(input.u16()) % 601;
    format!("20150830T12{:02}{:02}Z", 31 + second / 60, second % 60)
}

fn meaning(input: &mut Input<'_>, has_host: bool) -> Meaning {
    let flags = input.byte();
    let segments = (0..flags & 3).map(|_| input.short().to_vec());
    let dots = |segment: &Vec<u8>| matches!(&segment[..], b"" | b"." | b"..");
    let segments = segments.collect::<Vec<_>>().into_iter().filter(|segment| !dots(segment)).collect();
    let mut pairs = Vec::new();
    for _ in 0..flags >> 2 & 3 {
        let pair = (input.short().to_vec(), input.short().to_vec());
        // Those of presigned requests are for them alone.
        if !pair.0.starts_with(b"X-Amz-") {
            pairs.push(pair);
        }
    }
    let mut headers: Vec<(String, Vec<u8>)> =
        [("content-type", &b"application/x-amz-json-1.1"[..]), ("x-amz-target", b"Kinesis_20131202.ListStreams")]
            .map(|(name, value)| (name.to_owned(), value.to_vec()))
            .into();
    if has_host {
        headers.push(("host".to_owned(), b"broker".to_vec()));
    }
    for _ in 0..flags >> 4 & 3 {
        let name = ["x-amz-meta", "accept", "x-custom"][usize::from(input.byte()) % 3];
        headers.push((name.to_owned(), header_value(input.short())));
    }
    let body = b"{}".to_vec();
    if flags & 64 != 0 {
        headers.push(("x-amz-content-sha256".to_owned(), sha256(&body).into_bytes()));
    }
    Meaning { segments, is_open: flags & 128 != 0, pairs, headers, body }
}

/// What is sent, with where its host is.
struct Sent {
    meaning: Meaning,
    authorization: Option<String>,
    over_http2: bool,
}

impl Sent {
    fn request(&self) -> Option<Request<Full<Bytes>>> {
        let mut builder = Request::post(self.meaning.target());
        if self.over_http2 {
            builder = Request::post(format!("http://broker{}", self.meaning.target())).version(Version::HTTP_2);
        }
        for (name, value) in &self.meaning.headers {
            let value = HeaderValue::from_bytes(value).ok()?;
            builder = builder.header(HeaderName::try_from(name).ok()?, value);
        }
        if let Some(authorization) = &self.authorization {
            builder = builder.header("authorization", authorization);
        }
        builder.body(Full::new(Bytes::from(self.meaning.body.clone()))).ok()
    }
}

fn signed(input: &mut Input<'_>, presigned: bool) {
    let (change, at, over_http2) = (input.byte() % 12, input.byte(), input.byte() & 1 != 0);
    let date = date(input);
    let mut meaning = meaning(input, !over_http2);
    let (access_key, secret) = match change {
        1 => ("AKIDANOTHER", SECRET),
        2 => (ACCESS_KEY, "another"),
        _ => (ACCESS_KEY, SECRET),
    };
    let credential = format!("{access_key}/{SCOPE}");
    if presigned {
        let names = signed_names(&meaning, over_http2);
        for (name, value) in [
            ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
            ("X-Amz-Credential", &credential),
            ("X-Amz-Date", &date),
            ("X-Amz-Expires", "600"),
            ("X-Amz-SignedHeaders", &names),
        ] {
            meaning.pairs.push((name.into(), value.into()));
        }
    } else {
        meaning.headers.push(("x-amz-date".to_owned(), date.clone().into_bytes()));
    }
    let mut as_signed = meaning.clone();
    if over_http2 {
        as_signed.headers.push(("host".to_owned(), b"broker".to_vec()));
    }
    let (names, mut signature) = (as_signed.names(), as_signed.signature(&date, secret));
    if change == 3 {
        signature = with_another_digit(&signature, at);
    }
    let authorization = if presigned {
        meaning.pairs.push((b"X-Amz-Signature".to_vec(), signature.into()));
        None
    } else {
        Some(format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}"))
    };
    let mut sent = Sent { meaning, authorization, over_http2 };
    let is_changed = change >= 1 && (change <= 3 || changed(&mut sent.meaning, change, at));
    let Some(request) = sent.request() else { return };
    let (response, asked) = ask(request);
    if is_changed {
        assert_eq!(asked, 0, "changed by {change}, and let in: {:?}", sent.meaning);
    } else {
        assert_eq!(asked, 1, "signed rightly, and refused: {:?}: {}", sent.meaning, response.status());
    }
}

fn signed_names(meaning: &Meaning, over_http2: bool) -> String {
    let mut with_host = meaning.clone();
    if over_http2 {
        with_host.headers.push(("host".to_owned(), Vec::new()));
    }
    with_host.names()
}

/// Another signature.
fn with_another_digit(signature: &str, at: u8) -> String {
    let mut digits = signature.as_bytes().to_vec();
    let at = usize::from(at) % digits.len();
    digits[at] = if digits[at] == b'0' { b'1' } else { b'0' };
    String::from_utf8(digits).expect("digits are ASCII")
}

/// Changes what was signed; whether there was something to change.
fn changed(meaning: &mut Meaning, change: u8, at: u8) -> bool {
    let header = usize::from(at) % meaning.headers.len();
    match change {
        4 => meaning.body = b"{ }".to_vec(),
        5 => drop(meaning.headers.remove(header)),
        6 => meaning.headers[header].1.push(b'x'),
        7 => meaning.pairs.push((vec![at], Vec::new())),
        8 => meaning.segments.push(vec![b'a', at]),
        9 => meaning.headers.push(("x-amz-more".to_owned(), Vec::new())),
        10 => {
            let (name, _) = meaning.headers[header].clone();
            meaning.headers.push((name, vec![b'y']));
        }
        _ => match meaning.pairs.first_mut() {
            Some((_, value)) => value.push(b'z'),
            None => return false,
        },
    }
    true
}
