"""Somebody who pastes a quick start: AWS is played after botocore's models, Docker and what belongs to the
machine by this, and `narthex` is the program itself.
"""

import json
import re
import subprocess
import urllib.parse

from . import kit
from .agent import Agent, clean_environment, program
from .aws import REGION
from .aws_command_line import AwsCommandLine
from .process import ROOT, wait_until
from .shell import Shell

WORKSPACE = "ws-12345678-1234-1234-1234-123456789012"
ACCOUNT = "123456789012"
# What is played, beside AWS: nothing of these is on the machine of a test, or must not be touched there.
PLAYED = "aws docker bash curl install sleep python3 apt-get systemctl systemd-run"


def aws_answers(more=None):
    """What the made-up answers of AWS hold beside names."""
    resources = {name: f"resource-{name}" for name in kit.template()["Resources"]}
    outputs = [{"OutputKey": key, "OutputValue": f"output-{key}"} for key in kit.template()["Outputs"]]
    return {
        ("sts", "get-caller-identity"): {"Account": ACCOUNT},
        ("amp", "create-workspace"): {"workspaceId": WORKSPACE},
        ("cloudformation", "describe-stacks"): {"Stacks": [{"Outputs": outputs}]},
        ("cloudformation", "describe-stack-resource"): lambda command: {
            "StackResourceDetail": {"PhysicalResourceId": resources[command.flags["logical-resource-id"][0]]}
        },
        ("ecr", "get-login-password"): "password",
        ("logs", "tail"): "a line of the log",
    } | (more or {})  # fmt: skip


def script(page):
    """All that the page gives to paste, in its order and in one shell. What the machine's shell is given
    begins with the line that the page has printed for it.
    """
    parts, was_machine = [], False
    for number, text in enumerate(page.blocks("sh")):
        is_machine = text.startswith("# On the machine")
        if is_machine and not was_machine and number and "ACTIVATION" in page.blocks("sh")[number - 1]:
            parts.append(f'eval "$(tail -n 1 "$HOME/said.{number - 1}")"')
        parts.append(f'{{\n{text}\n}} >"$HOME/said.{number}"; cat "$HOME/said.{number}"')
        was_machine = is_machine
    return "\n".join(parts)


class Reader:
    """Pastes a page. What the page does with AWS is in `aws.commands`, everything in `shell.log`."""

    def __init__(self, folder, stack, aws_answers, more=None):
        self.aws = AwsCommandLine(aws_answers)
        self.root, self.more, self.queried = folder / "root", more or {}, []
        (self.root / "etc").mkdir(parents=True)
        self.shell = Shell(folder / "shell", self._play, PLAYED.split(), {"narthex": program("narthex")})
        stack.callback(self.shell.stop)
        for name in ("pip", "awscurl"):
            self.shell.put(self.shell.home / ".narthex-query/bin" / name)

    def _play(self, name, words, folder):
        if name == "aws":
            return self.aws.run(["aws", *words], folder)
        if name == "awscurl":
            return self._query(words)
        if name == "install":
            (self.root / "var/lib/narthex-task").mkdir(parents=True)
        if (name, words[:1]) == ("docker", ["ps"]):
            return "0123456789ab\n"
        if name in self.more:
            return self.more[name](words)
        return ""

    def _query(self, words):
        options, url = dict(zip(words[:-1:2], words[1:-1:2])), urllib.parse.urlsplit(words[-1])
        assert options == {"--service": "aps", "--region": REGION}, words
        assert url.netloc == f"aps-workspaces.{REGION}.amazonaws.com"
        assert url.path == f"/workspaces/{WORKSPACE}/api/v1/query"
        self.queried.append(urllib.parse.parse_qs(url.query)["query"][0])
        return self.more["awscurl"]() if "awscurl" in self.more else "{}\n"

    def paste(self, page):
        text = script(page)
        # The files of the machine are below a folder of the test.
        text = re.sub(r"(?<![\w.])/(?=etc/|var/lib/narthex)", f"{self.root}/", text)
        ended = self.shell.run(text, ROOT)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert ended.stderr == "", ended.stderr
        return ended.stdout

    def called(self, service, name):
        """The commands of this operation, in their order."""
        named = (service, name)
        return [command for command in self.aws.commands if (command.service, command.name) == named]


