//! CreateShards: adds shards of one stream to the group.
//!
//! ```text
//! kind u8 = 2 | version u8 = 1 | uid u64 | name length varint | name | account 12 digits
//!   | created ms u48 | retention ms u48 | shard count u32 | shards
//! version 2: then change u64 of the retention
//! shard: id u32 | created s u64 | range start u128 | range end u128 | parent count u8 | parents u32
//! ```

use crate::chunk_key::ShardNo;
use crate::codec::{Malformed, Reader, Writer};
use crate::command;
use crate::effects::Effects;
use crate::group_state::GroupState;
use crate::outcome::{Outcome, Refusal};
use crate::policy::{read_span, write_span};
use crate::row_key::RowKey;
use crate::set_retention::{SetRetention, check_retention};
use crate::shard::{Parents, Shard, ShardState, read_shard, write_shard};
use crate::stream::{Stream, read_account, read_name, write_account, write_name};
use anabranch_types::{AccountId, HashKeyRange, ShardEpoch, StreamName, StreamUid, Timestamp};
use bytes::{BufMut, Bytes};
use std::time::Duration;

/// Adds shards; those that exist already, and are the same, stay as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateShards {
    /// The incarnation of the stream.
    pub stream: StreamUid,
    /// Its name.
    pub name: StreamName,
    /// The account that owns it.
    pub account: AccountId,
    /// When the stream was created.
    pub created: Timestamp,
    /// How long it keeps records; for a stream that the group knows, what it knows stands unless
    /// this is a later change.
    pub retention: Duration,
    /// The shards.
    pub shards: Vec<NewShard>,
    /// Which of the stream's changes made the retention; 0 for the one it was created with.
    pub retention_change: u64,
}

/// A shard to be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewShard {
    /// Its id, and its creation second above those of its parents.
    pub epoch: ShardEpoch,
    /// Its part of the hash key space.
    pub range: HashKeyRange,
    /// Where it comes from.
    pub parents: Parents,
}

impl CreateShards {
    /// The command's bytes.
    pub fn encode(&self) -> Bytes {
        let mut out = vec![command::CREATE_SHARDS, command::version_for(self.retention_change)];
        out.put_u64(self.stream.0);
        write_name(&mut out, &self.name);
        write_account(&mut out, self.account);
        out.timestamp(self.created);
        write_span(&mut out, self.retention);
        out.put_u32(u32::try_from(self.shards.len()).expect("a stream has at most 20,000 shards"));
        for shard in &self.shards {
            write_shard(&mut out, shard.epoch, shard.range, shard.parents);
        }
        command::write_change(&mut out, self.retention_change);
        out.into()
    }

    pub(crate) fn read(reader: &mut Reader<'_>, version: u8) -> Result<Self, Malformed> {
        let stream = StreamUid(reader.u64("stream uid")?);
        let name = read_name(reader)?;
        let account = read_account(reader)?;
        let created = reader.timestamp("stream created")?;
        let retention = read_span(reader, "retention")?;
        let count = reader.u32("shard count")?;
        let shards = (0..count)
            .map(|_| read_shard(reader).map(|(epoch, range, parents)| NewShard { epoch, range, parents }))
            .collect::<Result<_, _>>()?;
        let retention_change = command::read_change(reader, version)?;
        Ok(CreateShards { stream, name, account, created, retention, shards, retention_change })
    }

    /// All of the shards, or none.
    pub(crate) fn apply(self, state: &mut GroupState, effects: &mut Effects) -> Outcome {
        if let Err(refusal) = self.check(state) {
            return Outcome::Refused(refusal);
        }
        let (stream, retention, change) = (self.stream, self.retention, self.retention_change);
        if state.streams.get(&stream).is_some_and(|known| known.retention_change < change) {
            // Its shards here may be so old that nobody told the group of the change.
            SetRetention { stream, retention, change }.retain(state, effects);
        }
        if !state.streams.contains_key(&self.stream) {
            let stream = Stream {
                uid: self.stream,
                name: self.name,
                account: self.account,
                created: self.created,
                retention: self.retention,
                trim_floor: Timestamp::EPOCH,
                retention_change: self.retention_change,
            };
            effects.put_row(RowKey::Stream(stream.uid).encode(), stream.encode());
            state.streams.insert(stream.uid, stream);
        }
        let (mut new, mut existing) = (0, 0);
        for shard in self.shards {
            if state.numbers.contains_key(&(self.stream, shard.epoch.shard)) {
                existing += 1;
            } else {
                add(state, self.stream, shard, effects);
                new += 1;
            }
        }
        Outcome::Created { new, existing }
    }

    fn check(&self, state: &GroupState) -> Result<(), Refusal> {
        if state.policy.is_none() {
            return Err(Refusal::NotInitialized);
        }
        if state.dropped.contains(self.stream) {
            return Err(Refusal::StreamDropped);
        }
        if state.streams.get(&self.stream).is_none_or(|stream| stream.retention_change < self.retention_change) {
            check_retention(state, self.retention)?;
        }
        for wanted in &self.shards {
            if let Some(found) = state.shard(self.stream, wanted.epoch.shard) {
                let same =
                    found.epoch == wanted.epoch && found.range == wanted.range && found.parents == wanted.parents;
                if !same {
                    return Err(Refusal::ShardDiffers(wanted.epoch.shard));
                }
            }
        }
        Ok(())
    }
}

fn add(state: &mut GroupState, stream: StreamUid, shard: NewShard, effects: &mut Effects) {
    let no = ShardNo(state.next_shard);
    state.next_shard = state.next_shard.checked_add(1).expect("four billion shards of one group");
    let NewShard { epoch, range, parents } = shard;
    let shard = Shard { no, stream, epoch, range, parents, state: ShardState::Open, newest: None };
    effects.put_row(RowKey::Shard(no).encode(), shard.encode());
    state.numbers.insert((stream, epoch.shard), no);
    state.shards.insert(no, shard);
}
