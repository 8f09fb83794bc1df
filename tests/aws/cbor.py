"""Kinesis in CBOR, as the AWS SDKs for Java speak it: data are bytes, times milliseconds with tag 1.

No client that Python has speaks it, so its requests are made here.
"""

from dataclasses import dataclass

import cbor2
import clients

CBOR = "application/x-amz-cbor-1.1"
TAG_OF_TIMES = 1


@dataclass(frozen=True)
class Moment:
    """A time, which is a whole number of milliseconds and nothing else."""

    milliseconds: int

    def __post_init__(self):
        assert type(self.milliseconds) is int, f"a time is {self.milliseconds!r}"


def encoded(request, **how):
    """The bytes of a request; `how` is what `cbor2.dumps` takes."""
    moment = {Moment: lambda encoder, value: encoder.encode(cbor2.CBORTag(TAG_OF_TIMES, value.milliseconds))}
    return cbor2.dumps(request, encoders=moment, **how)


def decoded(body):
    """What an answer says; nothing when it is empty."""
    moment = {TAG_OF_TIMES: lambda milliseconds, _: Moment(milliseconds)}
    return cbor2.loads(body, semantic_decoders=moment) if body else None


def post(endpoint, operation, request, **how):
    """Status and content of the answer to a signed call; `request` is bytes, or what CBOR makes of it."""
    raw = request if isinstance(request, bytes) else encoded(request, **how)
    headers = clients.target(operation) | {"Content-Type": CBOR}
    answer = clients.send(endpoint, "POST", raw, clients.signed_headers(endpoint, raw, headers))
    assert answer.headers["content-type"] == CBOR
    return answer.status, decoded(answer.body)


def must(endpoint, operation, request, **how):
    """The content of the answer to a call that is served."""
    status, content = post(endpoint, operation, request, **how)
    assert status == 200, content
    return content
