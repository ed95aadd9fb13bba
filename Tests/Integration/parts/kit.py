"""Reads the forms of config/fargate as their tools would, for one made-up account: each renderer gives the
container definition (with the keys of the ECS API) and the policies that come of it.
"""

import copy
import json
import re

import hcl2
import yaml

from .process import ROOT

FOLDER = ROOT / "config/fargate"
# What the files leave open, by the words of config/iam.
NAMES = {
    "REGION": "eu-west-1", "ACCOUNT": "123456789012", "CLUSTER": "default", "WORKSPACE": "ws-0123",
    "FILESYSTEM": "fs-0123", "ACCESSPOINT": "fsap-0123", "SUBNET": "subnet-0123", "SECURITYGROUP": "sg-0123",
}  # fmt: skip


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
    """What one form comes to: the task, its container, its volumes, the policies of the task's role and that
    of the execution role, where the form has it.
    """

    def __init__(self, task, policies, execution=None):
        self.task = task
        (self.container,) = task["containerDefinitions"]
        self.volumes = task["volumes"]
        self.policies = [with_lists(document) for document in policies]
        self.execution = execution and with_lists(execution)

    @property
    def environment(self):
        return {entry["name"]: entry["value"] for entry in self.container["environment"]}


def of_json(has_file_system):
    name = "task-definition-efs.json" if has_file_system else "task-definition.json"
    policies = [policy("iam/remote-write.json"), policy("iam/ecs-tasks.json")]
    if has_file_system:
        policies.append(policy("fargate/efs-policy.json"))
    return Kit(policy(f"fargate/{name}"), policies, policy("fargate/execution-policy.json"))


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


