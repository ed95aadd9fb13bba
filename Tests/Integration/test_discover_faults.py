"""narthex discover when AWS answers in part: what is not known is not taken for what is not there."""

import json

import pytest
from parts.agent import IS_NARTHEX
from parts.web import TargetList
from test_discover import discover, standins

pytestmark = pytest.mark.skipif(not IS_NARTHEX, reason="Prometheus has no such command")

__all__ = ["standins"]


@pytest.mark.parametrize("operation", ["DescribeTasks", "DescribeTaskDefinition"])
def test_tasks_that_are_listed_and_not_known_leave_the_file_as_it_is(standins, tmp_path, operation):
    file = tmp_path / "ecs_file_sd.yml"
    file.write_text("- targets: [old:1]\n")
    standins.control(standins.ecs, "/fault", {"fault": "accessDenied", "operation": operation})
    _, status, errors = discover(standins, f"-config.write-to={file}", "-config.scrape-times=1")
    assert status == 1 and "AccessDenied" in errors
    assert file.read_text() == "- targets: [old:1]\n"
    text, status, errors = discover(standins, "--format=file_sd")
    assert status == 1 and text == "[]\n" and "AccessDenied" in errors


def test_labels_stay_text_on_a_terminal(standins):
    world = standins.control(standins.ecs, "/world")
    world["definitions"][0]["containers"][0]["dockerLabels"]["colour"] = "\x1b[31mred\n"
    standins.control(standins.ecs, "/world", world)
    table, status, errors = discover(standins)
    assert status == 0, errors
    assert "\x1b" not in table and "\\u{1b}[31mred\\n" in table


def test_targets_of_web_servers_are_shown_too(standins, parts, tmp_path):
    server = TargetList()
    parts.callback(server.stop)
    server.start()
    server.serve([{"targets": ["10.0.0.1:9100"]}])
    file = tmp_path / "narthex.yml"
    jobs = [{"job_name": "web", "http_sd_configs": [{"url": server.url}]}]
    file.write_text(json.dumps({"scrape_configs": jobs}))
    text, status, errors = discover(standins, f"--config.file={file}", "--format=json")
    assert status == 0, errors
    assert [target["labels"]["instance"] for target in json.loads(text)[0]["targets"]] == ["10.0.0.1:9100"]
    server.reply = (500, "text/plain", b"")
    text, status, errors = discover(standins, f"--config.file={file}", "--format=json")
    failures = [f"http: {server.url}: the answer's status is 500, not 200"]
    assert status == 1 and json.loads(text)[0]["failures"] == failures
    assert "the answer's status is 500" in errors


@pytest.mark.parametrize("kind", ["EC2", "EXTERNAL"])
def test_what_no_target_needs_is_not_missed(standins, tmp_path, kind):
    """A task on EC2 that exports nothing, and one outside AWS whose instance carries its address: the calls
    that tell of their machines are refused.
    """
    world = standins.control(standins.ecs, "/world")
    cluster, definition = world["clusters"][0], world["definitions"][0]
    if kind == "EC2":
        machine, operation = {"machine": "i-0"}, "DescribeContainerInstances"
        containers = [{"name": "app", "image": "app:1", "dockerLabels": {}, "ports": []}]
    else:
        machine, operation = {"machine": "mi-0"}, "DescribeInstanceInformation"
        machine["attributes"] = {"narthex.address": "10.9.9.9"}
        containers = definition["containers"]
    changed = {"family": "other", "networkMode": "host", "containers": containers}
    world["definitions"].append(definition | changed)
    cluster["instances"] = [{"id": "m", **machine}]
    task = {"id": "e" * 32, "launchType": kind, "instance": "m", "definition": "other:1"}
    cluster["tasks"].append({k: v for k, v in cluster["tasks"][0].items() if k != "privateIPv4"} | task)
    standins.control(standins.ecs, "/world", world)
    standins.control(standins.ecs, "/fault", {"fault": "accessDenied", "operation": operation})
    file = tmp_path / "ecs_file_sd.json"
    _, status, errors = discover(standins, f"-config.write-to={file}", "-config.scrape-times=1")
    assert status == 0 and "AccessDenied" not in errors, errors
    found = [group["targets"][0] for group in json.loads(file.read_text())]
    own = [target for target in found if target.startswith("10.9.9.9:")]
    assert len(found) == len(standins.exporters) + len(own) and len(own) == (kind == "EXTERNAL")


def test_a_target_file_that_is_broken_is_no_success(standins, tmp_path):
    (tmp_path / "good.yml").write_text("- targets: ['127.0.0.1:1']\n- targets: ['127.0.0.1:1']\n")
    (tmp_path / "bad.yml").write_text("- targets: ['127.0.0.1:2']\n- target: ['127.0.0.1:3']\n")
    file, written = tmp_path / "narthex.yml", tmp_path / "out.json"
    jobs = [{"job_name": "files", "file_sd_configs": [{"files": ["good.yml", "bad.yml"]}]}]
    file.write_text(json.dumps({"scrape_configs": jobs}))
    written.write_text("[]\n")
    text, status, errors = discover(standins, f"--config.file={file}", "--format=json")
    (found,) = json.loads(text)
    assert status == 1 and not found["isComplete"]
    (failure,) = found["failures"]
    assert failure.startswith(f"file: {tmp_path}/bad.yml:2:3: unknown key")
    assert "good.yml, group 2 (127.0.0.1:1)" in found["warnings"][0], found
    once = ("-config.scrape-times=1", f"--write-to={written}")
    _, status, errors = discover(standins, f"--config.file={file}", *once)
    assert status == 1 and "bad.yml:2:3" in errors and "the file stays as it is" in errors
    assert written.read_text() == "[]\n"
    # What is not there yet has no targets, as in Prometheus.
    (tmp_path / "bad.yml").unlink()
    _, status, errors = discover(standins, f"--config.file={file}", *once)
    assert status == 0 and len(json.loads(written.read_text())) == 2, errors


def test_flags_of_ecs_beside_a_file_are_refused(standins, tmp_path):
    file = tmp_path / "narthex.yml"
    file.write_text("scrape_configs: [{job_name: a}]\n")
    flags = ("-config.cluster=shop", "-config.port-label=PORT", "-config.role-arn=")
    _, status, errors = discover(standins, f"--config.file={file}", *flags)
    assert status == 64 and "--config.cluster, --config.port-label would have no effect beside" in errors
    _, status, errors = discover(standins, f"--config.file={file}", "-config.role-arn=")
    assert status == 0, errors
