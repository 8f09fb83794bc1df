//! Writes CBOR: lists and maps of indefinite length, as the service does; all else in one piece.

use cbor4ii::core::enc::{self, Encode, Write};
use cbor4ii::core::types::{Array, Bytes, Map, Nothing, Null, Tag};
use serde::Serialize;
use serde::ser::{self, Impossible, SerializeMap, SerializeSeq, SerializeStruct, SerializeTuple, Serializer};
use std::convert::Infallible;
use std::fmt::{Display, Write as _};

/// A newtype of this name is a time: its number of milliseconds gets tag 1. RFC 8949 counts seconds
/// there; the AWS protocols do not.
pub(crate) const TIMESTAMP: &str = "Timestamp";
/// Source: RFC 8949, 3.4.2.
const TAG_OF_TIMES: u64 = 1;

/// Writes `value` behind what `out` holds.
///
/// # Panics
/// When it has something that no answer has: single characters, small floats, enums with content.
// Apart from its callers, whose other way is JSON's: what is hot there stays small.
#[inline(never)]
pub(crate) fn append<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    let mut encoder = Encoder { out: Output(out), text: String::new() };
    value.serialize(&mut encoder).expect("a vector takes every write, and no answer has such a value");
}

struct Output<'o>(&'o mut Vec<u8>);

impl Write for Output<'_> {
    type Error = Infallible;

    fn push(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

/// No answer has such a value.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Unwritable(String);

impl ser::Error for Unwritable {
    fn custom<T: Display>(why: T) -> Self {
        Unwritable(why.to_string())
    }
}

impl From<enc::Error<Infallible>> for Unwritable {
    fn from(why: enc::Error<Infallible>) -> Self {
        ser::Error::custom(why)
    }
}

fn unknown<T>(what: &str) -> Result<T, Unwritable> {
    Err(Unwritable(format!("{what} are not written as CBOR")))
}

struct Encoder<'o> {
    out: Output<'o>,
    /// Where texts are made whose length is not known before.
    text: String,
}

impl Encoder<'_> {
    fn put(&mut self, value: impl Encode) -> Result<(), Unwritable> {
        Ok(value.encode(&mut self.out)?)
    }
}

impl<'e, 'o> Serializer for &'e mut Encoder<'o> {
    type Ok = ();
    type Error = Unwritable;
    type SerializeSeq = Entries<'e, 'o>;
    type SerializeTuple = Entries<'e, 'o>;
    type SerializeTupleStruct = Impossible<(), Unwritable>;
    type SerializeTupleVariant = Impossible<(), Unwritable>;
    type SerializeMap = Entries<'e, 'o>;
    type SerializeStruct = Entries<'e, 'o>;
    type SerializeStructVariant = Impossible<(), Unwritable>;

    fn serialize_bool(self, truth: bool) -> Result<(), Unwritable> {
        self.put(truth)
    }

    fn serialize_i8(self, number: i8) -> Result<(), Unwritable> {
        self.put(number)
    }

    fn serialize_i16(self, number: i16) -> Result<(), Unwritable> {
        self.put(number)
    }

    fn serialize_i32(self, number: i32) -> Result<(), Unwritable> {
        self.put(number)
    }

    fn serialize_i64(self, number: i64) -> Result<(), Unwritable> {
        self.put(number)
    }

    fn serialize_u8(self, number: u8) -> Result<(), Unwritable> {
        self.put(number)
    }

    fn serialize_u16(self, number: u16) -> Result<(), Unwritable> {
        self.put(number)
    }

    fn serialize_u32(self, number: u32) -> Result<(), Unwritable> {
        self.put(number)
    }

    fn serialize_u64(self, number: u64) -> Result<(), Unwritable> {
        self.put(number)
    }

    fn serialize_f32(self, _: f32) -> Result<(), Unwritable> {
        unknown("small floats")
    }

    fn serialize_f64(self, number: f64) -> Result<(), Unwritable> {
        self.put(number)
    }

    fn serialize_char(self, _: char) -> Result<(), Unwritable> {
        unknown("characters")
    }

    fn serialize_str(self, text: &str) -> Result<(), Unwritable> {
        self.put(text)
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<(), Unwritable> {
        self.put(Bytes(bytes))
    }

    fn serialize_none(self) -> Result<(), Unwritable> {
        self.put(Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Unwritable> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Unwritable> {
        self.put(Null)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Unwritable> {
        self.put(Null)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, name: &'static str) -> Result<(), Unwritable> {
        self.put(name)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Result<(), Unwritable> {
        if name == TIMESTAMP {
            self.put(Tag(TAG_OF_TIMES, Nothing))?;
        }
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), Unwritable> {
        unknown("enums with content")
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Entries<'e, 'o>, Unwritable> {
        Array::unbounded(&mut self.out)?;
        Ok(Entries { encoder: self })
    }

    fn serialize_tuple(self, length: usize) -> Result<Entries<'e, 'o>, Unwritable> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeTupleStruct, Unwritable> {
        unknown("tuples with a name")
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Unwritable> {
        unknown("enums with content")
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Entries<'e, 'o>, Unwritable> {
        Map::unbounded(&mut self.out)?;
        Ok(Entries { encoder: self })
    }

    fn serialize_struct(self, _: &'static str, members: usize) -> Result<Entries<'e, 'o>, Unwritable> {
        self.serialize_map(Some(members))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Unwritable> {
        unknown("enums with content")
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<(), Unwritable> {
        self.text.clear();
        write!(self.text, "{value}").map_err(<Unwritable as ser::Error>::custom)?;
        Ok(self.text.as_str().encode(&mut self.out)?)
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

/// A list or map that is open until its end.
struct Entries<'e, 'o> {
    encoder: &'e mut Encoder<'o>,
}

impl Entries<'_, '_> {
    fn put<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unwritable> {
        value.serialize(&mut *self.encoder)
    }

    fn close(self) -> Result<(), Unwritable> {
        // Maps end as lists do.
        Ok(Array::end(&mut self.encoder.out)?)
    }
}

impl SerializeSeq for Entries<'_, '_> {
    type Ok = ();
    type Error = Unwritable;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unwritable> {
        self.put(value)
    }

    fn end(self) -> Result<(), Unwritable> {
        self.close()
    }
}

impl SerializeTuple for Entries<'_, '_> {
    type Ok = ();
    type Error = Unwritable;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unwritable> {
        self.put(value)
    }

    fn end(self) -> Result<(), Unwritable> {
        self.close()
    }
}

impl SerializeMap for Entries<'_, '_> {
    type Ok = ();
    type Error = Unwritable;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Unwritable> {
        self.put(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unwritable> {
        self.put(value)
    }

    fn end(self) -> Result<(), Unwritable> {
        self.close()
    }
}

impl SerializeStruct for Entries<'_, '_> {
    type Ok = ();
    type Error = Unwritable;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Unwritable> {
        self.encoder.put(name)?;
        self.put(value)
    }

    fn end(self) -> Result<(), Unwritable> {
        self.close()
    }
}