class Stack:
    """CloudFormation's functions over a template, as far as this one uses them."""

    GONE = object()

    def __init__(self, parameters):
        self.template = template()
        self.values = {
            "AWS::Region": NAMES["REGION"], "AWS::AccountId": NAMES["ACCOUNT"], "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com", "AWS::NoValue": self.GONE, "AccessPoint": NAMES["ACCESSPOINT"],
            "LogGroup": "/ecs/narthex",
        }  # fmt: skip
        for name, parameter in self.template["Parameters"].items():
            self.values[name] = parameters[name] if name in parameters else parameter["Default"]
        place = f"{NAMES['REGION']}:{NAMES['ACCOUNT']}"
        self.attributes = {
            "AccessPoint.Arn": f"arn:aws:elasticfilesystem:{place}:access-point/{NAMES['ACCESSPOINT']}",
            "LogGroup.Arn": f"arn:aws:logs:{place}:log-group:/ecs/narthex:*",
        }

    def condition(self, name):
        return self.resolved(self.template["Conditions"][name])

    def resolved(self, value):
        if isinstance(value, list):
            found = [self.resolved(entry) for entry in value]
            return [entry for entry in found if entry is not self.GONE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            if name == "Ref":
                return self.values.get(argument, argument)
            if name == "Fn::Sub":
                return re.sub(r"\$\{([\w:]+)\}", lambda found: self.values[found.group(1)], argument)
            if name == "Fn::GetAtt":
                place = ".".join(argument)
                return self.attributes.get(place, place)
            if name == "Fn::Equals":
                first, second = self.resolved(argument)
                return first == second
            if name == "Fn::Not":
                return not self.resolved(argument)[0]
            if name == "Fn::If":
                return self.resolved(argument[1 if self.condition(argument[0]) else 2])
            if name == "Fn::Split":
                return self.resolved(argument[1]).split(argument[0])
        found = {name: self.resolved(entry) for name, entry in value.items()}
        return {name: entry for name, entry in found.items() if entry is not self.GONE}

    def properties(self, resource):
        return self.resolved(self.template["Resources"][resource]["Properties"])


def in_api_case(value, is_free=False):
    """CloudFormation's names of properties as the ECS API has them; keys of `Options` are the user's."""
    if isinstance(value, list):
        return [in_api_case(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    odd = {"EFSVolumeConfiguration": "efsVolumeConfiguration", "IAM": "iam", "FilesystemId": "fileSystemId"}
    return {
        name if is_free else odd.get(name, name[0].lower() + name[1:]): in_api_case(entry, name == "Options")
        for name, entry in value.items()
    }


def of_cloudformation(has_file_system):
    given = {"Workspace": NAMES["WORKSPACE"]}
    stack = Stack(given | ({"FileSystem": NAMES["FILESYSTEM"]} if has_file_system else {}))
    role = stack.properties("TaskRole")
    return Kit(
        in_api_case(stack.properties("TaskDefinition")),
        [entry["PolicyDocument"] for entry in role["Policies"]],
        stack.properties("ExecutionRole")["Policies"][0]["PolicyDocument"],
    )


def bare(value):
    """Without the quotes that python-hcl2 leaves around literals."""
    if isinstance(value, dict):
        return {bare(name): bare(entry) for name, entry in value.items() if not name.startswith("__")}
    if isinstance(value, list):
        return [bare(entry) for entry in value]
    return value[1:-1] if isinstance(value, str) and value.startswith('"') and value.endswith('"') else value


def module():
    """{file: parsed} of the Terraform module."""
    return {
        path.name: bare(hcl2.loads(path.read_text())) for path in sorted((FOLDER / "terraform").glob("*.tf"))
    }


def variables():
    return {name: body for entry in module()["variables.tf"]["variable"] for name, body in entry.items()}


def resources():
    """{(type, name): body}"""
    return {
        (kind, name): body
        for entry in module()["main.tf"]["resource"]
        for kind, named in entry.items()
        for name, body in named.items()
    }


def template_file(expression, values):
    """The JSON of `templatefile(path, …)`, which may use no other name than those it is given."""
    name = re.search(r'templatefile\("\$\{path\.module\}/([^"]+)"', expression).group(1)
    text = (FOLDER / "terraform" / name).read_text()
    return json.loads(re.sub(r"\$\{(\w+)\}", lambda found: values[found.group(1)], text))


def of_terraform(has_file_system):
    names = {name.lower(): value for name, value in NAMES.items()} | {"partition": "aws"}
    names["repository"] = f"arn:aws:ecr:{NAMES['REGION']}:{NAMES['ACCOUNT']}:repository/narthex"
    task = resources()["aws_ecs_task_definition", "narthex"]
    given = re.findall(r"(\w+) = ", task["container_definitions"])
    registry = f"{NAMES['ACCOUNT']}.dkr.ecr.{NAMES['REGION']}.amazonaws.com"
    values = {
        "image": f"{registry}/narthex:0.1.0", "region": NAMES["REGION"], "suffix": "amazonaws.com",
        "workspace": NAMES["WORKSPACE"], "log_group": "/ecs/narthex",
    }  # fmt: skip
    assert set(given) == set(values)
    volume = {"name": task["volume"][0]["name"]}
    if has_file_system:
        (block,) = task["volume"][0]["dynamic"][0]["efs_volume_configuration"]["content"]
        volume["efsVolumeConfiguration"] = {
            "fileSystemId": NAMES["FILESYSTEM"], "transitEncryption": block["transit_encryption"],
            "authorizationConfig": {
                "accessPointId": NAMES["ACCESSPOINT"], "iam": block["authorization_config"][0]["iam"],
            },
        }  # fmt: skip
    platform = task["runtime_platform"][0]
    assert platform["cpu_architecture"] == "${var.architecture}"
    policies = ["remote_write", "ecs_tasks"] + (["efs"] if has_file_system else [])
    return Kit(
        {
            "family": task["family"], "networkMode": task["network_mode"], "cpu": task["cpu"],
            "memory": task["memory"], "requiresCompatibilities": task["requires_compatibilities"],
            "runtimePlatform": {
                "operatingSystemFamily": platform["operating_system_family"],
                "cpuArchitecture": variables()["architecture"]["default"],
            },
            "containerDefinitions": template_file(task["container_definitions"], values),
            "volumes": [volume],
        },
        [template_file(resources()["aws_iam_role_policy", name]["policy"], names) for name in policies],
        template_file(resources()["aws_iam_role_policy", "execution"]["policy"], names),
    )  # fmt: skip


def substituted(value, given):
    """Compose's `${NAME:-default}`, then CloudFormation's `${AWS::…}`, as ECS Compose-X has them."""
    stack = {"AWS::Region": NAMES["REGION"], "AWS::AccountId": NAMES["ACCOUNT"], "AWS::Partition": "aws",
             "AWS::URLSuffix": "amazonaws.com"}  # fmt: skip
    if isinstance(value, dict):
        if list(value) == ["Fn::Sub"]:
            return substituted(value["Fn::Sub"], given)
        return {name: substituted(entry, given) for name, entry in value.items()}
    if isinstance(value, list):
        return [substituted(entry, given) for entry in value]
    if not isinstance(value, str):
        return value
    value = re.sub(
        r"\$\{(\w+)(?::-([^}]*))?\}",
        lambda found: given[found.group(1)] if found.group(1) in given else found.group(2), value,
    )  # fmt: skip
    return re.sub(r"\$\{(AWS::\w+)\}", lambda found: stack[found.group(1)], value)


def seconds(text):
    return int(text.removesuffix("s"))


def of_compose(_):
    text = yaml.safe_load((FOLDER / "compose.yml").read_text())
    service = substituted(text, {"WORKSPACE": NAMES["WORKSPACE"]})["services"]["narthex"]
    health, limits = service["healthcheck"], service["deploy"]["resources"]["limits"]
    (volume,) = service["volumes"]
    container = {
        "name": "narthex", "image": service["image"], "essential": True, "command": service["command"],
        "environment": [{"name": name, "value": value} for name, value in service["environment"].items()],
        "user": service["user"], "readonlyRootFilesystem": service["read_only"],
        "linuxParameters": {"capabilities": {"drop": service["cap_drop"]}},
        "mountPoints": [{"sourceVolume": volume["source"], "containerPath": volume["target"]}],
        "portMappings": [
            {"containerPort": port["target"], "protocol": port["protocol"]} for port in service["ports"]
        ],
        "stopTimeout": seconds(service["stop_grace_period"]),
        "healthCheck": {
            "command": health["test"], "interval": seconds(health["interval"]),
            "timeout": seconds(health["timeout"]), "retries": health["retries"],
            "startPeriod": seconds(health["start_period"]),
        },
        "ulimits": [
            {"name": name, "softLimit": limit["soft"], "hardLimit": limit["hard"]}
            for name, limit in service["ulimits"].items()
        ],
    }  # fmt: skip
    task = {
        "cpu": str(int(float(limits["cpus"]) * 1024)), "memory": limits["memory"].removesuffix("M"),
        "containerDefinitions": [container], "volumes": [{"name": name} for name in text["volumes"]],
    }  # fmt: skip
    return Kit(task, [entry["PolicyDocument"] for entry in service["x-iam"]["Policies"]])


FORMS = {
    "json": of_json, "cloudformation": of_cloudformation, "terraform": of_terraform, "compose": of_compose,
}  # fmt: skip
