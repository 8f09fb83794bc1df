//! Our words to messages of `peer.proto` and back: one `…_out` and one `…_in` for each.
//!
//! What comes in is checked like any other input (I10): every bad message is a [`CodecError`].

mod error;
mod membership;
mod put;
mod read;
mod seal;
mod streams;

pub(super) use error::replied;
use error::{error_in, error_out};
pub(super) use membership::{join_in, join_out, join_reply_in, join_reply_out};
pub(super) use membership::{propose_reply_in, propose_reply_out, version_reply_in, version_reply_out};
pub(super) use membership::{report_reply_in, report_reply_out, state_hash_reply_in, state_hash_reply_out};
pub(super) use put::{put_in, put_out, put_reply_in, put_reply_out};
pub(super) use read::{locate_in, locate_out, locate_reply_in, locate_reply_out};
pub(super) use read::{read_in, read_out, read_reply_in, read_reply_out};
pub(super) use seal::{seal_in, seal_out, seal_reply_in, seal_reply_out};
pub(super) use streams::{create_shards_in, create_shards_out, done_in, done_out, set_retention_in, set_retention_out};
pub(super) use streams::{create_stream_in, create_stream_out, create_stream_reply_in, create_stream_reply_out};
pub(super) use streams::{delete_stream_in, delete_stream_out, delete_stream_reply_in, delete_stream_reply_out};

use crate::storage_node::ShardKey;
use anabranch_proto::peer::v1 as proto;
use anabranch_types::{Counter, ShardId, StreamUid};
use std::time::Duration;

/// A message does not say anything that this build understands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum CodecError {
    /// A field that has to be there is not.
    #[error("{field} is missing")]
    Missing {
        /// The field.
        field: &'static str,
    },
    /// A field's value breaks a rule.
    #[error("{field} is invalid: {reason}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// The rule.
        reason: String,
    },
}

impl CodecError {
    fn invalid(field: &'static str, reason: impl ToString) -> Self {
        CodecError::Invalid { field, reason: reason.to_string() }
    }
}

/// The value of a field that has to be there.
fn needed<T>(value: Option<T>, field: &'static str) -> Result<T, CodecError> {
    value.ok_or(CodecError::Missing { field })
}

pub(super) fn uint128(number: u128) -> proto::Uint128 {
    proto::Uint128 { high: (number >> 64) as u64, low: number as u64 }
}

pub(super) fn uint128_in(number: Option<proto::Uint128>, field: &'static str) -> Result<u128, CodecError> {
    let proto::Uint128 { high, low } = needed(number, field)?;
    Ok(u128::from(high) << 64 | u128::from(low))
}

fn span_out(span: Duration) -> proto::Span {
    proto::Span { seconds: span.as_secs(), nanos: span.subsec_nanos() }
}

fn span_in(span: Option<proto::Span>, field: &'static str) -> Result<Duration, CodecError> {
    let proto::Span { seconds, nanos } = needed(span, field)?;
    if nanos >= 1_000_000_000 {
        return Err(CodecError::invalid(field, format!("{nanos} nanoseconds are a second or more")));
    }
    Ok(Duration::new(seconds, nanos))
}

fn counter_in(bits: u64, field: &'static str) -> Result<Counter, CodecError> {
    Counter::from_bits(bits).ok_or_else(|| CodecError::invalid(field, format!("{bits} needs more than 63 bits")))
}

fn shard_key_out(key: ShardKey) -> proto::ShardKey {
    proto::ShardKey { stream: key.stream.0, shard: key.shard.0 }
}

fn shard_key_in(key: Option<proto::ShardKey>) -> Result<ShardKey, CodecError> {
    let proto::ShardKey { stream, shard } = needed(key, "shard")?;
    Ok(ShardKey { stream: StreamUid(stream), shard: ShardId(shard) })
}

#[cfg(test)]
mod tests;
