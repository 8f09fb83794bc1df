//! Targets of a fuzzer: what reads bytes that come from a disk or a network, one function each.
//!
//! A target makes something of any bytes and asserts what must hold of it; it fails by a panic. `cargo xtask fuzz`
//! searches for bytes that make one fail, guided by coverage; `cargo test -p anabranch-fuzz` gives each target the
//! inputs that such searches have found, in `corpus/<target>/` ([0009](../../../docs/adr/0009-fuzzing.md)).

pub mod input;
mod targets;

use targets::catalog;

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
];

/// The target of that name.
#[must_use]
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
