//! The tags of streams, and the limits of an account.

use super::leader::{Led, call, create_stream};
use super::world::named;
use anabranch_api::{
    AccountLimits, AddTagsToStream, ApiError, CreateStream, ErrorCode, Kinesis, ListTagsForResource, ListTagsForStream,
    RemoveTagsFromStream, ResourceArn, StreamSelector, TagResource, UntagResource, messages,
};
use anabranch_cluster::NodeError;
use anabranch_types::{AccountId, StreamArn, StreamName, TagKey, TagValue, Tags};
use std::collections::BTreeSet;

fn tags(tags: &[(&str, &str)]) -> Tags {
    let tag = |(key, value): &(&str, &str)| (key_of(key), TagValue::new(value).expect("valid"));
    tags.iter().map(tag).collect()
}

fn key_of(key: &str) -> TagKey {
    TagKey::new(key).expect("valid")
}

fn many(count: usize) -> Tags {
    (0..count).map(|number| (key_of(&format!("key-{number:02}")), TagValue::new("v").expect("valid"))).collect()
}

fn name(name: &str) -> StreamName {
    StreamName::new(name).expect("valid")
}

fn arn(name: &str) -> ResourceArn {
    let text = format!("arn:aws:kinesis:eu-west-1:000000000000:stream/{name}");
    ResourceArn::Stream(StreamArn::parse(&text).expect("an arn"))
}

impl Led {
    async fn add(&self, request: u128, stream: &str, tags: Tags) -> Result<(), ApiError> {
        self.gateway.add_tags_to_stream(&call(request), AddTagsToStream { stream: named(stream), tags }).await
    }

    async fn remove(&self, request: u128, stream: &str, keys: &[&str]) -> Result<(), ApiError> {
        let keys = keys.iter().map(|key| key_of(key)).collect();
        self.gateway.remove_tags_from_stream(&call(request), RemoveTagsFromStream { stream: named(stream), keys }).await
    }

    /// The stream's tags as one page, or as pages of `limit`.
    async fn pages(&self, stream: &str, limit: Option<usize>) -> Result<Vec<Tags>, ApiError> {
        let (mut pages, mut after) = (Vec::new(), None);
        loop {
            let request = ListTagsForStream { stream: named(stream), after, limit };
            let page = self.gateway.list_tags_for_stream(&call(0), request).await?;
            after = page.tags.last().map(|(key, _)| key.clone());
            pages.push(page.tags.into_iter().collect());
            if !page.has_more_tags {
                return Ok(pages);
            }
        }
    }

    async fn tags(&self, stream: &str) -> Tags {
        joined(self.pages(stream, None).await.expect("a stream"))
    }
}

fn joined(pages: Vec<Tags>) -> Tags {
    pages.into_iter().flatten().collect()
}

#[tokio::test(start_paused = true)]
async fn tags_are_added_replaced_listed_and_removed() {
    let led = Led::new();
    led.create("orders").await;
    assert_eq!(led.tags("orders").await, Tags::new());
    led.add(1, "orders", tags(&[("team", "a"), ("cost", "7")])).await.expect("tagged");
    led.add(2, "orders", tags(&[("team", "b")])).await.expect("tagged");
    assert_eq!(led.tags("orders").await, tags(&[("cost", "7"), ("team", "b")]));
    led.remove(3, "orders", &["cost", "nobody's"]).await.expect("untagged");
    assert_eq!(led.tags("orders").await, tags(&[("team", "b")]));
}

#[tokio::test(start_paused = true)]
async fn tags_come_in_pages_by_key() {
    let led = Led::new();
    led.create("orders").await;
    led.add(1, "orders", many(50)).await.expect("tagged");
    let pages = led.pages("orders", Some(20)).await.expect("a stream");
    assert_eq!(pages.iter().map(Tags::len).collect::<Vec<_>>(), [20, 20, 10]);
    assert_eq!(joined(pages), many(50));
    assert_eq!(led.pages("orders", Some(25)).await.expect("a stream").len(), 2, "no empty page follows a full one");
    let after = Some(key_of("key-48a"));
    let request = ListTagsForStream { stream: named("orders"), after, limit: Some(50) };
    let page = led.gateway.list_tags_for_stream(&call(0), request).await.expect("a stream");
    assert_eq!((page.tags.len(), page.has_more_tags), (1, false), "after a key that the stream does not have");
}

