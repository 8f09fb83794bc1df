//! The services of `anabranch.v1`: from message to trait call to message.

mod records;
mod streams;
