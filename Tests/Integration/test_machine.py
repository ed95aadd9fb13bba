"""What becomes of a machine that installs, upgrades, removes and purges the Debian package: a root folder
with systemd in NARTHEX_MACHINE, which script/test-package makes.
"""

import json
import os
import re
import shutil
import subprocess
import tempfile

import pytest
from parts.agent import IS_NARTHEX
from parts.exporters import fetch
from parts.exposition import parse
from parts.ledger import assert_balanced, read_ledger
from parts.machine import Machine, cgroup_folder
from parts.process import ROOT, free_port, wait_until

pytestmark = [
    pytest.mark.skipif(not IS_NARTHEX, reason="Prometheus has a package of its own"),
    pytest.mark.timeout(600),
]


def modes_of_devices():
    """{path: (mode, group)} of what the machine has nodes of its own for."""
    paths = [f"/dev/{name}" for name in ("null", "zero", "full", "random", "urandom", "tty")]
    return {path: (os.stat(path).st_mode, os.stat(path).st_gid) for path in paths}


def assert_devices_are_as_before(before):
    assert modes_of_devices() == before


@pytest.fixture
def machine(parts, tmp_path):
    folder = os.environ.get("NARTHEX_MACHINE")
    if not folder:
        pytest.skip("script/test-package makes the machine that this needs")
    assert cgroup_folder() and os.geteuid() == 0, "this needs root and cgroups of the second version"
    # Not below pytest's own folders, which only root may look into: the agent of the machine is not root.
    top = tempfile.mkdtemp(prefix="narthex-machine-")
    parts.callback(lambda: os.rmdir(top))
    os.chmod(top, 0o755)
    copy = f"{top}/root"
    subprocess.run(["cp", "-a", "--reflink=auto", folder, copy], check=True, timeout=120)
    outside = modes_of_devices()
    parts.callback(lambda: assert_devices_are_as_before(outside))
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
    ended = machine.run("dpkg", "--force-unsafe-io", "--install", f"/tmp/{package.name}", timeout=120)
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


ROTATION = ("narthex-credentials.path", "narthex-credentials.timer")


