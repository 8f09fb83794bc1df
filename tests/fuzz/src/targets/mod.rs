//! One file for each area of the broker.

pub mod aws;
pub mod catalog;
pub mod consensus;
pub mod grpc;
pub mod peer;
pub mod shard;
pub mod tokens;
pub mod tools;
pub mod walog;
pub mod words;
