//! A member that the model knows changes what the service is asked, or is refused by name.

use super::recorder::{ARN, CONSUMER, Recorder, sequence_number, serve};
use crate::kinesis::Operation::{self, *};
use crate::kinesis::bad_inputs::good_input;
use crate::model::{Kind, MODEL, Shape};
use serde_json::{Value, json};

/// Members that mean nothing; docs/compatibility.md lists them.
const WITHOUT_MEANING: [(Operation, &str); 2] = [
    // The service looks at it only beside AT_TIMESTAMP.
    (GetShardIterator, "Timestamp"),
    (SubscribeToShard, "Timestamp"),
];

/// What `member` is given: a value that asks for something.
fn value_of(member: &str) -> Value {
    match member {
        "StreamName" => json!("orders"),
        "StreamARN" => json!(ARN),
        "ConsumerARN" => json!(CONSUMER),
        "ConsumerName" => json!("audit"),
        "StreamId" => json!("abcdefghijabcdefghij-abc"),
        "DryRun" | "EnforceConsumerDeletion" => json!(true),
        "Limit" | "MaxResults" | "RetentionPeriodHours" | "ShardCount" | "WarmThroughputMiBps" => json!(7),
        "MaxRecordSizeInKiB" => json!(2_048),
        "ShardId" | "ExclusiveStartShardId" => json!("shardId-000000000007"),
        "ExclusiveStartStreamName" | "ExclusiveStartTagKey" => json!("a"),
        "NextToken" => json!("t"),
        "Timestamp" | "StreamCreationTimestamp" => json!(1_742_000_000),
        "StartingSequenceNumber" | "SequenceNumber" | "SequenceNumberForOrdering" => {
            json!(sequence_number(0).to_string())
        }
        "ExplicitHashKey" => json!("7"),
        "ShardFilter" => json!({"Type": "AT_LATEST"}),
        "StreamModeDetails" => json!({"StreamMode": "ON_DEMAND"}),
        "RecordDistributionStrategy" => json!("AUTO"),
        "Tags" => json!({"a": "b"}),
        new => panic!("say what {new} asks for"),
    }
}

/// `base` with each member that it lacks in turn, at any depth, and the member's name.
fn additions(shape: &Shape, base: &Value) -> Vec<(String, Value)> {
    let whole = |key: Value, part: Value| {
        let mut whole = base.clone();
        match key.as_str() {
            Some(name) => whole[name] = part,
            None => whole[0] = part,
        }
        whole
    };
    match &shape.kind {
        Kind::Structure(structure) => (structure.members.iter())
            .flat_map(|member| match base.get(&member.name) {
                None => vec![(member.name.clone(), whole(json!(member.name), value_of(&member.name)))],
                Some(part) => (additions(&member.shape, part).into_iter())
                    .map(|(added, part)| (added, whole(json!(member.name), part)))
                    .collect(),
            })
            .collect(),
        Kind::List { element, .. } => {
            (additions(element, &base[0]).into_iter()).map(|(added, part)| (added, whole(Value::Null, part))).collect()
        }
        _ => Vec::new(),
    }
}

async fn asked(operation: Operation, body: &Value) -> Result<String, String> {
    let service = Recorder::default();
    match serve(&service, operation, body.to_string().as_bytes()).await {
        Ok(_) => Ok(service.seen().concat()),
        Err(refusal) => Err(refusal.message.into_owned()),
    }
}

#[tokio::test]
async fn every_member_changes_what_is_asked_or_is_refused_by_name() {
    let others = [
        (ListShards, json!({"NextToken": "t"})),
        (ListShards, json!({"StreamName": "orders", "ShardFilter": {"Type": "AT_LATEST"}})),
        (ListStreams, json!({"NextToken": "t"})),
        (DeregisterStreamConsumer, json!({"StreamARN": ARN, "ConsumerName": "audit"})),
        (ListStreamConsumers, json!({"StreamARN": ARN, "NextToken": "t"})),
    ];
    let bases = Operation::ALL.iter().map(|operation| (*operation, good_input(*operation))).chain(others);
    for (operation, base) in bases {
        let without = asked(operation, &base).await.expect("a good request");
        for (member, body) in additions(MODEL.input(operation), &base) {
            match asked(operation, &body).await {
                Ok(with) if WITHOUT_MEANING.contains(&(operation, &member)) => assert_eq!(with, without, "{body}"),
                Ok(with) => assert_ne!(with, without, "{operation:?} drops {member} of {body}"),
                Err(message) => assert!(message.contains(&member), "{operation:?} {body}: {message}"),
            }
        }
    }
}
