"""The Debian package: what is in it, and what becomes of a machine that installs, upgrades, removes and
purges it. The second half wants a root folder with systemd in NARTHEX_MACHINE: script/test-package makes one.
"""

import gzip
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from parts.agent import IS_NARTHEX, program
from parts.exporters import fetch
from parts.exposition import parse
from parts.ledger import assert_balanced, read_ledger
from parts.machine import Machine, cgroup_folder
from parts.process import ROOT, free_port, wait_until

OUTPUT = ROOT / ".build/package"


# What the tests pack is not sent anywhere, and packing well takes its time.
ENVIRONMENT = os.environ | {
    "SOURCE_DATE_EPOCH": "1764374400", "DPKG_DEB_COMPRESSOR_TYPE": "gzip", "DPKG_DEB_COMPRESSOR_LEVEL": "1",
}  # fmt: skip


def needs_swift():
    command = ["readelf", "--dynamic", program("narthex")]
    return "libswiftCore" in subprocess.run(command, capture_output=True, text=True, timeout=60).stdout


pytestmark = [
    pytest.mark.skipif(not IS_NARTHEX, reason="Prometheus has a package of its own"),
    pytest.mark.timeout(600),
]


@pytest.fixture(scope="session")
def packages():
    """{revision: file}"""
    if needs_swift():
        pytest.skip("the binary needs the Swift runtime: it is not the one that is shipped")
    made = {}
    for revision in (1, 2):
        said = subprocess.run(
            [ROOT / "script/package", f"--revision={revision}"],
            capture_output=True, text=True, timeout=300, env=ENVIRONMENT,
        )  # fmt: skip
        assert said.returncode == 0, said.stderr
        print(said.stdout)
        made[revision] = ROOT / said.stdout.partition(":")[0]
    return made


