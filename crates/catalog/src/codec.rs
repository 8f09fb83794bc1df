//! The bytes of commands, outcomes and rows: fixed-width big-endian numbers, lengths before
//! texts and lists, a tag before alternatives.
//!
//! Nothing here knows a command or a row. The layouts are written out in
//! `docs/formats/catalog.md`; a field added to a type changes its layout and needs a new
//! version.

use anabranch_types::{
    AccountId, ClusterId, ConsumerName, Counter, GroupId, HashKey, HashKeyRange, Incarnation, MapVersion, NodeId,
    ReplicaId, RequestId, SequenceNumber, ShardEpoch, ShardId, StreamName, StreamUid, TagKey, TagValue, Timestamp,
};
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::time::Duration;

/// Bytes that are no value of the expected layout.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes end within a field.
    #[error("{missing} bytes are missing")]
    Truncated {
        /// How many bytes the field needs beyond the end.
        missing: usize,
    },
    /// Bytes follow the last field.
    #[error("{bytes} bytes follow the last field")]
    Trailing {
        /// How many.
        bytes: usize,
    },
    /// A field holds what no writer of this version writes.
    #[error("not a valid {what}")]
    Invalid {
        /// The field's type.
        what: &'static str,
    },
    /// A newer (or damaged) version.
    #[error("{what} has version {found}, this build knows version {known}")]
    Version {
        /// What carries the version.
        what: &'static str,
        /// The version read.
        found: u8,
        /// The newest version this build writes and reads.
        known: u8,
    },
}

/// Reads fields from the front.
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Reader { rest: bytes }
    }

    pub fn take(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        match self.rest.split_at_checked(count) {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(taken)
            }
            None => Err(DecodeError::Truncated { missing: count - self.rest.len() }),
        }
    }

    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    pub fn version(&mut self, what: &'static str, known: u8) -> Result<(), DecodeError> {
        let found = u8::read(self)?;
        if found == known { Ok(()) } else { Err(DecodeError::Version { what, found, known }) }
    }

    /// A version from 1 to `known`.
    pub fn version_up_to(&mut self, what: &'static str, known: u8) -> Result<u8, DecodeError> {
        let found = u8::read(self)?;
        if (1..=known).contains(&found) { Ok(found) } else { Err(DecodeError::Version { what, found, known }) }
    }

    pub fn end(self) -> Result<(), DecodeError> {
        if self.rest.is_empty() { Ok(()) } else { Err(DecodeError::Trailing { bytes: self.rest.len() }) }
    }
}

/// A value with a byte layout: `read` of what `write` wrote gives the value back and refuses
/// every shorter input.
pub trait Field: Sized {
    fn write(&self, out: &mut Vec<u8>);
    fn read(input: &mut Reader<'_>) -> Result<Self, DecodeError>;
}

/// Implements [`Field`] for a struct: its fields in the order given.
macro_rules! fields {
    ($type:ident { $($field:ident),+ $(,)? }) => {
        impl crate::codec::Field for $type {
            fn write(&self, out: &mut Vec<u8>) {
                $(crate::codec::Field::write(&self.$field, out);)+
            }

            fn read(input: &mut crate::codec::Reader<'_>) -> Result<Self, crate::codec::DecodeError> {
                Ok($type { $($field: crate::codec::Field::read(input)?),+ })
            }
        }
    };
}
pub(crate) use fields;

/// Implements [`Field`] for an enum: a tag byte, then the variant's fields in the order given.
macro_rules! variants {
    ($type:ident { $($tag:literal => $variant:ident { $($field:ident),* }),+ $(,)? }) => {
        impl crate::codec::Field for $type {
            fn write(&self, out: &mut Vec<u8>) {
                match self {
                    $($type::$variant { $($field),* } => {
                        out.push($tag);
                        $(crate::codec::Field::write($field, out);)*
                    })+
                }
            }

            fn read(input: &mut crate::codec::Reader<'_>) -> Result<Self, crate::codec::DecodeError> {
                match <u8 as crate::codec::Field>::read(input)? {
                    $($tag => Ok($type::$variant { $($field: crate::codec::Field::read(input)?),* }),)+
                    _ => Err(crate::codec::DecodeError::Invalid { what: stringify!($type) }),
                }
            }
        }
    };
}
pub(crate) use variants;

macro_rules! integers {
    ($($type:ty),+) => {$(
        impl Field for $type {
            fn write(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_be_bytes());
            }

            fn read(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
                input.array().map(<$type>::from_be_bytes)
            }
        }
    )+};
}
integers!(u8, u16, u32, u64, u128);

