//! Types and their texts, as recorded.

mod in_cbor;

use super::*;
use crate::kinesis::Operation;
use crate::model::MODEL;

fn json(body: impl AsRef<[u8]>) -> Encoded {
    Encoded { encoding: Encoding::Json, bytes: Bytes::copy_from_slice(body.as_ref()) }
}

fn refusal(operation: Operation, body: &str) -> String {
    let error = read(MODEL.input(operation), &json(body)).expect_err("another type than the model's");
    assert_eq!(error.code, ErrorCode::Serialization);
    error.message.into_owned()
}

const NUMBER: &str = "class com.amazon.coral.value.json.numbers.TruncatingBigNumber can not be converted to ";

#[test]
fn each_wrong_type_has_the_text_that_was_recorded() {
    use Operation::{CreateStream, DeleteStream, GetShardIterator, PutRecord, PutRecords};
    let list = "Start of list found where not expected".to_owned();
    let object = "Start of structure or map found where not expected.".to_owned();
    let cases = [
        (CreateStream, r#"{"StreamName":1}"#, format!("{NUMBER}an String")),
        (CreateStream, r#"{"StreamName":1.5}"#, format!("{NUMBER}an String")),
        (CreateStream, r#"{"StreamName":true}"#, "class java.lang.Boolean can not be converted to an String".into()),
        (CreateStream, r#"{"StreamName":[]}"#, list.clone()),
        (CreateStream, r#"{"StreamName":{}}"#, object.clone()),
        (CreateStream, r#"{"ShardCount":"1"}"#, "class java.lang.String can not be converted to an Integer".into()),
        (CreateStream, r#"{"ShardCount":true}"#, "class java.lang.Boolean can not be converted to an Integer".into()),
        (CreateStream, r#"{"ShardCount":[1]}"#, list.clone()),
        (CreateStream, r#"{"ShardCount":{"a":1}}"#, object.clone()),
        (CreateStream, r#"{"Tags":"a"}"#, "Expected map or null".into()),
        (CreateStream, r#"{"Tags":["a"]}"#, list.clone()),
        (CreateStream, r#"{"StreamModeDetails":1}"#, "Expected null".into()),
        (CreateStream, r#"{"StreamModeDetails":[1]}"#, list.clone()),
        (PutRecords, r#"{"Records":"a"}"#, "Expected list or null".into()),
        (PutRecords, r#"{"Records":true}"#, "Expected list or null".into()),
        (PutRecords, r#"{"Records":{}}"#, object.clone()),
        (PutRecords, r#"{"Records":[1]}"#, "Expected null".into()),
        (PutRecords, r#"{"Records":[[]]}"#, list),
        (PutRecord, r#"{"Data":1}"#, format!("{NUMBER}a Blob")),
        (PutRecord, r#"{"Data":true}"#, "class java.lang.Boolean can not be converted to a Blob".into()),
        (PutRecord, r#"{"Data":{}}"#, object),
        (
            GetShardIterator,
            r#"{"Timestamp":"2026-01-01T00:00:00Z"}"#,
            "class java.lang.String can not be converted to milliseconds since epoch".into(),
        ),
        (DeleteStream, r#"{"EnforceConsumerDeletion":"maybe"}"#, "'MAYBE' can not be converted to an Boolean".into()),
        (DeleteStream, r#"{"EnforceConsumerDeletion":1}"#, format!("{NUMBER}an Boolean")),
    ];
    for (operation, body, text) in cases {
        assert_eq!(refusal(operation, body), text, "{body}");
    }
}

#[test]
fn a_body_that_is_no_json_is_refused_without_a_text_even_after_a_type_error() {
    for body in ["", "{", r#"{"StreamName":1"#, r#"{"StreamName":1} x"#, r#"{"StreamName":1,"a":nope}"#] {
        assert_eq!(refusal(Operation::CreateStream, body), "", "{body}");
    }
}

#[test]
fn members_that_the_model_does_not_know_are_ignored_down_to_the_depth_limit() {
    let nested = |depth| format!(r#"{{"Unknown":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
    let shape = MODEL.input(Operation::ListStreams);
    let fields = read(shape, &json(nested(100))).expect("unknown members are ignored");
    assert_eq!(fields.get("Unknown"), None);
    assert_eq!(refusal(Operation::ListStreams, &nested(200)), "");
}

#[test]
fn null_is_absent_and_the_last_of_a_name_counts() {
    let read = |body: &str| read(MODEL.input(Operation::ListStreams), &json(body)).expect("readable");
    assert_eq!(read(r#"{"Limit":null}"#).get("Limit"), None);
    assert_eq!(read(r#"{"Limit":1,"Limit":null}"#).get("Limit"), None);
    assert_eq!(read(r#"{"Limit":1,"Limit":2}"#).get("Limit"), Some(&Document::Integer(2)));
    assert_eq!(read("null").get("Limit"), None);
}

#[test]
fn numbers_are_floored_and_clamped_to_32_bits() {
    let cases = [
        ("1.9", 1),
        ("-1.1", -2),
        ("2147483648", 2_147_483_647),
        ("-99999999999", -2_147_483_648),
        ("1e300", 2_147_483_647),
        ("18446744073709551615", 2_147_483_647),
    ];
    for (text, number) in cases {
        let body = format!(r#"{{"Limit":{text}}}"#);
        let fields = read(MODEL.input(Operation::ListStreams), &json(body)).expect("a number");
        assert_eq!(fields.get("Limit"), Some(&Document::Integer(number)), "{text}");
    }
}

#[test]
fn a_list_of_millions_keeps_one_entry_more_than_fits() {
    let body = format!(r#"{{"Records":[{}{{}}]}}"#, "{},".repeat(1_000_000));
    let fields = read(MODEL.input(Operation::PutRecords), &json(body)).expect("types are right");
    let Some(Document::List { kept, length }) = fields.get("Records") else { panic!("a list") };
    assert_eq!((kept.len(), *length), (501, 1_000_001));
}
