"""What people really run is scraped by the agent and by Debian's Prometheus at once, into the same receiver
under different jobs: PromQL says whether both stored the same series and the same numbers.
"""

import contextlib
import re
import time

import pytest
import yaml

from parts.agent import IS_NARTHEX, Agent, clean_environment
from parts.exporters import NegotiatingExporter, NodeExporter
from parts.process import ChildProcess, free_port, wait_until
from parts.prometheus import PROGRAM, Prometheus
from parts.real import Nginx, Postgres, RabbitMQ

pytestmark = [
    pytest.mark.skipif(not IS_NARTHEX, reason="Prometheus beside itself shows nothing"),
    pytest.mark.timeout(150),
]

INTERVAL_SECONDS = 2
# A value that each of both stored this many times in a row is compared.
STEADY_SCRAPES = 3

FORMATS = {
    "om": {},
    "text": {"scrape_protocols": ["PrometheusText0.0.4"]},
    "proto": {"scrape_protocols": ["PrometheusProto"]},
}
# Series that there are at least, and those of them whose value stands still.
EXPECTED = {
    "node": (250, 150),
    "prometheus": (300, 150),
    "postgres": (400, 300),
    "nginx": (14, 10),
    "python": (24, 18),
    "rabbitmq": (450, 350),
    "rabbitmq-objects": (450, 350),
}
# Go's client library speaks every format. Debian's Prometheus asks for OpenMetrics or, once native histograms
# are enabled, for protobuf; whose series are named as in text, where OpenMetrics appends `_total`.
SPEAK_ALL = ("node", "prometheus", "postgres", "nginx")
PAIRS = [(name, "om", "om") for name in EXPECTED]
PAIRS += [(name, form, "proto") for name in SPEAK_ALL for form in ("proto", "text")]


class Running:
    """The exporters, the receiver, and who scrapes: the agent, and Prometheus without and with protobuf."""

    def __init__(self, folder, stack):
        self.folder = folder
        self._stack = stack
        # The slow one first.
        rabbitmq = self._kept(RabbitMQ(self._subfolder("rabbitmq"))).begin()
        node = NodeExporter(folder / "node_exporter.log").start()
        stack.callback(node.stop)
        postgres = self._kept(Postgres(self._subfolder("postgres"))).start()
        nginx = self._kept(Nginx(self._subfolder("nginx"))).start()
        self.python = self._kept(NegotiatingExporter().start())
        self.receiver = Prometheus(
            folder / "receiver", folder / "receiver.log", ["--enable-feature=exemplar-storage"]
        ).start()
        stack.callback(lambda: self.receiver.process.kill())
        rabbitmq.finish()
        self._places = {
            "node": (node.address, "/metrics"),
            "prometheus": (f"127.0.0.1:{self.receiver.port}", "/metrics"),
            "postgres": (postgres.address, "/metrics"),
            "nginx": (nginx.address, "/metrics"),
            "python": (self.python.address, "/metrics"),
            "rabbitmq": (rabbitmq.address, "/metrics"),
            "rabbitmq-objects": (rabbitmq.address, "/metrics/per-object"),
        }
        ours = {f"narthex {name} {form}": (name, FORMATS[form]) for name, form, _ in PAIRS}
        agent = Agent(folder / "agent", folder / "agent.log", self._configuration(ours))
        stack.callback(lambda: agent.process.process and agent.kill())
        self._prometheus_agent("om", list(EXPECTED), "agent,exemplar-storage")
        self._prometheus_agent("proto", SPEAK_ALL, "agent,native-histograms")
        self.agent = agent.start()
        self.began = time.time()

    def _subfolder(self, name):
        folder = self.folder / name
        folder.mkdir()
        return folder

    def _kept(self, part):
        self._stack.callback(part.stop)
        return part

    def _configuration(self, jobs):
        return {
            "global": {"scrape_interval": f"{INTERVAL_SECONDS}s", "scrape_timeout": f"{INTERVAL_SECONDS}s"},
            "scrape_configs": [
                {
                    "job_name": job,
                    "metrics_path": self._places[name][1],
                    # `instance` would have a port that is another with every run; and tells the two apart.
                    "static_configs": [{"targets": [self._places[name][0]], "labels": {"instance": name}}],
                    **options,
                }
                for job, (name, options) in jobs.items()
            ],
            "remote_write": [
                {
                    "url": self.receiver.write_url,
                    "send_exemplars": True,
                    "queue_config": {"batch_send_deadline": "200ms"},
                }
            ],
        }

    def _prometheus_agent(self, form, names, features):
        folder = self._subfolder(f"prometheus-{form}")
        configuration = folder / "prometheus.yml"
        jobs = {f"prometheus {name} {form}": (name, {}) for name in names}
        configuration.write_text(yaml.safe_dump(self._configuration(jobs), sort_keys=False))
        process = ChildProcess(
            f"prometheus-{form}",
            [PROGRAM, f"--enable-feature={features}", f"--config.file={configuration}",
             f"--storage.agent.path={folder / 'data'}", f"--web.listen-address=127.0.0.1:{free_port()}",
             "--log.level=warn"],
            folder / "prometheus.log", clean_environment(), folder,
        ).start()  # fmt: skip
        self._stack.callback(process.kill)

    def count(self, expression, at=None):
        """The value of a query that gives one; 0 when it gives none."""
        result = self.receiver.ask(query=expression, **({"time": f"{at:.3f}"} if at else {}))
        assert len(result) <= 1, result
        return float(result[0]["value"][1]) if result else 0.0

    def series(self, expression, at=None):
        """The series of a query as sorted lists, without the job, and their values."""
        result = self.receiver.ask(query=expression, **({"time": f"{at:.3f}"} if at else {}))
        return sorted(
            (sorted((k, v) for k, v in item["metric"].items() if k != "job"), item["value"][1])
            for item in result
        )


