//! What is known of a shard: which record is at which sequence number, whoever told.

use crate::sequence::Sequence;
use crate::violation::{Findings, Invariant};
use std::collections::{BTreeMap, BTreeSet};

/// A record, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub op: u64,
    pub key: u64,
    pub digest: u64,
    /// None while only its acknowledgement was seen.
    pub arrival_ms: Option<u64>,
}

/// A slice of the shard that a reader was answered: from behind `after` to `last`.
#[derive(Debug)]
struct Slice {
    line: u64,
    after: Option<Sequence>,
    last: Sequence,
    records: u64,
}

/// Everything that was seen of a shard.
#[derive(Debug, Default)]
pub(crate) struct Shard {
    entries: BTreeMap<Sequence, Entry>,
    /// Line of each acknowledgement that raised the highest number, and that number.
    acknowledged: Vec<(u64, Sequence)>,
    slices: Vec<Slice>,
    /// The line at which a reader was first told that it is closed.
    ended: Option<u64>,
    /// What there is in the end.
    pub found: FinalReads,
}

/// Reads behind the final mark: from the oldest record on without a gap to the tip.
#[derive(Debug, Default)]
pub(crate) struct FinalReads {
    seen: BTreeSet<Sequence>,
    at_tip: bool,
}

impl FinalReads {
    /// Takes an answer in when it goes on where the last one ended.
    pub fn take(&mut self, after: Option<Sequence>, sequences: impl Iterator<Item = Sequence>, tip: bool) {
        if after == self.seen.last().copied() {
            self.seen.extend(sequences);
            self.at_tip = tip;
        }
    }
}

impl Shard {
    /// Notes what is at `sequence`; everybody has to be told the same.
    pub fn note(&mut self, line: u64, shard: u32, sequence: Sequence, entry: Entry, findings: &mut Findings) {
        let known = self.entries.entry(sequence).or_insert(entry);
        if (known.op, known.key, known.digest) != (entry.op, entry.key, entry.digest) {
            let what = format!(
                "shard {shard} has the record of put {} at {sequence}, and was said to have that of put {}",
                entry.op, known.op
            );
            return findings.add(Invariant::I3, line, what);
        }
        match (known.arrival_ms, entry.arrival_ms) {
            (Some(before), Some(now)) if before != now => {
                let what = format!("the record at {sequence} in shard {shard} arrived at {before} ms, now at {now} ms");
                findings.add(Invariant::I2, line, what);
            }
            (None, Some(_)) => known.arrival_ms = entry.arrival_ms,
            _ => {}
        }
    }

    /// A reader has come to its end.
    pub fn end(&mut self, line: u64) {
        self.ended.get_or_insert(line);
    }

    /// An acknowledgement that came before a put began has the smaller number (I3); what began after the
    /// shard's end was seen is elsewhere (I4).
    pub fn acknowledge(&mut self, line: u64, shard: u32, sequence: Sequence, begun: u64, findings: &mut Findings) {
        if let Some(before) = self.acknowledged_before(begun).filter(|before| *before >= sequence) {
            let what = format!("a put that began later is at {sequence} in shard {shard}, before {before}");
            findings.add(Invariant::I3, line, what);
        }
        if let Some(ended) = self.ended.filter(|ended| *ended < begun) {
            let what =
                format!("a put is at {sequence} in shard {shard}, whose end a reader saw before, at line {ended}");
            findings.add(Invariant::I4, line, what);
        }
        if self.acknowledged.last().is_none_or(|(_, highest)| *highest < sequence) {
            self.acknowledged.push((line, sequence));
        }
    }

    /// The highest number that was acknowledged before `line`.
    pub fn acknowledged_before(&self, line: u64) -> Option<Sequence> {
        let before = self.acknowledged.partition_point(|(told, _)| *told < line);
        before.checked_sub(1).map(|at| self.acknowledged[at].1)
    }

    /// A reader was answered so many records from behind `after` to `last`: none between them is missing,
    /// which only the end of the history tells.
    pub fn slice(&mut self, line: u64, after: Option<Sequence>, last: Sequence, records: u64) {
        self.slices.push(Slice { line, after, last, records });
    }

    /// What only the whole history shows.
    pub fn finish(&self, shard: u32, line: u64, findings: &mut Findings) {
        self.arrivals(shard, line, findings);
        // By number: a slice is whole when it has as many records as there are.
        let numbers: Vec<Sequence> = self.entries.keys().copied().collect();
        for slice in &self.slices {
            let from = slice.after.map_or(0, |after| numbers.partition_point(|number| *number <= after));
            let to = numbers.partition_point(|number| *number <= slice.last);
            // A reader that began at the oldest record may have come after some had expired.
            if slice.after.is_some() && (to - from) as u64 != slice.records {
                let what = format!(
                    "a read of shard {shard} has {} records up to {}, where there are {}",
                    slice.records,
                    slice.last,
                    to - from
                );
                findings.add(Invariant::I5, slice.line, what);
            }
        }
    }

    /// What was acknowledged or read, and is not there in the end (I1).
    pub fn lost(&self, shard: u32, line: u64, findings: &mut Findings) {
        if !self.found.at_tip {
            let what = format!("no final read of shard {shard} goes from its oldest record to its tip");
            return findings.add(Invariant::Format, line, what);
        }
        for (sequence, entry) in &self.entries {
            if !self.found.seen.contains(sequence) {
                let what = format!("the record of put {} at {sequence} in shard {shard} is gone", entry.op);
                findings.add(Invariant::I1, line, what);
            }
        }
    }

    fn arrivals(&self, shard: u32, line: u64, findings: &mut Findings) {
        let mut latest = 0;
        for (sequence, arrival) in self.entries.iter().filter_map(|(at, entry)| Some((at, entry.arrival_ms?))) {
            if arrival < latest {
                let what = format!("the record at {sequence} in shard {shard} arrived before the one in front of it");
                findings.add(Invariant::I3, line, what);
            }
            latest = latest.max(arrival);
        }
    }
}
