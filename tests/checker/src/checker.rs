//! Takes a history line by line.

use crate::digest;
use crate::event::{Event, FORMAT};
use crate::puts::{Outcome, Puts};
use crate::reads::{Answer, Reads};
use crate::shard::Shard;
use crate::tiling;
use crate::violation::{Findings, Invariant};
use std::collections::BTreeMap;
use std::io::{self, BufRead};

/// A history is not one of this format.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It cannot be read.
    #[error("line {line} cannot be read: {source}")]
    Io {
        /// From 1.
        line: u64,
        /// Why.
        source: io::Error,
    },
    /// It is no event.
    #[error("line {line} is no event: {source}")]
    Line {
        /// From 1.
        line: u64,
        /// Why.
        source: serde_json::Error,
    },
    /// The first line names another version, or none.
    #[error("the first line has to be {{\"event\":\"begin\",\"format\":{FORMAT}}}")]
    Format,
}

/// What a whole history shows.
#[derive(Debug)]
pub struct Report {
    /// What is wrong.
    pub findings: Findings,
    /// Lines.
    pub lines: u64,
    /// Puts that were acknowledged.
    pub stored: u64,
    /// Records that readers were answered.
    pub read: u64,
}

/// Judges one history.
#[derive(Debug, Default)]
pub struct Checker {
    puts: Puts,
    reads: Reads,
    shards: BTreeMap<u32, Shard>,
    /// By group and newest command, the hash that was told first.
    replicas: BTreeMap<(u32, u64), u64>,
    findings: Findings,
    lines: u64,
}

impl Checker {
    /// Judges all lines of `history`.
    ///
    /// # Errors
    /// [`Unreadable`] at the first line that is no event.
    pub fn judge(history: impl BufRead) -> Result<Report, Unreadable> {
        let mut checker = Checker::default();
        for (text, line) in history.lines().zip(1..) {
            let text = text.map_err(|source| Unreadable::Io { line, source })?;
            let event = serde_json::from_str(&text).map_err(|source| Unreadable::Line { line, source })?;
            if line == 1 && event != (Event::Begin { format: FORMAT }) {
                return Err(Unreadable::Format);
            }
            checker.take(event);
        }
        Ok(checker.finish())
    }

    /// Takes the next event.
    pub fn take(&mut self, event: Event) {
        self.lines += 1;
        let (line, findings) = (self.lines, &mut self.findings);
        match event {
            Event::Begin { .. } => {}
            Event::Put { op, client, key, digest } => {
                self.puts.begin(line, op, (client, digest::of(&key), digest), findings);
            }
            Event::Stored { op, shard, sequence } => {
                self.puts.end(line, op, Outcome::Stored { shard, sequence }, &mut self.shards, findings);
            }
            Event::Refused { op } => self.puts.end(line, op, Outcome::Refused, &mut self.shards, findings),
            Event::Unknown { op } => self.puts.end(line, op, Outcome::Unknown, &mut self.shards, findings),
            Event::Read { op, reader, shard, after } => self.reads.begin(line, op, (reader, shard, after), findings),
            Event::Seen { op, records, tip, ended } => {
                let answer = Answer { records, tip, ended };
                self.reads.end(line, op, answer, &mut self.puts, &mut self.shards, findings);
            }
            Event::Open { shards } => tiling::check(line, shards, findings),
            Event::Final => self.reads.is_final = true,
            Event::Replica { group, applied, hash } => {
                let first = *self.replicas.entry((group, applied)).or_insert(hash);
                if first != hash {
                    let what = format!("replicas of group {group} differ at command {applied}");
                    findings.add(Invariant::I9, line, what);
                }
            }
        }
    }

    /// What is wrong with what was told so far.
    pub fn findings(&self) -> &Findings {
        &self.findings
    }

    /// What the whole history shows. A history without a final mark tells nothing of what is lost.
    pub fn finish(mut self) -> Report {
        for (number, shard) in &self.shards {
            shard.finish(*number, self.lines, &mut self.findings);
            if self.reads.is_final {
                shard.lost(*number, self.lines, &mut self.findings);
            }
        }
        let (stored, read) = (self.puts.stored, self.reads.answered);
        Report { findings: self.findings, lines: self.lines, stored, read }
    }
}
