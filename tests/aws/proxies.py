"""The proxy between nodes (tests/proxy): each node has a door there, which is where the others are told to connect."""

import os
import subprocess
import threading

# All nodes, and what the proxy calls who dials and cannot be told, as a process that has ended since.
ALL, UNKNOWN = "*", "unknown"
END_SECONDS_MAX = 60


def lacking():
    """What is missing for it; None where nothing is."""
    if "ANABRANCH_FAULT_PROXY" not in os.environ:
        return "ANABRANCH_FAULT_PROXY names no proxy; start this with `cargo xtask`"
    return None


class Proxy:
    """From entering to leaving it. Threads share it."""

    def __enter__(self):
        self.lock = threading.Lock()
        self.doors = []
        self.process = subprocess.Popen(
            [os.environ["ANABRANCH_FAULT_PROXY"]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(END_SECONDS_MAX)
        self.process.stdout.close()

    def tell(self, *words):
        """What it answers."""
        line = " ".join(map(str, words))
        with self.lock:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline().rstrip("\n")
        assert answer.split(" ", 1)[0] == "ok", f"{line}: {answer or 'the proxy has ended'}"
        return answer.removeprefix("ok").lstrip()

    def door(self, node, address):
        """Where the node that listens at `address` is reached from now on."""
        self.doors.append(node)
        return self.tell("listen", node, address)

    def heal(self):
        """Undoes all that was done."""
        self.tell("heal", ALL, ALL)

    def carried(self):
        """How many bytes it has carried: each way between two doors at the least, all in all, and of those by or to
        somebody who could not be told."""
        told = self.tell("show")
        carried = {}
        for way in told.split(", ") if told else []:
            ends, _, count = way.split(" ")
            carried[tuple(ends.split(">"))] = int(count.removeprefix("bytes="))
        ways = [(one, other) for one in self.doors for other in self.doors if one != other]
        strange = sum(count for ends, count in carried.items() if UNKNOWN in ends)
        return min(carried.get(way, 0) for way in ways), sum(carried.values()), strange
