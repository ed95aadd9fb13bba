"""Signatures: what we sign verifies with botocore's signer, and moto with its checks on tells right from
wrong.
"""

import datetime
import re
import time
from dataclasses import replace

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from parts.agent import IS_NARTHEX
from parts.aws import REGION
from parts.process import wait_until
from parts.receiver import Answer, Received

ACCESS_KEY = "AKIDEXAMPLE000000001"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
TOKEN = "FQoGZXIvYXdzEBYaDsession/token+with=odd=="
# Paths and queries whose canonical form is not what is sent.
PATHS = [
    "/workspaces/ws-1234/api/v1/remote_write",
    "/workspaces/with%20space/api//v1/./remote_write",
    "/api/v1/remote_write?b=2&a=1&a=%20x&empty",
]


def configuration(exporter, url, sigv4):
    return {
        "global": {"scrape_interval": "500ms", "scrape_timeout": "500ms"},
        "scrape_configs": [{"job_name": "one", "static_configs": [{"targets": [exporter.address]}]}],
        "remote_write": [
            {
                "url": url,
                "headers": {"X-Custom": "a  custom   value"},
                "sigv4": sigv4,
                "queue_config": {"batch_send_deadline": "200ms"},
            }
        ],
    }


def fault(received, host, region, access_key, secret, token=None, service="aps"):
    """None when botocore computes the same signature from what was received, else what is wrong."""
    authorization = received.header("Authorization") or ""
    match = re.fullmatch(
        r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, ?"
        r"SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})",
        authorization,
    )
    if not match:
        return f"no Authorization of SigV4: {authorization!r}"
    key, day, scope_region, scope_service, signed, signature = match.groups()
    if (key, scope_region, scope_service) != (access_key, region, service):
        return f"the scope is {(key, scope_region, scope_service)}"
    stamp = received.header("X-Amz-Date")
    if not stamp or not stamp.startswith(day):
        return f"X-Amz-Date {stamp} and the scope's {day} differ"
    signed = signed.split(";")
    must_be_signed = {"host", "x-amz-date"} | ({"x-amz-security-token"} if token else set())
    if not must_be_signed <= set(signed):
        return f"not signed: {must_be_signed - set(signed)}"
    if token and received.header("X-Amz-Security-Token") != token:
        return "the session token was not sent"
    request = AWSRequest(
        method="POST",
        url=f"http://{host}{received.path}",
        data=received.body,
        headers={name: received.header(name) for name in signed if name != "host"},
    )
    request.context["timestamp"] = stamp
    signer = SigV4Auth(Credentials(access_key, secret, token), service, region)
    # botocore would leave some headers out that we signed: the list in the Authorization line is what counts.
    signer.headers_to_sign = lambda _: _signed_headers(request, signed, host)
    expected = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    return None if expected == signature else f"the signature is {signature}, botocore's {expected}"


def _signed_headers(request, signed, host):
    from botocore.compat import HTTPHeaders

    headers = HTTPHeaders()
    for name in signed:
        headers[name] = host if name == "host" else request.headers[name]
    return headers


def signed_by_botocore(path, token):
    """A request as botocore itself signs it, headers that only we sign included."""
    url = f"http://127.0.0.1:9009{path}"
    headers = {"Content-Type": "application/x-protobuf", "X-Custom": "a  custom   value"}
    request = AWSRequest(method="POST", url=url, data=b"body", headers=headers)
    SigV4Auth(Credentials(ACCESS_KEY, SECRET, token), "aps", REGION).add_auth(request)
    return Received(0, path, list(request.headers.items()), b"body", 0.0, 0)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("token", [None, TOKEN], ids=["key", "session"])
