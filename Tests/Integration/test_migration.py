"""What docs/ecs-discovery.md and docs/flags.md write out for those who come from another system, run as it
stands there.
"""

import json
import re
import subprocess

import pytest
from parts.agent import IS_NARTHEX, ROOT, clean_environment, program
from parts.aws import REGION
from parts.process import TOOLS, free_port, wait_until
from parts.standins import ACCESS_KEY, SECRET_KEY

pytestmark = pytest.mark.skipif(not IS_NARTHEX, reason="Prometheus has no such command")

SECTION = (
    (ROOT / "docs/ecs-discovery.md").read_text().partition("## From other systems")[2].partition("\n## ")[0]
)
TERALYTICS, PROMETHEUS, OBSERVER, CLOUDWATCH, SIGNAL_AI = re.findall(
    r"^```yaml\n(.*?)^```$", SECTION, re.DOTALL | re.MULTILINE
)
(SIGNAL_AI_LABELS,) = re.findall(r"^```json\n(.*?)^```$", SECTION, re.DOTALL | re.MULTILINE)


def container(name, image="i:1", docker_labels=None, ports=()):
    return {"name": name, "image": image, "dockerLabels": docker_labels or {}, "ports": list(ports)}


def definition(family, docker_labels, name="app", network_mode=None, ports=()):
    return {
        "family": family, "revision": 1, "networkMode": network_mode,
        "containers": [container(name, f"{family}:1", docker_labels, ports)],
    }  # fmt: skip


def task(number, family, service=None, **fields):
    return {
        "id": f"{number:032x}", "definition": f"{family}:1", "service": service or family,
        "privateIPv4": f"10.0.0.{number}", "lastStatus": "RUNNING", "desiredStatus": "RUNNING", **fields,
    }  # fmt: skip


