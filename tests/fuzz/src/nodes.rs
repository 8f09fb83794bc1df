//! The roles of a node: they keep what they were asked, and answer what the input says.

use crate::input::Input;
use anabranch_catalog::Ending;
use anabranch_cluster::{
    Attempt, CreateStreamReply, GroupReport, JoinNode, JoinReply, JoinRequest, MemberReport, MetadataNode,
    NewRetention, NewShards, NodeError, PutReply, PutRequest, ReadReply, ReadRequest, ReadStart, RecordFate, RecordOut,
    ShardKey, StateHash, StorageNode, Welcome,
};
use anabranch_types::{
    AccountId, ClusterId, Counter, GroupId, MapVersion, NodeId, ReplicaId, RequestId, ShardEpoch, ShardId, StreamName,
    StreamUid, Timestamp,
};
use bytes::Bytes;
use futures::FutureExt;
use futures::future::{BoxFuture, ready};
use parking_lot::Mutex;
use std::num::NonZeroU32;
use std::sync::Arc;

/// What a role was asked.
#[derive(Debug, Clone)]
pub enum Heard {
    /// Records are to be written.
    Put(Arc<PutRequest>, Attempt),
    /// Records are to be read.
    Read(ReadRequest),
    /// A place in a shard is looked for.
    Locate(GroupId, ShardKey, ReadStart),
    /// Shards are to be made.
    Create(GroupId, Arc<NewShards>),
    /// Shards are to be closed.
    Seal(GroupId, StreamUid, Arc<[ShardId]>),
    /// A stream's shards are to be dropped.
    Drop(GroupId, StreamUid),
    /// A stream's records are to be kept so long.
    Retain(GroupId, NewRetention),
    /// A leader is to hand over.
    Transfer(GroupId, ReplicaId),
    /// A replica's state is to be told.
    Hash(GroupId),
    /// All replicas are to be told of.
    Report,
    /// A stream is to be made.
    CreateStream(RequestId, AccountId, StreamName, NonZeroU32),
    /// A stream is to be deleted.
    DeleteStream(AccountId, StreamName),
    /// A command is to be replicated.
    Propose(Bytes),
    /// The catalog's version is to be told.
    Version,
    /// A directory wants to join.
    Join(JoinRequest),
}

/// All roles of one node.
#[derive(Default)]
pub struct Nodes {
    heard: Mutex<Vec<Heard>>,
    told: Mutex<String>,
    answers: Vec<u8>,
}

impl Nodes {
    /// Roles that answer what `answers` says.
    #[must_use]
    pub fn answering(answers: &[u8]) -> Self {
        Nodes { answers: answers.to_vec(), ..Nodes::default() }
    }

    /// What was asked since the last look.
    pub fn take_heard(&self) -> Vec<Heard> {
        std::mem::take(&mut self.heard.lock())
    }

    /// The last answer, printed.
    pub fn last_told(&self) -> String {
        self.told.lock().clone()
    }

    fn answer<T: std::fmt::Debug + Send + 'static>(
        &self,
        heard: Heard,
        make: impl FnOnce(&mut Input<'_>) -> T,
    ) -> BoxFuture<'_, Result<T, NodeError>> {
        self.heard.lock().push(heard);
        let mut input = Input::new(&self.answers);
        let answer = if input.byte() == 255 { Err(error(&mut input)) } else { Ok(make(&mut input)) };
        *self.told.lock() = format!("{answer:?}");
        ready(answer).boxed()
    }
}

fn text(input: &mut Input<'_>) -> String {
    String::from_utf8_lossy(input.short()).into_owned()
}

fn error(input: &mut Input<'_>) -> NodeError {
    let group = GroupId(input.u32());
    match input.byte() % 5 {
        0 => NodeError::NotLeader { group, leader: (input.byte() & 1 != 0).then(|| NodeId(input.u64())) },
        1 => NodeError::Unknown { reason: text(input) },
        2 => NodeError::Unavailable { reason: text(input) },
        3 => NodeError::NoSuchShard { group },
        4 => NodeError::SubscriptionTakenOver,
        _ => NodeError::Damaged { reason: text(input) },
    }
}

fn many<T>(input: &mut Input<'_>, one: impl Fn(&mut Input<'_>) -> T) -> Vec<T> {
    let count = input.byte() % 8;
    (0..count).map(|_| one(input)).collect()
}

fn counter(input: &mut Input<'_>) -> Counter {
    Counter::from_bits(input.u64() >> 1).expect("63 bits")
}

fn time(input: &mut Input<'_>) -> Timestamp {
    Timestamp::from_millis(input.u64())
}

fn fate(input: &mut Input<'_>) -> RecordFate {
    match input.byte() % 4 {
        0 => RecordFate::Stored { counter: counter(input), arrival: time(input) },
        1 => RecordFate::Closed,
        2 => RecordFate::Misrouted,
        _ => RecordFate::TooOld,
    }
}

fn record(input: &mut Input<'_>) -> RecordOut {
    RecordOut {
        counter: counter(input),
        arrival: time(input),
        // Whoever wrote it checked that it is a text.
        partition_key: Bytes::from(text(input)),
        data: Bytes::copy_from_slice(input.short()),
    }
}

