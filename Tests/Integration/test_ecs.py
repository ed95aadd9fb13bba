"""ecs_sd_configs: running Fargate tasks whose Docker labels say where their exporter is, found and scraped.

moto speaks AWS' wire formats; the stand-ins play what it cannot: pages, sidecars, throttling.
"""

import json
import subprocess

import pytest
from parts.agent import IS_NARTHEX, clean_environment, program
from parts.aws import REGION
from parts.process import free_port, wait_until
from parts.standins import ACCESS_KEY, SECRET_KEY
from parts.write_request import STALE_BITS, value_bits

pytestmark = pytest.mark.skipif(not IS_NARTHEX, reason="Prometheus 2.42 knows no ecs_sd_configs")


def configuration(receiver_url, moto, cluster, **credentials):
    keys = {"access_key": moto.access_key, "secret_key": moto.secret_key} | credentials
    return {
        "global": {"scrape_interval": "500ms", "scrape_timeout": "500ms"},
        "scrape_configs": [
            {
                "job_name": "ecs",
                "ecs_sd_configs": [
                    {
                        "clusters": [cluster],
                        "region": REGION,
                        "endpoint": moto.url,
                        "refresh_interval": "1s",
                        **keys,
                    }
                ],
            }
        ],
        "remote_write": [{"url": receiver_url, "queue_config": {"batch_send_deadline": "200ms"}}],
    }


def newest(receiver, name):
    """{(job, instance): newest value's bits} of a metric in the receiver."""
    found = {}
    for labels, samples in receiver.samples().items():
        named = dict(labels)
        if named["__name__"] == name:
            found[(named["job"], named["instance"])] = samples[-1][1]
    return found


def test_running_fargate_tasks_are_scraped_until_they_stop(make_agent, make_moto, receiver, text_exporter):
    moto = make_moto(verifies=True)
    ecs = moto.client("ecs")
    ecs.create_cluster(clusterName="shop")
    network = moto.make_network()
    ports = {name: free_port() for name in ("cart", "orders")}
    tasks = {
        "cart": moto.run_task("shop", "cart", {"PROMETHEUS_EXPORTER_PORT": str(ports["cart"])}, network),
        "orders": moto.run_task(
            "shop",
            "orders",
            {
                "PROMETHEUS_EXPORTER_PORT": str(ports["orders"]),
                "PROMETHEUS_EXPORTER_PATH": "/inner/metrics",
                "PROMETHEUS_EXPORTER_SCHEME": "http",
                "PROMETHEUS_EXPORTER_JOB_NAME": "orders-job",
            },
            network,
        ),
        "unlabelled": moto.run_task("shop", "unlabelled", {"SOMETHING": "else"}, network),
        "wrong": moto.run_task("shop", "wrong", {"PROMETHEUS_EXPORTER_PORT": "eighty"}, network),
    }
    exporters = {
        name: text_exporter(f'shop_requests_total{{service="{name}"}} 7\n', host=tasks[name][1], port=port)
        for name, port in ports.items()
    }
    agent = make_agent(configuration(receiver.url, moto, "shop")).start()

    expected = {("ecs", exporters["cart"].address), ("orders-job", exporters["orders"].address)}
    wait_until(lambda: newest(receiver, "shop_requests_total").keys() == expected, 20, "scraped tasks")
    assert set(newest(receiver, "shop_requests_total").values()) == {value_bits(7.0)}
    assert newest(receiver, "up") == dict.fromkeys(expected, value_bits(1.0))
    assert agent.log_lines("wrong.*_EXPORTER_PORT is .*eighty.*; it must be a port"), "what cannot be read"
    assert exporters["cart"].last_path == "/metrics"
    assert exporters["orders"].last_path == "/inner/metrics"

    ecs.stop_task(cluster="shop", task=tasks["cart"][0])
    gone = ("ecs", exporters["cart"].address)
    wait_until(
        lambda: newest(receiver, "shop_requests_total")[gone] == STALE_BITS, 20, "stale marker of the task"
    )
    assert newest(receiver, "up")[gone] == STALE_BITS
    assert newest(receiver, "shop_requests_total")[
        ("orders-job", exporters["orders"].address)
    ] == value_bits(7.0)
    assert agent.stop() == 0