macro_rules! newtypes {
    ($($type:ident($inner:ty)),+ $(,)?) => {$(
        impl Field for $type {
            fn write(&self, out: &mut Vec<u8>) {
                self.0.write(out);
            }

            fn read(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
                <$inner>::read(input).map($type)
            }
        }
    )+};
}
newtypes!(
    ClusterId(u128),
    Incarnation(u128),
    RequestId(u128),
    NodeId(u64),
    ReplicaId(u64),
    StreamUid(u64),
    MapVersion(u64),
    GroupId(u32),
    HashKey(u128),
);

impl Field for [u8; 32] {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        input.array()
    }
}

impl Field for NonZeroU32 {
    fn write(&self, out: &mut Vec<u8>) {
        self.get().write(out);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        NonZeroU32::new(u32::read(input)?).ok_or(DecodeError::Invalid { what: "count from 1" })
    }
}

impl Field for Timestamp {
    fn write(&self, out: &mut Vec<u8>) {
        self.as_millis().write(out);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        u64::read(input).map(Timestamp::from_millis)
    }
}

/// Whole milliseconds; the catalog keeps no finer spans.
impl Field for Duration {
    fn write(&self, out: &mut Vec<u8>) {
        u64::try_from(self.as_millis()).expect("retention is read from 64 bits").write(out);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        u64::read(input).map(Duration::from_millis)
    }
}

impl Field for ShardId {
    fn write(&self, out: &mut Vec<u8>) {
        self.0.write(out);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let number = u32::read(input)?;
        if number >> 31 == 0 { Ok(ShardId(number)) } else { Err(DecodeError::Invalid { what: "shard id" }) }
    }
}

/// A length of two bytes, then UTF-8.
impl Field for String {
    fn write(&self, out: &mut Vec<u8>) {
        let length = u16::try_from(self.len()).expect("texts of the catalog are validated to be short");
        length.write(out);
        out.extend_from_slice(self.as_bytes());
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let length = u16::read(input)?;
        let text = input.take(usize::from(length))?;
        std::str::from_utf8(text).map(str::to_owned).map_err(|_| DecodeError::Invalid { what: "text" })
    }
}

/// Twelve ASCII digits.
impl Field for AccountId {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.to_string().as_bytes());
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let digits = std::str::from_utf8(input.take(12)?).ok();
        digits.and_then(AccountId::parse).ok_or(DecodeError::Invalid { what: "account" })
    }
}

impl Field for StreamName {
    fn write(&self, out: &mut Vec<u8>) {
        self.as_str().to_owned().write(out);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        StreamName::new(&String::read(input)?).map_err(|_| DecodeError::Invalid { what: "stream name" })
    }
}

impl Field for ConsumerName {
    fn write(&self, out: &mut Vec<u8>) {
        self.as_str().to_owned().write(out);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        ConsumerName::new(&String::read(input)?).map_err(|_| DecodeError::Invalid { what: "consumer name" })
    }
}

impl Field for TagKey {
    fn write(&self, out: &mut Vec<u8>) {
        self.as_str().to_owned().write(out);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        TagKey::new(&String::read(input)?).map_err(|_| DecodeError::Invalid { what: "key of a tag" })
    }
}

impl Field for TagValue {
    fn write(&self, out: &mut Vec<u8>) {
        self.as_str().to_owned().write(out);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        TagValue::new(&String::read(input)?).map_err(|_| DecodeError::Invalid { what: "value of a tag" })
    }
}

