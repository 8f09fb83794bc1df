//! A request as the JSON that asks it.

use crate::service::Asked;
use anabranch_api::{
    ConsumerPage, ConsumerSelector, GetShardIterator, IteratorStart, ListShards, ListStreamConsumers, PutEntry,
    ResourceArn, ShardFilter, ShardPage, StreamSelector,
};
use anabranch_types::{TagKey, TagValue, Tags, Timestamp};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

type Members = Map<String, Value>;

fn put(members: &mut Members, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        members.insert(name.to_owned(), value.into());
    }
}

fn stream(members: &mut Members, stream: &StreamSelector) {
    put(members, "StreamName", stream.name.as_ref().map(ToString::to_string));
    put(members, "StreamARN", stream.arn.as_ref().map(ToString::to_string));
}

fn resource(members: &mut Members, resource: &ResourceArn) {
    let arn = match resource {
        ResourceArn::Stream(arn) => arn.to_string(),
        ResourceArn::Other(arn) => arn.clone(),
    };
    put(members, "ResourceARN", Some(arn));
}

fn tags(members: &mut Members, tags: &Tags) {
    let tag = |(key, value): (&TagKey, &TagValue)| (key.to_string(), Value::from(value.as_str()));
    put(members, "Tags", (!tags.is_empty()).then(|| tags.iter().map(tag).collect::<Members>()));
}

fn keys(members: &mut Members, keys: &BTreeSet<TagKey>) {
    put(members, "TagKeys", Some(keys.iter().map(ToString::to_string).collect::<Vec<String>>()));
}

fn seconds(time: Timestamp) -> Value {
    serde_json::from_str(&time.to_string()).expect("seconds with decimals are a number")
}

fn entry(members: &mut Members, entry: &PutEntry) {
    put(members, "Data", Some(base64_simd::STANDARD.encode_to_string(&entry.data)));
    put(members, "PartitionKey", Some(entry.partition_key.as_str()));
    put(members, "ExplicitHashKey", entry.explicit_hash_key.map(|key| key.to_string()));
}

fn shards(members: &mut Members, request: &ListShards) {
    put(members, "MaxResults", request.max_results);
    let (named, after, filter, created) = match &request.page {
        ShardPage::First { stream, after, filter, created } => (stream, after, filter, created),
        ShardPage::Next { token, stream_arn } => {
            put(members, "NextToken", Some(token.as_str()));
            return put(members, "StreamARN", stream_arn.as_ref().map(ToString::to_string));
        }
    };
    stream(members, named);
    put(members, "ExclusiveStartShardId", after.map(|shard| shard.to_string()));
    put(members, "StreamCreationTimestamp", created.map(seconds));
    if after.is_none() {
        let filter = match filter {
            ShardFilter::AfterShardId(shard) => json!({"Type": "AFTER_SHARD_ID", "ShardId": shard.to_string()}),
            ShardFilter::AtTrimHorizon => json!({"Type": "AT_TRIM_HORIZON"}),
            ShardFilter::FromTrimHorizon => json!({"Type": "FROM_TRIM_HORIZON"}),
            ShardFilter::AtLatest => json!({"Type": "AT_LATEST"}),
            ShardFilter::AtTimestamp(at) => json!({"Type": "AT_TIMESTAMP", "Timestamp": seconds(*at)}),
            ShardFilter::FromTimestamp(from) => json!({"Type": "FROM_TIMESTAMP", "Timestamp": seconds(*from)}),
        };
        put(members, "ShardFilter", Some(filter));
    }
}

fn iterator(members: &mut Members, request: &GetShardIterator) {
    stream(members, &request.stream);
    put(members, "ShardId", Some(request.shard.as_str()));
    start(members, request.start, ["ShardIteratorType", "StartingSequenceNumber"]);
}

