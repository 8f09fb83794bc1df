"""Errors in the service's own words, byte for byte (I10)."""

import json

import clients
import pytest
import reading
from botocore.exceptions import ClientError

ACCOUNT = "000000000000"


def _error(call, **request):
    with pytest.raises(ClientError) as refused:
        call(**request)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


def _constraint(path, value, rule):
    return f"1 validation error detected: Value {value} at '{path}' failed to satisfy constraint: {rule}"


def a_stream_that_does_not_exist_is_named(client):
    expected = ("ResourceNotFoundException", f"Stream absent under account {ACCOUNT} not found.")
    assert _error(client.describe_stream, StreamName="absent") == expected
    assert _error(client.describe_stream_summary, StreamName="absent") == expected
    assert _error(client.list_shards, StreamName="absent") == expected
    assert _error(client.delete_stream, StreamName="absent") == expected
    assert _error(client.put_record, StreamName="absent", PartitionKey="key", Data=b"x") == expected
    records = [{"PartitionKey": "key", "Data": b"x"}]
    assert _error(client.put_records, StreamName="absent", Records=records) == expected


def the_cli_prints_the_error_and_fails(cli):
    done = cli.run("describe-stream-summary", "--stream-name", "absent")
    assert done.returncode != 0
    assert "(ResourceNotFoundException)" in done.stderr
    assert f"Stream absent under account {ACCOUNT} not found." in done.stderr


def a_stream_that_exists_is_not_created_again(client, stream):
    message = f"Stream {stream} under account {ACCOUNT} already exists."
    assert _error(client.create_stream, StreamName=stream, ShardCount=1) == ("ResourceInUseException", message)


def a_shard_that_does_not_exist_is_named(client, stream):
    start = {"StreamName": stream, "ShardIteratorType": "LATEST"}
    code, message = _error(client.get_shard_iterator, ShardId="shardId-000000000009", **start)
    assert code == "ResourceNotFoundException"
    assert message == f"Shard shardId-000000000009 in stream {stream} under account {ACCOUNT} does not exist"
    code, message = _error(client.get_shard_iterator, ShardId="nonsense", **start)
    assert code == "ResourceNotFoundException"
    assert message == f"Could not find shard nonsense in stream {stream} under account {ACCOUNT}."


def a_starting_number_where_none_belongs_is_refused_and_the_other_way_round(client, stream, shard):
    rule = (
        "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and StartingSequenceNumber or "
        "(2) TRIM_HORIZON or LATEST and no StartingSequenceNumber. "
    )
    start = {"StreamName": stream, "ShardId": shard}
    number = client.put_record(StreamName=stream, PartitionKey="key", Data=b"x")["SequenceNumber"]
    refused = _error(client.get_shard_iterator, ShardIteratorType="LATEST", StartingSequenceNumber=number, **start)
    message = rule + "Request specified LATEST and also a StartingSequenceNumber."
    assert refused == ("InvalidArgumentException", message)
    refused = _error(client.get_shard_iterator, ShardIteratorType="AT_SEQUENCE_NUMBER", **start)
    message = rule + "Request specified AT_SEQUENCE_NUMBER and no StartingSequenceNumber."
    assert refused == ("InvalidArgumentException", message)


def an_iterator_at_a_timestamp_needs_one_that_is_not_in_the_future(client, stream, shard):
    start = {"StreamName": stream, "ShardId": shard, "ShardIteratorType": "AT_TIMESTAMP"}
    code, message = _error(client.get_shard_iterator, **start)
    assert code == "InvalidArgumentException"
    assert message == (
        "Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP. "
        "Current request has no timestamp parameter."
    )
    code, message = _error(client.get_shard_iterator, Timestamp=4_000_000_000, **start)
    assert code == "InvalidArgumentException"
    assert message.startswith(
        "The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. "
        "timestampInMillis: 4000000000000, currentTimestampInMillis: "
    )


