"""The Fargate kit: every form comes to the same container and policies, and its command does its work with
the environment that ECS gives, in a network that has nothing but the stand-ins.
"""

import json
import os
import re
import subprocess
import sys

import boto3
import pytest
import yaml
from moto import mock_aws
from parts import kit
from parts.agent import IS_NARTHEX, program
from parts.process import ROOT, TOOLS

pytestmark = pytest.mark.skipif(not IS_NARTHEX, reason="the kit is Narthex'")

# The buffer on EFS is a variant of three forms: ECS Compose-X has its own x-efs.
VARIANTS = [(form, False) for form in kit.FORMS] + [
    (form, True) for form in ("json", "cloudformation", "terraform")
]


@pytest.mark.parametrize(("form", "has_file_system"), VARIANTS)
def test_every_form_is_the_same_task(form, has_file_system):
    reference, found = kit.of_json(has_file_system), kit.FORMS[form](has_file_system)
    left_to_compose_x = {"logConfiguration", "image"} if form == "compose" else set()
    for key in reference.container.keys() - left_to_compose_x:
        assert found.container[key] == reference.container[key], key
    assert not found.container.keys() - reference.container.keys()
    assert found.volumes == reference.volumes
    assert (found.task["cpu"], found.task["memory"]) == ("256", "512")
    if form != "compose":
        for key in ("networkMode", "requiresCompatibilities", "runtimePlatform"):
            assert found.task[key] == reference.task[key], key
        assert found.execution == reference.execution
    assert found.policies == reference.policies


def test_the_task_is_what_the_image_says():
    container = kit.of_json(False).container
    image = dict(
        line.split(" ", 1) for line in (ROOT / "Dockerfile").read_text().splitlines()
        if line.split(" ", 1)[0] in ("USER", "VOLUME", "HEALTHCHECK", "EXPOSE")
    )  # fmt: skip
    assert container["user"] == image["USER"]
    assert container["mountPoints"][0]["containerPath"] in json.loads(image["VOLUME"])
    assert container["portMappings"][0]["containerPort"] == int(image["EXPOSE"])
    check = json.loads(image["HEALTHCHECK"].partition("CMD ")[2])
    assert container["healthCheck"]["command"] == ["CMD", *check]
    # Fargate's most; sending ends before it.
    flush = int(re.search(r"flush-deadline=(\d+)s", " ".join(container["command"])).group(1))
    assert flush < container["stopTimeout"] == 120


def test_one_parameter_has_no_default():
    parameters = kit.template()["Parameters"]
    assert [name for name, body in parameters.items() if "Default" not in body] == ["Workspace"]
    assert [name for name, body in kit.variables().items() if "default" not in body] == ["workspace"]
    text = (kit.FOLDER / "compose.yml").read_text()
    assert set(re.findall(r"\$\{(\w+)\}", text)) == {"WORKSPACE"}


def test_nothing_is_left_open_that_is_no_placeholder():
    for path in kit.FOLDER.glob("*.json"):
        words = set(re.findall(r"(?<![A-Za-z0-9_:])[A-Z]{6,}(?![A-Za-z_0-9:])", path.read_text()))
        assert words <= kit.NAMES.keys() | {"FARGATE", "LATEST", "ENABLED", "SERVICE"}, path
        json.loads(kit.filled(path.read_text()))


def test_the_template_passes_cfn_lint():
    checked = subprocess.run(
        [TOOLS / "venv/bin/cfn-lint", kit.FOLDER / "cloudformation.yml"],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_templates_subnets_are_those_of_the_default_vpc_or_the_ones_named():
    code = kit.template()["Resources"]["NetworkFunction"]["Properties"]["Code"]["ZipFile"]
    names = {}
    with mock_aws():
        exec(code.replace("import cfnresponse", ""), names)
        before = dict(os.environ)
        os.environ |= {
            "AWS_DEFAULT_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b",
        }  # fmt: skip
        try:
            ec2 = boto3.client("ec2")
            subnets = ec2.describe_subnets()["Subnets"]
            found = names["look"]("")
            assert found["Subnets"].split(",") == sorted(subnet["SubnetId"] for subnet in subnets)
            assert found["Vpc"] == subnets[0]["VpcId"]
            other = ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
            own = ec2.create_subnet(VpcId=other, CidrBlock="10.7.1.0/24")["Subnet"]["SubnetId"]
            assert names["look"](f" {own} ") == {"Subnets": own, "Vpc": other}
            with pytest.raises(ValueError, match="one VPC"):
                names["look"](f"{own},{subnets[0]['SubnetId']}")
        finally:
            os.environ.clear()
            os.environ.update(before)


def image_environment():
    """What the Dockerfile's ENV sets."""
    text = (ROOT / "Dockerfile").read_text()
    return dict(re.findall(r'(NARTHEX_\w+)="([^"]*)"', text))


def in_a_network_of_its_own():
    """The command that gives a network namespace with loopback only; as root no user namespace is needed."""
    return ["unshare", "--net"] if os.getuid() == 0 else ["unshare", "--user", "--map-root-user", "--net"]


@pytest.mark.parametrize("form", kit.FORMS)
def test_the_command_does_its_work_with_the_environment_of_ecs(form, tmp_path):
    found = kit.FORMS[form](False)
    folder = tmp_path / "prometheus"
    folder.mkdir()
    log = tmp_path / "agent.log"
    # The image puts the program onto PATH, and its ENTRYPOINT in front of the command.
    entry = [str(program("narthex"))]
    task = {
        "folder": str(folder), "standins": str(program("narthex-standins")), "log": str(log),
        "workspace": kit.NAMES["WORKSPACE"], "asksFromOutside": True,
        "command": entry + found.container["command"],
        "healthcheck": entry + found.container["healthCheck"]["command"][2:],
        "environment": {"PATH": os.environ["PATH"], **image_environment(), **found.environment},
    }  # fmt: skip
    ended = subprocess.run(
        [*in_a_network_of_its_own(), sys.executable, ROOT / "Tests/Integration/parts/fargate.py"],
        input=json.dumps(task), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    result = json.loads(ended.stdout)
    # 40 exporters and the agent itself.
    assert result["up"] == 41
    assert result["stats"]["signaturesChecked"] > 0 and result["signaturesRefused"] == 0
    assert any(path.startswith("/v2/credentials/") for path in result["asked"])
    assert result["pages"] == "Narthex is Ready.\n"
    assert result["health"]["status"] == 0 and result["health"]["seconds"] < 2
    assert result["exit"] == 0 and result["healthAfter"] == 1
    # Below the working directory, which is the volume.
    assert (folder / "data-agent").is_dir()


def test_the_compose_file_is_yaml_without_surprises():
    text = yaml.safe_load((kit.FOLDER / "compose.yml").read_text())
    assert list(text) == ["x-cluster", "services", "volumes"]
    assert text["services"]["narthex"]["x-aws-max_percent"] == 100
