//! A gateway before a catalog that tests drive, and storage that keeps no record.

use crate::{Gateway, GatewayOptions};
use anabranch_api::{
    ErrorCode, GetRecords, GetShardIterator, IteratorStart, Kinesis, Principal, RequestContext, ShardIterator,
    StreamSelector,
};
use anabranch_catalog::{
    ActivateStream, BeginDeleteStream, BeginReshard, Bootstrap, Catalog, Command, CommitReshard, CreateStream, Ending,
    FEATURE_LEVEL, NodeAddresses, ReshardStep, RotateTokenKey, SealParents, StreamMap, TokenSecret,
};
use anabranch_cluster::{
    Attempt, ClusterView, CreateStreamReply, GroupReport, MetadataNode, NewRetention, NewShards, NodeError, PutReply,
    PutRequest, ReadReply, ReadRequest, ReadStart, RecordFate, Router, ShardKey, StateHash, StorageNode, ViewWatch,
};
use anabranch_limiter::Bucket;
use anabranch_runtime::Env;
use anabranch_types::*;
use bytes::Bytes;
use futures::future::{BoxFuture, pending, ready};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// A moment of 2025.
pub const START: Timestamp = Timestamp::from_millis(1_742_000_000_000);

pub struct World {
    pub gateway: Arc<Gateway>,
    /// What [`World::of_level`] stores in.
    pub storage: Arc<Shards>,
    pub metadata: Silent,
}

/// An account's call, with time enough.
pub fn context() -> RequestContext {
    RequestContext {
        request_id: RequestId(1),
        principal: Principal { access_key: Arc::from("key") },
        account: AccountId::DEFAULT,
        region: Region::parse("eu-west-1").expect("a region"),
        deadline: Duration::MAX,
    }
}

pub fn named(name: &str) -> StreamSelector {
    StreamSelector::by_name(StreamName::new(name).expect("valid"))
}

impl World {
    /// A bootstrapped cluster at [`START`]. To be made inside a runtime whose time is paused.
    pub fn new() -> Self {
        World::of_level(FEATURE_LEVEL)
    }

    /// The same, of nodes of a feature level.
    pub fn of_level(feature_level: u16) -> Self {
        let storage = Arc::new(Shards::default());
        World { storage: Arc::clone(&storage), ..World::over(feature_level, storage) }
    }

    /// The same, over storage of the test's own.
    pub fn over(feature_level: u16, storage: Arc<dyn StorageNode>) -> Self {
        let env = Env::simulated(START, 1);
        let view = ViewWatch::new(ClusterView { map: Arc::default(), keys: None, feature_level: 0 });
        let router = Router::new(BTreeMap::from([(NodeId(1), storage)]), env.clone());
        let metadata = Silent { asked: Arc::default(), log: Arc::default(), view: view.clone() };
        let gateway = Gateway::new(view, router, Arc::new(metadata.clone()), env, GatewayOptions::default());
        let mut world = World { gateway: Arc::new(gateway), storage: Arc::default(), metadata };
        world.apply(Bootstrap {
            cluster: ClusterId(7),
            node: NodeId(1),
            incarnation: Incarnation(11),
            addresses: NodeAddresses::new("10.0.0.1:4600", "10.0.0.1:4567").expect("valid"),
            feature_level,
            data_groups: 1,
            token_secret: TokenSecret::new([1; 32]),
            now: START,
        });
        world
    }

    /// How often the leader of the catalog was asked.
    pub fn asked(&self) -> u32 {
        self.metadata.asked.load(Ordering::Relaxed)
    }

    pub fn apply<C: Command<Refused: std::fmt::Debug>>(&mut self, command: C) -> C::Done {
        let outcome = self.metadata.apply(&command.encode());
        C::decode_outcome(&outcome).expect("an outcome of this command").expect("not refused")
    }

