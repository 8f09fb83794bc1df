//! The fast readers of puts agree with the checked ones, and take what clients send.

use super::recorder::context;
use crate::kinesis::{put_record, put_records};
use proptest::prelude::*;

fn agree_on_put_records(body: &str) -> Result<(), TestCaseError> {
    let (fast, checked) = (put_records::read_fast(body.as_bytes()), put_records::read_checked(body.as_bytes()));
    if let Some(fast) = fast {
        let checked =
            checked.map_err(|error| TestCaseError::fail(format!("only the fast reader took {body}: {error}")))?;
        prop_assert_eq!(format!("{fast:?}"), format!("{checked:?}"));
    }
    Ok(())
}

fn agree_on_put_record(body: &str) -> Result<(), TestCaseError> {
    let context = context();
    let fast = put_record::read_fast(body.as_bytes());
    let checked = put_record::read_checked(&context, body.as_bytes());
    if let Some(fast) = fast {
        let checked =
            checked.map_err(|error| TestCaseError::fail(format!("only the fast reader took {body}: {error}")))?;
        prop_assert_eq!(format!("{fast:?}"), format!("{checked:?}"));
    }
    Ok(())
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
        assert!(put_records::read_fast(body.as_bytes()).is_some(), "{body}");
    }
    let body = r#"{"StreamName":"orders","Data":"aGVsbG8=","PartitionKey":"k","ExplicitHashKey":"1"}"#;
    assert!(put_record::read_fast(body.as_bytes()).is_some());
}

#[test]
fn lists_in_the_place_of_objects_do_not_take_the_fast_way() {
    assert!(put_records::read_fast(br#"["orders",null,[{"Data":"","PartitionKey":"k"}]]"#).is_none());
    assert!(put_records::read_fast(br#"{"StreamName":"orders","Records":[["YQ==","k",null]]}"#).is_none());
    assert!(put_record::read_fast(br#"["orders",null,"YQ==","k",null,null]"#).is_none());
}

#[test]
fn more_entries_than_fit_do_not_take_the_fast_way() {
    let record = r#"{"Data":"","PartitionKey":"k"}"#;
    let body = format!(r#"{{"StreamName":"orders","Records":[{}{record}]}}"#, format!("{record},").repeat(500));
    assert!(put_records::read_fast(body.as_bytes()).is_none());
}

#[test]
fn the_records_of_one_request_share_one_buffer() {
    let body =
        r#"{"StreamName":"s","Records":[{"Data":"aGVs","PartitionKey":"a"},{"Data":"bG8h","PartitionKey":"b"}]}"#;
    let request = put_records::read_fast(body.as_bytes()).expect("a usual request");
    let (first, second) = (&request.entries[0].data, &request.entries[1].data);
    assert_eq!((&first[..], &second[..]), (&b"hel"[..], &b"lo!"[..]));
    assert_eq!(first.as_ptr() as usize + 3, second.as_ptr() as usize);
}
