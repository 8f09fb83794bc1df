//! A stream as one group knows it: what its shards here share.
//!
//! Together with its shards' rows it is enough to rebuild a catalog that was lost (D8).

use crate::codec::{Malformed, Reader, Writer};
use crate::policy::{read_span, write_span};
use anabranch_types::{AccountId, StreamName, StreamUid, Timestamp};
use bytes::{BufMut, Bytes};
use std::time::Duration;

/// The newest version of a stream's row. Version 1 is version 2 without its last field.
pub(crate) const STREAM_ROW_VERSION: u8 = 2;

/// One incarnation of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    /// Which incarnation; the key of its row.
    pub uid: StreamUid,
    /// Its name.
    pub name: StreamName,
    /// The account that owns it.
    pub account: AccountId,
    /// When it was created.
    pub created: Timestamp,
    /// How long it keeps records.
    pub retention: Duration,
    /// Records that arrived before are trimmed for good: what had expired when the retention
    /// was last changed. Never goes back.
    pub trim_floor: Timestamp,
    /// Which change made its retention; 0 for the one it was created with. Never goes back.
    pub retention_change: u64,
}

impl Stream {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut row = vec![if self.retention_change == 0 { 1 } else { STREAM_ROW_VERSION }];
        write_name(&mut row, &self.name);
        write_account(&mut row, self.account);
        row.timestamp(self.created);
        write_span(&mut row, self.retention);
        row.timestamp(self.trim_floor);
        if self.retention_change > 0 {
            row.put_u64(self.retention_change);
        }
        row
    }

    pub(crate) fn decode(uid: StreamUid, row: &Bytes) -> Result<Self, Malformed> {
        let mut reader = Reader::new(row);
        let version = reader.u8("row version")?;
        let mut stream = Stream {
            uid,
            name: read_name(&mut reader)?,
            account: read_account(&mut reader)?,
            created: reader.timestamp("stream created")?,
            retention: read_span(&mut reader, "retention")?,
            trim_floor: reader.timestamp("trim floor")?,
            retention_change: 0,
        };
        if version > 1 {
            let refusal = reader.malformed("change of the retention, from 1");
            stream.retention_change = reader.u64("change of the retention")?;
            if stream.retention_change == 0 {
                return Err(refusal);
            }
        }
        reader.end("stream row")?;
        Ok(stream)
    }

    /// Records that arrived before are not served.
    pub(crate) fn visible_from(&self, trim_clock: Timestamp) -> Timestamp {
        self.trim_floor.max(trim_clock.minus(self.retention))
    }
}

pub(crate) fn write_name(out: &mut Vec<u8>, name: &StreamName) {
    out.string(name.as_str().as_bytes());
}

pub(crate) fn read_name(reader: &mut Reader<'_>) -> Result<StreamName, Malformed> {
    let refusal = reader.malformed("stream name");
    let name = reader.string("stream name")?;
    let name = std::str::from_utf8(&name).ok().and_then(|name| StreamName::new(name).ok());
    name.ok_or(refusal)
}

/// Twelve ASCII digits.
pub(crate) fn write_account(out: &mut Vec<u8>, account: AccountId) {
    out.put_slice(account.to_string().as_bytes());
}

pub(crate) fn read_account(reader: &mut Reader<'_>) -> Result<AccountId, Malformed> {
    let refusal = reader.malformed("account");
    let digits = reader.slice(12, "account")?;
    std::str::from_utf8(&digits).ok().and_then(AccountId::parse).ok_or(refusal)
}
