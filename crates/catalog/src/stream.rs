//! A stream and its shards, as gateways see them in a snapshot.

use crate::codec::{DecodeError, Field, Reader, fields, variants};
use crate::consumer::{Consumer, Consumers};
use crate::reshard::{ReshardHistory, Round, Scaling};
use crate::retention::RetentionChanges;
use crate::rows::RowValue;
use crate::shard::Shard;
use crate::tagging::Tagging;
use anabranch_types::{
    AccountId, ConsumerName, GroupId, HashKey, MapVersion, RequestId, ShardId, StreamName, StreamUid, Tags, Timestamp,
};
use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

/// A stream's life. Source: AWS API model, shape StreamStatus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamStatus {
    /// Its shards are not yet known to their groups.
    Creating,
    /// It takes reads and writes.
    Active,
    /// It is being resharded, or its retention changed, and takes reads and writes.
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
    /// How long records are kept at least: while a longer retention is pending, the one before it.
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
    /// What is recorded of changes of its retention.
    pub retention_changes: RetentionChanges,
    /// The last calls that changed `max_record_bytes`, oldest first; at most
    /// [`SETTING_CALLS_REMEMBERED`](crate::limits::SETTING_CALLS_REMEMBERED).
    pub record_size_calls: Vec<RequestId>,
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
    version,
    retention_changes,
    record_size_calls
});

impl Stream {
    /// The longest that one of its groups may keep its records: a longer retention that is pending
    /// is in force where it is known.
    pub fn kept_for(&self) -> Duration {
        self.retention_changes.pending.map_or(self.retention, |pending| pending.max(self.retention))
    }

    /// How long a group that learns of the stream now is to keep its records.
    pub fn retention_wanted(&self) -> Duration {
        self.retention_changes.pending.unwrap_or(self.retention)
    }
}

impl RowValue for Stream {
    const WHAT: &'static str = "stream row";
    const VERSION: u8 = 2;

    fn version(&self) -> u8 {
        let first = self.retention_changes == RetentionChanges::default() && self.record_size_calls.is_empty();
        if first { 1 } else { 2 }
    }

    /// Version 1 is version 2 without its last two fields.
    fn write_row(&self, out: &mut Vec<u8>) {
        self.uid.write(out);
        self.account.write(out);
        self.name.write(out);
        self.created.write(out);
        self.status.write(out);
        self.retention.write(out);
        self.max_record_bytes.write(out);
        self.limits.write(out);
        self.request.write(out);
        self.next_shard.write(out);
        self.version.write(out);
        if RowValue::version(self) > 1 {
            self.retention_changes.write(out);
            self.record_size_calls.write(out);
        }
    }

    fn read_row(version: u8, input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if version > 1 {
            return Stream::read(input);
        }
        Ok(Stream {
            uid: Field::read(input)?,
            account: Field::read(input)?,
            name: Field::read(input)?,
            created: Field::read(input)?,
            status: Field::read(input)?,
            retention: Field::read(input)?,
            max_record_bytes: Field::read(input)?,
            limits: Field::read(input)?,
            request: Field::read(input)?,
            next_shard: Field::read(input)?,
            version: Field::read(input)?,
            retention_changes: RetentionChanges::default(),
            record_size_calls: Vec::new(),
        })
    }
}

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
    /// Splits and merges under way.
    round: Option<Arc<Round>>,
    history: Option<Arc<ReshardHistory>>,
    consumers: Arc<Consumers>,
    tagging: Option<Arc<Tagging>>,
}

/// The tags of a stream without any.
static NO_TAGS: Tags = Tags::new();

impl StreamMap {
    /// Indexes `shards`, in any order. Whether they tile is for `check`.
    pub(crate) fn new(stream: Stream, mut shards: Vec<Shard>) -> Self {
        shards.sort_unstable_by_key(|shard| shard.id);
        let mut open: Vec<OpenShard> = (shards.iter().enumerate())
            .filter(|(_, shard)| shard.is_open())
            .map(|(place, shard)| OpenShard { end: shard.range.end(), place })
            .collect();
        open.sort_unstable_by_key(|shard| shard.end);
        let (shards, open, consumers) = (Arc::new(shards), Arc::new(open), Arc::default());
        StreamMap { stream, shards, open, round: None, history: None, consumers, tagging: None }
    }

    /// The same shards under another header.
    pub(crate) fn with_stream(&self, stream: Stream) -> Self {
        StreamMap { stream, ..self.clone() }
    }

