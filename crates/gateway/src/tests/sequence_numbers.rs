//! Sequence numbers that clients give back.

use super::world::World;
use anabranch_api::{ErrorCode, IteratorStart};
use anabranch_types::{Counter, SequenceNumber};
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn a_number_from_a_clock_that_is_ahead_is_genuine() {
    let mut world = World::new();
    let stream = world.active("orders", 1);
    let epoch = stream.shards()[0].epoch();
    let number = |ahead_s| {
        let arrival = world.gateway.now().plus(Duration::from_secs(ahead_s));
        SequenceNumber::of_record(epoch, Counter::new(0, 7, 0), arrival)
    };
    for ahead_s in [0, 5, 10] {
        for start in [IteratorStart::AtSequenceNumber, IteratorStart::AfterSequenceNumber] {
            assert!(world.iterator("orders", start(number(ahead_s))).await.is_ok(), "{ahead_s} s ahead");
        }
    }
    let future = IteratorStart::AtSequenceNumber(number(11));
    assert_eq!(world.iterator("orders", future).await, Err(ErrorCode::InvalidArgument));
    let starting = IteratorStart::AtSequenceNumber(SequenceNumber::starting(epoch));
    assert!(world.iterator("orders", starting).await.is_ok());
}
