//! The fast readers of puts agree with the checked ones, and take what clients send.

use super::recorder::context;
use crate::encoding::{Encoded, Encoding};
use crate::kinesis::bad_inputs::encoded;
use crate::kinesis::{Operation, put_record, put_records};
use anabranch_api::ApiError;
use bytes::Bytes;
use proptest::prelude::*;
use serde_json::Value;

type Outcome = (Option<String>, Result<String, ApiError>);

/// What the fast and the checked reader of `operation` make of `body`.
fn read(operation: Operation, body: &Encoded) -> Outcome {
    match operation {
        Operation::PutRecord => {
            let checked = put_record::read_checked(&context(), body).map(|request| format!("{request:?}"));
            (put_record::read_fast(body).map(|request| format!("{request:?}")), checked)
        }
        _ => {
            let checked = put_records::read_checked(body).map(|request| format!("{request:?}"));
            (put_records::read_fast(body).map(|request| format!("{request:?}")), checked)
        }
    }
}

fn json(body: impl Into<Bytes>) -> Encoded {
    Encoded { encoding: Encoding::Json, bytes: body.into() }
}

/// The JSON `body` in CBOR, when it is JSON.
fn cbor(operation: Operation, body: &str) -> Option<Encoded> {
    let request: Value = serde_json::from_str(body).ok()?;
    Some(encoded(operation, &request, Encoding::Cbor))
}

/// What one fast reader takes the checked one and those of the other encoding read alike.
fn agree_on(operation: Operation, body: &str) -> Result<(), TestCaseError> {
    let (fast, checked) = read(operation, &json(body.to_owned()));
    if let Some(fast) = &fast {
        let checked =
            checked.map_err(|error| TestCaseError::fail(format!("only the fast reader took {body}: {error}")))?;
        prop_assert_eq!(fast, &checked);
    }
    let Some(in_cbor) = cbor(operation, body) else { return Ok(()) };
    let (fast_of_cbor, checked) = read(operation, &in_cbor);
    if let Some(fast) = &fast_of_cbor {
        prop_assert_eq!(Some(fast), checked.as_ref().ok(), "only the fast reader took {} in CBOR", body);
    }
    prop_assert!(fast.is_none() || fast == fast_of_cbor, "only in JSON {} goes the fast way", body);
    Ok(())
}

fn agree_on_put_records(body: &str) -> Result<(), TestCaseError> {
    agree_on(Operation::PutRecords, body)
}

fn agree_on_put_record(body: &str) -> Result<(), TestCaseError> {
    agree_on(Operation::PutRecord, body)
}

/// JSON of a value for `Data`, mostly good.
fn data() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => prop::collection::vec(any::<u8>(), 0..50)
            .prop_map(|bytes| format!("\"{}\"", base64_simd::STANDARD.encode_to_string(bytes).replace('/', "\\/"))),
        1 => "\"[A-Za-z0-9+/=]{0,9}\"",
        1 => prop::sample::select(vec!["null", "1", "[]", "\"YR==\"", "\"YQ\"", "\"YQ==\\n\"", "\"\\ud800\""])
            .prop_map(str::to_owned),
    ]
}

/// JSON of a text, mostly good.
fn text(good: &'static str) -> impl Strategy<Value = String> {
    prop_oneof![
        8 => good.prop_map(|text| serde_json::to_string(&text).expect("a text")),
        1 => prop::sample::select(vec!["null", "1", "true", "{}", "\"\"", "\"01\"", "\"-1\"", "\"\\u0000\"", "\"a\\nb\""])
            .prop_map(str::to_owned),
        1 => Just(format!("\"{}\"", "é".repeat(257))),
    ]
}

