//! The gRPC door: `anabranch.v1` on the port of the AWS door, with health and reflection.
//!
//! Parses, authenticates, calls methods of [`anabranch_api::Kinesis`] and prints. No rule about
//! streams lives here, but for one: a produce stream keeps the order of each key. Connections, TLS,
//! pages and the drain are the AWS door's (`other_calls.rs` there).

mod call;
mod caller;
mod charged_body;
mod door;
mod errors;
mod follow;
mod health;
mod long_stream;
mod message_lengths;
mod metrics;
mod observed_body;
mod options;
mod produce;
mod reflection;
mod services;
mod wire;

pub use door::GrpcDoor;
pub use options::{GrpcLimits, GrpcOptions, GrpcTimeouts};
