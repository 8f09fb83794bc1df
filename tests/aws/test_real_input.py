"""Real lines through a node that is killed again and again: nothing that was acknowledged is lost,
changed, doubled or out of order (I1, I2, I3, I4).

The shards have the limits of AWS. A line that was refused is sent again as it was; one whose call
was cut off as another attempt. ANABRANCH_REAL_INPUT_LINES sets the size, ANABRANCH_REAL_INPUT_SEED the
moments of the kills.
"""

import base64
import os
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import clients
import ledger
import real_input
import reading
from botocore.exceptions import BotoCoreError, ClientError

LINES = int(os.environ.get("ANABRANCH_REAL_INPUT_LINES", "10000"))
SEED = int(os.environ.get("ANABRANCH_REAL_INPUT_SEED", random.SystemRandom().randrange(2**32)))
STREAM = "lines"
SHARDS = 8
WRITERS = 4
KILLS = 6
BATCH_MAX = 50
# What a producer waits before it sends refused records again, in seconds.
BACKOFF_SECONDS = 0.05
# What readers try, waiting longer each time.
READ_ATTEMPTS = 10
KILL_DELAY_SECONDS_MAX = 0.02


class Service:
    """The node's present address. Writers wait here while it is down."""

    def __init__(self, node):
        self.node = node
        self.api = node.api
        self.generation = 0
        self.changed = threading.Condition()
        self.begun = 0
        self.failed = None

    def client(self, after=-1):
        """A client of the first node that started after generation `after`, and its generation."""
        with self.changed:
            self.changed.wait_for(lambda: self.failed or self.generation > after)
            assert self.failed is None, f"given up: {self.failed}"
            return clients.kinesis(self.api), self.generation

    def call_begins(self):
        with self.changed:
            self.begun += 1
            self.changed.notify_all()

    def kill_and_restart_at(self, call, delay):
        """Kills the node `delay` seconds after that many calls began, whatever is in flight then."""
        with self.changed:
            self.changed.wait_for(lambda: self.failed or self.begun >= call)
            if self.failed:
                return
        # Not to wait for anything: this is what makes the moment random.
        time.sleep(delay)
        self.node.kill()
        try:
            self.node.restart()
        except AssertionError as failure:
            self.give_up(failure)
            raise
        with self.changed:
            self.api = self.node.api
            self.generation += 1
            self.changed.notify_all()

    def give_up(self, failure):
        """Ends every writer."""
        with self.changed:
            self.failed = self.failed or failure
            self.changed.notify_all()

    def writer_ended(self, writer):
        """A writer that failed ends the others; its error is the test's."""
        if writer.exception():
            self.give_up(writer.exception())


def _write(service, batches):
    """Sends each batch until all of it is acknowledged, then the next one."""
    written = ledger.Written()
    client, generation = service.client()
    for entries in batches:
        while entries:
            written.sends(entries)
            service.call_begins()
            try:
                answer = client.put_records(StreamName=STREAM, Records=entries)
            except (BotoCoreError, ClientError):
                entries = written.note_cut_off(entries)
                client, generation = service.client(after=generation)
                continue
            entries = written.note(answer, entries)
            if entries:
                time.sleep(BACKOFF_SECONDS)
    return written


def _send_everything(service, rng):
    """Every line through WRITERS writers, each with keys of its own, under KILLS kills."""
    work = real_input.work(LINES, WRITERS, BATCH_MAX, rng)
    # A cut-off call is repeated, so at least this many calls begin.
    calls = sum(len(batches) for batches in work)
    kills = sorted(rng.sample(range(1, calls), KILLS))
    with ThreadPoolExecutor(WRITERS) as pool:
        writers = [pool.submit(_write, service, batches) for batches in work]
        for writer in writers:
            writer.add_done_callback(service.writer_ended)
        for call in kills:
            service.kill_and_restart_at(call, rng.uniform(0, KILL_DELAY_SECONDS_MAX))
        return [writer.result() for writer in writers]


def _read_by_cli(cli, shard):
    """Every record of a shard as the AWS CLI prints it."""
    start = ["--stream-name", STREAM, "--shard-id", shard, "--shard-iterator-type", "TRIM_HORIZON"]
    position = cli.call("get-shard-iterator", *start)["ShardIterator"]
    records = []
    while True:
        answer = cli.call("get-records", "--shard-iterator", position)
        records += answer["Records"]
        if not answer["Records"] and answer["MillisBehindLatest"] == 0:
            return records
        position = answer["NextShardIterator"]


def real_lines_survive_kill_nine_at_random_moments(start_node):
    print(f"\n{LINES} lines, {KILLS} kills, seed {SEED}", flush=True)
    node = start_node("--stream", f"{STREAM}:{SHARDS}")
    writers = _send_everything(Service(node), random.Random(SEED))
    node.kill()
    node.restart()

    client = clients.kinesis(node.api, attempts=READ_ATTEMPTS)
    by_shard = reading.stream_to_tip(client, STREAM)
    acknowledged = [entry["Data"] for written in writers for _, entry in written.acknowledged]
    assert sorted(map(ledger.number_of, acknowledged)) == list(range(LINES)), "a line was not acknowledged once"
    assert not any(written.unknown for written in writers), "a node that answers knows what it has done"
    kept = ledger.check(by_shard, writers)

    cli = clients.Cli(node.api, attempts=READ_ATTEMPTS)
    for shard, records in by_shard.items():
        printed = [(r["SequenceNumber"], base64.b64decode(r["Data"]), r["PartitionKey"]) for r in _read_by_cli(cli, shard)]
        assert printed == [(r["SequenceNumber"], r["Data"], r["PartitionKey"]) for r in records]
    cut_off = sum(written.cut_off for written in writers)
    throttled = sum(written.throttled for written in writers)
    print(
        f"{len(acknowledged)} lines read back; {cut_off} calls cut off, {kept} of their lines kept; "
        f"{throttled} records refused by limits",
        flush=True,
    )
