"""Narthex under systemd: its units as Debian's systemd reads them, and what it tells a service manager.

What a systemd that runs does with them, test_machine.py shows.
"""

import os
import re
import resource
import shutil
import signal
import stat
import subprocess
import time
from pathlib import Path

import pytest
from parts.agent import IS_NARTHEX, needs_swift, program
from parts.notify import NotifySocket, standing_still, threads
from parts.process import ROOT, wait_until

UNITS = ROOT / "config/systemd"
SERVICE = ROOT / "config/narthex.service"
COPY = UNITS / "copy-credentials"
needs_narthex = pytest.mark.skipif(not IS_NARTHEX, reason="Prometheus tells a service manager nothing")


def systemd(*words):
    return subprocess.run(
        ["systemd-analyze", *words], capture_output=True, text=True, timeout=60,
        env=os.environ | {"LC_ALL": "C.UTF-8", "SYSTEMD_COLORS": "0"},
    )  # fmt: skip


@pytest.mark.parametrize("unit", [SERVICE, UNITS / "narthex-credentials.service"], ids=lambda unit: unit.name)
def test_the_services_are_hardened(unit):
    ended = systemd("security", "--offline=true", "--threshold=20", unit)
    exposure = re.search(r"Overall exposure level for \S+: ([0-9.]+)", ended.stdout)
    print(exposure and exposure.group())
    assert ended.returncode == 0 and float(exposure[1]) <= 2.0, ended.stdout + ended.stderr


def test_systemd_has_nothing_to_say_about_the_units(tmp_path):
    # A tree of files as an installation has it: systemd looks for the programs, too.
    root = tmp_path / "root"
    folder = root / "lib/systemd/system"
    folder.mkdir(parents=True)
    for unit in [SERVICE, *UNITS.glob("narthex-credentials.*")]:
        shutil.copy(unit, folder)
    for name in ("usr/bin/narthex", "bin/sh", *(f"usr/lib/narthex/{p.name}" for p in scripts())):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy("/bin/true", root / name)
    targets = "sysinit", "basic", "shutdown", "network-online", "time-set", "multi-user", "timers", "paths"
    for name in targets:
        (folder / f"{name}.target").write_text(f"[Unit]\nDescription={name}\n")
    ended = systemd(
        "verify", f"--root={root}", "--man=no", "narthex.service", "narthex-credentials.path",
        "narthex-credentials.timer", "narthex-credentials.service",
    )  # fmt: skip
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def scripts():
    return [path for path in UNITS.iterdir() if not path.suffix]


@pytest.fixture(params=["path", "abstract"])
def manager(request, tmp_path_factory, parts):
    # A socket's path may have 108 bytes, which pytest's folders use up.
    name = f"narthex-{os.getpid()}-notify"
    path = Path(os.environ.get("TMPDIR", "/tmp")) / name
    manager = NotifySocket(f"@{name}" if request.param == "abstract" else path)
    parts.callback(lambda: path.unlink(missing_ok=True))
    parts.callback(manager.close)
    return manager


def configuration(exporter, receiver, **more):
    return {
        "global": {"scrape_interval": "1s"},
        "scrape_configs": [{"job_name": "job", "static_configs": [{"targets": [exporter.address]}]}],
        "remote_write": [
            {"url": receiver.url, "name": "amp", "queue_config": {"batch_send_deadline": "200ms"}} | more
        ],
    }


