//! What was put, and what became of it.

use crate::sequence::Sequence;
use crate::shard::{Entry, Shard};
use crate::violation::{Findings, Invariant};
use std::collections::{BTreeMap, HashMap};

/// What a client was told of a put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Nothing yet.
    Open,
    /// It is at this place.
    Stored { shard: u32, sequence: Sequence },
    /// It was not written.
    Refused,
    /// Nobody knows.
    Unknown,
}

#[derive(Debug)]
struct Put {
    client: u64,
    key: u64,
    digest: u64,
    begun: u64,
    outcome: Outcome,
    /// Where the record was first seen, by a reader or in its acknowledgement.
    seen: Option<(u32, Sequence)>,
}

/// The last put of a key that its client saw acknowledged.
#[derive(Debug, Clone, Copy)]
struct LastOfKey {
    told: u64,
    shard: u32,
    sequence: Sequence,
}

/// All puts of a history.
#[derive(Debug, Default)]
pub(crate) struct Puts {
    puts: HashMap<u64, Put>,
    /// By client and key.
    last: HashMap<(u64, u64), LastOfKey>,
    pub stored: u64,
}

impl Puts {
    pub fn begin(&mut self, line: u64, op: u64, (client, key, digest): (u64, u64, u64), findings: &mut Findings) {
        let put = Put { client, key, digest, begun: line, outcome: Outcome::Open, seen: None };
        if self.puts.insert(op, put).is_some() {
            findings.add(Invariant::Format, line, format!("put {op} begins a second time"));
        }
    }

    /// Notes the end of a put; where it was stored, in the shard as well.
    pub fn end(
        &mut self,
        line: u64,
        op: u64,
        outcome: Outcome,
        shards: &mut BTreeMap<u32, Shard>,
        findings: &mut Findings,
    ) {
        let Some(put) = self.puts.get_mut(&op).filter(|put| put.outcome == Outcome::Open) else {
            return findings.add(Invariant::Format, line, format!("put {op} ends without having begun, or twice"));
        };
        put.outcome = outcome;
        match outcome {
            Outcome::Refused => {
                if let Some((shard, sequence)) = put.seen {
                    let what = format!("put {op} was refused, and its record was seen in shard {shard} at {sequence}");
                    findings.add(Invariant::I12, line, what);
                }
            }
            Outcome::Open | Outcome::Unknown => {}
            Outcome::Stored { shard, sequence } => {
                self.stored += 1;
                let entry = Entry { op, key: put.key, digest: put.digest, arrival_ms: None };
                let (begun, of_key) = (put.begun, (put.client, put.key));
                self.place(line, shard, sequence, &entry, findings);
                let places = shards.entry(shard).or_default();
                places.note(line, shard, sequence, entry, findings);
                places.acknowledge(line, shard, sequence, begun, findings);
                self.follow(line, op, of_key, LastOfKey { told: line, shard, sequence }, begun, findings);
            }
        }
    }

    /// A put of a key that began after the last one was acknowledged comes after it (I4), in another shard
    /// as well: a key moves to children only, whose numbers are above those of their parents.
    fn follow(&mut self, line: u64, op: u64, of_key: (u64, u64), this: LastOfKey, begun: u64, findings: &mut Findings) {
        let last = self.last.entry(of_key).or_insert(this);
        if last.told < begun && last.sequence >= this.sequence {
            let what = format!(
                "put {op} of client {} is at {} in shard {}, behind it an earlier put of its key at {} in shard {}",
                of_key.0, this.sequence, this.shard, last.sequence, last.shard
            );
            findings.add(Invariant::I4, line, what);
        }
        *last = this;
    }

    /// A record that somebody saw: it was put, not refused, and is in one place only.
    pub fn place(&mut self, line: u64, shard: u32, sequence: Sequence, entry: &Entry, findings: &mut Findings) {
        let op = entry.op;
        let Some(put) = self.puts.get_mut(&op) else {
            let what = format!("shard {shard} has a record of put {op} at {sequence}, which nobody made");
            return findings.add(Invariant::I5, line, what);
        };
        if (put.key, put.digest) != (entry.key, entry.digest) {
            let what = format!("the record of put {op} in shard {shard} at {sequence} is not the one that was put");
            findings.add(Invariant::I2, line, what);
        }
        if put.outcome == Outcome::Refused {
            let what = format!("put {op} was refused, and its record is in shard {shard} at {sequence}");
            findings.add(Invariant::I12, line, what);
        }
        let (first_shard, first) = *put.seen.get_or_insert((shard, sequence));
        if (first_shard, first) != (shard, sequence) {
            let what = format!(
                "put {op} was applied twice: in shard {first_shard} at {first} and in shard {shard} at {sequence}"
            );
            findings.add(Invariant::I12, line, what);
        }
    }
}
