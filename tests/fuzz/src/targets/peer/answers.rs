//! Answers of a node, as the calling one reads them.
#![allow(clippy::disallowed_methods, reason = "the called node's end of a connection is a task of its target")]

use super::world::{Book, CALLEE, CALLER, Network, answerer, identity, network};
use crate::input::Input;
use crate::time;
use crate::wire::framed;
use anabranch_catalog::NodeAddresses;
use anabranch_cluster::{
    Attempt, JoinRequest, MetadataNode, PeerLinks, PutItem, PutRecordIn, PutRequest, ReadRequest, ReadStart,
    RemoteStorage, ShardKey, StorageNode, join,
};
use anabranch_consensus::{AppendMessage, MessageKind, Peer, Transport};
use anabranch_runtime::Env;
use anabranch_types::{
    AccountId, Counter, GroupId, HashKey, Incarnation, PartitionKey, ReplicaId, RequestId, ShardId, StreamName,
    StreamUid, Timestamp,
};
use bytes::Bytes;
use futures::StreamExt;
use http::{HeaderMap, HeaderValue, Response};
use http_body_util::{BodyExt, Full};
use hyper::server::conn::http2::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::convert::Infallible;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::DuplexStream;

const PATIENCE: Duration = Duration::from_secs(5);

/// What the called node says to every call.
#[derive(Clone)]
struct Said {
    body: Bytes,
    answerer: HeaderValue,
    status: Option<HeaderValue>,
    /// The details of a status.
    details: Option<HeaderValue>,
}

async fn say(io: DuplexStream, said: Said) {
    let service = service_fn(move |_| {
        let said = said.clone();
        async move {
            let mut trailers = HeaderMap::new();
            let texts = [("grpc-status", said.status), ("grpc-status-details-bin", said.details)];
            for (name, value) in texts {
                value.map(|value| trailers.insert(name, value));
            }
            let body = Full::new(said.body).with_trailers(async { Some(Ok::<_, Infallible>(trailers)) });
            let mut response = Response::new(body);
            response.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
            response.headers_mut().insert("anabranch-answerer-bin", said.answerer);
            Ok::<_, Infallible>(response)
        }
    });
    // It ends when the caller lets go of it, or finds that it is none.
    drop(Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(io), service).await);
}

/// Any answer of a node to any call is one of ours, or an error; what is read of a shard are texts and bytes.
pub fn answers(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let (call, flags) = (input.byte() % 15, input.byte());
    let answerer = if flags & 1 == 0 { Some(answerer().into_bytes()) } else { None };
    let answerer = answerer.unwrap_or_else(|| input.short().to_vec());
    let status = if flags & 2 == 0 { Some(HeaderValue::from_static("0")) } else { text(input.short()) };
    let details = if flags & 4 == 0 { None } else { text(input.short()) };
    let Ok(answerer) = HeaderValue::try_from(answerer) else { return };
    let body = if flags & 8 == 0 { framed(input.rest()) } else { Bytes::copy_from_slice(input.rest()) };
    time::run(async {
        let (network, mut listener) = network();
        let said = Said { body, answerer, status, details };
        tokio::spawn(async move {
            while let Some(io) = listener.0.recv().await {
                tokio::spawn(say(io, said.clone()));
            }
        });
        ask(call, &network).await;
    });
}

fn text(bytes: &[u8]) -> Option<HeaderValue> {
    HeaderValue::from_bytes(bytes).ok()
}

/// Makes one of the calls; how it ends does not matter, but it ends.
async fn ask(call: u8, network: &Network) {
    let env = Env::simulated(Timestamp::EPOCH, 1);
    let links = PeerLinks::new(identity(CALLER), Arc::new(Book), network.options(), env.clone());
    let (storage, metadata, group) = (links.storage(CALLEE), links.metadata(CALLEE), GroupId(1));
    let shard = ShardKey { stream: StreamUid(1), shard: ShardId(1) };
    match call {
        0 => drop(storage.put(Arc::new(put(shard)), Attempt::First).await),
        1 => read(&storage, shard).await,
        2 => drop(storage.locate(group, shard, ReadStart::Latest).await),
        3 => drop(storage.drop_stream(group, shard.stream).await),
        4 => drop(storage.state_hash(group).await),
        5 => drop(storage.report().await),
        6 => drop(metadata.create_stream(RequestId(1), AccountId::DEFAULT, name(), NonZeroU32::MIN).await),
        7 => drop(metadata.delete_stream(AccountId::DEFAULT, name()).await),
        8 => drop(metadata.propose(Bytes::new()).await),
        9 => drop(metadata.version().await),
        10 => {
            let addresses = NodeAddresses::new("a:1", "a:2").expect("two addresses");
            let request = JoinRequest { incarnation: Incarnation(7), addresses, feature_level: 1 };
            drop(join("node:1", &request, network.options(), &env, PATIENCE).await);
        }
        14 => drop(storage.seal(group, shard.stream, Arc::new([shard.shard])).await),
        _ => carry(call, &links).await,
    }
    env.tasks.shutdown(PATIENCE).await.expect("all tasks end");
}

fn name() -> StreamName {
    StreamName::new("orders").expect("a name")
}

fn put(shard: ShardKey) -> PutRequest {
    let record = PutRecordIn {
        hash_key: HashKey::MIN,
        partition_key: PartitionKey::new("key".to_owned()).expect("a key"),
        data: Bytes::new(),
    };
    let items = vec![PutItem { shard, records: vec![record] }];
    PutRequest { group: GroupId(1), request_id: RequestId(1), issued: Timestamp::EPOCH, items }
}

async fn read(storage: &RemoteStorage, shard: ShardKey) {
    let (from, wait_max) = (Counter::ZERO, Duration::ZERO);
    let (records_max, bytes_max, subscription) = (9, 99, None);
    let request = ReadRequest { group: GroupId(1), shard, from, records_max, bytes_max, wait_max, subscription };
    let records = storage.read(request).await.map(|reply| reply.records).unwrap_or_default();
    let texts = records.iter().all(|record| std::str::from_utf8(&record.partition_key).is_ok());
    assert!(texts, "keys are texts: {records:?}");
}

/// What consensus sends.
async fn carry(call: u8, links: &PeerLinks) {
    let to = Peer { group: GroupId(1), replica: ReplicaId(2), node: CALLEE };
    match call {
        11 => drop(links.ask(to, MessageKind::Vote, Bytes::new(), PATIENCE).await),
        12 => drop(links.fetch(to, Bytes::new(), PATIENCE).await),
        _ => {
            let messages = futures::stream::iter([AppendMessage::new(Bytes::new(), Vec::new())]).boxed();
            if let Ok(answers) = links.append(to, messages, PATIENCE).await {
                let answers: Vec<_> = answers.collect().await;
                let errors = answers.iter().filter(|answer| answer.is_err()).count();
                assert!(errors <= 1, "a stream ends with its first error: {answers:?}");
            }
        }
    }
}
