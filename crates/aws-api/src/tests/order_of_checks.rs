//! Which refusal wins, and what every answer carries.

use super::*;
use crate::kinesis::bad_inputs::as_json;
use serde_json::{Value, json};

const JSON: (&str, &str) = ("content-type", "application/x-amz-json-1.1");
const CBOR: (&str, &str) = ("content-type", "application/x-amz-cbor-1.1");
const PLAIN: (&str, &str) = ("content-type", "application/json");
const TARGET: (&str, &str) = ("x-amz-target", "Kinesis_20131202.ListStreams");
const ACCESS_DENIED: &str = "<AccessDeniedException>\n  <Message>Unable to determine service/operation name to be \
                             authorized</Message>\n</AccessDeniedException>\n";
const SERIALIZATION: &str = r#"{"__type":"SerializationException"}"#;
const UNKNOWN: &str = r#"{"__type":"UnknownOperationException"}"#;
const MISSING: &str = r#"{"__type":"MissingAuthenticationTokenException","message":"Missing Authentication Token"}"#;

async fn ask(request: Request<Full<Bytes>>) -> (u16, String, Option<String>) {
    let response = door(options()).handle(request).await;
    let content_type = response.headers().get("content-type").map(|value| value.to_str().expect("ASCII").to_owned());
    let (status, text) = read(response).await;
    (status, text, content_type)
}

async fn refused(headers: &[(&str, &str)], body: &'static str) -> (u16, String) {
    let (status, text, _) = ask(unsigned(headers, body)).await;
    (status, text)
}

#[tokio::test]
async fn other_methods_than_post_name_no_operation() {
    for method in ["GET", "PUT", "DELETE", "OPTIONS", "HEAD", "BREW"] {
        let mut request = signed("ListStreams", "{}");
        *request.method_mut() = method.parse().expect("a method");
        assert_eq!(ask(request).await, (403, ACCESS_DENIED.to_owned(), Some("text/xml".to_owned())), "{method}");
    }
}

#[tokio::test]
async fn an_empty_body_comes_before_the_content_type() {
    assert_eq!(refused(&[JSON, TARGET], "").await, (400, SERIALIZATION.to_owned()));
    assert_eq!(refused(&[JSON], "").await, (400, UNKNOWN.to_owned()));
    let (status, text, content_type) = ask(unsigned(&[("content-type", "text/plain"), TARGET], "")).await;
    assert_eq!((status, content_type.as_deref()), (400, Some("application/x-amz-cbor-1.1")));
    assert!(text.contains("SerializationException"), "{text}");
}

#[tokio::test]
async fn an_unknown_content_type_comes_before_an_unreadable_body() {
    assert_eq!(refused(&[("content-type", "application/x-amz-json-1.0")], "{").await, (403, ACCESS_DENIED.to_owned()));
    assert_eq!(refused(&[TARGET], "{").await, (404, "<UnknownOperationException/>\n".to_owned()));
    assert_eq!(refused(&[("content-type", ""), TARGET], "{").await.0, 404);
}

#[tokio::test]
async fn parameters_and_case_of_the_content_type_do_not_matter() {
    let odd = ("content-type", "Application/X-Amz-Json-1.1; charset=utf-8");
    assert_eq!(refused(&[odd, TARGET], "{}").await, (400, MISSING.to_owned()));
}