def test_the_check_passes_botocore_and_finds_what_is_wrong(path, token):
    good = signed_by_botocore(path, token)
    claims = ("127.0.0.1:9009", REGION, ACCESS_KEY, SECRET, token)
    assert fault(good, *claims) is None
    assert fault(replace(good, body=b"bodY"), *claims) is not None
    assert fault(replace(good, path=path.replace("api", "apj")), *claims) is not None
    assert fault(good, "127.0.0.1:9010", *claims[1:]) is not None
    for index, (name, value) in enumerate(good.headers):
        spoiled = [*good.headers[:index], (name, value + "0"), *good.headers[index + 1 :]]
        assert fault(replace(good, headers=spoiled), *claims) is not None, name
        missing = [*good.headers[:index], *good.headers[index + 1 :]]
        if name in ("Authorization", "X-Amz-Date", "X-Amz-Security-Token"):
            assert fault(replace(good, headers=missing), *claims) is not None, name


@pytest.mark.skipif(not IS_NARTHEX, reason="Debian builds Prometheus without SigV4")
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("token", [None, TOKEN], ids=["key", "session"])
def test_remote_write_verifies_with_botocore(make_agent, receiver, text_exporter, path, token):
    exporter = text_exporter("one 1\n")
    url = f"http://127.0.0.1:{receiver.port}{path}"
    environment = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
    sigv4 = {"region": REGION}
    if token:
        environment["AWS_SESSION_TOKEN"] = token
    else:
        environment = {}
        sigv4 |= {"access_key": ACCESS_KEY, "secret_key": SECRET}
    # The first try fails, so that a request signed again is looked at as well.
    receiver.decide = lambda received: Answer(503, stores=False) if received.number == 0 else Answer()
    agent = make_agent(configuration(exporter, url, sigv4), environment=environment).start()
    wait_until(lambda: len(receiver.requests) >= 4, 20, "four requests")
    host = f"127.0.0.1:{receiver.port}"
    for received in receiver.requests:
        assert fault(received, host, REGION, ACCESS_KEY, SECRET, token) is None
        assert fault(received, host, REGION, ACCESS_KEY, SECRET + "x", token) is not None
        assert received.header("Content-Encoding") == "snappy"
        assert received.header("Content-Type") == "application/x-protobuf"
        assert received.header("X-Prometheus-Remote-Write-Version") == "0.1.0"
        assert re.match(r"\S+/\S+", received.header("User-Agent"))
        stamp = datetime.datetime.strptime(received.header("X-Amz-Date"), "%Y%m%dT%H%M%SZ")
        assert abs(stamp.replace(tzinfo=datetime.timezone.utc).timestamp() - time.time()) < 60
    _, _, page = agent.get("/metrics")
    assert agent.stop() == 0
    for secret in filter(None, (SECRET, token)):
        assert secret not in agent.log_text() and secret not in page.decode()


@pytest.mark.skipif(not IS_NARTHEX, reason="Prometheus 2.42 knows no ecs_sd_configs")
def test_moto_takes_the_right_secret_and_refuses_a_wrong_one(
    make_agent, make_moto, receiver, text_exporter
):
    from test_ecs import configuration as ecs_configuration
    from test_ecs import newest
    from parts.process import free_port

    moto = make_moto(verifies=True)
    moto.client("ecs").create_cluster(clusterName="shop")
    port = free_port()
    _, address = moto.run_task("shop", "cart", {"PROMETHEUS_EXPORTER_PORT": str(port)}, moto.make_network())
    exporter = text_exporter("one 1\n", host=address, port=port)

    wrong = "wrong-" + moto.secret_key
    refused = make_agent(
        ecs_configuration(receiver.url, moto, "shop", secret_key=wrong), name="refused"
    ).start()
    wait_until(
        lambda: refused.log_lines(r"SignatureDoesNotMatch|InvalidSignature|\b403\b"),
        20,
        "log line about the signature",
    )
    wait_until(
        lambda: refused.metric("prometheus_sd_refresh_failures_total", mechanism="ecs") >= 1, 20, "failure"
    )
    assert refused.stop() == 0
    assert exporter.scrapes == 0
    assert wrong not in refused.log_text()

    right = make_agent(ecs_configuration(receiver.url, moto, "shop"), name="right").start()
    wait_until(lambda: newest(receiver, "one"), 20, "scraped task")
    assert right.metric("prometheus_sd_refresh_failures_total", mechanism="ecs") == 0
    assert right.stop() == 0
    assert moto.secret_key not in right.log_text()
