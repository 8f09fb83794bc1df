"""The disks that chaos does things to are what they are said to be. Needs root; skipped without."""

import errno
import os

import clients
import disks
import pytest
import reading
import syncs

SYNCED, UNSYNCED = b"synced " * 1000, b"not synced " * 1000


@pytest.fixture
def disk(tmp_path):
    lacking = disks.lacking(tmp_path)
    if lacking:
        pytest.skip(f"no disk can be made here: {lacking}")
    with disks.Disk(tmp_path) as disk:
        yield disk


def _sync(path):
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def _write(path, data):
    """Written, and read back by whoever asks before the power is cut; not synced."""
    path.parent.mkdir(exist_ok=True)
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
        (disk.folder / "file").write_bytes(SYNCED)
    assert raised.value.errno == errno.ENOSPC
    disk.make_room()
    _write(disk.data / "file", SYNCED)


def a_renewed_disk_is_empty(disk):
    _write(disk.data / "file", SYNCED)
    disk.renew()
    assert not disk.data.exists()


def _acknowledged_before_a_power_cut(start_node, disk, name, environment=None):
    """The numbers of records that a node on the disk has acknowledged before its power is cut; it is repaired then."""
    node = start_node("--no-limits", data_dir=disk.data, environment=environment)
    client = clients.kinesis(node.api)
    client.create_stream(StreamName=name, ShardCount=1)
    puts = [client.put_record(StreamName=name, PartitionKey="key", Data=b"%d" % nth) for nth in range(20)]
    disk.cut_power()
    node.kill()
    disk.repair()
    return reading.numbers(puts)


def a_node_has_all_that_it_has_acknowledged_after_a_power_cut(disk, start_node, new_name):
    name = new_name()
    acknowledged = _acknowledged_before_a_power_cut(start_node, disk, name)
    client = clients.kinesis(start_node("--no-limits", data_dir=disk.data).api)
    records = reading.shard_to_tip(client, name, reading.only_shard(client, name))
    assert reading.numbers(records) == acknowledged


def a_node_whose_syncs_do_nothing_has_lost_all_after_a_power_cut(disk, start_node, new_name, tmp_path):
    # Without this, a power cut that cuts nothing would go unnoticed.
    if syncs.lacking():
        pytest.skip(f"no sync can do nothing here: {syncs.lacking()}")
    lying = syncs.Syncs(syncs.build(tmp_path), tmp_path / "syncs")
    lying.lie()
    assert _acknowledged_before_a_power_cut(start_node, disk, new_name(), lying.environment)
    client = clients.kinesis(start_node("--no-limits", data_dir=disk.data).api)
    assert client.list_streams()["StreamNames"] == []