#[tokio::test]
async fn plain_json_is_read_and_then_not_served() {
    let output = |name: &str| format!(r#"{{"Output":{{"__type":"com.amazon.coral.service#{name}"}},"Version":"1.0"}}"#);
    assert_eq!(refused(&[PLAIN, TARGET], "hello").await, (400, output("SerializationException")));
    assert_eq!(refused(&[PLAIN, TARGET], "{}").await, (404, output("UnknownOperationException")));
}

/// What an answer of CBOR says, as JSON.
async fn ask_in_cbor(request: Request<Full<Bytes>>) -> (u16, Value) {
    let response = door(options()).handle(request).await;
    assert_eq!(response.headers()["content-type"], Encoding::Cbor.media_type());
    let status = response.status().as_u16();
    let bytes = response.into_body().collect().await.expect("the answer is whole").to_bytes();
    (status, as_json(&Encoded { encoding: Encoding::Cbor, bytes }).expect("CBOR"))
}

#[tokio::test]
async fn a_request_of_cbor_is_answered_in_cbor() {
    let (status, answer) = ask_in_cbor(signed_as(Encoding::Cbor, "ListStreams", &b"\xbf\xff"[..])).await;
    assert_eq!((status, &answer["HasMoreStreams"]), (200, &json!(false)));
    let create = &b"\xa2\x6aStreamName\x61s\x6aShardCount\x01"[..];
    assert_eq!(ask_in_cbor(signed_as(Encoding::Cbor, "CreateStream", create)).await, (200, Value::Null));
}

#[tokio::test]
async fn every_refusal_of_a_request_of_cbor_is_in_cbor_and_in_the_same_order() {
    let map = &b"\xa0"[..];
    let serialization = json!({"__type": "SerializationException"});
    for body in ["\u{7f}", "{}", "\u{1}", "  "] {
        assert_eq!(ask_in_cbor(unsigned(&[CBOR], body)).await, (400, serialization.clone()), "{body}");
        assert_eq!(ask_in_cbor(signed_as(Encoding::Cbor, "ListStreams", body)).await.0, 400, "{body}");
    }
    assert_eq!(ask_in_cbor(unsigned(&[CBOR, TARGET], "")).await, (400, serialization));
    let unknown = json!({"__type": "UnknownOperationException"});
    assert_eq!(ask_in_cbor(unsigned(&[CBOR], map)).await, (400, unknown.clone()));
    assert_eq!(ask_in_cbor(signed_as(Encoding::Cbor, "ListStream", map)).await, (400, unknown));
    let missing = json!({"__type": "MissingAuthenticationTokenException", "message": "Missing Authentication Token"});
    assert_eq!(ask_in_cbor(unsigned(&[CBOR, TARGET], map)).await, (400, missing));
    let type_error = "class java.lang.String can not be converted to an Integer";
    let type_error = json!({"__type": "SerializationException", "message": type_error});
    let many = &b"\xa1\x65Limit\x64many"[..];
    assert_eq!(ask_in_cbor(signed_as(Encoding::Cbor, "ListStreams", many)).await, (400, type_error));
    let large = unsigned(&[CBOR, TARGET, ("x-large", &"a".repeat(20 << 10))], map);
    assert_eq!(ask_in_cbor(large).await.0, 431);
}

#[tokio::test]
async fn an_unreadable_body_comes_before_an_unknown_target_and_a_missing_signature() {
    for body in ["hello", "{", "5", "null", "{}{}", "\"{}\"", "  "] {
        assert_eq!(refused(&[JSON, TARGET], body).await, (400, SERIALIZATION.to_owned()), "{body}");
        assert_eq!(refused(&[JSON], body).await, (400, SERIALIZATION.to_owned()), "{body}");
    }
    assert_eq!(ask(signed("ListStreams", "hello")).await.1, SERIALIZATION);
}

#[tokio::test]
async fn an_unknown_target_comes_before_a_missing_signature() {
    let targets =
        ["Kinesis_20131202.ListStream", "Kinesis_20131203.ListStreams", "ListStreams", "", "Kinesis_20131202."];
    for target in targets {
        assert_eq!(refused(&[JSON, ("x-amz-target", target)], "{}").await, (400, UNKNOWN.to_owned()), "{target}");
    }
    assert_eq!(refused(&[JSON, TARGET], "{}").await, (400, MISSING.to_owned()));
}

#[tokio::test]
async fn a_missing_signature_comes_before_types_and_constraints() {
    assert_eq!(refused(&[JSON, TARGET], r#"{"Limit":"many"}"#).await, (400, MISSING.to_owned()));
    let (status, text, _) = ask(signed("ListStreams", r#"{"Limit":"many"}"#)).await;
    assert_eq!(status, 400);
    assert!(text.starts_with(r#"{"__type":"SerializationException","Message":""#), "{text}");
}

#[tokio::test]
async fn a_good_call_reaches_the_service_with_its_identity() {
    let door = door(options());
    let response = door.handle(signed("ListStreams", "{}")).await;
    let request_id = response.headers()["x-amzn-requestid"].to_str().expect("ASCII").to_owned();
    assert_eq!(read(response).await.0, 200);
    let contexts = probe(&door).contexts.lock().expect("no test panics in here").clone();
    let context = &contexts[0];
    assert_eq!(request_id.replace('-', ""), context.request_id.to_string());
    assert_eq!((&*context.principal.access_key, context.region.as_str()), (ACCESS_KEY, "us-east-1"));
    assert_eq!(context.account.to_string(), ACCOUNT);
    assert!(context.deadline >= DoorTimeouts::default().request);
}

#[tokio::test]
async fn an_operation_without_output_answers_zero_bytes_of_json() {
    let response = door(options()).handle(signed("CreateStream", r#"{"StreamName":"s","ShardCount":1}"#)).await;
    assert_eq!(
        (&response.headers()["content-length"], &response.headers()["content-type"]),
        (&"0".parse().expect("0"), &"application/x-amz-json-1.1".parse().expect("ASCII"))
    );
    assert_eq!(read(response).await, (200, String::new()));
}

#[tokio::test]
async fn every_answer_carries_ids_date_and_length() {
    let requests =
        [signed("ListStreams", "{}"), unsigned(&[JSON], "{}"), unsigned(&[], ""), unsigned(&[("origin", "o")], "x")];
    for request in requests {
        let response = door(options()).handle(request).await;
        let header = |name: &str| response.headers()[name].to_str().expect("ASCII").to_owned();
        let parsed = uuid::Uuid::parse_str(&header("x-amzn-requestid")).expect("a UUID");
        assert_eq!(parsed.get_version_num(), 4);
        assert_eq!(header("x-amz-id-2").len(), 96);
        assert_eq!(header("date"), "Sun, 30 Aug 2015 12:36:00 GMT");
        let length = header("content-length");
        assert!(response.headers().contains_key("content-type"));
        let body = response.into_body().collect().await.expect("the answer is whole").to_bytes();
        assert_eq!(length, body.len().to_string());
    }
}

#[tokio::test]
async fn two_answers_of_one_door_have_different_ids() {
    let door = door(options());
    let first = door.handle(signed("ListStreams", "{}")).await;
    let second = door.handle(signed("ListStreams", "{}")).await;
    assert_ne!(first.headers()["x-amzn-requestid"], second.headers()["x-amzn-requestid"]);
    assert_ne!(first.headers()["x-amz-id-2"], second.headers()["x-amz-id-2"]);
}

#[tokio::test]
async fn a_browser_may_ask_and_then_read() {
    let mut preflight = unsigned(
        &[
            ("origin", "https://page"),
            ("access-control-request-headers", "a, b"),
            ("access-control-request-method", "POST"),
        ],
        "",
    );
    *preflight.method_mut() = http::Method::OPTIONS;
    let response = door(options()).handle(preflight).await;
    let header = |name: &str| response.headers()[name].to_str().expect("ASCII").to_owned();
    assert_eq!(response.status(), 200);
    assert_eq!(
        (header("access-control-allow-headers"), header("access-control-allow-methods")),
        ("a, b".to_owned(), "POST".to_owned())
    );
    assert_eq!(
        (header("access-control-max-age"), header("access-control-allow-origin")),
        ("172800".to_owned(), "*".to_owned())
    );

    let response = door(options()).handle(unsigned(&[("origin", "https://page"), JSON], "{}")).await;
    assert_eq!(response.headers()["access-control-allow-origin"], "*");
    assert!(response.headers().contains_key("access-control-expose-headers"));
}

#[tokio::test]
async fn local_pages_need_no_signature_and_other_paths_stay_closed() {
    let door = door(DoorOptions { pages: one_page(), ..options() });
    let get = |path: &str| Request::builder().uri(path).body(Full::new(Bytes::new())).expect("well formed");
    assert_eq!(read(door.handle(get("/health/ready")).await).await, (200, "ready\n".to_owned()));
    assert_eq!(door.handle(get("/health")).await.status(), 403);
}

#[tokio::test]
async fn a_door_whose_service_is_starting_answers_pages_and_refuses_calls() {
    let door = AwsDoor::<Probe>::closed(DoorOptions { pages: one_page(), ..options() }, Env::simulated(NOW, 1));
    let get = Request::builder().uri("/health/ready").body(Full::new(Bytes::new())).expect("well formed");
    assert_eq!(read(door.handle(get).await).await, (200, "ready\n".to_owned()));
    let (status, text) = read(door.handle(signed("ListStreams", "{}")).await).await;
    assert_eq!((status, text.contains("ServiceUnavailable")), (503, true), "{text}");

    door.open(Arc::new(Probe::default()));
    assert_eq!(read(door.handle(signed("ListStreams", "{}")).await).await.0, 200);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_never_answers_is_answered_for() {
    let body = r#"{"StreamName":"s","PartitionKey":"k","Data":"YQ=="}"#;
    let (status, text, _) = ask(signed("PutRecord", body)).await;
    assert_eq!(status, 500);
    assert!(text.contains("InternalFailure"), "{text}");
}

#[tokio::test]
async fn a_large_head_is_refused_before_anything_is_looked_at() {
    let large = "a".repeat(20 << 10);
    let response = door(options()).handle(unsigned(&[JSON, TARGET, ("x-large", &large)], "{}")).await;
    assert_eq!(response.status(), 431);
}
