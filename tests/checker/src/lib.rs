//! Judges what clients saw of Anabranch against its invariants. It shares no code with the broker, so
//! that a mistake in one is not made in the other as well.
//!
//! A history is a file of JSON lines ([`Event`]); [`Checker`] reads it once, and keeps some hundred
//! bytes for each record. What it does not judge yet: leases, limits, retention, and progress while a
//! minority fails.

mod checker;
mod digest;
mod event;
mod puts;
mod reads;
mod sequence;
mod shard;
mod tiling;
mod violation;

pub use checker::{Checker, Report, Unreadable};
pub use event::{Event, FORMAT, OpenShard, Record};
pub use sequence::{NoSequence, Sequence};
pub use violation::{FINDINGS_MAX, Findings, Invariant, Violation};
