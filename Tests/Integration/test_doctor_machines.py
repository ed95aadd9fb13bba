"""`narthex doctor` where tasks run on machines of their own: what is not allowed is wrong where a target
needs it, and nowhere else.
"""

import json
import subprocess

import pytest
from parts.agent import IS_NARTHEX, program
from parts.doctor import memory_folder
from test_discover import environment, standins

pytestmark = pytest.mark.skipif(not IS_NARTHEX, reason="this is a command of Narthex")

__all__ = ["standins"]


def machines(standins, kind, exports):
    """The stand-ins' last task in host mode on a machine of that kind; an exporter or none."""
    world = standins.control(standins.ecs, "/world")
    cluster, definition = world["clusters"][0], world["definitions"][0]
    silent = [{"name": "app", "image": "app:1", "dockerLabels": {}, "ports": []}]
    containers = definition["containers"] if exports else silent
    family = "exporting" if exports else "silent"
    world["definitions"].append(
        definition | {"family": family, "networkMode": "host", "containers": containers}
    )
    machine = {"EC2": "i-0", "EXTERNAL": "mi-0"}[kind]
    host = standins.exporters[-1]["address"].rpartition(":")[0]
    cluster["instances"] = [{"id": "m", "machine": machine, "address": host}]
    task = cluster["tasks"][-1]
    task.update(launchType=kind, instance="m", definition=f"{family}:1")
    task.pop("privateIPv4", None)
    standins.control(standins.ecs, "/world", world)


@pytest.mark.parametrize(
    ("kind", "operation", "action"),
    [
        ("EC2", "DescribeContainerInstances", "ecs:DescribeContainerInstances"),
        ("EC2", "DescribeInstances", "ec2:DescribeInstances"),
        ("EXTERNAL", "DescribeInstanceInformation", "ssm:DescribeInstanceInformation"),
    ],
)
def test_what_machines_need(kind, operation, action, standins, receiver, tmp_path):
    file = tmp_path / "narthex.yml"
    job = {"job_name": "shop", "ecs_sd_configs": [{"clusters": ["demo"]}]}
    file.write_text(json.dumps({"scrape_configs": [job], "remote_write": [{"url": receiver.url}]}))

    def lines(ends):
        with memory_folder() as disk:
            ended = subprocess.run(
                [program("narthex"), "doctor", f"--config.file={file}", "--json",
                 f"--storage.agent.path={disk}"],
                # The stand-ins play no STS.
                env=environment(standins) | {"AWS_ENDPOINT_URL_STS": "http://127.0.0.1:1"},
                capture_output=True, text=True, timeout=60,
            )  # fmt: skip
        found = json.loads(ended.stdout)["lines"]
        assert ended.returncode == ends, [line for line in found if line["verdict"] != "ok"]
        (asked,) = [line for line in found if action in line["message"] and line["check"] == "ecs"]
        (targets,) = [line for line in found if line["check"] == "targets"]
        return asked, targets

    machines(standins, kind, exports=True)
    asked, targets = lines(ends=0)
    assert asked["verdict"] == targets["verdict"] == "ok"
    standins.control(standins.ecs, "/fault", {"fault": "accessDenied", "operation": operation})
    asked, targets = lines(ends=1)
    assert asked["verdict"] == "skipped" and targets["verdict"] == "wrong"
    assert f"allow {action} in the policy of these credentials" in targets["message"]
    machines(standins, kind, exports=False)
    standins.control(standins.ecs, "/fault", {"fault": "accessDenied", "operation": operation})
    asked, targets = lines(ends=0)
    assert asked["verdict"] == "skipped" and targets["verdict"] == "ok"
