//! The header of a batch: one write, one sync.
//!
//! ```text
//! 0  magic "WBAT"   4  crc32c of 8..64 in its place   8  batch bytes u32 (header and frames)
//! 12 frames u32     16 ordinal u64 (no gaps)          24 synced ordinal u64   32 zero
//! ```

use crate::layout::{BLOCK_BYTES, COUNT_MAX, Seal, u32_at, u64_at};

pub(crate) const BATCH_HEADER_BYTES: u64 = 64;
const MAGIC: &[u8; 4] = b"WBAT";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BatchHeader {
    /// Header and frames, without the padding that follows.
    pub bytes: u32,
    pub frames: u32,
    /// Place of the batch in the order of all batches of the log; neighbours differ by one.
    pub ordinal: u64,
    /// Every batch up to this ordinal was synced before this one was written.
    pub synced: u64,
}

impl BatchHeader {
    /// Writes the header to the front of `batch`, which lies at `position`.
    pub(crate) fn write_to(&self, batch: &mut [u8], seal: Seal, position: u64) {
        batch[..4].copy_from_slice(MAGIC);
        batch[8..12].copy_from_slice(&self.bytes.to_le_bytes());
        batch[12..16].copy_from_slice(&self.frames.to_le_bytes());
        batch[16..24].copy_from_slice(&self.ordinal.to_le_bytes());
        batch[24..32].copy_from_slice(&self.synced.to_le_bytes());
        let crc = seal.crc(position, &batch[8..BATCH_HEADER_BYTES as usize]);
        batch[4..8].copy_from_slice(&crc.to_le_bytes());
    }

    /// The header at `position` of a segment image, if one is there.
    pub(crate) fn read(segment: &[u8], position: u64, seal: Seal) -> Option<Self> {
        debug_assert!(position.is_multiple_of(BLOCK_BYTES));
        let at = usize::try_from(position).ok()?;
        let raw = segment.get(at..at.checked_add(BATCH_HEADER_BYTES as usize)?)?;
        if &raw[..4] != MAGIC || seal.crc(position, &raw[8..]) != u32_at(raw, 4) {
            return None;
        }
        let header =
            Self { bytes: u32_at(raw, 8), frames: u32_at(raw, 12), ordinal: u64_at(raw, 16), synced: u64_at(raw, 24) };
        let fits = u64::from(header.bytes) >= BATCH_HEADER_BYTES
            && position.checked_add(u64::from(header.bytes))? <= segment.len() as u64;
        (fits && header.ordinal <= COUNT_MAX && header.synced < header.ordinal).then_some(header)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_reads_back_unless_no_log_counts_so() {
        let seal = Seal::new(1, 2);
        for (ordinal, synced, is_possible) in
            [(1, 0, true), (9, 8, true), (0, 0, false), (9, 9, false), (u64::MAX, 8, false), (COUNT_MAX, 8, true)]
        {
            let header = BatchHeader { bytes: 64, frames: 0, ordinal, synced };
            let mut segment = vec![0; 8192];
            header.write_to(&mut segment[4096..], seal, 4096);
            let expected = is_possible.then_some(header);
            assert_eq!(BatchHeader::read(&segment, 4096, seal), expected, "{ordinal} {synced}");
        }
    }
}
