"""One port speaks HTTP/1.1 and HTTP/2 with prior knowledge; the TLS port does the same."""

import base64
import json
import socket
import ssl
from urllib import parse

import clients
import httpx
import pytest


def _list_streams(http, endpoint):
    body = b"{}"
    headers = clients.signed_headers(endpoint, body, clients.target("ListStreams"))
    return http.post(endpoint + "/", content=body, headers=headers)


@pytest.mark.parametrize("port", ["api", "tls"])
@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/2"])
def both_ports_speak_both_versions(node, stream, port, version):
    endpoint = getattr(node, port)
    # On the plain port this is HTTP/2 with prior knowledge, on the TLS port it is agreed by ALPN.
    with httpx.Client(http1=version == "HTTP/1.1", http2=version == "HTTP/2", verify=False) as http:
        for _ in range(3):
            answer = _list_streams(http, endpoint)
            assert (answer.http_version, answer.status_code) == (version, 200)
            assert stream in answer.json()["StreamNames"]


def boto3_works_over_tls(node, stream):
    client = clients.kinesis(node.tls, verify=False)
    client.put_record(StreamName=stream, PartitionKey="key", Data=b"over tls")
    assert stream in client.list_streams(Limit=10_000)["StreamNames"]


def the_tls_port_prefers_h2(node):
    address = parse.urlsplit(node.tls)
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1", "h2"])
    with socket.create_connection((address.hostname, address.port)) as plain:
        with context.wrap_socket(plain) as secured:
            assert secured.selected_alpn_protocol() == "h2"


def health_and_metrics_are_served_without_a_signature(node):
    with httpx.Client() as http:
        for page in ("startup", "ready", "live"):
            assert http.get(f"{node.api}/health/{page}").status_code == 200
        metrics = http.get(f"{node.api}/metrics")
        assert metrics.status_code == 200
        assert "anabranch_aws_requests_total" in metrics.text


def a_connection_serves_many_requests(node):
    with httpx.Client() as http:
        for _ in range(20):
            assert _list_streams(http, node.api).status_code == 200


def a_large_batch_passes_over_http2(node, client, stream):
    data = base64.b64encode(b"x" * 8_000).decode()
    records = [{"PartitionKey": f"{i}", "Data": data} for i in range(500)]
    body = json.dumps({"StreamName": stream, "Records": records}).encode()
    headers = clients.signed_headers(node.api, body, clients.target("PutRecords"))
    with httpx.Client(http1=False, http2=True) as http:
        answer = http.post(node.api + "/", content=body, headers=headers)
    assert (answer.status_code, answer.json()["FailedRecordCount"]) == (200, 0)