    /// Other shards of the same stream, in any order.
    pub(crate) fn with_shards(&self, shards: Vec<Shard>) -> Self {
        let StreamMap { shards, open, .. } = StreamMap::new(self.stream.clone(), shards);
        StreamMap { shards, open, ..self.clone() }
    }

    pub(crate) fn with_round(&self, round: Option<Round>) -> Self {
        StreamMap { round: round.map(Arc::new), ..self.clone() }
    }

    pub(crate) fn with_history(&self, history: Option<ReshardHistory>) -> Self {
        StreamMap { history: history.map(Arc::new), ..self.clone() }
    }

    pub(crate) fn with_consumers(&self, consumers: Consumers) -> Self {
        StreamMap { consumers: Arc::new(consumers), ..self.clone() }
    }

    /// Its consumers, and what is remembered of calls about them.
    pub(crate) fn consumer_rows(&self) -> &Consumers {
        &self.consumers
    }

    /// Its registered consumers, by name.
    pub fn consumers(&self) -> impl Iterator<Item = &Consumer> {
        self.consumers.by_name.values()
    }

    /// The registered consumer of a name.
    pub fn consumer(&self, name: &ConsumerName) -> Option<&Consumer> {
        self.consumers.by_name.get(name)
    }

    /// How many consumers are registered.
    pub fn consumer_count(&self) -> u32 {
        u32::try_from(self.consumers.by_name.len()).expect("the limit has 32 bits")
    }

    /// At most `limit` consumers whose names follow `after`, and whether more follow them.
    pub fn consumers_after(&self, after: Option<&ConsumerName>, limit: usize) -> (Vec<&Consumer>, bool) {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut following = self.consumers.by_name.range((from, Bound::Unbounded)).map(|(_, consumer)| consumer);
        let page = following.by_ref().take(limit).collect();
        (page, following.next().is_some())
    }

    pub(crate) fn with_tagging(&self, tagging: Option<Tagging>) -> Self {
        StreamMap { tagging: tagging.map(Arc::new), ..self.clone() }
    }

    /// Whether both have the very same list of shards.
    pub(crate) fn shares_shards_of(&self, other: &StreamMap) -> bool {
        Arc::ptr_eq(&self.shards, &other.shards)
    }

    /// The splits and merges under way: what controllers carry out. None of its children is among
    /// the stream's shards.
    pub fn round(&self) -> Option<&Arc<Round>> {
        self.round.as_ref()
    }

    /// What is kept of its reshards.
    pub(crate) fn history(&self) -> Option<&ReshardHistory> {
        self.history.as_deref()
    }

    /// The UpdateShardCount under way.
    pub fn scaling(&self) -> Option<Scaling> {
        self.history.as_ref().and_then(|history| history.scaling)
    }

    /// Its tags, by key.
    pub fn tags(&self) -> &Tags {
        self.tagging.as_ref().map_or(&NO_TAGS, |tagging| &tagging.tags)
    }

    /// What is kept of its tags and of the calls that changed them.
    pub(crate) fn tagging(&self) -> Option<&Tagging> {
        self.tagging.as_deref()
    }

    /// When the latest of the shards ended that were removed since their records had expired.
    pub(crate) fn removed_until(&self) -> Timestamp {
        self.history.as_ref().map_or(Timestamp::EPOCH, |history| history.removed_until)
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

    /// Whether closed shards of it were taken out of the catalog since their records had expired: a group
    /// may hold rows of them that [`StreamMap::groups`] does not name any more.
    pub fn has_removed_shards(&self) -> bool {
        self.removed_until() > Timestamp::EPOCH
    }

    /// The groups that hold its shards or those in preparation, each once, by id.
    pub fn groups(&self) -> Vec<GroupId> {
        let children = self.round.iter().flat_map(|round| &round.children);
        let groups: BTreeSet<GroupId> = self.shards.iter().chain(children).map(|shard| shard.group).collect();
        groups.into_iter().collect()
    }

    /// The open shards as they will be when the round under way is committed, in no order.
    pub(crate) fn open_after_round(&self) -> impl Iterator<Item = &Shard> {
        let closing = self.round.as_ref().map(|round| round.parents()).unwrap_or_default();
        let staying = self.open_shards().filter(move |shard| !closing.contains(&shard.id));
        staying.chain(self.round.iter().flat_map(|round| &round.children))
    }

    /// What counts against the account's limit: the open shards, or those that a reshard under way
    /// ends with if they are more.
    pub(crate) fn counted_shards(&self) -> u32 {
        let after = u32::try_from(self.open_after_round().count()).expect("shard ids have 31 bits");
        let target = self.scaling().map_or(0, |scaling| scaling.target);
        self.open_count().max(after).max(target)
    }
}
