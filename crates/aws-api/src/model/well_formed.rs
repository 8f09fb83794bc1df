//! Walks what nobody wants, so that it is read in full and keeps within the depth limit.

use crate::cbor;
use crate::encoding::{Encoded, Encoding};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// Whether `body` is one value of its encoding and nothing else.
pub(crate) fn is_well_formed(body: &Encoded) -> bool {
    match body.encoding {
        Encoding::Json => serde_json::from_slice::<WellFormed>(&body.bytes).is_ok(),
        Encoding::Cbor => cbor::from_slice::<WellFormed>(&body.bytes).is_ok(),
    }
}

/// Any value, thrown away. Unlike serde's own `IgnoredAny`, texts must be Unicode and the
/// reader's depth limit counts.
pub(super) struct WellFormed;

impl<'de> Deserialize<'de> for WellFormed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WellFormed)
    }
}

impl<'de> Visitor<'de> for WellFormed {
    type Value = WellFormed;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(WellFormed)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(WellFormed)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(WellFormed)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(WellFormed)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(WellFormed)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(WellFormed)
    }

    fn visit_bytes<E>(self, _: &[u8]) -> Result<Self, E> {
        Ok(WellFormed)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Self, A::Error> {
        while entries.next_element::<WellFormed>()?.is_some() {}
        Ok(WellFormed)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self, A::Error> {
        while members.next_entry::<WellFormed, WellFormed>()?.is_some() {}
        Ok(WellFormed)
    }
}
