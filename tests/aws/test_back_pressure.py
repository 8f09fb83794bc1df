"""One budget bounds what clients occupy, and who is slow or greedy takes nothing from the others (D16).

ANABRANCH_GREEDY, how many of them there are, and ANABRANCH_GREEDY_SECONDS set the sizes.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter

import clients
import ledger
import reading
from load import Load

GREEDY = int(os.environ.get("ANABRANCH_GREEDY", "60"))
SECONDS = float(os.environ.get("ANABRANCH_GREEDY_SECONDS", "8"))
JUDGES = GREEDY >= 1000
# The node's defaults (docs/CLI.md): the budget, and the cache of what is read from disk, which comes on top.
BUDGET_BYTES = 384 << 20
BLOCK_CACHE_BYTES = 64 << 20
# What a node may grow by. How close it comes is judged at full size, on a machine with nothing else to do.
GROWTH_MAX = (BUDGET_BYTES + BLOCK_CACHE_BYTES) * (1 if JUDGES else 2)
STEADY, COVETED = "steady", "coveted"
# What the others do: so many calls a second each, which a node with nothing else to do never notices.
WRITERS, CALLS_PER_SECOND, BATCH, RECORD_BYTES = 4, 5, 10, 1000
# How much of it they still get when the processors are not theirs alone.
SHARE_MIN = 0.9
# What there is to read at once.
COVETED_CALLS = 8
LOOK_EVERY_SECONDS = 0.1
# Seconds that the greedy process may need to come to its end.
END_SECONDS_MAX = 90
RETRYABLE = {
    (500, "InternalFailure"),
    (503, "ServiceUnavailable"),
    (400, "ProvisionedThroughputExceededException"),
    (408, "RequestTimeoutException"),
}


class Up:
    """The nodes that are not stalled, as `Load` wants them."""

    def __init__(self, members):
        self.members = members

    def apis(self):
        return [member.api for member in self.members]


class Sizes:
    """The largest resident size of each process while it looks."""

    def __init__(self, pids):
        self.largest = dict.fromkeys(pids, 0)
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._look)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join()

    def _look(self):
        while not self.stopping.wait(LOOK_EVERY_SECONDS):
            for pid in self.largest:
                self.largest[pid] = max(self.largest[pid], _resident_bytes(pid))


def _resident_bytes(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _rate(load, seconds):
    before, began = load.acknowledged(), time.monotonic()
    load.stopping.wait(seconds)
    return (load.acknowledged() - before) / (time.monotonic() - began)


def _fill(client, stream):
    """What the greedy readers want."""
    for _ in range(COVETED_CALLS):
        records = [{"Data": os.urandom(500_000), "PartitionKey": "key"} for _ in range(9)]
        assert client.put_records(StreamName=stream, Records=records)["FailedRecordCount"] == 0


def _greedy(apis, iterator):
    file = os.path.join(os.path.dirname(__file__), "greedy.py")
    return subprocess.Popen(
        [sys.executable, file, ",".join(apis), COVETED, str(GREEDY), str(SECONDS), iterator],
        stdout=subprocess.PIPE,
        text=True,
    )


def a_thousand_greedy_clients_take_neither_memory_nor_throughput_from_the_others(start_cluster):
    cluster = start_cluster("--no-limits", "--stream", f"{STEADY}:4", "--stream", f"{COVETED}:1")
    client = clients.kinesis(cluster.apis()[0], attempts=5)
    _fill(client, COVETED)
    shard = reading.only_shard(client, COVETED)
    iterator = reading.iterator(client, COVETED, shard)
    stalled = cluster.leader(cluster.shard_groups(COVETED)[shard])
    members = [member for member in cluster.running() if member is not stalled]
    pids = {member.pid: member for member in members}
    before = {pid: _resident_bytes(pid) for pid in pids}
    due = WRITERS * CALLS_PER_SECOND * BATCH
    stalled.signal(signal.SIGSTOP)
    try:
        with Load(Up(members), STEADY, WRITERS, BATCH, RECORD_BYTES, calls_per_second=CALLS_PER_SECOND) as load:
            undisturbed = _rate(load, SECONDS / 2)
            with Sizes(pids) as sizes:
                greedy = _greedy([member.api for member in members], iterator)
                try:
                    disturbed = _rate(load, SECONDS)
                    told, _ = greedy.communicate(timeout=END_SECONDS_MAX)
                finally:
                    greedy.kill()
                    greedy.wait()
    finally:
        stalled.signal(signal.SIGCONT)
    assert greedy.returncode == 0
    answers = Counter({tuple(what): times for *what, times in json.loads(told)})
    grown = {member.id: sizes.largest[pid] - before[pid] for pid, member in pids.items()}
    refused = {member.id: member.metric("anabranch_memory_refused_total") for member in members}
    print(f"\n{GREEDY} greedy clients for {SECONDS:.0f} s were told:", flush=True)
    for (kind, status, error), times in sorted(answers.items(), key=str):
        print(f"  {kind:14} {status} {error}: {times}")
    sized = ", ".join(f"node {identity} +{grown[identity] >> 20} MiB, {refused[identity]:.0f} refused" for identity in grown)
    print(f"{sized}; a budget of {BUDGET_BYTES >> 20} MiB and a cache of {BLOCK_CACHE_BYTES >> 20} MiB")
    print(f"the others: {undisturbed:.0f} records/s before, {disturbed:.0f} meanwhile, {due} due", flush=True)
    assert max(grown.values()) <= GROWTH_MAX, grown
    untyped = [what for what in answers if what[1] not in (200, "cut off", "not connected")]
    assert all((status, error) in RETRYABLE for _, status, error in untyped), answers
    if JUDGES:
        assert sum(refused.values()) > 0, "nobody was refused: the budget was not used up"
        assert disturbed >= SHARE_MIN * undisturbed, (disturbed, undisturbed)
    cluster.wait_settled()
    ledger.check(reading.stream_to_tip(clients.kinesis(members[0].api, attempts=20), STEADY), load.written)
