"""What ecs_sd_configs makes of machines, ports and tasks that stop: stand-ins of ECS, EC2 and SSM."""

import pytest
from parts.agent import IS_NARTHEX
from parts.aws import REGION
from parts.process import wait_until
from parts.standins import ACCESS_KEY, SECRET_KEY

pytestmark = pytest.mark.skipif(not IS_NARTHEX, reason="Prometheus 2.42 knows no ecs_sd_configs")


def configuration(standins, **keys):
    credentials = {"access_key": ACCESS_KEY, "secret_key": SECRET_KEY}
    entry = {"region": REGION, "endpoint": standins.ecs["url"], "refresh_interval": "1s"}
    return {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
        "scrape_configs": [{"job_name": "ecs", "ecs_sd_configs": [entry | credentials | keys]}],
        "remote_write": [
            {
                "url": standins.amp["url"],
                "sigv4": {"region": REGION, **credentials},
                "queue_config": {"batch_send_deadline": "200ms"},
            }
        ],
    }


def ups(standins):
    """{instance: newest value of up} at the stand-in AMP."""
    return {
        series["labels"]["instance"]: series["samples"][-1]["value"]
        for series in standins.control(standins.amp, "/series")
        if series["labels"]["__name__"] == "up"
    }


def test_machines_of_every_kind_are_scraped(make_agent, make_standins):
    """Three exporters: a Fargate task, a bridged task on EC2, and one on a machine outside AWS."""
    standins = make_standins(
        "--exporters=3", "--series=20", "--addressing=addresses", "--tasks-each=3",
        "--ecs-port=0", "--amp-port=0", "--keep-history",
    )  # fmt: skip
    addresses = [place["address"] for place in standins.exporters]
    hosts = [address.rpartition(":")[0] for address in addresses]
    port = int(addresses[0].rpartition(":")[2])
    world = standins.control(standins.ecs, "/world")
    cluster = world["clusters"][0]
    cluster["instances"] = [
        {"id": "a", "machine": "i-a", "address": hosts[1]},
        {"id": "x", "machine": "mi-x", "address": "192.0.2.1", "attributes": {"narthex.address": hosts[2]}},
    ]
    definition = world["definitions"][0]
    definition["containers"][0]["dockerLabels"]["PROMETHEUS_EXPORTER_PORT"] = "9100"
    world["definitions"].append(definition | {"family": "bridged", "networkMode": "bridge"})
    # The Fargate task's port is its container's; the others are bound to their machine's.
    fargate = definition | {"family": "fargate"}
    labels = definition["containers"][0]["dockerLabels"] | {"PROMETHEUS_EXPORTER_PORT": str(port)}
    fargate["containers"] = [definition["containers"][0] | {"dockerLabels": labels}]
    world["definitions"].append(fargate)
    cluster["tasks"][0]["definition"] = "fargate:1"
    for task, launch_type, instance in zip(
        cluster["tasks"][1:], ("EC2", "EXTERNAL"), ("a", "x"), strict=True
    ):
        task.update(definition="bridged:1", launchType=launch_type, instance=instance)
        task["bindings"] = [{"container": "app", "containerPort": 9100, "hostPort": port}]
        del task["privateIPv4"]
    standins.control(standins.ecs, "/world", world)
    agent = make_agent(
        configuration(standins),
        environment={
            # As `endpoint` is ECS' alone; the metadata endpoint tells the agent's own cluster.
            "AWS_ENDPOINT_URL": standins.ecs["url"],
            "ECS_CONTAINER_METADATA_URI_V4": standins.ecs["url"] + "/v4/stand-in",
        },
    ).start()
    wait_until(lambda: ups(standins).keys() == set(addresses), 30, "a report of each machine's task")
    wait_until(lambda: float(min(ups(standins).values())) == 1, 20, "up of 1 everywhere")
    calls = standins.control(standins.ecs, "/stats")["calls"]
    assert calls["DescribeInstances"] == 1 and calls["DescribeInstanceInformation"] == 1
    assert "ListClusters" not in calls, "the agent's own cluster is the default"
    assert agent.metric("narthex_sd_ecs_age_seconds", cluster="demo") < 30
    assert agent.metric("narthex_sd_aws_calls_total", operation="ListTasks") >= 1
    assert agent.stop() == 0
