"""`narthex doctor` where all is well, and then with each thing broken once: the sentence that says so."""

import contextlib
import http.server
import json
import os
import threading
import time

import pytest

from parts.agent import IS_NARTHEX
from parts.authority import Authority
from parts.doctor import HUSH, Place, Setting, memory_folder
from parts.nginx import Nginx
from parts.process import free_port
from parts.receiver import Answer
from parts.web import TargetList
from test_sources import store

pytestmark = pytest.mark.skipif(not IS_NARTHEX, reason="this is a command of Narthex")


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with contextlib.ExitStack() as stack:
        yield Place(tmp_path_factory.mktemp("doctor"), stack)


@pytest.fixture
def setting(running, tmp_path):
    with memory_folder() as disk:
        yield Setting(running, tmp_path, disk)
    running.fault(fault="none")


def test_where_all_is_well_everything_has_its_line(setting, running):
    ended = setting.run()
    assert ended.returncode == 0, ended.stdout + ended.stderr
    lines = ended.stdout.splitlines()
    starts = [
        f"ok       configuration: {setting.location} is read: 1 job, 1 destination",
        "ok       credentials default for remote_write amp, job shop: key ",
        f"ok       destination amp: {running.standins.amp['url']} is reached, and answered after ",
        "ok       region amp: eu-west-1",
        "ok       write amp: a write without samples is taken (status 200)",
        "ok       region shop: eu-west-1",
        "ok       ecs shop: ecs:ListTasks in cluster shop is allowed",
        "ok       ecs shop: ecs:DescribeTasks in cluster shop is allowed",
        "ok       ecs shop: ecs:DescribeTaskDefinition in cluster shop is allowed",
        "ok       targets shop: 1 found, every one would be stored",
        f"ok       storage write: {setting.storage} (tried in {setting.disk}) takes ",
        "ok       storage fsync: a small write is durable after ",
        "ok       storage space: ",
        "ok       clock: agrees with that of AWS' STS",
        "ok       memory: ",
        "ok       cpu: ",
        "ok       files: ",
        "17 ok",
    ]
    assert len(lines) == len(starts), ended.stdout
    for line, start in zip(lines, starts):
        assert line.startswith(start), (line, start)
    assert "assumed-role/agent/machine of account 123456789012" in lines[1]
    # Nothing was stored anywhere.
    assert running.standins.control(running.standins.amp, "/stats")["samples"] == 0
    assert not setting.storage.exists()

    (line,) = setting.lines("write", ends=0)
    assert line == {
        "check": "write", "subject": "amp", "verdict": "ok",
        "message": "a write without samples is taken (status 200)",
    }  # fmt: skip


# Credentials, clock, region


