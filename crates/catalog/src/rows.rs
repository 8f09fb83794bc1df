//! The catalog as rows of a store: one row per fact that changes alone, so that a small
//! change of a stream of 10,000 shards rewrites one or two rows.
//!
//! Keys are one byte for the kind, then the identity in an order that sorts as the catalog
//! does. Values are one byte for the version of the kind's layout, then the fields.

use crate::cluster::{Cluster, Counters};
use crate::codec::{DecodeError, Field, Reader, fields};
use crate::consumer::{Consumer, ConsumerCalls};
use crate::reshard::{ReshardHistory, Round};
use crate::shard::Shard;
use crate::tagging::Tagging;
use crate::token_key::TokenKeys;
use anabranch_types::{AccountId, ConsumerName, GroupId, NodeId, ShardId, StreamName, StreamUid};
use bytes::Bytes;

/// One change of the stored rows. The changes of one command are stored together or not at
/// all, and in the order given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowMutation {
    /// Writes a row, over the one of the same key if there is one.
    Put {
        /// The row's key.
        key: Bytes,
        /// The row's value.
        value: Bytes,
    },
    /// Removes a row.
    Delete {
        /// The row's key.
        key: Bytes,
    },
}

/// Which row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RowKey {
    Cluster,
    Counters,
    TokenKeys,
    Node(NodeId),
    Group(GroupId),
    Floor(AccountId, StreamName),
    Stream(StreamUid),
    Shard(StreamUid, ShardId),
    ReshardHistory(StreamUid),
    Round(StreamUid),
    Consumer(StreamUid, ConsumerName),
    ConsumerCalls(StreamUid),
    Tagging(StreamUid),
}

impl RowKey {
    pub fn encode(&self) -> Bytes {
        let mut out = Vec::new();
        match self {
            RowKey::Cluster => out.push(1),
            RowKey::Counters => out.push(2),
            RowKey::TokenKeys => out.push(3),
            RowKey::Node(node) => {
                out.push(4);
                node.write(&mut out);
            }
            RowKey::Group(group) => {
                out.push(5);
                group.write(&mut out);
            }
            RowKey::Floor(account, name) => {
                out.push(6);
                account.write(&mut out);
                out.extend_from_slice(name.as_str().as_bytes());
            }
            RowKey::Stream(uid) => {
                out.push(7);
                uid.write(&mut out);
            }
            RowKey::Shard(uid, shard) => {
                out.push(8);
                uid.write(&mut out);
                shard.write(&mut out);
            }
            RowKey::ReshardHistory(uid) => {
                out.push(9);
                uid.write(&mut out);
            }
            RowKey::Round(uid) => {
                out.push(10);
                uid.write(&mut out);
            }
            RowKey::Consumer(uid, name) => {
                out.push(32);
                uid.write(&mut out);
                out.extend_from_slice(name.as_str().as_bytes());
            }
            RowKey::ConsumerCalls(uid) => {
                out.push(33);
                uid.write(&mut out);
            }
            RowKey::Tagging(uid) => {
                out.push(11);
                uid.write(&mut out);
            }
        }
        out.into()
    }

    pub fn decode(key: &[u8]) -> Result<Self, DecodeError> {
        let mut input = Reader::new(key);
        let key = match u8::read(&mut input)? {
            1 => RowKey::Cluster,
            2 => RowKey::Counters,
            3 => RowKey::TokenKeys,
            4 => RowKey::Node(NodeId::read(&mut input)?),
            5 => RowKey::Group(GroupId::read(&mut input)?),
            6 => {
                let account = AccountId::read(&mut input)?;
                let name = std::str::from_utf8(input.rest()).ok().and_then(|name| StreamName::new(name).ok());
                RowKey::Floor(account, name.ok_or(DecodeError::Invalid { what: "stream name" })?)
            }
            7 => RowKey::Stream(StreamUid::read(&mut input)?),
            8 => RowKey::Shard(StreamUid::read(&mut input)?, ShardId::read(&mut input)?),
            9 => RowKey::ReshardHistory(StreamUid::read(&mut input)?),
            10 => RowKey::Round(StreamUid::read(&mut input)?),
            32 => {
                let uid = StreamUid::read(&mut input)?;
                let name = std::str::from_utf8(input.rest()).ok().and_then(|name| ConsumerName::new(name).ok());
                RowKey::Consumer(uid, name.ok_or(DecodeError::Invalid { what: "consumer name" })?)
            }
            33 => RowKey::ConsumerCalls(StreamUid::read(&mut input)?),
            11 => RowKey::Tagging(StreamUid::read(&mut input)?),
            _ => return Err(DecodeError::Invalid { what: "kind of catalog row" }),
        };
        input.end()?;
        Ok(key)
    }
}

/// The create second that shards of a new stream must exceed: the highest of the deleted
/// streams of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Floor {
    pub created_s: u64,
}

fields!(Floor { created_s });

/// A kind of row value with its own version.
pub(crate) trait RowValue: Field {
    const WHAT: &'static str;
    /// The newest version this build writes and reads; its layout is that of [`Field`].
    const VERSION: u8;

    /// The lowest version that can say this value. A value has one row, whichever build wrote
    /// it, so that nodes of neighbouring feature levels have equal rows (I9, D15).
    fn version(&self) -> u8 {
        Self::VERSION
    }

    /// Writes the layout of [`RowValue::version`].
    fn write_row(&self, out: &mut Vec<u8>) {
        self.write(out);
    }

    /// Reads the layout of `version`, from 1 to [`RowValue::VERSION`].
    fn read_row(version: u8, input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        debug_assert_eq!(version, Self::VERSION);
        Self::read(input)
    }
}

/// Kinds that have version 1 only.
macro_rules! row_values {
    ($($type:ident = $what:literal;)+) => {$(
        impl RowValue for $type {
            const WHAT: &'static str = $what;
            const VERSION: u8 = 1;
        }
    )+};
}

row_values! {
    Cluster = "cluster row";
    Counters = "counters row";
    TokenKeys = "token keys row";
    Floor = "floor row";
    Shard = "shard row";
    ReshardHistory = "reshard history row";
    Round = "reshard round row";
    Consumer = "consumer row";
    ConsumerCalls = "consumer calls row";
    Tagging = "tagging row";
}

pub(crate) fn encode_value<V: RowValue>(value: &V) -> Bytes {
    let mut out = vec![value.version()];
    value.write_row(&mut out);
    out.into()
}

pub(crate) fn decode_value<V: RowValue>(bytes: &[u8]) -> Result<V, DecodeError> {
    let mut input = Reader::new(bytes);
    let version = input.version_up_to(V::WHAT, V::VERSION)?;
    let value = V::read_row(version, &mut input)?;
    input.end()?;
    if value.version() != version {
        return Err(DecodeError::Invalid { what: "row of the lowest version that can say it" });
    }
    Ok(value)
}
