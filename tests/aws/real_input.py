"""Lines as a real system has them: what its packages put where."""

import os
import shutil
import subprocess
from itertools import cycle, islice

# AWS PutRecord: a partition key has at most 256 characters.
KEY_CHARACTERS_MAX = 256


def lines(count):
    """`count` lines, the same ones on the same machine; from the start again when they run out."""
    listing = _packages() if shutil.which("dpkg-query") else _folders("/usr/share")
    return list(islice(cycle(listing), count))


def key(line):
    """The line's directory; blank lines, which part the packages, share the key `-`."""
    return os.path.dirname(line)[-KEY_CHARACTERS_MAX:] or "-"


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