def test_no_credentials(setting):
    setting.environment |= {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_SESSION_TOKEN": HUSH}
    assert "; give the task or the instance a role, or name a profile or keys" in setting.wrong("credentials")
    assert setting.verdicts("write") == setting.verdicts("ecs") == {"skipped"}


@pytest.mark.parametrize(
    ("broken", "words", "remedy"),
    [
        (
            {"AWS_ACCESS_KEY_ID": "AKIA1234567890ABCDEF", "AWS_SESSION_TOKEN": ""}, "InvalidClientTokenId",
            "make a new key, or renew the session",
        ),
        (
            {"AWS_SECRET_ACCESS_KEY": HUSH}, "SignatureDoesNotMatch",
            "write the secret access key that belongs to this key",
        ),
    ],
)  # fmt: skip
def test_a_key_that_aws_does_not_take(broken, words, remedy, setting):
    setting.environment |= broken
    said = setting.wrong("credentials")
    assert "AWS does not take them" in said and words in said and remedy in said


def test_a_secret_key_that_the_destination_does_not_take(setting):
    setting.environment["AWS_SECRET_ACCESS_KEY"] = HUSH
    assert "; write the secret access key that belongs to the key" in setting.wrong("write")


def test_a_role_that_may_not_be_assumed(setting):
    setting.destination["sigv4"]["role_arn"] = "arn:aws:iam::123456789012:role/other"
    said = setting.wrong("credentials")
    assert "sts:AssumeRole" in said and "config/iam/assume-role.json" in said


class STS(http.server.BaseHTTPRequestHandler):
    """Of an account whose clock is `ahead` seconds ahead."""

    ahead = 0

    def date_time_string(self, timestamp=None):
        return super().date_time_string(time.time() + self.ahead)

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        body = b"<R><GetCallerIdentityResult><Arn>arn:aws:iam::1:user/u</Arn></GetCallerIdentityResult></R>"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.mark.parametrize(("ahead", "words"), [(3600, "s behind that of"), (-3600, "s ahead of that of")])
def test_a_wrong_clock(ahead, words, setting):
    handler = type("Handler", (STS,), {"ahead": ahead})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    setting.environment["AWS_ENDPOINT_URL_STS"] = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        said = setting.wrong("clock")
    finally:
        server.shutdown()
        server.server_close()
    assert f"{words} AWS' STS" in said and "; set the clock (timedatectl set-ntp true, chrony)" in said


def test_no_region(setting):
    setting.environment["AWS_REGION"] = ""
    del setting.destination["sigv4"]["region"]
    remedies = [line["remedy"] for line in setting.lines("region")]
    assert remedies[0].startswith("set sigv4.region, or AWS_REGION")
    assert remedies[1].startswith("set region in ecs_sd_configs, or AWS_REGION")


def test_a_signature_for_another_region(setting):
    setting.destination["sigv4"]["region"] = "us-east-1"
    said = setting.wrong("write")
    assert "scoped to a valid region" in said and "; set sigv4.region" in said


# Destinations


def test_the_action_that_a_policy_lacks(setting, running):
    who = "arn:aws:sts::123456789012:assumed-role/agent/machine"
    denied = f"User: {who} is not authorized to perform: aps:RemoteWrite on resource: arn:aws:aps:r:1:w/ws-1"
    running.fault(fault="status", status=403, body=json.dumps({"message": denied}))
    said = setting.wrong("write")
    assert denied in said
    remedy = "allow aps:RemoteWrite on the workspace in the policy of these credentials"
    assert said.endswith(f"; {remedy} (config/iam/remote-write.json)")


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ({"fault": "status", "status": 404}, "look at the url: its path"),
        ({"fault": "status", "status": 429}, "ask for higher quotas"),
        ({"fault": "status", "status": 503}, "look at the receiver: it is reached and does not work"),
        ({"fault": "hang"}, "look at what stands between"),
    ],
)
def test_a_destination_that_does_not_take_the_write(order, words, setting, running):
    running.fault(**order)
    said = setting.wrong("write", 1, "--timeout=12s")
    assert words in said and f"status {order['status']}" in said if "status" in order else words in said


@pytest.mark.parametrize(
    ("host", "what", "words"),
    [
        ("nowhere.invalid", "Could not resolve host", "this machine's DNS"),
        ("127.0.0.1:{port}", "no connection: ", "let this machine reach that port"),
    ],
)
def test_a_destination_that_is_not_reached(host, what, words, setting):
    setting.destination["url"] = f"http://{host.format(port=free_port())}/api/v1/write"
    said = setting.wrong("destination")
    assert what in said and words in said
    assert setting.verdicts("write") == {"skipped"}


def test_a_certificate_that_nobody_signed(setting, parts, tmp_path):
    authority = Authority(tmp_path / "tls")
    certificate, key = authority.issue("server")

    def server(ports):
        files = f"ssl_certificate {certificate}; ssl_certificate_key {key};"
        return f"server {{ listen 127.0.0.1:{ports['tls']} ssl; {files} location / {{ return 204; }} }}"

    nginx = Nginx(tmp_path / "nginx", ["tls"], server)
    parts.callback(nginx.stop)
    nginx.start()
    setting.destination = {"name": "tls", "url": f"https://127.0.0.1:{nginx.ports['tls']}/api/v1/write"}
    assert "; look at the certificate: tls_config.ca_file" in setting.wrong("destination")
    setting.destination["tls_config"] = {"ca_file": str(authority.certificate)}
    (line,) = setting.lines("destination", ends=0)
    assert "is reached over TLS" in line["message"]


