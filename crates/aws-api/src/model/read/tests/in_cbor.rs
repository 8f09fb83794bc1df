//! What JSON does not have, or has otherwise.

use super::NUMBER;
use crate::encoding::{Encoded, Encoding};
use crate::kinesis::Operation::{self, *};
use crate::model::{Document, Fields, MODEL, read};
use anabranch_api::{ApiError, ErrorCode};
use anabranch_types::Timestamp;
use bytes::Bytes;

fn read_bytes(operation: Operation, bytes: &[u8]) -> Result<Fields, ApiError> {
    let body = Encoded { encoding: Encoding::Cbor, bytes: Bytes::copy_from_slice(bytes) };
    read(MODEL.input(operation), &body)
}

/// What `member` is whose CBOR is `value`, in a map of that one member.
fn member(operation: Operation, member: &str, value: &[u8]) -> Result<Option<Document>, ApiError> {
    let body = [&[0xa1, 0x78, member.len() as u8], member.as_bytes(), value].concat();
    Ok(read_bytes(operation, &body)?.get(member).cloned())
}

fn refusal(operation: Operation, name: &str, value: &[u8]) -> String {
    let error = member(operation, name, value).expect_err("a bad value");
    assert_eq!(error.code, ErrorCode::Serialization);
    error.message.into_owned()
}

/// As Jackson, and so the SDKs for Java, writes it: maps and lists without a length.
#[test]
fn maps_and_lists_with_and_without_a_length_are_read_alike() {
    let open = b"\xbf\x6aStreamName\x66orders\x67Records\x9f\xbf\x64Data\x43abc\x6cPartitionKey\x61k\xff\xff\xff";
    let counted = b"\xa2\x6aStreamName\x66orders\x67Records\x81\xa2\x64Data\x43abc\x6cPartitionKey\x61k";
    let mut fields = read_bytes(PutRecords, open).expect("a good request");
    assert_eq!(fields, read_bytes(PutRecords, counted).expect("a good request"));
    assert_eq!(fields.text("StreamName").as_deref(), Some("orders"));
    let mut record = fields.structures("Records").expect("a list").remove(0);
    assert_eq!(record.blob("Data"), Some(Bytes::from_static(b"abc")));
}

#[test]
fn bytes_are_data_and_not_base64_in_one_piece_and_in_many() {
    for value in [&b"\x44YQ=="[..], b"\x58\x04YQ==", b"\x5f\x42YQ\x42==\xff", b"\x5f\x40\x44YQ==\xff"] {
        let data = member(PutRecord, "Data", value).expect("data");
        assert_eq!(data, Some(Document::Blob(Bytes::from_static(b"YQ=="))), "{value:x?}");
    }
    let text = "class java.lang.String can not be converted to a Blob";
    assert_eq!(refusal(PutRecord, "Data", b"\x64YQ=="), text);
}

#[test]
fn texts_may_come_in_pieces_and_bytes_are_none() {
    for value in [&b"\x66orders"[..], b"\x7f\x63ord\x63ers\xff", b"\xc0\x66orders"] {
        let name = member(ListShards, "StreamName", value).expect("a text");
        assert_eq!(name, Some(Document::Text("orders".to_owned())), "{value:x?}");
    }
    let bytes = "class java.nio.HeapByteBuffer can not be converted to an String";
    assert_eq!(refusal(ListShards, "StreamName", b"\x46orders"), bytes);
    assert_eq!(refusal(ListShards, "StreamName", b"\x62\xc3\x28"), "", "no Unicode");
}