    /// A stream whose creation has begun.
    pub fn create(&mut self, name: &str, shards: u32) -> StreamUid {
        let request = RequestId(u128::from(self.metadata.log.lock().index));
        let command = CreateStream {
            account: AccountId::DEFAULT,
            name: StreamName::new(name).expect("valid"),
            shard_count: NonZeroU32::new(shards).expect("from 1"),
            now: self.gateway.now(),
            shard_limit: 20_000,
            request,
        };
        self.apply(command).uid
    }

    /// A stream that takes traffic.
    pub fn active(&mut self, name: &str, shards: u32) -> Arc<StreamMap> {
        let uid = self.create(name, shards);
        self.activate(uid);
        self.gateway.view.load().map.stream(uid).cloned().expect("just created")
    }

    /// Ends a stream's creation.
    pub fn activate(&mut self, uid: StreamUid) {
        self.apply(ActivateStream { uid });
    }

    /// Begins to delete a stream.
    pub fn delete(&mut self, name: &str) {
        let name = StreamName::new(name).expect("valid");
        self.apply(BeginDeleteStream { account: AccountId::DEFAULT, name });
    }

    /// Records a reshard and seals its parents, in the catalog and in storage.
    pub fn seal(&mut self, uid: StreamUid, step: ReshardStep) {
        let (steps, request) = (vec![step], RequestId(u128::from(self.metadata.log.lock().index)));
        let begin = BeginReshard { uid, steps, now: self.gateway.now(), shard_limit: 20_000, request };
        let round = self.apply(begin).version;
        self.apply(SealParents { uid, round });
        let map = self.stream(uid);
        self.storage.closed.lock().extend(map.round().expect("under way").parents());
    }

    /// From now on the gateway's node hears of the catalog when it asks the leader.
    pub fn lag(&self) {
        self.metadata.log.lock().held_back = Some(ClusterView::clone(&self.gateway.view.load()));
    }

    /// Opens the children of a reshard.
    pub fn commit(&mut self, uid: StreamUid) {
        let (now, map) = (self.gateway.now(), self.stream(uid));
        let round = map.round().expect("under way");
        let ending = |id| Ending { epoch: map.shard(id).expect("a parent").epoch(), closed: now };
        let endings = round.parents().into_iter().map(ending).collect();
        self.apply(CommitReshard { uid, round: round.id, endings, now });
    }

    fn stream(&self, uid: StreamUid) -> Arc<StreamMap> {
        self.gateway.view.load().map.stream(uid).cloned().expect("a stream")
    }

    /// Brings the next token key into use.
    pub fn rotate(&mut self) {
        let secret = TokenSecret::new([self.metadata.log.lock().index as u8 + 1; 32]);
        self.apply(RotateTokenKey { secret, now: self.gateway.now() });
    }

    /// Lets time pass.
    pub async fn pass(&self, span: Duration) {
        self.gateway.env.sleep(span).await;
    }

    pub async fn iterator(&self, stream: &str, start: IteratorStart) -> Result<ShardIterator, ErrorCode> {
        let request = GetShardIterator { stream: named(stream), shard: "shardId-000000000000".to_owned(), start };
        self.gateway.get_shard_iterator(&context(), request).await.map_err(|error| error.code)
    }

    /// Reads on from `iterator`; the next one.
    pub async fn read(&self, iterator: &ShardIterator) -> Result<ShardIterator, ErrorCode> {
        let iterator = iterator.clone();
        let request = GetRecords { iterator, limit: None, stream_arn: None, bytes_max: None, wait_max: Duration::ZERO };
        let answer = self.gateway.get_records(&context(), request).await.map_err(|error| error.code)?;
        Ok(answer.next.expect("no shard here ever ends"))
    }
}

/// Storage that takes every record and forgets it, unless its shard is closed.
#[derive(Default)]
pub struct Shards {
    pub closed: Mutex<BTreeSet<ShardId>>,
    /// Each put: its call, and a shard's records.
    pub puts: Mutex<Vec<(RequestId, ShardId, Vec<Bytes>)>>,
}

/// What a put is answered whose records nobody keeps.
fn taken(request: &PutRequest) -> PutReply {
    let stored = RecordFate::Stored { counter: Counter::new(0, 1, 0), arrival: request.issued };
    PutReply { fates: request.items.iter().map(|item| vec![stored; item.records.len()]).collect() }
}

