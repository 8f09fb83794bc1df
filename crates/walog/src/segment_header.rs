//! The first block of a segment file, and the names of the log's files.
//!
//! The header is written twice in its block, so that one bad sector does not cost the segment.
//! ```text
//! 0  magic "ANABRLOG"   8  crc32c of 12..48   12 format u16   14 zero u16
//! 16 segment number     24 log salt           32 segment bytes   40 ordinal of its first batch
//! ```

use std::ops::RangeInclusive;

use crate::layout::{BLOCK_BYTES, COUNT_MAX, SEGMENT_START, u16_at, u32_at, u64_at};

/// The newest format that is written and understood.
pub(crate) const FORMAT: u16 = 1;

const MAGIC: &[u8; 8] = b"ANABRLOG";
const HEADER_BYTES: usize = 48;
const SECOND_COPY: usize = 2048;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub number: u64,
    pub salt: u64,
    pub segment_bytes: u64,
    /// Every batch before this ordinal was synced when the header was written.
    pub first_batch: u64,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum HeaderFault {
    /// Neither copy passes its checksum.
    Unreadable,
    NewerFormat(u16),
}

impl SegmentHeader {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut copy = [0u8; HEADER_BYTES];
        copy[..8].copy_from_slice(MAGIC);
        copy[12..14].copy_from_slice(&FORMAT.to_le_bytes());
        copy[16..24].copy_from_slice(&self.number.to_le_bytes());
        copy[24..32].copy_from_slice(&self.salt.to_le_bytes());
        copy[32..40].copy_from_slice(&self.segment_bytes.to_le_bytes());
        copy[40..48].copy_from_slice(&self.first_batch.to_le_bytes());
        let crc = crc32c::crc32c(&copy[12..]);
        copy[8..12].copy_from_slice(&crc.to_le_bytes());
        let mut block = vec![0u8; BLOCK_BYTES as usize];
        block[..HEADER_BYTES].copy_from_slice(&copy);
        block[SECOND_COPY..SECOND_COPY + HEADER_BYTES].copy_from_slice(&copy);
        block
    }

    /// Reads the header of the segment that is named `number`.
    pub(crate) fn decode(block: &[u8], number: u64) -> Result<Self, HeaderFault> {
        Self::decode_copy(block, 0, number).or_else(|first| match first {
            HeaderFault::NewerFormat(_) => Err(first),
            HeaderFault::Unreadable => Self::decode_copy(block, SECOND_COPY, number),
        })
    }

    fn decode_copy(block: &[u8], at: usize, number: u64) -> Result<Self, HeaderFault> {
        let copy = block.get(at..at + HEADER_BYTES).ok_or(HeaderFault::Unreadable)?;
        if &copy[..8] != MAGIC || crc32c::crc32c(&copy[12..]) != u32_at(copy, 8) {
            return Err(HeaderFault::Unreadable);
        }
        let format = u16_at(copy, 12);
        if format > FORMAT {
            return Err(HeaderFault::NewerFormat(format));
        }
        let header = Self {
            number: u64_at(copy, 16),
            salt: u64_at(copy, 24),
            segment_bytes: u64_at(copy, 32),
            first_batch: u64_at(copy, 40),
        };
        if header.number == number && header.is_possible() { Ok(header) } else { Err(HeaderFault::Unreadable) }
    }

    /// Whether a log could have written it ([`crate::Options`] bounds the size).
    fn is_possible(&self) -> bool {
        let sizes = SEGMENT_START + BLOCK_BYTES..=u64::from(u32::MAX);
        let is_size = sizes.contains(&self.segment_bytes) && self.segment_bytes.is_multiple_of(BLOCK_BYTES);
        is_size && (1..=COUNT_MAX).contains(&self.first_batch)
    }
}

/// Numbers of files.
const NUMBERS: RangeInclusive<u64> = 1..=COUNT_MAX;