def test_a_password_that_is_wrong(setting, receiver):
    receiver.decide = lambda received: Answer(status=401, body=b"no")
    url = f"{receiver.url}?token={HUSH}"
    setting.destination = {"url": url, "basic_auth": {"username": "u", "password": HUSH}}
    said = setting.wrong("write")
    assert "status 401: no" in said and "; look at basic_auth" in said


# ECS


@pytest.mark.parametrize(
    ("keys", "policy", "action"),
    [
        ({}, "ecs-tasks", "ecs:ListTasks"),
        ({"clusters": ["*"]}, "ecs-all-clusters", "ecs:ListClusters"),
        ({"describe_services": True}, "ecs-service-labels", "ecs:DescribeServices"),
        ({"describe_clusters": True}, "ecs-cluster-labels", "ecs:DescribeClusters"),
        ({"describe_network_interfaces": True}, "ecs-public-addresses", "ec2:DescribeNetworkInterfaces"),
    ],
)
def test_a_call_that_is_not_allowed(keys, policy, action, setting, running):
    setting.discovery |= keys
    allowed = [] if policy == "ecs-tasks" else [policy]
    running.allow(*allowed)
    assert setting.verdicts("ecs", ends=0) == {"ok"}
    running.forbid(policy)
    try:
        wrong = [line["remedy"] for line in setting.lines("ecs") if line["verdict"] == "wrong"]
        assert wrong[0] == f"allow {action} in the policy of these credentials (config/iam/{policy}.json)"
    finally:
        running.allow()


def test_a_cluster_that_is_not_there(setting):
    setting.discovery["clusters"] = ["gone"]
    said = setting.wrong("ecs")
    assert "ClusterNotFound" in said and "; name a cluster that is there in ecs_sd_configs.clusters" in said


def test_an_api_that_is_not_reached(setting):
    setting.environment["AWS_ENDPOINT_URL_ECS"] = f"http://127.0.0.1:{free_port()}"
    lines = setting.lines("ecs")
    assert lines and all("a VPC endpoint for ecs" in line["remedy"] for line in lines)


# The configuration and the command line


def test_a_configuration_that_cannot_be_used(setting):
    setting.location = setting.folder / "wrong.yml"
    setting.location.write_text("globl: {}\n")
    assert 'wrong.yml:1:1: unknown key "globl"' in setting.wrong("configuration", ends=2)
    assert setting.verdicts("storage", ends=2) == {"ok"}


@pytest.mark.parametrize(
    ("kind", "action"),
    [
        ("config-s3", "s3:GetObject"),
        ("config-ssm", "ssm:GetParameter"),
        ("config-secretsmanager", "secretsmanager:GetSecretValue"),
    ],
)
def test_a_configuration_that_may_not_be_read(kind, action, setting, running):
    setting.location = store(running.moto, kind, setting.text)
    said = setting.wrong("configuration", ends=2)
    assert action in said and f"{kind}.json" in said
    (line,) = setting.lines("credentials", ends=2)
    assert line["subject"] == "default for --config.file" and line["verdict"] == "ok"
    running.allow(kind)
    try:
        assert setting.lines("configuration", ends=0)[0]["message"].startswith(f"{setting.location} is read")
    finally:
        running.allow()


@pytest.mark.parametrize(
    "flag", ["--nonsense", "--timeout=1ms", "--targets=-1", "--remote-write.url=http://h/w"]
)
def test_a_wrong_command_line(flag, setting):
    assert setting.run(flag).returncode == 64


# The machine


def test_a_storage_directory_that_cannot_be_written(setting):
    (setting.folder / "file").write_text("")
    setting.storage = setting.folder / "file/data"
    said = setting.wrong("storage")
    assert "ot a directory; remove the file that is in the directory's place" in said


