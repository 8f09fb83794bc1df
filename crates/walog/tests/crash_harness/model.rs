//! What one group should hold: the requests that were made, and which of them were answered.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anabranch_walog::{Entry, GroupLog, LogId};
use bytes::Bytes;

use super::problem::{Kind, Problem};

/// Not answered yet.
pub const WAITING: u64 = 0;
/// Answered with an error.
pub const FAILED: u64 = u64::MAX;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    Append(Vec<Entry>),
    Truncate(Option<LogId>),
    Purge(LogId),
    Vote(Bytes),
}

/// A group's log after some requests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Held {
    pub purged: Option<LogId>,
    pub entries: BTreeMap<u64, Entry>,
    pub vote: Option<Bytes>,
}

impl Held {
    pub fn last(&self) -> Option<LogId> {
        self.entries.values().next_back().map(|entry| entry.id).or(self.purged)
    }

    fn apply(&mut self, op: &Op) {
        match op {
            Op::Append(entries) => self.entries.extend(entries.iter().map(|entry| (entry.id.index, entry.clone()))),
            Op::Truncate(kept) => {
                let first_cut = kept.map_or(0, |kept| kept.index + 1);
                self.entries.retain(|index, _| *index < first_cut);
            }
            Op::Purge(upto) => {
                if self.purged.is_none_or(|purged| purged.index < upto.index) {
                    self.purged = Some(*upto);
                    self.entries.retain(|index, _| *index > upto.index);
                }
            }
            Op::Vote(vote) => self.vote = Some(vote.clone()),
        }
    }

    /// What the log says it holds, every entry read.
    pub fn of(log: &GroupLog) -> Result<Self, Problem> {
        let state = log.state();
        let first = state.purged.map_or(0, |purged| purged.index + 1);
        let end = state.last.map_or(0, |last| last.index + 1);
        let misread = |what: String| Problem::new(Kind::Misread, format!("group {}: {what}", log.id()));
        let entries = log.read(first..end, u64::MAX).map_err(|error| misread(error.to_string()))?;
        let held = Self {
            purged: state.purged,
            entries: entries.into_iter().map(|entry| (entry.id.index, entry)).collect(),
            vote: state.vote,
        };
        let consistent = held.last() == state.last;
        if consistent { Ok(held) } else { Err(misread(format!("last is {:?}, held {held:?}", state.last))) }
    }
}

/// A request and the batch with which it was answered.
struct Asked {
    op: Op,
    answer: Arc<AtomicU64>,
}

/// One group: what it held for certain, and what was asked since.
#[derive(Default)]
pub struct GroupModel {
    pub held: Held,
    proven: Held,
    asked: Vec<Asked>,
    pub committed: Option<LogId>,
    pub term: u64,
}

impl GroupModel {
    /// Notes a request; the caller stores the ordinal of the batch that was written last when it was
    /// answered, or [`FAILED`], in what it gets.
    pub fn ask(&mut self, op: Op) -> Arc<AtomicU64> {
        self.held.apply(&op);
        let answer = Arc::new(AtomicU64::new(WAITING));
        self.asked.push(Asked { op, answer: Arc::clone(&answer) });
        answer
    }

    /// The last request was refused and changed nothing.
    pub fn refused(&mut self) {
        self.asked.pop();
        self.held = self.proven.clone();
        for asked in &self.asked {
            self.held.apply(&asked.op);
        }
    }

    pub fn forget(&mut self) {
        *self = Self { term: self.term, ..Self::default() };
    }

    /// How many requests must have survived: all that were answered with a batch up to `upto`.
    fn owed(&self, upto: u64) -> usize {
        let answered = |asked: &Asked| (WAITING + 1..=upto).contains(&asked.answer.load(Ordering::Relaxed));
        self.asked.iter().rposition(answered).map_or(0, |last| last + 1)
    }

    /// Checks what was read back after a crash and goes on from there. Requests answered with a
    /// batch up to `upto` are owed; those after it, and unanswered ones, may be there: in order.
    pub fn survived(&mut self, found: Held, upto: u64) -> Result<(), Problem> {
        let owed = self.owed(upto);
        let mut candidate = self.proven.clone();
        for asked in &self.asked[..owed] {
            candidate.apply(&asked.op);
        }
        // An append may survive in part: its entries may lie in several batches.
        let rest = self.asked[owed..].iter().flat_map(|asked| match &asked.op {
            Op::Append(entries) => entries.iter().map(|entry| Op::Append(vec![entry.clone()])).collect(),
            op @ (Op::Truncate(_) | Op::Purge(_) | Op::Vote(_)) => vec![op.clone()],
        });
        let mut rest = rest.collect::<Vec<_>>().into_iter();
        loop {
            if candidate == found {
                (self.held, self.proven) = (found.clone(), found);
                self.asked.clear();
                return Ok(());
            }
            match rest.next() {
                Some(op) => candidate.apply(&op),
                None => break,
            }
        }
        let (asked, last) = (self.asked.len(), candidate.last());
        let found = format!("found {:?} .. {:?}", found.purged, found.last());
        Err(Problem::new(Kind::Lost, format!("{asked} requests, {owed} owed, up to {last:?}; {found}")))
    }
}
