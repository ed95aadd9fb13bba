"""ec2_sd_configs: moto's EC2 with signature checks, beside Debian's Prometheus, which asks the same moto."""

import json
import re
import subprocess
import urllib.request

import pytest
import yaml
from parts.agent import IS_NARTHEX, ROOT, clean_environment, program
from parts.aws import REGION
from parts.process import free_port, wait_until

pytestmark = pytest.mark.skipif(not IS_NARTHEX, reason="the oracle stands beside the agent")

# What Prometheus 2.42 does not have yet.
NEWER = {"__meta_ec2_default_ipv6_address", "__meta_ec2_primary_ipv6_addresses"}


class Region:
    """Instances in two subnets of a VPC: one with tags and a public address, three of a kind, one that was
    stopped, one of the spot market with a second interface, a Windows one, and one that was terminated, which
    keeps its address in moto.
    """

    def __init__(self, moto):
        self.moto = moto
        self.ec2 = moto.client("ec2")
        vpc = self.ec2.create_vpc(CidrBlock="127.0.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]
        self.vpc = vpc["VpcId"]
        self.ec2.modify_vpc_attribute(VpcId=self.vpc, EnableDnsHostnames={"Value": True})
        block = self.ec2.describe_vpcs(VpcIds=[self.vpc])["Vpcs"][0]["Ipv6CidrBlockAssociationSet"][0]
        prefix = block["Ipv6CidrBlock"].split("/")[0]
        self.subnets = [
            self.ec2.create_subnet(
                VpcId=self.vpc, CidrBlock=f"127.0.{number}.0/24", AvailabilityZone=f"{REGION}{zone}", **more
            )["Subnet"]["SubnetId"]
            for number, (zone, more) in enumerate(
                [("a", {}), ("b", {"Ipv6CidrBlock": f"{prefix}/64"})]
            )
        ]
        images = self.ec2.describe_images()["Images"]
        self.linux, windows = (
            next(image["ImageId"] for image in images if image.get("Platform") == platform)
            for platform in (None, "windows")
        )
        public = self.run(tags={"Name": "node & one", "aws:team/a": "shop", "empty": "", "Team": "shop"})
        address = self.ec2.allocate_address(Domain="vpc")
        self.ec2.associate_address(AllocationId=address["AllocationId"], InstanceId=public)
        self.run(count=3, tags={"Team": "cart"})
        self.stopped = self.run(subnet=1, tags={"Team": "shop"})
        self.ec2.stop_instances(InstanceIds=[self.stopped])
        spot = self.run(InstanceMarketOptions={"MarketType": "spot"}, InstanceType="m5.large")
        second = self.ec2.create_network_interface(SubnetId=self.subnets[1])["NetworkInterface"]
        self.ec2.attach_network_interface(
            DeviceIndex=1, InstanceId=spot, NetworkInterfaceId=second["NetworkInterfaceId"]
        )
        self.run(image=windows, subnet=1, Ipv6AddressCount=2)
        gone = self.run()
        self.ec2.terminate_instances(InstanceIds=[gone])

    def run(self, image=None, subnet=0, count=1, tags=(), **more):
        pairs = [{"Key": key, "Value": value} for key, value in dict(tags).items()]
        if pairs:
            more["TagSpecifications"] = [{"ResourceType": "instance", "Tags": pairs}]
        where = {"ImageId": image or self.linux, "SubnetId": self.subnets[subnet]}
        made = self.ec2.run_instances(MinCount=count, MaxCount=count, **where, **more)
        return made["Instances"][0]["InstanceId"]

    def keys(self, **more):
        moto = self.moto
        keys = {"access_key": moto.access_key, "secret_key": moto.secret_key}
        return {"region": REGION, "endpoint": moto.url, "port": 9100} | keys | more

    def expected(self, port=9100):
        """{instance: labels} as Prometheus 3.14 makes them of what boto reads."""
        zones = self.ec2.describe_availability_zones()["AvailabilityZones"]
        ids = {zone["ZoneName"]: zone["ZoneId"] for zone in zones}
        pages = self.ec2.get_paginator("describe_instances").paginate()
        found = {}
        for reservation in (one for page in pages for one in page["Reservations"]):
            for instance in reservation["Instances"]:
                labels = self.labels(instance, reservation["OwnerId"], ids, port)
                if labels:
                    found[instance["InstanceId"]] = {k: v for k, v in labels.items() if v}
        return found

    @staticmethod
    def labels(instance, owner, ids, port):
        address = instance.get("PrivateIpAddress")
        if not address:
            return None
        interfaces = [one for one in instance["NetworkInterfaces"] if one.get("SubnetId")]
        ipv6 = [one["Ipv6Address"] for interface in interfaces for one in interface["Ipv6Addresses"]]
        subnets = dict.fromkeys(one["SubnetId"] for one in interfaces)
        public = instance.get("PublicIpAddress")
        own = {
            "ami": instance["ImageId"], "architecture": instance["Architecture"],
            "availability_zone": instance["Placement"]["AvailabilityZone"],
            "availability_zone_id": ids[instance["Placement"]["AvailabilityZone"]],
            "default_ipv6_address": ipv6[0] if ipv6 else "", "instance_id": instance["InstanceId"],
            "instance_lifecycle": instance.get("InstanceLifecycle"),
            "instance_state": instance["State"]["Name"], "instance_type": instance["InstanceType"],
            "ipv6_addresses": f",{','.join(ipv6)}," if ipv6 else "", "owner_id": owner,
            "platform": instance.get("Platform"), "primary_subnet_id": instance["SubnetId"],
            "private_dns_name": instance["PrivateDnsName"], "private_ip": address,
            "public_dns_name": instance["PublicDnsName"] if public else "", "public_ip": public,
            "region": REGION, "subnet_id": f",{','.join(subnets)},", "vpc_id": instance["VpcId"],
        }  # fmt: skip
        for tag in instance.get("Tags", []):
            own["tag_" + re.sub(r"[^a-zA-Z0-9_]", "_", tag["Key"])] = tag["Value"]
        named = {f"__meta_ec2_{name}": value for name, value in own.items()}
        return named | {"__address__": f"{address}:{port}"}


@pytest.fixture
def region(make_moto):
    return Region(make_moto(verifies=True))


def discover(folder, jobs, *flags, environment=None):
    file = folder / "narthex.yml"
    file.write_text(yaml.safe_dump({"scrape_configs": jobs}))
    return subprocess.run(
        [program("narthex"), "discover", f"--config.file={file}", *flags],
        env=clean_environment(**(environment or {})), capture_output=True, text=True, timeout=60,
    )  # fmt: skip


def found_by(shown):
    """{job: {instance: labels of the discovery}}."""
    assert shown.returncode == 0, shown.stderr
    return {job["job"]: by_instance(job["targets"]) for job in json.loads(shown.stdout)}


def by_instance(targets):
    found = {}
    for target in targets:
        labels = {
            name: value for name, value in target["discoveredLabels"].items()
            if name == "__address__" or name.startswith("__meta_")
        }  # fmt: skip
        found[labels["__meta_ec2_instance_id"]] = labels
    assert len(found) == len(targets)
    return found


def test_instances_have_the_targets_and_labels_that_prometheus_gives_them(
    region, make_prometheus, tmp_path
):
    expected = region.expected()
    assert len(expected) == 8
    for name, count in {
        "public_ip": 1, "instance_lifecycle": 1, "platform": 1, "ipv6_addresses": 1, "tag_aws_team_a": 1,
        "tag_Team": 5, "tag_empty": 0, "availability_zone_id": 8,
    }.items():  # fmt: skip
        assert sum(f"__meta_ec2_{name}" in labels for labels in expected.values()) == count, name
    states = {labels["__meta_ec2_instance_state"] for labels in expected.values()}
    assert states == {"running", "stopped", "terminated"}
    assert any(labels["__meta_ec2_subnet_id"].count(",") == 3 for labels in expected.values())

    filters = [{"name": "tag:Team", "values": ["shop", "other"]}]
    running = filters + [{"name": "instance-state-name", "values": ["running"]}]
    entries = {
        "all": {"ec2_sd_configs": [region.keys()]},
        "shop": {"ec2_sd_configs": [region.keys(filters=filters)]},
    }
    jobs = [{"job_name": name, "scrape_interval": "1h"} | entry for name, entry in entries.items()]
    ours = found_by(
        discover(
            tmp_path,
            [
                *jobs,
                {"job_name": "role", "aws_sd_configs": [{"role": "ec2"} | region.keys(filters=running)]},
            ],
            "--format=json",
        )
    )
    assert ours["all"] == expected
    shop = {i: labels for i, labels in expected.items() if labels.get("__meta_ec2_tag_Team") == "shop"}
    assert len(shop) == 2 and ours["shop"] == shop
    assert ours["role"] == {i: labels for i, labels in shop.items() if i != region.stopped}

    # A file for another Prometheus has every label, too.
    file = tmp_path / "targets.json"
    done = discover(tmp_path, jobs[:1], f"--write-to={file}", "--config.scrape-times=1")
    assert done.returncode == 0, done.stderr
    assert {
        group["labels"]["__meta_ec2_instance_id"]: group["labels"] | {"__address__": group["targets"][0]}
        for group in json.loads(file.read_text())
    } == expected

    # The same jobs in Prometheus: what it has, it has as we have it.
    oracle = make_prometheus()
    oracle.stop()
    (oracle.folder / "prometheus.yml").write_text(yaml.safe_dump({"scrape_configs": jobs}))
    oracle.start()

    def theirs():
        with urllib.request.urlopen(f"http://127.0.0.1:{oracle.port}/api/v1/targets", timeout=5) as answer:
            active = json.load(answer)["data"]["activeTargets"]
        return {name: by_instance([t for t in active if t["scrapePool"] == name]) for name in entries}

    wait_until(lambda: all(theirs().values()), 30, "targets of Prometheus")
    for name, found in theirs().items():
        assert found.keys() == ours[name].keys()
        for instance, labels in found.items():
            have = {label: value for label, value in ours[name][instance].items() if label not in NEWER}
            assert set(labels.items()) ^ set(have.items()) == set()


def test_targets_are_scraped_and_a_failure_keeps_them(region, make_agent, receiver, text_exporter):
    port = free_port()
    addresses = sorted(labels["__meta_ec2_private_ip"] for labels in region.expected().values())
    for address in addresses[:2]:
        text_exporter("node_up 1\n", host=address, port=port)
    keys = region.keys(port=port, refresh_interval="1s")
    rules = [{"source_labels": ["__meta_ec2_instance_id"], "target_label": "id"}]
    job = {"ec2_sd_configs": [keys], "relabel_configs": rules}
    agent = make_agent(
        {
            "global": {"scrape_interval": "500ms", "scrape_timeout": "500ms"},
            "scrape_configs": [{"job_name": "node"} | job, {"job_name": "same"} | job],
            "remote_write": [{"url": receiver.url, "queue_config": {"batch_send_deadline": "200ms"}}],
        }
    ).start()

    def calls(operation):
        return agent.metric("narthex_sd_aws_calls_total", service="ec2", operation=operation)

    def scraped():
        ids = {dict(labels).get("id") for labels in receiver.samples() if dict(labels)["job"] == "node"}
        return len(ids)

    wait_until(lambda: scraped() == 8, 30, "samples of eight instances")
    assert agent.metric("prometheus_sd_discovered_targets", config="node") == 8
    # A reading is three pages of three reservations at most, and both jobs share it; zones are read once.
    wait_until(lambda: calls("DescribeInstances") >= 9, 30, "three readings")
    assert calls("DescribeAvailabilityZones") == 1

    region.moto.process.kill()
    failures = {"config": "node", "mechanism": "ec2"}
    wait_until(
        lambda: agent.metric("prometheus_sd_refresh_failures_total", **failures) >= 1, 60, "a failed refresh"
    )
    assert agent.metric("prometheus_sd_discovered_targets", config="node") == 8
    assert agent.log_lines("EC2 could not be asked; the last good targets stay")
    page = agent.get("/")[2].decode()
    assert "EC2.DescribeInstances" in page and region.moto.secret_key not in page + agent.log_text()
    assert agent.stop() == 0


def test_the_policy_is_what_discovery_needs(region, tmp_path):
    def shown(role, **keys):
        session = region.moto.session(role)
        environment = {
            "AWS_ACCESS_KEY_ID": session["AccessKeyId"], "AWS_SESSION_TOKEN": session["Token"],
            "AWS_SECRET_ACCESS_KEY": session["SecretAccessKey"], "AWS_ENDPOINT_URL": region.moto.url,
        }  # fmt: skip
        job = {"job_name": "j", "ec2_sd_configs": [{"region": REGION, "port": 9100} | keys]}
        return discover(tmp_path, [job], "--format=json", environment=environment)

    expected = region.expected()
    whole = region.moto.make_role("whole", "ec2-instances", "assume-role")
    assert found_by(shown(whole))["j"] == expected

    # DescribeInstances alone: targets without one label, which is said. The role is in use or assumed.
    part = region.moto.make_role("part", "ecs-instances")
    for labels in expected.values():
        del labels["__meta_ec2_availability_zone_id"]
    for keys in ({"role": part}, {"role": whole, "role_arn": part, "external_id": "x"}):
        partly = shown(**keys)
        assert found_by(partly)["j"] == expected
        assert "allow ec2:DescribeAvailabilityZones" in partly.stderr


def test_the_page_lists_every_label():
    page = (ROOT / "docs/ec2-discovery.md").read_text()
    listed = re.findall(r"^\| `__meta_ec2_([a-z0-9_]+)(?:<key>)?` \|", page, re.MULTILINE)
    source = (ROOT / "Sources/Discovery/EC2/EC2Labels.swift").read_text()
    made = re.findall(r'\bset(?:List)?\("([a-z0-9_]+?)(?:\\\(.*?\))?",', source)
    assert listed == sorted(set(made)) and len(listed) == 22


def test_without_a_region_nothing_is_asked(tmp_path):
    refused = discover(tmp_path, [{"job_name": "j", "aws_sd_configs": [{"role": "ec2"}]}])
    assert refused.returncode == 2
    assert "job j: ec2_sd_configs has no AWS region: set region, or AWS_REGION" in refused.stderr
