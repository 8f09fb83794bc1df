//! Targets of a fuzzer: what reads bytes that come from a disk or a network, one function each.
//!
//! A target makes something of any bytes and asserts what must hold of it; it fails by a panic. `cargo xtask fuzz`
//! searches for bytes that make one fail, guided by coverage; `cargo test -p anabranch-fuzz` gives each target the
//! inputs that such searches have found, in `corpus/<target>/` ([0009](../../../docs/adr/0009-fuzzing.md)).

pub mod disk;
pub mod input;
mod targets;

use targets::{catalog, consensus, shard, walog};

/// Something that reads bytes, and what must hold of it.
pub struct Target {
    /// Names its folder of the corpus, and it on the command line.
    pub name: &'static str,
    /// Which bytes it is given, and where those come from outside of fuzzing.
    pub what: &'static str,
    /// Panics when the bytes show something that must not be.
    pub run: fn(&[u8]),
}

/// Every target, by area.
pub const TARGETS: &[Target] = &[
    // From the disk.
    Target { name: "catalog-rows", what: "keys and values of the catalog's rows, from the store", run: catalog::rows },
    Target { name: "catalog-commands", what: "commands of the catalog's log, from the disk", run: catalog::commands },
    Target { name: "consensus-log", what: "votes, memberships and entries, from the log", run: consensus::log },
    Target { name: "consensus-applied", what: "the row of what was applied, from the store", run: consensus::applied },
    Target {
        name: "consensus-manifest",
        what: "a snapshot's manifest, from the disk or a peer",
        run: consensus::manifest,
    },
    Target { name: "shard-rows", what: "rows of a group's state and keys of chunks, from the store", run: shard::rows },
    Target { name: "shard-commands", what: "commands of a group's log, from the disk", run: shard::commands },
    Target { name: "shard-chunk", what: "a chunk and its key, from the store", run: shard::chunk },
    Target { name: "walog-damage", what: "segments that the log wrote itself, damaged since", run: walog::damage },
    Target { name: "walog-segments", what: "segments whose checksums are right, from the disk", run: walog::segments },
];

/// The target of that name.
#[must_use]
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
