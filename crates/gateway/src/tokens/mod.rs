//! Sealed tokens: shard iterators and page tokens that clients carry and cannot read or forge.
//!
//! The keys are the catalog's (D17), so a token opens on every gateway, and after a restart.

pub(crate) mod iterator;
pub(crate) mod page;
pub(crate) mod seal;
