"""`narthex buffer`: what it shows of a directory, beside a running agent and without one."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from parts import older_version
from parts.agent import IS_NARTHEX, clean_environment, program
from parts.ledger import read_ledger
from parts.process import wait_until
from parts.receiver import Answer

pytestmark = pytest.mark.skipif(not IS_NARTHEX, reason="the buffer is Narthex' own")

SERIES = 400
LOOKS = 100


def configuration(exporters, urls):
    return {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
        "scrape_configs": [
            {"job_name": f"load{index}", "static_configs": [{"targets": [exporter.address]}]}
            for index, exporter in enumerate(exporters)
        ],
        "remote_write": [
            {"name": name, "url": url, "queue_config": {"batch_send_deadline": "200ms"}}
            for name, url in urls.items()
        ],
    }


def run(action, directory, *flags, prefix=(), timeout=60):
    return subprocess.run(
        [*prefix, program("narthex"), "buffer", action, directory, *flags],
        env=clean_environment(), capture_output=True, text=True, timeout=timeout,
    )  # fmt: skip


def inspect(directory, status=0):
    ended = run("inspect", directory, "--format=json")
    assert ended.returncode == status, ended.stdout + ended.stderr
    return json.loads(ended.stdout)


def contents(directory):
    """Everything that looking must leave as it is."""
    return {
        path.name: (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino)
        for path in Path(directory).iterdir()
    } | {".": os.stat(directory).st_mtime_ns}


def sizes(directory):
    return sum(path.stat().st_size for path in Path(directory).glob("*.segment"))


@pytest.fixture
def loaded(make_agent, receiver, load_exporter):
    """An agent under load: one destination takes everything, and nothing reaches the other."""
    exporters = [load_exporter(f"load:{index}", SERIES) for index in range(3)]
    urls = {"takes": receiver.url, "away": "http://127.0.0.1:9/write"}
    flags = ["--storage.agent.wal-segment-size=1MB", "--storage.remote.flush-deadline=1s"]
    agent = make_agent(configuration(exporters, urls), flags=flags).start()
    wait_until(lambda: len(receiver.accepted()) > 3, 20, "flow of requests")
    return agent


def test_beside_a_running_agent_nothing_is_found_that_is_not_so(loaded):
    for number in range(LOOKS):
        ended = run("verify", loaded.storage, "--format=json")
        found = json.loads(ended.stdout)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert not any(finding["isDamage"] for finding in found["findings"])
        assert found["process"] == loaded.process.pid
        assert found["moreFindings"] == 0 and found["density"]["samples"] > 0
        if number % 10 == 0:
            assert run("dump", loaded.storage).returncode == 0


@pytest.mark.parametrize("ends", ["in order", "by a kill"])
def test_what_waits_is_what_the_books_say_and_nothing_changes(loaded, ends):
    wait_until(lambda: any(e.buffered > 5_000 for e in read_ledger(loaded).values()), 30, "a backlog")
    if ends == "in order":
        loaded.stop()
    else:
        loaded.kill()
    before = contents(loaded.storage)
    found = inspect(loaded.storage)
    assert "process" not in found and not found["isDamaged"]
    assert found["density"]["bytes"] == sizes(loaded.storage)
    assert sum(part["bytes"] for part in found["density"]["parts"]) == sizes(loaded.storage)
    scraped = {entry["job"]: entry["scraped"] for entry in found["jobs"]}
    assert len(scraped) == 3 and {entry["name"] for entry in found["destinations"]} == {"takes", "away"}
    for destination in found["destinations"]:
        for job in destination["jobs"]:
            assert job["found"]["samples"] == job["buffered"], destination["name"]
            assert job["scraped"] == job["delivered"] + sum(job["dropped"].values()) + job["buffered"]
            assert job["scraped"] + job["earlier"] == scraped[job["job"]]
            if destination["name"] == "away":
                assert job["found"]["oldestMs"] < job["found"]["newestMs"] <= found["nowMs"]
                assert job["delivered"] == 0 and job["found"]["bytes"] < 8 * job["buffered"]
    verified = run("verify", loaded.storage)
    assert verified.returncode == 0, verified.stdout
    assert verified.stdout.endswith("samples can be read: no damage\n"), verified.stdout
    dumped = json.loads(run("dump", loaded.storage, "--format=json", "--job=load1", "--limit=3").stdout)
    assert [frame["job"] for frame in dumped["frames"]] == ["load1"] * 3 and dumped["findings"] == []
    samples = {sample["labels"]["__name__"]: sample["value"] for sample in dumped["frames"][0]["samples"]}
    assert samples["up"] == 1
    assert len(run("dump", loaded.storage, "--limit=1").stdout.splitlines()) > SERIES
    assert contents(loaded.storage) == before


def test_damage_is_named_with_its_file_and_offset(loaded):
    wait_until(lambda: any(e.buffered > 5_000 for e in read_ledger(loaded).values()), 30, "a backlog")
    loaded.stop()
    path = min(loaded.storage.glob("*.segment"))
    frame = json.loads(run("dump", loaded.storage, "--format=json", "--limit=4").stdout)["frames"][-1]
    data = bytearray(path.read_bytes())
    data[frame["offset"] + 30] ^= 1
    path.write_bytes(data)
    ended = run("verify", loaded.storage)
    assert ended.returncode == 1
    size = frame["bytes"]
    assert f"{path.name} offset {frame['offset']}: a record of {size} bytes is damaged\n" in ended.stdout
    found = inspect(loaded.storage)
    assert found["isDamaged"] and found["findings"][0]["offset"] == frame["offset"]
    # An agent makes the same of it.
    loaded.start()
    said = loaded.log_lines("damage in the buffer was passed over")
    wait_until(lambda: said or loaded.log_lines("damage in the buffer was passed over"), 20, "the line")
    line = loaded.log_lines("damage in the buffer was passed over")[0]
    assert f"offset={frame['offset']}" in line, line


@pytest.mark.parametrize("version", [1, 2])
def test_a_directory_of_an_older_version_is_shown(tmp_path, version):
    left = older_version.Left(Path(__file__).parent / "corpus" / f"version-{version}.json.xz")
    left.unpack(tmp_path / "data")
    before = contents(tmp_path / "data")
    found = inspect(tmp_path / "data")
    assert contents(tmp_path / "data") == before
    assert not found["isDamaged"] and {entry["version"] for entry in found["segments"]} == {version}
    (destination,) = found["destinations"]
    assert destination["requests"] == older_version.LANES
    for job in destination["jobs"]:
        assert 0 < job["found"]["samples"] == job["buffered"]
    assert next(c for c in found["density"]["columns"] if c["mode"] == "windows")["chunks"] > 0
    assert run("verify", tmp_path / "data").returncode == 0


def test_a_directory_that_is_mounted_read_only_is_shown(loaded, tmp_path):
    storage = loaded.storage
    loaded.kill()
    mount = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@"'
    user = [] if os.getuid() == 0 else ["--user", "--map-root-user"]
    prefix = ["unshare", *user, "--mount", "sh", "-c", mount, "sh", storage]
    tried = subprocess.run([*prefix, "sh", "-c", f"! touch {storage}/x"], capture_output=True, timeout=60)
    if tried.returncode:
        pytest.skip(f"no read-only mount can be made here: {tried.stderr}")
    for action in ("inspect", "verify", "dump"):
        ended = run(action, storage, prefix=prefix)
        assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["inspect"], 64, "Missing expected argument '<directory>'"),
        (["look", "."], 64, "'look' is invalid"),
        (["verify", ".", "--job=a"], 64, "are for narthex buffer dump"),
        (["dump", ".", "--limit=-1"], 64, "--limit"),
        (["inspect", "/nonexistent"], 3, "the directory cannot be looked at: "),
        (["verify", "."], 3, ". holds no file of a buffer"),
        (["dump", "."], 3, ". holds no file of a buffer"),
    ],
)
def test_what_cannot_be_looked_at_is_said(tmp_path, arguments, status, said):
    ended = subprocess.run(
        [program("narthex"), "buffer", *arguments],
        env=clean_environment(), cwd=tmp_path, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert ended.returncode == status and said in ended.stderr, ended


def test_a_full_disk_behind_standard_output_is_an_error(loaded):
    loaded.kill()
    for action in ("inspect", "verify", "dump"):
        with open("/dev/full", "w") as full:
            ended = subprocess.run(
                [program("narthex"), "buffer", action, loaded.storage],
                env=clean_environment(), stdout=full, stderr=subprocess.PIPE, timeout=60,
            )  # fmt: skip
        assert ended.returncode == 74 and b"standard output cannot be written" in ended.stderr


def test_the_page_of_the_books_is_what_the_metrics_say(loaded, receiver):
    # While nothing is taken in or answered the two pages are of one moment.
    receiver.decide = lambda received: Answer(503)
    pages = 0
    for _ in range(50):
        before = read_ledger(loaded)
        status, headers, body = loaded.get("/api/v1/narthex/ledger")
        assert status == 200 and headers["Content-Type"] == "application/json"
        answer = json.loads(body)
        data = answer["data"]
        assert answer["status"] == "success"
        assert data["buffer"]["segments"] >= 1 and data["buffer"]["bytes"] > 0
        shown = {}
        for destination in data["destinations"]:
            for job in destination["jobs"]:
                booked = job["delivered"] + sum(job["dropped"].values()) + job["buffered"]
                assert job["scraped"] == booked
                assert job["scraped"] + job["earlier"] == data["scraped"][job["job"]]
                shown[destination["name"], job["job"]] = (job["delivered"], job["buffered"], job["earlier"])
        if before == read_ledger(loaded):
            assert shown == {key: (e.delivered, e.buffered, e.earlier) for key, e in before.items()}
            pages += 1
    assert pages > 0