/// Where to begin, by the names that type and number have.
fn start(members: &mut Members, start: IteratorStart, names: [&str; 2]) {
    let (kind, number, time) = match start {
        IteratorStart::AtSequenceNumber(number) => ("AT_SEQUENCE_NUMBER", Some(number), None),
        IteratorStart::AfterSequenceNumber(number) => ("AFTER_SEQUENCE_NUMBER", Some(number), None),
        IteratorStart::TrimHorizon => ("TRIM_HORIZON", None, None),
        IteratorStart::Latest => ("LATEST", None, None),
        IteratorStart::AtTimestamp(time) => ("AT_TIMESTAMP", None, Some(time)),
    };
    put(members, names[0], Some(kind));
    put(members, names[1], number.map(|number| number.to_string()));
    put(members, "Timestamp", time.map(seconds));
}

fn consumer(members: &mut Members, selector: &ConsumerSelector) {
    put(members, "ConsumerARN", selector.arn.as_ref().map(ToString::to_string));
    put(members, "StreamARN", selector.stream.as_ref().map(ToString::to_string));
    put(members, "ConsumerName", selector.name.as_ref().map(ToString::to_string));
}

fn consumers(members: &mut Members, request: &ListStreamConsumers) {
    put(members, "StreamARN", Some(request.stream.to_string()));
    put(members, "MaxResults", request.max_results);
    match &request.page {
        ConsumerPage::First { created } => put(members, "StreamCreationTimestamp", created.map(seconds)),
        ConsumerPage::Next { token } => put(members, "NextToken", Some(token.as_str())),
    }
}

/// An iterator in quotes where it needs them: one pair is taken off.
fn quoted(iterator: &str) -> String {
    let needs = iterator.is_empty() || (iterator.len() > 1 && iterator.starts_with('"') && iterator.ends_with('"'));
    if needs { format!("\"{iterator}\"") } else { iterator.to_owned() }
}

/// The members of a request that is about tags.
fn of_tags(members: &mut Members, asked: &Asked) {
    match asked {
        Asked::AddTags(request) => {
            stream(members, &request.stream);
            tags(members, &request.tags);
        }
        Asked::RemoveTags(request) => {
            stream(members, &request.stream);
            keys(members, &request.keys);
        }
        Asked::ListTags(request) => {
            stream(members, &request.stream);
            put(members, "ExclusiveStartTagKey", request.after.as_ref().map(ToString::to_string));
            put(members, "Limit", request.limit);
        }
        Asked::Tag(request) => {
            resource(members, &request.resource);
            tags(members, &request.tags);
        }
        Asked::Untag(request) => {
            resource(members, &request.resource);
            keys(members, &request.keys);
        }
        Asked::TagsOf(request) => resource(members, &request.resource),
        other => panic!("not about tags: {other:?}"),
    }
}

/// A request that changes a stream's shards or settings.
fn of_changes(members: &mut Members, asked: &Asked) {
    match asked {
        Asked::Increase(request) => {
            stream(members, &request.stream);
            put(members, "RetentionPeriodHours", Some(request.hours));
        }
        Asked::Decrease(request) => {
            stream(members, &request.stream);
            put(members, "RetentionPeriodHours", Some(request.hours));
        }
        Asked::Resize(request) => {
            stream(members, &request.stream);
            put(members, "MaxRecordSizeInKiB", Some(request.max_record_kib));
        }
        Asked::Split(request) => {
            stream(members, &request.stream);
            put(members, "ShardToSplit", Some(request.shard.as_str()));
            put(members, "NewStartingHashKey", Some(request.at.as_str()));
        }
        Asked::Merge(request) => {
            stream(members, &request.stream);
            put(members, "ShardToMerge", Some(request.shard.as_str()));
            put(members, "AdjacentShardToMerge", Some(request.adjacent.as_str()));
        }
        Asked::Scale(request) => {
            stream(members, &request.stream);
            put(members, "TargetShardCount", Some(request.target.get()));
            put(members, "ScalingType", Some("UNIFORM_SCALING"));
        }
        other => panic!("changes no stream: {other:?}"),
    }
}

