"""An agent through everything that the ECS API does wrong, a deployment, and clusters that go: the stand-ins
play what moto cannot.
"""

import json
import subprocess
import time

import pytest

from parts.agent import IS_NARTHEX, clean_environment, program
from parts.aws import REGION
from parts.process import wait_until
from parts.standins import ACCESS_KEY, SECRET_KEY

pytestmark = pytest.mark.skipif(not IS_NARTHEX, reason="Prometheus 2.42 knows no ecs_sd_configs")

KEYS = {"access_key": ACCESS_KEY, "secret_key": SECRET_KEY}
# Each with what the log says of it; closing and hanging take the time of three attempts.
FAULTS = {
    "throttling": "ThrottlingException",
    "accessDenied": "AccessDeniedException",
    "serverError": "ServerException",
    "garbage": "not the JSON expected",
    "hostile": "not the JSON expected",
    "close": "ListTasks at http://127.0.0.1",
}


@pytest.fixture
def standins(make_standins):
    return make_standins(
        "--exporters=4", "--series=10", "--addressing=addresses", "--tasks-each=4",
        "--ecs-port=0", "--amp-port=0", "--keep-history",
    )  # fmt: skip


def configuration(standins, **keys):
    entry = {"region": REGION, "endpoint": standins.ecs["url"], "refresh_interval": "1s", **KEYS}
    return {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
        "scrape_configs": [{"job_name": "ecs", "ecs_sd_configs": [entry | keys]}],
        "remote_write": [
            {
                "url": standins.amp["url"],
                "sigv4": {"region": REGION, **KEYS},
                "queue_config": {"batch_send_deadline": "200ms"},
            }
        ],
    }


def addresses(standins):
    return [place["address"] for place in standins.exporters]


def world_of(standins):
    return standins.control(standins.ecs, "/world")


def failures(agent):
    return agent.metric("prometheus_sd_refresh_failures_total", mechanism="ecs")


def wait_for_ups(standins, alive, stale=()):
    wanted = dict.fromkeys(alive, "1.0") | dict.fromkeys(stale, "stale")
    wait_until(lambda: standins.ups() == wanted, 60, f"up of {wanted}")


def assert_all_is_well(agent, standins):
    assert agent.stop() == 0
    amp = standins.control(standins.amp, "/stats")
    for fault in ("malformed", "labelFaults", "conflicts", "outOfOrder", "duplicates", "tooNew"):
        assert amp[fault] == 0, f"{fault}: {amp}"


def test_no_fault_of_the_api_empties_the_targets(make_agent, standins):
    agent = make_agent(configuration(standins, clusters=["*"])).start()
    everywhere = addresses(standins)
    wait_for_ups(standins, everywhere)
    for fault, words in FAULTS.items():
        standins.control(standins.ecs, "/fault", {"fault": fault})
        before = failures(agent)
        wait_until(lambda: failures(agent) >= before + 2, 60, f"two refreshes that meet {fault}")
        samples = standins.control(standins.amp, "/stats")["samples"]
        wait_until(
            lambda: standins.control(standins.amp, "/stats")["samples"] > samples + 4 * 10,
            20,
            f"scrapes during {fault}",
        )
        assert standins.ups() == dict.fromkeys(everywhere, "1.0"), fault
        assert agent.log_lines(words), f"{fault} is said"
        standins.control(standins.ecs, "/fault", {"fault": "none"})
        wait_until(lambda: agent.metric("narthex_sd_ecs_age_seconds") < 1.5, 60, f"refresh after {fault}")
    # A list that is right, of tasks that are not.
    standins.control(standins.ecs, "/fault", {"fault": "hostile", "operation": "DescribeTasks"})
    calls = standins.control(standins.ecs, "/stats")["calls"]["DescribeTasks"]
    wait_until(
        lambda: standins.control(standins.ecs, "/stats")["calls"]["DescribeTasks"] > calls + 2, 30, "calls"
    )
    assert standins.ups() == dict.fromkeys(everywhere, "1.0")
    assert_all_is_well(agent, standins)