/// Members in any order, some twice, some missing, some unknown.
fn object(members: Vec<(&'static str, BoxedStrategy<String>)>) -> impl Strategy<Value = String> {
    let count = members.len();
    let one = members
        .into_iter()
        .map(|(name, value)| value.prop_map(move |value| format!("\"{name}\":{value}")).boxed())
        .collect::<Vec<_>>();
    let usual = one.clone();
    prop_oneof![
        4 => usual.prop_map(|members| members.join(",")),
        1 => prop::collection::vec(proptest::strategy::Union::new(one), 0..count + 2).prop_map(|members| members.join(",")),
    ]
    .prop_map(|members| format!("{{{members}}}"))
}

fn stream_members() -> Vec<(&'static str, BoxedStrategy<String>)> {
    let arns = vec![
        "null",
        "\"arn:aws:kinesis:eu-west-1:000000000042:stream/orders\"",
        "\"arn:aws-cn:kinesis:r:000000000042:stream/orders\"",
        "\"arn:aws\\n:kinesis:r:000000000042:stream/orders\"",
        "\"arn:aws:kinesis:r:000000000042:stream/other\"",
        "\"arn:aws:kinesis::000000000042:stream/orders\"",
    ];
    vec![
        ("StreamName", prop_oneof![3 => Just("\"orders\"".to_owned()), 1 => text("[a-c_. ]{1,4}")].boxed()),
        ("StreamARN", prop::sample::select(arns).prop_map(str::to_owned).boxed()),
    ]
}

fn record_members() -> Vec<(&'static str, BoxedStrategy<String>)> {
    vec![
        ("Data", data().boxed()),
        ("PartitionKey", text("\\PC{1,8}").boxed()),
        ("ExplicitHashKey", prop_oneof![3 => Just("null".to_owned()), 1 => text("[1-9][0-9]{0,38}")].boxed()),
    ]
}

fn rare_members() -> Vec<(&'static str, BoxedStrategy<String>)> {
    let value = prop::sample::select(vec!["null", "false", "true", "1", "\"x\""]).prop_map(str::to_owned);
    vec![("DryRun", value.clone().boxed()), ("StreamId", value.clone().boxed()), ("Unknown", value.boxed())]
}

proptest! {
    #[test]
    fn what_the_fast_reader_takes_as_put_records_the_checked_one_reads_alike(
        body in {
            let records = prop::collection::vec(object(record_members()), 0..4)
                .prop_map(|entries| format!("[{}]", entries.join(",")));
            object([stream_members(), vec![("Records", records.boxed())]].concat())
        }
    ) {
        agree_on_put_records(&body)?;
    }

    #[test]
    fn what_the_fast_reader_takes_as_put_record_the_checked_one_reads_alike(
        body in object([stream_members(), record_members(), vec![
            ("SequenceNumberForOrdering", prop_oneof![3 => Just("null".to_owned()), 1 => text("[0-9]{1,3}")].boxed()),
        ]].concat())
    ) {
        agree_on_put_record(&body)?;
    }

    #[test]
    fn rare_and_unknown_members_do_not_part_the_readers(
        body in object([stream_members(), record_members(), rare_members()].concat())
    ) {
        agree_on_put_record(&body)?;
        agree_on_put_records(&body)?;
    }

    #[test]
    fn any_bytes_are_refused_or_taken_alike(body in "\\PC{0,60}") {
        agree_on_put_record(&body)?;
        agree_on_put_records(&body)?;
    }
}

#[test]
fn what_clients_send_takes_the_fast_way() {
    let arn = "arn:aws:kinesis:eu-west-1:000000000042:stream/orders";
    let record = r#"{"Data":"aGVsbG8=","PartitionKey":"k"}"#;
    let routed = r#"{"Data":"aGVs\/G8=","PartitionKey":"k\u00e9","ExplicitHashKey":"0"}"#;
    let full = format!("{}{record}", format!("{record},").repeat(499));
    for body in [
        format!(r#"{{"StreamName":"orders","Records":[{record},{routed}]}}"#),
        format!(r#"{{ "Records" : [ {record} ] , "StreamARN" : "{arn}" , "StreamName" : "orders" }}"#),
        format!(r#"{{"StreamName":"orders","Records":[{full}]}}"#),
    ] {
        let in_cbor = cbor(Operation::PutRecords, &body).expect("JSON");
        assert!(put_records::read_fast(&json(body.clone())).is_some(), "{body}");
        assert!(put_records::read_fast(&in_cbor).is_some(), "{body} in CBOR");
    }
    let body = r#"{"StreamName":"orders","Data":"aGVsbG8=","PartitionKey":"k","ExplicitHashKey":"1"}"#;
    assert!(put_record::read_fast(&json(body)).is_some());
    assert!(put_record::read_fast(&cbor(Operation::PutRecord, body).expect("JSON")).is_some());
}

#[test]
fn lists_in_the_place_of_objects_do_not_take_the_fast_way() {
    for body in [
        r#"["orders",null,[{"Data":"","PartitionKey":"k"}]]"#,
        r#"{"StreamName":"orders","Records":[["YQ==","k",null]]}"#,
    ] {
        assert!(put_records::read_fast(&json(body)).is_none());
        assert!(put_records::read_fast(&cbor(Operation::PutRecords, body).expect("JSON")).is_none());
    }
    assert!(put_record::read_fast(&json(r#"["orders",null,"YQ==","k",null,null]"#)).is_none());
    // CBOR: the same list, with bytes where data belongs.
    let list = Bytes::from_static(b"\x86\x66orders\xf6\x41a\x61k\xf6\xf6");
    assert!(put_record::read_fast(&Encoded { encoding: Encoding::Cbor, bytes: list }).is_none());
}

#[test]
fn more_entries_than_fit_do_not_take_the_fast_way() {
    let record = r#"{"Data":"","PartitionKey":"k"}"#;
    let body = format!(r#"{{"StreamName":"orders","Records":[{}{record}]}}"#, format!("{record},").repeat(500));
    assert!(put_records::read_fast(&json(body.clone())).is_none());
    assert!(put_records::read_fast(&cbor(Operation::PutRecords, &body).expect("JSON")).is_none());
}

#[test]
fn the_records_of_one_request_share_one_buffer() {
    let body =
        r#"{"StreamName":"s","Records":[{"Data":"aGVs","PartitionKey":"a"},{"Data":"bG8h","PartitionKey":"b"}]}"#;
    let request = put_records::read_fast(&json(body)).expect("a usual request");
    let (first, second) = (&request.entries[0].data, &request.entries[1].data);
    assert_eq!((&first[..], &second[..]), (&b"hel"[..], &b"lo!"[..]));
    assert_eq!(first.as_ptr() as usize + 3, second.as_ptr() as usize);
}

#[test]
fn data_of_cbor_is_not_copied() {
    let data = vec![7; 1_000];
    let request = serde_json::json!({
        "StreamName": "s", "PartitionKey": "a", "Data": base64_simd::STANDARD.encode_to_string(&data)
    });
    let body = encoded(Operation::PutRecord, &request, Encoding::Cbor);
    let request = put_record::read_fast(&body).expect("a usual request");
    assert_eq!(request.entry.data, data);
    assert!(body.bytes.as_ptr_range().contains(&request.entry.data.as_ptr()));
}