class Machine:
    """The Linux host: its package manager, its systemd, and the service, which really runs."""

    def __init__(self, folder, root, standins, exporter):
        self.folder, self.root, self.standins, self.exporter = folder, root, standins, exporter
        self.agent = None

    def apt_get(self, words):
        if "install" in words:
            assert words[-2:] == ["./.build/package/narthex_0.1.0-1_amd64.deb", "prometheus-node-exporter"]
            for source, place in (("edge.yml", "narthex/narthex.yml"), ("debian/default", "default/narthex")):
                (self.root / "etc" / place).parent.mkdir(parents=True, exist_ok=True)
                (self.root / "etc" / place).write_text((ROOT / "config" / source).read_text())
        if "purge" in words:
            assert self.agent.stop() == 0

    def variables(self):
        """What systemd reads of /etc/default/narthex."""
        lines = (self.root / "etc/default/narthex").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))

    def systemctl(self, words):
        if words[0] == "restart":
            configured = subprocess.run(
                [ROOT / "config/systemd/when-configured", self.root / "etc/narthex/narthex.yml", "true"]
            )
            assert configured.returncode == 0
            # As the page leaves it, but for the exporter's port and for the time that a test has.
            text = (self.root / "etc/narthex/narthex.yml").read_text()
            text = text.replace("127.0.0.1:9100", self.exporter).replace("interval: 1m", "interval: 1s")
            text += "    queue_config: {batch_send_deadline: 100ms}\n"
            self.agent = Agent(
                self.folder, self.folder / "agent.log", text,
                self.variables() | {"HOSTNAME": "edge-1", "AWS_REGION": REGION},
                [f"--storage.agent.path={self.root}/var/lib/narthex"],
            ).start()  # fmt: skip
            wait_until(lambda: float(self.standins.ups().get(self.exporter, 0)) == 1, 20, "an up that is 1")
        return ""

    def curl(self, words):
        assert words == ["--silent", "http://127.0.0.1:9090/-/ready"]
        return self.agent.get("/-/ready")[2].decode()

    def awscurl(self):
        """What the destination has, as a query's answer."""
        series = self.standins.control(self.standins.amp, "/series")
        ups = [entry["labels"] for entry in series if entry["labels"]["__name__"] == "up"]
        result = [{"metric": labels} for labels in ups]
        return json.dumps({"status": "success", "data": {"result": result}}) + "\n"

    def systemd_run(self, words):
        """Its options, then the command, as the service's user would run it."""
        command = words[[word.startswith("--") for word in words].index(False) :]
        options = words[: -len(command)]
        given = [word.removeprefix("--setenv=") for word in options if word.startswith("--setenv=")]
        given = dict(word.split("=", 1) for word in given)
        assert f"--property=EnvironmentFile={self.root}/etc/default/narthex" in options
        assert "--uid=narthex" in options and given["HOME"] == "/run/narthex-credentials"
        command = [program("narthex"), *command[1:], "--timeout=20s"]
        command[2] = f"--config.file={self.agent.configuration_file}"
        ended = subprocess.run(
            command, capture_output=True, text=True, timeout=60,
            env=clean_environment(**self.variables(), **given, AWS_REGION=REGION),
        )  # fmt: skip
        return ended.stdout + ended.stderr


# What is made, and the command that takes it away again.
TAKEN_BACK = {
    "amp create-workspace": "amp delete-workspace", "ecr create-repository": "ecr delete-repository",
    "ecs create-cluster": "ecs delete-cluster", "ecs create-service": "ecs delete-service",
    "ecs register-task-definition": "ecs deregister-task-definition",
    "ec2 create-security-group": "ec2 delete-security-group",
    "cloudformation deploy": "cloudformation delete-stack", "iam create-role": "iam delete-role",
    "iam create-user": "iam delete-user", "iam create-access-key": "iam delete-access-key",
    "iam put-user-policy": "iam delete-user-policy", "iam attach-role-policy": "iam detach-role-policy",
    "ssm create-activation": "ssm deregister-managed-instance",
}  # fmt: skip


def assert_everything_is_taken_back(reader):
    done = [f"{command.service} {command.name}" for command in reader.aws.commands]
    made = [name for name in done if name in TAKEN_BACK]
    made += [name for name in done if name.partition(" ")[2].startswith(("create-", "put-user"))]
    for name in made:
        assert done.count(TAKEN_BACK[name]) >= done.count(name), name
    roles = {command.parameters["RoleName"] for command in reader.called("iam", "create-role")}
    assert roles == {command.parameters["RoleName"] for command in reader.called("iam", "delete-role")}
    assert not (reader.shell.home / ".narthex-query").exists()
