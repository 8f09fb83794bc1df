//! Consumers through the service trait: how they are named, listed and counted.

use super::world::{World, context, named};
use anabranch_api::{
    ApiError, Consumer, ConsumerPage, ConsumerSelector, ConsumerStatus, DeleteStream, DeregisterStreamConsumer,
    DescribeStreamConsumer, DescribeStreamSummary, ErrorCode, Kinesis, ListStreamConsumers, RegisterStreamConsumer,
    RequestContext, messages,
};
use anabranch_catalog::FEATURE_LEVEL;
use anabranch_types::{AccountId, ConsumerArn, ConsumerName, RequestId, StreamArn, StreamName, Timestamp, limits};
use std::time::Duration;

fn stream() -> StreamArn {
    arn_of("orders")
}

fn arn_of(name: &str) -> StreamArn {
    StreamArn::parse(&format!("arn:aws:kinesis:eu-west-1:000000000000:stream/{name}")).expect("an arn")
}

fn consumer_name(name: &str) -> ConsumerName {
    ConsumerName::new(name).expect("valid")
}

/// Each call is one of its own.
fn call(request_id: u128) -> RequestContext {
    RequestContext { request_id: RequestId(request_id), ..context() }
}

async fn register(world: &World, name: &str, call_id: u128) -> Result<Consumer, ApiError> {
    let request = RegisterStreamConsumer { stream: stream(), name: consumer_name(name) };
    world.gateway.register_stream_consumer(&call(call_id), request).await
}

fn by_name(name: &str) -> ConsumerSelector {
    ConsumerSelector { arn: None, stream: Some(stream()), name: Some(consumer_name(name)) }
}

fn by_arn(arn: &ConsumerArn) -> ConsumerSelector {
    ConsumerSelector { arn: Some(arn.clone()), stream: None, name: None }
}

async fn describe(world: &World, consumer: ConsumerSelector) -> Result<Consumer, ApiError> {
    world.gateway.describe_stream_consumer(&context(), DescribeStreamConsumer { consumer }).await
}

async fn deregister(world: &World, consumer: ConsumerSelector, call_id: u128) -> Result<(), ApiError> {
    world.gateway.deregister_stream_consumer(&call(call_id), DeregisterStreamConsumer { consumer }).await
}

async fn list(world: &World, page: ConsumerPage, max_results: usize) -> Result<(String, Option<String>), ApiError> {
    let request = ListStreamConsumers { stream: stream(), page, max_results: Some(max_results) };
    let page = world.gateway.list_stream_consumers(&context(), request).await?;
    Ok((page.consumers.iter().map(|consumer| consumer.arn.name.to_string()).collect(), page.next_token))
}

fn world() -> World {
    let mut world = World::of_level(FEATURE_LEVEL);
    world.active("orders", 1);
    world
}

#[tokio::test(start_paused = true)]
async fn a_registered_consumer_is_found_by_arn_and_by_name_until_it_is_gone() {
    let world = world();
    let registered = register(&world, "audit", 1).await.expect("a new name");
    let arn = "arn:aws:kinesis:eu-west-1:000000000000:stream/orders/consumer/audit:1742000000";
    assert_eq!((registered.arn.to_string().as_str(), registered.status), (arn, ConsumerStatus::Active));
    let all = ConsumerSelector { arn: Some(registered.arn.clone()), ..by_name("audit") };
    for selector in [by_arn(&registered.arn), by_name("audit"), all] {
        assert_eq!(describe(&world, selector).await, Ok(registered.clone()));
    }
    deregister(&world, by_name("audit"), 2).await.expect("registered");
    let (name, account) = (StreamName::new("orders").expect("valid"), AccountId::DEFAULT);
    let gone = messages::consumer_not_found(&consumer_name("audit"), &name, account);
    assert_eq!(describe(&world, by_name("audit")).await, Err(gone.clone()));
    assert_eq!(deregister(&world, by_name("audit"), 3).await, Err(gone));
    let gone = messages::consumer_arn_not_found(&registered.arn);
    assert_eq!(describe(&world, by_arn(&registered.arn)).await, Err(gone));
}

#[tokio::test(start_paused = true)]
async fn the_arn_of_a_deregistered_consumer_does_not_mean_its_namesake() {
    let world = world();
    let first = register(&world, "audit", 1).await.expect("a new name");
    deregister(&world, by_arn(&first.arn), 2).await.expect("registered");
    world.pass(Duration::from_secs(1)).await;
    let second = register(&world, "audit", 3).await.expect("the name is free");
    assert_eq!(second.arn.created_s, first.arn.created_s + 1);
    assert_eq!(describe(&world, by_arn(&first.arn)).await, Err(messages::consumer_arn_not_found(&first.arn)));
    assert_eq!(describe(&world, by_arn(&second.arn)).await, Ok(second));
}

#[tokio::test(start_paused = true)]
async fn names_that_disagree_or_name_nothing_are_refused() {
    let world = world();
    let arn = register(&world, "audit", 1).await.expect("a new name").arn;
    let nothing = ConsumerSelector { arn: None, stream: Some(stream()), name: None };
    assert_eq!(describe(&world, nothing).await, Err(messages::no_consumer_named()));
    let other_stream = ConsumerSelector { stream: Some(arn_of("parcels")), ..by_arn(&arn) };
    assert_eq!(describe(&world, other_stream).await, Err(messages::consumer_arn_differs(&arn, "StreamARN")));
    let other_name = ConsumerSelector { name: Some(consumer_name("other")), ..by_arn(&arn) };
    assert_eq!(describe(&world, other_name).await, Err(messages::consumer_arn_differs(&arn, "ConsumerName")));
    let foreign = StreamArn { account: AccountId::parse("000000000042").expect("digits"), ..stream() };
    let elsewhere = ConsumerSelector { stream: Some(foreign.clone()), ..by_name("audit") };
    let absent = messages::stream_not_found(&foreign.name, foreign.account);
    assert_eq!(describe(&world, elsewhere).await, Err(absent));
}