@pytest.fixture
def look(make_standins, tmp_path):
    """look(text, definitions, tasks) -> {URL: labels} of what `narthex discover` finds with this file; what
    they were before relabelling is look.before.
    """

    def run(text, definitions, tasks, **cluster):
        standins = make_standins(
            "--exporters=1", "--series=1", "--addressing=addresses", "--ecs-port=0", "--cluster=shop"
        )
        world = {
            "clusters": [{"name": "shop", "tasks": tasks, **cluster}],
            "definitions": definitions,
        }
        standins.control(standins.ecs, "/world", world)
        file = tmp_path / "narthex.yml"
        file.write_text(text)
        ended = subprocess.run(
            [program("narthex"), "discover", f"--config.file={file}", "--format=json"],
            env=clean_environment(
                AWS_ENDPOINT_URL=standins.ecs["url"], AWS_REGION=REGION, AWS_ACCESS_KEY_ID=ACCESS_KEY,
                AWS_SECRET_ACCESS_KEY=SECRET_KEY,
            ),
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert ended.returncode == 0, ended.stderr
        (found,) = json.loads(ended.stdout)
        assert found["failures"] == [] and found["warnings"] == []
        run.before = {target["url"]: target["discoveredLabels"] for target in found["targets"]}
        return {target["url"]: target["labels"] for target in found["targets"]}

    return run


def test_the_table_has_a_row_for_each_system():
    rows = re.findall(r"^\| ([^|]+) \| [^|]+ \| [^|]+ \|$", SECTION, re.MULTILINE)[1:]
    names = ("teralytics, tkgregory", "Prometheus 3.14", "ecs_observer", "CloudWatch agent", "signal-ai")
    assert len(rows) == len(names)
    for row, name in zip(rows, names, strict=True):
        assert name in row


def test_prometheus_ecs_discovery(look):
    labels = {"PROMETHEUS_EXPORTER_PORT": "5000", "PROMETHEUS_EXPORTER_PATH": "/stats"}
    found = look(TERALYTICS, [definition("web", labels)], [task(1, "web")])
    arn = f"arn:aws:ecs:{REGION}:123456789012"
    id = f"{1:032x}"
    assert found == {
        "http://10.0.0.1:5000/stats": {
            "cluster_arn": f"{arn}:cluster/shop", "container_arn": f"{arn}:container/shop/{id}/app",
            "container_name": "app", "docker_image": "web:1", "instance": "10.0.0.1:5000", "job": "ecs",
            "task_arn": f"{arn}:task/shop/{id}", "task_group": "service:web", "task_name": "web",
            "task_revision": "1",
        }
    }  # fmt: skip


def test_prometheus(look):
    tasks = [task(1, "web", publicIPv4="3.4.5.6"), task(2, "plain")]
    found = look(PROMETHEUS, [definition("web", {}), definition("plain", {})], tasks)
    assert found == {
        "http://10.0.0.1:9100/metrics": {
            "instance": "10.0.0.1:9100", "job": "ecs", "public_ip": "3.4.5.6", "service": "web",
        },
        "http://10.0.0.2:9100/metrics": {"instance": "10.0.0.2:9100", "job": "ecs", "service": "plain"},
    }  # fmt: skip


def test_ecs_observer(look):
    definitions = [
        definition("labelled", {"ECS_PROMETHEUS_EXPORTER_PORT": "9404", "team": "a"}),
        definition("shop", {}, ports=[9113]),
        definition("my-memcached", {}, name="memcached", ports=[9150]),
        definition("silent", {}),
    ]
    tasks = [
        task(1, "labelled"), task(2, "shop", "retail-web"), task(3, "my-memcached"), task(4, "silent"),
    ]  # fmt: skip
    found = look(OBSERVER, definitions, tasks)
    assert found.keys() == {
        "http://10.0.0.1:9404/metrics",
        "http://10.0.0.2:9113/metrics",
        "http://10.0.0.3:9150/metrics",
    }
    memcached = found["http://10.0.0.3:9150/metrics"]
    assert memcached["prometheus_job"] == "memcached" and memcached["ClusterName"] == "shop"
    assert memcached["TaskDefinitionFamily"] == "my-memcached"
    assert found["http://10.0.0.2:9113/metrics"]["ServiceName"] == "retail-web"
    assert found["http://10.0.0.1:9404/metrics"]["team"] == "a"


def test_the_cloudwatch_agent(look):
    labels = {
        "ECS_PROMETHEUS_EXPORTER_PORT": "9901", "ECS_PROMETHEUS_METRICS_PATH": "/m",
        "ECS_PROMETHEUS_JOB_NAME": "envoy",
    }  # fmt: skip
    definitions = [
        definition("envoy", labels, network_mode="host"),
        definition("my-javajmx", {}, ports=[9404, 9406]),
        definition("web", {}, ports=[9113]),
    ]
    tasks = [
        task(1, "envoy", launchType="EC2", instance="a"), task(2, "my-javajmx"), task(3, "web", "nginx-1"),
    ]  # fmt: skip
    instances = [{"id": "a", "machine": "i-a", "address": "10.1.0.1"}]
    found = look(CLOUDWATCH, definitions, tasks, instances=instances)
    assert found.keys() == {
        "http://10.1.0.1:9901/m",
        "http://10.0.0.2:9404/stats/metrics",
        "http://10.0.0.2:9406/stats/metrics",
        "http://10.0.0.3:9113/metrics",
    }
    envoy = found["http://10.1.0.1:9901/m"]
    expected = {
        "container_name": "app", "ServiceName": "envoy", "TaskDefinitionFamily": "envoy",
        "TaskRevision": "1", "TaskGroup": "service:envoy", "LaunchType": "EC2", "TaskClusterName": "shop",
        "TaskId": f"{1:032x}", "InstanceType": "m7g.large", "VpcId": "vpc-1", "SubnetId": "subnet-1",
        "job": "envoy", "ECS_PROMETHEUS_EXPORTER_PORT": "9901",
    }  # fmt: skip
    assert expected.items() <= envoy.items()
    assert found["http://10.0.0.2:9404/stats/metrics"]["job"] == "java"


@pytest.mark.parametrize("network_mode", ["awsvpc", "host", "bridge"])
def test_only_the_container_that_maps_the_port_is_exported(look, network_mode):
    """Two tasks of four containers each, of which one maps the service's port: two targets."""
    web = definition("web", {}, network_mode=network_mode)
    web["containers"] = [
        container("app", docker_labels={"team": "shop"}, ports=[8080]),
        container("nginx", ports=[80]),
        container("nginx-exporter", docker_labels={"team": "web"}, ports=[9113]),
        container("log_router"),
    ]
    on_instance = {} if network_mode == "awsvpc" else {"launchType": "EC2"}
    tasks = []
    for number, instance in (1, "a"), (2, "b"):
        if on_instance:
            on_instance["instance"] = instance
        if network_mode == "bridge":
            binding = {"container": "nginx-exporter", "containerPort": 9113, "hostPort": 9113}
            on_instance["bindings"] = [binding]
        tasks.append(task(number, "web", "nginx-front", **on_instance))
    instances = [{"id": "a", "machine": "i-a", "address": "10.0.0.1"},
                 {"id": "b", "machine": "i-b", "address": "10.0.0.2"}]  # fmt: skip
    found = look(CLOUDWATCH, [web], tasks, instances=instances)
    assert found.keys() == {"http://10.0.0.1:9113/metrics", "http://10.0.0.2:9113/metrics"}
    for labels in found.values():
        assert labels["container_name"] == "nginx-exporter" and labels["team"] == "web"


def test_signal_ai(look):
    found = look(SIGNAL_AI, [definition("web", json.loads(SIGNAL_AI_LABELS))], [task(1, "web")])
    assert found.keys() == {"http://10.0.0.1:8080/mymetrics", "http://10.0.0.1:8080/mymetrics2"}
    first = found["http://10.0.0.1:8080/mymetrics"]
    assert first["job"] == "app" and first["metrics_path"] == "/mymetrics"
    assert {url[-10:]: labels["__scrape_interval__"] for url, labels in look.before.items()} == {
        "/mymetrics": "5m", "mymetrics2": "30s",
    }  # fmt: skip


FLAGS = (ROOT / "docs/flags.md").read_text().partition("## Coming from Debian's package")[2]
FLAGS = FLAGS.partition("\n# `narthex")[0]
DEBIAN = TOOLS / "debian/prometheus"
DEFAULTS, UNIT = DEBIAN / "etc/default/prometheus", DEBIAN / "lib/systemd/system/prometheus.service"


@pytest.mark.skipif(not DEFAULTS.exists(), reason="Debian's prometheus is not there")
def test_the_flags_of_debians_package(make_child, receiver, text_exporter, tmp_path):
    """/etc/default/prometheus as the package has it, with the ARGS that the page writes: the words that
    systemd makes of it run Narthex. Folders, ports and the configuration's targets are this test's.
    """
    unit = UNIT.read_text()
    assert "EnvironmentFile=/etc/default/prometheus\n" in unit
    assert "ExecStart=/usr/bin/prometheus $ARGS\n" in unit
    (drop_in,) = re.findall(r"^```ini\n(.*?)^```$", FLAGS, re.DOTALL | re.MULTILINE)
    # An empty line takes the package's own away.
    assert "\nExecStart=\nExecStart=/usr/bin/narthex run $ARGS\n" in drop_in
    (arguments,) = re.findall(r"^```sh\n(.*?)^```$", FLAGS, re.DOTALL | re.MULTILINE)
    assert DEFAULTS.read_text().count('\nARGS=""') == 1
    file = tmp_path / "default"
    file.write_text(DEFAULTS.read_text().replace('\nARGS=""', f"\n{arguments}"))
    words = subprocess.run(
        ["sh", "-c", f'. {file}; printf "%s" "$ARGS"'], capture_output=True, text=True, timeout=10, check=True
    ).stdout.split()

    exporter = text_exporter("shop_requests_total 7\n")
    port = free_port()
    text = (DEBIAN / "etc/prometheus/prometheus.yml").read_text()
    text = text.replace("localhost:9100", exporter.address).replace("localhost:9090", f"localhost:{port}")
    text = text.replace("scrape_interval:     15s", "scrape_interval: 1s\n  scrape_timeout: 1s")
    (tmp_path / "prometheus.yml").write_text(
        f"{text}\nremote_write: [{{url: '{receiver.url}', queue_config: {{batch_send_deadline: 100ms}}}}]\n"
    )
    moved = {
        "/etc/prometheus/": f"{tmp_path}/", "/var/lib/prometheus": tmp_path,
        "0.0.0.0:9090": f"127.0.0.1:{port}",
    }  # fmt: skip
    for before, after in moved.items():
        assert any(before in word for word in words)
        words = [word.replace(before, str(after)) for word in words]
    agent = make_child("agent", ["narthex", "run", *words], clean_environment())
    names = lambda: {dict(labels)["__name__"] for labels in receiver.samples()}  # noqa: E731
    expected = {"shop_requests_total", "prometheus_build_info"}
    wait_until(lambda: expected <= names(), 30, "samples of both jobs")
    agent.process.send_signal(1)
    wait_until(lambda: "cause=SIGHUP" in agent.log_text(), 20, "reload, as ExecReload= asks for it")
    assert agent.stop(timeout=30) == 0
    assert "--storage.tsdb.retention.time has no effect: " in agent.log_text()
