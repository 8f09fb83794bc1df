"""What is done to nodes in chaos, event by event.

No event loses two disks: a node's data is given up only while the others have all there is. Of all else a node
keeps what it has synced.
"""

import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import cluster as clusters
from proxies import ALL

# How long a node is down, in seconds.
DOWN_SECONDS_MAX = 3
PAUSE_SECONDS_MIN = 0.1
# From here on others do not wait for a leader that is stopped.
LONG_PAUSE_SECONDS = 5
LOOP_KILLS = 3, 5
# Between two kills of a loop: before the node is ready, as it is, or soon after.
LOOP_SECONDS_MAX = 2
# Longer than a status is old.
FULL_SECONDS = 2, 6
# How often a node is cut off and on, and for how long each, in seconds.
FLAPS = 3, 9
FLAP_SECONDS_MAX = 1.5
SLOW_SYNC_MS = 20, 300
DELAY_MS = 1, 200
NARROW_BYTES = 20_000, 2_000_000
RESETS = 1, 6
# How long a node may go on that waits for a sync that fails, and how long one is left to itself that can sync nothing.
ENDS_SECONDS_MAX = 30
FAILING_SECONDS_MAX = 5


@dataclass
class Fault:
    """Something that lasts: how it begins and ends. `spans` is for how long it is there, not there, and so on."""

    told: str
    begin: Callable
    undo: Callable
    spans: list | None = None


