"""Reads the forms of config/fargate as their tools would, for one made-up account: each renderer gives what
the form comes to, with the keys of the ECS API.
"""

import copy
import functools
import json
import re
import shlex

import yaml

from . import compose_x, terraform
from .process import ROOT
from .stack import Stack, in_api_case

FOLDER = ROOT / "config/fargate"
# What the files leave open, by the words of config/iam.
NAMES = {
    "REGION": "eu-west-1", "ACCOUNT": "123456789012", "CLUSTER": "default", "WORKSPACE": "ws-0123",
    "FILESYSTEM": "fs-0123", "ACCESSPOINT": "fsap-0123", "SUBNET": "subnet-0123", "SECURITYGROUP": "sg-0123",
    "MOUNTTARGETS": "sg-4567",
}  # fmt: skip
PLACE = f"{NAMES['REGION']}:{NAMES['ACCOUNT']}"
OWN_IMAGE = "registry.example.com/own:1"


def filled(text):
    """The text with every placeholder replaced."""
    return re.sub(r"(?<![A-Z])(" + "|".join(NAMES) + r")(?![A-Z])", lambda found: NAMES[found.group()], text)


def policy(path):
    """A policy of config/iam or config/fargate, without its placeholders."""
    return json.loads(filled((ROOT / "config" / path).read_text()))


def with_lists(document):
    """The policy with lists where one word may stand too."""
    document = copy.deepcopy(document)
    for statement in document["Statement"]:
        for key in ("Action", "Resource"):
            if isinstance(statement.get(key), str):
                statement[key] = [statement[key]]
    return document


class Kit:
    """What one form comes to. `policies` are the task role's; the other documents are by their name. `extras`
    has what makes no part of the task: the access point, who is let into the file system, days of logs.
    """

    def __init__(self, task, service, policies, documents, extras):
        self.task = task
        (self.container,) = task["containerDefinitions"]
        self.volumes = task["volumes"]
        self.service = service
        self.policies = [with_lists(document) for document in policies]
        self.documents = {name: with_lists(document) for name, document in documents.items()}
        self.extras = extras

    @property
    def environment(self):
        return {entry["name"]: entry["value"] for entry in self.container["environment"]}


def commands():
    """The words of each `aws …` command in the README, without the placeholders."""
    text = filled((FOLDER / "README.md").read_text())
    lines = re.findall(r"^    (?:\w+=\$\()?(aws .*?)\)?$", text, re.MULTILINE)
    return [shlex.split(line.partition(" | ")[0], comments=True) for line in lines]


def options(words):
    """{flag: value} of a command."""
    return {words[index]: words[index + 1] for index in range(3, len(words) - 1) if words[index][:2] == "--"}


def command(service, operation, of=""):
    """The options of the command, of several that which names `of`."""
    (found,) = [words for words in commands() if words[1:3] == [service, operation] and of in " ".join(words)]
    return options(found)


def shorthand(text):
    """The AWS command line's `A=1,B={C=2}`."""
    return json.loads("{" + re.sub(r"(\w+)=", r'"\1":', re.sub(r"=([^,{}]+)", r'="\1"', text)) + "}")


def of_json(has_file_system, _image=None):
    name = "task-definition-efs.json" if has_file_system else "task-definition.json"
    policies = [policy("iam/remote-write.json"), policy("iam/ecs-tasks.json")]
    extras = {"logDays": int(command("logs", "put-retention-policy")["--retention-in-days"])}
    if has_file_system:
        policies.append(policy("fargate/efs-policy.json"))
        point, rule = command("efs", "create-access-point"), command(
            "ec2", "authorize-security-group-ingress", NAMES["MOUNTTARGETS"]
        )
        root = shorthand(point["--root-directory"])
        extras["accessPoint"] = {
            "user": shorthand(point["--posix-user"]), "path": root["Path"], "owner": root["CreationInfo"],
        }  # fmt: skip
        extras["fileSystemLetsIn"] = {
            "group": rule["--group-id"], "from": rule["--source-group"], "port": int(rule["--port"]),
            "protocol": rule["--protocol"],
        }  # fmt: skip
    service = policy("fargate/service.json")
    assert service.pop("serviceName") == service.pop("taskDefinition") == "narthex"
    return Kit(
        policy(f"fargate/{name}"), service, policies,
        {
            "execution": policy("fargate/execution-policy.json"), "trust": policy("fargate/trust.json"),
            "executionTrust": policy("fargate/execution-trust.json"),
        },
        extras,
    )  # fmt: skip


class _Template(yaml.SafeLoader):
    """CloudFormation's short forms (`!Ref x`) as their long ones."""


def _short_form(loader, suffix, node):
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        return {name: value.split(".", 1) if suffix == "GetAtt" else value}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    return {name: loader.construct_mapping(node, deep=True)}


