//! The metadata service: the catalog, replicated, and the controllers that carry out what it
//! records.
//!
//! What a command means is the catalog's; this crate proposes commands, shows their result to
//! gateways, and walks streams through their lives (create shards in groups, drop them).

mod announce;
mod bootstrap;
mod create_stream;
mod delete_stream;
mod error;
mod expired_shards;
mod flush;
mod joining;
mod leaders;
mod machine;
mod metadata;
mod metrics;
mod placement;
mod propose;
mod reconcile;
mod reshard;
mod set_retention;
mod token_keys;

pub use announce::{NotAMember, announce};
pub use bootstrap::FirstNode;
pub use error::MetadataError;
pub use joining::Joining;
pub use machine::{CatalogMachine, OpenError};
pub use metadata::{Metadata, MetadataService};
pub use metrics::describe;
