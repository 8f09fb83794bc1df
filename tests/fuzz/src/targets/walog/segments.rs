//! Segments that somebody else wrote: every checksum is right, what they say need not be.

use super::format::{Frame, Header, Row, SegmentWriter, roster};
use super::observe::{go_on, observe, open};
use super::{DIR, SALT, SEGMENT_BYTES, segment_path};
use crate::disk::MemoryFs;
use crate::input::Input;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

const SEGMENTS_MAX: usize = 5;
const BATCHES_MAX: usize = 6;
const FRAMES_MAX: usize = 6;
/// Where the log's counts end.
const COUNT_MAX: u64 = u64::MAX >> 1;
/// Groups are numbered from 1.
const GROUPS: u8 = 3;

/// Opening ends in an error or in a log that serves only what a frame said, loses nothing of it later, and does not
/// overwrite the newest segment where it is sound.
pub fn segments(bytes: &[u8]) {
    let mut writer = Writer::default();
    let (fs, mut input) = (Arc::new(MemoryFs::default()), Input::new(bytes));
    for _ in 0..=usize::from(input.byte()) % SEGMENTS_MAX {
        writer.segment(&mut input, &fs);
    }
    if !input.is_empty() {
        let name = String::from_utf8_lossy(input.short()).replace('/', "");
        fs.put(PathBuf::from(format!("{DIR}/{name}")), input.rest().to_vec());
    }
    let path = segment_path(writer.newest);
    let newest = fs.contents().remove(&path);
    let Ok((log, mut driver)) = open(&fs) else { return };
    let mut first = observe(&log);
    for (group, served) in &first.groups {
        for (term, index, kind, body) in served.iter().flat_map(|served| &served.entries) {
            let said = writer.entries.contains(&(*group, *term, *index, *kind, body.clone()));
            assert!(said, "no frame tells of entry {term}/{index} of group {group}");
        }
    }
    if let Some(end) = writer.sound_to
        && let (Some(before), Some(after)) = (newest, fs.contents().get(&path))
    {
        assert!(after.len() >= end && after[..end] == before[..end], "a sound segment was overwritten");
    }
    go_on(&log, &mut driver, &mut first);
    drop((log, driver));
    let (log, _driver) = open(&fs).expect("what was opened once is opened again");
    first.lasts(&observe(&log), &BTreeSet::new());
}

/// Where the log would stand if everything were right.
#[derive(Default)]
struct Writer {
    number: u64,
    next_batch: u64,
    rows: BTreeMap<u32, Row>,
    /// What frames tell: group, term, index, kind, body.
    entries: BTreeSet<(u32, u64, u64, u8, Vec<u8>)>,
    newest: u64,
    /// How far the newest segment is what a log writes, if its first batch is.
    sound_to: Option<usize>,
}

/// The right number, or another: near it, or near the end of all numbers.
fn near(right: u64, input: &mut Input<'_>) -> u64 {
    match input.byte() {
        0 => right,
        more @ 1..=100 => right.wrapping_add(u64::from(more)),
        less @ 101..=200 => right.wrapping_sub(u64::from(less) - 100),
        end => u64::MAX - (u64::from(end) - 201),
    }
}

impl Writer {
    fn segment(&mut self, input: &mut Input<'_>, fs: &MemoryFs) {
        let number = near(self.number.wrapping_add(1), input);
        let first_batch = near(self.next_batch.max(1), input);
        let how = input.byte();
        let salt = if how & 1 == 0 { SALT } else { SALT + 1 };
        let segment_bytes = if how & 2 == 0 { SEGMENT_BYTES } else { near(SEGMENT_BYTES, input) };
        let format = if how & 4 == 0 { 1 } else { u16::from(input.byte()) };
        let header = Header { format, number, salt, segment_bytes, first_batch };
        let mut segment = SegmentWriter { salt, number, bytes: header.block([how & 8 == 0, how & 16 == 0]) };
        self.next_batch = first_batch;
        let mut sound = None;
        for nth in 0..usize::from(input.byte()) % BATCHES_MAX {
            let right = self.batch(nth == 0, input, &mut segment);
            if nth == 0 && right && how & 31 == 0 {
                sound = Some(segment.bytes.len());
            }
        }
        if how & 32 == 0 {
            segment.bytes.resize(segment.bytes.len().max(SEGMENT_BYTES as usize), 0);
        } else {
            let cut = usize::from(input.u16());
            segment.bytes.truncate(cut);
            sound = sound.filter(|end| *end <= cut);
        }
        if how & 64 != 0 {
            let (at, value) = (usize::from(input.u16()), input.byte());
            if let Some(byte) = segment.bytes.get_mut(at) {
                *byte ^= value;
                sound = None;
            }
        }
        if number >= self.newest {
            (self.newest, self.sound_to) = (number, sound);
        }
        self.number = number;
        fs.put(segment_path(number), segment.bytes);
    }