impl Field for HashKeyRange {
    fn write(&self, out: &mut Vec<u8>) {
        self.start().write(out);
        self.end().write(out);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (start, end) = (HashKey::read(input)?, HashKey::read(input)?);
        HashKeyRange::new(start, end).map_err(|_| DecodeError::Invalid { what: "hash key range" })
    }
}

/// Create second, below 2^36, and shard: 8 + 4 bytes.
impl Field for ShardEpoch {
    fn write(&self, out: &mut Vec<u8>) {
        self.created_s.write(out);
        self.shard.write(out);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (created_s, shard) = (u64::read(input)?, ShardId::read(input)?);
        if created_s >> 36 == 0 {
            Ok(ShardEpoch { created_s, shard })
        } else {
            Err(DecodeError::Invalid { what: "shard epoch" })
        }
    }
}

/// Create second, shard, counter, arrival second: 8 + 4 + 8 + 8 bytes.
impl Field for SequenceNumber {
    fn write(&self, out: &mut Vec<u8>) {
        self.epoch.created_s.write(out);
        self.epoch.shard.write(out);
        self.counter.bits().write(out);
        self.arrival_s.write(out);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (created_s, shard) = (u64::read(input)?, ShardId::read(input)?);
        let (counter, arrival_s) = (Counter::from_bits(u64::read(input)?), u64::read(input)?);
        let Some(counter) = counter.filter(|_| created_s >> 36 == 0 && arrival_s >> 36 == 0) else {
            return Err(DecodeError::Invalid { what: "sequence number" });
        };
        Ok(SequenceNumber { epoch: ShardEpoch { created_s, shard }, counter, arrival_s })
    }
}

/// A byte 0 for none, 1 for some, then the value.
impl<T: Field> Field for Option<T> {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            None => out.push(0),
            Some(value) => {
                out.push(1);
                value.write(out);
            }
        }
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match u8::read(input)? {
            0 => Ok(None),
            1 => T::read(input).map(Some),
            _ => Err(DecodeError::Invalid { what: "option" }),
        }
    }
}

/// A count of four bytes, then the values; every value has at least one byte, so a count
/// beyond the input ends in [`DecodeError::Truncated`] before it costs memory.
impl<T: Field> Field for Vec<T> {
    fn write(&self, out: &mut Vec<u8>) {
        u32::try_from(self.len()).expect("lists of the catalog are limited far below 2^32").write(out);
        for value in self {
            value.write(out);
        }
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let count = u32::read(input)?;
        let mut values = Vec::new();
        for _ in 0..count {
            values.push(T::read(input)?);
        }
        Ok(values)
    }
}

impl<A: Field, B: Field> Field for (A, B) {
    fn write(&self, out: &mut Vec<u8>) {
        self.0.write(out);
        self.1.write(out);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok((A::read(input)?, B::read(input)?))
    }
}

/// A list in ascending order, each value once: a set has one layout.
impl<T: Field + Ord + Clone> Field for BTreeSet<T> {
    fn write(&self, out: &mut Vec<u8>) {
        self.iter().cloned().collect::<Vec<T>>().write(out);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let values: Vec<T> = Vec::read(input)?;
        let ascending = values.windows(2).all(|pair| pair[0] < pair[1]);
        if ascending { Ok(values.into_iter().collect()) } else { Err(DecodeError::Invalid { what: "set" }) }
    }
}

/// A list of keys and values, in ascending order of the keys, each key once.
impl<K: Field + Ord + Clone, V: Field + Clone> Field for BTreeMap<K, V> {
    fn write(&self, out: &mut Vec<u8>) {
        self.clone().into_iter().collect::<Vec<(K, V)>>().write(out);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let entries: Vec<(K, V)> = Vec::read(input)?;
        let ascending = entries.windows(2).all(|pair| pair[0].0 < pair[1].0);
        if ascending { Ok(entries.into_iter().collect()) } else { Err(DecodeError::Invalid { what: "map" }) }
    }
}
