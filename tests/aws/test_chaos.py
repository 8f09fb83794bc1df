"""Real processes in chaos: whatever is done to three nodes, clients see what they were promised (I1 to I5, I12).

Nodes are killed with -9, one, two or all at once; stopped in their tracks for a while; restarted one after the
other; lose their disks. `tests/checker` judges what clients saw. ANABRANCH_CHAOS_SECONDS sets how long,
ANABRANCH_SEED what happens, ANABRANCH_CHAOS_PAUSE_MAX how long a node stands still at the most, in seconds.
"""

import functools
import os
import random
import signal
import subprocess
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import cluster as clusters
import history as histories

SECONDS = float(os.environ.get("ANABRANCH_CHAOS_SECONDS", "15"))
PAUSE_MAX_SECONDS = float(os.environ.get("ANABRANCH_CHAOS_PAUSE_MAX", "8"))
SEED = int(os.environ.get("ANABRANCH_SEED", random.SystemRandom().randrange(2**32)))
STREAM, SHARDS = "chaos", 6
WRITERS, RECORDS_MAX, KEYS, RECORD_BYTES_MAX = 4, 20, 4, 2_000
FOLLOWERS = 2
# Between two events, in seconds.
CALM_SECONDS_MAX = 3
# Availability is counted as AWS does, in smaller windows.
WINDOW_SECONDS = 5
# How long the calm cluster may take to take a record of every writer again.
SERVES_SECONDS_MAX = 60
CHECK_SECONDS_MAX = 600
# Of what can be drawn, how often.
EVENTS = {
    "one killed": 6, "leader killed": 6, "two killed": 2, "all killed": 3, "stopped": 5, "restarted in turn": 1, "disk lost": 2,
}  # fmt: skip


class Chaos:
    """What is done to the cluster, as `rng` says."""

    def __init__(self, cluster, rng):
        self.cluster, self.rng = cluster, rng
        self.groups = sorted(set(cluster.shard_groups(STREAM).values()))
        self.done = Counter()

    def step(self):
        """One event, from which the cluster has not recovered when this returns."""
        what = self.rng.choices(list(EVENTS), EVENTS.values())[0]
        began = time.monotonic()
        told = getattr(self, what.replace(" ", "_"))()
        self.done[what] += 1
        print(f"  {what}: {told}, {time.monotonic() - began:.1f} s", flush=True)

    def one_killed(self):
        return self._killed(self.rng.sample(sorted(self.cluster.nodes), 1))

    def two_killed(self):
        return self._killed(self.rng.sample(sorted(self.cluster.nodes), 2))

    def all_killed(self):
        return self._killed(sorted(self.cluster.nodes))

    def leader_killed(self):
        group = self.rng.choice(self.groups)
        return f"group {group}, {self._killed([self.cluster.leader(group).id])}"

    def _killed(self, victims):
        members = [self.cluster.nodes[victim] for victim in victims]
        for member in members:
            member.signal(signal.SIGKILL)
        for member in members:
            member.wait()
        down = self.rng.uniform(0, CALM_SECONDS_MAX)
        time.sleep(down)
        self.cluster.start_all()
        return f"nodes {victims} for {down:.1f} s"

    def stopped(self):
        victim = self.cluster.nodes[self.rng.choice(sorted(self.cluster.nodes))]
        span = 0.1 * (PAUSE_MAX_SECONDS / 0.1) ** self.rng.random()
        victim.signal(signal.SIGSTOP)
        time.sleep(span)
        victim.signal(signal.SIGCONT)
        return f"node {victim.id} for {span:.1f} s"

    def restarted_in_turn(self):
        for identity in sorted(self.cluster.nodes):
            self.cluster.nodes[identity].stop()
            self.cluster.nodes[identity].start()
        return "all"

    def disk_lost(self):
        # What the others have must be all there is.
        self.cluster.wait_settled()
        victim = self.rng.choice(sorted(self.cluster.nodes))
        return f"node {victim}, now node {self.cluster.replace(victim).id}"


def _until(stop, act):
    while not stop.is_set():
        act()


def _windows(stored_at, began, ended):
    """The share of windows in which somebody was told that a record is stored, and the longest time without."""
    count = max(1, int((ended - began) / WINDOW_SECONDS))
    served = {int((at - began) / WINDOW_SECONDS) for at in stored_at if at < began + count * WINDOW_SECONDS}
    moments = [began, *stored_at, ended]
    return len(served) / count, max(later - earlier for earlier, later in zip(moments, moments[1:]))


def clients_see_what_they_were_promised_in_chaos(start_cluster, tmp_path):
    print(f"\nchaos for {SECONDS:.0f} s, seed {SEED}", flush=True)
    cluster = start_cluster("--no-limits", "--stream", f"{STREAM}:{SHARDS}")
    history = histories.History(tmp_path / "history.jsonl")
    writers = [histories.Writer(history, cluster, STREAM, nth, SEED) for nth in range(WRITERS)]
    readers = [
        histories.Reader(history, cluster, STREAM, nth * SHARDS + shard, shard, SEED)
        for nth in range(FOLLOWERS)
        for shard in range(SHARDS)
    ]
    chaos, stop = Chaos(cluster, random.Random(SEED)), threading.Event()
    with ThreadPoolExecutor(len(writers) + len(readers)) as pool:
        acts = [functools.partial(writer.write, RECORDS_MAX, KEYS, RECORD_BYTES_MAX) for writer in writers]
        running = [pool.submit(_until, stop, act) for act in [*acts, *(reader.read for reader in readers)]]
        try:
            began = time.monotonic()
            while time.monotonic() < began + SECONDS and not any(client.done() for client in running):
                chaos.step()
                time.sleep(chaos.rng.uniform(0, CALM_SECONDS_MAX))
            ended = time.monotonic()
        finally:
            stop.set()
        for client in running:
            client.result()
    cluster.wait_settled()
    for writer in writers:
        writes = functools.partial(writer.write, RECORDS_MAX, KEYS, RECORD_BYTES_MAX)
        clusters.wait_until(writes, f"an acknowledgement for writer {writer.number}", SERVES_SECONDS_MAX)
    history.tell(event="final")
    for shard in range(SHARDS):
        histories.Reader(history, cluster, STREAM, 1_000 + shard, shard, SEED).to_tip()
    history.close()
    share, gap = _windows(history.stored_at, began, ended)
    print(f"{sum(chaos.done.values())} events: {dict(chaos.done)}")
    print(f"records were stored in {share:.0%} of windows of {WINDOW_SECONDS} s, the longest time without {gap:.1f} s")
    judged = subprocess.run(
        [os.environ["ANABRANCH_CHECKER"], str(history.path)], capture_output=True, text=True, timeout=CHECK_SECONDS_MAX
    )
    print(judged.stdout, flush=True)
    assert judged.returncode == 0, judged.stdout + judged.stderr
