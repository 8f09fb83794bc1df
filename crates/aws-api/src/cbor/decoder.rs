//! Reads CBOR. Bytes and texts that stand in one piece are borrowed from the body.
//!
//! Tags are passed over: what is tagged is what the tag is on. That a number is a time says the
//! API model, as it does in JSON.

use cbor4ii::core::dec::{self, Decode, Read, Reference};
use cbor4ii::core::types::{Array, Bytes, F16, Map, Negative, Tag};
use cbor4ii::core::{major, marker};
use serde::Deserialize;
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;
use std::borrow::Cow;
use std::fmt::Display;

/// Lists, maps and tags inside of each other; as many as the reader of JSON takes.
const DEPTH_MAX: u8 = 127;

/// The body is no CBOR, or none that is wanted here. The service says no more about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the CBOR that is wanted")]
pub(crate) struct Unreadable;

impl de::Error for Unreadable {
    fn custom<T: Display>(_: T) -> Self {
        Unreadable
    }
}

impl From<dec::Error<Unreadable>> for Unreadable {
    fn from(_: dec::Error<Unreadable>) -> Self {
        Unreadable
    }
}

/// Reads all of `body` as one `T`.
///
/// # Errors
/// [`Unreadable`] when it is none or when something follows it.
// Apart from its callers, whose other way is JSON's: what is hot there stays small.
#[inline(never)]
pub(crate) fn from_slice<'b, T: Deserialize<'b>>(body: &'b [u8]) -> Result<T, Unreadable> {
    let mut decoder = Decoder::new(body);
    let value = T::deserialize(&mut decoder)?;
    decoder.end()?;
    Ok(value)
}

/// Whether the first byte of `body` begins a list or a map.
pub(crate) fn begins_list_or_map(body: &[u8]) -> bool {
    body.first().is_some_and(|first| matches!(dec::if_major(*first), major::ARRAY | major::MAP))
}

/// What is left of a body. A length that is announced beyond its end is an error before anything
/// is kept of it.
struct Rest<'b>(&'b [u8]);

impl<'b> Read<'b> for Rest<'b> {
    type Error = Unreadable;

    fn fill<'short>(&'short mut self, want: usize) -> Result<Reference<'b, 'short>, Unreadable> {
        self.0.get(..want).map(Reference::Long).ok_or(Unreadable)
    }

    fn advance(&mut self, n: usize) {
        self.0 = self.0.get(n..).unwrap_or_default();
    }
}

/// A reader of one body.
pub(crate) struct Decoder<'b> {
    rest: Rest<'b>,
    depth_left: u8,
}

impl<'b> Decoder<'b> {
    /// Before the first byte of `body`.
    pub(crate) fn new(body: &'b [u8]) -> Self {
        Decoder { rest: Rest(body), depth_left: DEPTH_MAX }
    }

    /// # Errors
    /// [`Unreadable`] when something is left.
    pub(crate) fn end(&self) -> Result<(), Unreadable> {
        if self.rest.0.is_empty() { Ok(()) } else { Err(Unreadable) }
    }

    fn peek(&self) -> Result<u8, Unreadable> {
        self.rest.0.first().copied().ok_or(Unreadable)
    }

    /// Reads what is one deeper.
    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Unreadable>) -> Result<T, Unreadable> {
        self.depth_left = self.depth_left.checked_sub(1).ok_or(Unreadable)?;
        let value = read(self)?;
        self.depth_left += 1;
        Ok(value)
    }

    /// Reads a list or map of `left` entries, to its end.
    fn entries<T>(
        &mut self,
        left: Option<usize>,
        read: impl FnOnce(&mut Entries<'_, 'b>) -> Result<T, Unreadable>,
    ) -> Result<T, Unreadable> {
        self.deeper(|decoder| {
            let mut entries = Entries { decoder, left };
            let value = read(&mut entries)?;
            if entries.is_at_end()? { Ok(value) } else { Err(Unreadable) }
        })
    }

    /// Major type 7. Undefined is null; what has no meaning yet is an error.
    fn simple<V: Visitor<'b>>(&mut self, first: u8, visitor: V) -> Result<V::Value, Unreadable> {
        match first {
            marker::F16 => visitor.visit_f64(from_half(F16::decode(&mut self.rest)?.0)),
            marker::F32 => visitor.visit_f64(f32::decode(&mut self.rest)?.into()),
            marker::F64 => visitor.visit_f64(f64::decode(&mut self.rest)?),
            marker::FALSE | marker::TRUE => visitor.visit_bool(bool::decode(&mut self.rest)?),
            marker::NULL | marker::UNDEFINED => {
                self.rest.advance(1);
                visitor.visit_unit()
            }
            _ => Err(Unreadable),
        }
    }
}

