//! What may stand beside a page token.

use super::world::{World, context, named};
use anabranch_api::{ApiError, Kinesis, ListShards, ListStreams, ShardFilter, ShardPage, messages};
use anabranch_types::{StreamArn, StreamName};

async fn list_shards(world: &World, page: ShardPage) -> Result<(usize, Option<String>), ApiError> {
    let answer = world.gateway.list_shards(&context(), ListShards { page, max_results: Some(1) }).await?;
    Ok((answer.shards.len(), answer.next_token))
}

#[tokio::test(start_paused = true)]
async fn an_arn_beside_a_token_names_the_tokens_stream() {
    let mut world = World::new();
    world.active("orders", 2);
    world.active("parcels", 1);
    let first =
        ShardPage::First { stream: named("orders"), after: None, filter: ShardFilter::FromTrimHorizon, created: None };
    let (_, token) = list_shards(&world, first).await.expect("an active stream");
    let token = token.expect("two shards");
    let arn = |text: &str| StreamArn::parse(text).expect("an arn");
    let next = |arn: &StreamArn| ShardPage::Next { token: token.clone(), stream_arn: Some(arn.clone()) };
    let own = arn("arn:aws:kinesis:eu-west-1:000000000000:stream/orders");
    assert_eq!(list_shards(&world, next(&own)).await, Ok((1, None)));
    for other in [
        arn("arn:aws:kinesis:eu-west-1:000000000000:stream/parcels"),
        arn("arn:aws:kinesis:eu-west-1:000000000042:stream/orders"),
    ] {
        assert_eq!(list_shards(&world, next(&other)).await, Err(messages::next_token_and_arn_differ(&other)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_name_beside_a_token_of_streams_still_bounds_the_page() {
    let mut world = World::new();
    for name in ["a", "b", "c", "d"] {
        world.active(name, 1);
    }
    let names = async |after: Option<&str>, next_token: Option<String>| {
        let after = after.map(|name| StreamName::new(name).expect("valid"));
        let request = ListStreams { limit: Some(2), after, next_token };
        let page = world.gateway.list_streams(&context(), request).await.expect("a page");
        let names: Vec<String> = page.streams.iter().map(|summary| summary.arn.name.to_string()).collect();
        (names.concat(), page.next_token)
    };
    let (first, token) = names(None, None).await;
    assert_eq!(first, "ab");
    assert_eq!(names(None, token.clone()).await.0, "cd");
    assert_eq!(names(Some("a"), token.clone()).await.0, "cd", "as paginators send it");
    assert_eq!(names(Some("c"), token).await.0, "d");
}
