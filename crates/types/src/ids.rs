//! Identities that the catalog hands out. None is ever used twice.

use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }
    };
}

id! {
    /// A node of the cluster, from 1.
    NodeId(u64)
}
id! {
    /// A replication group. 0 is the metadata group, data groups count from 1.
    GroupId(u32)
}
id! {
    /// One replica of a group. A replica that lost its disk comes back under a new id
    /// (Source: openraft, "Node IDs must not be reused").
    ReplicaId(u64)
}
id! {
    /// One stream from its creation to its deletion: a stream that is created again under
    /// the same name has another uid.
    StreamUid(u64)
}
id! {
    /// Version of the shard map; grows by one with each change.
    MapVersion(u64)
}

impl GroupId {
    /// The group that replicates the catalog.
    pub const METADATA: GroupId = GroupId(0);
}

/// Identifies one client call through all of its internal retries (I12).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u128);

/// Made once at the cluster's bootstrap; part of every node-to-node call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClusterId(pub u128);

/// Made once per data directory; a directory restored from a copy or wiped has another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Incarnation(pub u128);

macro_rules! hex128 {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:032x}", self.0)
            }
        }
    )*};
}
hex128!(RequestId, ClusterId, Incarnation);
