//! The gRPC API of a real node, on the port of everything else.

use crate::node::{Node, page};
use anabranch_proto::v1::produce_request::Step;
use anabranch_proto::v1::records_client::RecordsClient;
use anabranch_proto::v1::starting_position::{Here, Start};
use anabranch_proto::v1::streams_client::StreamsClient;
use anabranch_proto::v1::*;
use futures::future::BoxFuture;
use futures::stream::{StreamExt, select_all};
use hyper::body::Incoming;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustix::process::Signal;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::task::{Context, Poll};
use tokio::sync::mpsc;
use tonic::body::Body;
use tonic::codegen::{Service, http};
use tonic::{Code, Streaming};

/// A connection as tonic's clients use it.
#[derive(Clone)]
struct Link(SendRequest<Body>);

impl Link {
    async fn to(address: SocketAddr) -> Link {
        let socket = tokio::net::TcpStream::connect(address).await.expect("it listens");
        let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(socket)).await.expect("HTTP/2");
        tokio::spawn(connection);
        Link(sender)
    }
}

impl Service<http::Request<Body>> for Link {
    type Response = http::Response<Incoming>;
    type Error = hyper::Error;
    type Future = BoxFuture<'static, Result<http::Response<Incoming>, hyper::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), hyper::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, mut request: http::Request<Body>) -> Self::Future {
        let path = request.uri().path().to_owned();
        *request.uri_mut() = format!("http://node{path}").parse().expect("a uri");
        Box::pin(self.0.send_request(request))
    }
}

fn orders() -> Option<StreamRef> {
    Some(StreamRef { by: Some(stream_ref::By::Name("orders".to_owned())) })
}

fn said(step: Step) -> ProduceRequest {
    ProduceRequest { step: Some(step) }
}

async fn follow(link: &Link, shard: &str) -> Streaming<FollowResponse> {
    let position = Some(StartingPosition { start: Some(Start::TrimHorizon(Here {})) });
    let request = FollowRequest { stream: orders(), shard_id: shard.to_owned(), position };
    RecordsClient::new(link.clone()).follow(request).await.expect("followed").into_inner()
}

/// More than the limits of two shards let pass at once: the node has to try some again.
const BATCHES: u64 = 40;
const BATCH_RECORDS: u64 = 100;
const KEYS: u64 = 17;

#[tokio::test]
async fn what_is_produced_is_followed_in_the_order_of_its_keys_until_the_node_drains() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut node = Node::start(directory.path(), &[]);
    let address = node.ready();
    let link = Link::to(address).await;
    let mut streams = StreamsClient::new(link.clone());
    streams.create_stream(CreateStreamRequest { name: "orders".to_owned(), shard_count: 2 }).await.expect("created");
    let request = ListShardsRequest { stream: orders(), ..ListShardsRequest::default() };
    let shards = streams.list_shards(request).await.expect("listed").into_inner().shards;
    let mut followers = Vec::new();
    for shard in &shards {
        followers.push(follow(&link, &shard.shard_id).await);
    }

    let (says, heard) = mpsc::channel(4);
    let messages = futures::stream::unfold(heard, |mut heard| async { heard.recv().await.map(|next| (next, heard)) });
    says.send(said(Step::Open(ProduceOpen { stream: orders(), record_timeout: None }))).await.expect("room");
    let mut answers = RecordsClient::new(link.clone()).produce(messages).await.expect("open").into_inner();
    // Nothing may be sent before there are credits for it.
    let granted = answers.message().await.expect("answers").expect("credits").credits.expect("credits");
    assert!(granted.records >= BATCHES * BATCH_RECORDS, "{granted:?}");
    tokio::spawn(async move {
        for batch in 1..=BATCHES {
            let record = |nth: u64| {
                let number = (batch - 1) * BATCH_RECORDS + nth;
                let partition_key = format!("key {}", number % KEYS);
                let data = number.to_string().into();
                ProduceRecord { number, entry: Some(PutEntry { partition_key, explicit_hash_key: None, data }) }
            };
            let records = (1..=BATCH_RECORDS).map(record).collect();
            says.send(said(Step::Batch(ProduceBatch { batch, records }))).await.expect("the stream is open");
        }
    });
    let mut stored = BTreeMap::new();
    while let Some(message) = answers.message().await.expect("answers") {
        assert_eq!(message.failed, Vec::new());
        stored.extend(message.stored.into_iter().map(|stored| (stored.number, stored.sequence_number)));
    }
    assert_eq!(stored.len() as u64, BATCHES * BATCH_RECORDS, "each is answered, then the stream ends");

    let mut by_key: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    let (mut followers, mut read) = (select_all(followers), 0);
    while read < stored.len() {
        let message = followers.next().await.expect("they go on").expect("they go on");
        read += message.records.len();
        for record in message.records {
            let number = std::str::from_utf8(&record.data).expect("text").parse().expect("a number");
            assert_eq!(record.sequence_number, stored[&number], "I2");
            by_key.entry(record.partition_key).or_default().push(number);
        }
    }
    assert_eq!(read, stored.len());
    assert!(by_key.values().all(|numbers| numbers.is_sorted()), "I4: {by_key:?}");
    let (_, metrics) = page(address, "/metrics");
    assert!(metrics.contains("anabranch_grpc_calls_total"), "{metrics}");
    assert!(metrics.contains("anabranch_storage_records_refused_total{reason=\"throttled\"}"), "{metrics}");

    node.signal(Signal::TERM);
    let ends: Vec<_> = followers.map(|end| end.map_err(|status| status.code())).collect().await;
    assert_eq!(ends, [Err(Code::Unavailable), Err(Code::Unavailable)]);
    assert_eq!(node.end().code, Some(0));
}
