//! What every proof does with streams: create one, list shards, read a shard from its beginning.

use crate::client::Client;
use crate::deadline;
use serde_json::{Value, json};

/// A shard as ListShards shows it.
#[derive(Debug, Clone)]
pub struct ShardRow {
    /// `shardId-…`
    pub id: String,
    /// The first hash key of its range, in decimal digits.
    pub starting_hash_key: String,
}

/// A record as GetRecords shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadRecord {
    /// In decimal digits.
    pub sequence_number: String,
    /// As it was put.
    pub partition_key: String,
    /// As it was put.
    pub data: Vec<u8>,
}

/// Creates `stream` and waits until it takes records.
///
/// # Panics
/// When the node refuses, or the stream does not become active.
pub fn create(client: &mut Client, stream: &str, shards: u32) {
    client.must("CreateStream", &json!({"StreamName": stream, "ShardCount": shards}));
    deadline::until("an active stream", || {
        let summary = client.must("DescribeStreamSummary", &json!({"StreamName": stream}));
        (summary["StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE").then_some(())
    });
}

/// All shards of `stream`.
///
/// # Panics
/// When the node refuses to list them.
pub fn shards(client: &mut Client, stream: &str) -> Vec<ShardRow> {
    let mut rows = Vec::new();
    let mut request = json!({"StreamName": stream});
    loop {
        let page = client.must("ListShards", &request);
        for shard in page["Shards"].as_array().expect("Shards is a list") {
            rows.push(ShardRow {
                id: text(&shard["ShardId"]),
                starting_hash_key: text(&shard["HashKeyRange"]["StartingHashKey"]),
            });
        }
        match page["NextToken"].as_str() {
            Some(token) => request = json!({"NextToken": token}),
            None => return rows,
        }
    }
}

/// An iterator that starts at the oldest record of a shard.
///
/// # Panics
/// When the node refuses to give one.
pub fn oldest(client: &mut Client, stream: &str, shard: &str) -> String {
    let request = json!({"StreamName": stream, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"});
    text(&client.must("GetShardIterator", &request)["ShardIterator"])
}

/// Reads once; gives the records and the iterator behind them. The stream must have no limits.
///
/// # Panics
/// When the node refuses.
pub fn read(client: &mut Client, iterator: &str) -> (Vec<ReadRecord>, String, bool) {
    let answer = client.must("GetRecords", &json!({"ShardIterator": iterator}));
    let records = answer["Records"].as_array().expect("Records is a list");
    let at_tip = answer["MillisBehindLatest"] == 0;
    (records.iter().map(record).collect(), text(&answer["NextShardIterator"]), at_tip)
}

/// Reads a shard from its oldest record to its tip.
///
/// # Panics
/// When the node refuses.
pub fn read_all(client: &mut Client, stream: &str, shard: &str) -> Vec<ReadRecord> {
    let mut iterator = oldest(client, stream, shard);
    let mut records = Vec::new();
    loop {
        let (more, next, at_tip) = read(client, &iterator);
        let is_empty = more.is_empty();
        records.extend(more);
        iterator = next;
        if at_tip && is_empty {
            return records;
        }
    }
}

fn record(row: &Value) -> ReadRecord {
    let data = base64_simd::STANDARD.decode_to_vec(text(&row["Data"])).expect("Data is base64");
    ReadRecord { sequence_number: text(&row["SequenceNumber"]), partition_key: text(&row["PartitionKey"]), data }
}

/// The text of a member that is always there.
fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("a text is expected, not {value}")).to_owned()
}
