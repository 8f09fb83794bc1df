//! The shared log: all replicas on a disk append to one segmented, checksummed log (D3).
//!
//! One writer makes everything that waits durable with one write and one sync, then answers in
//! order. What was answered survives crashes and torn writes; what is damaged is found, kept
//! aside and never served. The log knows nothing of consensus: entries are opaque.
//! docs/adr/0001-shared-log.md says why, docs/formats/walog.md gives the bytes.

mod batch;
mod cache;
mod config;
mod cursor;
mod disk;
mod entry;
mod error;
mod frame;
mod group;
mod group_log;
mod layout;
#[cfg(feature = "planted-bugs")]
mod planted;
mod recovery;
mod roster;
mod segment_header;
mod shared;
mod staging;
mod state;
mod stats;
mod walog;
mod writer;

pub use config::{OnPoison, Options};
pub use entry::{Done, Entry, GroupLogState, LogId, Quarantine};
pub use error::{LogError, OpenError};
pub use group_log::{GroupLog, VOTE_BYTES_MAX};
#[cfg(feature = "planted-bugs")]
pub use planted::Bug;
pub use stats::{Counters, Space, Stats};
pub use walog::Walog;
pub use writer::{Driver, Step};
