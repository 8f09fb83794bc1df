//! How the retention of a stream is changed.

use super::world::{World, context, named};
use anabranch_api::{
    ApiError, DecreaseStreamRetentionPeriod, DescribeStream, DescribeStreamSummary, ErrorCode,
    IncreaseStreamRetentionPeriod, Kinesis, StreamSelector, StreamStatus,
};
use anabranch_catalog::FinishRetention;
use anabranch_types::{AccountId, RequestId, StreamArn};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3_600);

async fn increase(world: &World, stream: StreamSelector, hours: i64) -> Result<(), ApiError> {
    increase_by(world, 1, stream, hours).await
}

async fn increase_by(world: &World, call: u128, stream: StreamSelector, hours: i64) -> Result<(), ApiError> {
    let context = anabranch_api::RequestContext { request_id: RequestId(call), ..context() };
    let request = IncreaseStreamRetentionPeriod { stream, hours };
    world.gateway.increase_stream_retention_period(&context, request).await
}

async fn decrease_by(world: &World, call: u128, stream: StreamSelector, hours: i64) -> Result<(), ApiError> {
    let context = anabranch_api::RequestContext { request_id: RequestId(call), ..context() };
    let request = DecreaseStreamRetentionPeriod { stream, hours };
    world.gateway.decrease_stream_retention_period(&context, request).await
}

/// What both descriptions of a stream say.
async fn described(world: &World) -> (StreamStatus, Duration) {
    let summary = DescribeStreamSummary { stream: named("orders") };
    let summary = world.gateway.describe_stream_summary(&context(), summary).await.expect("a stream");
    let whole = DescribeStream { stream: named("orders"), limit: None, after: None };
    let whole = world.gateway.describe_stream(&context(), whole).await.expect("a stream");
    assert_eq!((whole.status, whole.retention), (summary.status, summary.retention));
    (summary.status, summary.retention)
}

/// Does what the retention controller does.
fn finish(world: &mut World) {
    let map = world.gateway.view.load().map.streams().next().cloned().expect("a stream");
    world.apply(FinishRetention { uid: map.stream.uid, change: map.stream.retention_changes.last });
}

#[tokio::test(start_paused = true)]
async fn a_change_is_recorded_when_the_call_returns_and_shown_when_every_group_knows_it() {
    let mut world = World::new();
    world.active("orders", 1);
    // No controller is here: the call returns when its patience is over.
    increase(&world, named("orders"), 48).await.expect("recorded");
    assert_eq!(described(&world).await, (StreamStatus::Updating, 24 * HOUR));
    finish(&mut world);
    assert_eq!(described(&world).await, (StreamStatus::Active, 48 * HOUR));
    decrease_by(&world, 2, named("orders"), 24).await.expect("recorded");
    assert_eq!(described(&world).await, (StreamStatus::Updating, 24 * HOUR));
    finish(&mut world);
    assert_eq!(described(&world).await, (StreamStatus::Active, 24 * HOUR));
}