#[test]
fn times_are_milliseconds_with_and_without_their_tag() {
    let moment = Document::Timestamp(Timestamp::from_millis(1_742_000_000_045));
    let exact = [
        &b"\xc1\x1b\x00\x00\x01\x95\x97\x4a\x8c\x2d"[..],
        b"\x1b\x00\x00\x01\x95\x97\x4a\x8c\x2d",
        b"\xc1\xfb\x42\x79\x59\x74\xa8\xc2\xd0\x00",
    ];
    for value in exact {
        assert_eq!(member(GetShardIterator, "Timestamp", value).expect("a time"), Some(moment.clone()), "{value:x?}");
    }
    let early = member(GetShardIterator, "Timestamp", b"\xc1\x3a\xff\xff\xff\xff").expect("a time");
    assert_eq!(early, Some(Document::Timestamp(Timestamp::EPOCH)));
    let late = member(GetShardIterator, "Timestamp", b"\xc1\x1b\xff\xff\xff\xff\xff\xff\xff\xff").expect("a time");
    assert_eq!(late, Some(Document::Timestamp(Timestamp::from_millis(253_402_300_799_999))));
    let date = "class java.lang.String can not be converted to milliseconds since epoch";
    assert_eq!(refusal(GetShardIterator, "Timestamp", b"\xc0\x742026-01-01T00:00:00Z"), date);
}

#[test]
fn numbers_of_every_length_are_floored_and_clamped_to_32_bits() {
    let cases = [
        (&b"\x07"[..], 7),
        (b"\x18\x07", 7),
        (b"\x1b\xff\xff\xff\xff\xff\xff\xff\xff", 2_147_483_647),
        (b"\x3b\x7f\xff\xff\xff\xff\xff\xff\xff", -2_147_483_648),
        (b"\x3b\xff\xff\xff\xff\xff\xff\xff\xff", -2_147_483_648),
        (b"\x20", -1),
        (b"\xf9\x3f\x80", 1),
        (b"\xf9\xc0\x40", -3),
        (b"\xf9\x00\x01", 0),
        (b"\xfa\x3f\xf3\x33\x33", 1),
        (b"\xfb\x7f\xef\xff\xff\xff\xff\xff\xff", 2_147_483_647),
    ];
    for (value, number) in cases {
        let limit = member(ListStreams, "Limit", value).expect("a number");
        assert_eq!(limit, Some(Document::Integer(number)), "{value:x?}");
    }
    for endless in [&b"\xf9\x7c\x00"[..], b"\xf9\x7e\x00", b"\xfb\xff\xf0\x00\x00\x00\x00\x00\x00"] {
        assert_eq!(refusal(ListStreams, "Limit", endless), format!("{NUMBER}an Integer"));
    }
}

#[test]
fn null_and_undefined_are_absent_and_the_last_of_a_name_counts() {
    assert_eq!(member(ListStreams, "Limit", b"\xf6"), Ok(None));
    assert_eq!(member(ListStreams, "Limit", b"\xf7"), Ok(None));
    let twice = read_bytes(ListStreams, b"\xa2\x65Limit\x01\x65Limit\x02").expect("readable");
    assert_eq!(twice.get("Limit"), Some(&Document::Integer(2)));
}

#[test]
fn members_that_the_model_does_not_know_may_be_of_any_kind() {
    for value in [
        &b"\xa3\x01\x02\x41a\xf6\xf4\xf9\x7e\x00"[..],
        b"\xc2\x49\x01\x00\x00\x00\x00\x00\x00\x00\x00",
        b"\xd9\xd9\xf7\x80",
        b"\x5f\xff",
    ] {
        assert_eq!(member(ListStreams, "Unknown", value), Ok(None), "{value:x?}");
    }
}

#[test]
fn a_body_that_is_unreadable_further_on_is_refused_without_a_text() {
    for rest in [&b""[..], b"\x65Limit", b"\x65Limit\xff", b"\x65Limit\x01\x00", b"\x01\x02"] {
        let body = [b"\xa2\x6aStreamName\x01", rest].concat();
        let error = read_bytes(CreateStream, &body).expect_err("unreadable");
        let readable = rest == b"\x01\x02";
        assert_eq!(error.message.is_empty(), !readable, "{rest:x?}: {error}");
    }
}
