//! Published examples of AWS, a signer of our own, and the requests an attacker would send.

use super::signer::{ACCESS_KEY, ClientSigner, SECRET, sha256_hex};
use super::*;
use anabranch_api::ErrorCode;
use http::Request;
use proptest::prelude::*;
use std::sync::Arc;

const NOW: &str = "20150830T123600Z";
const BODY: &[u8] = b"{}";

struct OneKey;

impl Credentials for OneKey {
    fn secret(&self, access_key: &str) -> Option<SecretKey> {
        (access_key == ACCESS_KEY).then(|| SecretKey::new(SECRET))
    }
}

fn full() -> Verifier {
    Verifier::new(Verification::Full(Arc::new(OneKey)), None)
}

fn at(text: &str) -> Timestamp {
    crate::calendar::read_basic(text).expect("test dates are valid")
}

fn hash(body: &[u8]) -> BodyHash {
    digest(&SHA256, body).as_ref().try_into().expect("a SHA-256 has 32 bytes")
}

fn request(uri: &str, headers: &[(&str, &str)]) -> Parts {
    let mut request = Request::builder().method("POST").uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).expect("request is well formed").into_parts().0
}

const SIGNED: [(&str, &str); 4] = [
    ("content-type", "application/x-amz-json-1.1"),
    ("host", "localhost:4567"),
    ("x-amz-date", NOW),
    ("x-amz-target", "Kinesis_20131202.ListStreams"),
];

/// A request as botocore would send it, with `more` headers added unsigned.
fn signed_request(signer: &ClientSigner<'_>, more: &[(&str, &str)]) -> Parts {
    let mut headers =
        SIGNED.map(|(name, value)| if name == "x-amz-date" { (name, signer.date) } else { (name, value) });
    headers.sort_unstable();
    let authorization = signer.authorization(&headers, BODY);
    let all = [&headers, more, &[("authorization", authorization.as_str())]].concat();
    request("/", &all)
}

/// A call whose body is not signed, over `path`, with `headers` signed and `more` not.
fn signed_call(path: &str, headers: &[(&str, &str)], more: &[(&str, &str)]) -> Parts {
    let signer = ClientSigner::default();
    let lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    let names = headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
    let canonical = format!("POST\n{path}\n\n{lines}\n{names}\nUNSIGNED-PAYLOAD");
    let authorization = signer.header(&names, &signer.signature(&canonical));
    request(path, &[headers, more, &[("authorization", authorization.as_str())]].concat())
}

const CALL: [(&str, &str); 3] =
    [("host", "localhost:4567"), ("x-amz-content-sha256", "UNSIGNED-PAYLOAD"), ("x-amz-date", NOW)];

#[test]
fn a_call_is_known_by_its_head_alone_when_it_says_so() {
    let content_type = ("content-type", "application/grpc");
    let call = signed_call("/anabranch.v1.Records/Produce", &CALL, &[content_type]);
    assert_eq!(full().verify_head(&call, at(NOW)).map(|signer| signer.access_key), Ok(ACCESS_KEY.to_owned()));
    let mut moved = call.clone();
    moved.uri = request("/anabranch.v1.Streams/DeleteStream", &[]).uri;
    assert_eq!(full().verify_head(&moved, at(NOW)).expect_err("another path").code, ErrorCode::InvalidSignature);
    let silent = signed_call("/a/B", &[CALL[0], CALL[2]], &[]);
    let message = full().verify_head(&silent, at(NOW)).expect_err("says nothing of the body").message;
    assert_eq!(message, "The value of 'x-amz-content-sha256' must be UNSIGNED-PAYLOAD.");
}

#[test]
fn a_request_whose_body_must_be_signed_cannot_leave_it_out() {
    let call = signed_call("/", &CALL, &[]);
    assert_eq!(refused(&call, NOW).0, ErrorCode::InvalidSignature);
}

fn refused(parts: &Parts, now: &str) -> (ErrorCode, String) {
    let error = full().verify(parts, &hash(BODY), at(now)).expect_err("the request must be refused");
    (error.code, error.message.into_owned())
}

