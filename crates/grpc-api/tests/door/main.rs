//! The gRPC door on the port of the AWS door, over in-memory connections, before a service that
//! tests lead by the hand.
#![allow(clippy::disallowed_methods, reason = "clients are tasks of their test, and its time is paused")]

mod fake;
mod follow;
mod identity;
mod net;
mod produce;
mod refusals;
mod side_services;
mod signer;
mod unary;
mod world;