def a_sequence_number_of_another_shard_is_refused(client, new_name):
    name = new_name()
    client.create_stream(StreamName=name, ShardCount=2)
    low, high = reading.shard_ids(client, name)
    number = client.put_record(StreamName=name, PartitionKey="key", ExplicitHashKey="0", Data=b"x")
    start = {"StreamName": name, "ShardId": high, "ShardIteratorType": "AT_SEQUENCE_NUMBER"}
    code, message = _error(
        client.get_shard_iterator, StartingSequenceNumber=number["SequenceNumber"], **start
    )
    assert code == "InvalidArgumentException"
    encodes = f"It encodes {low}, while it was used in a call to a shard with {high}"
    assert message == f"Invalid StartingSequenceNumber. {encodes}"
    client.delete_stream(StreamName=name)


def a_hash_key_beyond_the_last_is_refused(client, stream):
    beyond = str(2**128)
    refused = _error(
        client.put_record, StreamName=stream, PartitionKey="key", ExplicitHashKey=beyond, Data=b"x"
    )
    rule = "ExplicitHashKey must be in the range: [0, 2^128-1]."
    assert refused == ("InvalidArgumentException", f"Invalid ExplicitHashKey. {rule} Specified value was {beyond}")


def a_missing_member_is_named(node):
    code, message = clients.post(node.api, "CreateStream", {"ShardCount": 1}).error()
    assert code == "ValidationException"
    assert message == _constraint("streamName", "null", "Member must not be null")


def a_number_out_of_its_range_is_named(node, stream):
    code, message = clients.post(node.api, "CreateStream", {"StreamName": "new", "ShardCount": 0}).error()
    assert code == "ValidationException"
    assert message == _constraint("shardCount", "'0'", "Member must have value greater than or equal to 1")
    answer = clients.post(node.api, "DescribeStream", {"StreamName": stream, "Limit": 10_001})
    code, message = answer.error()
    assert message == _constraint("limit", "'10001'", "Member must have value less than or equal to 10000")


def a_name_that_breaks_the_pattern_is_named(node):
    code, message = clients.post(node.api, "DescribeStream", {"StreamName": "no spaces"}).error()
    assert code == "ValidationException"
    rule = "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"
    assert message == _constraint("streamName", "'no spaces'", rule)


def more_than_one_broken_rule_is_counted(node):
    code, message = clients.post(node.api, "CreateStream", {"ShardCount": 0}).error()
    assert code == "ValidationException"
    assert message.startswith("2 validation errors detected: ")
    assert "; " in message


def a_record_of_a_batch_is_named_by_its_place(node, stream):
    records = [{"PartitionKey": "key", "Data": ""}, {"PartitionKey": "", "Data": ""}]
    code, message = clients.post(node.api, "PutRecords", {"StreamName": stream, "Records": records}).error()
    assert code == "ValidationException"
    assert "'records.2.member.partitionKey'" in message


def more_than_five_hundred_records_are_refused_together(node, stream):
    records = [{"PartitionKey": "key", "Data": ""}] * 501
    code, message = clients.post(node.api, "PutRecords", {"StreamName": stream, "Records": records}).error()
    assert code == "ValidationException"
    assert "at 'records' failed to satisfy constraint: Member must have length less than or equal to 500" in message


def more_than_ten_mebibytes_of_records_are_refused_together(client, stream, shard):
    records = [{"PartitionKey": "key", "Data": b"x" * (1024 * 1024 - len("key"))}] * 11
    code, _ = _error(client.put_records, StreamName=stream, Records=records)
    assert code == "InvalidArgumentException"
    assert reading.shard_to_tip(client, stream, shard) == []


def a_value_of_another_type_is_named_as_the_service_does(node):
    code, message = clients.post(node.api, "DescribeStream", {"StreamName": 7}).error()
    assert code == "SerializationException"
    number = "com.amazon.coral.value.json.numbers.TruncatingBigNumber"
    assert message == f"class {number} can not be converted to an String"
    code, message = clients.post(node.api, "DescribeStream", {"StreamName": True}).error()
    assert message == "class java.lang.Boolean can not be converted to an String"


def a_body_that_is_no_json_is_a_serialization_error(node):
    for body in (b"{", b"[]x", b"\xff\xfe", b"nonsense"):
        answer = clients.post(node.api, "ListStreams", body)
        assert (answer.status, answer.json()["__type"]) == (400, "SerializationException")


