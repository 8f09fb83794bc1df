//! One thing that happened to one group, as bytes.
//!
//! ```text
//! 0  crc32c of 4..48 in its place   4  crc32c of the body in its place   8  body bytes u32
//! 12 group u32   16 kind u8   17 entry kind or flag u8   18 zero
//! 24 ordinal in the group u64 (no gaps)   32 term u64   40 index u64   48 body
//! ```

use anabranch_types::GroupId;

use crate::entry::LogId;
use crate::layout::{COUNT_MAX, FRAME_ALIGN, INDEX_MAX, Seal, u32_at, u64_at};

pub(crate) const FRAME_HEADER_BYTES: u64 = 48;

/// What a frame says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FrameKind {
    /// An entry; the tag is the caller's.
    Entry(u8),
    /// Entries after the id are void; without an id, all are.
    Truncate { keeps_some: bool },
    /// Entries up to the id are no longer needed.
    Purge,
    /// The body is the newest vote.
    Vote,
    /// The id is the newest commit mark.
    Commit,
    /// The group was removed; a later one of the same number starts anew.
    Remove,
    /// The body says where every group stands (`roster.rs`). Belongs to no group.
    Roster,
    /// Nothing: its batch proves that the batch before was synced. Belongs to no group.
    Witness,
}

impl FrameKind {
    fn code(self) -> (u8, u8) {
        match self {
            Self::Entry(kind) => (1, kind),
            Self::Truncate { keeps_some } => (2, u8::from(keeps_some)),
            Self::Purge => (3, 0),
            Self::Vote => (4, 0),
            Self::Commit => (5, 0),
            Self::Remove => (6, 0),
            Self::Roster => (7, 0),
            Self::Witness => (8, 0),
        }
    }

