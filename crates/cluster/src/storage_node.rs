//! What a storage node does for the others.

use crate::error::NodeError;
use crate::status::GroupReport;
use anabranch_catalog::{Ending, Shard};
use anabranch_limiter::Bucket;
use anabranch_types::{
    AccountId, Counter, GroupId, HashKey, MapVersion, NodeId, PartitionKey, ReplicaId, RequestId, ShardId, StreamName,
    StreamUid, Timestamp,
};
use bytes::Bytes;
use futures::future::BoxFuture;
use std::sync::Arc;
use std::time::Duration;

/// Names a shard inside a group, whatever its stream is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ShardKey {
    /// The stream.
    pub stream: StreamUid,
    /// The shard.
    pub shard: ShardId,
}

/// A record on its way in.
#[derive(Debug, Clone)]
pub struct PutRecordIn {
    /// Where it routes; inside its shard's range.
    pub hash_key: HashKey,
    /// Kept with it.
    pub partition_key: PartitionKey,
    /// Its bytes.
    pub data: Bytes,
}

/// Records for one shard, in the client's order.
#[derive(Debug, Clone)]
pub struct PutItem {
    /// The shard.
    pub shard: ShardKey,
    /// Its records, at least one.
    pub records: Vec<PutRecordIn>,
}

/// Records of one client call for one group.
#[derive(Debug, Clone)]
pub struct PutRequest {
    /// The group.
    pub group: GroupId,
    /// Stays the same however often the call is retried (I12).
    pub request_id: RequestId,
    /// When the client's call came in; a retry older than the group's window fails (I12).
    pub issued: Timestamp,
    /// One per shard.
    pub items: Vec<PutItem>,
}

/// Whether an earlier try of the same request may have been applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// Nobody has taken the request yet.
    First,
    /// The outcome of an earlier try is unknown: this one asks for it, or makes it happen (I12).
    Again,
}

/// What became of one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordFate {
    /// Durable on a majority.
    Stored {
        /// Its place in the shard.
        counter: Counter,
        /// Its arrival time.
        arrival: Timestamp,
    },
    /// Not written: the shard's budget is used up.
    Throttled {
        /// Which budget.
        bucket: Bucket,
        /// When the same record fits.
        retry_after: Duration,
    },
    /// Not written: the shard is closed. The map that sent it here is old.
    Closed,
    /// Not written: the shard is not in this group, or the key not in the shard's range.
    Misrouted,
    /// Not written now, and it may have been written by an earlier try that nobody remembers.
    TooOld,
}

/// One list of fates per item, in the request's order.
#[derive(Debug, Clone)]
pub struct PutReply {
    /// Same shape as [`PutRequest::items`] and their records.
    pub fates: Vec<Vec<RecordFate>>,
}

/// Where to begin to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadStart {
    /// After everything acknowledged so far.
    Latest,
    /// At the first record that arrived at or after this time.
    AtTimestamp(Timestamp),
}

/// Asks for records of one shard.
#[derive(Debug, Clone, Copy)]
pub struct ReadRequest {
    /// The group.
    pub group: GroupId,
    /// The shard.
    pub shard: ShardKey,
    /// The first counter wanted.
    pub from: Counter,
    /// Records at the most.
    pub records_max: usize,
    /// Data and key bytes at the most; one record is answered even if it is larger.
    pub bytes_max: u64,
    /// Zero answers at once. Longer is a follower's read: at the tip it waits so long for a record,
    /// and it takes from the shard's read bytes only, not from its read calls.
    pub wait_max: Duration,
    /// Whose read it is, when it is a registered consumer's: then it takes from the consumer's bytes
    /// only.
    pub subscription: Option<SubscriptionRead>,
}

/// A read of a registered consumer's subscription. A consumer has one at a shard; its leader knows
/// which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubscriptionRead {
    /// The consumer.
    pub consumer: MapVersion,
    /// The subscription: the id of the call that began it.
    pub subscription: RequestId,
    /// When it began, by the clock of the gateway that serves it.
    pub begun: Timestamp,
    /// Whether it begins with this read; asked again, it begins but once.
    pub begins: bool,
}

/// A record on its way out.
#[derive(Debug, Clone)]
pub struct RecordOut {
    /// Its place in the shard.
    pub counter: Counter,
    /// Its arrival time.
    pub arrival: Timestamp,
    /// Its partition key, UTF-8.
    pub partition_key: Bytes,
    /// Its bytes.
    pub data: Bytes,
}

