//! The type check: reads a body of either encoding into a [`Document`] of the model's kinds.
//!
//! The body is read as a stream that the model steers: a list that is too long or a member that
//! nobody knows costs no memory, however large the body is (I10).

use super::blob;
use super::document::{Document, Fields};
use super::shape::{Bounds, Kind, Shape};
use super::type_error::{self, Found};
use super::well_formed::{WellFormed, is_well_formed};
use crate::cbor::Decoder;
use crate::encoding::{Encoded, Encoding};
use anabranch_api::{ApiError, ErrorCode};
use anabranch_types::Timestamp;
use bytes::Bytes;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::cell::Cell;
use std::fmt;

/// Entries kept of a list or map for which the model has no maximum.
const ENTRIES_KEPT_DEFAULT: usize = 1_000;

/// The last moment that clients can name: the end of the year 9999, in milliseconds.
const TIMESTAMP_MILLIS_MAX: f64 = 253_402_300_799_999.0;

/// Reads `body` as the structure `shape`. Members that the model does not know are ignored.
///
/// # Errors
/// SerializationException: with the service's text when a member is of another type, without
/// a text when the body is not in its encoding.
pub(crate) fn read(shape: &'static Shape, body: &Encoded) -> Result<Fields, ApiError> {
    let refusal = Cell::new(None);
    let reader = Reader { shape, encoding: body.encoding, refusal: &refusal };
    match reader.read_all(&body.bytes) {
        Some(Document::Structure(fields)) => Ok(fields),
        Some(_) => match &shape.kind {
            Kind::Structure(structure) => Ok(Fields::empty(structure)),
            _ => unreachable!("inputs are structures"),
        },
        None => {
            // A body that is unreadable further on is that first of all.
            let text = refusal.take().filter(|_| is_well_formed(body));
            Err(ApiError::new(ErrorCode::Serialization, text.unwrap_or_default()))
        }
    }
}

/// Reads one value of `shape`; leaves the text of a type error in `refusal`.
#[derive(Clone, Copy)]
struct Reader<'r> {
    shape: &'static Shape,
    encoding: Encoding,
    refusal: &'r Cell<Option<String>>,
}

impl Reader<'_> {
    /// The value that all of `bytes` are; none when they are not in the encoding, or of another type.
    fn read_all(self, bytes: &[u8]) -> Option<Document> {
        match self.encoding {
            Encoding::Json => {
                let mut json = serde_json::Deserializer::from_slice(bytes);
                let document = self.deserialize(&mut json).ok()?;
                json.end().ok().map(|()| document)
            }
            Encoding::Cbor => {
                let mut cbor = Decoder::new(bytes);
                let document = self.deserialize(&mut cbor).ok()?;
                cbor.end().ok().map(|()| document)
            }
        }
    }

    fn refuse<E: Error>(&self, text: String) -> E {
        self.refusal.set(Some(text));
        E::custom("another type than the model's")
    }

    fn found<E: Error>(&self, found: Found<'_>) -> Result<Document, E> {
        Err(self.refuse(type_error::text(&self.shape.kind, found)))
    }

    /// A number of the encoding's unit since the Unix epoch; what lies before it is the epoch.
    fn moment(self, number: f64) -> Document {
        let millis = match self.encoding {
            Encoding::Json => (number * 1000.0).round(),
            Encoding::Cbor => number.round(),
        };
        Document::Timestamp(Timestamp::from_millis(millis.clamp(0.0, TIMESTAMP_MILLIS_MAX) as u64))
    }

    /// A number that fits 64 bits without a fraction.
    fn whole<E: Error>(self, number: i128) -> Result<Document, E> {
        match &self.shape.kind {
            Kind::Integer(_) => Ok(Document::Integer(number.clamp(i128::from(i32::MIN), i128::from(i32::MAX)) as i64)),
            Kind::Timestamp => Ok(self.moment(number as f64)),
            _ => self.found(Found::Number),
        }
    }
}

/// One more than fits shows that there are too many; the rest is read and dropped.
fn entries_kept(length: &Bounds) -> usize {
    let max = length.max.and_then(|max| usize::try_from(max).ok());
    max.unwrap_or(ENTRIES_KEPT_DEFAULT).saturating_add(1)
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Document;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Document, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Document;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "shape {}", self.shape.name)
    }

    fn visit_unit<E: Error>(self) -> Result<Document, E> {
        Ok(Document::Null)
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<Document, E> {
        match &self.shape.kind {
            Kind::Boolean => Ok(Document::Boolean(truth)),
            _ => self.found(Found::Boolean),
        }
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Document, E> {
        self.whole(i128::from(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Document, E> {
        self.whole(i128::from(number))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Document, E> {
        match &self.shape.kind {
            // JSON has no such numbers.
            _ if !number.is_finite() => self.found(Found::Number),
            Kind::Timestamp => Ok(self.moment(number)),
            _ => self.whole(number.floor() as i128),
        }
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Document, E> {
        match &self.shape.kind {
            Kind::Text { .. } => Ok(Document::Text(text.to_owned())),
            Kind::Blob(_) if self.encoding == Encoding::Json => {
                blob::decode(text).map(|bytes| Document::Blob(Bytes::from(bytes))).map_err(|fault| self.refuse(fault))
            }
            Kind::Boolean => match text.to_ascii_lowercase().as_str() {
                "true" | "yes" | "1" => Ok(Document::Boolean(true)),
                "false" | "no" | "0" => Ok(Document::Boolean(false)),
                _ => self.found(Found::Text(text)),
            },
            _ => self.found(Found::Text(text)),
        }
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Document, E> {
        match &self.shape.kind {
            Kind::Blob(_) => Ok(Document::Blob(Bytes::copy_from_slice(bytes))),
            _ => self.found(Found::Bytes),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Document, A::Error> {
        let Kind::List { element, length } = &self.shape.kind else {
            return self.found(Found::List);
        };
        let (mut kept, mut count) = (Vec::new(), 0);
        while let Some(entry) = entries.next_element_seed(Reader { shape: element, ..self })? {
            count += 1;
            if kept.len() < entries_kept(length) {
                kept.push(entry);
            }
        }
        Ok(Document::List { kept, length: count })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Document, A::Error> {
        match &self.shape.kind {
            Kind::Structure(structure) => {
                let mut fields = Fields::empty(structure);
                while let Some(name) = members.next_key::<String>()? {
                    match structure.member(&name) {
                        Some(member) => {
                            let value = members.next_value_seed(Reader { shape: &member.shape, ..self })?;
                            fields.set(&member.name, value);
                        }
                        None => {
                            members.next_value::<WellFormed>()?;
                        }
                    }
                }
                Ok(Document::Structure(fields))
            }
            Kind::Map { value, length, .. } => {
                let (mut kept, mut count) = (Vec::new(), 0);
                while let Some(key) = members.next_key::<String>()? {
                    let entry = members.next_value_seed(Reader { shape: value, ..self })?;
                    count += 1;
                    if kept.len() < entries_kept(length) {
                        kept.push((key, entry));
                    }
                }
                Ok(Document::Map { kept, length: count })
            }
            _ => self.found(Found::Object),
        }
    }
}

#[cfg(test)]
mod tests;
