//! Walks the batches of one segment and tells the end of the log from damage.
//!
//! A place that does not hold the expected batch is the end of the log, unless something later
//! proves that a batch was synced there: a later batch, or a later segment. A torn write is always
//! at the very end, because nothing is written before the last batch is synced.

use crate::batch::{BATCH_HEADER_BYTES, BatchHeader};
use crate::frame::{FrameHeader, FrameKind};
use crate::layout::{BLOCK_BYTES, FRAME_ALIGN, Place, SEGMENT_START, Seal, whole_blocks};
use crate::recovery::replay::Replay;
use crate::roster::Roster;

/// One segment as it was read.
pub(crate) struct SegmentImage<'a> {
    /// The whole file, which may have been cut short anywhere.
    pub bytes: &'a [u8],
    /// Whether it is known to be shorter than it was made.
    pub is_cut: bool,
    pub number: u64,
    pub seal: Seal,
    /// Its first batch, as its header says.
    pub first_batch: Option<u64>,
    /// The first batch of the next segment: this one holds all before it.
    pub end_ordinal: Option<u64>,
    pub habits: ScanHabits,
}

/// Mistakes that a test may plant; all `false` in earnest.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ScanHabits {
    pub stops_at_damage: bool,
    pub distrusts_torn_tail: bool,
    pub ignores_ordinals: bool,
}

/// What a segment held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scanned {
    /// Behind its last batch.
    pub end: u64,
    /// Where the batch begins that ends at `end`, if a sound one does.
    pub last_batch: Option<u64>,
    pub damaged: bool,
    /// There are batches, but the roster that the first of them began with is damaged.
    pub rosterless: bool,
    /// Only with [`ScanHabits::stops_at_damage`].
    pub stopped: bool,
}