# What answering itself moves: our jobs for one exporter may share a phase, and Prometheus' jobs another, for
# ever, so that one finds the exporter at a scrape's beginning and the other at its end.
MOVED_BY_SCRAPES = re.compile(r"_requests_in_flight$|^erlang_vm_(allocators$|memory_)")


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with contextlib.ExitStack() as stack:
        yield Running(tmp_path_factory.mktemp("real"), stack)


def selected(job, offset=0):
    """All series of a job, with the name in a label, too: set operators pass over `__name__`."""
    text = f'{{job="{job}"}}' + (f" offset {offset}s" if offset else "")
    return f'label_replace({text}, "the_name", "$1", "__name__", "(.+)")'


def as_prometheus_3(expression):
    """2.42 keeps `le` and `quantile` of the text formats as they are written; 3 stores 1 as 1.0."""
    for label in ("le", "quantile"):
        expression = f'label_replace({expression}, "{label}", "$1.0", "{label}", "([0-9]{{1,6}})")'
    return expression


def steady(select):
    """Series with the same value in each of the last scrapes."""
    offsets = [INTERVAL_SECONDS * number for number in range(STEADY_SCRAPES)]
    return "(" + " == ".join(select(offset) for offset in offsets) + ")"


@pytest.mark.parametrize(("name", "form", "their_form"), PAIRS, ids=[f"{n}-{f}" for n, f, _ in PAIRS])
def test_same_series_same_numbers(running, name, form, their_form):
    def ours(offset=0):
        return selected(f"narthex {name} {form}", offset)

    def theirs(offset=0):
        return as_prometheus_3(selected(f"prometheus {name} {their_form}", offset))

    missing = f"{theirs()} unless ignoring(job) {ours()}"
    surplus = f"{ours()} unless ignoring(job) {theirs()}"
    both_steady = f"{steady(ours)} + ignoring(job) 0 * {steady(theirs)}"
    least, least_steady = EXPECTED[name]

    def agreed():
        """A moment when both have scraped often enough and have the same series."""
        at = time.time()
        is_enough = (
            running.count(f"count({ours()})", at) >= least
            and running.count(f"count({both_steady})", at) >= least_steady
        )
        return at if is_enough and not running.series(f"{missing} or {surplus}", at) else None

    try:
        at = wait_until(agreed, 30, "moment when both have the same series", every=0.5)
    except AssertionError:
        found = [running.count(f"count({which})") for which in (ours(), theirs(), both_steady)]
        pytest.fail(
            f"series of ours, of theirs, steady in both: {found}\n"
            f"missing: {running.series(missing)[:20]}\nsurplus: {running.series(surplus)[:20]}"
        )
    # The comparison sees differences: no two scrapes take equally long.
    moving = running.series(f"{ours()} != ignoring(job) {theirs()}", at)
    assert any(("the_name", "scrape_duration_seconds") in labels for labels, _ in moving)

    def different():
        found = running.series(f"{steady(ours)} != ignoring(job) {steady(theirs)}")
        return [item for item in found if not MOVED_BY_SCRAPES.search(dict(item[0])["the_name"])]

    # A number that jumped between our scrape and theirs agrees a moment later; a wrong one never does.
    try:
        wait_until(lambda: not different(), 15, "moment when all steady numbers are the same", every=0.5)
    except AssertionError:
        pytest.fail(f"different: {different()[:20]}")
    # Not a number equals nothing, itself included: where one has it the other has it, too.
    ours_nan, theirs_nan = f"({ours()} != {ours()})", f"({theirs()} != {theirs()})"
    assert not running.series(f"{ours_nan} unless ignoring(job) {theirs_nan}", at)
    assert not running.series(f"{theirs_nan} unless ignoring(job) {ours_nan}", at)


def test_the_python_client_is_asked_for_openmetrics_and_its_exemplars_are_the_same(running):
    def exemplars(job):
        found = set()
        for series in running.receiver.exemplars(f'{{job="{job}"}}'):
            labels = frozenset((k, v) for k, v in series["seriesLabels"].items() if k != "job")
            for one in series["exemplars"]:
                own = frozenset(one["labels"].items())
                found.add((labels, own, float(one["value"]), round(float(one["timestamp"]) * 1000)))
        return found

    def same():
        ours, theirs = exemplars("narthex python om"), exemplars("prometheus python om")
        return ours if ours and ours == theirs else None

    ours = wait_until(same, 30, "equal exemplars", every=0.5)
    traces = {value for _, labels, _, _ in ours for name, value in labels if name == "trace_id"}
    assert traces == {"counter-1", "bucket-0", "bucket-1", "bucket-2", "bucket-3"}
    assert all(kind.startswith("application/openmetrics-text") for kind in running.python.content_types)


def test_rabbitmq_queues_have_the_messages_that_were_published(running):
    def ready():
        result = running.receiver.ask(
            query='rabbitmq_queue_messages_ready{job="narthex rabbitmq-objects om"}'
        )
        found = {item["metric"]["queue"]: float(item["value"][1]) for item in result}
        return found == RabbitMQ.QUEUES

    # The broker refreshes its figures every five seconds.
    wait_until(ready, 30, "queue with its messages", every=0.5)
