//! The AWS door: HTTP/1.1 and HTTP/2, TLS, SigV4, the order of checks, JSON, CBOR and event streams in
//! and out.
//!
//! Parses, authenticates, calls one method of [`anabranch_api::Kinesis`] and prints. No rule
//! about streams lives here. Its port is that of all doors:
//! `other_calls.rs` is the seam.

mod answer;
mod body;
mod calendar;
mod cbor;
mod checks;
mod connection;
mod cors;
mod door;
mod encoding;
mod event_stream;
pub mod kinesis;
mod listener;
mod local_calls;
mod metrics;
mod model;
mod options;
mod other_calls;
mod pages;
mod pulse;
mod sigv4;
#[cfg(test)]
mod tests;
mod tls;

pub use answer::DoorBody;
pub use door::AwsDoor;
pub use encoding::{Encoded, Encoding};
pub use event_stream::EventBody;
pub use listener::Listener;
pub use local_calls::{LocalCall, LocalCalls, local_error};
pub use options::{DoorLimits, DoorOptions, DoorTimeouts};
pub use other_calls::{Admission, OtherAnswer, OtherBody, OtherCalls};
pub use pages::{LocalPage, LocalPages, PageFuture};
pub use sigv4::{CallSigner, Credentials, Post, SecretKey, SignedHeaders, Signer, Verification, Verifier};
pub use tls::{TlsError, TlsIdentity};
