"""What the tests of `narthex doctor` look at: an account of moto with its checks on, a stand-in AMP that
verifies the same session, an exporter, and a configuration for all of them.
"""

import contextlib
import json
import os
import resource
import subprocess
import tempfile
from pathlib import Path

import yaml

from .agent import clean_environment, program
from .aws import REGION, Moto
from .exporters import TextExporter
from .process import free_port
from .standins import StandIns

# A secret that a test gives: none of it may show.
HUSH = "hunter2"


class Place:
    """What the tests of this file share: an account with one task, its role, and a destination."""

    def __init__(self, folder, stack):
        self.folder = folder
        self.moto = moto = Moto(folder / "moto.log", verifies=True)
        stack.callback(lambda: moto.process.process and moto.process.kill())
        moto.start()
        moto.client("ecs").create_cluster(clusterName="shop")
        port = free_port()
        labels = {"PROMETHEUS_EXPORTER_PORT": str(port)}
        _, address = moto.run_task("shop", "cart", labels, moto.make_network())
        exporter = TextExporter("shop_requests_total 7\n", host=address, port=port).start()
        stack.callback(exporter.stop)
        self.allow()
        self.keys = keys = moto.session(moto.role)
        self.standins = StandIns(
            folder / "standins.log", "--amp-port=0", f"--access-key={keys['AccessKeyId']}",
            f"--secret-key={keys['SecretAccessKey']}", f"--session-token={keys['Token']}",
        )  # fmt: skip
        stack.callback(lambda: self.standins.process.process and self.standins.process.kill())
        self.standins.start()

    def allow(self, *more):
        """The role with the policy for tasks, and these."""
        iam = self.moto.client("iam")
        with contextlib.suppress(iam.exceptions.NoSuchEntityException):
            for name in iam.list_role_policies(RoleName="agent")["PolicyNames"]:
                iam.delete_role_policy(RoleName="agent", PolicyName=name)
            iam.delete_role(RoleName="agent")
        self.moto.role = self.moto.make_role("agent", "ecs-tasks", *more)

    def forbid(self, policy):
        self.moto.client("iam").delete_role_policy(RoleName="agent", PolicyName=policy)

    def fault(self, **order):
        self.standins.control(self.standins.amp, "/fault", order)


@contextlib.contextmanager
def memory_folder():
    """A folder in memory where there is one: a disk that other tests keep busy is as slow as it is."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None) as folder:
        yield Path(folder)


class Setting:
    """A machine on which all is well; a test breaks one thing of it."""

    def __init__(self, place, folder, disk):
        self.place, self.folder, self.disk = place, folder, disk
        self.location = folder / "narthex.yml"
        self.storage, self.retention, self.files = disk / "data", "64MB", None
        self.environment = {
            "AWS_ENDPOINT_URL": place.moto.url, "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": place.keys["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": place.keys["SecretAccessKey"],
            "AWS_SESSION_TOKEN": place.keys["Token"],
        }  # fmt: skip
        self.destination = {
            "name": "amp", "url": place.standins.amp["url"], "sigv4": {"region": REGION}
        }  # fmt: skip
        self.discovery = {"clusters": ["shop"]}
        self.job = {"job_name": "shop", "ecs_sd_configs": [self.discovery]}

    @property
    def text(self):
        return yaml.safe_dump({"scrape_configs": [self.job], "remote_write": [self.destination]})

    def run(self, *flags):
        if self.location == self.folder / "narthex.yml":
            self.location.write_text(self.text)
        limit = self.files and (lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (self.files,) * 2))
        ended = subprocess.run(
            [
                program("narthex"), "doctor", f"--config.file={self.location}",
                f"--storage.agent.path={self.storage}", *flags,
                f"--storage.agent.retention.max-size={self.retention}",
            ],
            env=clean_environment(**self.environment), capture_output=True, text=True, timeout=60,
            preexec_fn=limit,
        )  # fmt: skip
        secrets = [self.place.keys["SecretAccessKey"], self.place.keys["Token"], HUSH]
        assert not [secret for secret in secrets if secret in ended.stdout + ended.stderr]
        return ended

    def lines(self, check, ends=1, *flags):
        """The lines of one check, or of all. `ends` is the exit status."""
        ended = self.run("--json", *flags)
        assert ended.returncode == ends, ended.stdout + ended.stderr
        found = json.loads(ended.stdout)
        assert found["ok"] == (ends == 0)
        return [line for line in found["lines"] if check in (None, line["check"])]

    def wrong(self, check, ends=1, *flags):
        """`message; remedy` of the only line of a check that is wrong."""
        lines = self.lines(check, ends, *flags)
        wrong = [line for line in lines if line["verdict"] == "wrong"]
        assert len(wrong) == 1, lines
        return f"{wrong[0]['message']}; {wrong[0]['remedy']}"

    def verdicts(self, check, ends=1):
        return {line["verdict"] for line in self.lines(check, ends)}
