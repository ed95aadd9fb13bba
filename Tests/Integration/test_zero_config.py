"""`narthex run` with a URL and no file: the own cluster is found in the task metadata, its containers and the
agent itself are scraped, and what they say arrives, signed with the task role.
"""

import http.server
import json
import subprocess
import threading
import time

import pytest
import yaml
from parts.agent import IS_NARTHEX, Agent, clean_environment, program
from parts.aws import REGION
from parts.process import wait_until
from parts.standins import ACCESS_KEY, SECRET_KEY

pytestmark = pytest.mark.skipif(not IS_NARTHEX, reason="Prometheus needs a file")

CLUSTER = f"arn:aws:ecs:{REGION}:123456789012:cluster/demo"
TASK = {
    "Cluster": "demo",
    "TaskARN": f"arn:aws:ecs:{REGION}:123456789012:task/demo/0123456789abcdef0123456789abcdef",
    "Family": "narthex",
    "Revision": "3",
    "AvailabilityZone": f"{REGION}a",
    "LaunchType": "FARGATE",
}


class TaskAgent:
    """The ECS agent inside a task: metadata version 4 and the task role's credentials."""

    def __init__(self):
        self.metadata_failures = 0
        self.asked = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked.append((self.path, self.headers.get("Authorization")))
                status, body = outer.answer(self.path)
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def answer(self, path):
        if path == "/v4/id/task":
            if self.metadata_failures > 0:
                self.metadata_failures -= 1
                return 500, {}
            return 200, TASK
        if path == "/v2/credentials/role":
            expires = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 21600))
            return 200, {
                "AccessKeyId": ACCESS_KEY, "SecretAccessKey": SECRET_KEY, "Expiration": expires,
                "RoleArn": "arn:aws:iam::123456789012:role/narthex",
            }  # fmt: skip
        return 404, {"code": "NotFound"}

    def environment(self):
        return {
            "ECS_CONTAINER_METADATA_URI_V4": f"{self.url}/v4/id",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{self.url}/v2/credentials/role",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": "the-token",
        }

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(10)


@pytest.fixture
def task_agent(parts):
    agent = TaskAgent()
    parts.callback(agent.stop)
    return agent


def run(*flags, **environment):
    return subprocess.run(
        [program("narthex"), "run", *flags],
        capture_output=True, text=True, timeout=60, check=False, env=clean_environment(**environment),
    )  # fmt: skip


class Unconfigured(Agent):
    def _command(self, flags):
        return [word for word in super()._command(flags) if not str(word).startswith("--config.file")]


def test_a_url_is_enough_in_a_task(make_standins, task_agent, tmp_path, parts):
    standins = make_standins(
        "--exporters=4", "--series=10", "--addressing=addresses", "--ecs-port=0", "--amp-port=0",
        "--cluster=demo", "--keep-history",
    )  # fmt: skip
    # An endpoint that is not up yet when the agent starts is waited for.
    task_agent.metadata_failures = 2
    environment = task_agent.environment() | {
        "AWS_ENDPOINT_URL_ECS": standins.ecs["url"],
        "NARTHEX_REMOTE_WRITE_URL": standins.amp["url"],
        "NARTHEX_SCRAPE_INTERVAL": "1s",
        "NARTHEX_EXTERNAL_LABELS": "env=test, team=a=b",
    }
    agent = Unconfigured(tmp_path / "agent", tmp_path / "agent.log", "", environment)
    parts.callback(lambda: agent.process.process and agent.kill())
    agent.start()

    def healthy():
        found = agent.metrics()
        return {dict(labels)["scrape_job"] for (name, labels), value in found.items()
                if name == "prometheus_target_scrape_pool_targets" and value > 0}  # fmt: skip

    wait_until(lambda: {"ecs", "narthex"} <= healthy(), 30, "targets of both jobs")
    stats = wait_until(
        lambda: (found := standins.control(standins.amp, "/stats"))["signaturesChecked"] > 2 and found,
        30,
        "signed requests",
    )
    assert stats["signaturesRefused"] == 0
    assert standins.control(standins.ecs, "/stats")["signaturesRefused"] == 0
    assert ("/v2/credentials/role", "the-token") in task_agent.asked
    calls = sum(path == "/v2/credentials/role" for path, _ in task_agent.asked)
    assert calls == 1, "one call for one identity"

    def series():
        text = json.dumps(standins.control(standins.amp, "/series"))
        return text if "narthex_ledger" in text and "0123456789abcdef0123456789abcdef" in text else None

    text = wait_until(series, 30, "the agent's own metrics with the task's id as instance")
    assert "a=b" in text and "test" in text
    assert agent.stop() == 0