impl StorageNode for Shards {
    fn put(&self, request: Arc<PutRequest>, _: Attempt) -> BoxFuture<'_, Result<PutReply, NodeError>> {
        let mut reply = taken(&request);
        for (item, fates) in request.items.iter().zip(&mut reply.fates) {
            let data = item.records.iter().map(|record| record.data.clone()).collect();
            self.puts.lock().push((request.request_id, item.shard.shard, data));
            if self.closed.lock().contains(&item.shard.shard) {
                fates.fill(RecordFate::Closed);
            }
        }
        Box::pin(ready(Ok(reply)))
    }

    fn read(&self, request: ReadRequest) -> BoxFuture<'_, Result<ReadReply, NodeError>> {
        let ended = self.closed.lock().contains(&request.shard.shard);
        let reply = ReadReply { records: Vec::new(), next: request.from, millis_behind_latest: 0, ended };
        Box::pin(ready(Ok(reply)))
    }

    fn locate(&self, _: GroupId, _: ShardKey, _: ReadStart) -> BoxFuture<'_, Result<Counter, NodeError>> {
        Box::pin(ready(Ok(Counter::ZERO)))
    }

    fn create_shards(&self, _: GroupId, _: Arc<NewShards>) -> BoxFuture<'_, Result<(), NodeError>> {
        Box::pin(ready(Ok(())))
    }

    fn seal(&self, _: GroupId, _: StreamUid, _: Arc<[ShardId]>) -> BoxFuture<'_, Result<Vec<Ending>, NodeError>> {
        Box::pin(pending())
    }

    fn set_retention(&self, _: GroupId, _: NewRetention) -> BoxFuture<'_, Result<(), NodeError>> {
        Box::pin(ready(Ok(())))
    }

    fn drop_stream(&self, _: GroupId, _: StreamUid) -> BoxFuture<'_, Result<(), NodeError>> {
        Box::pin(ready(Ok(())))
    }

    fn transfer_leader(&self, _: GroupId, _: ReplicaId) -> BoxFuture<'_, Result<(), NodeError>> {
        Box::pin(ready(Ok(())))
    }

    fn state_hash(&self, _: GroupId) -> BoxFuture<'_, Result<StateHash, NodeError>> {
        Box::pin(ready(Ok(StateHash { applied: 0, hash: 0 })))
    }

    fn report(&self) -> BoxFuture<'_, Result<Vec<GroupReport>, NodeError>> {
        Box::pin(ready(Ok(Vec::new())))
    }
}

type Answer = dyn Fn(usize, &ReadRequest) -> (Duration, Result<ReadReply, NodeError>) + Send + Sync;

/// Storage whose reads are answered by the test; all else as [`Shards`].
pub struct Reads {
    env: Env,
    seen: Mutex<Vec<ReadRequest>>,
    answer: Box<Answer>,
}

impl Reads {
    /// Where a reader begins who wants what comes from now on.
    pub const TIP: Counter = Counter::from_bits(7 << 16).expect("63 bits");
    /// What is used up when a read is throttled.
    pub const BUCKET: Bucket = Bucket::ReadBytes;

    /// `answer` says of each read, counted from 0, when it is answered and how.
    pub fn answering(
        answer: impl Fn(usize, &ReadRequest) -> (Duration, Result<ReadReply, NodeError>) + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Reads { env: Env::simulated(START, 1), seen: Mutex::default(), answer: Box::new(answer) })
    }

    /// The reads so far.
    pub fn seen(&self) -> Vec<ReadRequest> {
        self.seen.lock().clone()
    }
}

