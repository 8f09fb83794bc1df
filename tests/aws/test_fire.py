"""Real lines into three nodes under fire: nothing that was acknowledged is lost, changed, doubled or out
of order, and all nodes tell the same (I1 to I5).

At random moments of the load the leader of a group is killed with -9 and comes back; a node's directory is
lost and an empty one takes its place; all nodes are killed at once. The shards have the limits of AWS.
ANABRANCH_FIRE_LINES, _LEADERS, _LOST and _ALL set the sizes, ANABRANCH_SEED the moments.
"""

import os
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import clients
import cluster as clusters
import ledger
import real_input
import reading
from botocore.exceptions import BotoCoreError, ClientError

LINES = int(os.environ.get("ANABRANCH_FIRE_LINES", "6000"))
LEADERS = int(os.environ.get("ANABRANCH_FIRE_LEADERS", "3"))
LOST = int(os.environ.get("ANABRANCH_FIRE_LOST", "1"))
ALL = int(os.environ.get("ANABRANCH_FIRE_ALL", "1"))
SEED = int(os.environ.get("ANABRANCH_SEED", random.SystemRandom().randrange(2**32)))
STREAM = "lines"
SHARDS = 8
WRITERS = 6
BATCH_MAX = 20
# What a producer waits before it goes on after a failure or a refusal, in seconds.
BACKOFF_SECONDS = 0.05
# A call of which nothing was acknowledged for so long ends the test.
BATCH_SECONDS_MAX = 120
# What readers try, waiting longer each time.
READ_ATTEMPTS = 10
KILL_DELAY_SECONDS_MAX = 0.02


class Gate:
    """Lets calls begin up to the moment of the next event, so that each event comes while calls are under
    way, however long the one before takes."""

    def __init__(self):
        self.changed = threading.Condition()
        self.begun = 0
        self.last = 0
        self.failed = None

    def call_begins(self):
        with self.changed:
            self.begun += 1
            self.changed.notify_all()
            self.changed.wait_for(lambda: self.failed or self.begun <= self.last)
            assert self.failed is None, f"given up: {self.failed}"

    def open_to(self, call):
        """Lets calls begin up to number `call`, that one included."""
        with self.changed:
            self.last = call
            self.changed.notify_all()

    def wait(self):
        """Returns when as many calls have begun as may; whether all is well."""
        with self.changed:
            self.changed.wait_for(lambda: self.failed or self.begun >= self.last)
            return self.failed is None

    def give_up(self, failure):
        """Ends every writer."""
        with self.changed:
            self.failed = self.failed or failure
            self.changed.notify_all()

    def writer_ended(self, writer):
        """A writer that failed ends the others; its error is the test's."""
        if writer.exception():
            self.give_up(writer.exception())


class Endpoints:
    """A client for each node; the ports of a node are those of whoever takes its place."""

    def __init__(self, cluster):
        self.all = [clients.kinesis(api) for api in cluster.apis()]

    def __getitem__(self, turn):
        return self.all[turn % len(self.all)]


def _write(gate, endpoints, turn, batches):
    """Sends each batch, to one node after the other, until all of it is acknowledged, then the next."""
    written = ledger.Written()
    for entries in batches:
        turn += 1
        ends_at = time.monotonic() + BATCH_SECONDS_MAX
        while entries:
            assert time.monotonic() < ends_at, f"no acknowledgement within {BATCH_SECONDS_MAX} s: {entries[0]}"
            written.sends(entries)
            gate.call_begins()
            try:
                answer = endpoints[turn].put_records(StreamName=STREAM, Records=entries)
            except (BotoCoreError, ClientError):
                entries = written.note_cut_off(entries)
                turn += 1
                time.sleep(BACKOFF_SECONDS)
                continue
            entries = written.note(answer, entries)
            if entries:
                time.sleep(BACKOFF_SECONDS)
    return written