#[tokio::test(start_paused = true)]
async fn resources_and_streams_have_the_same_tags() {
    let led = Led::new();
    led.create("orders").await;
    let list =
        async || led.gateway.list_tags_for_resource(&call(0), ListTagsForResource { resource: arn("orders") }).await;
    let request = TagResource { resource: arn("orders"), tags: tags(&[("a", "1"), ("b", "2")]) };
    led.gateway.tag_resource(&call(1), request).await.expect("tagged");
    assert_eq!(list().await, Ok(tags(&[("a", "1"), ("b", "2")])));
    assert_eq!(led.tags("orders").await, tags(&[("a", "1"), ("b", "2")]));
    let request = UntagResource { resource: arn("orders"), keys: BTreeSet::from([key_of("a")]) };
    led.gateway.untag_resource(&call(2), request).await.expect("untagged");
    assert_eq!(list().await, Ok(tags(&[("b", "2")])));
}

#[tokio::test(start_paused = true)]
async fn what_is_no_stream_is_not_found() {
    let led = Led::new();
    let account = AccountId::DEFAULT;
    let not_found = messages::stream_not_found(&name("orders"), account);
    assert_eq!(led.add(1, "orders", tags(&[("a", "1")])).await, Err(not_found.clone()));
    assert_eq!(led.remove(1, "orders", &["a"]).await, Err(not_found.clone()));
    assert_eq!(led.pages("orders", None).await, Err(not_found.clone()));
    let list = async |resource| led.gateway.list_tags_for_resource(&call(0), ListTagsForResource { resource }).await;
    assert_eq!(list(arn("orders")).await, Err(not_found));

    led.create("orders").await;
    let consumer = "arn:aws:kinesis:eu-west-1:000000000000:stream/orders/consumer/billing:1742000000";
    let resource = ResourceArn::parse(consumer).expect("an arn");
    let absent = messages::resource_not_found(consumer, account);
    assert_eq!(list(resource.clone()).await, Err(absent.clone()));
    let request = TagResource { resource: resource.clone(), tags: tags(&[("a", "1")]) };
    assert_eq!(led.gateway.tag_resource(&call(1), request).await, Err(absent.clone()));
    let request = UntagResource { resource, keys: BTreeSet::from([key_of("a")]) };
    assert_eq!(led.gateway.untag_resource(&call(1), request).await, Err(absent));

    let other = StreamArn::parse("arn:aws:kinesis:eu-west-1:000000000042:stream/orders").expect("an arn");
    let not_ours = messages::stream_not_found(&name("orders"), other.account);
    assert_eq!(list(ResourceArn::Stream(other.clone())).await, Err(not_ours.clone()));
    let request =
        AddTagsToStream { stream: StreamSelector { name: None, arn: Some(other) }, tags: tags(&[("a", "1")]) };
    assert_eq!(led.gateway.add_tags_to_stream(&call(2), request).await, Err(not_ours));
    assert_eq!(led.tags("orders").await, Tags::new());
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_being_deleted_keeps_its_tags() {
    let led = Led::new();
    led.create("orders").await;
    led.add(1, "orders", tags(&[("a", "1")])).await.expect("tagged");
    led.leader.delete("orders", false);
    let in_use = messages::stream_not_active(&name("orders"), AccountId::DEFAULT, "DELETING");
    assert_eq!(led.add(2, "orders", tags(&[("b", "2")])).await, Err(in_use.clone()));
    assert_eq!(led.remove(3, "orders", &["a"]).await, Err(in_use));
    assert_eq!(led.tags("orders").await, tags(&[("a", "1")]));
}

#[tokio::test(start_paused = true)]
async fn tags_that_cannot_be_are_refused_all_together() {
    let led = Led::new();
    led.create("orders").await;
    led.add(1, "orders", many(49)).await.expect("tagged");
    let proposals = led.leader.proposals();
    let refused = messages::invalid_tag_characters();
    assert_eq!(led.add(2, "orders", tags(&[("good", "1"), ("bad!", "2")])).await, Err(refused));
    let refused = messages::illegal_tag_characters(&name("orders"), AccountId::DEFAULT);
    assert_eq!(led.add(3, "orders", tags(&[("good", "50%")])).await, Err(refused));
    let refused = messages::reserved_tag_key(&name("orders"), AccountId::DEFAULT);
    assert_eq!(led.add(4, "orders", tags(&[("aws:good", "1")])).await, Err(refused));
    let refused = messages::too_many_tags(&name("orders"), AccountId::DEFAULT, 50);
    assert_eq!(led.add(5, "orders", many(51)).await, Err(refused.clone()));
    assert_eq!(led.leader.proposals(), proposals, "none of them is a matter for the catalog");
    assert_eq!(led.add(6, "orders", tags(&[("one", "1"), ("two", "2")])).await, Err(refused));
    assert_eq!(led.tags("orders").await, many(49));
    led.add(7, "orders", tags(&[("one", "1")])).await.expect("the fiftieth");
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_made_with_its_tags() {
    let led = Led::new();
    let request = CreateStream { tags: tags(&[("team", "a")]), ..create_stream("orders") };
    led.gateway.create_stream(&call(1), request.clone()).await.expect("a new stream");
    assert_eq!(led.tags("orders").await, tags(&[("team", "a")]));
    let again = led.gateway.create_stream(&call(2), request).await;
    assert_eq!(again, Err(messages::stream_exists(&name("orders"), AccountId::DEFAULT)));
    led.create("plain").await;
    assert_eq!(led.leader.proposals(), 1, "a stream without tags costs no second command");
}

#[tokio::test(start_paused = true)]
async fn no_stream_is_made_whose_tags_are_refused() {
    let led = Led::new();
    for refused in [tags(&[("bad!", "1")]), tags(&[("aws:x", "1")]), tags(&[("a", "%")]), many(51)] {
        let request = CreateStream { tags: refused, ..create_stream("orders") };
        let error = led.gateway.create_stream(&call(1), request).await.expect_err("refused");
        assert_eq!(error.code, ErrorCode::InvalidArgument);
    }
    assert!(led.pages("orders", None).await.is_err(), "there is no stream");
}

#[tokio::test(start_paused = true)]
async fn a_creation_that_failed_half_way_is_completed_by_the_same_call() {
    let led = Led::new();
    let request = CreateStream { tags: tags(&[("team", "a")]), ..create_stream("orders") };
    led.leader.fail(NodeError::Unavailable { reason: "no leader".to_owned() });
    let error = led.gateway.create_stream(&call(1), request.clone()).await.expect_err("not tagged");
    assert_eq!(error.code, ErrorCode::ServiceUnavailable);
    assert_eq!(led.tags("orders").await, Tags::new());
    led.gateway.create_stream(&call(1), request.clone()).await.expect("made by this call");
    assert_eq!(led.tags("orders").await, tags(&[("team", "a")]));

    led.add(2, "orders", tags(&[("team", "b")])).await.expect("tagged");
    led.gateway.create_stream(&call(1), request).await.expect("made by this call");
    assert_eq!(led.tags("orders").await, tags(&[("team", "b")]), "what came later stays");
}

#[tokio::test(start_paused = true)]
async fn tags_wait_until_every_node_knows_them() {
    let led = Led::at_level(5);
    let request = CreateStream { tags: tags(&[("team", "a")]), ..create_stream("orders") };
    let error = led.gateway.create_stream(&call(1), request).await.expect_err("of level 6");
    assert_eq!(error.code, ErrorCode::ServiceUnavailable);
    assert!(error.message.contains("feature level 5, the command needs level 6"), "{error}");
    assert!(led.pages("orders", None).await.is_err(), "no stream is made without its tags");
    led.create("orders").await;
    let error = led.add(2, "orders", tags(&[("team", "a")])).await.expect_err("of level 6");
    assert_eq!(error.code, ErrorCode::ServiceUnavailable);
    let error = led.remove(3, "orders", &["team"]).await.expect_err("of level 6");
    assert_eq!(error.code, ErrorCode::ServiceUnavailable);
    assert_eq!(led.tags("orders").await, Tags::new(), "there is nothing to wait for");
}

#[tokio::test(start_paused = true)]
async fn a_stream_made_anew_elsewhere_is_the_one_that_is_tagged() {
    let led = Led::new();
    led.create("orders").await;
    led.add(1, "orders", tags(&[("old", "1")])).await.expect("tagged");
    led.leader.lag();
    led.leader.delete("orders", true);
    led.leader.create(2_000, "orders");
    assert_eq!(led.tags("orders").await, tags(&[("old", "1")]), "this node has not seen it yet");
    led.add(2, "orders", tags(&[("new", "1")])).await.expect("tagged");
    led.remove(3, "orders", &["nobody's"]).await.expect("untagged");
    assert_eq!(led.tags("orders").await, tags(&[("new", "1")]));
}

#[tokio::test(start_paused = true)]
async fn limits_count_the_open_shards_of_the_account() {
    let led = Led::new();
    let limits = async || led.gateway.describe_limits(&call(0)).await.expect("limits");
    let none = AccountLimits { open_shards: 0, shard_limit: 20_000, on_demand_streams: 0, on_demand_stream_limit: 50 };
    assert_eq!(limits().await, none);
    led.create("orders").await;
    led.create("parcels").await;
    assert_eq!(limits().await, AccountLimits { open_shards: 2, ..none });
    let other = AccountId::parse("000000000042").expect("twelve digits");
    let of_other = anabranch_api::RequestContext { account: other, ..call(0) };
    assert_eq!(led.gateway.describe_limits(&of_other).await, Ok(none));
    led.leader.delete("orders", true);
    assert_eq!(limits().await, AccountLimits { open_shards: 1, ..none });
}
