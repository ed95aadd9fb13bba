"""`narthex healthcheck`, and what a container asks of its process 1: an agent is found by flag, file and
variable, the answer comes within two seconds, and there are no zombies.
"""

import ctypes
import json
import os
import re
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest
from parts.agent import IS_NARTHEX, Agent, clean_environment, program
from parts.process import ROOT, ChildProcess, free_port, wait_until

pytestmark = pytest.mark.skipif(not IS_NARTHEX, reason="Prometheus has no such command")

QUIET = {
    "global": {"scrape_interval": "1s"},
    "scrape_configs": [{"job_name": "none", "static_configs": [{"targets": ["127.0.0.1:1"]}]}],
    "remote_write": [{"url": "http://127.0.0.1:1/w"}],
}


# What nobody takes is not waited for.
AT_ONCE = "--storage.remote.flush-deadline=0s"


def check(*flags, cwd=None, **environment):
    began = time.monotonic()
    ended = subprocess.run(
        [program("narthex"), "healthcheck", *flags], cwd=cwd, capture_output=True, text=True, timeout=30,
        check=False, env=clean_environment(**environment),
    )  # fmt: skip
    return ended, time.monotonic() - began


def test_a_running_agent_is_healthy_by_file_flag_and_variable(make_agent, tmp_path):
    agent = make_agent(QUIET, flags=[AT_ONCE]).start()
    address = f"127.0.0.1:{agent.port}"
    for flags, environment in [
        ([f"--storage.agent.path={agent.storage}"], {}),
        ([f"--web.listen-address={address}"], {}),
        ([], {"NARTHEX_WEB_LISTEN_ADDRESS": address}),
    ]:
        ended, seconds = check(*flags, cwd=tmp_path, **environment)
        assert ended.returncode == 0 and address in ended.stdout, ended
        assert seconds < 2
    # A container's working directory has the default storage directory in it, or is the storage directory.
    ended, _ = check(cwd=agent.storage)
    assert ended.returncode == 0 and address in ended.stdout, ended
    agent.stop()
    ended, seconds = check(cwd=agent.storage, NARTHEX_WEB_LISTEN_ADDRESS=address)
    assert ended.returncode == 1 and address in ended.stderr, ended
    assert seconds < 2


