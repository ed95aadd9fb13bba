"""`narthex doctor` by the ways that an agent is configured and that its requests go: where the configuration
is from, which flags stand on the command line, what stands between, and how long that is waited for.
"""

import contextlib
import http.server
import json
import os
import re
import shlex
import socket
import subprocess
import threading
from pathlib import Path

import pytest
import yaml

from parts.agent import IS_NARTHEX, ROOT, clean_environment, program
from parts.aws import REGION
from parts.doctor import HUSH, Place, Setting, memory_folder
from parts.process import free_port
from parts.web import ForwardProxy, TargetList
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


@pytest.fixture
def silent():
    """A port whose connections are made and never answered."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def speaking(parts):
    """Starts a server that answers every request with one status and body."""

    def start(status, body):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        parts.callback(server.server_close)
        parts.callback(server.shutdown)
        return f"http://127.0.0.1:{server.server_address[1]}"

    return start


def doctor(setting, *words, **environment):
    """(exit status, lines) without a file."""
    ended = subprocess.run(
        [program("narthex"), "doctor", "--json", f"--storage.agent.path={setting.storage}", *words],
        env=clean_environment(**setting.environment, **environment), capture_output=True, text=True,
        cwd=setting.folder, timeout=60,
    )  # fmt: skip
    assert HUSH not in ended.stdout + ended.stderr
    return ended.returncode, json.loads(ended.stdout)["lines"]


# Time


@pytest.mark.parametrize(
    ("location", "remedy"),
    [
        ("s3://shop/narthex.yml", "let this machine reach S3: a NAT, a proxy, or a VPC endpoint for s3"),
        ("{silent}/a.yml", "look at the URL and at who may read it, and let this machine reach that server"),
    ],
)
def test_a_source_that_does_not_answer(location, remedy, setting, silent):
    setting.location = location.format(silent=silent)
    setting.environment["AWS_ENDPOINT_URL_S3"] = silent
    lines = setting.lines(None, 2, "--timeout=12s")
    (line,) = [line for line in lines if line["check"] == "configuration"]
    assert "timed out" in line["message"] and line["remedy"] == remedy
    assert "region" not in {line["check"] for line in lines}


def test_what_was_found_before_the_time_was_up_is_told(setting, silent):
    setting.environment = {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{silent}/credentials", "AWS_REGION": REGION,
        "AWS_ENDPOINT_URL": setting.place.moto.url,
    }  # fmt: skip
    lines = setting.lines(None, 1, "--timeout=6s")
    assert [line["verdict"] for line in lines if line["check"] == "region"][-1] == "ok"
    assert "there was no answer in time" in {line["message"] for line in lines if line["check"] == "ecs"}
    assert {line["verdict"] for line in lines if line["check"] == "storage"} == {"ok"}


def test_an_sts_that_is_not_reached_hinders_nothing(setting):
    setting.environment["AWS_ENDPOINT_URL_STS"] = f"http://127.0.0.1:{free_port()}"
    (line,) = setting.lines("credentials", ends=0)
    assert line["verdict"] == "skipped" and "which the agent needs for roles alone" in line["message"]


def test_a_session_that_has_ended(setting, speaking):
    setting.environment["AWS_ENDPOINT_URL_STS"] = speaking(
        403,
        b"<ErrorResponse><Error><Code>ExpiredToken</Code><Message>The security token included in the request"
        b" is expired</Message></Error></ErrorResponse>",
    )
    assert "; make a new key, or renew the session" in setting.wrong("credentials")


# Flags, and where a configuration is from


@pytest.mark.parametrize("by", ["flag", "variable"])
def test_an_agent_without_a_file_that_does_not_run_yet(by, setting, running):
    own = f"127.0.0.1:{free_port()}"
    words = [f"--web.listen-address={own}", "--web.route-prefix=/own"] if by == "flag" else []
    variable = {"NARTHEX_WEB_LISTEN_ADDRESS": own} if by == "variable" else {}
    status, lines = doctor(
        setting, f"--remote-write.url={running.standins.amp['url']}", *words, NARTHEX_CLUSTERS="shop",
        **variable,
    )  # fmt: skip
    assert status == 0, lines
    (line,) = [line for line in lines if (line["check"], line.get("subject")) == ("targets", "narthex")]
    path = "/own/metrics" if by == "flag" else "/metrics"
    assert line["verdict"] == "skipped"
    assert line["message"] == f"http://{own}{path} is the agent's own page, and no agent runs there"


def test_the_command_line_of_an_agent_stands_behind_it(setting):
    storage = setting.folder / "other"
    lines = setting.lines(
        None, 0, "--web.listen-address=0.0.0.0:9090", "--storage.remote.flush-deadline=30s",
        f"--storage.tsdb.path={storage}", "--log.level=warn", "--query.timeout", "1m", "--timeout", "25s",
        "--web.enable-lifecycle",
    )  # fmt: skip
    noted = [line["message"] for line in lines if line["verdict"] == "noted"]
    assert any(text.startswith("--query.timeout has no effect") for text in noted)
    # As in `narthex run`, the agent's own name for it comes first.
    assert any(text.startswith("--storage.tsdb.path has no effect") for text in noted)
    ended = setting.run("--web.listen-address=nowhere")
    assert ended.returncode == 64 and "'nowhere' is no listen address" in ended.stderr
    ended = setting.run("--help")
    assert ended.returncode == 0 and "--targets" in ended.stdout and "--config.strict" in ended.stdout


def test_what_has_no_effect_is_noted_and_strictly_refused(setting):
    setting.location = setting.folder / "rules.yml"
    setting.location.write_text(setting.text + "rule_files: [none.yml]\n")
    lines = setting.lines("configuration", 0)
    assert [line["verdict"] for line in lines] == ["ok", "noted"] and "rule_files" in lines[1]["message"]
    assert "rule_files" in setting.lines("configuration", 2, "--config.strict")[0]["message"]


def test_a_configuration_of_a_variable_and_of_the_web(setting, parts):
    setting.environment["NARTHEX_TEXT"] = setting.text
    setting.location = "env:NARTHEX_TEXT"
    assert setting.lines("configuration", 0)[0]["message"].startswith("env:NARTHEX_TEXT is read")
    server = TargetList().start()
    parts.callback(server.stop)
    server.reply = (200, "text/yaml", setting.text.encode())
    setting.location = server.url
    assert setting.lines("configuration", 0)[0]["message"].startswith(f"{server.url} is read")
    server.reply = (404, "text/plain", b"")
    assert "; look at the URL and at who may read it" in setting.wrong("configuration", ends=2)


def test_a_composers_job_is_looked_at_before_its_files_are_written(setting, running):
    location = store(running.moto, "config-ssm", "x")
    folder = setting.folder / "composed"
    setting.destination["basic_auth"] = {"username": "u", "password_file": f"{folder}/password"}
    del setting.destination["sigv4"]
    files = [f"{folder}/targets.yml"]
    setting.job = {"job_name": "files", "file_sd_configs": [{"files": files}]}
    port = free_port()
    job = {
        "files": {
            f"{folder}/prometheus.yml": {"content": setting.text},
            f"{folder}/targets.yml": {"content": yaml.safe_dump([{"targets": [f"127.0.0.1:{port}"]}])},
            f"{folder}/password": {"source": {"Ssm": {"ParameterName": location.removeprefix("ssm:")}}},
        }
    }
    setting.location = setting.folder / "job.yml"
    setting.location.write_text(yaml.safe_dump(job))
    running.allow("config-ssm")
    try:
        lines = setting.lines(None, 1)
    finally:
        running.allow()
    (line,) = [line for line in lines if line["check"] == "credentials"]
    assert line["verdict"] == "ok" and line["subject"] == "default for --config.file"
    (line,) = [line for line in lines if line["check"] == "targets"]
    assert line["message"].startswith("1 found, 1 not scraped: ")
    assert "No such file" not in json.dumps(lines) and not folder.exists()


def test_a_role_that_a_composers_job_names(setting, running):
    role = "arn:aws:iam::123456789012:role/other"
    source = {"Ssm": {"ParameterName": "/shop/none", "IamOverride": {"RoleArn": role}}}
    job = {"files": {"/x/prometheus.yml": {"content": setting.text}, "/x/other": {"source": source}}}
    setting.location = store(running.moto, "config-s3", yaml.safe_dump(job))
    running.allow("config-s3")
    try:
        lines = setting.lines(None, 2)
    finally:
        running.allow()
    found = {line["subject"]: line for line in lines if line["check"] == "credentials"}
    assert found["default for --config.file"]["verdict"] == "ok"
    assert "allow sts:AssumeRole" in found[f"{role} for --config.file"]["remedy"]


def test_jobs_of_included_files_are_looked_at(setting):
    more = setting.folder / "more.yml"
    more.write_text(yaml.safe_dump({"scrape_configs": [{"job_name": "more", "static_configs": []}]}))
    setting.location = setting.folder / "main.yml"
    setting.location.write_text(setting.text + f"scrape_config_files: ['{more}']\n")
    assert {line["subject"] for line in setting.lines("targets")} == {"shop", "more"}


def test_one_destination_of_several_that_is_broken(setting):
    text = yaml.safe_load(setting.text)
    text["remote_write"].append({"name": "gone", "url": f"http://127.0.0.1:{free_port()}/w"})
    setting.location = setting.folder / "two.yml"
    setting.location.write_text(yaml.safe_dump(text))
    found = {line["subject"]: line["verdict"] for line in setting.lines("destination")}
    assert found == {"amp": "ok", "gone": "wrong"}
    assert {line["subject"]: line["verdict"] for line in setting.lines("write")} == {
        "amp": "ok", "gone": "skipped",
    }  # fmt: skip


# What is printed can be pasted


def test_the_commands_of_remedies_work(setting, tmp_path):
    """Each of them runs in a shell and shows what it is to show."""
    setting.location = tmp_path / "it's here.yml"
    port = free_port()
    jobs = [
        {"job_name": "dead one", "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]},
        {"job_name": "empty", "file_sd_configs": [{"files": [f"{tmp_path}/none-*.yml"]}]},
    ]
    setting.location.write_text(
        yaml.safe_dump({"scrape_configs": jobs, "remote_write": [setting.destination]})
    )
    remedies = [line["remedy"] for line in setting.lines("targets")]
    (tmp_path / "bad.yml").write_text("globl: {}\n")
    setting.location = tmp_path / "bad.yml"
    remedies += [setting.lines("configuration", ends=2)[0]["remedy"]]
    setting.environment |= {
        "NARTHEX_CLUSTERS": "gone", "AWS_ENDPOINT_URL_ECS": f"http://127.0.0.1:{port}"
    }  # fmt: skip
    status, lines = doctor(setting, "--remote-write.url=http://127.0.0.1:1/w")
    assert status == 1
    remedies += [line["remedy"] for line in lines if line["check"] == "targets" and "remedy" in line]
    commands = [re.search(r"(?:.*; )?(narthex .*) (?:shows|looks at it again)", text)[1] for text in remedies]
    words = {word for command in commands for word in shlex.split(command)}
    assert {"discover", "scrape", "check-config", "run"} <= words
    path = f"{program('narthex').parent}:/usr/bin:/bin"
    for command in commands:
        ended = subprocess.run(
            ["sh", "-c", command], env=clean_environment(**setting.environment) | {"PATH": path},
            capture_output=True, text=True, timeout=60, cwd=tmp_path,
        )  # fmt: skip
        said = ended.stdout + ended.stderr
        assert ended.returncode in (0, 1, 2) and "Usage:" not in said, (command, said)
        shown = ("refused", "0 targets", "globl", "ecs")
        assert any(word in said for word in shown) and "there is no job" not in said, (command, said)


# What stands between


def test_a_proxy_that_wants_a_password(setting, parts):
    proxy = ForwardProxy().start()
    parts.callback(proxy.stop)
    setting.destination = {
        "name": "far", "url": "https://127.0.0.1:1/w", "proxy_url": f"http://127.0.0.1:{proxy.port}"
    }  # fmt: skip
    said = setting.wrong("destination")
    assert "407" in said and said.endswith("; give the proxy's user and password in proxy_url")


@pytest.mark.parametrize(
    ("host", "words"),
    [("nowhere.invalid:3128", "look at the name of the proxy"), ("127.0.0.1:1", "reach the proxy")],
)
def test_a_proxy_that_is_not_reached(host, words, setting):
    setting.destination = {"name": "far", "url": "https://127.0.0.1:1/w", "proxy_url": f"http://{host}"}
    assert words in setting.wrong("destination")
    assert setting.verdicts("write") == {"skipped"}


def test_a_token_that_cannot_be_had(setting, receiver):
    setting.destination = {
        "name": "far", "url": receiver.url,
        "oauth2": {
            "client_id": "c", "client_secret": HUSH, "token_url": f"http://127.0.0.1:{free_port()}/token",
        },
    }  # fmt: skip
    assert "; look at token_url of oauth2, and let this machine reach it" in setting.wrong("destination")


# The container's limits


def test_a_container_that_is_too_small(setting):
    """A control group as a container sees it, in the place of this machine's."""
    groups = setting.folder / "cgroup"
    own = [line[4:] for line in Path("/proc/self/cgroup").read_text().splitlines() if line.startswith("0::/")]
    for folder in [groups, *(groups / path for path in own)]:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "memory.max").write_text("33554432\n")
        (folder / "cpu.max").write_text("2000 100000\n")
    setting.location.write_text(setting.text)
    mount = f'mount --bind {groups} /sys/fs/cgroup && exec "$@"'
    user = [] if os.getuid() == 0 else ["--user", "--map-root-user"]
    ended = subprocess.run(
        ["unshare", *user, "--mount", "sh", "-c", mount, "sh", program("narthex"), "doctor",
         f"--config.file={setting.location}", f"--storage.agent.path={setting.storage}",
         "--storage.agent.retention.max-size=64MB"],
        env=clean_environment(**setting.environment), capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert ended.returncode == 1, ended.stdout + ended.stderr
    wrong = [line for line in ended.stdout.splitlines() if line.startswith("wrong")]
    wrong = [line for line in wrong if line.split()[1] in ("memory:", "cpu:")]
    assert len(wrong) == 2, ended.stdout
    assert wrong[0].startswith("wrong    memory: 32MB allowed by the cgroup, ")
    assert wrong[0].endswith("; allow at least 64MB")
    assert wrong[1].startswith("wrong    cpu: 0.02 cores allowed by the cgroup, ")
    assert wrong[1].endswith("; allow at least 0.05 cores")


# EC2


def test_what_ec2_discovery_needs(setting, running):
    setting.job = {"job_name": "vm", "ec2_sd_configs": [{"port": 9100}]}
    running.allow("ec2-instances")
    iam = running.moto.client("iam")

    def deny(*actions):
        statement = {"Effect": "Deny", "Action": list(actions), "Resource": "*"}
        document = {"Version": "2012-10-17", "Statement": [statement]}
        iam.put_role_policy(RoleName="agent", PolicyName="deny", PolicyDocument=json.dumps(document))

    try:
        lines = setting.lines(None, 1)
        assert [line["verdict"] for line in lines if line["check"] == "ec2"] == ["ok", "ok"]
        subjects = [line["subject"] for line in lines if line["check"] == "credentials"]
        assert subjects == ["default for remote_write amp, job vm"]
        deny("ec2:DescribeAvailabilityZones")
        lines = setting.lines("ec2", 1, "--timeout=12s")
        assert [line["verdict"] for line in lines] == ["ok", "noted"]
        deny("ec2:DescribeInstances")
        said = setting.wrong("ec2", 1, "--timeout=12s")
        policy = "in the policy of these credentials (config/iam/ec2-instances.json)"
        assert said.endswith(f"; allow ec2:DescribeInstances {policy}")
    finally:
        running.allow()


# The page


def test_the_page_starts_it_as_the_service_is_started():
    page = (ROOT / "docs/doctor.md").read_text()
    unit = (ROOT / "config/narthex.service").read_text().replace("%t", "/run").splitlines()
    command = re.search(r"sudo (systemd-run (?:.*\\\n)*.*)", page)[1].replace("\\\n", " ")
    words = shlex.split(command)
    settings = [word.removeprefix("--property=") for word in words if word.startswith("--property=")]
    assert len(settings) == 7 and not [line for line in settings if line not in unit]
    assert words[words.index("doctor") - 1] == "/usr/bin/narthex"
    overrides = json.loads(re.search(r"--overrides '(.*)'", page)[1])
    task = json.loads((ROOT / "config/fargate/task-definition.json").read_text())
    (container,) = task["containerDefinitions"]
    command = ["doctor", *container["command"][1:]]
    assert overrides["containerOverrides"] == [{"name": container["name"], "command": command}]
