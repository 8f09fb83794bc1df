//! Applied state of one replication group, behind a trait (DESIGN D4).
//!
//! The shared log makes data durable; a store only holds what was applied. It may lose
//! everything since its last [`Store::flush`], all families together, and replay from the log
//! restores that. Expiry is dropping a bucket, never compaction.
//!
//! Two versions pass one contract suite: [`RocksStore`] on disk, and [`MemoryStore`] for tests,
//! simulation and ephemeral nodes.
//!
//! Not here: what keys and values mean (`shard`), when to flush or trim (the group's owner),
//! threads. Every call blocks; callers run them where blocking is allowed.

mod batch;
mod config;
mod directory;
mod error;
mod home;
mod memory;
mod place;
mod rocks;
mod stats;
mod store;

pub use batch::{Batch, Family, Operation};
pub use config::{SharedOptions, StoreOptions};
pub use error::{OpenError, StoreError};
pub use home::{HomeError, MemoryHome, RocksHome, StoreHome};
pub use memory::MemoryStore;
pub use place::{PlaceError, StatePlace};
pub use rocks::{RocksStore, SharedResources};
pub use stats::StoreStats;
pub use store::{Direction, Store, Visitor};

/// Version of the on-disk format this build writes and the newest it opens (DESIGN D15).
/// The layout is described in docs/formats/store.md.
pub const FORMAT_VERSION: u32 = 1;