fn report(input: &mut Input<'_>) -> GroupReport {
    let one = |input: &mut Input<'_>| MemberReport {
        replica: ReplicaId(input.u64()),
        node: NodeId(input.u64()),
        votes: input.byte() & 1 != 0,
        lag_entries: (input.byte() & 1 != 0).then(|| input.u64()),
    };
    GroupReport {
        group: GroupId(input.u32()),
        replica: ReplicaId(input.u64()),
        members: many(input, one),
        leader: (input.byte() & 1 != 0).then(|| ReplicaId(input.u64())),
        term: input.u64(),
        applied: (input.byte() & 1 != 0).then(|| input.u64()),
        flushed: (input.byte() & 1 != 0).then(|| input.u64()),
        failure: (input.byte() & 1 != 0).then(|| text(input)),
    }
}

impl StorageNode for Nodes {
    fn put(&self, request: Arc<PutRequest>, attempt: Attempt) -> BoxFuture<'_, Result<PutReply, NodeError>> {
        self.answer(Heard::Put(request, attempt), |input| PutReply { fates: many(input, |input| many(input, fate)) })
    }

    fn read(&self, request: ReadRequest) -> BoxFuture<'_, Result<ReadReply, NodeError>> {
        self.answer(Heard::Read(request), |input| ReadReply {
            records: many(input, record),
            // Reads never go back.
            next: request.from.max(counter(input)),
            millis_behind_latest: input.u64(),
            ended: input.byte() & 1 != 0,
        })
    }

    fn locate(&self, group: GroupId, shard: ShardKey, start: ReadStart) -> BoxFuture<'_, Result<Counter, NodeError>> {
        self.answer(Heard::Locate(group, shard, start), counter)
    }

    fn create_shards(&self, group: GroupId, new: Arc<NewShards>) -> BoxFuture<'_, Result<(), NodeError>> {
        self.answer(Heard::Create(group, new), |_| ())
    }

    fn seal(
        &self,
        group: GroupId,
        stream: StreamUid,
        shards: Arc<[ShardId]>,
    ) -> BoxFuture<'_, Result<Vec<Ending>, NodeError>> {
        let ending = |input: &mut Input<'_>| {
            let epoch = ShardEpoch { created_s: input.u64(), shard: ShardId(input.u32()) };
            Ending { epoch, closed: time(input) }
        };
        self.answer(Heard::Seal(group, stream, shards), |input| many(input, ending))
    }

    fn drop_stream(&self, group: GroupId, stream: StreamUid) -> BoxFuture<'_, Result<(), NodeError>> {
        self.answer(Heard::Drop(group, stream), |_| ())
    }

    fn set_retention(&self, group: GroupId, new: NewRetention) -> BoxFuture<'_, Result<(), NodeError>> {
        self.answer(Heard::Retain(group, new), |_| ())
    }

    fn transfer_leader(&self, group: GroupId, to: ReplicaId) -> BoxFuture<'_, Result<(), NodeError>> {
        self.answer(Heard::Transfer(group, to), |_| ())
    }

    fn state_hash(&self, group: GroupId) -> BoxFuture<'_, Result<StateHash, NodeError>> {
        self.answer(Heard::Hash(group), |input| StateHash { applied: input.u64(), hash: input.u64() })
    }

    fn report(&self) -> BoxFuture<'_, Result<Vec<GroupReport>, NodeError>> {
        self.answer(Heard::Report, |input| many(input, report))
    }
}

impl MetadataNode for Nodes {
    fn create_stream(
        &self,
        request: RequestId,
        account: AccountId,
        name: StreamName,
        shards: NonZeroU32,
    ) -> BoxFuture<'_, Result<CreateStreamReply, NodeError>> {
        self.answer(Heard::CreateStream(request, account, name, shards), |input| match input.byte() % 3 {
            0 => CreateStreamReply::Created,
            1 => CreateStreamReply::Exists,
            _ => CreateStreamReply::ShardLimit { current: input.u64(), limit: input.u64() },
        })
    }

    fn delete_stream(&self, account: AccountId, name: StreamName) -> BoxFuture<'_, Result<bool, NodeError>> {
        self.answer(Heard::DeleteStream(account, name), |input| input.byte() & 1 != 0)
    }

    fn propose(&self, command: Bytes) -> BoxFuture<'_, Result<Bytes, NodeError>> {
        self.answer(Heard::Propose(command), |input| Bytes::copy_from_slice(input.short()))
    }

    fn version(&self) -> BoxFuture<'_, Result<MapVersion, NodeError>> {
        self.answer(Heard::Version, |input| MapVersion(input.u64()))
    }
}

impl JoinNode for Nodes {
    fn join(&self, request: JoinRequest) -> BoxFuture<'_, Result<JoinReply, NodeError>> {
        self.answer(Heard::Join(request), |input| match input.byte() % 3 {
            0 => JoinReply::NoCluster,
            1 => JoinReply::Refused { reason: text(input) },
            _ => JoinReply::Welcome(Welcome {
                cluster: ClusterId(u128::from(input.u64()) << 60),
                node: NodeId(input.u64()),
                metadata_replica: ReplicaId(input.u64()),
            }),
        })
    }
}
