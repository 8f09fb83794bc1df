//! Replicas and roles that do as they are told.

use anabranch_catalog::Ending;
use anabranch_cluster::{
    Attempt, CreateStreamReply, GroupReport, JoinNode, JoinReply, JoinRequest, MetadataNode, NewRetention, NewShards,
    NodeError, PutReply, PutRequest, ReadReply, ReadRequest, ReadStart, Replicas, Role, Served, ShardKey, StateHash,
    StorageNode,
};
use anabranch_consensus::{MessageKind, Peer, Refused, Replica, ReplicaAnswers};
use anabranch_types::{
    AccountId, Counter, GroupId, MapVersion, NodeId, ReplicaId, RequestId, ShardEpoch, ShardId, StreamName, StreamUid,
    Timestamp,
};
use bytes::Bytes;
use futures::future::{BoxFuture, pending};
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use parking_lot::Mutex;
use std::num::NonZeroU32;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Replica 2 on node 2.
pub fn peer(group: u32) -> Peer {
    Peer { group: GroupId(group), replica: ReplicaId(2), node: NodeId(2) }
}

/// Answers each message with its length and its last byte.
pub struct Echo(pub u32);

/// What [`Echo`] answers to `message`.
pub fn echoed(message: &[u8]) -> Bytes {
    Bytes::from(format!("{} {:?}", message.len(), message.last()))
}

impl Replica for Echo {
    fn group(&self) -> GroupId {
        GroupId(self.0)
    }

    fn replica(&self) -> ReplicaId {
        ReplicaId(2)
    }

    fn answer(&self, _: MessageKind, body: Bytes) -> BoxFuture<'static, Result<Bytes, Refused>> {
        async move { Ok(echoed(&body)) }.boxed()
    }

    fn append(&self, messages: BoxStream<'static, Bytes>) -> ReplicaAnswers {
        messages.map(|message| Ok(echoed(&message))).boxed()
    }

    /// The first byte, as often as the second says, in 4 KiB.
    fn fetch(&self, request: Bytes) -> BoxFuture<'static, Result<Bytes, Refused>> {
        let piece = match request[..] {
            [byte, count] => Ok(Bytes::from(vec![byte; usize::from(count) << 12])),
            _ => Err(Refused::NoSuchPiece { reason: "two bytes name a piece".to_owned() }),
        };
        async move { piece }.boxed()
    }
}

/// Takes no message of an append stream, and tells when it lets go of one.
pub struct Stuck {
    pub group: u32,
    pub let_go: mpsc::Sender<()>,
}

impl Replica for Stuck {
    fn group(&self) -> GroupId {
        GroupId(self.group)
    }

    fn replica(&self) -> ReplicaId {
        ReplicaId(2)
    }

    fn answer(&self, _: MessageKind, _: Bytes) -> BoxFuture<'static, Result<Bytes, Refused>> {
        pending().boxed()
    }

    fn append(&self, messages: BoxStream<'static, Bytes>) -> ReplicaAnswers {
        let told = Tells(self.let_go.clone());
        let never = async move {
            let _held = (messages, told);
            pending().await
        };
        futures::stream::once(never).boxed()
    }

    fn fetch(&self, _: Bytes) -> BoxFuture<'static, Result<Bytes, Refused>> {
        pending().boxed()
    }
}

/// Tells of its end.
pub struct Tells(pub mpsc::Sender<()>);

impl Drop for Tells {
    fn drop(&mut self) {
        let _ = self.0.try_send(());
    }
}

pub fn serving(replicas: impl IntoIterator<Item = Arc<dyn Replica>>) -> Served {
    let table = Replicas::default();
    replicas.into_iter().for_each(|replica| table.insert(replica));
    Served { replicas: table, ..Served::default() }
}

pub fn storing(storage: Arc<dyn StorageNode>) -> Served {
    Served { storage: Role::of(storage), ..Served::default() }
}

/// Answers what it was given, and remembers what it was asked.
pub struct Script {
    pub put: Mutex<Result<PutReply, NodeError>>,
    pub read: Mutex<Result<ReadReply, NodeError>>,
    pub done: Mutex<Result<(), NodeError>>,
    pub created: Mutex<Result<CreateStreamReply, NodeError>>,
    pub reports: Mutex<Result<Vec<GroupReport>, NodeError>>,
    pub joined: Mutex<Result<JoinReply, NodeError>>,
    pub asked: Mutex<Vec<String>>,
}

impl Default for Script {
    fn default() -> Self {
        let read = ReadReply { records: Vec::new(), next: Counter::ZERO, millis_behind_latest: 0, ended: false };
        Script {
            put: Mutex::new(Ok(PutReply { fates: Vec::new() })),
            read: Mutex::new(Ok(read)),
            done: Mutex::new(Ok(())),
            created: Mutex::new(Ok(CreateStreamReply::Created)),
            reports: Mutex::new(Ok(Vec::new())),
            joined: Mutex::new(Ok(JoinReply::NoCluster)),
            asked: Mutex::default(),
        }
    }
}

impl Script {
    fn asked<T: Clone + Send + 'static>(&self, what: String, answer: &Mutex<T>) -> BoxFuture<'static, T> {
        self.asked.lock().push(what);
        let answer = answer.lock().clone();
        async move { answer }.boxed()
    }
}