def command_as_the_service():
    """The line of docs/systemd.md that runs a command as the service, up to the command."""
    text = (ROOT / "docs/systemd.md").read_text().replace("\\\n", " ")
    [line] = re.findall(r"^ +(systemd-run .*) narthex doctor .*$", text, re.MULTILINE)
    return [*(word.replace("$(hostname)", "edge") for word in line.split()), "narthex"]


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
    machine.path("/etc/default/narthex").write_text(
        f"NARTHEX_FLAGS=--web.listen-address={address}\nAWS_ENDPOINT_URL_STS=http://127.0.0.1:1\n"
    )
    machine.path("/etc/narthex/secrets/token").write_text("s3cret")
    aws = machine.home / ".aws"
    aws.mkdir(mode=0o700, parents=True)

    def rotate(name):
        (aws / "credentials").write_text(
            f"[default]\naws_access_key_id = {name}\naws_secret_access_key = secret-of-{name}\n"
        )

    rotate("FIRST")
    # A removal and a new installation keep what was written, and leave nothing that stands in the way. A
    # file that others may read is closed to them.
    default = machine.path("/etc/default/narthex")
    default.chmod(0o644)
    machine.check("dpkg", "--remove", "narthex", timeout=120)
    install(machine, packages[1])
    assert file.read_text() == text and default.stat().st_mode & 0o777 == 0o600
    machine.check("systemctl", "enable", "--now", *ROTATION)
    machine.check("dpkg", "--remove", "narthex", timeout=120)
    install(machine, packages[1])
    assert machine.check("systemctl", "is-active", *ROTATION) == "active\n" * 2, "they go on, as enabled"
    assert narthex(machine, "ActiveState") == {"ActiveState": "active"}

    # A configuration that is refused is told, and is not tried again and again.
    file.write_text(text + "nonsense: 1\n")
    assert machine.run("systemctl", "restart", "narthex").returncode != 0
    state = narthex(machine, "ActiveState", "ExecMainStatus", "NRestarts")
    assert state == {"ActiveState": "failed", "ExecMainStatus": "78", "NRestarts": "0"}
    journal = machine.journal()
    assert "nonsense" in journal and "/etc/narthex/narthex.yml is refused, see above" in journal
    file.write_text(text)
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
    copy = "/run/narthex-credentials/.aws/credentials"
    group = int(machine.check("id", "--group", "narthex"))
    for place, mode in ((copy, 0o640), ("/run/narthex-credentials", 0o750)):
        kept = machine.path(place).stat()
        assert (kept.st_mode & 0o777, kept.st_uid, kept.st_gid) == (mode, 0, group), place
    for user, reads in (("narthex", True), ("nobody", False)):
        become = ("setpriv", f"--reuid={user}", f"--regid={user if reads else 'nogroup'}", "--clear-groups")
        ended = machine.run(*become, "cat", copy)
        assert (ended.returncode == 0) is reads and ("THIRD" in ended.stdout) is reads
    # What goes wrong is told, and the copy stays.
    (aws / "credentials").write_text("")
    machine.run("systemctl", "start", "narthex-credentials.service")
    journal = machine.journal("narthex-credentials.service")
    assert "credentials changes again and again, or is empty" in journal
    assert "THIRD" in machine.path(copy).read_text()
    rotate("THIRD")

    # As docs/systemd.md has it: a command as the service runs it.
    said = machine.check(*command_as_the_service(), "credentials")
    assert "THIRD" in said and "secret-of" not in said and copy in said
    storage = machine.run(
        *command_as_the_service(), "doctor", "--config.file=/etc/narthex/narthex.yml",
        "--storage.agent.path=/var/lib/narthex", "--json",
    )  # fmt: skip
    looked = {line["check"]: line["verdict"] for line in json.loads(storage.stdout)["lines"]}
    assert looked["configuration"] == looked["storage"] == looked["targets"] == "ok", storage.stdout

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
    assert "Failed" not in machine.journal().rpartition("Started narthex.service")[2]
    file.write_text(text)
    machine.check("systemctl", "reload", "narthex")

    # One that stands still is ended and started again.
    drop_in = machine.path("/run/systemd/system/narthex.service.d")
    drop_in.mkdir(parents=True)
    (drop_in / "watchdog.conf").write_text("[Service]\nWatchdogSec=5s\nRestartSec=100ms\n")
    machine.check("systemctl", "daemon-reload")
    machine.check("systemctl", "restart", "narthex")
    machine.check("sleep", "12")
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

    def has_delivered(count):
        scraped, waiting = pages.books()
        return scraped - waiting >= count

    # All that was scraped until now; newer samples wait for `batch_send_deadline`.
    wait_until(lambda: has_delivered(goes_on), 60, "what waited, delivered")
    assert machine.check("dpkg-query", "--show", "--showformat=${Version}", "narthex").endswith("-2")

    # One that runs with another configuration is restarted by an upgrade, too.
    other = machine.path("/etc/narthex/other.yml")
    file.rename(other)
    (drop_in / "other.conf").write_text(
        "[Service]\nExecStart=\nExecStart=/usr/bin/narthex run --config.file=/etc/narthex/other.yml"
        " --storage.agent.path=${STATE_DIRECTORY} $NARTHEX_FLAGS\n"
    )
    machine.check("systemctl", "daemon-reload")
    machine.check("systemctl", "restart", "narthex")
    before = narthex(machine, "MainPID")
    install(machine, packages[2])
    wait_until(lambda: narthex(machine, "ActiveState")["ActiveState"] == "active", 60, "an active service")
    assert narthex(machine, "MainPID") != before and not file.exists()
    (drop_in / "other.conf").unlink()
    other.rename(file)
    machine.check("systemctl", "daemon-reload")

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
