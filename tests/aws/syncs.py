"""Syncs of a node that take longer, fail or do nothing, by a small library that is loaded before libc (syncs.c)."""

import mmap
import shutil
import struct
import subprocess
from pathlib import Path

# Numbers of the file that the library and this process share.
NUMBERS = DELAY_MS, TO_FAIL, LIE, ASKED, FAILED = range(5)
NUMBER = struct.Struct("=I")
SOURCE = Path(__file__).with_name("syncs.c")


def lacking():
    """What this machine lacks for it; None where it has all."""
    return None if shutil.which("cc") else "there is no C compiler: install gcc"


def build(folder):
    """The library, compiled into `folder`."""
    library = Path(folder) / "syncs.so"
    command = ["cc", "-std=c11", "-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o", library, SOURCE, "-ldl"]
    subprocess.run(list(map(str, command)), check=True)
    return library


class Syncs:
    """Of one node, whatever process it is. `environment` is what the process has to be started with."""

    def __init__(self, library, file):
        file.write_bytes(bytes(len(NUMBERS) * NUMBER.size))
        with file.open("r+b") as opened:
            self.shared = mmap.mmap(opened.fileno(), 0)
        self.environment = {"LD_PRELOAD": str(library), "CHAOS_SYNCS": str(file)}

    def take(self, milliseconds):
        """How much longer each sync takes from now on."""
        self._set(DELAY_MS, milliseconds)

    def fail_once(self):
        """The next sync fails with EIO, those after it do not."""
        self._set(TO_FAIL, 1)

    def lie(self):
        """Syncs tell that they are done and do nothing, as a disk does that lies."""
        self._set(LIE, 1)

    def heal(self):
        """Syncs are what they are."""
        for number in (DELAY_MS, TO_FAIL, LIE):
            self._set(number, 0)

    def asked(self):
        """How many syncs there were so far."""
        return self._get(ASKED)

    def failed(self):
        """How many of them failed here."""
        return self._get(FAILED)

    def _get(self, place):
        return NUMBER.unpack_from(self.shared, place * NUMBER.size)[0]

    def _set(self, place, number):
        NUMBER.pack_into(self.shared, place * NUMBER.size, number)
