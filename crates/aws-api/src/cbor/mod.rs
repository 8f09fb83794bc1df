//! CBOR (RFC 8949) for serde, as the AWS protocols use it: texts and numbers as in JSON, bytes
//! as they are, times as tag 1 around milliseconds.
//!
//! The bytes are cbor4ii's business; here is what a body may announce, how deep it may nest and
//! what serde makes of it. Knows nothing about the API model.

mod decoder;
mod encoder;

pub(crate) use decoder::{Decoder, begins_list_or_map, from_slice};
pub(crate) use encoder::{TIMESTAMP, append};

#[cfg(test)]
mod tests;
