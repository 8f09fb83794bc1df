//! What is wrong with a history.

use std::fmt;

/// The invariant that does not hold. docs/INVARIANTS.md has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Invariant {
    /// Nothing acknowledged is lost.
    I1,
    /// A record is read as it was written, where it was acknowledged.
    I2,
    /// Sequence numbers are unique and rise with time.
    I3,
    /// Puts of a key that follow each other keep their order, and nothing follows the end of a shard.
    I4,
    /// Reads see what is committed, without gaps, and never go back.
    I5,
    /// Open shards share the hash key space among them.
    I6,
    /// Replicas agree.
    I9,
    /// A put is applied at most once, and not at all when it was refused.
    I12,
    /// The history breaks the rules of its format: whoever wrote it is wrong.
    Format,
}

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which invariant.
    pub invariant: Invariant,
    /// The line that shows it, from 1; the last line for what only the end shows.
    pub line: u64,
    /// What was expected and what was seen.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}, line {}: {}", self.invariant, self.line, self.what)
    }
}

/// Collects faults: the first of each invariant in words, and how many there are.
#[derive(Debug, Default)]
pub struct Findings {
    /// The first ones, [`FINDINGS_MAX`] at the most.
    pub violations: Vec<Violation>,
    /// All of them.
    pub count: u64,
}

/// More than these are counted only: after a real fault there may be millions.
pub const FINDINGS_MAX: usize = 1_000;

impl Findings {
    pub(crate) fn add(&mut self, invariant: Invariant, line: u64, what: String) {
        self.count += 1;
        if self.violations.len() < FINDINGS_MAX {
            self.violations.push(Violation { invariant, line, what });
        }
    }
}
