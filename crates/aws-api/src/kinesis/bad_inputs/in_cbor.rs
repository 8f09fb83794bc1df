//! The same request or answer in the other encoding: JSON to CBOR by the model, and back by what
//! CBOR says of itself.

use crate::cbor;
use crate::encoding::{Encoded, Encoding};
use crate::kinesis::Operation;
use crate::model::{Kind, MODEL, Shape};
use bytes::Bytes;
use cbor4ii::core::Value as Item;
use cbor4ii::core::dec::Decode;
use cbor4ii::core::utils::SliceReader;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

/// A request of `operation` that is `request` in JSON. In CBOR its data are bytes and its times
/// milliseconds; data that is no base64 stays a text.
pub fn encoded(operation: Operation, request: &Value, encoding: Encoding) -> Encoded {
    let bytes = match encoding {
        Encoding::Json => request.to_string().into_bytes(),
        Encoding::Cbor => {
            let mut bytes = Vec::new();
            cbor::append(&Typed { shape: Some(MODEL.input(operation)), value: request }, &mut bytes);
            bytes
        }
    };
    Encoded { encoding, bytes: Bytes::from(bytes) }
}

/// The JSON of an answer or an error in either encoding; null for no body, none for one that is
/// not in its encoding.
pub fn as_json(answer: &Encoded) -> Option<Value> {
    match answer.encoding {
        _ if answer.bytes.is_empty() => Some(Value::Null),
        Encoding::Json => serde_json::from_slice(&answer.bytes).ok(),
        Encoding::Cbor => json_of(Item::decode(&mut SliceReader::new(&answer.bytes)).ok()?),
    }
}

/// A value and what the model says about it, where it says something.
struct Typed<'a> {
    shape: Option<&'a Shape>,
    value: &'a Value,
}

impl<'a> Typed<'a> {
    fn entry(&self, value: &'a Value) -> Typed<'a> {
        let shape = match self.shape.map(|shape| &shape.kind) {
            Some(Kind::List { element, .. }) => Some(&**element),
            Some(Kind::Map { value, .. }) => Some(&**value),
            _ => None,
        };
        Typed { shape, value }
    }

    fn member(&self, name: &str, value: &'a Value) -> Typed<'a> {
        match self.shape.map(|shape| &shape.kind) {
            Some(Kind::Structure(structure)) => {
                Typed { shape: structure.member(name).map(|member| &member.shape), value }
            }
            _ => self.entry(value),
        }
    }
}

impl Serialize for Typed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (self.shape.map(|shape| &shape.kind), self.value) {
            (Some(Kind::Blob(_)), Value::String(text)) => match base64_simd::STANDARD.decode_to_vec(text) {
                Ok(bytes) => serializer.serialize_bytes(&bytes),
                Err(_) => serializer.serialize_str(text),
            },
            (Some(Kind::Timestamp), Value::Number(seconds)) => {
                let millis = seconds.as_f64().map_or(0.0, |seconds| (seconds * 1000.0).round()) as i64;
                serializer.serialize_newtype_struct(cbor::TIMESTAMP, &millis)
            }
            (_, Value::Array(entries)) => serializer.collect_seq(entries.iter().map(|entry| self.entry(entry))),
            (_, Value::Object(members)) => {
                serializer.collect_map(members.iter().map(|(name, value)| (name, self.member(name, value))))
            }
            (_, other) => other.serialize(serializer),
        }
    }
}

/// Bytes are base64 again, and what has tag 1 is milliseconds of a time.
fn json_of(item: Item) -> Option<Value> {
    Some(match item {
        Item::Null => Value::Null,
        Item::Bool(truth) => truth.into(),
        Item::Integer(number) => i64::try_from(number).ok()?.into(),
        Item::Text(text) => text.into(),
        Item::Bytes(bytes) => base64_simd::STANDARD.encode_to_string(bytes).into(),
        Item::Array(entries) => entries.into_iter().map(json_of).collect::<Option<Vec<_>>>()?.into(),
        Item::Map(members) => {
            let member = |(name, value)| match name {
                Item::Text(name) => Some((name, json_of(value)?)),
                _ => None,
            };
            Value::Object(members.into_iter().map(member).collect::<Option<Map<_, _>>>()?)
        }
        Item::Tag(1, millis) => match *millis {
            Item::Integer(millis) => (millis as f64 / 1000.0).into(),
            _ => return None,
        },
        _ => return None,
    })
}