def a_body_nested_without_end_is_refused(node):
    answer = clients.post(node.api, "PutRecord", b'{"Data":' + b"[" * 200_000)
    assert (answer.status, answer.json()["__type"]) == (400, "SerializationException")


def members_that_the_model_does_not_know_are_ignored(node):
    answer = clients.post(node.api, "ListStreams", {"Limit": 1, "NotInTheModel": {"deep": [1]}})
    assert answer.status == 200


def an_operation_of_no_model_is_unknown(node):
    answer = clients.post(node.api, "NoSuchOperation", {})
    assert (answer.status, answer.json()["__type"]) == (400, "UnknownOperationException")


def a_request_without_a_signature_is_told_so(node):
    answer = clients.send(node.api, "POST", b"{}", clients.target("ListStreams"))
    assert answer.error() == ("MissingAuthenticationTokenException", "Missing Authentication Token")


def a_signature_for_another_service_is_refused(node):
    answer = clients.post(node.api, "ListStreams", {}, service="s3")
    assert answer.status == 400
    assert answer.error()[0] == "InvalidSignatureException"


def a_signature_from_six_minutes_ago_is_refused(node):
    body = b"{}"
    headers = clients.signed_headers(node.api, body, clients.target("ListStreams"))
    headers["X-Amz-Date"] = "20200101T000000Z"
    answer = clients.send(node.api, "POST", body, headers)
    assert (answer.status, answer.error()[0]) == (400, "InvalidSignatureException")


def another_method_than_post_is_denied(node):
    answer = clients.send(node.api, "PUT", b"{}", clients.target("ListStreams"))
    assert answer.status == 403
    assert b"Unable to determine service/operation name to be authorized" in answer.body


def an_encoding_that_does_not_exist_is_not_found(node):
    headers = clients.target("ListStreams") | {"Content-Type": "text/plain"}
    answer = clients.send(node.api, "POST", b"{}", clients.signed_headers(node.api, b"{}", headers))
    assert (answer.status, answer.body) == (404, b"<UnknownOperationException/>\n")


def a_head_that_is_too_large_is_refused(node):
    headers = clients.signed_headers(node.api, b"{}", clients.target("ListStreams")) | {"X-Large": "x" * 20_000}
    assert clients.send(node.api, "POST", b"{}", headers).status == 431


def a_signature_for_any_region_is_taken_and_its_region_is_printed(node, stream):
    answer = clients.post(node.api, "DescribeStreamSummary", {"StreamName": stream}, region="ap-south-1")
    arn = answer.json()["StreamDescriptionSummary"]["StreamARN"]
    assert arn == f"arn:aws:kinesis:ap-south-1:{ACCOUNT}:stream/{stream}"


def every_answer_carries_the_headers_that_sdks_log(node):
    for answer in (clients.post(node.api, "ListStreams", {}), clients.post(node.api, "NoSuchOperation", {})):
        assert len(answer.headers["x-amzn-requestid"]) == 36
        assert answer.headers["x-amz-id-2"]
        assert answer.headers["content-type"] == clients.JSON
        assert int(answer.headers["content-length"]) == len(answer.body)
        assert answer.headers["date"].endswith("GMT")


def an_empty_answer_has_no_body(node, new_name):
    name = new_name()
    answer = clients.post(node.api, "CreateStream", {"StreamName": name, "ShardCount": 1})
    assert (answer.status, answer.body) == (200, b"")
    answer = clients.post(node.api, "DeleteStream", {"StreamName": name})
    assert (answer.status, answer.body) == (200, b"")


def a_body_over_sixteen_mebibytes_is_refused(node):
    body = json.dumps({"StreamName": "x" * (17 * 1024 * 1024)}).encode()
    try:
        answer = clients.post(node.api, "ListStreams", body)
    except (BrokenPipeError, ConnectionResetError):
        # The node closed the connection while the body was still being sent.
        answer = None
    assert answer is None or answer.status == 413
    assert clients.post(node.api, "ListStreams", {}).status == 200
