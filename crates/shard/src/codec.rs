//! The primitives of every layout in this crate: big-endian integers, LEB128 varints, and
//! byte strings behind their length.
//!
//! A reader refuses what is cut short or left over and never panics.

use anabranch_types::{HashKey, HashKeyRange, Timestamp};
use bytes::{BufMut, Bytes};

/// The bytes do not follow the layout: a defect of a writer, or damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed {what} at byte {at}")]
pub struct Malformed {
    /// The field that could not be read.
    pub what: &'static str,
    /// Where it starts.
    pub at: usize,
}

/// Reads a layout from its start to its end.
pub(crate) struct Reader<'a> {
    bytes: &'a Bytes,
    at: usize,
}

macro_rules! fixed {
    ($($name:ident: $int:ty;)*) => {$(
        pub(crate) fn $name(&mut self, what: &'static str) -> Result<$int, Malformed> {
            self.array(what).map(<$int>::from_be_bytes)
        }
    )*};
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a Bytes) -> Self {
        Reader { bytes, at: 0 }
    }

    fixed! { u8: u8; u16: u16; u32: u32; u64: u64; u128: u128; }

    fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], Malformed> {
        let bytes = self.bytes.get(self.at..).and_then(<[u8]>::first_chunk::<N>);
        let array = *bytes.ok_or(self.malformed(what))?;
        self.at += N;
        Ok(array)
    }

    /// Milliseconds in 48 bits.
    pub(crate) fn timestamp(&mut self, what: &'static str) -> Result<Timestamp, Malformed> {
        let high = u64::from(self.u16(what)?);
        let low = u64::from(self.u32(what)?);
        Ok(Timestamp::from_millis(high << 32 | low))
    }

    pub(crate) fn range(&mut self, what: &'static str) -> Result<HashKeyRange, Malformed> {
        let refusal = self.malformed(what);
        let (start, end) = (HashKey(self.u128(what)?), HashKey(self.u128(what)?));
        HashKeyRange::new(start, end).map_err(|_| refusal)
    }

    /// At most 32 bits, in as few bytes as the value needs.
    pub(crate) fn varint(&mut self, what: &'static str) -> Result<u32, Malformed> {
        let refusal = self.malformed(what);
        let mut value = 0u64;
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.u8(what)?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                let shortest = byte != 0 || shift == 0;
                return u32::try_from(value).ok().filter(|_| shortest).ok_or(refusal);
            }
        }
        Err(refusal)
    }

    /// `length` bytes, shared with the source and not copied.
    pub(crate) fn slice(&mut self, length: usize, what: &'static str) -> Result<Bytes, Malformed> {
        let end = self.at.checked_add(length).filter(|end| *end <= self.bytes.len());
        let end = end.ok_or(self.malformed(what))?;
        let slice = self.bytes.slice(self.at..end);
        self.at = end;
        Ok(slice)
    }

    /// A byte string behind its varint length.
    pub(crate) fn string(&mut self, what: &'static str) -> Result<Bytes, Malformed> {
        let length = self.varint(what)?;
        self.slice(length as usize, what)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.at == self.bytes.len()
    }

    /// # Errors
    /// When bytes are left over.
    pub(crate) fn end(&self, what: &'static str) -> Result<(), Malformed> {
        if self.is_empty() { Ok(()) } else { Err(self.malformed(what)) }
    }

    pub(crate) fn malformed(&self, what: &'static str) -> Malformed {
        Malformed { what, at: self.at }
    }
}

/// The latest time that 48 bits hold, the year 10889.
pub(crate) const TIMESTAMP_MAX: Timestamp = Timestamp::from_millis((1 << 48) - 1);

/// Writes what [`Reader`] reads.
pub(crate) trait Writer: BufMut {
    /// A later time than 48 bits hold is written as the latest that they do.
    fn timestamp(&mut self, time: Timestamp) {
        self.put_uint(time.min(TIMESTAMP_MAX).as_millis(), 6);
    }

    fn range(&mut self, range: HashKeyRange) {
        self.put_u128(range.start().0);
        self.put_u128(range.end().0);
    }

    fn varint(&mut self, mut value: u32) {
        while value >= 0x80 {
            self.put_u8(value as u8 | 0x80);
            value >>= 7;
        }
        self.put_u8(value as u8);
    }

    fn string(&mut self, bytes: &[u8]) {
        let length = u32::try_from(bytes.len()).expect("names and records are far below 4 GiB");
        self.varint(length);
        self.put_slice(bytes);
    }
}

impl<B: BufMut + ?Sized> Writer for B {}

/// The bytes that [`Writer::varint`] takes for `value`.
pub(crate) const fn varint_len(value: u32) -> usize {
    match value {
        0..0x80 => 1,
        0x80..0x4000 => 2,
        0x4000..0x20_0000 => 3,
        0x20_0000..0x1000_0000 => 4,
        0x1000_0000.. => 5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_varint_that_could_be_shorter_or_is_too_large_is_refused() {
        for bad in [&[0x80u8, 0x00][..], &[0xff, 0xff, 0xff, 0xff, 0x10], &[0xff; 6], &[0x80], &[]] {
            assert!(Reader::new(&Bytes::from_static(&[])).varint("x").is_err());
            assert!(Reader::new(&Bytes::copy_from_slice(bad)).varint("x").is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn varints_read_back_as_written_in_the_length_foretold(value: u32) {
            let mut bytes = Vec::new();
            bytes.varint(value);
            prop_assert_eq!(bytes.len(), varint_len(value));
            let bytes = Bytes::from(bytes);
            let mut reader = Reader::new(&bytes);
            prop_assert_eq!(reader.varint("value"), Ok(value));
            prop_assert!(reader.is_empty());
        }
    }
}
