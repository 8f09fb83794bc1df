//! Everything survives the wire, and nothing that comes over it panics.

use super::*;
use crate::error::NodeError;
use crate::metadata_node::CreateStreamReply;
use crate::storage_node::{
    Attempt, NewRetention, NewShards, PutItem, PutRecordIn, PutReply, PutRequest, ReadReply, ReadRequest, ReadStart,
    RecordFate, RecordOut, SubscriptionRead,
};
use anabranch_catalog::{Closed, Ending, Parents, Shard};
use anabranch_limiter::Bucket;
use anabranch_types::{
    AccountId, GroupId, HashKey, HashKeyRange, MapVersion, NodeId, PartitionKey, RequestId, SequenceNumber, ShardEpoch,
    StreamName, Timestamp,
};
use bytes::Bytes;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use prost::Message;
use std::fmt::Debug;
use std::num::NonZeroU32;
use std::sync::Arc;

/// As bytes and back.
fn over_the_wire<M: Message + Default>(message: M) -> M {
    M::decode(Bytes::from(message.encode_to_vec())).unwrap()
}

/// Our words have no equality; their debug text shows every field.
fn same(one: impl Debug, other: impl Debug) {
    assert_eq!(format!("{one:?}"), format!("{other:?}"));
}

fn bytes() -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..200).prop_map(Bytes::from)
}

fn bucket() -> impl Strategy<Value = Bucket> {
    prop_oneof![Just(Bucket::WriteBytes), Just(Bucket::WriteRecords), Just(Bucket::ReadBytes), Just(Bucket::ReadCalls)]
}

fn counter() -> impl Strategy<Value = Counter> {
    (0..=Counter::END.bits()).prop_map(|bits| Counter::from_bits(bits).unwrap())
}

fn timestamp() -> impl Strategy<Value = Timestamp> {
    any::<u64>().prop_map(Timestamp::from_millis)
}

fn shard_key() -> impl Strategy<Value = ShardKey> {
    (any::<u64>(), any::<u32>())
        .prop_map(|(stream, shard)| ShardKey { stream: StreamUid(stream), shard: ShardId(shard) })
}

fn error() -> impl Strategy<Value = NodeError> {
    prop_oneof![
        (any::<u32>(), option::of(any::<u64>()))
            .prop_map(|(group, leader)| NodeError::NotLeader { group: GroupId(group), leader: leader.map(NodeId) }),
        ".*".prop_map(|reason| NodeError::Unknown { reason }),
        ".*".prop_map(|reason| NodeError::Unavailable { reason }),
        any::<u32>().prop_map(|group| NodeError::NoSuchShard { group: GroupId(group) }),
        (bucket(), any::<Duration>()).prop_map(|(bucket, retry_after)| NodeError::Throttled { bucket, retry_after }),
        any::<Duration>().prop_map(|retry_after| NodeError::SubscriptionInUse { retry_after }),
        Just(NodeError::SubscriptionTakenOver),
        ".*".prop_map(|reason| NodeError::Damaged { reason }),
    ]
}

fn fate() -> impl Strategy<Value = RecordFate> {
    prop_oneof![
        (counter(), timestamp()).prop_map(|(counter, arrival)| RecordFate::Stored { counter, arrival }),
        (bucket(), any::<Duration>()).prop_map(|(bucket, retry_after)| RecordFate::Throttled { bucket, retry_after }),
        Just(RecordFate::Closed),
        Just(RecordFate::Misrouted),
        Just(RecordFate::TooOld),
    ]
}

fn put_request() -> impl Strategy<Value = PutRequest> {
    let record = (any::<u128>(), ".{1,256}", bytes()).prop_map(|(hash_key, key, data)| PutRecordIn {
        hash_key: HashKey(hash_key),
        partition_key: PartitionKey::new(key).unwrap(),
        data,
    });
    let item = (shard_key(), vec(record, 1..4)).prop_map(|(shard, records)| PutItem { shard, records });
    (any::<u32>(), any::<u128>(), timestamp(), vec(item, 0..4)).prop_map(|(group, request_id, issued, items)| {
        PutRequest { group: GroupId(group), request_id: RequestId(request_id), issued, items }
    })
}

