"""moto as AWS: the wire formats of ECS, IAM and EC2, and signatures verified by code that is not ours."""

import json
import sys
import urllib.request
from pathlib import Path

import botocore.config
import botocore.session

from .agent import clean_environment
from .process import ROOT, ChildProcess, free_port, wait_until

REGION = "eu-west-1"
# What a role of `make_role` may read, where a policy speaks of a bucket.
BUCKET = "shop-config"
_POLICIES = ROOT / "config/iam"
_SERVER = Path(__file__).with_name("moto_server.py")
# moto lets this many calls through unverified: the three that make a user, its key and its policy.
_CALLS_BEFORE_VERIFYING = 3


class Moto:
    """With `verifies`, every call after the first three must be signed by a key that exists, and be
    allowed.
    """

    def __init__(self, log, verifies=False):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.access_key, self.secret_key = "AKIAUNVERIFIED000000", "unverified-secret"
        self.verifies = verifies
        extra = {"INITIAL_NO_AUTH_ACTION_COUNT": str(_CALLS_BEFORE_VERIFYING)} if verifies else {}
        self.process = ChildProcess(
            "moto",
            [sys.executable, _SERVER, "-H", "127.0.0.1", "-p", str(self.port)],
            log,
            clean_environment(**extra),
        )

    def start(self):
        self.process.start()
        wait_until(self._is_up, 60, "answering moto server")
        if self.verifies:
            self._make_user()
        self._hold_tasks_running()
        return self

    def _is_up(self):
        assert self.process.is_running(), "moto ended: see its log"
        try:
            with urllib.request.urlopen(f"{self.url}/moto-api/data.json", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def client(self, service, access_key=None, secret_key=None):
        return botocore.session.Session().create_client(
            service,
            region_name=REGION,
            endpoint_url=self.url,
            aws_access_key_id=access_key or self.access_key,
            aws_secret_access_key=secret_key or self.secret_key,
            config=botocore.config.Config(retries={"max_attempts": 0}, proxies={}),
        )

    def _make_user(self):
        iam = self.client("iam")
        iam.create_user(UserName="tester")
        key = iam.create_access_key(UserName="tester")["AccessKey"]
        policy = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
        }
        iam.put_user_policy(UserName="tester", PolicyName="all", PolicyDocument=json.dumps(policy))
        self.access_key, self.secret_key = key["AccessKeyId"], key["SecretAccessKey"]

    def make_role(self, name, *policies):
        """The ARN of a role with these policies of config/iam. moto holds actions to them, and keys of S3; it
        knows neither the conditions nor what other calls are about.
        """
        iam = self.client("iam")
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
        for policy in policies:
            text = json.loads((_POLICIES / f"{policy}.json").read_text())
            for statement in text["Statement"]:
                statement.pop("Condition", None)
                is_object = "BUCKET" in statement["Resource"]
                statement["Resource"] = f"arn:aws:s3:::{BUCKET}/*" if is_object else "*"
            iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=json.dumps(text))
        return arn

    def session(self, role_arn):
        """Temporary credentials of a role that IAM knows, as a metadata service hands them out."""
        found = self.client("sts").assume_role(RoleArn=role_arn, RoleSessionName="machine")["Credentials"]
        return {
            "AccessKeyId": found["AccessKeyId"],
            "SecretAccessKey": found["SecretAccessKey"],
            "Token": found["SessionToken"],
        }

    def _hold_tasks_running(self):
        """Else each DescribeTasks moves a task one state on, towards STOPPED."""
        body = {"model_name": "ecs::task", "transition": {"progression": "manual", "times": 1000000}}
        request = urllib.request.Request(
            f"{self.url}/moto-api/state-manager/set-transition",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 201, answer.status

    def make_network(self):
        """(subnet, security group): RunTask of moto wants both, in a VPC with DNS host names."""
        ec2 = self.client("ec2")
        vpc = ec2.create_vpc(CidrBlock="127.0.0.0/16")["Vpc"]["VpcId"]
        ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="127.0.0.0/24")["Subnet"]["SubnetId"]
        group = ec2.create_security_group(GroupName="tasks", Description="tasks", VpcId=vpc)["GroupId"]
        return subnet, group

    def run_task(self, cluster, family, docker_labels, network, container="app"):
        """(task ARN, private address) of a Fargate task with one container."""
        ecs = self.client("ecs")
        ecs.register_task_definition(
            family=family,
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="256",
            memory="512",
            containerDefinitions=[
                {"name": container, "image": "app:1", "memory": 256, "dockerLabels": docker_labels}
            ],
        )
        subnet, group = network
        task = ecs.run_task(
            cluster=cluster,
            taskDefinition=family,
            launchType="FARGATE",
            count=1,
            group=f"service:{family}",
            networkConfiguration={"awsvpcConfiguration": {"subnets": [subnet], "securityGroups": [group]}},
        )["tasks"][0]
        details = {d["name"]: d["value"] for a in task["attachments"] for d in a["details"]}
        return task["taskArn"], details["privateIPv4Address"]
