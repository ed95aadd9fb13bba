"""Two agents that scrape the same targets, as replicas of one cluster, each named by its ECS task."""

import http.server
import json
import subprocess
import threading

import pytest

from parts.agent import IS_NARTHEX, clean_environment, program
from parts.exporters import _Serving
from parts.process import wait_until
from parts.replicas import ReplicaReceiver

pytestmark = pytest.mark.skipif(not IS_NARTHEX, reason="the task's id is asked for by this agent")

FAIL_OVER = 3.0
TASKS = ("0a1b2c3d4e5f60718293a4b5c6d7e8f9", "f9e8d7c6b5a493827160f5e4d3c2b1a0")
CONFIGURATION = {
    "global": {
        "scrape_interval": "500ms",
        "scrape_timeout": "500ms",
        "external_labels": {"cluster": "shop", "__replica__": "${ECS_TASK_ID}"},
    },
}


class Metadata(_Serving):
    """The endpoint that ECS gives a container of this task."""

    def __init__(self, task):
        super().__init__()
        self.task = task
        self.asked = 0

    def answer(self, exchange):
        self.asked += 1
        arn = f"arn:aws:ecs:eu-west-1:123456789012:task/shop/{self.task}"
        self.reply(exchange, json.dumps({"Cluster": "shop", "TaskARN": arn, "Family": "agent"}).encode())

    @property
    def environment(self):
        return {"ECS_CONTAINER_METADATA_URI_V4": f"http://{self.address}/v4/{self.task}"}


@pytest.fixture
def tasks(parts):
    started = []
    for task in TASKS:
        started.append(Metadata(task).start())
        parts.callback(started[-1].stop)
    return started


@pytest.fixture
def replicas(parts):
    receiver = ReplicaReceiver(FAIL_OVER).start()
    parts.callback(receiver.stop)
    return receiver


@pytest.mark.timeout(60)
def test_one_of_two_replicas_is_kept_and_the_other_takes_its_place(
    make_agent, text_exporter, replicas, tasks
):
    exporter = text_exporter("probe 1\n")
    configuration = CONFIGURATION | {
        "scrape_configs": [{"job_name": "a", "static_configs": [{"targets": [exporter.address]}]}],
        "remote_write": [
            {"name": "main", "url": replicas.url, "queue_config": {"batch_send_deadline": "200ms"}}
        ],
    }
    agents = {
        metadata.task: make_agent(configuration, metadata.task, metadata.environment).start()
        for metadata in tasks
    }

    def probe():
        """[(timestamp, value)] of what is kept of the one series of that name."""
        with replicas.kept.lock:
            found = [
                list(samples)
                for labels, samples in replicas.kept.series.items()
                if ("__name__", "probe") in labels
            ]
        return found[0] if len(found) == 1 else []

    wait_until(
        lambda: len(probe()) >= 4 and sum(replicas.kept.refused.values()) >= 4, 20, "samples of both"
    )
    leader = replicas.elected("shop")
    assert leader in TASKS
    (other,) = set(TASKS) - {leader}
    # 202 is success: the other one keeps no backlog, however long it is not the one.
    assert set(replicas.kept.refused) == {("shop", other)}
    delivered = agents[other].metric("narthex_ledger_delivered_samples_total")
    assert delivered > 0
    wait_until(
        lambda: agents[other].metric("narthex_ledger_delivered_samples_total") > delivered, 10, "more"
    )
    assert agents[other].metric("narthex_remote_write_answers_total", code="202") > 0
    dropped = {key for key in agents[other].metrics() if key[0] == "narthex_ledger_dropped_samples_total"}
    assert not dropped

    agents[leader].kill()
    before = len(probe())
    wait_until(lambda: replicas.elected("shop") == other and len(probe()) >= before + 4, 15, "a fail-over")
    (_, first, began), (_, second, taken) = replicas.kept.elections
    assert (first, second) == (leader, other) and taken - began >= FAIL_OVER

    # The one that was the first comes back, with what it could not send, and is the other one now.
    refused = replicas.kept.refused.get(("shop", leader), 0)
    agents[leader].start()
    wait_until(lambda: replicas.kept.refused.get(("shop", leader), 0) > refused + 2, 15, "its requests")
    assert replicas.elected("shop") == other

    assert not replicas.kept.mixed
    # Of each series one sample an interval, in order: nothing twice, and a gap of the fail-over alone.
    times = [at for at, _ in probe()]
    assert times == sorted(set(times))
    gaps = sorted(later - earlier for earlier, later in zip(times, times[1:]))
    assert gaps[-1] < FAIL_OVER * 1000 + 3000 and gaps[len(gaps) // 2] < 900, gaps
    assert all(metadata.asked >= 1 for metadata in tasks)


def test_a_task_that_cannot_be_told_is_no_replica(tmp_path):
    """An empty replica would be one that two agents share: better no agent, and a sentence."""

    class Silent(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_error(403)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Silent)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    path = tmp_path / "narthex.yml"
    path.write_text(json.dumps(CONFIGURATION | {"remote_write": [{"url": "http://127.0.0.1:1/"}]}))
    url = f"http://127.0.0.1:{server.server_address[1]}/v4/x"
    try:
        ended = subprocess.run(
            [program("narthex"), "run", f"--config.file={path}", f"--storage.agent.path={tmp_path / 'data'}"],
            env=clean_environment(ECS_CONTAINER_METADATA_URI_V4=url), capture_output=True, text=True,
            timeout=50,
        )  # fmt: skip
    finally:
        server.shutdown()
        server.server_close()
    assert ended.returncode == 2
    assert "names ECS_TASK_ID" in ended.stderr and "HTTP 403" in ended.stderr, ended.stderr


def test_a_check_elsewhere_says_what_it_stands_for(tmp_path):
    path = tmp_path / "narthex.yml"
    path.write_text(json.dumps(CONFIGURATION | {"remote_write": [{"url": "http://127.0.0.1:1/"}]}))
    ended = subprocess.run(
        [program("narthex"), "check-config", path], env=clean_environment(), capture_output=True, text=True,
        timeout=30,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "in an ECS task it is the task's id" in ended.stdout + ended.stderr
