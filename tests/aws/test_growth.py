"""A used node grows into three, loses its first disk for good, grows to five and shrinks to four, while
clients write; nothing that was acknowledged is lost (I1, I2, D11, D14).

ANABRANCH_GROWTH_MIB is how much the node holds before.
"""

import base64
import hashlib
import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor

import clients
import cluster as clusters
import ledger
import node as nodes
import reading
from load import Load

MIB = int(os.environ.get("ANABRANCH_GROWTH_MIB", "20"))
BULK, USED = "bulk", "used"
SHARDS = 8
RECORD_BYTES = 32 << 10
RECORDS_PER_CALL = 16
FILLERS = 4
# Replicas travel: a minute for each GiB, and what a slow machine takes anyway.
SETTLED_SECONDS_MAX = 180 + MIB * 60 // 1024
# How many records are to be acknowledged between two events.
SOME = 300


def _content(number):
    """The data of a record: no two alike, and nothing that compresses."""
    return hashlib.shake_128(b"%d" % number).digest(RECORD_BYTES)


def _fill(api):
    """Writes MIB of records; the number of each by its shard and sequence number."""
    calls = [range(first, first + RECORDS_PER_CALL) for first in range(0, (MIB << 20) // RECORD_BYTES, RECORDS_PER_CALL)]

    def call(numbers):
        records = [{"Data": base64.b64encode(_content(number)).decode(), "PartitionKey": f"{number}"} for number in numbers]
        answer = clients.post(api, "PutRecords", {"StreamName": BULK, "Records": records})
        assert answer.status == 200, answer.body
        told = answer.json()["Records"]
        return {(told["ShardId"], told["SequenceNumber"]): number for told, number in zip(told, numbers, strict=True)}

    acknowledged = {}
    with ThreadPoolExecutor(FILLERS) as pool:
        for told in pool.map(call, calls):
            acknowledged |= told
    return acknowledged


def _is_flushed(api):
    """Whether all is flushed. A node by itself keeps no log then: what it has can only travel as snapshots."""
    groups = json.loads(clusters.page(api, "/status") or "{}").get("groups", [])
    return bool(groups) and all(group["flushed"] == group["applied"] for group in groups)


def _check_bulk(api, acknowledged):
    """Every record of `_fill` is there with its data, and no other."""
    client, left = clients.kinesis(api), dict(acknowledged)
    for shard in reading.shard_ids(client, BULK):
        position = reading.iterator(client, BULK, shard)
        while position is not None:
            answer = client.get_records(ShardIterator=position)
            for record in answer["Records"]:
                assert record["Data"] == _content(left.pop((shard, record["SequenceNumber"])))
            position = answer["NextShardIterator"] if answer["Records"] or answer["MillisBehindLatest"] else None
    assert not left, f"{len(left)} records are lost"


def _settle(cluster, load, what):
    """Waits until all is where it is to be, and evenly; goes on with the load."""

    def spread(balance):
        return max(count for count, _ in balance.values()) - min(count for count, _ in balance.values())

    print(f"{what}: replicas and leaders by node {cluster.balance()}", end="", flush=True)
    cluster.wait_settled(SETTLED_SECONDS_MAX)
    clusters.wait_until(lambda: spread(cluster.balance()) <= 1, lambda: f"an even balance: {cluster.balance()}", SETTLED_SECONDS_MAX)
    cluster.wait_settled(SETTLED_SECONDS_MAX)
    print(f", then {cluster.balance()}", flush=True)
    wanted = load.acknowledged() + SOME
    clusters.wait_until(lambda: load.acknowledged() >= wanted, f"{SOME} more acknowledged records")


def _decommission(cluster, member, asked):
    """Moves everything away from the node, for good."""
    command = [nodes.binary(), "node", "decommission", str(member.id), "--wait", "--endpoint", asked.api]
    done = subprocess.run(
        command, capture_output=True, text=True, env=nodes.clean_environment(), timeout=SETTLED_SECONDS_MAX
    )
    assert done.returncode == 0, done
    others = [identity for identity in cluster.nodes if identity != member.id]
    clusters.wait_until(lambda: cluster.balance()[member.id] == (0, 0), "a node without replicas", SETTLED_SECONDS_MAX)
    member.stop()
    del cluster.nodes[member.id]
    cluster.wait_settled(SETTLED_SECONDS_MAX, nodes=others)


def a_used_node_grows_loses_its_disk_and_shrinks_under_load(start_node, make_cluster):
    print(f"\n{MIB} MiB", flush=True)
    single = start_node("--no-limits", "--stream", f"{BULK}:{SHARDS}", "--stream", f"{USED}:{SHARDS}")
    bulk = _fill(single.api)
    clusters.wait_until(lambda: _is_flushed(single.api), "flushes")
    single.stop()
    cluster = make_cluster()
    first = cluster.add("--no-limits", data=single.data_dir, first=True)
    with Load(cluster, USED) as load:
        for _ in range(2):
            cluster.add("--no-limits")
        _settle(cluster, load, "three nodes")
        lost = first.id
        new = cluster.replace(lost)
        _settle(cluster, load, f"node {lost} replaced by {new.id}")
        _check_bulk(new.api, bulk)
        for _ in range(2):
            cluster.add("--no-limits")
        _settle(cluster, load, "five nodes")
        leaving = cluster.leader(1)
        _decommission(cluster, leaving, new if leaving is not new else next(iter(cluster.running())))
        _settle(cluster, load, f"without node {leaving.id}")
    for api in cluster.apis():
        _check_bulk(api, bulk)
    told = [reading.stream_to_tip(clients.kinesis(api), USED) for api in cluster.apis()]
    assert all(other == told[0] for other in told), "nodes tell different records"
    kept = ledger.check(told[0], load.written)
    print(f"{len(bulk)} and {load.acknowledged()} records read back, {kept} of unknown outcome", flush=True)
