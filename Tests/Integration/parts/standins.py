"""narthex-standins in a process of its own: exporters, an ECS API, and an AMP endpoint that verifies."""

import json
import urllib.request

from .agent import clean_environment, program
from .aws import REGION
from .process import ChildProcess, wait_until

ACCESS_KEY, SECRET_KEY = "AKIASTANDINS00000001", "stand-in/secret+key"


class StandIns:
    """`keys` is the session that requests must be signed by, as `Moto.session` gives it; else it is a key of
    their own.
    """

    def __init__(self, log, *flags, keys=None):
        keys = keys or {"AccessKeyId": ACCESS_KEY, "SecretAccessKey": SECRET_KEY}
        token = [f"--session-token={keys['Token']}"] if "Token" in keys else []
        self.process = ChildProcess(
            "narthex-standins",
            [
                program("narthex-standins"),
                f"--region={REGION}",
                f"--access-key={keys['AccessKeyId']}",
                f"--secret-key={keys['SecretAccessKey']}",
                *token,
                *flags,
            ],
            log,
            clean_environment(),
        )
        self.exporters, self.amp, self.ecs = [], None, None

    def start(self):
        self.process.start()

        def announced():
            assert self.process.is_running(), "narthex-standins ended: see its log"
            first = self.process.log_text().partition("\n")
            return json.loads(first[0]) if first[1] else None

        ready = wait_until(announced, 20, "line with the stand-ins' addresses")
        self.exporters = ready["exporters"]
        self.amp = ready.get("amp")
        self.ecs = ready.get("ecs")
        return self

    def ups(self):
        """{instance: newest value of up} at the stand-in AMP."""
        return {
            series["labels"]["instance"]: series["samples"][-1]["value"]
            for series in self.control(self.amp, "/series")
            if series["labels"]["__name__"] == "up"
        }

    @staticmethod
    def control(place, path, body=None):
        """GET, or POST with a body, of a stand-in's own pages."""
        url = f"http://127.0.0.1:{place['port']}{path}"
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(url, data=data), timeout=10) as answer:
            return json.load(answer)
