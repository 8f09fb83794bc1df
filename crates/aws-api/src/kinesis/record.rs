//! Records in requests: the fast reader's parts, and the checked reader of one entry.
//!
//! The fast readers of PutRecord and PutRecords borrow from the body. Data of JSON they decode, all
//! into one buffer; data of CBOR stays where it is. They know only requests without a fault and without rare members, and give up
//! at anything else; the checked reader then finds the fault or accepts.

use crate::cbor;
use crate::encoding::{Encoded, Encoding};
use crate::model::Fields;
use anabranch_api::{ApiError, PutEntry, StreamSelector, messages};
use anabranch_types::{HashKey, PartitionKey, StreamArn, StreamName, limits};
use bytes::Bytes;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// `T` read from a JSON object and from nothing else; serde by itself would read a list too.
pub(super) struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    // The compiler would keep it apart since two encodings use it, which costs JSON a twentieth.
    #[inline]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            #[inline]
            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(members)).map(Object)
            }
        }
        deserializer.deserialize_map(Members(PhantomData))
    }
}

/// All of `body` as an object that is a `T`; none when it is anything else.
pub(super) fn object<'b, T: Deserialize<'b>>(body: &'b Encoded) -> Option<T> {
    let Object(value) = match body.encoding {
        Encoding::Json => serde_json::from_slice(&body.bytes).ok()?,
        Encoding::Cbor => cbor::from_slice(&body.bytes).ok()?,
    };
    Some(value)
}

/// A text, borrowed from the body unless it has escapes.
#[derive(Deserialize)]
pub(super) struct Text<'a>(#[serde(borrow)] pub Cow<'a, str>);

/// Data, borrowed from the body.
pub(super) enum Data<'a> {
    /// Of JSON.
    Base64(Text<'a>),
    /// Of CBOR, in one piece.
    Plain(&'a [u8]),
}

impl<'de: 'a, 'a> Deserialize<'de> for Data<'a> {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            Text::deserialize(deserializer).map(Data::Base64)
        } else {
            <&[u8]>::deserialize(deserializer).map(Data::Plain)
        }
    }
}

/// An entry of PutRecords; duplicate and unknown members make the fast reader give up.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct FastEntry<'a> {
    #[serde(borrow)]
    pub data: Data<'a>,
    #[serde(borrow)]
    pub partition_key: Text<'a>,
    #[serde(borrow)]
    pub explicit_hash_key: Option<Text<'a>>,
}

/// Turns the `entries` of `body` into the domain's, their data slices of one buffer or of the body;
/// none when an entry has any fault.
pub(super) fn decode_fast(entries: Vec<FastEntry<'_>>, body: &Bytes) -> Option<Vec<PutEntry>> {
    let room = entries.iter().map(|entry| match &entry.data {
        Data::Base64(text) => base64_simd::STANDARD.estimated_decoded_length(text.0.len()),
        Data::Plain(_) => 0,
    });
    let mut arena = Vec::with_capacity(room.sum());
    let mut ends = Vec::with_capacity(entries.len());
    for entry in &entries {
        if let Data::Base64(text) = &entry.data {
            base64_simd::STANDARD.decode_append(text.0.as_bytes(), &mut arena).ok()?;
        }
        ends.push(arena.len());
    }
    let arena = Bytes::from(arena);
    let mut start = 0;
    let mut decoded = Vec::with_capacity(entries.len());
    for (entry, end) in entries.into_iter().zip(ends) {
        let data = match entry.data {
            Data::Base64(_) => arena.slice(start..end),
            Data::Plain(bytes) => body.slice_ref(bytes),
        };
        start = end;
        if data.len() as u64 > limits::RECORD_BYTES_MAX {
            return None;
        }
        decoded.push(PutEntry {
            data,
            partition_key: PartitionKey::new(entry.partition_key.0.into_owned()).ok()?,
            explicit_hash_key: match entry.explicit_hash_key {
                Some(text) => Some(HashKey::parse(&text.0).ok()?),
                None => None,
            },
        });
    }
    Some(decoded)
}

/// The stream of a fast request; none when name or ARN has any fault or they differ.
pub(super) fn stream_fast(name: Option<Text<'_>>, arn: Option<Text<'_>>) -> Option<StreamSelector> {
    let name = match name {
        Some(text) => Some(StreamName::new(&text.0).ok()?),
        None => None,
    };
    let arn = match arn {
        // The model's length and characters, a little narrower.
        Some(text) if text.0.len() > 2_048 || !text.0.bytes().all(|b| b.is_ascii_graphic()) => return None,
        Some(text) => Some(StreamArn::parse(&text.0).ok()?),
        None => None,
    };
    let usable = match (&name, &arn) {
        (Some(name), Some(arn)) => *name == arn.name,
        (None, None) => false,
        (Some(_), None) | (None, Some(_)) => true,
    };
    usable.then_some(StreamSelector { name, arn })
}

/// Takes the record out of a request that passed the checks.
pub(super) fn entry(fields: &mut Fields) -> Result<PutEntry, ApiError> {
    let data = fields.blob("Data").expect("the model requires it");
    let partition_key = fields.text("PartitionKey").expect("the recorded model requires it");
    let partition_key = PartitionKey::new(partition_key).expect("the model's limits are the domain's");
    let hash_key = |text: String| HashKey::parse(&text).map_err(|_| messages::invalid_explicit_hash_key(&text));
    let explicit_hash_key = fields.text("ExplicitHashKey").map(hash_key).transpose()?;
    Ok(PutEntry { data, partition_key, explicit_hash_key })
}
