//! Records in requests: the fast reader's parts, and the checked reader of one entry.
//!
//! The fast readers of PutRecord and PutRecords borrow from the body and decode all data into
//! one buffer. They know only requests without a fault and without rare members, and give up
//! at anything else; the checked reader then finds the fault or accepts.

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
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(members)).map(Object)
            }
        }
        deserializer.deserialize_map(Members(PhantomData))
    }
}

/// A text, borrowed from the body unless it has escapes.
#[derive(Deserialize)]
pub(super) struct Text<'a>(#[serde(borrow)] pub Cow<'a, str>);

/// An entry of PutRecords; duplicate and unknown members make the fast reader give up.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct FastEntry<'a> {
    #[serde(borrow)]
    pub data: Text<'a>,
    #[serde(borrow)]
    pub partition_key: Text<'a>,
    #[serde(borrow)]
    pub explicit_hash_key: Option<Text<'a>>,
}

/// Turns `entries` into the domain's, their data slices of one buffer; none when an entry has
/// any fault.
pub(super) fn decode_fast(entries: Vec<FastEntry<'_>>) -> Option<Vec<PutEntry>> {
    let room = entries.iter().map(|entry| base64_simd::STANDARD.estimated_decoded_length(entry.data.0.len())).sum();
    let mut arena = Vec::with_capacity(room);
    let mut ends = Vec::with_capacity(entries.len());
    for entry in &entries {
        base64_simd::STANDARD.decode_append(entry.data.0.as_bytes(), &mut arena).ok()?;
        ends.push(arena.len());
    }
    let arena = Bytes::from(arena);
    let mut start = 0;
    let mut decoded = Vec::with_capacity(entries.len());
    for (entry, end) in entries.into_iter().zip(ends) {
        let data = arena.slice(start..end);
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
