"""Fixtures: every part is made anew for a test, listens on loopback, logs into tmp_path, and is stopped by
its own id.
"""

import contextlib
import os
import random
import signal

import pytest

from parts.agent import Agent, program
from parts.exporters import LoadExporter, NodeExporter, PythonExporter, TextExporter
from parts.aws import Moto
from parts.package import packages  # a fixture  # noqa: F401
from parts.process import ChildProcess
from parts.prometheus import Prometheus
from parts.receiver import CountingReceiver
from parts.standins import StandIns

_LOG_LINES_SHOWN = 60


def _stop(number, frame):
    """As Ctrl-C: what the test has started is ended first. Once, since a second one would end that."""
    signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def pytest_configure(config):
    signal.signal(signal.SIGTERM, _stop)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Shows the end of every log of a failed test."""
    outcome = yield
    report = outcome.get_result()
    used = getattr(item, "funcargs", {})
    # `running` is what a file's tests share.
    folder = getattr(used.get("running"), "folder", None) or used.get("tmp_path")
    if report.failed and folder is not None:
        for log in sorted(folder.glob("**/*.log")):
            content = log.read_bytes()
            lines = content.decode(errors="replace").splitlines()
            # The buffer's cursors are named .log as well: they hold bytes, no text.
            if lines and b"\0" not in content:
                shown = [
                    line if len(line) < 500 else line[:500] + "…" for line in lines[-_LOG_LINES_SHOWN:]
                ]
                report.sections.append(
                    (f"the last {len(shown)} of {len(lines)} lines of {log}", "\n".join(shown))
                )


@pytest.fixture
def parts():
    """Stops what was entered, last first, whatever else fails."""
    with contextlib.ExitStack() as stack:
        yield stack


@pytest.fixture
def seeded():
    """A random generator whose seed is printed; NARTHEX_SEED repeats a run."""
    seed = int(os.environ.get("NARTHEX_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"seed: NARTHEX_SEED={seed}")
    return random.Random(seed)


@pytest.fixture
def make_agent(tmp_path, parts):
    """make_agent(configuration, name="agent", environment={}, flags=[]) -> Agent, not started."""

    def make(configuration, name="agent", environment=None, flags=()):
        agent = Agent(tmp_path / name, tmp_path / f"{name}.log", configuration, environment, flags)
        parts.callback(lambda: agent.process.process and agent.kill())
        return agent

    return make


@pytest.fixture
def make_prometheus(tmp_path, parts):
    def make(name="prometheus", flags=()):
        prometheus = Prometheus(tmp_path / name, tmp_path / f"{name}.log", flags)
        parts.callback(lambda: prometheus.process.process and prometheus.process.kill())
        return prometheus.start()

    return make


@pytest.fixture
def node_exporter(tmp_path, parts):
    exporter = NodeExporter(tmp_path / "node_exporter.log")
    parts.callback(lambda: exporter.process.process and exporter.process.kill())
    return exporter.start()


@pytest.fixture
def python_exporter(parts):
    exporter = PythonExporter().start()
    parts.callback(exporter.stop)
    return exporter


@pytest.fixture
def text_exporter(parts):
    """text_exporter(text, host=…, port=…) -> TextExporter, started."""

    def make(text, **where):
        exporter = TextExporter(text, **where).start()
        parts.callback(exporter.stop)
        return exporter

    return make


@pytest.fixture
def load_exporter(parts):
    """load_exporter(name, series) -> LoadExporter, started."""

    def make(name, series):
        exporter = LoadExporter(name, series).start()
        parts.callback(exporter.stop)
        return exporter

    return make


@pytest.fixture
def receiver(parts):
    receiver = CountingReceiver().start()
    parts.callback(receiver.stop)
    return receiver


@pytest.fixture
def make_moto(tmp_path, parts):
    """make_moto(verifies=False) -> Moto, started."""

    def make(verifies=False):
        moto = Moto(tmp_path / "moto.log", verifies)
        parts.callback(lambda: moto.process.process and moto.process.kill())
        return moto.start()

    return make


@pytest.fixture
def make_standins(tmp_path, parts):
    """make_standins(*flags, name="standins", keys=None) -> StandIns, started."""

    def make(*flags, name="standins", keys=None):
        standins = StandIns(tmp_path / f"{name}.log", *flags, keys=keys)
        parts.callback(lambda: standins.process.process and standins.process.kill())
        return standins.start()

    return make


@pytest.fixture
def make_child(tmp_path, parts):
    """make_child(name, command, …) -> ChildProcess, started; `command` begins with a product's name or a
    path.
    """

    def make(name, command, environment=None):
        first = program(command[0]) if isinstance(command[0], str) and "/" not in command[0] else command[0]
        child = ChildProcess(name, [first, *command[1:]], tmp_path / f"{name}.log", environment, tmp_path)
        parts.callback(lambda: child.process and child.kill())
        return child.start()

    return make
