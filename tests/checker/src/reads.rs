//! What readers asked for and were answered.

use crate::digest;
use crate::event::Record;
use crate::puts::Puts;
use crate::sequence::Sequence;
use crate::shard::{Entry, Shard};
use crate::violation::{Findings, Invariant};
use std::collections::{BTreeMap, HashMap};

#[derive(Debug, Clone, Copy)]
struct Read {
    reader: u64,
    shard: u32,
    after: Option<Sequence>,
    begun: u64,
    is_final: bool,
}

/// What a reader was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub records: Vec<Record>,
    pub tip: bool,
    pub ended: bool,
}

/// All reads of a history.
#[derive(Debug, Default)]
pub(crate) struct Reads {
    open: HashMap<u64, Read>,
    /// How far each reader came in each shard.
    reached: HashMap<(u64, u32), Sequence>,
    pub answered: u64,
    /// Whether reads that begin now tell what there is in the end.
    pub is_final: bool,
}

impl Reads {
    pub fn begin(
        &mut self,
        line: u64,
        op: u64,
        (reader, shard, after): (u64, u32, Option<Sequence>),
        findings: &mut Findings,
    ) {
        let read = Read { reader, shard, after, begun: line, is_final: self.is_final };
        if self.open.insert(op, read).is_some() {
            findings.add(Invariant::Format, line, format!("read {op} begins a second time"));
        }
    }

    pub fn end(
        &mut self,
        line: u64,
        op: u64,
        Answer { records, tip, ended }: Answer,
        puts: &mut Puts,
        shards: &mut BTreeMap<u32, Shard>,
        findings: &mut Findings,
    ) {
        let Some(read) = self.open.remove(&op) else {
            return findings.add(Invariant::Format, line, format!("read {op} ends without having begun, or twice"));
        };
        self.answered += records.len() as u64;
        let shard = shards.entry(read.shard).or_default();
        let mut last = read.after;
        for record in &records {
            if last.is_some_and(|last| last >= record.sequence) {
                let what = format!("read {op} of shard {} goes back to {}", read.shard, record.sequence);
                findings.add(Invariant::I5, line, what);
            }
            last = last.max(Some(record.sequence));
            let (key, arrival_ms) = (digest::of(&record.key), Some(record.arrival_ms));
            let entry = Entry { op: record.op, key, digest: record.digest, arrival_ms };
            puts.place(line, read.shard, record.sequence, &entry, findings);
            shard.note(line, read.shard, record.sequence, entry, findings);
        }
        let due = shard.acknowledged_before(read.begun);
        let tip = tip || ended;
        // An answer that says it reaches the tip holds all that was acknowledged before it was asked for.
        if tip && due > last {
            let what = format!(
                "read {op} says that it reaches the tip of shard {} at {}, where {} was acknowledged before",
                read.shard,
                shown(last),
                shown(due)
            );
            findings.add(Invariant::I5, line, what);
        }
        if let Some(last) = last.filter(|_| !records.is_empty()) {
            shard.slice(line, read.after, last, records.len() as u64);
            self.goes_on(line, op, read, last, findings);
        }
        if ended {
            shard.end(line);
        }
        if read.is_final {
            shard.found.take(read.after, records.iter().map(|record| record.sequence), tip);
        }
    }

    fn goes_on(&mut self, line: u64, op: u64, read: Read, last: Sequence, findings: &mut Findings) {
        let reached = self.reached.entry((read.reader, read.shard)).or_insert(last);
        if read.after.is_some() && *reached > last {
            let what = format!(
                "read {op}: reader {} was at {reached} in shard {} and is back at {last}",
                read.reader, read.shard
            );
            findings.add(Invariant::I5, line, what);
        }
        *reached = last;
    }
}

fn shown(place: Option<Sequence>) -> String {
    place.map_or_else(|| "its beginning".to_owned(), |sequence| sequence.to_string())
}
