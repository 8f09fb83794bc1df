//! Targets of a fuzzer: what reads bytes that come from a disk or a network, one function each.
//!
//! A target makes something of any bytes and asserts what must hold of it; it fails by a panic. `cargo xtask fuzz`
//! searches for bytes that make one fail, guided by coverage; `cargo test -p anabranch-fuzz` gives each target the
//! inputs that such searches have found, in `corpus/<target>/` ([0009](../../../docs/adr/0009-fuzzing.md)).

pub mod disk;
pub mod input;
pub mod nodes;
pub mod service;
mod targets;
pub mod time;
pub mod wire;

use targets::{aws, catalog, consensus, grpc, peer, shard, tokens, tools, walog, words};

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
    // From clients.
    Target { name: "aws-bodies", what: "an operation, and the JSON that a client asks it with", run: aws::bodies },
    Target { name: "aws-cbor", what: "an operation, and the CBOR that a client asks it with", run: aws::cbor_bodies },
    Target { name: "aws-connections", what: "bytes of a connection to the port of clients", run: aws::connections },
    Target { name: "aws-heads", what: "whole requests of the AWS door, signed and not", run: aws::heads },
    Target { name: "grpc-calls", what: "messages of clients of the gRPC door, on every method", run: grpc::calls },
    Target {
        name: "request-numbers",
        what: "sequence numbers, as clients are told and tell them",
        run: words::numbers,
    },
    Target { name: "request-words", what: "names, keys and numbers in requests", run: words::texts },
    Target { name: "tokens", what: "shard iterators and page tokens, forged, damaged and sealed", run: tokens::tokens },
    // From other nodes.
    Target { name: "consensus-messages", what: "messages of one replica to another", run: consensus::messages },
    Target { name: "peer-answers", what: "what a called node answers to each call", run: peer::answers },
    Target { name: "peer-calls", what: "a node's calls of every method, and who it says it is", run: peer::calls },
    // From tests.
    Target { name: "checker-histories", what: "what clients saw, for the checker", run: tools::histories },
    Target { name: "proxy-commands", what: "commands of the proxy that breaks networks", run: tools::commands },
];

/// The target of that name.
#[must_use]
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
