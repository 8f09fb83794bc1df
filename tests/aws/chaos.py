"""Which things are done to nodes in chaos, and when: one event after the other, now and then one while another
fault lasts. `chaos_events.py` does them."""

import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import places
from chaos_events import Events

# Between two events, in seconds.
CALM_SECONDS_MAX = 3
# How often an event happens while another fault lasts.
OVERLAP = 0.3
# How long a fault lasts, in seconds.
FAULT_SECONDS = 0.5, 8


@dataclass(frozen=True)
class Kind:
    """An event. `often` of a hundred or so; `needs` is what the machine has to have for it (`places.py`)."""

    name: str
    often: int
    needs: str | None = None
    # Whether it concerns one node, so that the others are to serve.
    single: bool = True
    # Whether it may happen while another fault lasts.
    beside: bool = True


# What happens, and then it is over.
EVENTS = [
    Kind("one killed", 8),
    Kind("leader killed", 14),
    Kind("majority killed", 8, single=False),
    Kind("all killed", 9, single=False),
    Kind("killed again and again", 5),
    Kind("node stopped", 4),
    Kind("leader stopped", 10),
    Kind("restarted in turn", 2, beside=False),
    Kind("disk lost", 8, beside=False),
    Kind("power cut", 10, places.DISKS),
    Kind("power cut of all", 5, places.DISKS, single=False),
    Kind("disk full", 4, places.DISKS),
    Kind("syncs failed", 4, places.DISKS),
    Kind("one sync failed", 4, places.SYNCS),
]
# What lasts for a while, alone or while one of the above happens.
FAULTS = [
    Kind("disk slow", 4, places.SYNCS),
    Kind("cut off", 3, places.PROXY),
    Kind("cut off one way", 3, places.PROXY),
    Kind("two of three apart", 3, places.PROXY, single=False),
    Kind("cut off and on", 3, places.PROXY),
    Kind("packets late", 3, places.PROXY, single=False),
    Kind("connections narrow", 2, places.PROXY, single=False),
    Kind("connections stalled", 2, places.PROXY),
    Kind("connections reset", 2, places.PROXY, single=False),
]


@dataclass
class Span:
    """From an event to the next one: `single` where it concerns one node alone. `leader_of` is the group whose leader
    it has killed at `killed_at`, with nothing else going on."""

    began: float
    single: bool
    leader_of: int | None = None
    killed_at: float | None = None


class Chaos:
    """What is done to the cluster, as `seed` says. Each kind comes as often as it is to before any comes again."""

    def __init__(self, cluster, seed, groups, lacking, pause_seconds_max):
        self.rng = random.Random(seed)
        self.events = Events(cluster, self.rng, groups, pause_seconds_max)
        self.kinds = [kind for kind in EVENTS + FAULTS if kind.needs not in lacking]
        self.faults = [kind for kind in FAULTS if kind in self.kinds]
        self.deck = []
        self.done = Counter()
        self.overlaps = 0
        self.spans = []

    def calm(self):
        """Lets the cluster be, perhaps not long enough for it to recover."""
        time.sleep(self.rng.uniform(0, CALM_SECONDS_MAX))

    def step(self):
        """One event, from which the cluster has not recovered when this returns."""
        if not self.deck:
            self.deck = [kind for kind in self.kinds for _ in range(kind.often)]
            self.rng.shuffle(self.deck)
        kind = self.deck.pop()
        span = Span(time.monotonic(), kind.single)
        self.spans.append(span)
        self.done[kind.name] += 1
        if kind in self.faults:
            told = f"{kind.name}, {self._last(kind)}"
        elif kind.beside and self.faults and self.rng.random() < OVERLAP:
            beside = self.rng.choices(self.faults, [fault.often for fault in self.faults])[0]
            self.done[beside.name] += 1
            self.overlaps += 1
            # Two nodes may be concerned.
            span.single = False
            told = self._last(beside, kind)
        else:
            told = f"{kind.name}, {self._act(kind)}"
            if kind.name == "leader killed":
                span.leader_of, span.killed_at = self.events.killed_leader
        print(f"  {told}; {time.monotonic() - span.began:.1f} s", flush=True)
        self.events.check_none_has_ended()

    def _act(self, kind):
        """Does it; what was done."""
        return getattr(self.events, kind.name.replace(" ", "_"))()

    def _last(self, kind, meanwhile=None):
        """Lets a fault last for a while, or as long as what happens meanwhile, whatever is shorter: what happens may
        have to wait for its end."""
        fault = self._act(kind)
        spans = [self.rng.uniform(*FAULT_SECONDS)] if fault.spans is None else fault.spans
        over = threading.Event()
        with ThreadPoolExecutor(1) as pool:
            lasting = pool.submit(_last, fault, spans, over)
            try:
                if meanwhile is None:
                    return f"{fault.told} for {sum(spans):.1f} s"
                told = f"{meanwhile.name}, {self._act(meanwhile)}"
                return f"{told}, while {kind.name}, {fault.told} for {sum(spans):.1f} s at the most"
            finally:
                if meanwhile is not None:
                    over.set()
                lasting.result()


def _last(fault, spans, over):
    """The fault is there, not there, there and so on for `spans` of seconds, until it is `over`."""
    try:
        for nth, seconds in enumerate(spans):
            (fault.undo if nth % 2 else fault.begin)()
            if over.wait(seconds):
                return
    finally:
        fault.undo()