@pytest.fixture(scope="session")
def tree(packages, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tree")
    subprocess.run(["dpkg-deb", "--raw-extract", packages[1], folder], check=True, timeout=60)
    return folder


def test_lintian_finds_no_errors(packages):
    ended = subprocess.run(
        ["lintian", "--fail-on=error", "--allow-root", "--tag-display-limit=0", packages[1]],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    print(ended.stdout)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_it_is_made_the_same_twice(packages):
    before = packages[1].read_bytes()
    subprocess.run([ROOT / "script/package"], check=True, capture_output=True, timeout=300, env=ENVIRONMENT)
    assert packages[1].read_bytes() == before


def test_what_is_in_it(tree):
    files = {str(path.relative_to(tree)) for path in tree.rglob("*") if path.is_file()}
    assert {
        "usr/bin/narthex", "etc/narthex/narthex.yml", "etc/default/narthex",
        "lib/systemd/system/narthex.service", "lib/systemd/system/narthex-credentials.path",
        "usr/share/man/man1/narthex.1.gz", "usr/share/man/man5/narthex.yml.5.gz",
        "usr/share/doc/narthex/copyright",
    } <= files  # fmt: skip
    # Keys may stand in it.
    assert (tree / "etc/default/narthex").stat().st_mode & 0o777 == 0o640
    assert (tree / "DEBIAN/conffiles").read_text() == "/etc/default/narthex\n/etc/narthex/narthex.yml\n"
    sections = subprocess.run(
        ["readelf", "--sections", tree / "usr/bin/narthex"], capture_output=True, text=True, timeout=60
    ).stdout
    assert ".symtab" not in sections and ".gnu_debuglink" in sections
    [control] = re.findall(r"^Depends: (.*)$", (tree / "DEBIAN/control").read_text(), re.MULTILINE)
    assert {"adduser", "libcurl4", "libssl3", "libc6"} <= {name.split()[0] for name in control.split(", ")}
    copyright = (tree / "usr/share/doc/narthex/copyright").read_text()
    for name in ("swift-nio", "swift-argument-parser", "swift-log", "Runtime Library Exception"):
        assert name in copyright


def test_it_is_a_working_program(tree):
    said = subprocess.run([tree / "usr/bin/narthex", "--version"], capture_output=True, text=True, timeout=60)
    version, *more = said.stdout.splitlines()
    assert re.fullmatch(r"narthex \d+\.\d+\.\d+", version)
    told = dict(line.strip().split(": ", 1) for line in more)
    assert set(told) == {"commit", "build date", "swift", "platform"}
    # Nothing is wrong with the configuration but that it is not filled in.
    said = subprocess.run(
        [tree / "usr/bin/narthex", "check-config", tree / "etc/narthex/narthex.yml"],
        capture_output=True, text=True, timeout=60, env=os.environ | {"HOSTNAME": "edge"},
    )  # fmt: skip
    assert said.returncode == 0, said.stdout + said.stderr


@pytest.mark.parametrize(("shell", "file"), [
    ("bash", "usr/share/bash-completion/completions/narthex"),
    ("zsh", "usr/share/zsh/vendor-completions/_narthex"),
    ("fish", "usr/share/fish/vendor_completions.d/narthex.fish"),
])  # fmt: skip
def test_shells_read_their_completions(tree, shell, file):
    ended = subprocess.run([shell, "-n", tree / file], capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "config.file" in (tree / file).read_text()


@pytest.mark.parametrize(("page", "has"), [
    ("man1/narthex.1.gz", ["--storage.agent.path", "SIGHUP", "--config.cluster", "WATCHDOG"]),
    ("man5/narthex.yml.5.gz", ["remote_write", "max_samples_per_send", "PROMETHEUS_EXPORTER_PORT"]),
])  # fmt: skip
def test_manual_pages_are_sound(tree, page, has):
    file = tree / "usr/share/man" / page
    shown = subprocess.run(
        ["man", "--warnings", "-E", "UTF-8", "-l", file],
        capture_output=True, text=True, timeout=60, env=os.environ | {"MANWIDTH": "200", "LC_ALL": "C.UTF-8"},
    )  # fmt: skip
    assert (shown.returncode, shown.stderr) == (0, "")
    for text in has:
        assert text in shown.stdout
    # Nothing of the Markdown is left over.
    assert "](" not in shown.stdout and "\n#" not in shown.stdout
    source = gzip.decompress(file.read_bytes()).decode()
    assert not re.search(r"^\|", source, re.MULTILINE)


@pytest.fixture
def machine(parts, tmp_path):
    folder = os.environ.get("NARTHEX_MACHINE")
    if not folder:
        pytest.skip("script/test-package makes the machine that this needs")
    assert cgroup_folder() and os.geteuid() == 0, "this needs root and cgroups of the second version"
    copy = Path(folder).with_name(f"machine-{os.getpid()}")
    subprocess.run(["cp", "-a", folder, copy], check=True, timeout=120)
    machine = Machine(copy)
    parts.callback(machine.remove)
    machine.boot()
    # pytest shows it of a test that failed.
    parts.callback(lambda: print(machine.journal()))
    return machine


def key_of(request):
    """The access key that a request was signed with."""
    return re.search(r"Credential=([^/]+)/", request.header("Authorization"))[1]


def install(machine, package):
    """What dpkg and the package say."""
    shutil.copy(package, machine.path("/tmp") / package.name)
    ended = machine.run("dpkg", "--install", f"/tmp/{package.name}", timeout=120)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


class Pages:
    """The pages of the machine's agent."""

    def __init__(self, address):
        self.address = address

    def metrics(self):
        return parse(fetch(self.address))

    def books(self):
        """(scraped, buffered) of the one job and destination."""
        ledger = read_ledger(self)
        assert_balanced(ledger)
        [entry] = [entry for (_, job), entry in ledger.items() if job == "node"]
        return entry.scraped, entry.buffered


def narthex(machine, *properties):
    return machine.show("narthex.service", *properties)


def test_the_life_of_a_package(machine, packages, text_exporter, receiver):
    """Installs, starts, reloads, is watched, rotates credentials, upgrades, is removed and purged."""
    exporter = text_exporter("a 1\nb 2\n")
    port = free_port()
    address = f"127.0.0.1:{port}"

    # It does not start until it is filled in, says why, and is not tried again and again.
    said = install(machine, packages[1])
    assert "put the remote_write URL of your workspace into /etc/narthex/narthex.yml, line" in said
    ended = machine.run("systemctl", "start", "narthex")
    assert ended.returncode != 0
    state = narthex(machine, "ActiveState", "ExecMainStatus", "NRestarts")
    assert state == {"ActiveState": "failed", "ExecMainStatus": "78", "NRestarts": "0"}
    assert "narthex does not start yet: put the remote_write URL" in machine.journal()
    assert machine.check("systemctl", "is-enabled", "narthex") == "enabled\n"

    # Filled in it starts, is ready when systemctl returns, and runs as its user.
    file = machine.path("/etc/narthex/narthex.yml")
    text = file.read_text().replace("127.0.0.1:9100", exporter.address)
    text = text.replace("scrape_interval: 1m", "scrape_interval: 1s")
    text = re.sub(r"url: https.*", f"url: {receiver.url}", text)
    text = text.replace("sigv4: {}", "sigv4: {region: eu-west-1}")
    file.write_text(text)
    machine.path("/etc/default/narthex").write_text(f"NARTHEX_FLAGS=--web.listen-address={address}\n")
    machine.path("/etc/narthex/secrets/token").write_text("s3cret")
    aws = machine.home / ".aws"
    aws.mkdir(mode=0o700, parents=True)

    def rotate(name):
        (aws / "credentials").write_text(
            f"[default]\naws_access_key_id = {name}\naws_secret_access_key = secret-of-{name}\n"
        )

    rotate("FIRST")
    machine.check("systemctl", "enable", "--now", "narthex-credentials.path", "narthex-credentials.timer")
    machine.check("systemctl", "start", "narthex")
    state = narthex(machine, "ActiveState", "User", "StatusText", "WatchdogUSec", "MainPID")
    assert (state["ActiveState"], state["User"]) == ("active", "narthex")
    wait_until(lambda: receiver.requests, 30, "a request")
    assert key_of(receiver.requests[0]) == "FIRST"
    [labels] = [dict(key) for key in receiver.samples() if dict(key)["__name__"] == "a"]
    assert labels["host"] and labels["host"] != "${HOSTNAME}"

    def status():
        return narthex(machine, "StatusText")["StatusText"]

    wait_until(lambda: "1 of 1 targets up" in status(), 60, "a status")
    buffer = machine.path("/var/lib/narthex")
    assert buffer.stat().st_mode & 0o777 == 0o700 and list(buffer.iterdir())
    secret = machine.check("sh", "-c", "cat /run/credentials/narthex.service/secret_token")
    assert secret == "s3cret"

    # Credentials that are rotated twice are used, the service still running and nobody else reading them.
    for name in ("SECOND", "THIRD"):
        rotate(name)
        wait_until(lambda: key_of(receiver.requests[-1]) == name, 30, f"a request signed by {name}")
    copy = machine.path("/run/narthex-credentials/.aws/credentials").stat()
    assert copy.st_mode & 0o777 == 0o640 and copy.st_uid == 0

    # A reload's result is told.
    file.write_text(text.replace("job_name: node", "job_name: renamed"))
    machine.check("systemctl", "reload", "narthex")
    wait_until(lambda: "configuration reloaded" in status(), 30, "a reload")
    file.write_text(text + "nonsense: 1\n")
    machine.check("systemctl", "reload", "narthex")
    wait_until(lambda: "NOT reloaded" in status(), 30, "a refused reload")
    same = {"ActiveState": "active", "MainPID": state["MainPID"]}
    assert narthex(machine, "ActiveState", "MainPID") == same
    # What it may not do under its unit would be in the log.
    assert "Failed" not in machine.journal().partition("Started narthex.service")[2]
    file.write_text(text)
    machine.check("systemctl", "reload", "narthex")

    # One that stands still is ended and started again.
    drop_in = machine.path("/run/systemd/system/narthex.service.d")
    drop_in.mkdir(parents=True)
    (drop_in / "watchdog.conf").write_text("[Service]\nWatchdogSec=2s\nRestartSec=100ms\n")
    machine.check("systemctl", "daemon-reload")
    machine.check("systemctl", "restart", "narthex")
    machine.check("sleep", "5")
    assert narthex(machine, "NRestarts") == {"NRestarts": "0"}, "it is fed"
    machine.check("systemctl", "kill", "--signal=STOP", "narthex")
    wait_until(lambda: narthex(machine, "NRestarts")["NRestarts"] == "1", 30, "another start")
    wait_until(lambda: narthex(machine, "ActiveState")["ActiveState"] == "active", 30, "an active service")
    (drop_in / "watchdog.conf").unlink()
    machine.check("systemctl", "daemon-reload")

    # An upgrade keeps the configuration and goes on with the buffer.
    receiver.stop()
    pages = Pages(address)
    wait_until(lambda: pages.books()[1] > 20, 30, "samples to send")
    before, scraped = narthex(machine, "MainPID"), pages.books()[0]
    install(machine, packages[2])
    assert file.read_text() == text
    wait_until(lambda: narthex(machine, "ActiveState")["ActiveState"] == "active", 60, "an active service")
    assert narthex(machine, "MainPID") != before
    goes_on, waits = pages.books()
    assert goes_on >= scraped and waits > 20
    receiver.start()
    wait_until(lambda: pages.books()[1] < 20, 60, "an empty buffer")
    assert machine.check("dpkg-query", "--show", "--showformat=${Version}", "narthex").endswith("-2")

    # Removed it stops, and keeps what a new installation goes on with; purged it leaves nothing.
    machine.check("dpkg", "--remove", "narthex", timeout=120)
    assert narthex(machine, "ActiveState")["ActiveState"] in ("inactive", "failed")
    assert file.read_text() == text and list(buffer.iterdir())
    assert not machine.path("/usr/bin/narthex").exists()
    assert not machine.path("/run/narthex-credentials").exists()
    machine.check("dpkg", "--purge", "narthex", timeout=120)
    folders = ("/etc", "/usr", "/lib/systemd", "/run", "/var/lib")
    left = machine.check("find", *folders, "-xdev", "-name", "*narthex*", "-not", "-path", "/run/systemd/*")
    assert left == ""


def test_systemd_of_the_machine_has_nothing_to_say(machine, packages):
    install(machine, packages[1])
    ended = machine.run(
        "systemd-analyze", "verify", "--man=no", "narthex.service", "narthex-credentials.path",
        "narthex-credentials.timer",
    )  # fmt: skip
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