def test_a_cluster_that_does_not_exist_is_said_and_survived(make_agent, make_moto, receiver, text_exporter):
    moto = make_moto()
    beside = text_exporter("beside 1\n")
    wanted = configuration(receiver.url, moto, "nowhere")
    wanted["scrape_configs"].append(
        {"job_name": "beside", "static_configs": [{"targets": [beside.address]}]}
    )
    agent = make_agent(wanted).start()
    wait_until(
        lambda: agent.log_lines(r"ClusterNotFound.*nowhere|nowhere.*ClusterNotFound|nowhere.*not found"),
        20,
        "log line that names the missing cluster",
    )
    wait_until(
        lambda: agent.metric("prometheus_sd_refresh_failures_total", mechanism="ecs") >= 2,
        20,
        "second failure",
    )
    wait_until(lambda: newest(receiver, "beside"), 20, "samples of the target beside")
    assert agent.stop() == 0


def standins_configuration(standins):
    keys = {"access_key": ACCESS_KEY, "secret_key": SECRET_KEY}
    return {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
        "scrape_configs": [
            {
                "job_name": "ecs",
                "ecs_sd_configs": [
                    {
                        "clusters": ["demo"],
                        "region": REGION,
                        "endpoint": standins.ecs["url"],
                        "refresh_interval": "1s",
                        **keys,
                    }
                ],
            }
        ],
        "remote_write": [
            {
                "url": standins.amp["url"],
                "sigv4": {"region": REGION, **keys},
                "queue_config": {"batch_send_deadline": "200ms"},
            }
        ],
    }


def test_pages_sidecars_throttling_and_tasks_that_go(make_agent, make_standins):
    standins = make_standins(
        "--exporters=7", "--series=50", "--addressing=addresses", "--tasks-each=3", "--page-limit=2",
        "--ecs-port=0", "--amp-port=0", "--keep-history",
    )  # fmt: skip
    everywhere = {place["address"] for place in standins.exporters}
    assert len(everywhere) == 7
    agent = make_agent(standins_configuration(standins)).start()
    wait_until(lambda: standins.ups().keys() == everywhere, 30, "a report of each of the seven tasks")
    wait_until(lambda: float(min(standins.ups().values())) == 1, 20, "up of 1 everywhere")
    jobs = standins.control(standins.amp, "/stats")["jobs"]
    assert jobs.keys() == {"service-0", "service-1", "service-2"}

    # Throttled, the last good targets stay and are scraped on.
    standins.control(
        standins.ecs, "/fault", {"fault": "throttling", "operation": "ListTasks", "calls": 1000}
    )
    wait_until(
        lambda: agent.metric("prometheus_sd_refresh_failures_total", mechanism="ecs") >= 1,
        20,
        "throttled round",
    )
    before = standins.control(standins.amp, "/stats")["samples"]
    wait_until(
        lambda: standins.control(standins.amp, "/stats")["samples"] > before + 7 * 50 * 2,
        20,
        "two more scrapes",
    )
    assert standins.ups() == dict.fromkeys(everywhere, "1.0")
    standins.control(standins.ecs, "/fault", {"fault": "none", "operation": "ListTasks"})

    # One task stops, one comes that has no address yet.
    world = standins.control(standins.ecs, "/world")
    tasks = world["clusters"][0]["tasks"]
    gone = tasks.pop(0)
    tasks.append(gone | {"id": "f" * 32, "lastStatus": "PENDING"})
    del tasks[-1]["privateIPv4"]
    standins.control(standins.ecs, "/world", world)
    stopped = next(address for address in everywhere if address.startswith(gone["privateIPv4"] + ":"))
    wait_until(lambda: standins.ups()[stopped] == "stale", 30, "stale marker of the stopped task")
    assert sum(1 for value in standins.ups().values() if value == "stale") == 1

    ecs = standins.control(standins.ecs, "/stats")
    amp = standins.control(standins.amp, "/stats")
    assert ecs["signaturesChecked"] > 0 and ecs["signaturesRefused"] == 0
    assert amp["signaturesChecked"] == amp["requests"] and amp["signaturesRefused"] == 0
    for fault in ("malformed", "labelFaults", "conflicts", "outOfOrder", "tooOld", "tooNew", "duplicates"):
        assert amp[fault] == 0, f"{fault}: {amp}"
    assert agent.stop() == 0