/// Records of one shard, by counter, without gaps.
#[derive(Debug, Clone)]
pub struct ReadReply {
    /// The records.
    pub records: Vec<RecordOut>,
    /// Where to read on; never below the request's `from` (I5).
    pub next: Counter,
    /// How far the reply's end is behind the shard's newest record; 0 at the tip.
    pub millis_behind_latest: u64,
    /// The shard is closed and the reply reaches its end.
    pub ended: bool,
}

/// Shards of one stream to be created in one group.
#[derive(Debug, Clone)]
pub struct NewShards {
    /// The stream.
    pub stream: StreamUid,
    /// Its owner; kept so that a lost catalog can be rebuilt (D8).
    pub account: AccountId,
    /// Its name, kept for the same reason.
    pub name: StreamName,
    /// How long records are kept.
    pub retention: Duration,
    /// The shards.
    pub shards: Vec<Shard>,
    /// Which of the stream's changes made the retention; 0 for the one it was created with.
    pub retention_change: MapVersion,
}

/// How long a stream keeps its records from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewRetention {
    /// The stream.
    pub stream: StreamUid,
    /// How long records are kept.
    pub retention: Duration,
    /// Which of the stream's changes it is: a group that knows a later one stays with that.
    pub change: MapVersion,
}

/// The logical state of a replica at one moment: replicas of a group that have applied the same have
/// the same hash (I9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateHash {
    /// The newest command applied.
    pub applied: u64,
    /// Of everything that was applied up to it.
    pub hash: u64,
}

/// A node that hosts replication groups. Every method but [`StorageNode::report`] and
/// [`StorageNode::state_hash`] is refused with
/// [`NodeError::NotLeader`] by a node that does not lead the group.
pub trait StorageNode: Send + Sync + 'static {
    /// Writes records; answers when each is durable on a majority (D2) or refused.
    fn put(&self, request: Arc<PutRequest>, attempt: Attempt) -> BoxFuture<'_, Result<PutReply, NodeError>>;

    /// Reads records: sees everything acknowledged before the call began.
    fn read(&self, request: ReadRequest) -> BoxFuture<'_, Result<ReadReply, NodeError>>;

    /// Finds the counter to begin to read at.
    fn locate(&self, group: GroupId, shard: ShardKey, start: ReadStart) -> BoxFuture<'_, Result<Counter, NodeError>>;

    /// Creates shards of a stream. Creating them again changes nothing.
    fn create_shards(&self, group: GroupId, new: Arc<NewShards>) -> BoxFuture<'_, Result<(), NodeError>>;

    /// Closes shards of a stream for good, and answers how each ended, in their order. Closing them
    /// again gets the first time's answer.
    fn seal(
        &self,
        group: GroupId,
        stream: StreamUid,
        shards: Arc<[ShardId]>,
    ) -> BoxFuture<'_, Result<Vec<Ending>, NodeError>>;

    /// Drops a stream's shards. Dropping them again changes nothing.
    fn drop_stream(&self, group: GroupId, stream: StreamUid) -> BoxFuture<'_, Result<(), NodeError>>;

    /// Changes how long a stream's records are kept, durably on a majority. The same change again, or
    /// an earlier one, changes nothing. What has expired stays so.
    fn set_retention(&self, group: GroupId, new: NewRetention) -> BoxFuture<'_, Result<(), NodeError>>;

    /// Hands leadership of `group` to replica `to` and waits until it leads. Calls that come
    /// meanwhile find the new leader.
    fn transfer_leader(&self, group: GroupId, to: ReplicaId) -> BoxFuture<'_, Result<(), NodeError>>;

    /// The node that leads `group` as far as the replica here knows, without asking anybody; none when
    /// it knows of none, or when the role is not in this process.
    fn leader(&self, _group: GroupId) -> Option<NodeId> {
        None
    }

    /// What the replica of `group` on this node has applied, whoever leads (I9).
    fn state_hash(&self, group: GroupId) -> BoxFuture<'_, Result<StateHash, NodeError>>;

    /// The replicas of data groups on this node, whoever leads.
    fn report(&self) -> BoxFuture<'_, Result<Vec<GroupReport>, NodeError>>;
}
