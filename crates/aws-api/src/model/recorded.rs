//! Where the recorded answers of the service differ from the published model.
//!
//! Source: messages of Amazon Kinesis as recorded in public conformance tests: the order in
//! which the members of a request are judged, and which of them it wants although the model
//! calls them optional.

use super::shape::{Member, Presence};

/// Per shape: the members in the order in which their violations are listed. Members that
/// were never recorded follow in the model's order.
const ORDER: &[(&str, &[&str])] = &[
    ("AddTagsToStreamInput", &["Tags", "StreamName"]),
    ("CreateStreamInput", &["ShardCount", "StreamName"]),
    ("DecreaseStreamRetentionPeriodInput", &["RetentionPeriodHours", "StreamName"]),
    ("DescribeStreamInput", &["Limit", "ExclusiveStartShardId", "StreamName"]),
    ("GetRecordsInput", &["Limit", "ShardIterator"]),
    ("GetShardIteratorInput", &["ShardId", "ShardIteratorType", "StartingSequenceNumber", "StreamName"]),
    ("IncreaseStreamRetentionPeriodInput", &["RetentionPeriodHours", "StreamName"]),
    ("ListStreamsInput", &["Limit", "ExclusiveStartStreamName"]),
    ("ListTagsForStreamInput", &["Limit", "ExclusiveStartTagKey", "StreamName"]),
    ("PutRecordInput", &["SequenceNumberForOrdering", "PartitionKey", "ExplicitHashKey", "Data", "StreamName"]),
    ("PutRecordsInput", &["Records", "StreamName"]),
    ("PutRecordsRequestEntry", &["PartitionKey", "Data", "ExplicitHashKey"]),
    ("RemoveTagsFromStreamInput", &["TagKeys", "StreamName"]),
];

/// The model lets the partition key be absent for streams that choose the shard themselves;
/// streams here are never of that kind.
const PARTITION_KEY_SHAPES: &[&str] = &["PutRecordInput", "PutRecordsRequestEntry"];

/// The operations that work on one stream; ListShards has its own text and GetRecords finds
/// the stream in its iterator.
const STREAM_SHAPES: &[&str] = &[
    "DecreaseStreamRetentionPeriodInput",
    "AddTagsToStreamInput",
    "DeleteStreamInput",
    "DescribeStreamInput",
    "DescribeStreamSummaryInput",
    "GetShardIteratorInput",
    "IncreaseStreamRetentionPeriodInput",
    "ListTagsForStreamInput",
    "PutRecordInput",
    "PutRecordsInput",
    "RemoveTagsFromStreamInput",
];

/// Whether `member` of `shape` may be absent, by what the model says and what was recorded.
pub(super) fn presence(shape: &str, member: &str, required: bool) -> Presence {
    match member {
        "PartitionKey" if PARTITION_KEY_SHAPES.contains(&shape) => Presence::Required,
        "StreamName" if STREAM_SHAPES.contains(&shape) => Presence::RequiredUnlessOtherwiseNamed,
        _ if required => Presence::Required,
        _ => Presence::Optional,
    }
}

/// Puts `members` of `shape` into the recorded order.
pub(super) fn order(shape: &str, members: &mut [Member]) {
    let Some((_, recorded)) = ORDER.iter().find(|(name, _)| *name == shape) else {
        return;
    };
    let rank = |member: &Member| recorded.iter().position(|name| *name == member.name).unwrap_or(recorded.len());
    members.sort_by_key(rank);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Kind, MODEL, Shape};

    fn structures<'a>(shape: &'a Shape, found: &mut Vec<&'a Shape>) {
        match &shape.kind {
            Kind::Structure(structure) => {
                found.push(shape);
                structure.members.iter().for_each(|member| structures(&member.shape, found));
            }
            Kind::List { element, .. } => structures(element, found),
            _ => {}
        }
    }

    #[test]
    fn every_recorded_member_is_one_of_the_model() {
        let mut found = Vec::new();
        MODEL.inputs().for_each(|(_, shape)| structures(shape, &mut found));
        for (name, members) in ORDER {
            let shape = found.iter().find(|shape| shape.name == *name).expect("the model has the shape");
            let Kind::Structure(structure) = &shape.kind else { panic!("{name} is a structure") };
            let begin: Vec<&str> = structure.members.iter().take(members.len()).map(|m| m.name.as_str()).collect();
            assert_eq!(begin, *members);
        }
        for name in PARTITION_KEY_SHAPES.iter().chain(STREAM_SHAPES) {
            assert!(found.iter().any(|shape| shape.name == *name), "{name}");
        }
    }
}
