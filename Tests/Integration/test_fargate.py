"""The Fargate kit: what its forms come to is compared, and their commands do their work with the environment
that ECS gives, in a network that has nothing but the stand-ins.
"""

import json
import os
import re
import subprocess
import sys

import boto3
import botocore.session
import pytest
from botocore import xform_name
from moto import mock_aws
from parts import kit, terraform
from parts.agent import IS_NARTHEX, program
from parts.process import ROOT, TOOLS

pytestmark = pytest.mark.skipif(not IS_NARTHEX, reason="the kit is Narthex'")

# The buffer on EFS is a variant of three forms: ECS Compose-X has its own x-efs.
VARIANTS = [(form, has) for form in ("json", "cloudformation", "terraform") for has in (False, True)]


@pytest.mark.parametrize(("form", "has_file_system"), VARIANTS)
def test_these_forms_are_the_same_in_everything(form, has_file_system):
    reference, found = kit.of_json(has_file_system), kit.FORMS[form](has_file_system)
    assert found.container == reference.container
    assert found.volumes == reference.volumes
    for key in ("cpu", "memory", "networkMode", "requiresCompatibilities", "runtimePlatform"):
        assert found.task[key] == reference.task[key], key
    assert found.service == reference.service
    assert found.policies == reference.policies
    assert found.documents == reference.documents
    assert found.extras == reference.extras


def test_what_is_compared_is_right_in_itself():
    found = kit.of_json(True)
    assert found.task["cpu"] == "256" and found.task["memory"] == "512"
    deployment = found.service["deploymentConfiguration"]
    assert (deployment["minimumHealthyPercent"], deployment["maximumPercent"]) == (0, 100)
    owner = {"OwnerUid": "65534", "OwnerGid": "65534", "Permissions": "0755"}
    assert found.extras["accessPoint"] == {
        "user": {"Uid": "65534", "Gid": "65534"}, "path": "/narthex", "owner": owner,
    }  # fmt: skip
    assert found.extras["fileSystemLetsIn"] == {
        "group": kit.NAMES["MOUNTTARGETS"], "from": kit.NAMES["SECURITYGROUP"], "port": 2049,
        "protocol": "tcp",
    }  # fmt: skip
    assert found.extras["logDays"] == 30
    (trust,) = found.documents["trust"]["Statement"]
    (execution,) = found.documents["executionTrust"]["Statement"]
    assert trust["Condition"]["StringEquals"] == {"aws:SourceAccount": kit.NAMES["ACCOUNT"]}
    assert "Condition" not in execution


@pytest.mark.parametrize("form", ["cloudformation", "terraform"])
def test_an_image_that_is_named_may_be_in_any_repository(form):
    found = kit.FORMS[form](False, image=kit.OWN_IMAGE)
    assert found.container["image"] == kit.OWN_IMAGE

    def pulled(documents):
        found = {entry["Sid"]: entry["Resource"] for entry in documents["execution"]["Statement"]}
        return found["PullTheImage"]

    assert pulled(found.documents) == ["*"]
    assert pulled(kit.FORMS[form](False).documents) == [f"arn:aws:ecr:{kit.PLACE}:repository/narthex"]


def test_compose_x_makes_the_same_task_but_for_what_the_page_says():
    reference, found = kit.of_json(False), kit.of_compose()
    container, other = found.container, reference.container
    # Its own: the image, which has no default here; labels, and a name for the port.
    assert container.pop("image") == kit.OWN_IMAGE
    assert container.pop("dockerLabels") and container["portMappings"][0].pop("name")
    assert container.pop("secrets") == []
    # It knows no way to drop capabilities on Fargate, and waits for the log.
    assert container.pop("linuxParameters") == {"capabilities": {}} != other["linuxParameters"]
    log = container.pop("logConfiguration")
    assert log["logDriver"] == "awslogs" and "mode" not in log["options"]
    assert container["mountPoints"][0].pop("readOnly") is False
    for key in other.keys() - {"image", "linuxParameters", "logConfiguration"}:
        assert container.pop(key) == other[key], key
    assert not container
    assert found.volumes == reference.volumes
    for key in ("cpu", "memory", "networkMode", "requiresCompatibilities", "runtimePlatform"):
        assert found.task[key] == reference.task[key], key
    assert found.policies == reference.policies
    deployment = found.service["deploymentConfiguration"]
    assert deployment == reference.service["deploymentConfiguration"]
    assert found.service["cluster"] == reference.service["cluster"]
    network = found.service["networkConfiguration"]["awsvpcConfiguration"]
    assert network["assignPublicIp"] == "ENABLED" and len(network["subnets"]) == 3
    (provider,) = found.service["capacityProviderStrategy"]
    assert provider["capacityProvider"] == "FARGATE"
    assert found.extras["logDays"] == 30


