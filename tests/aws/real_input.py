"""Lines as a real system has them: what its packages put where."""

import os
import shutil
import subprocess
import zlib
from itertools import cycle, islice

import ledger

# AWS PutRecord: a partition key has at most 256 characters.
KEY_CHARACTERS_MAX = 256


def lines(count):
    """`count` lines, the same ones on the same machine; from the start again when they run out."""
    listing = _packages() if shutil.which("dpkg-query") else _folders("/usr/share")
    return list(islice(cycle(listing), count))


def key(line):
    """The line's directory; blank lines, which part the packages, share the key `-`."""
    return os.path.dirname(line)[-KEY_CHARACTERS_MAX:] or "-"


def work(count, writers, batch_max, rng):
    """`count` lines as each writer's calls, of random size up to `batch_max`; a key has one writer."""
    lines_of = [[] for _ in range(writers)]
    for number, line in enumerate(lines(count)):
        lines_of[zlib.crc32(key(line).encode()) % writers].append(ledger.entry_of(number, 0, line, key(line)))
    return [list(_batches(entries, batch_max, rng)) for entries in lines_of]


def _batches(entries, batch_max, rng):
    start = 0
    while start < len(entries):
        size = rng.randint(1, batch_max)
        yield entries[start : start + size]
        start += size


def _packages():
    """Every package's files, as `dpkg -L` lists them: one a line, a blank line between packages."""
    names = subprocess.run(
        ["dpkg-query", "--show", "--showformat", "${db:Status-Abbrev} ${binary:Package}\n"],
        capture_output=True, text=True, check=True,
    )
    installed = sorted(line.split()[1] for line in names.stdout.splitlines() if line.startswith("ii"))
    listing = subprocess.run(["dpkg", "-L", *installed], capture_output=True, text=True, check=True)
    return listing.stdout.splitlines()


def _folders(root):
    """Every file below `root`, a blank line between folders."""
    listing = []
    for folder, _, files in sorted(os.walk(root)):
        listing += [os.path.join(folder, name) for name in sorted(files)] + [""]
    return listing