_Template.add_multi_constructor("!", _short_form)


def template():
    return yaml.load((FOLDER / "cloudformation.yml").read_text(), _Template)


def of_cloudformation(has_file_system, image=None):
    given = {"Workspace": NAMES["WORKSPACE"]} | ({"Image": image} if image else {})
    if has_file_system:
        given |= {"FileSystem": NAMES["FILESYSTEM"], "FileSystemSecurityGroup": NAMES["MOUNTTARGETS"]}
    stack = Stack(
        template(),
        {
            "AWS::Region": NAMES["REGION"], "AWS::AccountId": NAMES["ACCOUNT"], "LogGroup": "/ecs/narthex",
            "AccessPoint": NAMES["ACCESSPOINT"], **given,
        },
        {
            "AccessPoint.Arn":
                f"arn:aws:elasticfilesystem:{PLACE}:access-point/{NAMES['ACCESSPOINT']}",
            "LogGroup.Arn": f"arn:aws:logs:{PLACE}:log-group:/ecs/narthex:*",
            "Network.Subnets": NAMES["SUBNET"], "SecurityGroup.GroupId": NAMES["SECURITYGROUP"],
        },
    )  # fmt: skip
    extras = {"logDays": stack.properties("LogGroup")["RetentionInDays"]}
    assert stack.has("AccessPoint") == stack.has("FileSystemIngress") == has_file_system
    if has_file_system:
        point, rule = stack.properties("AccessPoint"), stack.properties("FileSystemIngress")
        assert rule["FromPort"] == rule["ToPort"]
        extras["accessPoint"] = {
            "user": point["PosixUser"], "path": point["RootDirectory"]["Path"],
            "owner": point["RootDirectory"]["CreationInfo"],
        }  # fmt: skip
        extras["fileSystemLetsIn"] = {
            "group": rule["GroupId"], "from": rule["SourceSecurityGroupId"], "port": rule["FromPort"],
            "protocol": rule["IpProtocol"],
        }  # fmt: skip
    group = stack.properties("SecurityGroup")
    assert not group.get("SecurityGroupIngress") and len(group["SecurityGroupEgress"]) == 1
    service = in_api_case(stack.properties("Service"))
    assert service.pop("taskDefinition") == "TaskDefinition"
    role, execution = stack.properties("TaskRole"), stack.properties("ExecutionRole")
    return Kit(
        in_api_case(stack.properties("TaskDefinition")), service,
        [entry["PolicyDocument"] for entry in role["Policies"]],
        {
            "execution": execution["Policies"][0]["PolicyDocument"],
            "trust": role["AssumeRolePolicyDocument"],
            "executionTrust": execution["AssumeRolePolicyDocument"],
        },
        extras,
    )  # fmt: skip


