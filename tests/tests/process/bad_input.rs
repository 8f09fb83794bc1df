//! Bad input gets a typed error, leaves the node alive and lean, and costs no other client
//! anything (I10).

use crate::attack::{Attack, BadRequest};
use crate::bad_signatures::{bad_for_anyone, bad_where_verified};
use anabranch_aws_api::Encoding;
use anabranch_aws_api::kinesis::bad_inputs::bad_inputs;
use anabranch_tests::client::Client;
use anabranch_tests::node::{Node, NodeSpec};
use anabranch_tests::streams;
use serde_json::{Value, json};

/// Nesting that overflows the stack of a parser which recurses without a limit.
const BOMB_DEPTH: usize = 1_000_000;
const SERIALIZATION: &str = "SerializationException";

#[test]
fn bad_input_is_refused_by_name_and_costs_no_other_client_anything() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let node = NodeSpec::dev(folder.path(), &["--no-limits"]).start();
    Attack::on(node, "dev", requests).run();
}

#[test]
fn a_server_that_verifies_signatures_refuses_bad_ones_and_bad_input_alike() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let node = NodeSpec::server(folder.path(), &folder.path().join("data")).start();
    Attack::on(node, "server", |node| {
        let mut requests = requests(node);
        requests.extend(bad_where_verified());
        requests
    })
    .run();
}

/// Everything that must be refused by any node.
fn requests(node: &Node) -> Vec<BadRequest> {
    let mut requests: Vec<BadRequest> = bad_inputs()
        .into_iter()
        .map(|bad| {
            let (names, body) = (bad.names.unwrap_or_default(), bad.body.bytes.to_vec());
            BadRequest::signed(bad.operation.name(), body, bad.code.http_status(), bad.code.name())
                .encoded_in(bad.body.encoding)
                .naming(&names)
        })
        .collect();
    assert!(requests.len() > 1_000, "only {} inputs come from the model", requests.len());
    requests.extend(bad_bodies());
    requests.extend(bad_cbor());
    requests.extend(bad_heads());
    requests.extend(bad_tokens(&mut node.client()));
    requests.extend(bad_for_anyone());
    requests
}

fn bad_bodies() -> Vec<BadRequest> {
    let put = |data: &str| {
        let records = json!([{"Data": data, "PartitionKey": "k"}]);
        json!({"StreamName": "orders", "Records": records}).to_string().into_bytes()
    };
    let refused = |operation: &str, body: &[u8]| BadRequest::signed(operation, body.to_vec(), 400, SERIALIZATION);
    let bomb = |open: &str| open.repeat(BOMB_DEPTH).into_bytes();
    vec![
        BadRequest::signed("PutRecord", vec![b'a'; 20 << 20], 413, "RequestEntityTooLargeException"),
        BadRequest::signed("PutRecord", vec![b'['; (16 << 20) + 1], 413, "RequestEntityTooLargeException"),
        refused("PutRecords", &bomb("[")),
        refused("PutRecords", &bomb("{\"Records\":")),
        refused("PutRecords", &[b"{\"StreamName\":\"orders\",\"Records\":".to_vec(), bomb("[")].concat()),
        refused("PutRecord", &[b"{\"Unknown\":".to_vec(), bomb("[{\"a\":")].concat()),
        refused("PutRecords", &put("not base64!")),
        refused("PutRecords", &put("YWJj=")),
        refused("PutRecords", &put("YR==")),
        refused("PutRecord", b"\x00\x01\x02\x03"),
        refused("PutRecord", "\u{feff}{}".as_bytes()),
        refused("ListStreams", b"\"ListStreams\""),
    ]
}

/// Nesting and announcements that a careless reader of CBOR pays for with its stack or its memory.
fn bad_cbor() -> Vec<BadRequest> {
    let refused = |body: Vec<u8>| BadRequest::signed("PutRecords", body, 400, SERIALIZATION).encoded_in(Encoding::Cbor);
    let records = |value: &[u8]| [b"\xbf\x6aStreamName\x66orders\x67Records", value].concat();
    let announced = |first: u8| [vec![first], vec![0x7f], vec![0xff; 7]].concat();
    let mut bad: Vec<BadRequest> =
        [0x81, 0x9f, 0xc1, 0xd8].into_iter().map(|first| refused(vec![first; BOMB_DEPTH])).collect();
    bad.push(refused(b"\xbf\x61a".repeat(BOMB_DEPTH)));
    bad.push(refused(records(&[0x9f; BOMB_DEPTH])));
    // Bytes, texts, lists and maps of 2^63 - 1 entries, at the beginning and where the model wants a list.
    for first in [0x5b, 0x7b, 0x9b, 0xbb] {
        bad.push(refused(announced(first)));
        bad.push(refused(records(&announced(first))));
    }
    bad.push(refused(records(&[announced(0x9b), vec![0xf6; 1 << 20]].concat())));
    bad
}

