//! The codec: what is written is read, however it announces itself, and nothing else is.

use super::*;
use cbor4ii::core::enc::Encode;
use cbor4ii::core::types::{Array, Map, UncheckedStr};
use cbor4ii::core::utils::BufWriter;
use proptest::prelude::*;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

fn written(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    append(value, &mut bytes);
    bytes
}

/// How lists, maps and texts announce themselves.
#[derive(Debug, Clone, Copy)]
enum Style {
    Counted,
    Open,
}

fn put(value: &Value, style: Style, out: &mut BufWriter) {
    let done = match (value, style) {
        (Value::Array(entries), Style::Counted) => {
            Array::bounded(entries.len(), out).map(|()| entries.iter().for_each(|entry| put(entry, style, out)))
        }
        (Value::Array(entries), Style::Open) => {
            Array::unbounded(out).expect("memory");
            entries.iter().for_each(|entry| put(entry, style, out));
            Array::end(out)
        }
        (Value::Object(members), _) => {
            let begun = match style {
                Style::Counted => Map::bounded(members.len(), out),
                Style::Open => Map::unbounded(out),
            };
            begun.expect("memory");
            for (name, value) in members {
                put(&Value::from(name.as_str()), style, out);
                put(value, style, out);
            }
            match style {
                Style::Counted => Ok(()),
                Style::Open => Map::end(out),
            }
        }
        (Value::String(text), Style::Open) => {
            UncheckedStr::unbounded(out).expect("memory");
            text.chars().for_each(|piece| piece.to_string().encode(out).expect("memory"));
            UncheckedStr::end(out)
        }
        (other, _) => {
            let bytes = written(other);
            let mut whole = out.buffer().to_vec();
            whole.extend(bytes);
            *out = BufWriter::new(whole);
            Ok(())
        }
    };
    done.expect("memory");
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        prop::num::f64::NORMAL.prop_map(Value::from),
        "\\PC{0,30}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map("\\PC{0,5}", inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read(value in value()) {
        prop_assert_eq!(from_slice::<Value>(&written(&value)), Ok(value));
    }

    #[test]
    fn it_does_not_matter_how_it_announces_itself(
        value in value(),
        style in prop_oneof![Just(Style::Counted), Just(Style::Open)],
    ) {
        let mut out = BufWriter::new(Vec::new());
        put(&value, style, &mut out);
        prop_assert_eq!(from_slice::<Value>(out.buffer()), Ok(value));
    }

    #[test]
    fn what_is_cut_short_or_goes_on_is_unreadable(value in value(), at in any::<prop::sample::Index>(), more in any::<u8>()) {
        let mut bytes = written(&value);
        let at = at.index(bytes.len());
        prop_assert_eq!(from_slice::<Value>(&bytes[..at]), Err(decoder::Unreadable));
        bytes.push(more);
        prop_assert_eq!(from_slice::<Value>(&bytes), Err(decoder::Unreadable));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let value = from_slice::<Value>(&bytes).is_ok();
        prop_assert!(!value || from_slice::<IgnoredAny>(&bytes).is_ok());
    }
}

#[test]
fn values_are_written_as_the_rfc_has_them() {
    let cases: [(Value, &[u8]); 8] = [
        (json!(23), b"\x17"),
        (json!(24), b"\x18\x18"),
        (json!(1_000_000), b"\x1a\x00\x0f\x42\x40"),
        (json!(-1_000), b"\x39\x03\xe7"),
        (json!("\u{6c34}"), b"\x63\xe6\xb0\xb4"),
        (json!([1, [2]]), b"\x9f\x01\x9f\x02\xff\xff"),
        (json!({"a": null}), b"\xbf\x61a\xf6\xff"),
        (json!([false, true]), b"\x9f\xf4\xf5\xff"),
    ];
    for (value, bytes) in cases {
        assert_eq!(written(&value), bytes, "{value}");
    }
}

#[test]
fn texts_of_every_length_class_carry_their_length() {
    for (length, head) in [
        (23, &b"\x77"[..]),
        (24, b"\x78\x18"),
        (255, b"\x78\xff"),
        (256, b"\x79\x01\x00"),
        (65_536, b"\x7a\x00\x01\x00\x00"),
    ] {
        let bytes = written(&json!("a".repeat(length)));
        assert_eq!((&bytes[..head.len()], bytes.len()), (head, head.len() + length));
    }
}

#[test]
fn nesting_is_read_as_deep_as_in_json() {
    let read = |depth: usize| {
        let json = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let mut cbor = vec![0x81; depth - 1];
        cbor.push(0x80);
        let mut tags = vec![0xc1; depth];
        tags.push(0x00);
        let in_json = serde_json::from_str::<Value>(&json).is_ok();
        (in_json, from_slice::<Value>(&cbor).is_ok(), from_slice::<Value>(&tags).is_ok())
    };
    assert_eq!(read(127), (true, true, true));
    assert_eq!(read(128), (false, false, false));
}

#[test]
fn a_reader_that_does_not_read_to_the_end_of_a_list_gets_nothing() {
    assert_eq!(from_slice::<(u8, u8)>(b"\x82\x01\x02"), Ok((1, 2)));
    assert_eq!(from_slice::<(u8, u8)>(b"\x9f\x01\x02\xff"), Ok((1, 2)));
    assert!(from_slice::<(u8, u8)>(b"\x83\x01\x02\x03").is_err());
    assert!(from_slice::<(u8, u8)>(b"\x9f\x01\x02\x03\xff").is_err());
}
