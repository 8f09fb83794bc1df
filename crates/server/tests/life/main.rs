//! The binary as a process of its own: what it answers and how it ends while it starts, serves and
//! drains.
#![allow(clippy::disallowed_methods, reason = "tests have real time, and only to end what hangs")]

mod cluster;
mod dev_cluster;
mod draining;
mod grpc;
mod node;
mod operators;
mod starting;
mod traces;