def test_what_does_not_answer_is_unhealthy_within_two_seconds(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        ended, seconds = check(f"--web.listen-address={address}")
        assert ended.returncode == 1 and address in ended.stderr, ended
        assert seconds < 2
    # Nor does a storage directory that cannot be read hold it up.
    os.mkfifo(tmp_path / "narthex.status-address")
    ended, seconds = check(f"--storage.agent.path={tmp_path}", NARTHEX_WEB_LISTEN_ADDRESS="127.0.0.1:1")
    assert ended.returncode == 1 and "narthex.status-address" in ended.stderr, ended
    assert seconds < 2


def test_a_wrong_flag_is_one_of_the_command_line():
    ended, _ = check("--web.listen-address=9090")
    assert ended.returncode == 64 and "is no listen address" in ended.stderr


def test_the_variable_of_an_image_holds_for_any_command_without_the_flag(tmp_path, parts):
    class Unaddressed(Agent):
        def _command(self, flags):
            return [
                word for word in super()._command(flags) if not str(word).startswith("--web.listen-address")
            ]

    agent = Unaddressed(tmp_path / "agent", tmp_path / "agent.log", QUIET, flags=[AT_ONCE])
    agent.process.environment["NARTHEX_WEB_LISTEN_ADDRESS"] = f"0.0.0.0:{agent.port}"
    parts.callback(lambda: agent.process.process and agent.kill())
    agent.start()
    stored = (agent.storage / "narthex.status-address").read_text()
    assert stored == f"http://127.0.0.1:{agent.port}/\n"
    with socket.socket() as outside:
        # Any address of this machine, as another task would ask.
        outside.connect(("127.0.0.2", agent.port))
    agent.stop()
    assert not (agent.storage / "narthex.status-address").exists()


class Container(ChildProcess):
    """A command as process 1 of a namespace, in a working directory, as in a container."""

    SPACES = [] if os.getuid() == 0 else ["--user", "--map-root-user"]

    def __init__(self, folder, log, *words, **environment):
        command = ["unshare", *self.SPACES, "--pid", "--mount-proc", "--fork", "--kill-child", *words]
        super().__init__("container", command, log, clean_environment(**environment), folder)

    @property
    def first(self):
        """The id, out here, of process 1 in there."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        return int(wait_until(lambda: children.read_text().split(), 10, "process 1")[0])

    def check(self, **environment):
        """`narthex healthcheck` in there, without flags and from the same working directory."""
        spaces = ["--pid", "--mount", *(["--user", "--preserve-credentials"] if self.SPACES else [])]
        return subprocess.run(
            ["nsenter", f"--target={self.first}", *spaces, f"--wdns={self.cwd}", program("narthex"),
             "healthcheck"],
            capture_output=True, text=True, timeout=30, check=False, env=clean_environment(**environment),
        )  # fmt: skip


@pytest.mark.parametrize(
    "flags",
    [
        ["--storage.agent.path=elsewhere/wal", "--web.listen-address=127.0.0.1:{port}"],
        ["--web.listen-address=127.0.0.1:{port}", "--web.route-prefix=/prom"],
        ["--web.listen-address=127.0.0.1:{port}", "--web.external-url=https://example.com/prom/"],
    ],
)
def test_the_command_of_a_container_tells_where_its_agent_is(flags, tmp_path, parts):
    port = free_port()
    (tmp_path / "prometheus.yml").write_text(json.dumps(QUIET))
    words = [flag.format(port=port) for flag in flags]
    container = Container(tmp_path, tmp_path / "log", program("narthex"), "run", AT_ONCE, *words)
    parts.callback(lambda: container.process and container.kill())
    container.start()
    ended = wait_until(lambda: (said := container.check()).returncode == 0 and said, 20, "healthy agent")
    assert f"127.0.0.1:{port}" in ended.stdout
    # One that does not answer is not healthy, whatever it has written into its directory.
    os.kill(container.first, signal.SIGSTOP)
    assert container.check().returncode == 1


def test_discovery_as_the_command_of_a_container_is_healthy(tmp_path, parts):
    container = Container(
        tmp_path, tmp_path / "log", program("narthex"), "discover", "--config.write-to=out.yml",
        "--config.scrape-interval=60s", AWS_ENDPOINT_URL="http://127.0.0.1:1", AWS_REGION="eu-west-1",
        AWS_ACCESS_KEY_ID="a", AWS_SECRET_ACCESS_KEY="b",
    )  # fmt: skip
    parts.callback(lambda: container.process and container.kill())
    container.start()
    ended = wait_until(lambda: (said := container.check()).returncode == 0 and said, 20, "healthy discovery")
    assert ended.stdout == "healthy: process 1 is narthex discover, which has no pages, and it runs\n"


def test_the_version_says_what_runs(make_agent):
    shown = subprocess.run(
        [program("narthex"), "--version"], capture_output=True, text=True, timeout=30, check=True
    ).stdout.splitlines()
    assert shown[0].startswith("narthex ")
    said = {name.strip(): value.strip() for name, value in (line.split(":", 1) for line in shown[1:])}
    assert list(said) == ["commit", "build date", "swift", "platform"]
    agent = make_agent(QUIET, flags=[AT_ONCE]).start()
    with urllib.request.urlopen(f"http://127.0.0.1:{agent.port}/metrics", timeout=5) as answer:
        page = answer.read().decode()
    (revision,) = re.findall(r'^prometheus_build_info\{.*revision="([^"]*)"', page, re.MULTILINE)
    assert revision == said["commit"]
    if "release" in Path(program("narthex")).resolve().parts:
        # script/test has told the build which commit it is.
        git = ["git", "-c", "safe.directory=*", "rev-parse", "HEAD"]
        head = subprocess.run(git, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
        assert revision == head, "build with NARTHEX_COMMIT=$(git rev-parse HEAD), as script/test does"
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", said["build date"])


def children(pid):
    """{id: state} of the processes whose parent `pid` is."""
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == pid:
                found[int(folder.name)] = fields[0]
    return found


class Init(ChildProcess):
    """Started as a child subreaper, which gets the orphans below it as process 1 of a container does."""

    def start(self):
        libc = ctypes.CDLL(None, use_errno=True)

        def adopt():
            libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
            libc.prctl(36, 1)  # PR_SET_CHILD_SUBREAPER

        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                env=self.environment, cwd=self.cwd, preexec_fn=adopt,
            )  # fmt: skip
        return self


def test_orphans_of_a_credential_process_are_no_zombies(tmp_path, parts, receiver):
    script = tmp_path / "credentials"
    expires = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3_600))
    answer = {"Version": 1, "AccessKeyId": "AKIA", "SecretAccessKey": "s", "Expiration": expires}
    started = tmp_path / "orphans"
    script.write_text(
        "#!/bin/sh\n"
        # Each leaves a process behind, in a session of its own, which outlives it.
        f"(setsid sh -c 'echo $$ >>{started}; sleep 1' >/dev/null 2>&1 &)\n"
        f"echo '{json.dumps(answer)}'\n"
    )
    script.chmod(0o755)
    profile = tmp_path / "config"
    profile.write_text(f"[default]\nregion = eu-west-1\ncredential_process = {script}\n")
    configuration = QUIET | {
        "remote_write": [{"url": receiver.url, "sigv4": {}}],
    }
    environment = {"AWS_CONFIG_FILE": str(profile)}
    agent = Agent(tmp_path / "agent", tmp_path / "agent.log", configuration, environment, [AT_ONCE])
    process = agent.process
    agent.process = Init(process.name, process.command, process.log, process.environment, process.cwd)
    parts.callback(lambda: agent.process.process and agent.kill())
    agent.start()
    pid = agent.process.pid
    wait_until(lambda: started.exists() and started.read_text(), 20, "orphan")
    orphan = int(started.read_text().split()[0])
    wait_until(lambda: orphan in children(pid), 10, "adopted orphan")
    wait_until(lambda: not Path(f"/proc/{orphan}").exists(), 10, "end of the orphan, with its status taken")
    assert "Z" not in children(pid).values()
    assert agent.stop() == 0