@needs_narthex
def test_a_life_is_told(manager, make_agent, text_exporter, receiver, tmp_path):
    watchdog = 1.0
    # What a child of the agent has in its environment.
    seen = tmp_path / "seen"
    keys = '{"Version": 1, "AccessKeyId": "K", "SecretAccessKey": "s"}'
    tool = tmp_path / "tool"
    tool.write_text(f"#!/bin/sh\nenv >{seen}\necho '{keys}'\n")
    tool.chmod(0o755)
    (tmp_path / "aws").write_text(f"[default]\nregion = eu-west-1\ncredential_process = {tool}\n")
    settings = configuration(text_exporter("a 1\n"), receiver, sigv4={"region": "eu-west-1"})
    agent = make_agent(
        settings,
        environment={
            "NOTIFY_SOCKET": manager.variable,
            "WATCHDOG_USEC": str(int(watchdog * 1e6)),
            "AWS_CONFIG_FILE": str(tmp_path / "aws"),
        },
    ).start(until_ready=False)
    _, sender, lines = manager.wait_for("READY", 30)
    assert sender == agent.process.pid and lines["READY"] == "1" and lines["STATUS"]
    assert agent.is_ready(), "it is ready before it says so"
    wait_until(lambda: receiver.requests, 20, "a request")
    assert "NOTIFY_SOCKET" not in seen.read_text() and "WATCHDOG" not in seen.read_text()

    manager.messages.clear()
    manager.read(4 * watchdog)
    fed = [at for at, _, lines in manager.messages if lines.get("WATCHDOG") == "1"]
    gaps = [later - earlier for earlier, later in zip(fed, fed[1:])]
    assert len(fed) >= 5 and max(gaps) <= watchdog * 0.75, gaps
    assert any("1 of 1 targets up" in lines.get("STATUS", "") for _, _, lines in manager.messages)

    # A reload that fails, and one that does not.
    for text, outcome in ((settings | {"nonsense": 1}, "NOT reloaded"), (settings, "nothing has changed")):
        agent.configure(text)
        before = time.monotonic_ns() // 1000
        agent.process.process.send_signal(signal.SIGHUP)
        _, _, lines = manager.wait_for("RELOADING", 20, "1")
        assert before <= int(lines["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000
        _, _, lines = manager.wait_for("READY", 20, "1")
        assert outcome in lines["STATUS"]

    agent.process.process.send_signal(signal.SIGTERM)
    _, _, lines = manager.wait_for("STOPPING", 20, "1")
    assert int(lines["EXTEND_TIMEOUT_USEC"]) >= 20_000_000
    assert agent.process.wait(30) == 0


@needs_narthex
def test_a_watchdog_is_fed_only_while_the_thread_that_scrapes_moves(
    manager, make_agent, text_exporter, receiver
):
    agent = make_agent(
        configuration(text_exporter("a 1\n"), receiver),
        environment={"NOTIFY_SOCKET": manager.variable, "WATCHDOG_USEC": "1000000"},
    ).start()
    manager.wait_for("WATCHDOG", 10)
    [thread] = threads(agent.process.pid, "http-http")
    with standing_still(thread):
        # One sign of life may have been on its way.
        manager.read(0.7)
        assert manager.read(2.5) == []
    manager.wait_for("WATCHDOG", 10)


@needs_narthex
def test_a_watchdog_is_fed_without_another_file_to_open(manager, make_agent, text_exporter, receiver):
    agent = make_agent(
        configuration(text_exporter("a 1\n"), receiver),
        environment={"NOTIFY_SOCKET": manager.variable, "WATCHDOG_USEC": "1000000"},
    ).start()
    manager.wait_for("WATCHDOG", 10)
    # Below what it has open already.
    _, most = resource.prlimit(agent.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(agent.process.pid, resource.RLIMIT_NOFILE, (4, most))
    manager.read(0.7)
    assert len([lines for _, _, lines in manager.read(3) if "WATCHDOG" in lines]) >= 3
    resource.prlimit(agent.process.pid, resource.RLIMIT_NOFILE, (most, most))


@needs_narthex
def test_an_agent_without_targets_is_small_enough_for_a_small_machine(make_agent):
    if needs_swift():
        pytest.skip("the binary needs the Swift runtime: it is not the one that is shipped")
    agent = make_agent({"remote_write": [{"url": "http://127.0.0.1:1/", "name": "amp"}]}).start()
    # Five seconds after its start it hands back what only the start has needed.
    time.sleep(7)
    resident = agent.process.rss_bytes() / (1 << 20)
    print(f"{resident:.1f} MiB resident")
    assert resident <= 16


@needs_narthex
def test_a_manager_that_is_not_there_is_told_of_and_no_fault(make_agent, text_exporter, receiver):
    agent = make_agent(
        configuration(text_exporter("a 1\n"), receiver), environment={"NOTIFY_SOCKET": "/nonexistent/notify"}
    ).start()
    wait_until(lambda: receiver.requests, 20, "a request")
    assert len(agent.log_lines("the service manager is not told")) == 1


def test_the_service_waits_until_its_configuration_is_filled_in(tmp_path):
    file = tmp_path / "narthex.yml"
    command = [UNITS / "when-configured", file, "echo", "started"]

    def run():
        return subprocess.run(command, capture_output=True, text=True, timeout=20)

    ended = run()
    assert ended.returncode == 78 and f"{file} is not there" in ended.stderr
    text = (ROOT / "config/edge.yml").read_text()
    file.write_text(text)
    ended = run()
    line = 1 + text[: text.index("url: https")].count("\n")
    assert (ended.returncode, ended.stdout) == (78, "")
    assert f"put the remote_write URL of your workspace into {file}, line {line}" in ended.stderr
    file.write_text("# once FILL-IN stood here\n" + text.replace("FILL-IN", "x"))
    ended = run()
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "started\n", "")


@needs_narthex
def test_the_service_does_not_start_with_a_configuration_that_is_refused(tmp_path):
    file = tmp_path / "narthex.yml"
    text = (ROOT / "config/edge.yml").read_text().replace("FILL-IN", "eu-west-1")

    def run(*flags):
        command = [tmp_path / "program", "run", f"--config.file={file}", *flags]
        ended = subprocess.run(
            [UNITS / "when-configured", file, *command],
            capture_output=True, text=True, timeout=20, env=os.environ | {"HOSTNAME": "edge"},
        )  # fmt: skip
        return ended.returncode, ended.stdout, ended.stderr

    # Started it only says with what.
    (tmp_path / "program").write_text(
        f'#!/bin/sh\n[ "$1" = run ] || exec {program("narthex")} "$@"\nshift 2\necho "started $*"\n'
    )
    (tmp_path / "program").chmod(0o755)
    file.write_text(text)
    assert run("--log.level=debug") == (0, "started --log.level=debug\n", "")
    file.write_text(text + "nonsense: 1\n")
    status, output, said = run()
    assert (status, output) == (78, "")
    assert f"{file}:" in said and "nonsense" in said
    assert f"narthex does not start: {file} is refused, see above" in said
    # What another flag makes of it is the program's to tell.
    for flag in ("--config.file", "--config.file=s3://bucket/key", "--enable-feature"):
        assert run(flag, "x")[0] == 0
    (tmp_path / "flags").write_text("--config.expand-env\n")
    assert run(f"@{tmp_path}/flags")[0] == 0
    # Flags on which it depends are heeded: a port that is a variable is one only where it is replaced.
    file.write_text(text.replace("9100", "${NODE_PORT:-9100}"))
    assert run()[0] == 78
    assert run("--config.expand-env") == (0, "started --config.expand-env\n", "")
    file.write_text(text + "rule_files: [a.yml]\n")
    assert run()[0] == 0
    assert run("--config.strict")[0] == 78


def test_rotated_credentials_are_copied_once_they_are_written_whole(tmp_path):
    source, copy = tmp_path / "credentials", tmp_path / "run/.aws/credentials"

    def keys(name):
        return [
            f"[default]\naws_access_key_id = {name}\n",
            f"aws_secret_access_key = secret-of-{name}\n",
            f"aws_session_token = {'t' * 200}-of-{name}\n",
        ]

    source.write_text("".join(keys("FIRST")))
    subprocess.run([COPY, source, tmp_path / "run/.aws"], check=True, timeout=20)
    seen = {copy.read_text()}
    with source.open("w") as writer:
        copying = subprocess.Popen([COPY, source, tmp_path / "run/.aws"])
        # In two steps and a half: between two lines, and within one.
        first, second, third = keys("SECOND")
        for text in (first, second + third[:40], third[40:]):
            ends = time.monotonic() + 0.4
            while time.monotonic() < ends:
                seen.add(copy.read_text())
                time.sleep(0.005)
            writer.write(text)
            writer.flush()
        assert copying.wait(20) == 0
    seen.add(copy.read_text())
    assert seen == {"".join(keys("FIRST")), "".join(keys("SECOND"))}


def test_rotated_credentials_are_copied_whole(tmp_path):
    source, folder = tmp_path / "credentials", tmp_path / "run/.aws"
    copy = folder / "credentials"

    def run():
        return subprocess.run([COPY, source, folder], capture_output=True, text=True, timeout=20)

    for turn in (1, 2, 3):
        # The last without the end of its last line, as somebody may have written it by hand.
        text = f"[default]\naws_access_key_id = KEY{turn}\naws_secret_access_key = s"
        source.write_text(text + "\n" * (turn < 3))
        assert run().returncode == 0
        assert copy.read_bytes() == source.read_bytes()
        assert stat.S_IMODE(copy.stat().st_mode) == 0o640
    # Nothing is written for nothing, and a file that is being written does not take the copy away.
    before = copy.stat().st_mtime_ns, copy.stat().st_ino
    assert run().returncode == 0
    source.write_text("")
    ended = run()
    assert ended.returncode == 1 and "is empty" in ended.stderr
    assert (copy.stat().st_mtime_ns, copy.stat().st_ino) == before
    assert [path.name for path in folder.iterdir()] == ["credentials"]
