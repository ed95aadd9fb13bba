"""The quick starts as somebody pastes them, from nothing to a query and back: see `parts.reader`."""

import json
import re
import subprocess

import pytest
import yaml
from parts import kit
from parts.agent import IS_NARTHEX, ROOT, clean_environment, program
from parts.aws import REGION
from parts.cloud import Cloud
from parts.pages import Page
from parts.reader import ACCOUNT, WORKSPACE, Machine, Reader, assert_everything_is_taken_back, aws_answers
from parts.standins import ACCESS_KEY, SECRET_KEY

pytestmark = pytest.mark.skipif(not IS_NARTHEX, reason="the pages are Narthex'")

FARGATE, ANYWHERE, LINUX = (
    Page(ROOT / f"docs/quickstart-{name}.md") for name in ("fargate", "ecs-anywhere", "linux")
)

def test_fargate(tmp_path, parts):
    reader = Reader(tmp_path, parts, aws_answers())
    said = reader.paste(FARGATE)
    assert reader.queried == ["up"] and WORKSPACE in said
    # The stack's own default is the image that was pushed.
    image = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/narthex:0.1.0"
    docker = [words[1:] for words in reader.shell.log if words[0] == "docker"]
    assert [words[0] for words in docker] == ["login", "build", "push"]
    assert image in docker[1] and docker[2] == ["push", image] and docker[1][-1] == "."
    [repository] = reader.called("ecr", "create-repository")
    may_pull = (kit.FOLDER / "execution-policy.json").read_text()
    assert f"repository/{repository.parameters['repositoryName']}\"" in may_pull
    [deploy] = reader.called("cloudformation", "deploy")
    given = dict(word.split("=", 1) for word in deploy.flags["parameter-overrides"])
    assert given == {"Workspace": WORKSPACE, "Cluster": "narthex-quickstart"}
    template = kit.template()
    assert given.keys() <= template["Parameters"].keys()
    assert re.fullmatch(template["Parameters"]["Workspace"]["AllowedPattern"], WORKSPACE)
    # The exporter lets the agent in at the port of its label.
    [definition] = reader.called("ecs", "register-task-definition")
    [container] = definition.parameters["containerDefinitions"]
    [rule] = reader.called("ec2", "authorize-security-group-ingress")
    assert rule.flags["port"] == [container["dockerLabels"]["PROMETHEUS_EXPORTER_PORT"]]
    assert rule.flags["source-group"] == ["output-SecurityGroup"]
    exporter, doctor = reader.called("ecs", "run-task")
    groups = exporter.parameters["networkConfiguration"]["awsvpcConfiguration"]["securityGroups"]
    assert groups == rule.parameters["GroupId"].split()
    [override] = doctor.parameters["overrides"]["containerOverrides"]
    assert override == {"name": kit.of_json(False).container["name"], "command": ["doctor"]}
    # A group that another's rule names cannot be deleted.
    order = [f"{command.service} {command.name}" for command in reader.aws.commands]
    assert order.index("ec2 delete-security-group") < order.index("cloudformation delete-stack")
    assert_everything_is_taken_back(reader)


def test_ecs_anywhere(tmp_path, parts):
    reader = Reader(tmp_path, parts, aws_answers({
        ("ssm", "create-activation"): {"ActivationId": "an-id", "ActivationCode": "a+code/=="},
        ("ecs", "describe-container-instances"): {
            "containerInstances": [{"ec2InstanceId": "mi-0123456789abcdef0"}]
        },
    }))  # fmt: skip
    reader.paste(ANYWHERE)
    assert reader.queried == ["up"]
    [install] = [words for words in reader.shell.log if words[0] == "bash"]
    assert dict(zip(install[2::2], install[3::2])) == {
        "--region": REGION, "--cluster": "narthex-quickstart", "--activation-id": "an-id",
        "--activation-code": "a+code/==",
    }  # fmt: skip
    [folder] = [words for words in reader.shell.log if words[0] == "install"]
    exporter, agent = (command.parameters for command in reader.called("ecs", "register-task-definition"))
    [volume] = agent["volumes"]
    # The folder that the machine's shell makes is the one that the task mounts.
    assert folder[-1] == f"{reader.root}{volume['host']['sourcePath']}"
    assert "--owner=65534" in folder and "--group=65534" in folder
    assert agent["containerDefinitions"][0]["user"] == "65534:65534"
    assert exporter["networkMode"] == "host"
    policies = {
        command.parameters["PolicyName"]: json.loads(command.parameters["PolicyDocument"])
        for command in reader.called("iam", "put-role-policy")
        if command.parameters["RoleName"] == "narthex-task"
    }
    assert policies.keys() == {"remote-write", "ecs-tasks", "ecs-anywhere"}
    services = [command.parameters for command in reader.called("ecs", "create-service")]
    for document in [*policies.values(), agent, *services]:
        assert not re.search(r"REGION|ACCOUNT\b|CLUSTER|WORKSPACE", json.dumps(document)), document
    assert WORKSPACE in json.dumps(policies["remote-write"]) and WORKSPACE in json.dumps(agent)
    assert_everything_is_taken_back(reader)