def of_terraform(has_file_system, image=None):
    given = {"workspace": NAMES["WORKSPACE"]} | ({"image": image} if image else {})
    if has_file_system:
        given |= {"file_system": NAMES["FILESYSTEM"], "file_system_security_group": NAMES["MOUNTTARGETS"]}
    module = terraform.Module(
        given,
        {
            "data.aws_region.current.id": NAMES["REGION"],
            "data.aws_caller_identity.current.account_id": NAMES["ACCOUNT"],
            "data.aws_partition.current.partition": "aws",
            "data.aws_partition.current.dns_suffix": "amazonaws.com",
            "data.aws_subnets.default.ids": [NAMES["SUBNET"]],
            "data.aws_subnet.first.vpc_id": "vpc-0123",
            "aws_efs_access_point.buffer.id": NAMES["ACCESSPOINT"],
            "aws_security_group.narthex.id": NAMES["SECURITYGROUP"],
            "aws_iam_role.task.id": "task", "aws_iam_role.task.arn": "task",
            "aws_iam_role.execution.id": "execution", "aws_iam_role.execution.arn": "execution",
            "aws_ecs_task_definition.narthex.arn": "narthex",
        },
    )  # fmt: skip

    def document(place, key="policy"):
        found = module.resource(place)
        return json.loads(found[key])

    task = module.resource("aws_ecs_task_definition.narthex")
    service = module.resource("aws_ecs_service.narthex")
    (volume,), (platform,) = task["volume"], task["runtime_platform"]
    efs = volume.pop("efs_volume_configuration", [])
    point = module.resource("aws_efs_access_point.buffer")
    rule = module.resource("aws_security_group_rule.file_system")
    assert bool(efs) == bool(point) == bool(rule) == has_file_system
    extras = {"logDays": module.resource("aws_cloudwatch_log_group.narthex")["retention_in_days"]}
    if has_file_system:
        (authorization,) = efs[0]["authorization_config"]
        volume["efsVolumeConfiguration"] = camel(efs[0] | {"authorization_config": authorization})
        (owner,) = point["root_directory"][0]["creation_info"]
        assert rule["from_port"] == rule["to_port"] and rule["type"] == "ingress"
        extras["accessPoint"] = {
            "user": pascal(point["posix_user"][0]), "path": point["root_directory"][0]["path"],
            "owner": pascal(owner),
        }  # fmt: skip
        extras["fileSystemLetsIn"] = {
            "group": rule["security_group_id"], "from": rule["source_security_group_id"],
            "port": rule["from_port"], "protocol": rule["protocol"],
        }  # fmt: skip
    group = module.resource("aws_security_group.narthex")
    assert "ingress" not in group and len(group["egress"]) == 1
    # What is waited for: every policy, so that no task starts before its roles may do their work.
    policies = {place for place in module.blocks["resource"] if place.startswith("aws_iam_role_policy.")}
    assert policies <= module.waits_for("aws_ecs_service.narthex")
    assert task["task_role_arn"] == "task" and task["execution_role_arn"] == "execution"
    names = ["remote_write", "ecs_tasks"] + (["efs"] if has_file_system else [])
    (network,), (breaker,) = service["network_configuration"], service["deployment_circuit_breaker"]
    return Kit(
        {
            "networkMode": task["network_mode"], "cpu": task["cpu"], "memory": task["memory"],
            "requiresCompatibilities": task["requires_compatibilities"], "runtimePlatform": camel(platform),
            "containerDefinitions": json.loads(task["container_definitions"]), "volumes": [volume],
        },
        {
            "cluster": service["cluster"], "desiredCount": service["desired_count"],
            "launchType": service["launch_type"], "platformVersion": service["platform_version"],
            "propagateTags": service["propagate_tags"],
            "deploymentConfiguration": {
                "minimumHealthyPercent": service["deployment_minimum_healthy_percent"],
                "maximumPercent": service["deployment_maximum_percent"], "deploymentCircuitBreaker": breaker,
            },
            "networkConfiguration": {"awsvpcConfiguration": {
                "subnets": network["subnets"], "securityGroups": network["security_groups"],
                "assignPublicIp": "ENABLED" if network["assign_public_ip"] else "DISABLED",
            }},
        },
        [document(f"aws_iam_role_policy.{name}") for name in names],
        {
            "execution": document("aws_iam_role_policy.execution"),
            "trust": document("aws_iam_role.task", "assume_role_policy"),
            "executionTrust": document("aws_iam_role.execution", "assume_role_policy"),
        },
        extras,
    )  # fmt: skip


def pascal(values):
    """Terraform's names as CloudFormation has them, and numbers as words, as that has them too."""
    return {
        "".join(word.capitalize() for word in name.split("_")): str(value) for name, value in values.items()
    }


def camel(values):
    """Terraform's names as the ECS API has them."""
    if not isinstance(values, dict):
        return values
    return {
        name[0].lower() + name[1:]: camel(values[key])
        for key, name in ((key, "".join(word.capitalize() for word in key.split("_"))) for key in values)
    }


@functools.cache
def compose_templates():
    return compose_x.rendered(WORKSPACE=NAMES["WORKSPACE"], IMAGE=OWN_IMAGE)


def of_compose(_has_file_system=False, _image=None):
    """What ECS Compose-X itself makes of compose.yml. It adds to the roles, and has its own log group."""
    made = compose_templates()
    root = Stack(made[f"{compose_x.STACK}.json"], {"AWS::StackName": compose_x.STACK}, {})
    parameters = root.properties("narthex")["Parameters"]
    # What other stacks give is a word with a dot in it.
    values = {"AWS::Region": NAMES["REGION"], "AWS::AccountId": NAMES["ACCOUNT"], "AWS::StackName": "narthex"}
    stack = Stack(made["narthex.json"], values | parameters | {"narthexSG": NAMES["SECURITYGROUP"]}, {})
    stack.values["AppSubnets"] = parameters["AppSubnets"].split(",")
    service = in_api_case(stack.properties("EcsServiceDefinition"))
    task = in_api_case(stack.properties("EcsTaskDefinition"))
    iam = Stack(made["iam.json"], values | {"RootStackName": compose_x.STACK}, {})
    roles = {name: iam.properties(name) for name in ("narthexEcsTaskRole", "narthexEcsExecutionRole")}
    return Kit(
        task, service, [entry["PolicyDocument"] for entry in roles["narthexEcsTaskRole"]["Policies"]],
        {"trust": roles["narthexEcsTaskRole"]["AssumeRolePolicyDocument"]},
        {"logDays": stack.properties("ServicesLogGroup")["RetentionInDays"], "parameters": parameters},
    )


FORMS = {
    "json": of_json, "cloudformation": of_cloudformation, "terraform": of_terraform, "compose": of_compose,
}  # fmt: skip
