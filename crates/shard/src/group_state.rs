//! The state of one replication group: a pure function of the log (D5).
//!
//! It says what storage is to write and what to answer; it does no I/O and reads no clock.
//! The records themselves live in storage alone.

use crate::bucket::{Bucket, Buckets, Keeping};
use crate::chunk_key::ShardNo;
use crate::codec::Reader;
use crate::command::{ApplyError, Command};
use crate::digest::Digest;
use crate::drop_stream::DroppedStreams;
use crate::effects::Effects;
use crate::policy::Policy;
use crate::put_outcome::RequestOutcome;
use crate::requests::RequestTable;
use crate::shard::Shard;
use crate::stream::Stream;
use anabranch_types::{Counter, RequestId, ShardId, StreamUid, Timestamp};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::time::Duration;

/// Everything that apply consults. Every shard's stream is in `streams`; `numbers` and
/// `shards` hold the same shards.
#[derive(Debug, Clone, Default)]
pub struct GroupState {
    /// The newest entry that was applied here; other kinds of entries may be newer.
    pub(crate) applied: u64,
    pub(crate) generation: u8,
    pub(crate) policy: Option<Policy>,
    /// Moved by ticks alone, never back.
    pub(crate) trim_clock: Timestamp,
    pub(crate) next_shard: u32,
    pub(crate) streams: BTreeMap<StreamUid, Stream>,
    pub(crate) shards: BTreeMap<ShardNo, Shard>,
    pub(crate) numbers: BTreeMap<(StreamUid, ShardId), ShardNo>,
    pub(crate) buckets: Buckets,
    pub(crate) requests: RequestTable,
    pub(crate) dropped: DroppedStreams,
    /// Of every chunk's key and checksum that was ever put.
    pub(crate) digest: Digest,
}

impl GroupState {
    /// The state before the first entry.
    pub fn new() -> Self {
        GroupState::default()
    }

    /// Applies one entry: adds to `effects` what storage is to write, and returns the answer,
    /// for [`decode_put_outcome`](crate::decode_put_outcome) or [`Outcome::decode`](crate::Outcome::decode).
    ///
    /// # Errors
    /// [`ApplyError`] when this node cannot read the command; the node must stop. Nothing changed.
    ///
    /// # Panics
    /// When `log_index` does not follow what was applied: an entry must not be applied twice.
    pub fn apply(&mut self, log_index: u64, command: &Bytes, effects: &mut Effects) -> Result<Bytes, ApplyError> {
        let command = Command::decode(log_index, command)?;
        assert!(log_index > self.applied, "entry {log_index} comes after entry {}", self.applied);
        self.applied = log_index;
        let answer = match command {
            Command::Put(put) => put.apply(self, log_index, effects),
            Command::Init(init) => init.apply(self, effects).encode(),
            Command::CreateShards(create) => create.apply(self, effects).encode(),
            Command::DropStream(drop) => drop.apply(self, log_index, effects).encode(),
            Command::Seal(seal) => seal.apply(self, effects).encode(),
            Command::Tick(tick) => tick.apply(self, log_index, effects).encode(),
            Command::SetRetention(set) => set.apply(self, effects).encode(),
        };
        effects.group_row = Some(self.group_row());
        Ok(answer)
    }

    /// The newest entry that was applied here.
    pub fn applied(&self) -> u64 {
        self.applied
    }

    /// The recovery generation; 0 before `Init`.
    pub fn generation(&self) -> u8 {
        self.generation
    }

    /// The policy; none before `Init`.
    pub fn policy(&self) -> Option<&Policy> {
        self.policy.as_ref()
    }

    /// The time that expiry goes by.
    pub fn trim_clock(&self) -> Timestamp {
        self.trim_clock
    }

    /// A stream that has or had shards here.
    pub fn stream(&self, uid: StreamUid) -> Option<&Stream> {
        self.streams.get(&uid)
    }

    /// All streams, by uid.
    pub fn streams(&self) -> impl Iterator<Item = &Stream> {
        self.streams.values()
    }

    /// A shard by its stream and id.
    pub fn shard(&self, stream: StreamUid, shard: ShardId) -> Option<&Shard> {
        self.numbers.get(&(stream, shard)).and_then(|no| self.shards.get(no))
    }

    /// A shard by its number.
    pub fn shard_by_no(&self, no: ShardNo) -> Option<&Shard> {
        self.shards.get(&no)
    }

    /// All shards, by number.
    pub fn shards(&self) -> impl Iterator<Item = &Shard> {
        self.shards.values()
    }

    /// Records are on disk at least so long: the longest retention of the group's streams, at least
    /// the policy's.
    ///
    /// # Panics
    /// Before `Init`.
    pub fn kept_for(&self) -> Duration {
        let policy = self.policy.as_ref().expect("asked of a group that has its policy");
        Keeping { policy, streams: &self.streams }.kept_for()
    }

    /// The buckets that exist, oldest first.
    pub fn buckets(&self) -> impl DoubleEndedIterator<Item = &Bucket> {
        self.buckets.iter()
    }

    /// The bucket that takes chunks now, if one does.
    pub fn open_bucket(&self) -> Option<&Bucket> {
        self.buckets.open.as_ref()
    }

    /// What a request was answered within the window: a leader answers its repetition without
    /// another entry.
    ///
    /// # Panics
    /// When the remembered answer is not one that apply gave.
    pub fn recorded(&self, id: RequestId) -> Option<RequestOutcome> {
        let outcome = self.requests.recorded(id)?;
        Some(RequestOutcome::read(&mut Reader::new(&outcome)).expect("rows are checked when loaded"))
    }

    /// Requests issued before may have been forgotten, and are refused (I12). Never goes back.
    pub fn requests_from(&self) -> Timestamp {
        self.requests.floor.plus(Duration::from_millis(1))
    }

    /// How many requests are remembered.
    pub fn requests_remembered(&self) -> usize {
        self.requests.len()
    }

    /// Records of `shard` that arrived before are not served; never goes back (I11).
    ///
    /// # Panics
    /// When `shard` is not this group's.
    pub fn visible_from(&self, shard: &Shard) -> Timestamp {
        let stream = self.streams.get(&shard.stream).expect("every shard's stream is in the group");
        stream.visible_from(self.trim_clock)
    }

    /// Above every record that was applied, at or below every record that will be: where a
    /// LATEST iterator starts.
    pub fn latest(&self) -> Counter {
        Counter::new(self.generation, self.applied + 1, 0)
    }
}
