//! Serves the service trait by routing: names to streams, hash keys to shards, shards to the
//! groups that hold them. It keeps no state of its own.
//!
//! Rules of single shards are the storage role's; rules of the catalog the metadata role's.

mod consumers;
mod convert;
mod gateway;
mod records;
mod refresh;
mod resolve;
mod streams;
mod tags;
mod tokens;

#[cfg(test)]
mod tests;

pub use consumers::Subscription;
pub use gateway::{Gateway, GatewayOptions};