def test_compose_x_makes_no_network_of_its_own():
    """In a VPC of its own the agent would reach no exporter."""
    made = kit.compose_templates()
    assert set(made) == {"monitoring.json", "narthex.json", "iam.json", "ServicesNetworking.json"}
    kinds = {body["Type"] for template in made.values() for body in template["Resources"].values()}
    assert not {kind for kind in kinds if kind.startswith("AWS::EC2::")} - {"AWS::EC2::SecurityGroup"}
    # As the page names the group; it lets nothing in.
    values = {"RootStackName": kit.compose_x.STACK, "AWS::StackName": "nested"}
    group = kit.Stack(made["ServicesNetworking.json"], values, {}).properties("narthexSG")
    tags = {tag["Key"]: tag["Value"] for tag in group["Tags"]}
    assert tags["Name"] == "narthex-monitoring" and not group.get("SecurityGroupIngress")


def test_the_commands_of_the_page_are_of_the_aws_command_line():
    session = botocore.session.get_session()
    for words in kit.commands():
        service, operation = words[1:3]
        if (service, operation) in {("ecr", "get-login-password"), ("cloudformation", "deploy")}:
            continue
        model = session.get_service_model(service)
        name = "".join(part.capitalize() for part in operation.split("-"))
        (name,) = [known for known in model.operation_names if known.lower() == name.lower()]
        members = {xform_name(member, "-") for member in model.operation_model(name).input_shape.members}
        # Of the command line itself.
        others = {"--cli-input-json", "--output", "--query", "--protocol", "--port", "--source-group"}
        given = {word for word in words[3:] if word.startswith("--")}
        assert {word[2:] for word in given - others} <= members, words
        for word in words:
            if word.startswith("file://"):
                assert (kit.FOLDER / word.removeprefix("file://")).is_file(), word


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
    parameters, variables = kit.template()["Parameters"], terraform.blocks()["variable"]
    assert [name for name, body in parameters.items() if "Default" not in body] == ["Workspace"]
    assert [name for name, body in variables.items() if "default" not in body] == ["workspace"]
    text = (kit.FOLDER / "compose.yml").read_text()
    # Nor has the image in this form, which Compose-X cannot give one.
    assert set(re.findall(r"\$\{(\w+)\}", text)) == {"WORKSPACE", "IMAGE"}


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
    if form == "json":
        # As docs/doctor.md says: the command with doctor in the place of run.
        task["doctor"] = entry + ["doctor", *found.container["command"][1:]]
    ended = subprocess.run(
        [*in_a_network_of_its_own(), sys.executable, ROOT / "Tests/Integration/parts/fargate.py"],
        input=json.dumps(task), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    result = json.loads(ended.stdout)
    if form == "json":
        said = result["doctor"]["said"]
        assert result["doctor"]["status"] == 0, said
        assert re.search(r"^ok +targets ecs: 40 found, 5 tried", said, re.MULTILINE), said
        assert re.search(r"^skipped +targets narthex: .* no agent runs there$", said, re.MULTILINE), said
    # 40 exporters and the agent itself.
    assert result["up"] == 41
    assert result["stats"]["signaturesChecked"] > 0 and result["signaturesRefused"] == 0
    assert any(path.startswith("/v2/credentials/") for path in result["asked"])
    assert result["pages"] == "Narthex is Ready.\n"
    assert result["health"]["status"] == 0 and result["health"]["seconds"] < 2
    assert result["exit"] == 0 and result["healthAfter"] == 1
    # Below the working directory, which is the volume.
    assert (folder / "data-agent").is_dir()