def test_an_expired_token_is_put_right_within_the_call(make_agent, standins):
    agent = make_agent(configuration(standins, clusters=["demo"])).start()
    wait_for_ups(standins, addresses(standins))
    before = standins.control(standins.ecs, "/stats")["calls"]["ListTasks"]
    standins.control(standins.ecs, "/fault", {"fault": "expiredToken", "operation": "ListTasks", "calls": 1})
    wait_until(
        lambda: standins.control(standins.ecs, "/stats")["calls"]["ListTasks"] > before + 3, 30, "calls"
    )
    assert failures(agent) == 0
    assert_all_is_well(agent, standins)


def test_a_rolling_deployment_is_followed_task_by_task(make_agent, standins):
    """Two tasks of the old revision give way to two of the new one, a new one first each time."""
    old, new = addresses(standins)[:2], addresses(standins)[2:]
    world = world_of(standins)
    cluster = world["clusters"][0]
    coming = [task | {"definition": "next:2"} for task in cluster["tasks"][2:]]
    by_host = {task["privateIPv4"]: task for task in cluster["tasks"]}
    del cluster["tasks"][2:]
    definition = world["definitions"][0]
    labels = definition["containers"][0]["dockerLabels"] | {"PROMETHEUS_EXPORTER_JOB_NAME": "next"}
    containers = [definition["containers"][0] | {"dockerLabels": labels}, *definition["containers"][1:]]
    world["definitions"].append(
        definition | {"family": "next", "revision": 2, "containers": containers}
    )
    standins.control(standins.ecs, "/world", world)
    agent = make_agent(configuration(standins, clusters=["demo"])).start()
    wait_for_ups(standins, old)
    gone = []
    for leaving, task in zip(old, coming, strict=True):
        cluster["tasks"].append(task | {"lastStatus": "PROVISIONING"})
        standins.control(standins.ecs, "/world", world)
        cluster["tasks"][-1] = task
        standins.control(standins.ecs, "/world", world)
        arrived = [address for address in new if address.startswith(task["privateIPv4"] + ":")]
        wait_until(lambda: standins.ups().get(arrived[0]) == "1.0", 30, "up of the new task")
        # It is stopping, and then it is gone.
        tasks = cluster["tasks"]
        index = tasks.index(by_host[leaving.rpartition(":")[0]])
        tasks[index] = tasks[index] | {"desiredStatus": "STOPPED", "lastStatus": "DEACTIVATING"}
        standins.control(standins.ecs, "/world", world)
        wait_until(lambda: standins.ups()[leaving] == "stale", 30, "stale marker of the old task")
        gone.append(leaving)
        del tasks[index]
        standins.control(standins.ecs, "/world", world)
    wait_for_ups(standins, new, gone)
    jobs = {
        series["labels"]["instance"]: series["labels"]["job"]
        for series in standins.control(standins.amp, "/series")
        if series["labels"]["__name__"] == "up"
    }
    assert {jobs[address] for address in new} == {"next"} and "next" not in {jobs[a] for a in old}
    assert failures(agent) == 0
    assert_all_is_well(agent, standins)


@pytest.mark.parametrize("clusters", [["*"], ["demo", "other"]])
def test_a_cluster_that_vanishes_takes_its_targets_along(clusters, make_agent, standins):
    world = world_of(standins)
    demo = world["clusters"][0]
    world["clusters"].append({"name": "other", "tasks": [demo["tasks"].pop()]})
    standins.control(standins.ecs, "/world", world)
    agent = make_agent(configuration(standins, clusters=clusters)).start()
    everywhere = addresses(standins)
    wait_for_ups(standins, everywhere)
    host = world["clusters"].pop()["tasks"][0]["privateIPv4"]
    standins.control(standins.ecs, "/world", world)
    gone = [address for address in everywhere if address.startswith(host + ":")]
    wait_for_ups(standins, set(everywhere) - set(gone), gone)
    if clusters != ["*"]:
        assert agent.log_lines("other.*ClusterNotFoundException|ClusterNotFoundException.*other")
    assert_all_is_well(agent, standins)


