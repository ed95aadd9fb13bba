"""What ecs_sd_configs makes of machines, ports and tasks that stop: stand-ins of ECS, EC2 and SSM."""

import time

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
    wait_until(lambda: standins.ups().keys() == set(addresses), 30, "a report of each machine's task")
    wait_until(lambda: float(min(standins.ups().values())) == 1, 20, "up of 1 everywhere")
    calls = standins.control(standins.ecs, "/stats")["calls"]
    assert calls["DescribeInstances"] == 1
    assert "DescribeInstanceInformation" not in calls, "the instance outside AWS carries its address"
    assert "ListClusters" not in calls, "the agent's own cluster is the default"
    assert agent.metric("narthex_sd_ecs_age_seconds", cluster="demo") < 30
    assert agent.metric("narthex_sd_aws_calls_total", operation="ListTasks") >= 1
    assert agent.stop() == 0


def history(standins, instance):
    """[(labels, samples)] of one target at the stand-in AMP."""
    return [
        (series["labels"], series["samples"])
        for series in standins.control(standins.amp, "/series")
        if series["labels"]["instance"] == instance
    ]


def up_of(standins, instance):
    """Its samples of up."""
    (samples,) = [
        samples for labels, samples in history(standins, instance) if labels["__name__"] == "up"
    ]
    return samples


def change_task(standins, host, **fields):
    world = standins.control(standins.ecs, "/world")
    (task,) = [task for task in world["clusters"][0]["tasks"] if task["privateIPv4"] == host]
    task.update(fields)
    standins.control(standins.ecs, "/world", world)


def test_a_task_that_has_stopped_ends_its_series_before_its_next_scrape(make_agent, make_standins):
    """Without word from ECS a target that is gone ends at its next tick, one interval after its last
    sample; here the markers come with the next refresh. An API that fails says nothing of tasks.
    """
    interval = 12
    standins = make_standins(
        "--exporters=3", "--series=20", "--addressing=addresses", "--tasks-each=3",
        "--ecs-port=0", "--amp-port=0", "--keep-history",
    )  # fmt: skip
    first, second, third = sorted(place["address"] for place in standins.exporters)
    wanted = configuration(standins, clusters=["demo"])
    wanted["global"] = {"scrape_interval": f"{interval}s", "scrape_timeout": "5s"}
    agent = make_agent(wanted).start()
    wait_until(lambda: len(standins.ups()) == 3, 60, "a report of each task")

    # Nothing is known while the API fails: a task that stops meanwhile is scraped on.
    for operation in ("ListTasks", "DescribeTasks"):
        standins.control(standins.ecs, "/fault", {"fault": "serverError", "operation": operation})
    change_task(standins, second.rpartition(":")[0], lastStatus="STOPPED", desiredStatus="STOPPED")
    scraped = len(up_of(standins, second))
    wait_until(
        lambda: agent.metric("prometheus_sd_refresh_failures_total", mechanism="ecs") >= 3,
        60,
        "three refreshes that failed",
    )
    wait_until(lambda: len(up_of(standins, second)) > scraped, 60, "one more scrape")
    assert "stale" not in standins.ups().values()
    for operation in ("ListTasks", "DescribeTasks"):
        standins.control(standins.ecs, "/fault", {"fault": "none", "operation": operation})
    wait_until(lambda: standins.ups()[second] == "stale", 30, "markers once the API answers again")

    def fresh():
        return time.time() - up_of(standins, first)[-1]["timestampMs"] / 1000 < 1.5

    wait_until(fresh, 60, "scrape of the first task")
    change_task(standins, first.rpartition(":")[0], lastStatus="STOPPED", desiredStatus="STOPPED")
    wait_until(lambda: standins.ups()[first] == "stale", 30, "stale marker")
    wait_until(
        lambda: all(samples[-1]["value"] == "stale" for _, samples in history(standins, first)),
        10,
        "stale markers of all series",
    )
    ended = history(standins, first)
    assert len(ended) > 20
    for labels, samples in ended:
        last, marker = samples[-2:]
        assert marker["timestampMs"] - last["timestampMs"] < interval * 1000 * 0.8, (labels, samples[-3:])
    assert {sample["value"] for sample in up_of(standins, first)} == {"1.0", "stale"}
    assert standins.ups()[third] == "1.0"
    assert agent.stop() == 0
    amp = standins.control(standins.amp, "/stats")
    for fault in ("conflicts", "outOfOrder", "duplicates"):
        assert amp[fault] == 0, f"{fault}: {amp}"


def test_every_exporter_is_found_within_seconds(make_agent, make_standins):
    """120 tasks of 12 services on 12 pages; and one that comes later, with the next refresh."""
    standins = make_standins(
        "--exporters=120", "--series=5", "--addressing=addresses", "--tasks-each=10", "--page-limit=10",
        "--ecs-port=0", "--amp-port=0",
    )  # fmt: skip
    world = standins.control(standins.ecs, "/world")
    late = world["clusters"][0]["tasks"].pop()
    standins.control(standins.ecs, "/world", world)

    def found():
        return agent.metric("prometheus_target_scrape_pool_targets", scrape_job="ecs") or 0

    agent = make_agent(configuration(standins, clusters=["demo"], refresh_interval="2s"))
    began = time.monotonic()
    agent.start()
    wait_until(lambda: found() == 119, 30, "all tasks")
    assert time.monotonic() - began < 5
    world["clusters"][0]["tasks"].append(late)
    standins.control(standins.ecs, "/world", world)
    began = time.monotonic()
    wait_until(lambda: found() == 120, 30, "the task that came later")
    assert time.monotonic() - began < 2 * 1.1 + 2
    assert agent.stop() == 0
