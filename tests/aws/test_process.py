"""The process: how it starts, refuses to start, drains and ends."""

import os
import shutil
import signal
import socket
import subprocess
import threading

import clients
import node as nodes
import reading
from botocore.exceptions import BotoCoreError, ClientError


def _run(*arguments, **variables):
    """The finished process of `anabranch ARGUMENTS`."""
    environment = nodes.clean_environment() | variables
    command = [nodes.binary(), *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, env=environment, timeout=nodes.START_SECONDS_MAX
    )


def the_version_is_printed():
    done = _run("--version")
    assert done.returncode == 0
    assert done.stdout.startswith("anabranch ")


def a_misused_command_line_ends_with_two(tmp_path):
    for arguments in (["fly"], ["dev", "--no-such-option"], ["dev", "--listen", "nonsense"], []):
        done = _run(*arguments)
        assert done.returncode == 2, (arguments, done)
        assert done.stdout == ""
        assert done.stderr != ""
    done = _run("dev", "--data-dir", str(tmp_path / "data"), "--stream", "clicks:none")
    assert done.returncode == 2


def a_taken_port_is_named(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        done = _run("dev", "--listen", address, "--tls-listen", "127.0.0.1:0", "--data-dir", str(tmp_path / "data"))
    assert done.returncode == 1
    assert done.stdout == ""
    assert address in done.stderr


def a_directory_in_use_is_named(own_node):
    done = _run("dev", "--listen", "127.0.0.1:0", "--tls-listen", "127.0.0.1:0", "--data-dir", str(own_node.data_dir))
    assert done.returncode == 1
    assert done.stdout == ""
    assert str(own_node.data_dir) in done.stderr
    assert clients.kinesis(own_node.api).list_streams()["StreamNames"] == []


def options_can_be_variables(tmp_path):
    data_dir = tmp_path / "data"
    variables = {
        "ANABRANCH_LISTEN": "127.0.0.1:0",
        "ANABRANCH_TLS_LISTEN": "127.0.0.1:0",
        "ANABRANCH_DATA_DIR": str(data_dir),
    }
    environment = nodes.clean_environment() | variables
    with subprocess.Popen([nodes.binary(), "dev"], stdout=subprocess.PIPE, text=True, env=environment) as process:
        watchdog = threading.Timer(nodes.START_SECONDS_MAX, process.kill)
        watchdog.start()
        line = process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0
        watchdog.cancel()
    ready = nodes.READY.match(line.rstrip("\n"))
    assert ready, line
    assert os.path.samefile(ready["data"], data_dir)


def the_ready_line_is_all_of_stdout(start_node):
    node = start_node()
    process = node.process
    process.send_signal(signal.SIGTERM)
    assert process.stdout.read() == ""
    assert node.wait() == 0


def streams_of_the_command_line_exist_at_start(start_node):
    node = start_node("--stream", "clicks:2", "--stream", "orders:1")
    client = clients.kinesis(node.api)
    assert client.list_streams()["StreamNames"] == ["clicks", "orders"]
    assert len(reading.shard_ids(client, "clicks")) == 2
    node.stop()
    node.restart()
    assert clients.kinesis(node.api).list_streams()["StreamNames"] == ["clicks", "orders"]


def a_directory_that_lost_all_but_its_identity_is_not_begun_anew(start_node):
    node = start_node("--stream", "clicks:1")
    node.stop()
    shutil.rmtree(node.data_dir / "log")
    shutil.rmtree(node.data_dir / "groups")
    done = _run("dev", "--listen", "127.0.0.1:0", "--tls-listen", "127.0.0.1:0", "--data-dir", str(node.data_dir))
    assert done.returncode == 1
    assert "has lost the catalog of a cluster that exists: restore the whole data directory" in done.stderr


def an_ephemeral_node_leaves_nothing_behind(tmp_path):
    environment = nodes.clean_environment() | {"TMPDIR": str(tmp_path)}
    command = [nodes.binary(), "dev", "--ephemeral", "--listen", "127.0.0.1:0", "--tls-listen", "127.0.0.1:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=tmp_path) as process:
        watchdog = threading.Timer(nodes.START_SECONDS_MAX, process.kill)
        watchdog.start()
        ready = nodes.READY.match(process.stdout.readline().rstrip("\n"))
        client = clients.kinesis(ready["api"])
        client.create_stream(StreamName="brief", ShardCount=1)
        client.put_record(StreamName="brief", PartitionKey="key", Data=b"x")
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0
        watchdog.cancel()
    assert list(tmp_path.iterdir()) == []


def a_draining_node_answers_what_it_has_and_keeps_it(start_node):
    node = start_node("--no-limits", "--stream", "clicks:1")
    acknowledged = {}
    enough = threading.Event()

    def write(client):
        for i in range(1_000_000):
            try:
                put = client.put_record(StreamName="clicks", PartitionKey="key", Data=b"%d" % i)
            except (BotoCoreError, ClientError):
                return
            acknowledged[put["SequenceNumber"]] = b"%d" % i
            if i == 20:
                enough.set()

    writer = threading.Thread(target=write, args=(clients.kinesis(node.api),))
    writer.start()
    assert enough.wait(clients.CALL_SECONDS_MAX)
    node.stop()
    writer.join()
    node.restart()
    client = clients.kinesis(node.api)
    records = reading.shard_to_tip(client, "clicks", "shardId-000000000000")
    read = {record["SequenceNumber"]: record["Data"] for record in records}
    assert {number: read.get(number) for number in acknowledged} == acknowledged