def test_a_disk_that_is_too_small(setting):
    setting.retention = "1000TB"
    assert "; make room, or lower --storage.agent.retention.max-size" in setting.wrong("storage")


def test_a_running_agent_is_not_disturbed(setting, make_agent):
    configuration = {"remote_write": [{"url": "http://127.0.0.1:1/w"}]}
    agent = make_agent(configuration, flags=[f"--storage.agent.path={setting.storage}"]).start()
    before = sorted(os.listdir(setting.storage))
    assert setting.verdicts("storage", ends=0) == {"ok"}
    assert sorted(os.listdir(setting.storage)) == before and agent.is_ready()
    assert agent.stop() == 0


def test_what_the_buffer_is_made_in_is_told(setting, make_agent):
    configuration = {"remote_write": [{"url": "http://127.0.0.1:1/w"}]}
    agent = make_agent(configuration, flags=[f"--storage.agent.path={setting.storage}"]).start()
    assert agent.stop() == 0
    format = [line["message"] for line in setting.lines("storage", ends=0) if line["subject"] == "format"]
    assert format == ["2 files of format version 3: this version of Narthex reads that, and writes version 3"]
    (segment,) = setting.storage.glob("*.segment")
    with segment.open("r+b") as file:
        file.write(bytes(80))
    assert f"1 file without a readable header: {segment.name}; look at the disk" in setting.wrong("storage")


def test_too_few_open_files(setting):
    setting.files = 64
    assert "; raise the limit (ulimit -n" in setting.wrong("files")


# Targets, and time


def test_a_target_that_does_not_answer(setting):
    setting.job = {"job_name": "dead", "static_configs": [{"targets": [f"127.0.0.1:{free_port()}"]}]}
    said = setting.wrong("targets")
    assert "1 found, 1 not scraped: " in said and "refused" in said
    assert f" --config.file={setting.location} --job=dead shows a scrape" in said


def test_a_target_that_would_not_be_stored(setting, text_exporter):
    exporter = text_exporter("a 1\nb 2\n")
    setting.job = {
        "job_name": "many", "sample_limit": 1, "static_configs": [{"targets": [exporter.address]}]
    }  # fmt: skip
    assert "sample_limit" in setting.wrong("targets")


def test_a_job_without_targets(setting):
    files = [f"{setting.folder}/none-*.yml"]
    setting.job = {"job_name": "empty", "file_sd_configs": [{"files": files}]}
    command = f"narthex discover --config.file={setting.location} --job=empty --all"
    assert f"none is found; {command}" in setting.wrong("targets")


def test_a_discovery_that_fails(setting, parts):
    server = TargetList().start()
    parts.callback(server.stop)
    server.reply = (500, "text/plain", b"")
    setting.job = {"job_name": "web", "http_sd_configs": [{"url": server.url}]}
    said = setting.wrong("targets", 1, "--timeout=12s")
    assert f"discovery fails: http: {server.url}: the answer's status is 500, not 200" in said


def test_the_whole_is_bounded_in_time(setting, receiver):
    """An AWS that takes questions and answers none: each check says what it is worth."""
    ends = threading.Event()
    receiver.decide = lambda received: ends.wait(30) and Answer()
    setting.environment["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{receiver.port}"
    started = time.monotonic()
    try:
        lines = setting.lines(None, 1, "--timeout=12s")
    finally:
        ends.set()
    assert time.monotonic() - started < 20
    found = {check: [line for line in lines if line["check"] == check] for check in ("credentials", "ecs")}
    assert [line["verdict"] for line in found["credentials"]] == ["skipped"]
    assert "who that is could not be asked" in found["credentials"][0]["message"]
    assert [line["verdict"] for line in found["ecs"]] == ["wrong"]
    assert "a VPC endpoint for ecs" in found["ecs"][0]["remedy"]
    assert {line["verdict"] for line in lines if line["check"] == "storage"} == {"ok"}