    /// Whether everything about the batch is right.
    fn batch(&mut self, first: bool, input: &mut Input<'_>, segment: &mut SegmentWriter) -> bool {
        let right = self.next_batch;
        let ordinal = near(right, input);
        let synced = near(ordinal.wrapping_sub(1), input);
        self.next_batch = ordinal.wrapping_add(1);
        let mut frames = Vec::new();
        if first {
            frames.push(self.roster(input));
        }
        for _ in 0..=usize::from(input.byte()) % FRAMES_MAX {
            frames.push(self.frame(input));
        }
        segment.batch(ordinal, synced, &frames);
        let is_written =
            |frame: &Frame| matches!(frame.kind, 1..=8) && frame.ordinal <= COUNT_MAX && frame.index < u64::MAX;
        frames.iter().all(is_written) && (1..=COUNT_MAX).contains(&ordinal) && ordinal == right && synced == right - 1
    }

    fn roster(&self, input: &mut Input<'_>) -> Frame {
        let mut rows: Vec<Row> = self.rows.values().cloned().collect();
        let how = input.byte();
        if how & 1 != 0 {
            let row = usize::from(input.byte());
            if let Some(row) = rows.get_mut(row) {
                Self::twist(row, input);
            } else {
                let mut row = Row { group: u32::from(input.byte() % (GROUPS + 1)), ..Row::default() };
                Self::twist(&mut row, input);
                rows.push(row);
            }
        }
        let mut body = roster(how >> 7, &rows);
        if how & 2 != 0 {
            body.truncate(usize::from(input.byte()));
        }
        Frame { group: 0, kind: 7, flag: 0, ordinal: 0, term: 0, index: 0, body }
    }

    fn twist(row: &mut Row, input: &mut Input<'_>) {
        row.frames = near(row.frames, input);
        let mut mark = |mark: Option<(u64, u64)>| match input.byte() {
            0 => mark,
            1 => None,
            _ => mark.or(Some((1, 1))).map(|(term, index)| (near(term, input), near(index, input))),
        };
        (row.purged, row.last, row.committed) = (mark(row.purged), mark(row.last), mark(row.committed));
        row.quarantined = input.byte() == 1;
        if input.byte() == 1 {
            row.vote = Some(input.short().to_vec());
        }
    }

    fn frame(&mut self, input: &mut Input<'_>) -> Frame {
        let group = u32::from(input.byte() % GROUPS) + 1;
        let row = self.rows.entry(group).or_insert_with(|| Row { group, ..Row::default() });
        let kind = input.byte() % 10;
        let flag = input.byte();
        let last = row.last.unwrap_or_default();
        let ordinal = if matches!(kind, 7 | 8) { 0 } else { near(row.frames.wrapping_add(1), input) };
        let (term, index) = match kind {
            1 => (near(last.0, input), near(last.1.wrapping_add(1), input)),
            2 | 3 | 5 => (near(last.0, input), near(last.1, input)),
            _ => (0, 0),
        };
        let body = if matches!(kind, 1 | 4 | 7) { input.short().to_vec() } else { Vec::new() };
        if !matches!(kind, 7 | 8) {
            row.frames = ordinal;
        }
        match kind {
            1 => {
                row.last = Some((term, index));
                self.entries.insert((group, term, index, flag, body.clone()));
            }
            2 => row.last = if flag == 1 { Some((term, index)) } else { None },
            3 => {
                row.purged = Some((term, index)).max(row.purged);
                row.last = row.last.max(Some((term, index)));
            }
            4 => row.vote = Some(body.clone()),
            5 => row.committed = row.committed.max(Some((term, index))),
            6 => {
                self.rows.remove(&group);
            }
            _ => {}
        }
        Frame { group, kind, flag, ordinal, term, index, body }
    }
}