@pytest.mark.parametrize(
    ("flags", "named", "in_task", "asks_for_all"),
    [
        ([], None, True, False),
        ([], "demo", False, False),
        (["--config.cluster=demo"], None, True, False),
        (["--config.cluster=*"], None, True, True),
        (["--config.region=us-east-2"], None, True, True),
        ([], None, False, True),
    ],
)
def test_discover_without_a_file_looks_where_run_would(
    make_standins, task_agent, flags, named, in_task, asks_for_all
):
    """A task's role may ask for its own cluster alone: config/iam/ecs-tasks.json has no ecs:ListClusters."""
    standins = make_standins(
        "--exporters=2", "--series=1", "--addressing=addresses", "--ecs-port=0", "--cluster=demo"
    )
    environment = {"AWS_ENDPOINT_URL_ECS": standins.ecs["url"], "AWS_REGION": REGION}
    environment |= {"NARTHEX_CLUSTERS": named} if named else {}
    if in_task:
        environment |= task_agent.environment()
    else:
        environment |= {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}
    ended = subprocess.run(
        [program("narthex"), "discover", "--format=json", *flags],
        capture_output=True, text=True, timeout=60, check=False, env=clean_environment(**environment),
    )  # fmt: skip
    calls = standins.control(standins.ecs, "/stats")["calls"]
    assert ("ListClusters" in calls) == asks_for_all, calls
    if "--config.region=us-east-2" not in flags:
        assert ended.returncode == 0, ended.stderr
        (found,) = json.loads(ended.stdout)
        assert len(found["targets"]) == 2 and found["failures"] == []


@pytest.mark.parametrize("by_flag", [True, False])
def test_the_url_of_a_workspace_must_be_the_one_that_takes_samples(by_flag):
    workspace = "https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1"
    ended = (
        run(f"--remote-write.url={workspace}/", NARTHEX_CLUSTERS="a")
        if by_flag
        else run(NARTHEX_REMOTE_WRITE_URL=workspace, NARTHEX_CLUSTERS="a", AWS_REGION=REGION)
    )
    assert ended.returncode == 2
    assert ended.stderr.rstrip().endswith(f"; write {workspace}/api/v1/remote_write")
    assert "NARTHEX_REMOTE_WRITE_URL" in ended.stderr


def test_the_configuration_made_is_shown(task_agent):
    url = "https://aps-workspaces.us-east-2.amazonaws.com/workspaces/ws-1/api/v1/remote_write"
    shown = run("--config.print", f"--remote-write.url={url}", AWS_REGION=REGION, **task_agent.environment())
    assert shown.returncode == 0, shown.stderr
    made = yaml.safe_load(shown.stdout)
    assert made["global"] == {"scrape_interval": "30s"}
    # The workspace's region comes from its URL, the cluster's from its ARN.
    assert made["remote_write"] == [{"url": url, "sigv4": {"region": "us-east-2"}}]
    assert made["scrape_configs"] == [
        {"job_name": "ecs", "ecs_sd_configs": [{"region": REGION, "clusters": [CLUSTER]}]},
        {
            "job_name": "narthex",
            "static_configs": [
                {
                    "targets": ["127.0.0.1:9090"],
                    "labels": {"instance": "0123456789abcdef0123456789abcdef"},
                }
            ],
        },
    ]