fn read_reply() -> impl Strategy<Value = ReadReply> {
    let record = (counter(), timestamp(), ".*", bytes()).prop_map(|(counter, arrival, key, data)| RecordOut {
        counter,
        arrival,
        partition_key: Bytes::from(key),
        data,
    });
    (vec(record, 0..5), counter(), any::<u64>(), any::<bool>()).prop_map(
        |(records, next, millis_behind_latest, ended)| ReadReply { records, next, millis_behind_latest, ended },
    )
}

fn name() -> impl Strategy<Value = StreamName> {
    "[a-zA-Z0-9_.-]{1,128}".prop_map(|name| StreamName::new(&name).unwrap())
}

fn account() -> impl Strategy<Value = AccountId> {
    "[0-9]{12}".prop_map(|digits| AccountId::parse(&digits).unwrap())
}

fn shard() -> impl Strategy<Value = Shard> {
    let parents = prop_oneof![
        Just(Parents::None),
        any::<u32>().prop_map(|parent| Parents::Split { parent: ShardId(parent) }),
        (any::<u32>(), any::<u32>())
            .prop_map(|(parent, adjacent)| Parents::Merge { parent: ShardId(parent), adjacent: ShardId(adjacent) }),
    ];
    let range = (any::<u128>(), any::<u128>())
        .prop_map(|(one, other)| HashKeyRange::new(HashKey(one.min(other)), HashKey(one.max(other))).unwrap());
    let closed = (any::<u64>(), any::<u32>(), counter(), any::<u64>(), timestamp()).prop_map(
        |(created_s, shard, counter, arrival_s, at)| Closed {
            ending: SequenceNumber { epoch: ShardEpoch { created_s, shard: ShardId(shard) }, counter, arrival_s },
            at,
        },
    );
    (any::<u32>(), range, parents, any::<u32>(), any::<u64>(), timestamp(), option::of(closed)).prop_map(
        |(id, range, parents, group, created_s, opened, closed)| Shard {
            id: ShardId(id),
            range,
            parents,
            group: GroupId(group),
            created_s,
            opened,
            closed,
        },
    )
}

fn subscription() -> impl Strategy<Value = SubscriptionRead> {
    (any::<u64>(), any::<u128>(), timestamp(), any::<bool>()).prop_map(|(consumer, id, begun, begins)| {
        SubscriptionRead { consumer: MapVersion(consumer), subscription: RequestId(id), begun, begins }
    })
}

