//! One file for each area of the broker.

pub mod catalog;
pub mod consensus;
pub mod shard;
pub mod walog;
