//! Tags and limits on the wire: what the service is asked, and what it answers.

use super::recorder::{ARN, Recorder, serve};
use crate::kinesis::Operation::{self, *};
use anabranch_api::{ApiError, ErrorCode};
use serde_json::json;

async fn asked(operation: Operation, body: serde_json::Value) -> String {
    let service = Recorder::default();
    serve(&service, operation, body.to_string().as_bytes()).await.expect("a good request");
    service.seen().concat()
}

async fn answer(operation: Operation, body: serde_json::Value) -> Result<String, ApiError> {
    serve(&Recorder::default(), operation, body.to_string().as_bytes()).await
}

const BY_NAME: &str = r#"StreamSelector { name: Some(StreamName("orders")), arn: None }"#;
const BY_ARN: &str = r#"StreamArn { region: Region("eu-west-1"), account: AccountId(42), name: StreamName("orders") }"#;
const PASSED: &str = r#"{TagKey("a b"): TagValue(""), TagKey("é"): TagValue("%")}"#;

#[tokio::test]
async fn tags_pass_as_they_are_written() {
    let tags = json!({"é": "%", "a b": ""});
    assert_eq!(
        asked(AddTagsToStream, json!({"StreamName": "orders", "Tags": tags})).await,
        format!("AddTagsToStream {{ stream: {BY_NAME}, tags: {PASSED} }}")
    );
    assert_eq!(
        asked(TagResource, json!({"ResourceARN": ARN, "Tags": tags})).await,
        format!("TagResource {{ resource: Stream({BY_ARN}), tags: {PASSED} }}")
    );
    assert_eq!(
        asked(CreateStream, json!({"StreamName": "orders", "ShardCount": 1, "Tags": tags})).await,
        format!(r#"CreateStream {{ name: StreamName("orders"), shard_count: 1, tags: {PASSED} }}"#)
    );
}

#[tokio::test]
async fn the_longest_tags_pass_by_characters() {
    let (key, value) = ("é".repeat(128), "é".repeat(256));
    let asked = asked(AddTagsToStream, json!({"StreamName": "orders", "Tags": {key.clone(): value.clone()}})).await;
    assert!(asked.contains(&format!("TagKey({key:?}): TagValue({value:?})")), "{asked}");
}

#[tokio::test]
async fn keys_pass_once_each() {
    let keys = r#"{TagKey("a"), TagKey("b")}"#;
    assert_eq!(
        asked(RemoveTagsFromStream, json!({"StreamName": "orders", "TagKeys": ["b", "a", "b"]})).await,
        format!("RemoveTagsFromStream {{ stream: {BY_NAME}, keys: {keys} }}")
    );
    assert_eq!(
        asked(UntagResource, json!({"ResourceARN": ARN, "TagKeys": ["b", "a"]})).await,
        format!("UntagResource {{ resource: Stream({BY_ARN}), keys: {keys} }}")
    );
}

#[tokio::test]
async fn lists_pass_their_page_or_their_resource() {
    let page = json!({"StreamName": "orders", "ExclusiveStartTagKey": "a", "Limit": 50});
    assert_eq!(
        asked(ListTagsForStream, page).await,
        format!(r#"ListTagsForStream {{ stream: {BY_NAME}, after: Some(TagKey("a")), limit: Some(50) }}"#)
    );
    assert_eq!(
        asked(ListTagsForResource, json!({"ResourceARN": ARN})).await,
        format!("ListTagsForResource {{ resource: Stream({BY_ARN}) }}")
    );
    let consumer = format!("{ARN}/consumer/billing:1742000000");
    assert_eq!(
        asked(ListTagsForResource, json!({"ResourceARN": consumer})).await,
        format!("ListTagsForResource {{ resource: Other({consumer:?}) }}")
    );
}

#[tokio::test]
async fn changes_of_tags_answer_nothing() {
    for (operation, body) in [
        (AddTagsToStream, json!({"StreamName": "orders", "Tags": {"a": "b"}})),
        (RemoveTagsFromStream, json!({"StreamARN": ARN, "TagKeys": ["a"]})),
        (TagResource, json!({"ResourceARN": ARN, "Tags": {"a": "b"}})),
        (UntagResource, json!({"ResourceARN": ARN, "TagKeys": ["a"]})),
    ] {
        assert_eq!(answer(operation, body).await, Ok(String::new()), "{operation:?}");
    }
}

#[tokio::test]
async fn lists_print_keys_with_values_and_whether_more_follow() {
    let tags = r#"[{"Key":"empty","Value":""},{"Key":"team","Value":"\"é\""}]"#;
    let of_stream = |more| Ok(format!(r#"{{"Tags":{tags},"HasMoreTags":{more}}}"#));
    assert_eq!(answer(ListTagsForStream, json!({"StreamName": "orders"})).await, of_stream(false));
    assert_eq!(answer(ListTagsForStream, json!({"StreamName": "orders", "Limit": 2})).await, of_stream(true));
    assert_eq!(answer(ListTagsForResource, json!({"ResourceARN": ARN})).await, Ok(format!(r#"{{"Tags":{tags}}}"#)));
}

#[tokio::test]
async fn describe_limits_prints_what_there_is_and_what_there_may_be() {
    let printed =
        r#"{"ShardLimit":20000,"OpenShardCount":3,"OnDemandStreamCount":0,"OnDemandStreamCountLimit":50}"#.to_owned();
    assert_eq!(answer(DescribeLimits, json!({})).await, Ok(printed));
}

#[tokio::test]
async fn tags_are_wanted_before_the_stream() {
    for (operation, first) in [(AddTagsToStream, "tags"), (RemoveTagsFromStream, "tagKeys")] {
        let text = format!(
            "2 validation errors detected: Value null at '{first}' failed to satisfy constraint: Member must not be \
             null; Value null at 'streamName' failed to satisfy constraint: Member must not be null"
        );
        assert_eq!(answer(operation, json!({})).await, Err(ApiError::new(ErrorCode::Validation, text)));
    }
}