/// Name, method, path and query, headers beyond host and date, body, signature.
type Published =
    (&'static str, &'static str, &'static str, &'static [(&'static str, &'static str)], &'static str, &'static str);

#[test]
fn the_published_examples_have_their_published_signatures() {
    let examples: &[Published] = &[
        ("get-vanilla", "GET", "/", &[], "", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("post-vanilla", "POST", "/", &[], "", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        (
            "get-vanilla-query-order-key-case",
            "GET",
            "/?Param2=value2&Param1=value1",
            &[],
            "",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        ("get-utf8", "GET", "/\u{1234}", &[], "", "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"),
        (
            "get-header-key-duplicate",
            "GET",
            "/",
            &[("my-header1", "value2"), ("my-header1", "value2"), ("my-header1", "value1")],
            "",
            "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
        ),
        (
            "get-header-value-trim",
            "GET",
            "/",
            &[("my-header1", " value1"), ("my-header2", " \"a   b   c\"")],
            "",
            "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
        ),
        (
            "post-x-www-form-urlencoded",
            "POST",
            "/",
            &[("content-type", "application/x-www-form-urlencoded")],
            "Param1=value1",
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        ),
    ];
    let signer = ClientSigner { service: "service", ..ClientSigner::default() };
    for (name, method, uri, more, body, signature) in examples {
        let headers = [&[("host", "example.amazonaws.com"), ("x-amz-date", NOW)], *more].concat();
        let mut parts = request(uri, &headers);
        parts.method = method.parse().expect("a method");
        let mut signed: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
        signed.sort_unstable();
        signed.dedup();
        let query = Query::read(parts.uri.query().unwrap_or(""));
        let canonical = canonical::canonical_request(&parts, &query, &signed.join(";"), &sha256_hex(body.as_bytes()));
        let canonical = String::from_utf8(canonical.expect("it has a form")).expect("ASCII");
        assert_eq!(signer.signature(&canonical), *signature, "{name}:\n{canonical}");
    }
}

#[test]
fn a_good_signature_names_its_key_and_region() {
    let signer = full().verify(&signed_request(&ClientSigner::default(), &[]), &hash(BODY), at(NOW));
    let signer = signer.expect("the signature is good");
    assert_eq!((signer.access_key.as_str(), signer.region.as_str()), (ACCESS_KEY, "us-east-1"));
}

#[test]
fn any_change_to_what_was_signed_is_a_mismatch() {
    let good = signed_request(&ClientSigner::default(), &[]);
    let mismatch = refusal::mismatch();
    let changed = |change: &dyn Fn(&mut Parts)| {
        let mut parts = good.clone();
        change(&mut parts);
        full().verify(&parts, &hash(BODY), at(NOW)).expect_err("a change must be noticed")
    };
    assert_eq!(full().verify(&good, &hash(b"{ }"), at(NOW)), Err(mismatch.clone()));
    assert_eq!(changed(&|parts| parts.method = http::Method::PUT), mismatch);
    assert_eq!(changed(&|parts| parts.uri = "/x".parse().expect("a path")), mismatch);
    assert_eq!(changed(&|parts| parts.uri = "/?a=b".parse().expect("a path")), mismatch);
    let target = http::HeaderValue::from_static("Kinesis_20131202.DeleteStream");
    assert_eq!(changed(&|parts| drop(parts.headers.insert("x-amz-target", target.clone()))), mismatch);
    assert_eq!(changed(&|parts| assert!(parts.headers.append("x-amz-target", target.clone()))), mismatch);
    assert_eq!(changed(&|parts| drop(parts.headers.remove("x-amz-target"))), mismatch);
}

#[test]
fn a_wrong_secret_is_a_mismatch_and_an_unknown_key_is_unrecognized() {
    let signer = ClientSigner { secret: "another", ..ClientSigner::default() };
    assert_eq!(
        refused(&signed_request(&signer, &[]), NOW),
        (ErrorCode::InvalidSignature, refusal::mismatch().message.into_owned())
    );
    let authorization = ClientSigner::default().authorization(&SIGNED, BODY).replace(ACCESS_KEY, "AKIDOTHER");
    let parts = request("/", &[&SIGNED[..], &[("authorization", &authorization)]].concat());
    assert_eq!(refused(&parts, NOW).0, ErrorCode::UnrecognizedClient);
}

#[test]
fn signatures_that_are_not_64_lower_case_digits_are_mismatches() {
    for signature in ["0", "", "zz", &"A".repeat(64), &"0".repeat(63), &"0".repeat(65), &"\u{e9}".repeat(32)] {
        let header = ClientSigner::default().header("content-type;host;x-amz-date;x-amz-target", signature);
        let parts = request("/", &[&SIGNED[..], &[("authorization", &header)]].concat());
        let code = refused(&parts, NOW).0;
        let expected = if signature.is_empty() { ErrorCode::IncompleteSignature } else { ErrorCode::InvalidSignature };
        assert_eq!(code, expected, "{signature}");
    }
}

#[test]
fn five_minutes_of_skew_pass_and_six_do_not() {
    let parts = signed_request(&ClientSigner::default(), &[]);
    for now in ["20150830T123100Z", "20150830T124100Z"] {
        assert!(full().verify(&parts, &hash(BODY), at(now)).is_ok(), "{now}");
    }
    assert_eq!(
        refused(&parts, "20150830T124200Z").1,
        "Signature expired: 20150830T123600Z is now earlier than 20150830T123700Z (20150830T124200Z - 5 min.)"
    );
    assert_eq!(
        refused(&parts, "20150830T123000Z").1,
        "Signature not yet current: 20150830T123600Z is still later than 20150830T123500Z (20150830T123000Z + 5 min.)"
    );
}

#[test]
fn headers_that_matter_must_be_signed() {
    let sign = |headers: &[(&str, &str)], more: &[(&str, &str)]| {
        let authorization = ClientSigner::default().authorization(headers, BODY);
        refused(&request("/", &[headers, more, &[("authorization", &authorization)]].concat()), NOW).1
    };
    let must = |name: &str| format!("'{name}' must be a 'SignedHeader' in the AWS Authorization.");
    assert_eq!(sign(&SIGNED[..3], &SIGNED[3..]), must("x-amz-target"));
    assert_eq!(sign(&SIGNED[1..], &SIGNED[..1]), must("content-type"));
    assert_eq!(
        sign(&[SIGNED[0], SIGNED[2], SIGNED[3]], &SIGNED[1..2]),
        "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
    );
    assert_eq!(sign(&[SIGNED[0], SIGNED[1], SIGNED[3]], &SIGNED[2..3]), must("x-amz-date"));
    assert_eq!(sign(&SIGNED, &[("x-amz-security-token", "t")]), must("x-amz-security-token"));
}

#[test]
fn a_session_token_belongs_to_nobody_here() {
    let headers = [SIGNED[0], SIGNED[1], SIGNED[2], ("x-amz-security-token", "t"), SIGNED[3]];
    let authorization = ClientSigner::default().authorization(&headers, BODY);
    let parts = request("/", &[&headers[..], &[("authorization", &authorization)]].concat());
    assert_eq!(refused(&parts, NOW).0, ErrorCode::UnrecognizedClient);
}

#[test]
fn a_declared_body_hash_must_be_that_of_the_body() {
    let with_hash = |declared: &str| {
        let headers = [SIGNED[0], SIGNED[1], ("x-amz-content-sha256", declared), SIGNED[2], SIGNED[3]];
        let authorization = ClientSigner::default().authorization(&headers, BODY);
        let parts = request("/", &[&headers[..], &[("authorization", &authorization)]].concat());
        full().verify(&parts, &hash(BODY), at(NOW)).map_err(|error| error.code)
    };
    assert!(with_hash(&sha256_hex(BODY)).is_ok());
    for bad in ["UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", &sha256_hex(b"other"), ""] {
        assert_eq!(with_hash(bad), Err(ErrorCode::InvalidSignature), "{bad}");
    }
}

#[test]
fn a_date_header_dates_a_request_without_x_amz_date() {
    let headers = [SIGNED[0], ("date", "Sun, 30 Aug 2015 12:36:00 GMT"), SIGNED[1], SIGNED[3]];
    let authorization = ClientSigner::default().authorization(&headers, BODY);
    let parts = request("/", &[&headers[..], &[("authorization", &authorization)]].concat());
    assert!(full().verify(&parts, &hash(BODY), at(NOW)).is_ok());
}

#[test]
fn missing_parts_of_the_header_are_listed_in_the_recorded_order() {
    let text = |authorization: &str, more: &[(&str, &str)]| {
        refused(&request("/", &[more, &[("authorization", authorization)]].concat()), NOW)
    };
    assert_eq!(
        text("X", &[]),
        (
            ErrorCode::IncompleteSignature,
            "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. \
             Authorization header requires 'SignedHeaders' parameter. Authorization header requires existence of either \
             a 'X-Amz-Date' or a 'Date' header. Authorization=X"
                .to_owned()
        )
    );
    for authorization in
        ["AWS4- Signature=b Credential=a", "AWS4- Signature=b,Credential=a", "AWS4- Signature=b, Credential=a"]
    {
        let expected =
            format!("Authorization header requires 'SignedHeaders' parameter. Authorization={authorization}");
        assert_eq!(text(authorization, &[("date", "a")]).1, expected);
    }
}

#[test]
fn missing_parts_of_the_query_are_listed_in_the_recorded_order() {
    let must = |name: &str| format!("AWS query-string parameters must include '{name}'. ");
    assert_eq!(
        refused(&request("/?X-Amz-Algorithm", &[]), NOW).1,
        ["X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date"]
            .map(must)
            .concat()
            + "Re-examine the query-string parameters."
    );
}

#[test]
fn no_signature_two_signatures_and_doubled_parts_are_told_apart() {
    assert_eq!(
        refused(&request("/?X-Amz-Credential=a", &[]), NOW),
        (ErrorCode::MissingAuthenticationToken, "Missing Authentication Token".to_owned())
    );
    assert_eq!(
        refused(&request("/?X-Amz-Algorithm", &[("authorization", "X")]), NOW).1,
        "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header."
    );
    let good = ClientSigner::default().authorization(&SIGNED, BODY);
    for (name, value) in [("authorization", good.as_str()), ("x-amz-date", NOW)] {
        let mut parts = signed_request(&ClientSigner::default(), &[]);
        parts.headers.append(name, value.parse().expect("a header value"));
        assert_eq!(refused(&parts, NOW).1, format!("Found more than one '{name}' as HTTP header."));
    }
}

#[test]
fn other_algorithms_services_days_and_unreadable_dates_are_refused() {
    let good = ClientSigner::default().authorization(&SIGNED, BODY);
    let with = |authorization: String| {
        refused(&request("/", &[&SIGNED[..], &[("authorization", &authorization)]].concat()), NOW)
    };
    assert_eq!(with(good.replace("SHA256", "SHA1")).1, "Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA1'.");
    assert_eq!(with(good.replace("/kinesis/", "/s3/")).1, "Credential should be scoped to correct service: 'kinesis'.");
    assert_eq!(with(good.replace("20150830", "20150829")).0, ErrorCode::InvalidSignature);
    let parts = request("/", &[SIGNED[0], ("x-amz-date", "yesterday"), ("authorization", &good)]);
    assert_eq!(refused(&parts, NOW).0, ErrorCode::IncompleteSignature);
}

/// A presigned request whose query is signed by hand; `expires` is `&X-Amz-Expires=…` or nothing.
fn presigned(expires: &str) -> Parts {
    let signer = ClientSigner::default();
    let credential = format!("{ACCESS_KEY}/{}", signer.scope()).replace('/', "%2F");
    let query = format!(
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={credential}&X-Amz-Date={NOW}{expires}&X-Amz-SignedHeaders=host"
    );
    let canonical = format!("POST\n/\n{query}\nhost:localhost:4567\n\nhost\n{}", sha256_hex(BODY));
    request(&format!("/?X-Amz-Signature={}&{query}", signer.signature(&canonical)), &[SIGNED[0], SIGNED[1]])
}

#[test]
fn a_presigned_request_is_good_until_it_expires() {
    let parts = presigned("&X-Amz-Expires=3600");
    for now in [NOW, "20150830T133600Z"] {
        assert!(full().verify(&parts, &hash(BODY), at(now)).is_ok(), "{now}");
    }
    assert_eq!(
        refused(&parts, "20150830T133601Z").1,
        "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z (20150830T133601Z - 3600 s.)"
    );
    assert!(full().verify(&presigned(""), &hash(BODY), at("20150830T124100Z")).is_ok());
    assert_eq!(refused(&presigned(""), "20150830T124101Z").0, ErrorCode::InvalidSignature);
    for bad in ["0", "604801", "-1", "x"] {
        assert_eq!(refused(&presigned(&format!("&X-Amz-Expires={bad}")), NOW).0, ErrorCode::InvalidSignature, "{bad}");
    }
}

#[test]
fn a_presigned_request_whose_target_is_unsigned_is_refused() {
    let mut parts = presigned("");
    parts.headers.insert("x-amz-target", http::HeaderValue::from_static("Kinesis_20131202.DeleteStream"));
    assert_eq!(refused(&parts, NOW).1, "'x-amz-target' must be a 'SignedHeader' in the AWS Authorization.");
}

#[test]
fn form_only_takes_any_secret_but_still_asks_for_form_date_and_scope() {
    let verifier = Verifier::new(Verification::FormOnly, None);
    let signer = ClientSigner { secret: "whatever", ..ClientSigner::default() };
    let parts = signed_request(&signer, &[]);
    assert!(verifier.verify(&parts, &[0; 32], at(NOW)).is_ok());
    let code = |parts: &Parts, now| verifier.verify(parts, &[0; 32], at(now)).map_err(|error| error.code);
    assert_eq!(code(&parts, "20150830T124200Z"), Err(ErrorCode::InvalidSignature));
    assert_eq!(
        code(&signed_request(&ClientSigner { service: "s3", ..signer }, &[]), NOW),
        Err(ErrorCode::InvalidSignature)
    );
    assert_eq!(code(&request("/", &SIGNED), NOW), Err(ErrorCode::MissingAuthenticationToken));
}

proptest! {
    #[test]
    fn no_request_makes_the_verifier_panic(
        path in "(/[a-zA-Z0-9%.~\u{80}-\u{fff}]{0,6}){1,4}",
        query in "([a-zA-Z0-9%&=+~.-]|X-Amz-(Algorithm|Credential|Date|Expires|Signature)=){0,40}",
        authorization in "(AWS4-HMAC-SHA256 )?([ -~]|Credential=|SignedHeaders=|Signature=|/|;|,){0,60}",
        date in "[0-9]{4,8}T?[0-9]{0,6}Z?|[ -~]{0,30}",
    ) {
        let uri = format!("{path}?{query}");
        prop_assume!(uri.parse::<http::Uri>().is_ok());
        let parts = request(&uri, &[SIGNED[0], SIGNED[1], ("x-amz-date", &date), ("authorization", &authorization)]);
        for verifier in [full(), Verifier::new(Verification::FormOnly, None)] {
            let _ = verifier.verify(&parts, &hash(BODY), at(NOW));
        }
        prop_assert!(full().verify(&parts, &hash(BODY), at(NOW)).is_err());
        let unsigned = request(&uri, &[]);
        prop_assert!(full().verify(&unsigned, &hash(BODY), at(NOW)).is_err());
    }

    #[test]
    fn encoding_once_or_reading_and_encoding_again_is_the_same(text in "[ -~]{0,40}") {
        let encoded = String::from_utf8(query::encode(text.as_bytes())).expect("encoded text is ASCII");
        let query = Query::read(&format!("k={encoded}"));
        prop_assert_eq!(query.canonical(""), format!("k={encoded}").into_bytes());
        prop_assert_eq!(query.all("k").next(), Some(text.as_bytes()));
    }
}