/// What a name in the log's directory stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileName {
    /// Part of the log; the number is never used for another segment.
    Segment(u64),
    /// Prepared, or recycled, and waiting to become a segment.
    Spare(u64),
    /// Being filled with zeros.
    Preparing,
    /// Taken out of the log with what damage left of it.
    Quarantined(u64),
}

impl FileName {
    pub(crate) fn parse(name: &str) -> Option<Self> {
        if name == "preparing" {
            return Some(Self::Preparing);
        }
        let (kind, rest) = name.split_once('-')?;
        let number = u64::from_str_radix(rest.strip_suffix(".log")?, 16).ok()?;
        let parsed = match kind {
            "segment" => Self::Segment(number),
            "spare" => Self::Spare(number),
            "quarantined" => Self::Quarantined(number),
            _ => return None,
        };
        // A number has one spelling: a file of another, such as `+1` or `1`, is not the log's, and could not be opened
        // by what its name stands for.
        (NUMBERS.contains(&number) && parsed.to_string() == name).then_some(parsed)
    }
}

impl std::fmt::Display for FileName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Segment(number) => write!(f, "segment-{number:016x}.log"),
            Self::Spare(number) => write!(f, "spare-{number:016x}.log"),
            Self::Preparing => write!(f, "preparing"),
            Self::Quarantined(number) => write!(f, "quarantined-{number:016x}.log"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: SegmentHeader = SegmentHeader { number: 7, salt: 9, segment_bytes: 65536, first_batch: 12 };

    #[test]
    fn one_damaged_copy_does_not_cost_the_header() {
        let mut block = HEADER.encode();
        block[20] ^= 1;
        assert_eq!(SegmentHeader::decode(&block, 7), Ok(HEADER));
        block[SECOND_COPY + 20] ^= 1;
        assert_eq!(SegmentHeader::decode(&block, 7), Err(HeaderFault::Unreadable));
    }

    #[test]
    fn a_header_under_another_name_is_refused() {
        assert_eq!(SegmentHeader::decode(&HEADER.encode(), 8), Err(HeaderFault::Unreadable));
    }

    #[test]
    fn a_header_that_no_log_writes_is_refused() {
        for first_batch in [0, u64::MAX] {
            let header = SegmentHeader { first_batch, ..HEADER };
            assert_eq!(SegmentHeader::decode(&header.encode(), 7), Err(HeaderFault::Unreadable), "{header:?}");
        }
        for segment_bytes in [0, 4096, 65537, 1 << 32, u64::MAX] {
            let header = SegmentHeader { segment_bytes, ..HEADER };
            assert_eq!(SegmentHeader::decode(&header.encode(), 7), Err(HeaderFault::Unreadable), "{header:?}");
        }
    }

    #[test]
    fn a_newer_format_is_named_not_guessed() {
        let mut block = HEADER.encode();
        block[12] = 9;
        let crc = crc32c::crc32c(&block[12..HEADER_BYTES]);
        block[8..12].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(SegmentHeader::decode(&block, 7), Err(HeaderFault::NewerFormat(9)));
    }

    #[test]
    fn file_names_read_back() {
        for name in [FileName::Segment(255), FileName::Spare(1), FileName::Preparing, FileName::Quarantined(3)] {
            assert_eq!(FileName::parse(&name.to_string()), Some(name));
        }
        assert_eq!(FileName::parse("segment-zz.log"), None);
        assert_eq!(FileName::parse("CURRENT"), None);
    }

    #[test]
    fn a_name_that_the_log_does_not_give_is_not_its_file() {
        let names = ["segment-1.log", "segment-+000000000000001.log", "segment-00000000000000001.log"];
        let numbers = ["segment-0000000000000000.log", "spare-ffffffffffffffff.log", "segment-000000000000000A.log"];
        for name in names.into_iter().chain(numbers) {
            assert_eq!(FileName::parse(name), None, "{name}");
        }
    }
}
