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
    assert any("PROMETHEUS_EXPORTER_PORT must be a port" in reason for reason in faults)
    assert any("relabel_configs[1] drops it" in reason for reason in faults)
    silent = [left["reason"] for left in found["leftOut"] if not left["isFault"]]
    assert len(silent) == 3 and all("log-router" in reason for reason in silent)
    table, status, _ = discover(standins, f"--config.file={file}")
    assert status == 0
    assert "job shop: 1 target, 2 left out, 3 that do not ask to be scraped" in table
    assert target["url"] in table and "before relabelling: {" in table and "log-router" not in table


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
