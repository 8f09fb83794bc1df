//! Health and reflection.

use crate::world::{World, account};
use anabranch_aws_api::Verification;
use anabranch_grpc_api::GrpcOptions;
use anabranch_proto::health::v1::health_check_response::ServingStatus;
use anabranch_proto::health::v1::health_client::HealthClient;
use anabranch_proto::health::v1::{HealthCheckRequest, HealthCheckResponse};
use futures::stream;
use std::time::Duration;
use tonic::Code;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::v1::{ServerReflectionRequest, ServerReflectionResponse};

fn of(service: &str) -> HealthCheckRequest {
    HealthCheckRequest { service: service.to_owned() }
}

const SERVING: i32 = ServingStatus::Serving as i32;
const NOT_SERVING: i32 = ServingStatus::NotServing as i32;

#[tokio::test(start_paused = true)]
async fn a_node_is_healthy_once_it_has_a_service() {
    let world = World::closed(GrpcOptions::new(account(), Verification::FormOnly));
    let mut client = HealthClient::new(world.link().await);
    let status = |answer: Result<tonic::Response<HealthCheckResponse>, tonic::Status>| {
        answer.map(|answer| answer.into_inner().status).map_err(|status| status.code())
    };
    assert_eq!(status(client.check(of("")).await), Ok(NOT_SERVING));
    world.door.open(world.fake.clone());
    for service in ["", "anabranch.v1.Streams", "anabranch.v1.Records", "grpc.health.v1.Health"] {
        assert_eq!(status(client.check(of(service)).await), Ok(SERVING), "{service}");
    }
    assert_eq!(status(client.check(of("x")).await), Err(Code::NotFound));
}

#[tokio::test(start_paused = true)]
async fn who_watches_health_is_told_of_the_drain_and_does_not_hold_it_up() {
    let world = World::open();
    let mut client = HealthClient::new(world.link().await);
    let mut watched = client.watch(of("")).await.expect("watched").into_inner();
    assert_eq!(watched.message().await.expect("told").map(|told| told.status), Some(SERVING));
    let unknown = client.watch(of("x")).await.expect("watched").into_inner().message().await;
    assert_eq!(unknown.expect("told").map(|told| told.status), Some(ServingStatus::ServiceUnknown as i32));
    let draining = world.door.calls();
    let drained = tokio::spawn(async move { draining.shutdown(Duration::from_secs(1)).await });
    assert_eq!(watched.message().await.expect("told").map(|told| told.status), Some(NOT_SERVING));
    assert_eq!(watched.message().await.expect_err("over").code(), Code::Unavailable);
    drained.await.expect("no panic").expect("nobody holds it up");
}

/// Asks one thing of reflection.
async fn ask(world: &World, request: MessageRequest) -> ServerReflectionResponse {
    let mut client = ServerReflectionClient::new(world.link().await);
    let request = ServerReflectionRequest { host: String::new(), message_request: Some(request) };
    let mut answers = client.server_reflection_info(stream::iter([request])).await.expect("asked").into_inner();
    answers.message().await.expect("answered").expect("an answer")
}

#[tokio::test(start_paused = true)]
async fn reflection_lists_every_service_and_finds_messages() {
    let world = World::open();
    let answer = ask(&world, MessageRequest::ListServices(String::new())).await;
    let Some(MessageResponse::ListServicesResponse(list)) = answer.message_response else { panic!("{answer:?}") };
    let mut names: Vec<_> = list.service.into_iter().map(|service| service.name).collect();
    names.sort();
    let expected = [
        "anabranch.v1.Records",
        "anabranch.v1.Streams",
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
    ];
    assert_eq!(names, expected);
    let answer = ask(&world, MessageRequest::FileContainingSymbol("anabranch.v1.ProduceRequest".to_owned())).await;
    let Some(MessageResponse::FileDescriptorResponse(files)) = answer.message_response else { panic!("{answer:?}") };
    assert_eq!(files.file_descriptor_proto.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_open_reflection_call_does_not_hold_up_the_drain() {
    let world = World::open();
    let mut client = ServerReflectionClient::new(world.link().await);
    let silent = stream::pending::<ServerReflectionRequest>();
    let mut answers = client.server_reflection_info(silent).await.expect("asked").into_inner();
    world.door.calls().shutdown(Duration::from_secs(1)).await.expect("nobody holds it up");
    assert!(answers.message().await.is_ok_and(|answer| answer.is_none()));
}