class Fire:
    """What is done to the cluster, each time as `rng` says."""

    def __init__(self, cluster, rng):
        self.cluster = cluster
        self.rng = rng
        self.used = sorted(set(cluster.shard_groups(STREAM).values()))

    def leader(self):
        """A leader of a group that is written to is killed and comes back."""
        group = self.rng.choice(self.used)
        victim = self.cluster.leader(group)
        self._wait_a_moment()
        victim.kill()
        victim.start()
        return f"node {victim.id}, leader of group {group}, killed"

    def lost(self):
        """A follower's disk is lost. What the others have must be all there is before."""
        self.cluster.wait_settled()
        group = self.rng.choice(self.used)
        followers = sorted(set(self.cluster.nodes) - {self.cluster.leader(group).id})
        victim = self.rng.choice(followers)
        self._wait_a_moment()
        new = self.cluster.replace(victim)
        return f"node {victim} lost, node {new.id} in its place"

    def all(self):
        """All nodes are killed at once."""
        self._wait_a_moment()
        self.cluster.kill_all()
        self.cluster.start_all()
        return "all nodes killed"

    def _wait_a_moment(self):
        # Not to wait for anything: this is what makes the moment random.
        time.sleep(self.rng.uniform(0, KILL_DELAY_SECONDS_MAX))


def _send_everything(cluster, rng):
    """Every line through WRITERS writers, each with keys of its own, under fire."""
    work = real_input.work(LINES, WRITERS, BATCH_MAX, rng)
    # What fails is repeated, so at least this many calls begin.
    calls = sum(len(batches) for batches in work)
    fire = Fire(cluster, rng)
    events = [fire.leader] * LEADERS + [fire.lost] * LOST + [fire.all] * ALL
    rng.shuffle(events)
    moments = sorted(rng.sample(range(1, calls), len(events)))
    gate, endpoints = Gate(), Endpoints(cluster)
    with ThreadPoolExecutor(WRITERS) as pool:
        writers = [pool.submit(_write, gate, endpoints, turn, batches) for turn, batches in enumerate(work)]
        for writer in writers:
            writer.add_done_callback(gate.writer_ended)
        try:
            gate.open_to(moments[0])
            for event, call, following in zip(events, moments, [*moments[1:], float("inf")]):
                if not gate.wait():
                    break
                gate.open_to(following)
                print(f"call {call} of {calls}: {event()}", flush=True)
        except AssertionError as failure:
            gate.give_up(failure)
            raise
        return [writer.result() for writer in writers]


def _read(cluster):
    """What each node tells of the stream; a reader tries as often as limits want it."""
    return [reading.stream_to_tip(clients.kinesis(api, attempts=READ_ATTEMPTS), STREAM) for api in cluster.apis()]


def real_lines_survive_everything_at_random_moments(start_cluster):
    print(f"\n{LINES} lines, {LEADERS} leaders killed, {LOST} disks lost, all killed {ALL} times, seed {SEED}", flush=True)
    cluster = start_cluster("--stream", f"{STREAM}:{SHARDS}")
    assert len(set(cluster.shard_groups(STREAM).values())) > 1
    began = time.monotonic()
    writers = _send_everything(cluster, random.Random(SEED))
    seconds = time.monotonic() - began
    clusters.wait_until(lambda: len(cluster.running()) == 3, "three nodes")
    cluster.wait_settled()
    first, *others = _read(cluster)
    assert all(told == first for told in others), "nodes tell different records"
    acknowledged = [entry["Data"] for written in writers for _, entry in written.acknowledged]
    assert sorted(map(ledger.number_of, acknowledged)) == list(range(LINES)), "a line was not acknowledged once"
    kept = ledger.check(first, writers)
    # And once more from the disks alone.
    cluster.kill_all()
    cluster.start_all()
    assert _read(cluster) == [first] * 3
    cut_off = sum(written.cut_off for written in writers)
    unknown = sum(written.unknown for written in writers)
    throttled = sum(written.throttled for written in writers)
    print(
        f"{len(acknowledged)} lines written in {seconds:.0f} s and read back from three nodes; {cut_off} calls cut off and "
        f"{unknown} records of unknown outcome, of which {kept} lines were kept; {throttled} records refused by limits",
        flush=True,
    )
