//! What clients of the gRPC door send: messages in frames, on calls of every method.
#![allow(clippy::disallowed_methods, reason = "the door's end of a connection is a task of its target")]

use crate::input::Input;
use crate::service::{Asked, Service, account};
use crate::time;
use crate::wire::{Client, PIPE_BYTES, framed, messages};
use anabranch_aws_api::{AwsDoor, DoorOptions, Verification};
use anabranch_grpc_api::{GrpcDoor, GrpcOptions};
use anabranch_proto::v1 as proto;
use anabranch_runtime::{Env, MemoryBudget};
use anabranch_types::{HashKey, Timestamp};
use bytes::Bytes;
use prost::Message;
use std::sync::Arc;
use std::time::Duration;

/// 20150830T123600Z.
const NOW: Timestamp = Timestamp::from_millis(1_440_938_160_000);

/// Longer than any call is granted here.
const PATIENCE: Duration = Duration::from_secs(7200);

/// Of the port; far above what an input needs.
const MEMORY_BYTES: usize = 64 << 20;

/// A method, and whether bytes are an answer of it.
type Method = (&'static str, fn(&[u8]) -> bool);

fn reads<M: Message + Default>(bytes: &[u8]) -> bool {
    M::decode(bytes).is_ok()
}

/// Health and reflection are not ours, but their requests are read by what is.
const METHODS: [Method; 17] = [
    ("/anabranch.v1.Records/PutRecord", reads::<proto::PutRecordResponse>),
    ("/anabranch.v1.Records/PutRecords", reads::<proto::PutRecordsResponse>),
    ("/anabranch.v1.Records/GetShardIterator", reads::<proto::GetShardIteratorResponse>),
    ("/anabranch.v1.Records/GetRecords", reads::<proto::GetRecordsResponse>),
    ("/anabranch.v1.Records/Produce", reads::<proto::ProduceResponse>),
    ("/anabranch.v1.Records/Follow", reads::<proto::FollowResponse>),
    ("/anabranch.v1.Streams/CreateStream", reads::<proto::CreateStreamResponse>),
    ("/anabranch.v1.Streams/DeleteStream", reads::<proto::DeleteStreamResponse>),
    ("/anabranch.v1.Streams/DescribeStream", reads::<proto::DescribeStreamResponse>),
    ("/anabranch.v1.Streams/DescribeStreamSummary", reads::<proto::DescribeStreamSummaryResponse>),
    ("/anabranch.v1.Streams/ListStreams", reads::<proto::ListStreamsResponse>),
    ("/anabranch.v1.Streams/ListShards", reads::<proto::ListShardsResponse>),
    ("/grpc.health.v1.Health/Check", |_| true),
    ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", |_| true),
    ("/anabranch.v1.Streams/SplitShard", reads::<proto::SplitShardResponse>),
    ("/anabranch.v1.Streams/MergeShards", reads::<proto::MergeShardsResponse>),
    ("/anabranch.v1.Streams/UpdateShardCount", reads::<proto::UpdateShardCountResponse>),
];

/// A call of any messages is answered with a status, and where it is good with messages of its method; it keeps no
/// memory. A call that grants no time of its own is broken off after an hour: streams last for as long as their clients like.
pub fn calls(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let (path, reads) = METHODS[usize::from(input.byte()) % METHODS.len()];
    let (flags, answers, timeout) = (input.byte(), input.short(), input.short());
    let mut body = Vec::new();
    while flags & 1 != 0 && !input.is_empty() {
        body.extend_from_slice(&framed(input.long()));
    }
    body.extend_from_slice(&if flags & 2 == 0 { framed(input.rest()) } else { Bytes::copy_from_slice(input.rest()) });
    time::run(async {
        let service = Arc::new(Service::answering(answers));
        let memory = MemoryBudget::new(MEMORY_BYTES);
        let mut client = connect(&service, &memory).await;
        let granted = if timeout.is_empty() { &b"1H"[..] } else { timeout };
        let headers = [("grpc-timeout", granted)];
        let called = client.call(path, &headers, body.into());
        let Ok(answer) = tokio::time::timeout(PATIENCE, called).await else {
            // A text that is no time grants as much as there is.
            return assert!(path.ends_with("Produce") || path.ends_with("Follow") || path.contains("grpc."), "{path}");
        };
        let Some(answer) = answer else { return };
        let told = messages(&answer.body);
        assert!(told.iter().all(|message| reads(message)), "{path} answered {told:?}");
        service.take_asked().iter().for_each(within_limits);
        // The tasks of the call end after its answer has.
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(memory.free_bytes(), MEMORY_BYTES, "{path} keeps memory");
    });
}

/// A connection to a port whose service is `service`.
async fn connect(service: &Arc<Service>, memory: &MemoryBudget) -> Client {
    let env = Env::simulated(NOW, 1);
    let grpc = GrpcDoor::new(GrpcOptions::new(account(), Verification::FormOnly), env.clone());
    let memory = memory.clone();
    let options = DoorOptions { memory, ..DoorOptions::new(account(), Verification::FormOnly) };
    let door = AwsDoor::<Service>::new(Arc::clone(service), options, env).beside(Arc::new(grpc));
    let (client, server) = tokio::io::duplex(PIPE_BYTES);
    tokio::spawn(Arc::new(door).serve_connection(server));
    Client::over(client).await
}

fn within_limits(asked: &Asked) {
    let count = |count: Option<usize>| assert!(count.is_none_or(|count| (1..=10_000).contains(&count)), "{asked:?}");
    match asked {
        Asked::Describe(request) => count(request.limit),
        Asked::Streams(request) => count(request.limit),
        Asked::Shards(request) => count(request.max_results),
        Asked::Records(request) => count(request.limit),
        Asked::Puts(request) => assert!((1..=5_000).contains(&request.entries.len()), "{asked:?}"),
        Asked::Split(request) => assert!(HashKey::parse(&request.at).is_ok(), "{asked:?}"),
        Asked::Create(_)
        | Asked::Delete(_)
        | Asked::Summarize(_)
        | Asked::Merge(_)
        | Asked::Scale(_)
        | Asked::Increase(_)
        | Asked::Decrease(_)
        | Asked::Resize(_)
        | Asked::Put(_)
        | Asked::Iterator(_) => {}
        Asked::RegisterConsumer(_)
        | Asked::DeregisterConsumer(_)
        | Asked::DescribeConsumer(_)
        | Asked::Consumers(_)
        | Asked::Subscribe(_) => panic!("this door has no such call: {asked:?}"),
        Asked::AddTags(_) | Asked::RemoveTags(_) | Asked::ListTags(_) | Asked::Tag(_) | Asked::Untag(_) => {
            panic!("gRPC has no tags: {asked:?}")
        }
        Asked::TagsOf(_) | Asked::Limits => panic!("gRPC has no tags and no limits: {asked:?}"),
    }
}