def test_the_task_of_ecs_anywhere_is_that_of_fargate():
    """But for what Fargate has no choice in: how much of the machine it gets, and where its log goes."""
    text = (ROOT / "config/ecs-anywhere/task-definition.json").read_text()
    [container] = json.loads(kit.filled(text))["containerDefinitions"]
    reference = kit.of_json(False).container
    own = {"cpu", "memory", "memoryReservation", "logConfiguration"}
    for key in (container.keys() | reference.keys()) - own - {"portMappings"}:
        assert container[key] == reference[key], key
    assert "portMappings" not in container, "nothing is open to the machine's network"


def test_without_a_region_in_its_environment_the_task_finds_cluster_and_region(parts):
    """ECS gives a container outside of Fargate no AWS_REGION."""
    metadata = {
        "Cluster": "edge", "TaskARN": f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/edge/0123", "Family": "narthex",
        "Revision": "1", "LaunchType": "EXTERNAL",
    }  # fmt: skip
    cloud = Cloud()
    parts.callback(cloud.stop)
    cloud.decide = lambda path: (200, json.dumps(metadata))
    text = kit.filled((ROOT / "config/ecs-anywhere/task-definition.json").read_text())
    [container] = json.loads(text)["containerDefinitions"]
    environment = {entry["name"]: entry["value"] for entry in container["environment"]}
    ended = subprocess.run(
        [program("narthex"), *container["command"], "--config.print"],
        env=clean_environment(ECS_CONTAINER_METADATA_URI_V4=cloud.url, **environment),
        capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    [discovery] = yaml.safe_load(ended.stdout)["scrape_configs"][0]["ecs_sd_configs"]
    assert discovery["region"] == REGION
    assert discovery["clusters"] == [f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/edge"]


def test_linux(tmp_path, parts, make_standins, node_exporter):
    standins = make_standins("--amp-port=0", "--keep-history", f"--workspace={WORKSPACE}")
    endpoint = standins.amp["url"].removesuffix("api/v1/remote_write")
    machine = Machine(tmp_path, tmp_path / "root", standins, node_exporter.address)
    parts.callback(lambda: machine.agent and machine.agent.process.is_running() and machine.agent.kill())
    reader = Reader(
        tmp_path, parts,
        aws_answers({
            ("amp", "describe-workspace"): {"workspace": {"prometheusEndpoint": endpoint}},
            ("iam", "create-access-key"): {
                "AccessKey": {"AccessKeyId": ACCESS_KEY, "SecretAccessKey": SECRET_KEY}
            },
        }),
        {
            "apt-get": machine.apt_get, "systemctl": machine.systemctl, "curl": machine.curl,
            "awscurl": machine.awscurl, "systemd-run": machine.systemd_run,
        },
    )  # fmt: skip
    said = reader.paste(LINUX)
    assert reader.queried == ["up"]
    # check-config, the page of the agent, the query, and the doctor.
    assert "no sample_limit" in said and "Narthex is Ready.\n" in said
    [answer] = [line for line in said.splitlines() if line.startswith('{"status": "success"')]
    [series] = json.loads(answer)["data"]["result"]
    metric = {"__name__": "up", "host": "edge-1", "instance": node_exporter.address, "job": "node"}
    assert series["metric"] == metric
    assert "ok       write amp: a write without samples is taken" in said
    assert "ok       targets node: 1 found, every one would be stored" in said
    assert not re.search("^wrong", said, re.MULTILINE), said
    # The stand-in checks signatures.
    stats = standins.control(standins.amp, "/stats")
    assert stats["signaturesChecked"] > 0 and stats["signaturesRefused"] == 0
    [policy] = reader.called("iam", "put-user-policy")
    [statement] = json.loads(policy.parameters["PolicyDocument"])["Statement"]
    assert statement["Resource"] == f"arn:aws:aps:{REGION}:{ACCOUNT}:workspace/{WORKSPACE}"
    assert_everything_is_taken_back(reader)


def test_the_package_is_built_by_what_is_there():
    [build] = [text for text in LINUX.blocks("sh") if text.startswith("docker run")]
    [inner] = re.findall(r"-ec '(.*?)'", build, re.DOTALL)
    assert subprocess.run(["/bin/bash", "-n", "-c", inner], capture_output=True).returncode == 0
    for name in re.findall(r"^ *(script/\S+)", inner, re.MULTILINE):
        assert (ROOT / name).exists()
    # The same toolchain and the same flags as the image's.
    dockerfile = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    [image] = re.findall(r"(swift:\S+)", build)
    assert f"FROM {image} AS build" in dockerfile
    flags = re.compile(r"swift build (.*?--product narthex)")
    assert flags.search(build)[1].split() == flags.search(dockerfile)[1].split()