def test_managed_instances_and_ipv6_are_found(standins):
    world = world_of(standins)
    cluster, definition = world["clusters"][0], world["definitions"][0]
    world["definitions"].append(definition | {"family": "host", "networkMode": "host"})
    cluster["instances"] = [{"id": "m", "machine": "i-0", "address": "10.9.0.1"}]
    base = cluster["tasks"][0]
    managed = base | {"id": "a" * 32, "launchType": "MANAGED_INSTANCES", "instance": "m"}
    own = managed | {"id": "b" * 32, "privateIPv4": "10.0.0.9"}
    six = base | {"id": "c" * 32, "ipv6": "2001:db8::6"}
    both = base | {"id": "d" * 32, "ipv6": "2001:db8::7", "privateIPv4": "10.0.0.7"}
    del managed["privateIPv4"], six["privateIPv4"]
    cluster["tasks"] = [managed | {"definition": "host:1"}, own, six, both]
    standins.control(standins.ecs, "/world", world)
    port = addresses(standins)[0].rpartition(":")[2]

    def found(**keys):
        entry = {"clusters": ["demo"], "region": REGION, **KEYS, **keys}
        text = json.dumps({"scrape_configs": [{"job_name": "j", "ecs_sd_configs": [entry]}]})
        ended = subprocess.run(
            [program("narthex"), "discover", "--config.file=/dev/stdin", "--format=json"], input=text,
            env=clean_environment(AWS_ENDPOINT_URL=standins.ecs["url"]), capture_output=True, text=True,
            timeout=60,
        )  # fmt: skip
        assert ended.returncode == 0, ended.stderr
        return {t["discoveredLabels"]["__address__"] for t in json.loads(ended.stdout)[0]["targets"]}

    shared = {f"10.9.0.1:{port}", f"10.0.0.9:{port}", f"[2001:db8::6]:{port}"}
    assert found() == shared | {f"10.0.0.7:{port}"}
    assert found(address_family="ipv6") == shared | {f"[2001:db8::7]:{port}"}
    with_port = {address.rpartition(":")[0] + ":9" for address in shared | {"10.0.0.7:1"}}
    assert found(port=9) == with_port


def test_what_never_answers_holds_up_only_what_needs_it(make_agent, standins):
    """The API of one cluster hangs, and so does what tells of machines; all else is there at once."""
    world = world_of(standins)
    demo = world["clusters"][0]
    hung, on_ec2 = demo["tasks"].pop(), demo["tasks"].pop()
    world["definitions"].append(world["definitions"][0] | {"family": "host", "networkMode": "host"})
    demo["instances"] = [{"id": "m", "machine": "i-0", "address": on_ec2["privateIPv4"]}]
    where = {"launchType": "EC2", "instance": "m", "definition": "host:1"}
    demo["tasks"].append({k: v for k, v in on_ec2.items() if k != "privateIPv4"} | where)
    world["clusters"].append({"name": "hung", "tasks": [hung]})
    standins.control(standins.ecs, "/world", world)
    standins.control(standins.ecs, "/fault", {"fault": "hang", "operation": "ListTasks", "cluster": "hung"})
    standins.control(standins.ecs, "/fault", {"fault": "hang", "operation": "DescribeContainerInstances"})
    began = time.monotonic()
    agent = make_agent(configuration(standins, clusters=["hung", "demo"])).start()
    wait_until(lambda: agent.metric("prometheus_sd_discovered_targets") == 2, 20, "two targets")
    assert time.monotonic() - began < 9, "one attempt of a call that hangs takes ten seconds"
    page = agent.get("/")[2].decode()
    assert "cluster hung: no answer yet" in page and "Targets may be missing" in page
    assert agent.stop() == 0


def test_a_call_that_is_refused_from_the_start_is_said_everywhere(make_agent, standins):
    standins.control(standins.ecs, "/fault", {"fault": "accessDenied", "operation": "ListTasks"})
    agent = make_agent(configuration(standins, clusters=["demo"])).start()
    wait_until(lambda: failures(agent) >= 2, 30, "two refreshes that failed")
    assert agent.metric("narthex_sd_ecs_age_seconds", cluster="demo") > 0.5
    page = agent.get("/")[2].decode()
    assert "no target is known" in page and "cluster demo: ECS.ListTasks at http" in page
    assert "allow ecs:ListTasks" in page and "AccessDeniedException" in page
    assert agent.get("/-/ready")[0] == 200
    assert agent.log_lines("no target is known.*demo.*allow ecs:ListTasks")
    assert not agent.log_lines("last good targets")
    standins.control(standins.ecs, "/fault", {"fault": "none", "operation": "ListTasks"})
    wait_for_ups(standins, addresses(standins))
    wait_until(lambda: b"allow ecs:" not in agent.get("/")[2], 20, "a page without the fault")
    assert agent.stop() == 0