    fn from_code(kind: u8, flag: u8) -> Option<Self> {
        Some(match kind {
            1 => Self::Entry(flag),
            2 => Self::Truncate { keeps_some: flag == 1 },
            3 => Self::Purge,
            4 => Self::Vote,
            5 => Self::Commit,
            6 => Self::Remove,
            7 => Self::Roster,
            8 => Self::Witness,
            _ => return None,
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    pub group: GroupId,
    pub kind: FrameKind,
    /// Counts the frames of the group from 1, without gaps; 0 where no group is meant.
    pub ordinal: u64,
    /// Zero where the kind has no id.
    pub id: LogId,
    pub body_bytes: u32,
}

impl FrameHeader {
    /// Bytes of the whole frame with its padding.
    pub(crate) fn frame_bytes(&self) -> u64 {
        frame_bytes(u64::from(self.body_bytes))
    }

    /// Whether the next frame and the next entry can be numbered. Another header is never written, nor believed.
    fn is_possible(&self) -> bool {
        self.ordinal <= COUNT_MAX && self.id.index <= INDEX_MAX
    }

    /// Appends the frame to `buffer`; it will lie at `position`.
    pub(crate) fn append_to(&self, buffer: &mut Vec<u8>, body: &[u8], seal: Seal, position: u64) {
        assert_eq!(body.len() as u64, u64::from(self.body_bytes), "a frame says how long its body is");
        assert!(self.is_possible(), "frame {} of entry {} has no successor", self.ordinal, self.id);
        let mut raw = [0u8; FRAME_HEADER_BYTES as usize];
        let (kind, flag) = self.kind.code();
        raw[4..8].copy_from_slice(&seal.crc(position + FRAME_HEADER_BYTES, body).to_le_bytes());
        raw[8..12].copy_from_slice(&self.body_bytes.to_le_bytes());
        raw[12..16].copy_from_slice(&self.group.0.to_le_bytes());
        raw[16] = kind;
        raw[17] = flag;
        raw[24..32].copy_from_slice(&self.ordinal.to_le_bytes());
        raw[32..40].copy_from_slice(&self.id.term.to_le_bytes());
        raw[40..48].copy_from_slice(&self.id.index.to_le_bytes());
        let crc = seal.crc(position, &raw[4..]);
        raw[..4].copy_from_slice(&crc.to_le_bytes());
        buffer.extend_from_slice(&raw);
        buffer.extend_from_slice(body);
        buffer.resize(buffer.len().next_multiple_of(FRAME_ALIGN as usize), 0);
    }

    /// The header at the front of `raw`, which lies at `position`; `None` if its checksum fails.
    pub(crate) fn read(raw: &[u8], seal: Seal, position: u64) -> Option<Self> {
        let raw = raw.get(..FRAME_HEADER_BYTES as usize)?;
        if seal.crc(position, &raw[4..]) != u32_at(raw, 0) {
            return None;
        }
        let header = Self {
            group: GroupId(u32_at(raw, 12)),
            kind: FrameKind::from_code(raw[16], raw[17])?,
            ordinal: u64_at(raw, 24),
            id: LogId { term: u64_at(raw, 32), index: u64_at(raw, 40) },
            body_bytes: u32_at(raw, 8),
        };
        header.is_possible().then_some(header)
    }

    /// The body in `raw`, whose front lies at `position`; `None` if it is cut or its checksum fails.
    pub(crate) fn body<'a>(&self, raw: &'a [u8], seal: Seal, position: u64) -> Option<&'a [u8]> {
        let start = FRAME_HEADER_BYTES as usize;
        let body = raw.get(start..start.checked_add(self.body_bytes as usize)?)?;
        (seal.crc(position + FRAME_HEADER_BYTES, body) == u32_at(raw, 4)).then_some(body)
    }
}

/// Bytes of a frame with so large a body, with its padding.
pub(crate) fn frame_bytes(body_bytes: u64) -> u64 {
    (FRAME_HEADER_BYTES + body_bytes).next_multiple_of(FRAME_ALIGN)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kinds() -> impl Strategy<Value = FrameKind> {
        prop_oneof![
            any::<u8>().prop_map(FrameKind::Entry),
            any::<bool>().prop_map(|keeps_some| FrameKind::Truncate { keeps_some }),
            Just(FrameKind::Purge),
            Just(FrameKind::Vote),
            Just(FrameKind::Commit),
            Just(FrameKind::Remove),
            Just(FrameKind::Roster),
            Just(FrameKind::Witness),
        ]
    }

    prop_compose! {
        fn frames()(
            group in any::<u32>(), kind in kinds(), ordinal in 0..=COUNT_MAX, term in any::<u64>(),
            index in 0..=INDEX_MAX, body in proptest::collection::vec(any::<u8>(), 0..200),
        ) -> (FrameHeader, Vec<u8>) {
            let header = FrameHeader {
                group: GroupId(group), kind, ordinal, id: LogId { term, index }, body_bytes: body.len() as u32,
            };
            (header, body)
        }
    }

    fn decode(raw: &[u8], seal: Seal, position: u64) -> Option<(FrameHeader, Vec<u8>)> {
        let header = FrameHeader::read(raw, seal, position)?;
        Some((header, header.body(raw, seal, position)?.to_vec()))
    }

    proptest! {
        #[test]
        fn a_frame_reads_back_as_written((header, body) in frames(), segment in any::<u64>()) {
            let seal = Seal::new(1, segment);
            let mut raw = Vec::new();
            header.append_to(&mut raw, &body, seal, 4160);
            prop_assert_eq!(raw.len() as u64, header.frame_bytes());
            prop_assert_eq!(decode(&raw, seal, 4160), Some((header, body)));
        }

        #[test]
        fn any_flipped_bit_is_refused((header, body) in frames(), at in any::<prop::sample::Index>(), bit in 0u8..8) {
            let seal = Seal::new(1, 2);
            let mut raw = Vec::new();
            header.append_to(&mut raw, &body, seal, 64);
            let at = at.index(FRAME_HEADER_BYTES as usize + body.len());
            raw[at] ^= 1 << bit;
            prop_assert_eq!(decode(&raw, seal, 64), None);
        }

        #[test]
        fn any_truncation_is_refused((header, body) in frames(), cut in any::<prop::sample::Index>()) {
            let seal = Seal::new(1, 2);
            let mut raw = Vec::new();
            header.append_to(&mut raw, &body, seal, 64);
            raw.truncate(cut.index(FRAME_HEADER_BYTES as usize + body.len()));
            prop_assert_eq!(decode(&raw, seal, 64), None);
        }

        #[test]
        fn a_frame_of_another_segment_position_or_log_is_refused((header, body) in frames()) {
            let mut raw = Vec::new();
            header.append_to(&mut raw, &body, Seal::new(1, 2), 64);
            prop_assert_eq!(decode(&raw, Seal::new(1, 3), 64), None);
            prop_assert_eq!(decode(&raw, Seal::new(1, 2), 72), None);
            prop_assert_eq!(decode(&raw, Seal::new(9, 2), 64), None);
        }

        #[test]
        fn noise_never_panics(raw in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(decode(&raw, Seal::new(1, 2), 64), None);
        }
    }
}
