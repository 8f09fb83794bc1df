//! How long iterators and page tokens open, and what their holders hear afterwards (D17).

use super::world::{World, context, named};
use anabranch_api::{
    ErrorCode, IteratorStart, Kinesis, ListShards, ListStreams, ShardFilter, ShardIterator, ShardPage,
};
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 3_600);
const MINUTE: Duration = Duration::from_secs(60);

/// Page tokens of a list of shards and of a list of streams.
async fn page_tokens(world: &World) -> (String, String) {
    let page =
        ShardPage::First { stream: named("orders"), after: None, filter: ShardFilter::FromTrimHorizon, created: None };
    let shards = world.gateway.list_shards(&context(), ListShards { page, max_results: Some(1) }).await;
    let request = ListStreams { limit: Some(1), after: None, next_token: None };
    let streams = world.gateway.list_streams(&context(), request).await;
    let (shards, streams) = (shards.expect("a stream of two shards"), streams.expect("two streams"));
    (shards.next_token.expect("two shards"), streams.next_token.expect("two streams"))
}

async fn next_shards(world: &World, token: &str) -> Result<usize, ErrorCode> {
    let page = ShardPage::Next { token: token.to_owned(), stream_arn: None };
    let answer = world.gateway.list_shards(&context(), ListShards { page, max_results: None }).await;
    answer.map(|page| page.shards.len()).map_err(|error| error.code)
}

async fn next_streams(world: &World, token: &str) -> Result<usize, ErrorCode> {
    let request = ListStreams { limit: None, after: None, next_token: Some(token.to_owned()) };
    let answer = world.gateway.list_streams(&context(), request).await;
    answer.map(|page| page.streams.len()).map_err(|error| error.code)
}

fn world() -> World {
    let mut world = World::new();
    world.active("orders", 2);
    world.active("parcels", 1);
    world
}

#[tokio::test(start_paused = true)]
async fn tokens_open_for_five_minutes_also_over_a_rotation() {
    let mut world = world();
    let iterator = world.iterator("orders", IteratorStart::Latest).await.expect("an active stream");
    let (shards, streams) = page_tokens(&world).await;
    world.rotate();
    world.pass(5 * MINUTE).await;
    assert!(world.read(&iterator).await.is_ok());
    assert_eq!((next_shards(&world, &shards).await, next_streams(&world, &streams).await), (Ok(1), Ok(1)));
    world.pass(Duration::from_millis(1)).await;
    assert_eq!(world.read(&iterator).await, Err(ErrorCode::ExpiredIterator));
    let expired = Err(ErrorCode::ExpiredNextToken);
    assert_eq!((next_shards(&world, &shards).await, next_streams(&world, &streams).await), (expired, expired));
}

#[tokio::test(start_paused = true)]
async fn who_sleeps_over_rotations_hears_that_the_token_expired() {
    let mut world = world();
    let iterator = world.iterator("orders", IteratorStart::Latest).await.expect("an active stream");
    let (shards, streams) = page_tokens(&world).await;
    let expired = Err(ErrorCode::ExpiredNextToken);
    for _ in 0..3 {
        world.rotate();
        world.pass(11 * MINUTE).await;
        assert_eq!(world.read(&iterator).await, Err(ErrorCode::ExpiredIterator));
        assert_eq!((next_shards(&world, &shards).await, next_streams(&world, &streams).await), (expired, expired));
        world.pass(DAY).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_of_a_key_that_was_never_made_is_invalid() {
    let mut other = world();
    for _ in 0..2 {
        other.rotate();
        other.pass(DAY).await;
    }
    let iterator = other.iterator("orders", IteratorStart::Latest).await.expect("an active stream");
    let (shards, streams) = page_tokens(&other).await;
    let world = world();
    assert_eq!(world.read(&iterator).await, Err(ErrorCode::InvalidArgument));
    let invalid = Err(ErrorCode::InvalidArgument);
    assert_eq!((next_shards(&world, &shards).await, next_streams(&world, &streams).await), (invalid, invalid));
}

#[tokio::test(start_paused = true)]
async fn quotes_around_an_iterator_are_the_doors_to_take_off() {
    let world = world();
    let ShardIterator(iterator) = world.iterator("orders", IteratorStart::Latest).await.expect("an active stream");
    for quoted in [format!("\"{iterator}\""), format!("\"\"{iterator}"), format!("{iterator}\"")] {
        assert_eq!(world.read(&ShardIterator(quoted)).await, Err(ErrorCode::InvalidArgument));
    }
}
