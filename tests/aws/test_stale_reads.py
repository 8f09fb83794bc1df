"""No leader that was passed over serves a read that misses what others have acknowledged (I5): neither one that was
stopped in its tracks, nor one that is cut off from the other nodes and still has clients.

ANABRANCH_PAUSES and ANABRANCH_CUTS are how often.
"""

import base64
import http.client
import os
import signal
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import clients
import cluster as clusters
import network as networks
import pytest
import reading
import servers

PAUSES = int(os.environ.get("ANABRANCH_PAUSES", "3"))
CUTS = int(os.environ.get("ANABRANCH_CUTS", "3"))
STREAM = "read"
SHARD = "shardId-000000000000"
NODES = 3
API_PORT, PEER_PORT = 4567, 4569
# A call that is not answered by then never will be, as far as its client is concerned.
CALL_SECONDS_MAX = 20
WRITES = 5
READERS = 4
# What each reader waits between two reads, in seconds.
PAUSE_SECONDS = 0.01
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
    body = answer.json()
    told = {record["SequenceNumber"] for record in body["Records"]}
    missed = set(acknowledged) - told
    assert not missed, f"missed {missed}, told {told}, {body['MillisBehindLatest']} ms behind"
    return told


def _check(cluster, wanted):
    """Every node tells the same, and all that was acknowledged or read."""
    told = [reading.shard_to_tip(clients.kinesis(api, ATTEMPTS), STREAM, SHARD) for api in cluster.apis()]
    assert all(records == told[0] for records in told), "nodes tell different records"
    lost = set(wanted) - {record["SequenceNumber"] for record in told[0]}
    assert not lost, f"acknowledged or read, and lost: {lost}"


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


class Reads:
    """Reads all from `position` on through one node, again and again and side by side, from entering to leaving
    it. Each answer has to hold whatever was acknowledged before the read was sent."""

    def __init__(self, api, position):
        self.api = api
        self.position = position
        # Numbers of records. What was acknowledged may be added to; what was read has to be there at the end.
        self.acknowledged = []
        self.read = set()
        # How many were acknowledged when the newest read was sent that has ended, and that was answered; by reader.
        self.ended = [0] * READERS
        self.answered = [0] * READERS
        self.outcomes = Counter()
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.pool = ThreadPoolExecutor(READERS)
        self.running = []

    def __enter__(self):
        self.running = [self.pool.submit(self._run, nth) for nth in range(READERS)]
        return self

    def __exit__(self, *failure):
        self.stopping.set()
        self.pool.shutdown()
        if failure[0] is None:
            self._raise_failure()

    def wait(self, newest):
        """Waits until each reader has sent its `newest` read, in `ended` or in `answered`, after all that is
        acknowledged now."""

        def all_have():
            self._raise_failure()
            return min(newest) >= len(self.acknowledged)

        clusters.wait_until(all_have, lambda: f"reads; so far there were {self.outcomes}")

    def _raise_failure(self):
        for running in self.running:
            if running.done():
                running.result()

    def _run(self, nth):
        connection = clients.Kept(self.api, CALL_SECONDS_MAX)
        while not self.stopping.wait(PAUSE_SECONDS):
            known = list(self.acknowledged)
            try:
                told = _told(connection.call("GetRecords", {"ShardIterator": self.position}), known)
                outcome = "refused" if told is None else "answered"
            except (OSError, http.client.HTTPException):
                told, outcome = None, "unanswered"
            with self.lock:
                self.outcomes[outcome] += 1
                self.read |= told or set()
            if told is not None:
                self.answered[nth] = len(known)
            self.ended[nth] = len(known)
        connection.close()


@pytest.fixture
def network():
    """A place for each node, each of which can be cut off."""
    lacking = networks.lacking()
    if lacking:
        # Who asks for so many gets them or hears why not.
        give_up = pytest.fail if "ANABRANCH_CUTS" in os.environ else pytest.skip
        give_up(f"no node can be cut off here: {lacking}")
    with networks.Network(NODES) as network:
        yield network


def _start_at_places(network, cluster):
    """A server at each place; the places by the nodes' numbers."""
    addresses = {
        place: (
            f"{network.address(networks.CLIENTS, place)}:{API_PORT}",
            f"{network.address(networks.PEERS, place)}:{PEER_PORT}",
            network.command_at(place),
        )
        for place in network.places
    }
    members = servers.of_one_list(cluster, addresses)
    servers.start(cluster, list(members.values()))
    cluster.wait_settled()
    return {member.id: place for place, member in members.items()}


def _cut_off(network, places, cluster, group, way, restarts):
    """Cuts the leader off while it is read from and others write. What was acknowledged or read."""
    leader = _leader(cluster, group)
    place, term = places[leader.id], cluster.claims()[group]["term"]
    others = [member for member in cluster.running() if member is not leader]
    with Reads(leader.api, _newest(leader.api)) as reads, ThreadPoolExecutor(1) as pool:
        reads.acknowledged.append(_write([leader], b"before"))
        reads.wait(reads.answered)
        before = Counter(reads.outcomes)
        network.cut(place, way)
        began = time.monotonic()
        try:
            # Nobody knows what becomes of it.
            connection = clients.Kept(leader.api, CALL_SECONDS_MAX)
            unknown = pool.submit(_put, connection, b"through the leader")
            if restarts:
                _restart(others[0])
            reads.acknowledged.append(_write(others, b"first"))
            seconds = time.monotonic() - began
            for nth in range(1, WRITES):
                reads.acknowledged.append(_write(others, b"%d" % nth))
            reads.wait(reads.ended)
            assert leader.status(), "clients do not reach the leader any more"
            meanwhile = reads.outcomes - before
        finally:
            network.heal(place)
        reads.wait(reads.answered)
        # Nobody writes: all have all.
        cluster.wait_settled(lag_entries_max=0)
        assert cluster.claims()[group]["term"] > term, "nobody else was elected"
        stays = unknown.result()
        connection.close()
    told = ", ".join(f"{count} {outcome}" for outcome, count in sorted(meanwhile.items()))
    print(f"node {leader.id} cut off, packets vanish {way}{', a follower restarted' if restarts else ''}: ", end="")
    print(f"others acknowledge after {seconds:.1f} s; its reads: {told}", flush=True)
    return reads.read.union(reads.acknowledged, {stays} if stays else ())


def a_leader_that_is_cut_off_misses_nothing_in_a_read(network, make_cluster):
    cluster = make_cluster()
    places = _start_at_places(network, cluster)
    clients.kinesis(cluster.apis()[0], ATTEMPTS).create_stream(StreamName=STREAM, ShardCount=1)
    group = clusters.wait_until(lambda: cluster.shard_groups(STREAM).get(SHARD), "the shard")
    wanted = set()
    print(flush=True)
    for nth in range(CUTS):
        way = networks.WAYS[nth % len(networks.WAYS)]
        wanted |= _cut_off(network, places, cluster, group, way, restarts=nth % 2 == 0)
    _check(cluster, wanted)
