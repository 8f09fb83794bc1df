//! A stream and its shards, as gateways see them in a snapshot.

use crate::codec::{fields, variants};
use crate::shard::Shard;
use anabranch_types::{AccountId, GroupId, HashKey, MapVersion, RequestId, ShardId, StreamName, StreamUid, Timestamp};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// A stream's life. Source: AWS API model, shape StreamStatus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamStatus {
    /// Its shards are not yet known to their groups.
    Creating,
    /// It takes reads and writes.
    Active,
    /// It is being resharded or reconfigured and takes reads and writes.
    Updating,
    /// Its records are being dropped.
    Deleting,
}

variants!(StreamStatus { 1 => Creating {}, 2 => Active {}, 3 => Updating {}, 4 => Deleting {} });

/// What a stream's shards may carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamLimits {
    /// The quotas of the service (`anabranch_types::limits`).
    AwsDefaults,
}

variants!(StreamLimits { 1 => AwsDefaults {} });

/// A stream without its shards: one row, rewritten when anything here changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    /// This stream, from creation to deletion; a stream created again has another.
    pub uid: StreamUid,
    /// The owner.
    pub account: AccountId,
    /// Unique in the account.
    pub name: StreamName,
    /// When it was created.
    pub created: Timestamp,
    /// Where it stands in its life.
    pub status: StreamStatus,
    /// How long records are kept.
    pub retention: Duration,
    /// Data and partition key of one record, at most.
    pub max_record_bytes: u64,
    /// What its shards may carry.
    pub limits: StreamLimits,
    /// The call that created it; the same call repeated gets the same answer (I12).
    pub request: RequestId,
    /// Above every shard id it ever had.
    pub next_shard: ShardId,
    /// The map version that last changed this stream or one of its shards.
    pub version: MapVersion,
}

fields!(Stream {
    uid,
    account,
    name,
    created,
    status,
    retention,
    max_record_bytes,
    limits,
    request,
    next_shard,
    version
});

/// An open shard in the order of hash keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OpenShard {
    /// The highest hash key of its range.
    pub end: HashKey,
    /// Its place in the list of shards.
    pub place: usize,
}

/// A stream with its shards. Shared and never changed; a change makes a new one, and one that
/// leaves the shards alone shares them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamMap {
    /// The stream without its shards.
    pub stream: Stream,
    /// By id, open and closed.
    shards: Arc<Vec<Shard>>,
    /// The open ones by range; they tile the hash key space (I6).
    pub(crate) open: Arc<Vec<OpenShard>>,
}

impl StreamMap {
    /// Indexes `shards`, in any order. Whether they tile is for `check`.
    pub(crate) fn new(stream: Stream, mut shards: Vec<Shard>) -> Self {
        shards.sort_unstable_by_key(|shard| shard.id);
        let mut open: Vec<OpenShard> = (shards.iter().enumerate())
            .filter(|(_, shard)| shard.is_open())
            .map(|(place, shard)| OpenShard { end: shard.range.end(), place })
            .collect();
        open.sort_unstable_by_key(|shard| shard.end);
        StreamMap { stream, shards: Arc::new(shards), open: Arc::new(open) }
    }

    /// The same shards under another header.
    pub(crate) fn with_stream(&self, stream: Stream) -> Self {
        StreamMap { stream, shards: Arc::clone(&self.shards), open: Arc::clone(&self.open) }
    }

    /// Every shard, open and closed, by id.
    pub fn shards(&self) -> &[Shard] {
        &self.shards
    }

    /// The shard of an id; none when the stream has none such.
    pub fn shard(&self, id: ShardId) -> Option<&Shard> {
        self.shards.binary_search_by_key(&id, |shard| shard.id).ok().map(|place| &self.shards[place])
    }

    /// The open shard whose range holds `key`. What the stream's status allows is for the
    /// caller to say.
    pub fn route(&self, key: HashKey) -> &Shard {
        let place = self.open.partition_point(|open| open.end < key);
        let open = self.open.get(place).expect("I6: the open ranges end at the highest hash key");
        &self.shards[open.place]
    }

    /// The open shards in the order of their ranges.
    pub fn open_shards(&self) -> impl ExactSizeIterator<Item = &Shard> {
        self.open.iter().map(|open| &self.shards[open.place])
    }

    /// How many shards take records.
    pub fn open_count(&self) -> u32 {
        u32::try_from(self.open.len()).expect("shard ids have 31 bits")
    }

    /// The shards made by splitting or merging `parent`.
    pub fn children(&self, parent: ShardId) -> impl Iterator<Item = &Shard> {
        let first = self.shards.partition_point(|shard| shard.id <= parent);
        self.shards[first..].iter().filter(move |shard| shard.parents.contain(parent))
    }

    /// The groups that hold its shards, each once, by id.
    pub fn groups(&self) -> Vec<GroupId> {
        let groups: BTreeSet<GroupId> = self.shards.iter().map(|shard| shard.group).collect();
        groups.into_iter().collect()
    }
}
