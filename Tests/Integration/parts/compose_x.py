"""Renders config/fargate/compose.yml with ECS Compose-X itself, against moto: run as a program, since it
changes botocore, it prints {file: template} as JSON.

    WORKSPACE=ws-… IMAGE=… python3 compose_x.py
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[3] / "config/fargate"
REGION, CLUSTER = "eu-west-1", "default"
# Not the service's: the templates of both are files of their names in one folder.
STACK = "monitoring"


def rendered(**variables):
    """{file: template}. The cluster has the capacity provider that the page asks for, the network its tag."""
    environment = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", **variables}
    ended = subprocess.run(
        [sys.executable, __file__], env=environment, capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr[-3000:]
    return json.loads(ended.stdout)


def stand_in_for_what_moto_lacks(cluster):
    """Cloud Control, by which Compose-X asks for a cluster, and a check of templates without a stack."""
    import botocore.client

    call = botocore.client.BaseClient._make_api_call

    def answer(self, operation, arguments):
        if operation == "GetResource" and self.meta.service_model.service_name == "cloudcontrol":
            properties = {
                "ClusterName": CLUSTER, "Arn": cluster["clusterArn"], "CapacityProviders": ["FARGATE"],
            }  # fmt: skip
            return {
                "TypeName": arguments["TypeName"],
                "ResourceDescription": {
                    "Identifier": arguments["Identifier"], "Properties": json.dumps(properties),
                },
            }  # fmt: skip
        if operation == "ValidateTemplate":
            return {"Capabilities": []}
        return call(self, operation, arguments)

    botocore.client.BaseClient._make_api_call = answer


def main():
    # It logs to standard output.
    answer, sys.stdout = sys.stdout, sys.stderr
    os.environ |= {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": REGION}
    import boto3
    from moto import mock_aws

    with mock_aws(), tempfile.TemporaryDirectory() as folder:
        cluster = boto3.client("ecs").create_cluster(clusterName=CLUSTER)["cluster"]
        ec2 = boto3.client("ec2")
        network = [ec2.describe_vpcs()["Vpcs"][0]["VpcId"]]
        network += [subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"]]
        ec2.create_tags(Resources=network, Tags=[{"Key": "narthex", "Value": "agent"}])
        stand_in_for_what_moto_lacks(cluster)
        from ecs_composex.cli import main as compose_x

        sys.argv = [
            "ecs-compose-x", "render", "-n", STACK, "-b", "bucket", "-d", folder,
            "-f", str(FOLDER / "compose.yml"),
        ]  # fmt: skip
        compose_x()
        made = {path.name: json.loads(path.read_text()) for path in Path(folder).glob("*.json")}
        answer.write(json.dumps({name: body for name, body in made.items() if "Resources" in body}))


if __name__ == "__main__":
    main()