/// Methods, targets and content types that name nothing which is served.
fn bad_heads() -> Vec<BadRequest> {
    let raw = |line: &'static str, headers: &[(&str, &str)], status: u16, code: &'static str| {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        BadRequest::raw(line, headers, b"{}".to_vec(), status, code)
    };
    let host = ("host", "localhost");
    let json_type = ("content-type", "application/x-amz-json-1.1");
    let target = ("x-amz-target", "Kinesis_20131202.ListStreams");
    let long = "x".repeat(20 << 10);
    let mut bad = vec![
        raw("GET / HTTP/1.1", &[host], 403, "AccessDeniedException"),
        raw("GET /orders HTTP/1.1", &[host], 403, "AccessDeniedException"),
        raw("PUT / HTTP/1.1", &[host, json_type, target], 403, "AccessDeniedException"),
        raw("DELETE / HTTP/1.1", &[host, json_type, target], 403, "AccessDeniedException"),
        raw("BREW / HTTP/1.1", &[host], 403, "AccessDeniedException"),
        raw("POST / HTTP/1.1", &[host], 403, "AccessDeniedException"),
        raw("POST / HTTP/1.1", &[host, ("content-type", "text/html"), target], 404, "UnknownOperationException"),
        raw("POST / HTTP/1.1", &[host, json_type, ("x-long", &long)], 431, "RequestHeaderFieldsTooLargeException"),
        raw("POST / HTTP/1.1", &[host, ("content-type", "application/x-amz-cbor-1.1"), target], 400, SERIALIZATION),
    ];
    for name in ["Kinesis_20131202.Nonsense", "Kinesis_20131202.", "DynamoDB_20120810.ListTables", ".", "\u{e9}"] {
        bad.push(raw("POST / HTTP/1.1", &[host, json_type, ("x-amz-target", name)], 400, "UnknownOperationException"));
    }
    bad
}

/// Iterators and page tokens that this cluster did not seal for that use, and what they point
/// to gone.
fn bad_tokens(client: &mut Client) -> Vec<BadRequest> {
    streams::create(client, "tokens", 2);
    let shard = streams::shards(client, "tokens").remove(0).id;
    let iterator = streams::oldest(client, "tokens", &shard);
    let page = client.must("ListShards", &json!({"StreamName": "tokens", "MaxResults": 1}));
    let page = page["NextToken"].as_str().expect("a second page");
    streams::create(client, "gone", 1);
    let shard = streams::shards(client, "gone").remove(0).id;
    let orphan = streams::oldest(client, "gone", &shard);
    client.must("DeleteStream", &json!({"StreamName": "gone"}));

    let get = |iterator: &str, code: &'static str| call("GetRecords", &json!({"ShardIterator": iterator}), code);
    let mut bad = vec![get("AAAA", "InvalidArgumentException"), get(page, "InvalidArgumentException")];
    for at in (0..iterator.len()).step_by(7) {
        let mut forged = iterator.clone().into_bytes();
        forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
        bad.push(get(&String::from_utf8(forged).expect("ASCII"), "InvalidArgumentException"));
        bad.push(get(&iterator[..at.max(1)], "InvalidArgumentException"));
    }
    // In the long show it grows too old as well.
    bad.push(get(&orphan, "ResourceNotFoundException").or_code("ExpiredIteratorException"));
    bad.push(call("ListShards", &json!({"NextToken": iterator}), "InvalidArgumentException"));
    bad.push(call("DescribeStream", &json!({"StreamName": "absent"}), "ResourceNotFoundException"));
    let put = json!({"StreamName": "absent", "Records": [{"Data": "YQ==", "PartitionKey": "k"}]});
    bad.push(call("PutRecords", &put, "ResourceNotFoundException"));
    bad
}

fn call(operation: &str, body: &Value, code: &'static str) -> BadRequest {
    BadRequest::signed(operation, body.to_string().into_bytes(), 400, code)
}