#[tokio::test(start_paused = true)]
async fn a_call_returns_as_soon_as_its_change_is_carried_out() {
    let mut world = World::new();
    let map = world.active("orders", 1);
    let (view, metadata) = (world.gateway.view.clone(), world.metadata.clone());
    let controller = async {
        let seen = view.wait(|view| {
            view.map.stream(map.stream.uid).is_some_and(|map| map.stream.retention_changes.pending.is_some())
        });
        let change = seen.await.map.stream(map.stream.uid).expect("there").stream.retention_changes.last;
        let finish = FinishRetention { uid: map.stream.uid, change };
        anabranch_cluster::propose(&metadata, &finish).await.expect("applied").expect("pending");
    };
    let begun = world.gateway.env.clock.monotonic();
    let (changed, ()) = tokio::join!(increase(&world, named("orders"), 48), controller);
    changed.expect("carried out");
    assert_eq!(world.gateway.env.clock.monotonic(), begun, "nothing was waited for");
    assert_eq!(described(&world).await, (StreamStatus::Active, 48 * HOUR));
    finish(&mut world);
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_named_by_its_arn_as_well() {
    let mut world = World::new();
    world.active("orders", 1);
    let arn = |account: &str| {
        let arn = StreamArn::parse(&format!("arn:aws:kinesis:eu-west-1:{account}:stream/orders")).expect("an arn");
        StreamSelector { name: None, arn: Some(arn) }
    };
    let account = AccountId::DEFAULT.to_string();
    increase(&world, arn(&account), 48).await.expect("recorded");
    finish(&mut world);
    assert_eq!(described(&world).await, (StreamStatus::Active, 48 * HOUR));
    let other = increase_by(&world, 2, arn("999999999999"), 72).await.expect_err("of another account");
    assert_eq!(other.code, ErrorCode::ResourceNotFound);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_is_refused_in_the_words_of_the_service() {
    let mut world = World::new();
    let refused = |result: Result<(), ApiError>| {
        let error = result.expect_err("refused");
        (error.code, error.message.into_owned())
    };
    let short = "Minimum allowed retention period is 24 hours. Requested retention period (23 hours) is too short.";
    let invalid = |text: &str| (ErrorCode::InvalidArgument, text.to_owned());
    // Before the stream is looked for.
    assert_eq!(refused(increase(&world, named("orders"), 23).await), invalid(short));
    assert_eq!(refused(decrease_by(&world, 1, named("orders"), 23).await), invalid(short));
    assert!(refused(decrease_by(&world, 1, named("orders"), -5).await).1.contains("(-5 hours) is too short."));
    let long = "Maximum allowed retention period is 8760 hours. Requested retention period (8761 hours) is too long.";
    assert_eq!(refused(increase(&world, named("orders"), 8_761).await), invalid(long));
    let absent = format!("Stream orders under account {} not found.", AccountId::DEFAULT);
    let absent = (ErrorCode::ResourceNotFound, absent);
    assert_eq!(refused(increase(&world, named("orders"), 48).await), absent);
    let uid = world.create("orders", 1);
    let state = |state| {
        let text = format!("Stream orders under account {} not ACTIVE, instead in state {state}", AccountId::DEFAULT);
        (ErrorCode::ResourceInUse, text)
    };
    assert_eq!(refused(increase(&world, named("orders"), 48).await), state("CREATING"));
    world.activate(uid);
    increase(&world, named("orders"), 48).await.expect("active");
    assert_eq!(refused(increase_by(&world, 2, named("orders"), 72).await), state("UPDATING"));
    finish(&mut world);
    let shorter = "Requested retention period (47 hours) for stream orders can not be shorter than existing retention \
                   period (48 hours). Use DecreaseRetentionPeriod API.";
    assert_eq!(refused(increase_by(&world, 3, named("orders"), 47).await), invalid(shorter));
    let longer = "Requested retention period (49 hours) for stream orders can not be longer than existing retention \
                  period (48 hours). Use IncreaseRetentionPeriod API.";
    assert_eq!(refused(decrease_by(&world, 4, named("orders"), 49).await), invalid(longer));
    world.delete("orders");
    assert_eq!(refused(increase_by(&world, 5, named("orders"), 72).await), state("DELETING"));
}

#[tokio::test(start_paused = true)]
async fn the_same_hours_again_and_the_same_call_again_change_nothing() {
    let mut world = World::new();
    world.active("orders", 1);
    increase(&world, named("orders"), 24).await.expect("as it is");
    decrease_by(&world, 2, named("orders"), 24).await.expect("as it is");
    assert_eq!(described(&world).await, (StreamStatus::Active, 24 * HOUR));
    increase_by(&world, 3, named("orders"), 48).await.expect("recorded");
    increase_by(&world, 3, named("orders"), 48).await.expect("the same call, while it is under way");
    finish(&mut world);
    decrease_by(&world, 4, named("orders"), 24).await.expect("recorded");
    finish(&mut world);
    increase_by(&world, 3, named("orders"), 48).await.expect("the same call, long after");
    assert_eq!(described(&world).await, (StreamStatus::Active, 24 * HOUR));
}
