//! Reads the log's files as docs/formats/walog.md describes them, apart from the log's own code, to
//! choose where a bit is flipped and to know what that has to lead to.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anabranch_types::GroupId;
use turmoil::fs::shim::std::fs as disk;

const BLOCK: usize = 4096;
const BATCH_HEADER: usize = 64;
const FRAME_HEADER: usize = 48;
const REMOVE: u8 = 6;
const ROSTER: u8 = 7;

/// What a flipped byte belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hit {
    BatchHeader,
    /// `group` is none where the frame says nothing of a group that must be missed: rosters,
    /// witnesses, removals, frames of groups that were removed later, and frames before the first
    /// sound roster, which tells where all groups stand.
    FrameHeader {
        group: Option<GroupId>,
        of_roster: bool,
    },
    Body {
        group: Option<GroupId>,
        of_roster: bool,
    },
}

/// Bytes of a live batch that have a meaning: everything but the zeros between and behind frames.
#[derive(Debug, Clone)]
pub struct Piece {
    pub path: PathBuf,
    pub from: usize,
    pub bytes: usize,
    /// Of the batch.
    pub ordinal: u64,
    pub hit: Hit,
}

impl Hit {
    /// The group whose frame it is.
    pub fn group(self) -> Option<GroupId> {
        match self {
            Self::BatchHeader => None,
            Self::FrameHeader { group, .. } | Self::Body { group, .. } => group,
        }
    }

    fn forget_group(&mut self) {
        if let Self::FrameHeader { group, .. } | Self::Body { group, .. } = self {
            *group = None;
        }
    }

    pub fn of_roster(self) -> bool {
        match self {
            Self::BatchHeader => false,
            Self::FrameHeader { of_roster, .. } | Self::Body { of_roster, .. } => of_roster,
        }
    }
}

struct Segment {
    path: PathBuf,
    bytes: Vec<u8>,
    seal: u32,
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

/// Paths of the segments, oldest first.
pub fn segments(dir: &str) -> Vec<PathBuf> {
    let Ok(entries) = disk::read_dir(dir) else { return Vec::new() };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut paths: Vec<_> = paths.filter(|path| path.to_string_lossy().contains("segment-")).collect();
    paths.sort();
    paths
}

impl Segment {
    /// The segment and the ordinal of its first batch.
    fn read(path: &Path) -> Option<(Self, u64)> {
        let bytes = disk::read(path).ok()?;
        let sound = bytes.get(..8)? == b"ANABRLOG" && crc32c::crc32c(&bytes[12..48]) == u32_at(&bytes, 8);
        let seal = crc32c::crc32c_append(crc32c::crc32c(&bytes[24..32]), &bytes[16..24]);
        let first_batch = u64_at(&bytes, 40);
        sound.then(|| (Self { path: path.to_owned(), bytes, seal }, first_batch))
    }

    /// Checksum of `covered`, part of what begins at `at`.
    fn crc(&self, at: usize, covered: &[u8]) -> u32 {
        crc32c::crc32c_append(crc32c::crc32c_append(self.seal, &(at as u64).to_le_bytes()), covered)
    }

    /// Ordinal and length of the batch whose header is at `at`.
    fn batch(&self, at: usize) -> Option<(u64, usize)> {
        let header = self.bytes.get(at..at + BATCH_HEADER)?;
        let sound = &header[..4] == b"WBAT" && self.crc(at, &header[8..]) == u32_at(header, 4);
        sound.then(|| (u64_at(header, 16), u32_at(header, 8) as usize))
    }

    /// The pieces of a batch, in order; none if a frame does not verify.
    fn pieces(&self, at: usize, ordinal: u64, bytes: usize) -> Option<Vec<(Piece, Frame)>> {
        let piece = |from: usize, bytes: usize, hit| Piece { path: self.path.clone(), from, bytes, ordinal, hit };
        let mut pieces = vec![(piece(at, BATCH_HEADER, Hit::BatchHeader), Frame::NONE)];
        let mut from = at + BATCH_HEADER;
        while from < at + bytes {
            let header = self.bytes.get(from..from + FRAME_HEADER)?;
            let body_bytes = u32_at(header, 8) as usize;
            let body = self.bytes.get(from + FRAME_HEADER..(from + FRAME_HEADER).checked_add(body_bytes)?)?;
            let sound = self.crc(from, &header[4..]) == u32_at(header, 0)
                && self.crc(from + FRAME_HEADER, body) == u32_at(header, 4);
            if !sound {
                return None;
            }
            let frame = Frame { group: u32_at(header, 12), kind: header[16] };
            let (group, of_roster) = ((frame.group > 0).then_some(GroupId(frame.group)), frame.kind == ROSTER);
            pieces.push((piece(from, FRAME_HEADER, Hit::FrameHeader { group, of_roster }), frame));
            if body_bytes > 0 {
                let hit = Hit::Body { group, of_roster };
                pieces.push((piece(from + FRAME_HEADER, body_bytes, hit), frame));
            }
            from += (FRAME_HEADER + body_bytes).next_multiple_of(8);
        }
        (from == at + bytes).then_some(pieces)
    }
}

#[derive(Clone, Copy)]
struct Frame {
    group: u32,
    kind: u8,
}

impl Frame {
    const NONE: Frame = Frame { group: 0, kind: 0 };
}

/// The log as it is on the disk.
pub struct Image {
    /// Every piece of every sound batch, in order.
    pub pieces: Vec<Piece>,
    /// Batches up to this ordinal are shown to be synced by something later on the disk.
    pub proven: u64,
}

impl Image {
    pub fn read(dir: &str) -> Self {
        let (mut pieces, mut next, mut proven, mut rostered) = (Vec::new(), 0, 0, false);
        for path in segments(dir) {
            let Some((segment, first_batch)) = Segment::read(&path) else { continue };
            // A segment is begun when all batches before its first are synced.
            proven = proven.max(first_batch.saturating_sub(1));
            next = next.max(first_batch);
            let mut at = BLOCK;
            while at < segment.bytes.len() {
                let found = segment.batch(at).filter(|(ordinal, _)| *ordinal >= next);
                // A sound header proves the batches before it, whatever follows it.
                proven = found.map_or(proven, |(ordinal, _)| proven.max(ordinal - 1));
                let sound =
                    found.and_then(|(ordinal, bytes)| Some((ordinal, bytes, segment.pieces(at, ordinal, bytes)?)));
                let Some((ordinal, bytes, mut found)) = sound else {
                    at += BLOCK;
                    continue;
                };
                rostered |= found.iter().any(|(piece, _)| piece.hit.of_roster());
                if !rostered {
                    found.iter_mut().for_each(|(piece, _)| piece.hit.forget_group());
                }
                pieces.extend(found);
                next = ordinal + 1;
                at += bytes.next_multiple_of(BLOCK);
            }
        }
        Self { pieces: without_removed_groups(pieces), proven }
    }
}

/// Nothing of a group has to be missed that was removed later.
fn without_removed_groups(mut pieces: Vec<(Piece, Frame)>) -> Vec<Piece> {
    let mut removed = BTreeSet::new();
    for (piece, frame) in pieces.iter_mut().rev() {
        if frame.kind == REMOVE {
            removed.insert(frame.group);
        }
        if let Hit::FrameHeader { group, .. } | Hit::Body { group, .. } = &mut piece.hit {
            *group = group.filter(|group| !removed.contains(&group.0));
        }
    }
    pieces.into_iter().map(|(piece, _)| piece).collect()
}