/// A request about consumers.
fn of_consumers(members: &mut Members, asked: &Asked) {
    match asked {
        Asked::RegisterConsumer(request) => {
            put(members, "StreamARN", Some(request.stream.to_string()));
            put(members, "ConsumerName", Some(request.name.as_str()));
        }
        Asked::DeregisterConsumer(request) => consumer(members, &request.consumer),
        Asked::DescribeConsumer(request) => consumer(members, &request.consumer),
        Asked::Consumers(request) => consumers(members, request),
        Asked::Subscribe(request) => {
            put(members, "ConsumerARN", Some(request.consumer.to_string()));
            put(members, "ShardId", Some(request.shard.as_str()));
            let mut position = Members::new();
            start(&mut position, request.start, ["Type", "SequenceNumber"]);
            put(members, "StartingPosition", Some(position));
        }
        other => panic!("not about consumers: {other:?}"),
    }
}

/// The JSON of a request that asks for `asked` and nothing else.
pub fn rewritten(asked: &Asked) -> Value {
    let mut members = Members::new();
    match asked {
        Asked::Create(request) => {
            put(&mut members, "StreamName", Some(request.name.as_str()));
            put(&mut members, "ShardCount", Some(request.shard_count.get()));
            tags(&mut members, &request.tags);
        }
        Asked::Delete(request) => {
            stream(&mut members, &request.stream);
            put(&mut members, "EnforceConsumerDeletion", Some(request.enforce_consumer_deletion));
        }
        Asked::Describe(request) => {
            stream(&mut members, &request.stream);
            put(&mut members, "Limit", request.limit);
            put(&mut members, "ExclusiveStartShardId", request.after.map(|shard| shard.to_string()));
        }
        Asked::Summarize(request) => stream(&mut members, &request.stream),
        Asked::Streams(request) => {
            put(&mut members, "Limit", request.limit);
            put(&mut members, "ExclusiveStartStreamName", request.after.as_ref().map(ToString::to_string));
            put(&mut members, "NextToken", request.next_token.as_deref());
        }
        Asked::Shards(request) => shards(&mut members, request),
        Asked::Put(request) => {
            stream(&mut members, &request.stream);
            entry(&mut members, &request.entry);
            put(&mut members, "SequenceNumberForOrdering", request.above.map(|number| number.to_string()));
        }
        Asked::Puts(request) => {
            stream(&mut members, &request.stream);
            let entries = request.entries.iter().map(|one| {
                let mut members = Members::new();
                entry(&mut members, one);
                Value::from(members)
            });
            put(&mut members, "Records", Some(entries.collect::<Vec<Value>>()));
        }
        Asked::Iterator(request) => iterator(&mut members, request),
        Asked::Records(request) => {
            put(&mut members, "ShardIterator", Some(quoted(&request.iterator.0)));
            put(&mut members, "Limit", request.limit);
            put(&mut members, "StreamARN", request.stream_arn.as_ref().map(ToString::to_string));
        }
        Asked::Increase(_) | Asked::Decrease(_) | Asked::Resize(_) => of_changes(&mut members, asked),
        Asked::Split(_) | Asked::Merge(_) | Asked::Scale(_) => of_changes(&mut members, asked),
        Asked::RegisterConsumer(_) | Asked::DeregisterConsumer(_) => of_consumers(&mut members, asked),
        Asked::DescribeConsumer(_) | Asked::Consumers(_) | Asked::Subscribe(_) => of_consumers(&mut members, asked),
        Asked::AddTags(_) | Asked::RemoveTags(_) | Asked::ListTags(_) => of_tags(&mut members, asked),
        Asked::Tag(_) | Asked::Untag(_) | Asked::TagsOf(_) => of_tags(&mut members, asked),
        Asked::Limits => {}
    }
    members.into()
}
