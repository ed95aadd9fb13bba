"""The directory of the buffer where a Prometheus was before, and where no directory can be."""

import subprocess

import pytest

from parts.agent import IS_NARTHEX, clean_environment
from parts.process import ChildProcess, free_port, wait_until
from parts.prometheus import PROGRAM as PROMETHEUS

pytestmark = pytest.mark.skipif(not IS_NARTHEX, reason="Narthex says it of a Prometheus' data")


def configuration(receiver, exporter):
    return {
        "global": {"scrape_interval": "500ms", "scrape_timeout": "500ms"},
        "scrape_configs": [{"job_name": "a", "static_configs": [{"targets": [exporter.address]}]}],
        "remote_write": [{"url": receiver.url, "queue_config": {"batch_send_deadline": "100ms"}}],
    }


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# Debian's has no lock without the flag.
@pytest.mark.parametrize("flags", [["--storage.agent.use-lockfile"], []])
def test_the_directory_of_a_prometheus_agent(flags, make_agent, receiver, parts, text_exporter, tmp_path):
    agent = make_agent(configuration(receiver, text_exporter("probe 1\n")))
    prometheus = ChildProcess(
        "prometheus",
        [
            PROMETHEUS, "--enable-feature=agent", f"--config.file={agent.configuration_file}",
            f"--storage.agent.path={agent.storage}", *flags,
            f"--web.listen-address=127.0.0.1:{free_port()}",
        ],
        tmp_path / "prometheus.log", clean_environment(), tmp_path,
    )  # fmt: skip
    parts.callback(lambda: prometheus.process and prometheus.kill())
    prometheus.start()
    lock, segment = agent.storage / "lock", agent.storage / "wal/00000000"
    wait_until(
        lambda: lock.exists() == bool(flags) and segment.exists() and segment.stat().st_size > 0,
        30, "samples on disk",
    )
    refused = subprocess.run(
        agent.process.command, env=clean_environment(), capture_output=True, text=True, timeout=30
    )
    said = f"{lock} locked: stop it, or give" if flags else f"has files of {agent.storage} open: stop it, or"
    assert refused.returncode == 3 and said in refused.stderr, refused
    assert f"process {prometheus.process.pid}," in refused.stderr
    prometheus.kill()
    before = contents(agent.storage / "wal")
    assert before
    receiver.life = 1
    agent.start()
    wait_until(lambda: any(r.life == 1 for r in receiver.requests), 20, "samples of the agent")
    (said,) = agent.log_lines("the storage directory is that of a Prometheus")
    assert "level=WARN" in said and f"left_alone={agent.storage}/wal" in said
    assert agent.stop() == 0
    assert contents(agent.storage / "wal") == before
    assert list(agent.storage.glob("*.segment"))


def test_what_cannot_be_a_directory_says_what_to_do(make_agent, receiver, text_exporter, tmp_path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file/below", "/proc/narthex"):
        agent = make_agent(
            configuration(receiver, text_exporter("probe 1\n")), flags=[f"--storage.agent.path={path}"]
        )
        ended = subprocess.run(
            agent.process.command, env=clean_environment(), capture_output=True, text=True, timeout=30
        )
        assert ended.returncode == 3 and "Give --storage.agent.path a directory" in ended.stderr, ended
