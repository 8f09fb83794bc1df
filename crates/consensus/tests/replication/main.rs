//! Groups of one and of three replicas over real logs.

#![allow(clippy::unwrap_used, reason = "tests say what they expect bluntly")]

mod cluster;
mod groups;
mod memory;
mod replicas;
mod snapshots;
