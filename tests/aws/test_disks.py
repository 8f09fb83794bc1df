"""The disks that chaos does things to are what they are said to be. Needs root; skipped without."""

import errno
import os

import disks
import pytest

SYNCED, UNSYNCED = b"synced " * 1000, b"not synced " * 1000


@pytest.fixture
def disk(tmp_path):
    lacking = disks.lacking(tmp_path)
    if lacking:
        pytest.skip(f"no disk can be made here: {lacking}")
    with disks.Disk(tmp_path, mib=64) as disk:
        disk.data.mkdir()
        yield disk


def _sync(path):
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def _write(path, data):
    """Written, and read back by whoever asks before the power is cut; not synced."""
    path.write_bytes(data)
    assert path.read_bytes() == data


def a_power_cut_drops_what_was_not_synced_and_nothing_else(disk):
    kept, moved = disk.data / "kept", disk.data / "moved"
    for path in (kept, moved):
        _write(path, SYNCED)
        _sync(path)
    _sync(disk.data)
    _sync(disk.folder)

    with kept.open("ab") as appended:
        appended.write(UNSYNCED)
    _write(disk.data / "new", UNSYNCED)
    moved.rename(disk.data / "renamed")
    disk.cut_power()
    disk.repair()

    assert kept.read_bytes() == SYNCED
    assert moved.read_bytes() == SYNCED, "a rename that nobody has synced was kept"
    assert {path.name for path in disk.data.iterdir()} == {"kept", "moved"}


def after_a_power_cut_nothing_can_be_synced_until_the_disk_is_repaired(disk):
    path = disk.data / "file"
    _write(path, SYNCED)
    _sync(path)
    descriptor = os.open(path, os.O_WRONLY)
    os.write(descriptor, UNSYNCED)
    disk.cut_power()
    for act in (lambda: os.fsync(descriptor), lambda: os.fdatasync(descriptor), lambda: os.write(descriptor, b"x")):
        with pytest.raises(OSError) as raised:
            act()
        assert raised.value.errno == errno.EIO
    os.close(descriptor)
    disk.repair()
    _sync(path)
    assert path.read_bytes() == SYNCED


def a_filled_disk_takes_nothing_until_there_is_room(disk):
    disk.fill()
    assert disk.available_bytes() < 4096
    with pytest.raises(OSError) as raised:
        (disk.data / "file").write_bytes(SYNCED)
    assert raised.value.errno == errno.ENOSPC
    disk.make_room()
    _write(disk.data / "file", SYNCED)


def a_renewed_disk_is_empty(disk):
    _write(disk.data / "file", SYNCED)
    disk.renew()
    assert not disk.data.exists()
