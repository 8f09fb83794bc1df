"""No leader that was passed over serves a read that misses what others have acknowledged (I5).

ANABRANCH_PAUSES is how often one is stopped in its tracks.
"""

import base64
import http.client
import os
import signal

import clients
import cluster as clusters
import reading

PAUSES = int(os.environ.get("ANABRANCH_PAUSES", "3"))
STREAM = "read"
SHARD = "shardId-000000000000"
# A call that is not answered by then never will be, as far as its client is concerned.
CALL_SECONDS_MAX = 20
WRITES = 5
# What a client tries where all is well again.
ATTEMPTS = 10


def _put(connection, data):
    """The sequence number of the record; None where it was not acknowledged."""
    body = {"StreamName": STREAM, "PartitionKey": "key", "Data": base64.b64encode(data).decode()}
    try:
        answer = connection.call("PutRecord", body)
    except (OSError, http.client.HTTPException):
        return None
    return answer.json()["SequenceNumber"] if answer.status == 200 else None


def _write(members, data):
    """Writes a record through one of the nodes, once one takes it; its sequence number."""
    connections = [clients.Kept(member.api, CALL_SECONDS_MAX) for member in members]

    def put():
        for connection in connections:
            number = _put(connection, data)
            if number:
                return number
        return None

    number = clusters.wait_until(put, "an acknowledgement")
    for connection in connections:
        connection.close()
    return number


def _newest(api):
    """An iterator for all that is written from now on."""
    body = {"StreamName": STREAM, "ShardId": SHARD, "ShardIteratorType": "LATEST"}
    answer = clients.post(api, "GetShardIterator", body)
    assert answer.status == 200, answer.body
    return answer.json()["ShardIterator"]


def _leader(cluster, group):
    """The group's leader, once leaders are spread evenly: the cluster leaves them where they are then."""

    def are_even():
        leads = [led for _, led in cluster.balance().values()]
        return sum(leads) == cluster.groups and max(leads) - min(leads) <= 1

    clusters.wait_until(are_even, lambda: f"leaders spread evenly: {cluster.balance()}")
    return cluster.leader(group)


def _restart(member):
    """A voter forgets whom it has promised what."""
    member.kill()
    member.start()


def _told(answer, acknowledged):
    """The numbers of the records in an answer, which has to have those that were acknowledged. None where it is an
    error: it may say that it does not know, it must not say that there is nothing."""
    if answer.status != 200:
        assert answer.status >= 500, answer.body
        return None
    told = {record["SequenceNumber"] for record in answer.json()["Records"]}
    missed = set(acknowledged) - told
    assert not missed, f"missed {missed}, told {told}"
    return told


def _check(cluster, wanted):
    """Every node tells the same, and all that was acknowledged."""
    told = [reading.shard_to_tip(clients.kinesis(api, ATTEMPTS), STREAM, SHARD) for api in cluster.apis()]
    assert all(records == told[0] for records in told), "nodes tell different records"
    lost = set(wanted) - {record["SequenceNumber"] for record in told[0]}
    assert not lost, f"acknowledged, and lost: {lost}"


def _stop_in_its_tracks(cluster, group, restarts):
    """Stops the leader while others write, and has it read when it goes on. What they wrote, and whether it
    told that."""
    leader = _leader(cluster, group)
    others = [member for member in cluster.running() if member is not leader]
    connection, position = clients.Kept(leader.api, CALL_SECONDS_MAX), _newest(leader.api)
    leader.signal(signal.SIGSTOP)
    try:
        if restarts:
            _restart(others[0])
        wrote = [_write(others, b"%d" % nth) for nth in range(WRITES)]
        # Waits in the node's sockets, so that it is the first thing that it sees.
        connection.begin("GetRecords", {"ShardIterator": position})
    finally:
        leader.signal(signal.SIGCONT)
    told = _told(connection.finish(), wrote)
    connection.close()
    return wrote, told is not None


def a_leader_that_was_passed_over_misses_nothing_in_a_read(start_cluster):
    cluster = start_cluster("--no-limits", "--stream", f"{STREAM}:1")
    group = cluster.shard_groups(STREAM)[SHARD]
    acknowledged, answered = [], 0
    for nth in range(PAUSES):
        wrote, told = _stop_in_its_tracks(cluster, group, restarts=nth % 2 == 0)
        acknowledged += wrote
        answered += told
        cluster.wait_settled()
    _check(cluster, acknowledged)
    print(f"\n{PAUSES} leaders stopped and passed over; {answered} answered with all that others wrote", flush=True)