def test_tasks_on_instances_are_at_their_instances_address(
    make_agent, make_moto, receiver, text_exporter
):
    """moto's ECS, EC2 and signature checks: DescribeContainerInstances and DescribeInstances by wire."""
    moto = make_moto(verifies=True)
    ecs, ec2 = moto.client("ecs"), moto.client("ec2")
    ecs.create_cluster(clusterName="shop")
    subnet, _ = moto.make_network()
    address, port = "127.0.0.50", free_port()
    instance = ec2.run_instances(
        ImageId="ami-12c6146b", MinCount=1, MaxCount=1, SubnetId=subnet, PrivateIpAddress=address
    )["Instances"][0]["InstanceId"]
    document = {"instanceId": instance, "region": REGION, "privateIp": address, "version": "2010-08-31"}
    ecs.register_container_instance(cluster="shop", instanceIdentityDocument=json.dumps(document))
    ecs.register_task_definition(
        family="node",
        networkMode="host",
        requiresCompatibilities=["EC2"],
        containerDefinitions=[
            {
                "name": "app",
                "image": "app:1",
                "memory": 128,
                "cpu": 10,
                "dockerLabels": {"PROMETHEUS_EXPORTER_PORT": str(port)},
            }
        ],
    )
    task = ecs.run_task(cluster="shop", taskDefinition="node", launchType="EC2", count=1)["tasks"][0]
    assert task["containerInstanceArn"]
    text_exporter("node_up 1\n", host=address, port=port)
    agent = make_agent(
        configuration(receiver.url, moto, "shop"), environment={"AWS_ENDPOINT_URL": moto.url}
    ).start()
    wait_until(
        lambda: newest(receiver, "up").get(("ecs", f"{address}:{port}")) == value_bits(1.0),
        20,
        "scraped task at its instance's address",
    )
    assert agent.metric("narthex_sd_aws_calls_total", operation="DescribeInstances") == 1
    assert agent.stop() == 0


def test_public_addresses_are_those_of_ec2(make_moto, tmp_path):
    """moto's EC2 and signature checks: DescribeNetworkInterfaces by wire, an elastic address on a task's
    interface.
    """
    moto = make_moto(verifies=True)
    ecs, ec2 = moto.client("ecs"), moto.client("ec2")
    ecs.create_cluster(clusterName="shop")
    network = moto.make_network()
    labels = {"PROMETHEUS_EXPORTER_PORT": "9100"}
    arn, _ = moto.run_task("shop", "public", labels, network)
    moto.run_task("shop", "private", labels, network)
    (task,) = ecs.describe_tasks(cluster="shop", tasks=[arn])["tasks"]
    details = {d["name"]: d["value"] for a in task["attachments"] for d in a["details"]}
    address = ec2.allocate_address(Domain="vpc")
    ec2.associate_address(
        AllocationId=address["AllocationId"], NetworkInterfaceId=details["networkInterfaceId"]
    )
    keys = {"access_key": moto.access_key, "secret_key": moto.secret_key, "region": REGION}
    rules = [{"source_labels": ["__meta_ecs_public_ip"], "target_label": "public"}]
    job = {"job_name": "j", "ecs_sd_configs": [{"clusters": ["shop"], **keys}], "relabel_configs": rules}
    file = tmp_path / "narthex.yml"
    file.write_text(json.dumps({"scrape_configs": [job]}))
    shown = subprocess.run(
        [program("narthex"), "discover", f"--config.file={file}", "--format=json"],
        env=clean_environment(AWS_ENDPOINT_URL=moto.url), capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert shown.returncode == 0, shown.stderr
    (found,) = json.loads(shown.stdout)
    public = {
        target["discoveredLabels"]["__meta_ecs_service"]: target["labels"].get("public")
        for target in found["targets"]
    }
    assert public == {"public": address["PublicIp"], "private": None}
