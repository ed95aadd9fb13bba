"""narthex discover: what is found, why the rest is not, and a file for another Prometheus kept current."""

import json
import subprocess

import pytest
import yaml
from parts.agent import IS_NARTHEX, clean_environment, program
from parts.aws import REGION
from parts.process import wait_until
from parts.standins import ACCESS_KEY, SECRET_KEY

pytestmark = pytest.mark.skipif(not IS_NARTHEX, reason="Prometheus has no such command")


@pytest.fixture
def standins(make_standins):
    return make_standins(
        "--exporters=3", "--series=5", "--addressing=addresses", "--tasks-each=2", "--ecs-port=0",
    )  # fmt: skip


def environment(standins):
    return clean_environment(
        AWS_ENDPOINT_URL=standins.ecs["url"],
        AWS_REGION=REGION,
        AWS_ACCESS_KEY_ID=ACCESS_KEY,
        AWS_SECRET_ACCESS_KEY=SECRET_KEY,
    )


def discover(standins, *flags):
    """(standard output, exit status)"""
    ended = subprocess.run(
        [program("narthex"), "discover", *flags],
        env=environment(standins), capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    return ended.stdout, ended.returncode, ended.stderr


def test_a_job_is_shown_with_labels_before_and_after_and_what_is_left_out(standins, tmp_path):
    world = standins.control(standins.ecs, "/world")
    labels = world["definitions"][1]["containers"][0]["dockerLabels"]
    labels["PROMETHEUS_EXPORTER_PORT"] = "ninety"
    standins.control(standins.ecs, "/world", world)
    file = tmp_path / "narthex.yml"
    rules = [
        {"source_labels": ["__meta_ecs_task_id"], "target_label": "task"},
        {
            "source_labels": ["__address__"],
            "regex": standins.exporters[0]["address"],
            "action": "drop",
        },
    ]
    job = {"job_name": "shop", "ecs_sd_configs": [{"clusters": ["demo"]}], "relabel_configs": rules}
    file.write_text(json.dumps({"scrape_configs": [job]}))
    text, status, errors = discover(standins, f"--config.file={file}", "--format=json", "--all")
    assert status == 0, errors
    (found,) = json.loads(text)
    assert found["job"] == "shop" and found["isComplete"] and found["failures"] == []
    (target,) = found["targets"]
    assert target["labels"]["task"].endswith("2") and target["labels"]["job"] == "service-0"
    assert target["discoveredLabels"]["__meta_ecs_cluster"] == "demo"
    faults = [left["reason"] for left in found["leftOut"] if left["isFault"]]
    assert any("_EXPORTER_PORT is \"ninety\"; it must be a port" in reason for reason in faults)
    assert any("relabel_configs[1] drops it" in reason for reason in faults)
    silent = [left["reason"] for left in found["leftOut"] if not left["isFault"]]
    assert len(silent) == 3 and all("log-router" in reason for reason in silent)
    table, status, _ = discover(standins, f"--config.file={file}")
    assert status == 0
    assert "job shop: 1 target, 2 left out, 3 that do not ask to be scraped" in table
    assert target["url"] in table and "before relabelling: {" in table and "log-router" not in table


def test_variables_of_a_file_are_replaced_where_the_agent_has_it_so(standins, tmp_path):
    """Both commands that look at one job, and neither without the flag."""
    file = tmp_path / "narthex.yml"
    job = {"job_name": "a", "static_configs": [{"targets": ["${HOST_OF_A}:9100"]}]}
    file.write_text(json.dumps({"scrape_configs": [job]}))
    exporter = standins.exporters[0]
    scraped = f"http://{exporter['address']}{exporter['path']}"
    words = [["discover", "--format=json"], ["scrape", scraped, "--format=json"]]
    for command in words:
        for flags, status in (["--config.expand-env"], 0), ([], 2):
            ended = subprocess.run(
                [program("narthex"), *command, f"--config.file={file}", *flags],
                env=environment(standins) | {"HOST_OF_A": "10.1.1.1"},
                capture_output=True, text=True, timeout=60,
            )  # fmt: skip
            assert ended.returncode == status, ended
            if status:
                assert '"${HOST_OF_A}:9100" is not host:port' in ended.stderr
            elif command[0] == "discover":
                assert "http://10.1.1.1:9100/metrics" in ended.stdout
    text, status, errors = discover(standins, "--config.expand-env")
    assert status == 64 and "--config.expand-env needs --config.file" in errors


def test_the_flags_of_prometheus_ecs_discovery_give_its_file(standins, tmp_path):
    file = tmp_path / "ecs_file_sd.yml"
    _, status, errors = discover(
        standins, "-config.cluster", "demo", f"-config.write-to={file}", "-config.scrape-interval=1s",
        "-config.scrape-times=1", "-config.dynamic-port-detection=false",
    )  # fmt: skip
    assert status == 0, errors
    groups = yaml.safe_load(file.read_text())
    assert {target for group in groups for target in group["targets"]} == {
        place["address"] for place in standins.exporters
    }
    assert file.stat().st_mode & 0o777 == 0o644
    assert groups[0]["labels"].keys() == {
        "__metrics_path__", "job", "task_arn", "task_name", "task_revision", "task_group", "cluster_arn",
        "container_name", "container_arn", "docker_image",
    }  # fmt: skip


ARN = f"arn:aws:ecs:{REGION}:123456789012"
LABELS = {
    "port": "PROMETHEUS_EXPORTER_PORT", "path": "PROMETHEUS_EXPORTER_PATH",
    "scheme": "PROMETHEUS_EXPORTER_SCHEME", "job-name": "PROMETHEUS_EXPORTER_JOB_NAME",
    "server-name": "PROMETHEUS_EXPORTER_SERVER_NAME",
}  # fmt: skip


def wide_world(names):
    """Tasks in every network mode, with all of the tool's docker labels by these names."""

    def definition(family, labels, mode=None, revision=7):
        app = {"name": "app", "image": f"repo/{family}:1", "dockerLabels": labels, "ports": [9100]}
        sidecar = {"name": "log-router", "image": "x", "dockerLabels": {}, "ports": []}
        return {
            "family": family, "revision": revision, "containers": [sidecar, app], "networkMode": mode,
        }  # fmt: skip

    def task(number, family, **fields):
        return {
            "id": f"{number:032x}", "definition": f"{family}:7", "service": family,
            "lastStatus": "RUNNING", "desiredStatus": "RUNNING", "injected": ["ecs-service-connect-x"],
            **fields,
        }  # fmt: skip

    all_labels = {
        names["port"]: "5000", names["path"]: "/stats", names["scheme"]: "https",
        names["job-name"]: "web-job", "team": "a",
    }  # fmt: skip
    definitions = [
        definition("web", all_labels),
        definition("bridged", {names["port"]: "9100", "team": "b"}, "bridge"),
        definition("named", {names["port"]: "9100", names["server-name"]: "node.example//"}, "host"),
        definition("silent", {}),
        definition("wrong", {names["port"]: "ninety"}),
        definition("unbound", {names["port"]: "9999"}, "bridge"),
        definition("dynamic", {"PROMETHEUS_DYNAMIC_EXPORT": "1"}, "bridge"),
    ]
    bindings = [{"container": "app", "containerPort": 9100, "hostPort": 32768}]
    on_machine = {"launchType": "EC2", "instance": "a"}
    tasks = [
        task(1, "web", privateIPv4="10.0.0.1"),
        task(2, "bridged", **on_machine, bindings=bindings),
        task(3, "named", **on_machine),
        task(4, "silent", privateIPv4="10.0.0.4"),
        task(5, "wrong", privateIPv4="10.0.0.5"),
        task(6, "unbound", **on_machine, bindings=bindings),
        task(7, "dynamic", **on_machine, bindings=[bindings[0] | {"hostPort": 32777}]),
    ]
    instances = [{"id": "a", "machine": "i-a", "address": "10.1.0.1"}]
    demo = {"name": "demo", "tasks": tasks, "instances": instances}
    other = {"name": "other", "tasks": [task(8, "web", privateIPv4="10.0.0.8")]}
    return {"clusters": [demo, other], "definitions": definitions}


def entry(number, family, target, cluster="demo", **more):
    """What prometheus-ecs-discovery writes of a container: its README and the fields of its output."""
    return {
        "targets": [target],
        "labels": {
            "task_arn": f"{ARN}:task/{cluster}/{number:032x}", "task_name": family, "task_revision": "7",
            "task_group": f"service:{family}", "cluster_arn": f"{ARN}:cluster/{cluster}",
            "container_name": "app", "container_arn": f"{ARN}:container/{cluster}/{number:032x}/app",
            "docker_image": f"repo/{family}:1", **more,
        },
    }  # fmt: skip


WEB = {"job": "web-job", "__metrics_path__": "/stats", "__scheme__": "https"}
IN_DEMO = [
    entry(1, "web", "10.0.0.1:5000", **WEB),
    entry(2, "bridged", "10.1.0.1:32768"),
    entry(3, "named", "node.example:9100"),
]
IN_OTHER = [entry(8, "web", "10.0.0.8:5000", "other", **WEB)]
RENAMED = {name: f"my.{name}" for name in LABELS}


@pytest.mark.parametrize(
    ("flags", "names", "expected"),
    [
        ([], LABELS, IN_DEMO + IN_OTHER),
        (["-config.cluster=demo"], LABELS, IN_DEMO),
        (["--config.cluster", "other"], LABELS, IN_OTHER),
        (["-config.filter-label=team", "-config.cluster=demo"], LABELS, IN_DEMO[:2]),
        (["-config.filter-label=team=b"], LABELS, IN_DEMO[1:2]),
        (["-config.dynamic-port-detection"], LABELS, [entry(7, "dynamic", "10.1.0.1:32777")]),
        (["-config.dynamic-port-detection=f", "-config.cluster=demo"], LABELS, IN_DEMO),
        (
            [f"-config.{name}-label={label}" for name, label in RENAMED.items()],
            RENAMED,
            IN_DEMO + IN_OTHER,
        ),
    ],
)
def test_the_file_is_what_the_original_writes(standins, tmp_path, flags, names, expected):
    standins.control(standins.ecs, "/world", wide_world(names))
    file = tmp_path / "ecs_file_sd.yml"
    once = ("-config.scrape-interval=1m0s", "-config.scrape-times=1")
    _, status, errors = discover(standins, f"-config.write-to={file}", *once, *flags)
    assert status == 0, errors
    assert yaml.safe_load(file.read_text()) == expected


def test_a_switch_that_is_neither_is_said(standins):
    _, status, errors = discover(standins, "-config.dynamic-port-detection=bad")
    assert status == 64 and 'is true or false, as Go reads them, not "bad"' in errors, errors


def test_the_originals_default_file_and_its_other_flags(standins, tmp_path):
    standins.control(standins.ecs, "/world", wide_world(LABELS))
    command = [program("narthex"), "discover", "-config.scrape-times=1", "-config.scrape-interval", "1.5m"]
    ended = subprocess.run(
        command, env=environment(standins), cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 0, ended.stderr
    assert yaml.safe_load((tmp_path / "ecs_file_sd.yml").read_text()) == IN_DEMO + IN_OTHER
    # One of its flags alone means its file, too.
    (tmp_path / "ecs_file_sd.yml").unlink()
    process = subprocess.Popen(
        [program("narthex"), "-config.cluster=*"],
        env=environment(standins), cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        wait_until((tmp_path / "ecs_file_sd.yml").exists, 20, "the file")
    finally:
        process.terminate()
        shown, _ = process.communicate(timeout=20)
    assert shown == "" and process.returncode == 0
    assert yaml.safe_load((tmp_path / "ecs_file_sd.yml").read_text()) == IN_DEMO + IN_OTHER
    # Templates write a flag with nothing behind it where nothing is wanted.
    empty = ["-config.cluster=", "-config.role-arn=", "-config.filter-label", ""]
    out, status, errors = discover(standins, "--format=file_sd", *empty)
    assert status == 0, errors
    assert yaml.safe_load(out) == IN_DEMO + IN_OTHER
    # A role is asked of STS, which is not played here.
    role = "-config.role-arn=arn:aws:iam::123456789012:role/reader"
    file = f"-config.write-to={tmp_path}/role.yml"
    _, status, errors = discover(standins, file, role, "-config.scrape-times=1")
    assert status == 1 and "AssumeRole" in errors
    # The file cannot be written: said, and no success.
    _, status, errors = discover(standins, f"-config.write-to={tmp_path}", "-config.scrape-times=1")
    assert status == 1 and "it is no regular file" in errors
    assert list(tmp_path.glob("*.new")) == []
    _, status, errors = discover(standins, "--format=json", "--write-to=x.yml")
    assert status == 64 and "--format=json is for standard output" in errors


def test_the_file_is_kept_current_and_survives_what_cannot_be_asked(standins, tmp_path):
    file = tmp_path / "targets.json"
    process = subprocess.Popen(
        [program("narthex"), "discover", f"-config.write-to={file}", "-config.scrape-interval=1s"],
        env=environment(standins), stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:

        def count():
            return len(json.loads(file.read_text())) if file.exists() else None

        wait_until(lambda: count() == 3, 20, "three targets in the file")
        standins.control(standins.ecs, "/fault", {"fault": "accessDenied", "operation": "ListTasks"})
        calls = standins.control(standins.ecs, "/stats")["calls"]["ListTasks"]
        wait_until(
            lambda: standins.control(standins.ecs, "/stats")["calls"]["ListTasks"] > calls + 1,
            20,
            "two looks that failed",
        )
        assert count() == 3
        standins.control(standins.ecs, "/fault", {"fault": "none", "operation": "ListTasks"})
        world = standins.control(standins.ecs, "/world")
        world["clusters"][0]["tasks"].pop()
        standins.control(standins.ecs, "/world", world)
        wait_until(lambda: count() == 2, 20, "two targets in the file")
        assert [entry.name for entry in tmp_path.iterdir() if entry.suffix == ".new"] == []
    finally:
        process.terminate()
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "the last good targets stay" in errors


def test_what_was_never_known_is_not_written(standins, tmp_path):
    file = tmp_path / "ecs_file_sd.yml"
    file.write_text("- targets: [old:1]\n")
    standins.control(standins.ecs, "/fault", {"fault": "accessDenied", "operation": "ListTasks"})
    _, status, errors = discover(standins, f"-config.write-to={file}", "-config.scrape-times=1")
    assert status == 1
    assert "not everything is known" in errors and file.read_text() == "- targets: [old:1]\n"
    text, status, _ = discover(standins, "--format=json")
    assert status == 1 and "AccessDenied" in json.loads(text)[0]["failures"][0]