impl SegmentImage<'_> {
    /// Replays the segment. `expected` is the ordinal of the next batch, if known.
    pub(crate) fn scan(&self, expected: &mut Option<u64>, replay: &mut Replay) -> Scanned {
        let begins_wrong = self.begin(expected, replay);
        let scanned = self.scan_batches(expected, replay);
        let is_empty = scanned.end == SEGMENT_START;
        let is_lost = is_empty && self.first_batch.is_none();
        if is_lost {
            // A header is synced before the file is a segment.
            replay.unattributed(self.front(), "neither the header nor a batch of the segment can be read");
        }
        let is_cut = self.end_ordinal.is_none() && (self.is_cut || scanned.end > self.bytes.len() as u64);
        if is_cut {
            // A file has its length before it is a segment. Where another follows, that one says whether a batch is missing.
            replay.unattributed(
                self.front(),
                "the newest segment is shorter than it was made, and may have lost batches",
            );
        }
        let damaged = scanned.damaged || begins_wrong || is_lost || is_cut;
        Scanned { damaged, rosterless: !is_empty && !self.has_roster(), ..scanned }
    }

    fn front(&self) -> Place {
        Place { segment: self.number, position: 0 }
    }

    /// Goes to the first batch, whichever is expected. False when it is the one after those before.
    ///
    /// A segment that begins earlier has batches that were written before as well: one of the two is not of this log, or
    /// not of this time. Both are read, so that its roster contradicts what stands otherwise, at this open and at every
    /// later one. It must not be taken for a segment without batches, whose bytes would be overwritten.
    fn begin(&self, expected: &mut Option<u64>, replay: &mut Replay) -> bool {
        let first = self.first_batch.or_else(|| self.header(SEGMENT_START).map(|header| header.ordinal));
        let (Some(first), Some(wanted)) = (first, *expected) else { return false };
        if first < wanted {
            replay.unattributed(self.front(), "the segment begins before the one before it ends");
        }
        // A later beginning was found to be damage where the batches before it are missing.
        *expected = Some(if self.first_batch.is_some() { first } else { first.min(wanted) });
        *expected != Some(wanted)
    }

    fn has_roster(&self) -> bool {
        let position = SEGMENT_START + BATCH_HEADER_BYTES;
        let raw = self.from(position);
        let frame = FrameHeader::read(raw, self.seal, position).filter(|frame| frame.kind == FrameKind::Roster);
        let body = frame.and_then(|frame| frame.body(raw, self.seal, position));
        body.is_some_and(|body| Roster::decode(body).is_some())
    }

    fn scan_batches(&self, expected: &mut Option<u64>, replay: &mut Replay) -> Scanned {
        let mut scanned =
            Scanned { end: SEGMENT_START, last_batch: None, damaged: false, rosterless: false, stopped: false };
        loop {
            let at = scanned.end;
            if let Some(header) = self.sound_batch(at, *expected) {
                // The next segment begins with this batch too: both are read, and rosters tell who is hit.
                scanned.damaged |= self.end_ordinal.is_some_and(|end| header.ordinal >= end);
                self.replay_frames(at, &header, replay);
                *expected = Some(header.ordinal + 1);
                scanned.last_batch = Some(at);
                scanned.end = at + whole_blocks(u64::from(header.bytes));
                continue;
            }
            if self.end_ordinal.is_some() && *expected == self.end_ordinal {
                return scanned;
            }
            let wanted = expected.unwrap_or(0);
            let later = self.later_batch(at, wanted);
            let torn = self.from(at).first_chunk::<4>().is_some_and(|begin| *begin != [0; 4]);
            let proven = match later {
                None if torn && self.habits.distrusts_torn_tail => true,
                Some((_, header)) if header.synced >= wanted => true,
                Some(_) | None => self.end_ordinal.is_some_and(|end| wanted < end),
            };
            if !proven {
                return scanned;
            }
            if self.habits.stops_at_damage {
                return Scanned { stopped: true, ..scanned };
            }
            scanned.damaged = true;
            // One batch at a time, as long as headers say where they end: the next may be damaged too.
            let this = self.header(at).filter(|header| Some(header.ordinal) == *expected);
            let (to, next) = match (this, later) {
                (Some(header), _) => (at + whole_blocks(u64::from(header.bytes)), Some(header.ordinal + 1)),
                (None, Some((position, header))) => (position, Some(header.ordinal)),
                (None, None) => (at.max(whole_blocks(self.bytes.len() as u64)), self.end_ordinal),
            };
            self.salvage(at, to, replay);
            (scanned.end, scanned.last_batch, *expected) = (to, None, next);
        }
    }

    fn sound_batch(&self, at: u64, expected: Option<u64>) -> Option<BatchHeader> {
        let header = self.header(at)?;
        if expected.is_some_and(|expected| header.ordinal != expected) && !self.habits.ignores_ordinals {
            return None;
        }
        let mut position = at + BATCH_HEADER_BYTES;
        let end = at + u64::from(header.bytes);
        let mut frames = 0;
        while position < end {
            let raw = self.bytes.get(position as usize..end as usize)?;
            let frame = FrameHeader::read(raw, self.seal, position)?;
            frame.body(raw, self.seal, position)?;
            position += frame.frame_bytes();
            frames += 1;
        }
        (position == end && frames == header.frames).then_some(header)
    }

    /// The bytes from `at` on; none beyond the end of the file.
    fn from(&self, at: u64) -> &[u8] {
        self.bytes.get(at as usize..).unwrap_or_default()
    }

    fn header(&self, at: u64) -> Option<BatchHeader> {
        BatchHeader::read(self.bytes, at, self.seal)
    }

    /// The next place, `at` or later, that holds the header of a batch after `expected`.
    fn later_batch(&self, at: u64, expected: u64) -> Option<(u64, BatchHeader)> {
        let blocks = (at..self.bytes.len() as u64).step_by(BLOCK_BYTES as usize);
        blocks.filter_map(|position| Some((position, self.header(position)?))).find(|(_, h)| h.ordinal > expected)
    }

    fn replay_frames(&self, at: u64, header: &BatchHeader, replay: &mut Replay) {
        let (mut position, end) = (at + BATCH_HEADER_BYTES, at + u64::from(header.bytes));
        while position < end {
            let raw = &self.bytes[position as usize..end as usize];
            let Some(frame) = FrameHeader::read(raw, self.seal, position) else { return };
            let Some(body) = frame.body(raw, self.seal, position) else { return };
            replay.frame(&frame, body, Place { segment: self.number, position });
            position += frame.frame_bytes();
        }
    }

    /// Replays what can be read between `from`, where a batch is damaged, and `to`, where the next
    /// one begins. Bytes that cannot be read put every group in doubt.
    fn salvage(&self, from: u64, to: u64, replay: &mut Replay) {
        let lost = Place { segment: self.number, position: from };
        let header = self.header(from).filter(|header| from + u64::from(header.bytes) <= to);
        let end = header.map_or(to.min(self.bytes.len() as u64), |header| from + u64::from(header.bytes));
        let mut position = from + BATCH_HEADER_BYTES;
        let mut in_gap = false;
        while position < end {
            let raw = &self.bytes[position as usize..end as usize];
            let Some(frame) = FrameHeader::read(raw, self.seal, position) else {
                if header.is_some() && !in_gap {
                    replay.unattributed(lost, "frames in a batch are damaged");
                }
                in_gap = true;
                position += FRAME_ALIGN;
                continue;
            };
            in_gap = false;
            let place = Place { segment: self.number, position };
            match frame.body(raw, self.seal, position) {
                Some(body) => replay.frame(&frame, body, place),
                None => replay.damaged_body(&frame, place),
            }
            position += frame.frame_bytes();
        }
        if header.is_none() {
            replay.unattributed(lost, "a batch is damaged");
        }
    }
}
