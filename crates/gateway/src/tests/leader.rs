//! A gateway before a leader of the catalog that carries out what it is asked, on streams without
//! records.

use crate::{Gateway, GatewayOptions};
use anabranch_api::{CreateStream, Kinesis, RequestContext};
use anabranch_catalog::{
    ActivateStream, BeginDeleteStream, Bootstrap, Catalog, Command, CreateStreamRefused, FinishDeleteStream,
    NodeAddresses, TokenSecret,
};
use anabranch_cluster::{ClusterView, CreateStreamReply, MetadataNode, NodeError, Router, StorageNode, ViewWatch};
use anabranch_runtime::Env;
use anabranch_types::*;
use bytes::Bytes;
use futures::future::{BoxFuture, ready};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use super::world::{START, context};

/// A gateway and the leader behind it.
pub struct Led {
    pub gateway: Gateway,
    pub leader: Leader,
}

/// The leader of the catalog. Clones are the same.
#[derive(Clone)]
pub struct Leader {
    state: Arc<Mutex<State>>,
    view: ViewWatch,
}

#[derive(Default)]
struct State {
    catalog: Catalog,
    index: u64,
    /// What the next proposal is answered with, in place of being applied.
    failure: Option<NodeError>,
    /// Whether the gateway's view stays as it is until the gateway asks for the newest.
    lags: bool,
    proposals: u32,
}

impl Led {
    /// A cluster of feature level `level`. To be made inside a runtime whose time is paused.
    pub fn at_level(level: u16) -> Self {
        let env = Env::simulated(START, 1);
        let view = ViewWatch::new(ClusterView { map: Arc::default(), keys: None, feature_level: 0 });
        let leader = Leader { state: Arc::default(), view: view.clone() };
        let router = Router::new(BTreeMap::<NodeId, Arc<dyn StorageNode>>::new(), env.clone());
        let gateway = Gateway::new(view, router, Arc::new(leader.clone()), env, GatewayOptions::default());
        let bootstrap = Bootstrap {
            cluster: ClusterId(7),
            node: NodeId(1),
            incarnation: Incarnation(11),
            addresses: NodeAddresses::new("10.0.0.1:4600", "10.0.0.1:4567").expect("valid"),
            feature_level: level,
            data_groups: 1,
            token_secret: TokenSecret::new([1; 32]),
            now: START,
        };
        leader.apply(&bootstrap).expect("the first bootstrap");
        Led { gateway, leader }
    }

    /// The same, of this build's level.
    pub fn new() -> Self {
        Led::at_level(anabranch_catalog::FEATURE_LEVEL)
    }

    /// Makes a stream without tags.
    pub async fn create(&self, name: &str) {
        let request = CreateStream { tags: Tags::new(), ..create_stream(name) };
        self.gateway.create_stream(&call(1_000), request).await.expect("a new stream");
    }
}

/// CreateStream of one shard.
pub fn create_stream(name: &str) -> CreateStream {
    let name = StreamName::new(name).expect("valid");
    CreateStream { name, shard_count: NonZeroU32::MIN, tags: Tags::new() }
}

/// A call of its own.
pub fn call(request: u128) -> RequestContext {
    RequestContext { request_id: RequestId(request), ..context() }
}

impl Leader {
    fn apply<C: Command>(&self, command: &C) -> Result<C::Done, C::Refused> {
        C::decode_outcome(&self.apply_bytes(&command.encode())).expect("an outcome of this command")
    }

    fn apply_bytes(&self, command: &Bytes) -> Bytes {
        let mut state = self.state.lock();
        state.index += 1;
        let index = state.index;
        let outcome = state.catalog.apply(index, command, &mut Vec::new()).expect("a known command");
        if !state.lags {
            self.show(&state.catalog);
        }
        outcome
    }

    fn show(&self, catalog: &Catalog) {
        let feature_level = catalog.cluster().map_or(0, |cluster| cluster.feature_level);
        let (map, keys) = (catalog.shard_map(), catalog.token_keys().cloned());
        self.view.publish(ClusterView { map, keys, feature_level });
    }

    /// The next proposal fails.
    pub fn fail(&self, failure: NodeError) {
        self.state.lock().failure = Some(failure);
    }

    /// The gateway's view follows only when it asks.
    pub fn lag(&self) {
        self.state.lock().lags = true;
    }

    /// How often a command was proposed.
    pub fn proposals(&self) -> u32 {
        self.state.lock().proposals
    }

    /// Deletes a stream, or only begins to.
    pub fn delete(&self, name: &str, finish: bool) {
        let command = BeginDeleteStream { account: AccountId::DEFAULT, name: StreamName::new(name).expect("valid") };
        let uid = self.apply(&command).expect("the stream exists").uid;
        if finish {
            self.apply(&FinishDeleteStream { uid }).expect("its deletion began");
        }
    }

    /// Makes a stream for somebody else.
    pub fn create(&self, request: u128, name: &str) -> CreateStreamReply {
        let command = anabranch_catalog::CreateStream {
            account: AccountId::DEFAULT,
            name: StreamName::new(name).expect("valid"),
            shard_count: NonZeroU32::MIN,
            now: START,
            shard_limit: 20_000,
            request: RequestId(request),
        };
        match self.apply(&command) {
            Ok(created) => {
                self.apply(&ActivateStream { uid: created.uid }).expect("created");
                CreateStreamReply::Created
            }
            Err(CreateStreamRefused::Exists { .. }) => CreateStreamReply::Exists,
            Err(refused) => panic!("{refused}"),
        }
    }
}

impl MetadataNode for Leader {
    fn create_stream(
        &self,
        request: RequestId,
        _: AccountId,
        name: StreamName,
        _: NonZeroU32,
    ) -> BoxFuture<'_, Result<CreateStreamReply, NodeError>> {
        Box::pin(ready(Ok(self.create(request.0, name.as_str()))))
    }

    fn delete_stream(&self, _: AccountId, name: StreamName) -> BoxFuture<'_, Result<bool, NodeError>> {
        self.delete(name.as_str(), true);
        Box::pin(ready(Ok(true)))
    }

    fn propose(&self, command: Bytes) -> BoxFuture<'_, Result<Bytes, NodeError>> {
        let failure = {
            let mut state = self.state.lock();
            state.proposals += 1;
            state.failure.take()
        };
        Box::pin(ready(failure.map_or_else(|| Ok(self.apply_bytes(&command)), Err)))
    }

    fn version(&self) -> BoxFuture<'_, Result<MapVersion, NodeError>> {
        let state = self.state.lock();
        self.show(&state.catalog);
        Box::pin(ready(Ok(state.catalog.shard_map().version())))
    }
}
