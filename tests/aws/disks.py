"""A disk of its own for each node: a small ext4 on a loop device, which can lose its power, fail and fill up.

The power is cut as xfstests' `godown` does it: the file system ends without its journal being flushed. What was
not synced is gone then: data, new names and renames alike. What the file system has handed to the loop device
without asking for a flush may stay, as it may on a disk.
"""

import contextlib
import errno
import fcntl
import os
import shutil
import struct
import subprocess
from pathlib import Path

# _IOR('X', 125, __u32) and its flag for an end without a flush. Source: Linux, include/uapi/linux/fs.h, fs/ext4/ext4.h.
EXT4_IOC_SHUTDOWN = 0x8004587D
NOLOGFLUSH = 2
# By itself the file system writes nothing for that long, so that only what was synced is sure to stay, in seconds.
COMMIT_SECONDS = 300
MIB = 1 << 20
# Of the image, which is sparse: it takes what the node writes.
DISK_MIB = 8 << 10
# What `fill` asks for at a time, down to the last block.
PIECES_BYTES = 64 * MIB, MIB, 4096


class Failed(Exception):
    """A command did not do it."""


def _run(*command):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if done.returncode != 0:
        raise Failed(f"`{' '.join(map(str, command))}`: {done.stderr.strip().partition(chr(10))[0]}")


def lacking(folder):
    """What this machine lacks for such disks below `folder`; None where it has all."""
    if os.geteuid() != 0:
        return "only root may mount disks"
    for tool in ("mkfs.ext4", "mount", "umount"):
        if shutil.which(tool) is None:
            return f"there is no `{tool}`: install e2fsprogs and mount"
    try:
        with Disk(Path(folder) / "probe", mib=16) as disk:
            disk.cut_power()
    except (Failed, OSError) as failure:
        return str(failure)
    return None


class Disk:
    """From entering to leaving it, mounted at `folder`/disk. `data` is a directory on it."""

    def __init__(self, folder, mib=DISK_MIB):
        self.image, self.folder, self.mib = Path(folder) / "image", Path(folder) / "disk", mib
        self.data, self.filler = self.folder / "data", self.folder / "filler"

    def __enter__(self):
        self.folder.mkdir(parents=True)
        try:
            self._make()
        except Failed:
            self.image.unlink()
            raise
        return self

    def __exit__(self, *_):
        self._unmount()
        self.image.unlink()

    def _make(self):
        with self.image.open("wb") as image:
            image.truncate(self.mib * MIB)
        _run("mkfs.ext4", "-q", "-F", "-m", "0", self.image)
        self._mount()

    def _mount(self):
        # What is freed is given back, so that an image is as large as what is on it.
        _run("mount", "-o", f"loop,noatime,discard,commit={COMMIT_SECONDS}", self.image, self.folder)

    def _unmount(self):
        if not os.path.ismount(self.folder):
            return
        try:
            _run("umount", self.folder)
        except Failed:
            # Somebody still has files open, which must not keep the others from being cleaned up.
            _run("umount", "--lazy", self.folder)
            raise

    def cut_power(self):
        """What is not synced now never will be: each write and sync fails with EIO until `repair`."""
        with _opened(self.folder) as folder:
            fcntl.ioctl(folder, EXT4_IOC_SHUTDOWN, struct.pack("I", NOLOGFLUSH))

    def repair(self):
        """Mounted again, with what its journal replays. Nobody may have a file open."""
        self._unmount()
        self._mount()

    def renew(self):
        """All is lost: an empty disk takes its place. Nobody may have a file open."""
        self._unmount()
        self.image.unlink()
        self._make()

    def fill(self):
        """Takes all room, to the last block."""
        with self.filler.open("wb") as filler:
            end = 0
            for piece in PIECES_BYTES:
                while True:
                    try:
                        os.posix_fallocate(filler.fileno(), end, piece)
                    except OSError as failure:
                        if failure.errno != errno.ENOSPC:
                            raise
                        break
                    end += piece

    def make_room(self):
        """Undoes `fill`."""
        self.filler.unlink(missing_ok=True)

    def available_bytes(self):
        stat = os.statvfs(self.folder)
        return stat.f_bavail * stat.f_frsize


@contextlib.contextmanager
def _opened(folder):
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