#[tokio::test(start_paused = true)]
async fn a_taken_name_and_a_full_stream_are_refused_and_a_repeated_call_is_not() {
    let world = world();
    let first = register(&world, "c0", 0).await.expect("a new name");
    let again = register(&world, "c0", 99).await.expect_err("taken");
    assert_eq!(again.code, ErrorCode::ResourceInUse);
    assert_eq!(register(&world, "c0", 0).await, Ok(first), "the same call");
    for nth in 1..limits::CONSUMERS_PER_STREAM_MAX {
        register(&world, &format!("c{nth}"), nth.into()).await.expect("there is room");
    }
    let full = register(&world, "more", 100).await.expect_err("full");
    assert_eq!(full.code, ErrorCode::LimitExceeded);
    assert!(full.message.contains("Current consumer count: 20. Limit: 20."), "{full}");
}

#[tokio::test(start_paused = true)]
async fn consumers_are_listed_in_pages_whose_tokens_are_the_streams() {
    let mut world = world();
    world.active("parcels", 1);
    for (nth, name) in ["d", "b", "a", "c", "e"].into_iter().enumerate() {
        register(&world, name, nth as u128).await.expect("a new name");
    }
    let first = ConsumerPage::First { created: None };
    let (names, token) = list(&world, first.clone(), 2).await.expect("a page");
    let next = ConsumerPage::Next { token: token.expect("more follow") };
    assert_eq!(names, "ab");
    deregister(&world, by_name("b"), 10).await.expect("registered");
    let (names, token) = list(&world, next.clone(), 2).await.expect("a page");
    assert_eq!((names.as_str(), token.is_some()), ("cd", true), "the page goes on after a consumer that is gone");
    assert_eq!(list(&world, first, 4).await, Ok(("acde".to_owned(), None)));

    let other = ListStreamConsumers { stream: arn_of("parcels"), page: next.clone(), max_results: None };
    let refused = world.gateway.list_stream_consumers(&context(), other).await;
    assert_eq!(refused, Err(messages::next_token_and_arn_differ(&arn_of("parcels"))));
    let nonsense = ConsumerPage::Next { token: "AAAA".to_owned() };
    assert_eq!(list(&world, nonsense, 2).await, Err(messages::invalid_next_token()));
    world.pass(Duration::from_secs(301)).await;
    assert_eq!(list(&world, next, 2).await, Err(messages::next_token_expired()));
}

#[tokio::test(start_paused = true)]
async fn a_list_may_name_the_streams_creation() {
    let world = world();
    register(&world, "audit", 1).await.expect("a new name");
    let created = world.gateway.now();
    let page = |created: Timestamp| ConsumerPage::First { created: Some(created) };
    assert_eq!(list(&world, page(created), 9).await, Ok(("audit".to_owned(), None)));
    let other = list(&world, page(created.plus(Duration::from_secs(1))), 9).await.expect_err("another stream's");
    assert_eq!(other.code, ErrorCode::ResourceNotFound);
}

#[tokio::test(start_paused = true)]
async fn a_stream_on_its_way_has_no_consumers_to_list_or_register() {
    let mut world = World::of_level(FEATURE_LEVEL);
    let absent = register(&world, "audit", 1).await.expect_err("no stream");
    assert_eq!(absent.code, ErrorCode::ResourceNotFound);
    world.create("orders", 1);
    let in_use = register(&world, "audit", 2).await.expect_err("being created");
    assert_eq!(in_use.code, ErrorCode::ResourceInUse);
    let in_use = list(&world, ConsumerPage::First { created: None }, 9).await.expect_err("being created");
    assert_eq!(in_use.code, ErrorCode::ResourceInUse);
}

#[tokio::test(start_paused = true)]
async fn a_cluster_with_an_older_node_registers_nothing() {
    let mut world = World::of_level(FEATURE_LEVEL - 1);
    world.active("orders", 1);
    assert_eq!(register(&world, "audit", 1).await, Err(messages::cluster_below_level()));
}

#[tokio::test(start_paused = true)]
async fn a_stream_with_consumers_is_deleted_only_with_them() {
    let world = world();
    register(&world, "audit", 1).await.expect("a new name");
    let summary = DescribeStreamSummary { stream: named("orders") };
    let count = async || {
        let summary = world.gateway.describe_stream_summary(&context(), summary.clone()).await;
        summary.map(|summary| summary.consumer_count)
    };
    assert_eq!(count().await, Ok(1));
    let delete = async |enforce_consumer_deletion| {
        let request = DeleteStream { stream: named("orders"), enforce_consumer_deletion };
        world.gateway.delete_stream(&context(), request).await.map_err(|error| error.code)
    };
    assert_eq!(delete(false).await, Err(ErrorCode::ResourceInUse));
    assert_eq!(count().await, Ok(1));
    assert_eq!(delete(true).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_stream_without_consumers_is_deleted_without_more_ado() {
    let world = world();
    register(&world, "audit", 1).await.expect("a new name");
    deregister(&world, by_name("audit"), 2).await.expect("registered");
    let request = DeleteStream { stream: named("orders"), enforce_consumer_deletion: false };
    assert_eq!(world.gateway.delete_stream(&context(), request).await, Ok(()));
}