impl StorageNode for Reads {
    fn put(&self, request: Arc<PutRequest>, _: Attempt) -> BoxFuture<'_, Result<PutReply, NodeError>> {
        Box::pin(ready(Ok(taken(&request))))
    }

    fn read(&self, request: ReadRequest) -> BoxFuture<'_, Result<ReadReply, NodeError>> {
        let nth = self.seen.lock().len();
        self.seen.lock().push(request);
        let (after, answer) = (self.answer)(nth, &request);
        Box::pin(async move {
            self.env.sleep(after).await;
            answer
        })
    }

    fn locate(&self, _: GroupId, _: ShardKey, _: ReadStart) -> BoxFuture<'_, Result<Counter, NodeError>> {
        Box::pin(ready(Ok(Self::TIP)))
    }

    fn create_shards(&self, _: GroupId, _: Arc<NewShards>) -> BoxFuture<'_, Result<(), NodeError>> {
        Box::pin(ready(Ok(())))
    }

    fn seal(&self, _: GroupId, _: StreamUid, _: Arc<[ShardId]>) -> BoxFuture<'_, Result<Vec<Ending>, NodeError>> {
        Box::pin(pending())
    }

    fn set_retention(&self, _: GroupId, _: NewRetention) -> BoxFuture<'_, Result<(), NodeError>> {
        Box::pin(ready(Ok(())))
    }

    fn drop_stream(&self, _: GroupId, _: StreamUid) -> BoxFuture<'_, Result<(), NodeError>> {
        Box::pin(ready(Ok(())))
    }

    fn transfer_leader(&self, _: GroupId, _: ReplicaId) -> BoxFuture<'_, Result<(), NodeError>> {
        Box::pin(ready(Ok(())))
    }

    fn state_hash(&self, _: GroupId) -> BoxFuture<'_, Result<StateHash, NodeError>> {
        Box::pin(ready(Ok(StateHash { applied: 0, hash: 0 })))
    }

    fn report(&self) -> BoxFuture<'_, Result<Vec<GroupReport>, NodeError>> {
        Box::pin(ready(Ok(Vec::new())))
    }
}

/// A metadata service that creates no streams and finishes no deletions: tests do that themselves.
/// What it is proposed it applies. It counts how often it is asked for its version.
#[derive(Clone)]
pub struct Silent {
    asked: Arc<AtomicU32>,
    log: Arc<Mutex<Log>>,
    view: ViewWatch,
}

#[derive(Default)]
struct Log {
    catalog: Catalog,
    index: u64,
    /// What the gateway's node has not heard of yet.
    held_back: Option<ClusterView>,
}

impl Silent {
    /// Applies a command and shows the gateway what came of it.
    fn apply(&self, command: &Bytes) -> Bytes {
        let mut log = self.log.lock();
        log.index += 1;
        let index = log.index;
        let outcome = log.catalog.apply(index, command, &mut Vec::new()).expect("a known command");
        let (map, keys) = (log.catalog.shard_map(), log.catalog.token_keys().cloned());
        let feature_level = log.catalog.cluster().map_or(0, |cluster| cluster.feature_level);
        let view = ClusterView { map, keys, feature_level };
        match &mut log.held_back {
            Some(held_back) => *held_back = view,
            None => self.view.publish(view),
        }
        outcome
    }
}

impl MetadataNode for Silent {
    fn create_stream(
        &self,
        _: RequestId,
        _: AccountId,
        _: StreamName,
        _: NonZeroU32,
    ) -> BoxFuture<'_, Result<CreateStreamReply, NodeError>> {
        Box::pin(pending())
    }

    fn delete_stream(&self, account: AccountId, name: StreamName) -> BoxFuture<'_, Result<bool, NodeError>> {
        let outcome = self.apply(&BeginDeleteStream { account, name }.encode());
        let begun = BeginDeleteStream::decode_outcome(&outcome).expect("an outcome of this command");
        Box::pin(ready(Ok(begun.is_ok())))
    }

    fn propose(&self, command: Bytes) -> BoxFuture<'_, Result<Bytes, NodeError>> {
        Box::pin(ready(Ok(self.apply(&command))))
    }

    fn version(&self) -> BoxFuture<'_, Result<MapVersion, NodeError>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if let Some(view) = self.log.lock().held_back.take() {
            self.view.publish(view);
        }
        Box::pin(ready(Ok(MapVersion(0))))
    }
}
