"""Three nodes on one machine: any of them serves, and none of them is needed (I1, I2, I3).

ANABRANCH_CLUSTER_ENTRIES is how many entries a group has to have before a node is replaced by a snapshot;
it is above what groups keep for followers.
"""

import os
import shutil

import clients
import cluster as clusters
import ledger
import pytest
import reading
from load import Load

STREAM = "used"
# Four for each group, so that all groups have some.
SHARDS = 24
# Above the entries that a group keeps for its followers (consensus, `KEPT_ENTRIES`: 10,000).
PURGED_ENTRIES = int(os.environ.get("ANABRANCH_CLUSTER_ENTRIES", "10500"))
# How many records are to be acknowledged between two events.
SOME = 400


@pytest.fixture
def cluster(start_cluster):
    """Three nodes without limits, and a stream that has shards in every group."""
    cluster = start_cluster("--no-limits", "--stream", f"{STREAM}:{SHARDS}")
    assert len(set(cluster.shard_groups(STREAM).values())) == cluster.groups
    return cluster


def _read_everywhere(cluster, stream=STREAM):
    """All records by shard, which every node tells alike."""
    told = {member.id: reading.stream_to_tip(clients.kinesis(member.api), stream) for member in cluster.running()}
    first, *others = told.values()
    assert all(other == first for other in others), "nodes tell different records"
    return first


def _check(cluster, load):
    """Everything that was acknowledged is there, through every node."""
    kept = ledger.check(_read_everywhere(cluster), load.written)
    cut_off = sum(written.cut_off + written.unknown for written in load.written)
    print(f"{load.acknowledged()} records read back, {cut_off} outcomes unknown, {kept} such records kept", flush=True)


def _go_on(load, count=SOME):
    """Waits until so many more records are acknowledged."""
    wanted = load.acknowledged() + count
    clusters.wait_until(lambda: load.acknowledged() >= wanted, f"{count} more acknowledged records")


def what_one_node_has_acknowledged_every_node_shows_at_once(cluster, new_name):
    first, second, third = (clients.kinesis(member.api) for member in cluster.nodes.values())
    for nth in range(5):
        name = new_name()
        first.create_stream(StreamName=name, ShardCount=2)
        put = second.put_record(StreamName=name, PartitionKey="key", Data=b"%d" % nth)
        (record,) = reading.shard_to_tip(third, name, put["ShardId"])
        assert (record["SequenceNumber"], record["Data"]) == (put["SequenceNumber"], b"%d" % nth)
        third.delete_stream(StreamName=name)
        assert name not in first.list_streams()["StreamNames"]
        with pytest.raises(second.exceptions.ResourceNotFoundException):
            second.put_record(StreamName=name, PartitionKey="key", Data=b"late")


def every_leader_may_be_killed_and_come_back(cluster):
    with Load(cluster, STREAM) as load:
        for group in range(cluster.groups + 1):
            _go_on(load)
            leader = cluster.leader(group)
            leader.kill()
            _go_on(load)
            leader.start()
            cluster.wait_settled()
    _check(cluster, load)


def all_nodes_may_be_killed_at_once(cluster):
    with Load(cluster, STREAM) as load:
        for _ in range(2):
            _go_on(load)
            cluster.kill_all()
            cluster.start_all()
    cluster.wait_settled()
    # All children have ended, each by kill -9.
    assert cluster.parent_ended() == 1
    _check(cluster, load)


def a_node_that_lost_its_directory_is_replaced(cluster):
    with Load(cluster, STREAM) as load:
        _go_on(load)
        for lost in list(cluster.nodes):
            new = cluster.replace(lost)
            cluster.wait_settled()
            assert lost not in {entry["id"] for entry in cluster.status(new.id)["nodes"]}
            _go_on(load)
    _check(cluster, load)
    # Only the new nodes are left, so what they have is all there is.
    cluster.kill_all()
    cluster.start_all()
    _check(cluster, load)


def a_new_node_gets_by_a_snapshot_what_no_log_has_any_more(start_cluster):
    # Records of a size with which groups are flushed just after they have made so many entries.
    cluster = start_cluster("--no-limits", "--stream", f"{STREAM}:1")
    (group,) = cluster.shard_groups(STREAM).values()

    def flushed():
        rows = [row for status in cluster.statuses().values() for row in status["groups"] if row["id"] == group]
        return min(row["flushed"] or 0 for row in rows)

    with Load(cluster, STREAM, writers=8, batch=1, record_bytes=1_400) as load:
        clusters.wait_until(lambda: load.acknowledged() and flushed() > PURGED_ENTRIES, lambda: f"a purge; flushed to {flushed()}", 300)
        leader = cluster.leader(group)
        (lost, *_) = [identity for identity in cluster.nodes if identity != leader.id]
        new = cluster.replace(lost)
        cluster.wait_settled()
        assert new.metric("anabranch_consensus_snapshots_installed_total") > 0, "it came by the log"
        _go_on(load)
    cluster.wait_settled()
    _check(cluster, load)
    # The new node has what it was sent: it leads when the others are gone and come back as empty ones.
    for identity in [identity for identity in cluster.nodes if identity != new.id]:
        cluster.replace(identity)
        cluster.wait_settled()
    _check(cluster, load)


def nodes_end_with_their_parent(cluster):
    before = {member.id: member.api for member in cluster.running()}
    with Load(cluster, STREAM, writers=1) as load:
        _go_on(load)
    cluster.kill_parent()
    assert cluster.running() == []
    cluster.start_parent(3)
    cluster.wait_settled()
    assert {member.id: member.api for member in cluster.running()} == before
    _check(cluster, load)


def a_drained_cluster_starts_again_whatever_is_missing(cluster):
    with Load(cluster, STREAM, writers=1) as load:
        _go_on(load)
    assert cluster.stop_parent() == 0
    # A directory is lost while all are down.
    lost = cluster.nodes.pop(2)
    shutil.rmtree(lost.data)
    cluster.start_parent(3)
    cluster.wait_settled()
    assert 2 not in cluster.nodes and len(cluster.nodes) == 3
    _check(cluster, load)
    # One that was started by its start command is left alone by a parent.
    own = cluster.nodes[1]
    own.kill()
    own.start()
    assert cluster.stop_parent() == 0
    assert own.is_running()
    cluster.start_parent(3)
    cluster.wait_settled()
    _check(cluster, load)
