"""The clients: boto3, the AWS CLI, and signed requests whose bytes the test chooses."""

import http.client
import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

REGION = "eu-central-1"
ACCESS_KEY = "AKIDEXAMPLE"
SECRET_KEY = "not-a-secret"
JSON = "application/x-amz-json-1.1"

# Seconds one call may take before a test counts it as hung.
CALL_SECONDS_MAX = 60


def kinesis(endpoint, attempts=1, **more):
    """A boto3 client that sends each request once, so that a test sees each answer, or repeats it
    as users' clients do when they are told to slow down.

    It checks no parameters itself: what the service refuses is what is tested.
    """
    config = Config(
        retries={"mode": "standard", "total_max_attempts": attempts},
        parameter_validation=False,
        connect_timeout=CALL_SECONDS_MAX,
        read_timeout=CALL_SECONDS_MAX,
    )
    return boto3.client(
        "kinesis",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        config=config,
        **more,
    )


class Cli:
    """The AWS CLI of this Python environment, as a user types it; `attempts` as for `kinesis`."""

    def __init__(self, endpoint, attempts=1):
        self.endpoint = endpoint
        self.attempts = attempts

    def run(self, *arguments):
        """The finished process of `aws kinesis ARGUMENTS`."""
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_MAX_ATTEMPTS": str(self.attempts),
            "AWS_RETRY_MODE": "standard",
            "AWS_ENDPOINT_URL_KINESIS": self.endpoint,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_PAGER": "",
        }
        aws = Path(sys.executable).parent / "aws"
        return subprocess.run(
            [sys.executable, str(aws), "kinesis", *arguments, "--output", "json"],
            capture_output=True,
            text=True,
            env=environment,
            timeout=CALL_SECONDS_MAX,
        )

    def call(self, *arguments):
        """What the command printed, parsed; nothing when it printed nothing."""
        done = self.run(*arguments)
        assert done.returncode == 0, f"aws kinesis {arguments} ended with {done.returncode}: {done.stderr}"
        return json.loads(done.stdout) if done.stdout.strip() else None


def signed_headers(endpoint, body, headers, service="kinesis", region=REGION):
    """`headers` with a SigV4 signature for `POST /` of `body`."""
    request = AWSRequest(method="POST", url=endpoint + "/", data=body, headers=headers)
    SigV4Auth(Credentials(ACCESS_KEY, SECRET_KEY), service, region).add_auth(request)
    return dict(request.headers.items())


def target(operation):
    return {"X-Amz-Target": f"Kinesis_20131202.{operation}", "Content-Type": JSON}


class Answer:
    """An HTTP answer, read to its end."""

    def __init__(self, response):
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = response.read()

    def json(self):
        return json.loads(self.body)

    def error(self):
        """(type, message) as SDKs read them."""
        body = self.json()
        return body["__type"].split("#")[-1], body.get("message", body.get("Message"))


def send(endpoint, method, body, headers):
    """One request as it is, over a connection of its own."""
    address = urlsplit(endpoint)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=CALL_SECONDS_MAX)
    try:
        connection.request(method, "/", body=body, headers=headers)
        return Answer(connection.getresponse())
    finally:
        connection.close()


class Kept:
    """Signed calls over one connection that is kept. One thread's at a time."""

    def __init__(self, endpoint, seconds_max=CALL_SECONDS_MAX):
        self.endpoint = endpoint
        address = urlsplit(endpoint)
        self.connection = http.client.HTTPConnection(address.hostname, address.port, timeout=seconds_max)

    def begin(self, operation, body):
        """Sends the call; `finish` reads its answer."""
        raw = json.dumps(body).encode()
        self.connection.request("POST", "/", body=raw, headers=signed_headers(self.endpoint, raw, target(operation)))

    def finish(self):
        return Answer(self.connection.getresponse())

    def call(self, operation, body):
        """The answer, whatever it is; an error of the connection closes it, and the next call opens another."""
        try:
            self.begin(operation, body)
            return self.finish()
        except (OSError, http.client.HTTPException):
            self.close()
            raise

    def close(self):
        self.connection.close()


def post(endpoint, operation, body, **scope):
    """A signed call; `body` is bytes, or what JSON makes of it."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return send(endpoint, "POST", raw, signed_headers(endpoint, raw, target(operation), **scope))
