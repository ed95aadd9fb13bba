"""Names of labels beyond letters, digits and _, as Prometheus 3 takes them, on the whole way."""

import json
import subprocess

import pytest
import yaml
from parts.agent import IS_NARTHEX, clean_environment, program
from parts.process import wait_until

pytestmark = pytest.mark.skipif(not IS_NARTHEX, reason="Debian's Prometheus is older than such names")


def test_such_names_in_the_configuration_reach_the_receiver(make_agent, receiver, text_exporter):
    exporter = text_exporter("number 1\n")
    wanted = {
        "global": {"scrape_interval": "500ms", "external_labels": {"k8s.cluster": "shop", "1st": "a"}},
        "scrape_configs": [
            {
                "job_name": "named",
                "static_configs": [{"targets": [exporter.address], "labels": {"имя хоста": "b"}}],
            }
        ],
        "remote_write": [{"url": receiver.url, "queue_config": {"batch_send_deadline": "200ms"}}],
    }
    agent = make_agent(wanted).start()

    def names():
        return {dict(labels)["__name__"]: dict(labels) for labels in receiver.samples()}

    wait_until(lambda: {"number", "up"} <= names().keys(), 20, "a scrape")
    for name in ("number", "up"):
        labels = names()[name]
        assert labels["k8s.cluster"] == "shop" and labels["1st"] == "a" and labels["имя хоста"] == "b", labels
        # What is buffered is read again after a restart, and receivers want labels sorted by their bytes.
        order = next([n for n, _ in found] for found in receiver.samples() if dict(found)["__name__"] == name)
        assert order == sorted(order, key=str.encode)
    assert agent.stop() == 0


def test_what_discover_writes_is_read_again(tmp_path):
    labels = {'имя: "x"': "b", "1st": "c", "plain": "d", "- a": "e", "# f": "g"}
    job = {"job_name": "a", "static_configs": [{"targets": ["a:1"], "labels": labels}]}
    (tmp_path / "narthex.yml").write_text(json.dumps({"scrape_configs": [job]}))
    done = subprocess.run(
        [program("narthex"), "discover", "--config.file=narthex.yml", "--format=file_sd"],
        cwd=tmp_path, env=clean_environment(), capture_output=True, text=True, timeout=20,
    )  # fmt: skip
    assert done.returncode == 0, done
    (group,) = yaml.safe_load(done.stdout)
    assert {name: value for name, value in group["labels"].items() if name in labels} == labels