fn result<T: Debug>(reply: impl Strategy<Value = T>) -> impl Strategy<Value = Result<T, NodeError>> {
    prop_oneof![reply.prop_map(Ok), error().prop_map(Err)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn puts_survive_the_wire(request in put_request(), again in any::<bool>()) {
        let attempt = if again { Attempt::Again } else { Attempt::First };
        same(put_in(over_the_wire(put_out(&request, attempt))).unwrap(), (&request, attempt));
    }

    #[test]
    fn put_replies_survive_the_wire(
        reply in result(vec(vec(fate(), 0..4), 0..4).prop_map(|fates| PutReply { fates })),
    ) {
        same(put_reply_in(over_the_wire(put_reply_out(reply.clone()))).unwrap(), reply);
    }

    #[test]
    fn reads_survive_the_wire(
        (group, shard, from) in (any::<u32>(), shard_key(), counter()),
        (records_max, bytes_max, wait_max) in (any::<u32>(), any::<u64>(), any::<Duration>()),
        subscription in option::of(subscription()),
    ) {
        let records_max = records_max as usize;
        let request = ReadRequest { group: GroupId(group), shard, from, records_max, bytes_max, wait_max, subscription };
        same(read_in(over_the_wire(read_out(request))).unwrap(), request);
    }

    #[test]
    fn read_replies_survive_the_wire(reply in result(read_reply())) {
        same(read_reply_in(over_the_wire(read_reply_out(reply.clone()))).unwrap(), reply);
    }

    #[test]
    fn locating_survives_the_wire(
        (group, shard, at) in (any::<u32>(), shard_key(), option::of(timestamp())),
        reply in result(counter()),
    ) {
        let start = at.map_or(ReadStart::Latest, ReadStart::AtTimestamp);
        let group = GroupId(group);
        same(locate_in(over_the_wire(locate_out(group, shard, start))).unwrap(), (group, shard, start));
        same(locate_reply_in(over_the_wire(locate_reply_out(reply.clone()))).unwrap(), reply);
    }

    #[test]
    fn new_shards_survive_the_wire(
        (group, stream, retention, change) in (any::<u32>(), any::<u64>(), any::<Duration>(), any::<u64>()),
        (account, name, shards) in (account(), name(), vec(shard(), 0..4)),
        reply in result(Just(())),
    ) {
        let new = NewShards { stream: StreamUid(stream), account, name, retention, shards, retention_change: MapVersion(change) };
        let group = GroupId(group);
        let told = NewRetention { stream: StreamUid(stream), retention, change: MapVersion(change) };
        same(set_retention_in(over_the_wire(set_retention_out(group, told))).unwrap(), (group, told));
        same(create_shards_in(over_the_wire(create_shards_out(group, &new))).unwrap(), (group, new));
        same(done_in(over_the_wire(done_out(reply.clone()))).unwrap(), reply);
    }

    #[test]
    fn sealing_survives_the_wire(
        (group, stream, shards) in (any::<u32>(), any::<u64>(), vec(any::<u32>(), 0..4)),
        endings in result(vec((any::<u64>(), any::<u32>(), timestamp()), 0..4)),
    ) {
        let (group, stream) = (GroupId(group), StreamUid(stream));
        let shards: Arc<[ShardId]> = shards.into_iter().map(ShardId).collect();
        same(seal_in(over_the_wire(seal_out(group, stream, &shards))), (group, stream, shards));
        let ending = |(created_s, shard, closed)| {
            Ending { epoch: ShardEpoch { created_s, shard: ShardId(shard) }, closed }
        };
        let reply = endings.map(|endings| endings.into_iter().map(ending).collect::<Vec<_>>());
        same(seal_reply_in(over_the_wire(seal_reply_out(reply.clone()))).unwrap(), reply);
    }

    #[test]
    fn streams_survive_the_wire(
        (id, account, name, shards) in (any::<u128>(), account(), name(), 1..u32::MAX),
        (current, limit) in any::<(u64, u64)>(),
        deleted in result(any::<bool>()),
    ) {
        let (id, shards) = (RequestId(id), NonZeroU32::new(shards).unwrap());
        let created = over_the_wire(create_stream_out(id, account, &name, shards));
        same(create_stream_in(created).unwrap(), (id, account, &name, shards));
        same(delete_stream_in(over_the_wire(delete_stream_out(account, &name))).unwrap(), (account, &name));
        for reply in [CreateStreamReply::Created, CreateStreamReply::Exists, CreateStreamReply::ShardLimit { current, limit }] {
            same(create_stream_reply_in(over_the_wire(create_stream_reply_out(Ok(reply)))).unwrap(), Ok::<_, NodeError>(reply));
        }
        let refused = create_stream_reply_out(deleted.clone().map(|_| CreateStreamReply::Exists));
        same(create_stream_reply_in(over_the_wire(refused)).unwrap().map(|_| ()), deleted.clone().map(|_| ()));
        same(delete_stream_reply_in(over_the_wire(delete_stream_reply_out(deleted.clone()))).unwrap(), deleted);
    }

    #[test]
    fn bytes_of_any_kind_never_panic(input in vec(any::<u8>(), 0..300)) {
        let input = Bytes::from(input);
        let _ = proto::PutRequest::decode(input.clone()).map(put_in);
        let _ = proto::PutReply::decode(input.clone()).map(put_reply_in);
        let _ = proto::ReadRequest::decode(input.clone()).map(read_in);
        let _ = proto::ReadReply::decode(input.clone()).map(read_reply_in);
        let _ = proto::LocateRequest::decode(input.clone()).map(locate_in);
        let _ = proto::LocateReply::decode(input.clone()).map(locate_reply_in);
        let _ = proto::CreateShardsRequest::decode(input.clone()).map(create_shards_in);
        let _ = proto::DoneReply::decode(input.clone()).map(done_in);
        let _ = proto::SealRequest::decode(input.clone()).map(seal_in);
        let _ = proto::SealReply::decode(input.clone()).map(seal_reply_in);
        let _ = proto::CreateStreamRequest::decode(input.clone()).map(create_stream_in);
        let _ = proto::CreateStreamReply::decode(input).map(create_stream_reply_in);
    }
}

fn good_put() -> proto::PutRequest {
    let record = proto::PutRecord { hash_key: Some(uint128(1)), partition_key: "key".to_owned(), data: Bytes::new() };
    let item = proto::PutItem { shard: Some(proto::ShardKey { stream: 1, shard: 0 }), records: vec![record] };
    proto::PutRequest {
        group: 1,
        request_id: Some(uint128(2)),
        issued_ms: 3,
        attempt: proto::Attempt::First.into(),
        items: vec![item],
    }
}

#[test]
fn a_bad_put_is_refused_with_its_field() {
    assert!(put_in(good_put()).is_ok());
    let refusal = |change: fn(&mut proto::PutRequest)| {
        let mut put = good_put();
        change(&mut put);
        put_in(put).unwrap_err().to_string()
    };
    assert_eq!(refusal(|put| put.request_id = None), "request id is missing");
    assert_eq!(refusal(|put| put.attempt = 0), "attempt is invalid: this build knows no attempt 0");
    assert_eq!(refusal(|put| put.attempt = 77), "attempt is invalid: this build knows no attempt 77");
    assert_eq!(refusal(|put| put.items[0].shard = None), "shard is missing");
    assert_eq!(refusal(|put| put.items[0].records.clear()), "records is missing");
    assert_eq!(refusal(|put| put.items[0].records[0].hash_key = None), "hash key is missing");
    let long = refusal(|put| put.items[0].records[0].partition_key = "x".repeat(257));
    assert_eq!(long, "partition key is invalid: a partition key has 1 to 256 characters, not 257");
}

#[test]
fn bad_replies_are_refused_with_their_field() {
    let reason = |error: CodecError| error.to_string();
    assert_eq!(put_reply_in(proto::PutReply { outcome: None }).map_err(reason).unwrap_err(), "outcome is missing");
    let counter = proto::LocateReply { outcome: Some(proto::locate_reply::Outcome::Counter(u64::MAX)) };
    assert!(locate_reply_in(counter).map_err(reason).unwrap_err().starts_with("counter is invalid"));
    let span = proto::Span { seconds: u64::MAX, nanos: 1_000_000_000 };
    assert!(span_in(Some(span), "retry after").map_err(reason).unwrap_err().starts_with("retry after is invalid"));
    let record = proto::Record { partition_key: Bytes::from_static(b"\xff"), ..Default::default() };
    let records = proto::Records { records: vec![record], ..Default::default() };
    let reply = proto::ReadReply { outcome: Some(proto::read_reply::Outcome::Records(records)) };
    assert!(read_reply_in(reply).map_err(reason).unwrap_err().starts_with("partition key is invalid"));
}

#[test]
fn a_read_of_nobodys_subscription_is_refused() {
    let shard = Some(proto::ShardKey { stream: 1, shard: 0 });
    let read =
        proto::ReadRequest { shard, subscription: Some(proto::SubscriptionRead::default()), ..Default::default() };
    assert_eq!(read_in(read).unwrap_err().to_string(), "subscription is missing");
}

#[test]
fn a_range_that_ends_before_it_starts_is_refused() {
    let shard = proto::Shard { range_start: Some(uint128(2)), range_end: Some(uint128(1)), ..Default::default() };
    let new = proto::CreateShardsRequest {
        account: "000000000000".to_owned(),
        name: "stream".to_owned(),
        retention: Some(proto::Span { seconds: 1, nanos: 0 }),
        shards: vec![shard],
        ..Default::default()
    };
    assert!(create_shards_in(new).unwrap_err().to_string().starts_with("range is invalid"));
}
