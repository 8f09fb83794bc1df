//! What clients of the AWS door send.

mod bodies;
mod canonical;
mod connections;
mod heads;
mod rewritten;

pub use bodies::{bodies, cbor_bodies};
pub use connections::connections;
pub use heads::heads;