impl StorageNode for Script {
    fn put(&self, request: Arc<PutRequest>, attempt: Attempt) -> BoxFuture<'_, Result<PutReply, NodeError>> {
        self.asked(format!("{request:?} {attempt:?}"), &self.put)
    }

    fn read(&self, request: ReadRequest) -> BoxFuture<'_, Result<ReadReply, NodeError>> {
        self.asked(format!("{request:?}"), &self.read)
    }

    fn locate(&self, group: GroupId, shard: ShardKey, start: ReadStart) -> BoxFuture<'_, Result<Counter, NodeError>> {
        let done = self.asked(format!("{group:?} {shard:?} {start:?}"), &self.done);
        async move { done.await.map(|()| Counter::END) }.boxed()
    }

    fn create_shards(&self, group: GroupId, new: Arc<NewShards>) -> BoxFuture<'_, Result<(), NodeError>> {
        self.asked(format!("{group:?} {new:?}"), &self.done)
    }

    fn seal(
        &self,
        group: GroupId,
        stream: StreamUid,
        shards: Arc<[ShardId]>,
    ) -> BoxFuture<'_, Result<Vec<Ending>, NodeError>> {
        let done = self.asked(format!("{group:?} {stream:?} {shards:?}"), &self.done);
        let ending = |shard: &ShardId| {
            let epoch = ShardEpoch { created_s: u64::MAX, shard: *shard };
            Ending { epoch, closed: Timestamp::from_millis(u64::from(shard.0)) }
        };
        async move { done.await.map(|()| shards.iter().map(ending).collect()) }.boxed()
    }

    fn drop_stream(&self, group: GroupId, stream: StreamUid) -> BoxFuture<'_, Result<(), NodeError>> {
        self.asked(format!("{group:?} {stream:?}"), &self.done)
    }

    fn set_retention(&self, group: GroupId, new: NewRetention) -> BoxFuture<'_, Result<(), NodeError>> {
        self.asked(format!("{group:?} {new:?}"), &self.done)
    }

    fn transfer_leader(&self, group: GroupId, to: ReplicaId) -> BoxFuture<'_, Result<(), NodeError>> {
        self.asked(format!("{group:?} {to:?}"), &self.done)
    }

    fn state_hash(&self, group: GroupId) -> BoxFuture<'_, Result<StateHash, NodeError>> {
        let done = self.asked(format!("hash of {group:?}"), &self.done);
        async move { done.await.map(|()| StateHash { applied: 7, hash: u64::MAX }) }.boxed()
    }

    fn report(&self) -> BoxFuture<'_, Result<Vec<GroupReport>, NodeError>> {
        self.asked("report".to_owned(), &self.reports)
    }
}

impl MetadataNode for Script {
    fn create_stream(
        &self,
        request: RequestId,
        account: AccountId,
        name: StreamName,
        shards: NonZeroU32,
    ) -> BoxFuture<'_, Result<CreateStreamReply, NodeError>> {
        self.asked(format!("{request:?} {account:?} {name:?} {shards:?}"), &self.created)
    }

    fn delete_stream(&self, account: AccountId, name: StreamName) -> BoxFuture<'_, Result<bool, NodeError>> {
        let done = self.asked(format!("{account:?} {name:?}"), &self.done);
        async move { done.await.map(|()| true) }.boxed()
    }

    fn propose(&self, command: Bytes) -> BoxFuture<'_, Result<Bytes, NodeError>> {
        let done = self.asked(format!("{command:?}"), &self.done);
        async move { done.await.map(|()| Bytes::from_static(b"applied")) }.boxed()
    }

    fn version(&self) -> BoxFuture<'_, Result<MapVersion, NodeError>> {
        let done = self.asked("version".to_owned(), &self.done);
        async move { done.await.map(|()| MapVersion(42)) }.boxed()
    }
}

impl JoinNode for Script {
    fn join(&self, request: JoinRequest) -> BoxFuture<'_, Result<JoinReply, NodeError>> {
        self.asked(format!("{request:?}"), &self.joined)
    }
}

/// A storage role that answers nothing and tells when it is told to stop.
pub struct Silent(pub mpsc::Sender<()>);

impl StorageNode for Silent {
    fn put(&self, _: Arc<PutRequest>, _: Attempt) -> BoxFuture<'_, Result<PutReply, NodeError>> {
        self.wait()
    }

    fn read(&self, _: ReadRequest) -> BoxFuture<'_, Result<ReadReply, NodeError>> {
        self.wait()
    }

    fn locate(&self, _: GroupId, _: ShardKey, _: ReadStart) -> BoxFuture<'_, Result<Counter, NodeError>> {
        self.wait()
    }

    fn create_shards(&self, _: GroupId, _: Arc<NewShards>) -> BoxFuture<'_, Result<(), NodeError>> {
        self.wait()
    }

    fn seal(&self, _: GroupId, _: StreamUid, _: Arc<[ShardId]>) -> BoxFuture<'_, Result<Vec<Ending>, NodeError>> {
        self.wait()
    }

    fn drop_stream(&self, _: GroupId, _: StreamUid) -> BoxFuture<'_, Result<(), NodeError>> {
        self.wait()
    }

    fn set_retention(&self, _: GroupId, _: NewRetention) -> BoxFuture<'_, Result<(), NodeError>> {
        self.wait()
    }

    fn transfer_leader(&self, _: GroupId, _: ReplicaId) -> BoxFuture<'_, Result<(), NodeError>> {
        self.wait()
    }

    fn state_hash(&self, _: GroupId) -> BoxFuture<'_, Result<StateHash, NodeError>> {
        self.wait()
    }

    fn report(&self) -> BoxFuture<'_, Result<Vec<GroupReport>, NodeError>> {
        self.wait()
    }
}

impl Silent {
    fn wait<T: Send + 'static>(&self) -> BoxFuture<'_, Result<T, NodeError>> {
        let told = Tells(self.0.clone());
        async move {
            let _held = told;
            pending().await
        }
        .boxed()
    }
}
