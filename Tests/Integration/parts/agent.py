"""The agent under test: `narthex run`, on a configuration and a storage folder that outlive its runs.

NARTHEX_BIN names the program (default: the release build). NARTHEX_AGENT=prometheus puts Debian's
Prometheus in agent mode in its place: not to pass, but to see that these tests notice what it does
differently.
"""

import os
import re
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import yaml

from .process import ROOT, ChildProcess, free_port, wait_until
from .prometheus import PROGRAM as PROMETHEUS

IS_NARTHEX = os.environ.get("NARTHEX_AGENT", "narthex") == "narthex"


def program(name):
    """A built executable of this package."""
    if name == "narthex" and "NARTHEX_BIN" in os.environ:
        return Path(os.environ["NARTHEX_BIN"])
    path = ROOT / ".build/release" / name
    assert (
        path.exists()
    ), f"{path} is not built: run script/test, or swift build -c release --product {name}"
    return path


def needs_swift():
    """Whether the agent's program lacks the Swift runtime: it is not built as it is shipped."""
    command = ["readelf", "--dynamic", program("narthex")]
    return "libswiftCore" in subprocess.run(command, capture_output=True, text=True, timeout=60).stdout


def clean_environment(**extra):
    """This process' environment without anybody's AWS settings, places of a configuration or proxies, so that
    no test depends on them.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith(("AWS_", "NARTHEX_", "ECS_"))
        and not name.lower().endswith(("_proxy", "config_location"))
    }
    return kept | {"AWS_EC2_METADATA_DISABLED": "true", "HOME": "/nonexistent"} | extra


class Agent:
    def __init__(self, folder, log, configuration, environment=None, flags=()):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.configuration_file = self.folder / "narthex.yml"
        self.storage = self.folder / "storage"
        self.port = free_port()
        self.configure(configuration)
        self.process = ChildProcess(
            "narthex", self._command(flags), log, clean_environment(**(environment or {})), self.folder
        )

    def _command(self, flags):
        start = [program("narthex"), "run"] if IS_NARTHEX else [PROMETHEUS, "--enable-feature=agent"]
        usual = [
            f"--config.file={self.configuration_file}",
            f"--storage.agent.path={self.storage}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--log.level=debug",
            "--log.format=logfmt",
        ]
        # A flag may stand once only.
        given = {flag.partition("=")[0] for flag in flags}
        return start + [flag for flag in usual if flag.partition("=")[0] not in given] + list(flags)

    def configure(self, configuration):
        """Text is written as it is, anything else as YAML. Read at the next start."""
        text = (
            configuration
            if isinstance(configuration, str)
            else yaml.safe_dump(configuration, sort_keys=False)
        )
        self.configuration_file.write_text(text)

    def start(self, until_ready=True):
        self.process.start()
        if until_ready:
            wait_until(self.is_ready, 30, "ready agent")
        return self

    def stop(self, timeout=30.0):
        """SIGTERM; the exit code."""
        return self.process.stop(timeout)

    def kill(self):
        """kill -9."""
        self.process.kill()

    def get(self, path, timeout=5):
        """(status, headers, body) of the agent's own pages; errors are answers too."""
        url = f"http://127.0.0.1:{self.port}{path}"
        try:
            with urllib.request.urlopen(url, timeout=timeout) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as answer:
            with answer:
                return answer.code, answer.headers, answer.read()

    def is_ready(self):
        assert (
            self.process.is_running()
        ), f"the agent ended with {self.process.process.returncode}: see its log"
        try:
            return self.get("/-/ready", timeout=2)[0] == 200
        except OSError:
            return False

    def metrics(self):
        """{(name, frozenset of labels): value} from /metrics."""
        from .exposition import parse

        status, _, body = self.get("/metrics")
        assert status == 200, f"/metrics answered {status}"
        return parse(body.decode())

    def metric(self, name, **labels):
        """The sum of the series of that name that carry at least these labels."""
        wanted = set(labels.items())
        values = [
            value for (found, has), value in self.metrics().items() if found == name and wanted <= has
        ]
        assert values, f"/metrics has no {name} with {labels}"
        return sum(values)

    def log_text(self):
        return self.process.log_text()

    def log_lines(self, pattern):
        expression = re.compile(pattern)
        return [line for line in self.log_text().splitlines() if expression.search(line)]