/// A float of 16 bits: a sign, 5 bits of exponent, 10 of fraction. Source: RFC 8949, appendix D.
fn from_half(bits: u16) -> f64 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    let magnitude = match exponent {
        0 => fraction * 2_f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (fraction + 1_024.0) * 2_f64.powi(exponent - 25),
    };
    if bits & 0x8000 == 0 { magnitude } else { -magnitude }
}

impl<'b> Deserializer<'b> for &mut Decoder<'b> {
    type Error = Unreadable;

    fn deserialize_any<V: Visitor<'b>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        let first = self.peek()?;
        match dec::if_major(first) {
            major::UNSIGNED => visitor.visit_u64(u64::decode(&mut self.rest)?),
            major::NEGATIVE => {
                let Negative(below_minus_one) = Negative::<u64>::decode(&mut self.rest)?;
                // What lies below 64 bits lies as far below every range of the model.
                visitor.visit_i64(i64::try_from(below_minus_one).map_or(i64::MIN, |distance| -1 - distance))
            }
            major::BYTES => self.deserialize_bytes(visitor),
            major::STRING => self.deserialize_str(visitor),
            major::ARRAY => {
                let count = Array::len(&mut self.rest)?;
                self.entries(count, |entries| visitor.visit_seq(entries))
            }
            major::MAP => {
                let count = Map::len(&mut self.rest)?;
                self.entries(count, |entries| visitor.visit_map(entries))
            }
            major::TAG => {
                Tag::tag(&mut self.rest)?;
                self.deeper(|tagged| tagged.deserialize_any(visitor))
            }
            _ => self.simple(first, visitor),
        }
    }

    /// Bytes and nothing else; serde by itself would take a text for them.
    fn deserialize_bytes<V: Visitor<'b>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        match Bytes::<Cow<'b, [u8]>>::decode(&mut self.rest)?.0 {
            Cow::Borrowed(bytes) => visitor.visit_borrowed_bytes(bytes),
            Cow::Owned(bytes) => visitor.visit_byte_buf(bytes),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'b>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        self.deserialize_bytes(visitor)
    }

    /// A text and nothing else; serde by itself would take bytes for one.
    fn deserialize_str<V: Visitor<'b>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        match Cow::<'b, str>::decode(&mut self.rest)? {
            Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
            Cow::Owned(text) => visitor.visit_string(text),
        }
    }

    fn deserialize_string<V: Visitor<'b>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'b>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'b>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        match self.peek()? {
            marker::NULL | marker::UNDEFINED => {
                self.rest.advance(1);
                visitor.visit_none()
            }
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'b>>(self, _: &'static str, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_newtype_struct(self)
    }

    fn is_human_readable(&self) -> bool {
        false
    }

    forward_to_deserialize_any! {
        <V: Visitor<'b>>
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char unit unit_struct seq tuple
        tuple_struct map struct enum ignored_any
    }
}

/// The entries of a list, or the keys and values of a map.
struct Entries<'d, 'b> {
    decoder: &'d mut Decoder<'b>,
    /// None as long as their end has not been seen and was not announced.
    left: Option<usize>,
}

impl Entries<'_, '_> {
    /// Whether none is left; else the next one is counted.
    fn is_at_end(&mut self) -> Result<bool, Unreadable> {
        match &mut self.left {
            Some(0) => Ok(true),
            Some(left) => {
                *left -= 1;
                Ok(false)
            }
            None => {
                let ends = dec::is_break(&mut self.decoder.rest)?;
                self.left = ends.then_some(0);
                Ok(ends)
            }
        }
    }
}

impl<'b> SeqAccess<'b> for Entries<'_, 'b> {
    type Error = Unreadable;

    fn next_element_seed<T: DeserializeSeed<'b>>(&mut self, seed: T) -> Result<Option<T::Value>, Unreadable> {
        if self.is_at_end()? { Ok(None) } else { seed.deserialize(&mut *self.decoder).map(Some) }
    }
}

impl<'b> MapAccess<'b> for Entries<'_, 'b> {
    type Error = Unreadable;

    fn next_key_seed<K: DeserializeSeed<'b>>(&mut self, seed: K) -> Result<Option<K::Value>, Unreadable> {
        if self.is_at_end()? { Ok(None) } else { seed.deserialize(&mut *self.decoder).map(Some) }
    }

    fn next_value_seed<T: DeserializeSeed<'b>>(&mut self, seed: T) -> Result<T::Value, Unreadable> {
        seed.deserialize(&mut *self.decoder)
    }
}
