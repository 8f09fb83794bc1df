//! One contract for every [`Store`]: each test runs on disk and in memory.
//!
//! A crash of the disk version is taken two ways, which must agree: dropping the store, which
//! writes nothing, and copying its directory while it is open, which is what a kill leaves.
//! What only the disk version does when it opens stands beside it.

mod contract {
    pub mod subject;

    mod buckets;
    mod checkpoint;
    mod durability;
    mod model;
    mod opening;
    mod reading;
    mod writing;
}