class Events:
    """Each method does what it is called and tells what it was; one that returns a `Fault` leaves that to others."""

    def __init__(self, cluster, rng, groups, pause_seconds_max):
        self.cluster, self.rng, self.groups = cluster, rng, groups
        self.pause_seconds_max = pause_seconds_max
        self.proxy = self._all()[0].place.proxy
        # Kills, power cuts and whatever else is counted by node.
        self.counts = Counter()
        # The group and when its leader was killed last.
        self.killed_leader = None

    def check_none_has_ended(self):
        """Whoever was not killed runs."""
        for member in self.cluster.running():
            assert not member.has_ended(), f"node {member.id} has ended by itself, with {member.wait()}"

    # ---- kill -9

    def one_killed(self):
        return self._killed([self._any()])

    def majority_killed(self):
        return self._killed(self.rng.sample(self._all(), 2))

    def all_killed(self):
        return self._killed(self._all())

    def leader_killed(self):
        group, leader = self._leader()
        self.killed_leader = group, time.monotonic()
        return f"group {group}, {self._killed([leader])}"

    def _killed(self, members):
        self._kill(members)
        return self._started_again(members)

    def _kill(self, members):
        for member in members:
            member.signal(signal.SIGKILL)
        for member in members:
            member.wait()
        self.counts["kill -9"] += len(members)

    def _started_again(self, members):
        down = self.rng.uniform(0, DOWN_SECONDS_MAX)
        time.sleep(down)
        self.cluster.start_all()
        return f"{_named(members)} for {down:.1f} s"

    def killed_again_and_again(self):
        member, kills = self._any(), self.rng.randint(*LOOP_KILLS)
        self._kill([member])
        for _ in range(kills - 1):
            if self.rng.random() < 0.5:
                member.start()
            else:
                member.launch()
                time.sleep(self.rng.uniform(0, LOOP_SECONDS_MAX))
            self._kill([member])
        member.start()
        return f"{_named([member])}, {kills} times"

    # ---- pauses

    def node_stopped(self):
        return self._stopped(self._any(), self.rng.random())

    def leader_stopped(self):
        group, leader = self._leader()
        # More than half of them are long.
        return f"group {group}, {self._stopped(leader, self.rng.random() ** 0.5)}"

    def _stopped(self, member, share):
        seconds = PAUSE_SECONDS_MIN * (self.pause_seconds_max / PAUSE_SECONDS_MIN) ** share
        member.signal(signal.SIGSTOP)
        time.sleep(seconds)
        member.signal(signal.SIGCONT)
        self.counts["pauses of 5 s or more"] += seconds >= LONG_PAUSE_SECONDS
        return f"{_named([member])} for {seconds:.1f} s"

    def restarted_in_turn(self):
        for member in self._all():
            member.stop()
            member.start()
        return "all"

    # ---- disks

    def disk_lost(self):
        # What the others have must be all there is.
        self.cluster.wait_settled()
        victim = self._any().id
        self.counts["kill -9"] += 1
        return f"node {victim}, now node {self.cluster.replace(victim).id}"

    def power_cut(self):
        return self._power_cut([self._any()])

    def power_cut_of_all(self):
        return self._power_cut(self._all())

    def _power_cut(self, members):
        # First the disks: nothing that was not synced may be written back after the kill.
        for member in members:
            member.place.disk.cut_power()
        self._kill(members)
        self.counts["power cuts"] += len(members)
        for member in members:
            member.place.disk.repair()
        return self._started_again(members)

    def disk_full(self):
        member, seconds = self._any(), self.rng.uniform(*FULL_SECONDS)
        member.place.disk.fill()
        try:
            time.sleep(seconds)
        finally:
            member.place.disk.make_room()
        # It serves again by itself; one that could not write its state ends, which is a crash to the data.
        serves = f"node {member.id} to serve with room on its disk again"
        clusters.wait_until(lambda: member.has_ended() or (member.status() or {}).get("ready"), serves)
        ended = member.has_ended()
        if ended:
            member.wait()
            member.start()
        return f"{_named([member])} for {seconds:.1f} s{', which ended' if ended else ''}"

    def syncs_failed(self):
        member, seconds = self._any(), self.rng.uniform(0, FAILING_SECONDS_MAX)
        member.place.disk.cut_power()
        ended = member.has_ended(seconds)
        self.counts["ended by failed syncs"] += ended
        if ended:
            member.wait()
        else:
            self._kill([member])
        member.place.disk.repair()
        return f"{'ended by itself, ' if ended else ''}{self._started_again([member])}"

    def one_sync_failed(self):
        member = self._any()
        syncs = member.place.syncs
        # A new replica's state whose first sync fails is made again, and the node goes on: nothing is in it yet.
        may_be_opening = self.cluster.unsettled()
        failed = syncs.failed()
        syncs.fail_once()
        ended = member.has_ended(ENDS_SECONDS_MAX)
        syncs.heal()
        if not ended and syncs.failed() == failed:
            return f"{_named([member])}, which did not sync"
        if not ended and may_be_opening:
            return f"{_named([member])}, which goes on: {may_be_opening[0]}"
        assert ended, f"node {member.id} goes on after a sync that failed"
        member.wait()
        self.counts["ended by failed syncs"] += 1
        return self._started_again([member])

    def disk_slow(self):
        member, milliseconds = self._any(), self.rng.randint(*SLOW_SYNC_MS)
        syncs = member.place.syncs
        told = f"syncs of {_named([member])} take {milliseconds} ms more"
        return Fault(told, lambda: syncs.take(milliseconds), lambda: syncs.take(0))

    # ---- the network

    def cut_off(self):
        name, told = self._place()
        return self._of_ways("cut", [(name, ALL), (ALL, name)], f"{told} from the others")

    def cut_off_one_way(self):
        name, told = self._place()
        ways, said = self.rng.choice([((name, ALL), "is not heard"), ((ALL, name), "hears nothing")])
        return self._of_ways("cut", [ways], f"{told} {said}")

    def two_of_three_apart(self):
        one, other = self.rng.sample(self._all(), 2)
        ends = one.place.name, other.place.name
        return self._of_ways("cut", [ends, ends[::-1]], f"{_named([one, other])} from each other")

    def cut_off_and_on(self):
        fault = self.cut_off()
        fault.spans = [self.rng.uniform(0, FLAP_SECONDS_MAX) for _ in range(self.rng.randint(*FLAPS))]
        return fault

    def packets_late(self):
        delay = self.rng.randint(*DELAY_MS)
        return self._of_pace(f"delay={delay}", f"jitter={self.rng.randint(0, delay)}")

    def connections_narrow(self):
        return self._of_pace(f"rate={self.rng.randint(*NARROW_BYTES)}")

    def connections_stalled(self):
        name, told = self._place()
        return self._of_ways("stall", [(name, ALL), (ALL, name)], f"those of {told}")

    def connections_reset(self):
        times = self.rng.randint(*RESETS)
        # All of them, again and again.
        fault = Fault(f"{times} times", lambda: self.proxy.tell("reset", ALL, ALL), lambda: None)
        fault.spans = [self.rng.uniform(0, FLAP_SECONDS_MAX) for _ in range(2 * times - 1)]
        return fault

    def _of_ways(self, verb, ways, told):
        return Fault(told, lambda: [self.proxy.tell(verb, *way) for way in ways], self.proxy.heal)

    def _of_pace(self, *settings):
        return Fault(" ".join(settings), lambda: self.proxy.tell("set", ALL, ALL, *settings), self.proxy.heal)

    # ---- who

    def _all(self):
        return [self.cluster.nodes[identity] for identity in sorted(self.cluster.nodes)]

    def _any(self):
        return self.rng.choice(self._all())

    def _leader(self):
        """A group and the node that leads it."""
        group = self.rng.choice(self.groups)
        return group, self.cluster.leader(group)

    def _place(self):
        """What the proxy calls a node, and what it is called here."""
        member = self._any()
        return member.place.name, _named([member])


def _named(members):
    return f"node{'s' if len(members) > 1 else ''} {', '.join(str(member.id) for member in members)}"