def test_clusters_may_be_named_and_differ_in_region():
    shown = run(
        "--config.print", AWS_REGION=REGION, NARTHEX_REMOTE_WRITE_URL="http://127.0.0.1:1/api/v1/write",
        NARTHEX_CLUSTERS=" a,arn:aws:ecs:us-west-2:1:cluster/b, c ",
    )  # fmt: skip
    assert shown.returncode == 0, shown.stderr
    made = yaml.safe_load(shown.stdout)
    assert made["scrape_configs"][0]["ecs_sd_configs"] == [
        {"region": REGION, "clusters": ["a", "c"]},
        {"region": "us-west-2", "clusters": ["arn:aws:ecs:us-west-2:1:cluster/b"]},
    ]
    assert made["remote_write"] == [{"url": "http://127.0.0.1:1/api/v1/write"}]


@pytest.mark.parametrize(
    ("environment", "region"), [({}, "eu-west-3"), ({"AWS_REGION": "us-west-2"}, "us-west-2")]
)
def test_a_clusters_region_may_be_the_workspaces(environment, region):
    url = "https://aps-workspaces.eu-west-3.amazonaws.com/workspaces/ws-1/api/v1/remote_write"
    shown = run("--config.print", NARTHEX_CLUSTERS="a", NARTHEX_REMOTE_WRITE_URL=url, **environment)
    assert shown.returncode == 0, shown.stderr
    made = yaml.safe_load(shown.stdout)
    assert made["scrape_configs"][0]["ecs_sd_configs"] == [{"region": region, "clusters": ["a"]}]
    assert made["remote_write"][0]["sigv4"] == {"region": "eu-west-3"}


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"NARTHEX_REMOTE_WRITE_URL": "http://127.0.0.1:1/w"}, "this is no ECS task"),
        ({"NARTHEX_REMOTE_WRITE_URL": "127.0.0.1"}, "does not begin with http://"),
        ({"NARTHEX_REMOTE_WRITE_URL": "http://u:hunter2@127.0.0.1:1/w", "NARTHEX_CLUSTERS": "a"}, "a user"),
        ({"NARTHEX_REMOTE_WRITE_URL": "http://127.0.0.1:1/w", "NARTHEX_CLUSTERS": "a"}, "set AWS_REGION"),
        (
            {"NARTHEX_REMOTE_WRITE_URL": "http://127.0.0.1:1/w", "NARTHEX_CLUSTERS": "a",
             "AWS_REGION": REGION, "NARTHEX_SCRAPE_INTERVAL": "often"},
            "scrape_interval",
        ),
        (
            {"NARTHEX_REMOTE_WRITE_URL": "http://127.0.0.1:1/w", "NARTHEX_CLUSTERS": "a",
             "AWS_REGION": REGION, "NARTHEX_EXTERNAL_LABELS": "novalue"},
            "NARTHEX_EXTERNAL_LABELS",
        ),
        (
            {"NARTHEX_REMOTE_WRITE_URL": "http://127.0.0.1:1/w",
             "ECS_CONTAINER_METADATA_URI_V4": "http://127.0.0.1:1/v4"},
            "Set NARTHEX_CLUSTERS",
        ),
        ({}, "NARTHEX_REMOTE_WRITE_URL"),
    ],
)  # fmt: skip
def test_what_is_missing_is_said(environment, words):
    ended = run("--web.listen-address=127.0.0.1:0", **environment)
    assert ended.returncode == 2, ended
    assert words in ended.stderr
    assert "hunter2" not in ended.stderr


def test_a_file_and_a_url_exclude_each_other():
    ended = run("--config.file=a.yml", "--remote-write.url=http://127.0.0.1:1/w")
    assert ended.returncode == 64
    assert "exclude each other" in ended.stderr
    # A variable that the task definition leaves in place does not.
    ended = run("--config.file=not-there.yml", NARTHEX_REMOTE_WRITE_URL="http://127.0.0.1:1/w")
    assert "not-there.yml" in ended.stderr
