//! Where things lie in a segment file, and the checksum that binds bytes to their place.
//!
//! ```text
//! segment file = header block (4096) | batch | batch | ... | zeros or older bytes
//! batch        = batch header (64) | frame | frame | ... | zeros up to a multiple of 4096
//! frame        = frame header (48) | body | zeros up to a multiple of 8
//! ```
//! All numbers are little-endian.

/// Batches begin and end at multiples of this, so that a torn write cannot touch an older batch.
/// Source: the atomic unit of common disks is 512 or 4096 bytes.
pub(crate) const BLOCK_BYTES: u64 = 4096;
/// Where the first batch of a segment begins.
pub(crate) const SEGMENT_START: u64 = BLOCK_BYTES;
/// Frames begin at multiples of this.
pub(crate) const FRAME_ALIGN: u64 = 8;
/// The highest number of a segment or ordinal of a batch or frame. They grow by one from 1: a higher one was not counted,
/// and each up to it has a successor.
pub(crate) const COUNT_MAX: u64 = u64::MAX >> 1;
/// The highest index of an entry, so that the next one's is a number too.
pub(crate) const INDEX_MAX: u64 = u64::MAX - 1;

/// Rounds up to whole blocks.
pub(crate) fn whole_blocks(bytes: u64) -> u64 {
    bytes.next_multiple_of(BLOCK_BYTES)
}

/// Makes checksums that fit one segment of one log only.
///
/// The segment's number is never used twice and enters every checksum together with the
/// position, so bytes left over from a file's earlier life, or moved, never pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seal {
    base: u32,
}

impl Seal {
    pub(crate) fn new(salt: u64, segment: u64) -> Self {
        Self { base: crc32c::crc32c_append(crc32c::crc32c(&salt.to_le_bytes()), &segment.to_le_bytes()) }
    }

    /// Checksum of `bytes` that lie at `position` of the segment.
    pub(crate) fn crc(self, position: u64, bytes: &[u8]) -> u32 {
        crc32c::crc32c_append(crc32c::crc32c_append(self.base, &position.to_le_bytes()), bytes)
    }
}

/// A place in the log. Ordered as the log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub segment: u64,
    pub position: u64,
}

pub(crate) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}
