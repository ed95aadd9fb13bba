"""A Fargate task without AWS: run as a program in a network namespace of its own, it puts the addresses that
a task has on loopback, plays the ECS agent there, and runs a container's command against the stand-ins.

    unshare --net python3 fargate.py <task.json     prints what happened as JSON

Uses nothing but Python itself, so that script/image needs no other.
"""

import fcntl
import http.server
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

# Where a task finds metadata and credentials; the port is 80.
AGENT_ADDRESS = "169.254.170.2"
REGION, CLUSTER, ROLE_PATH = "eu-west-1", "demo", "/v2/credentials/0123"
TASK_ID = "0123456789abcdef0123456789abcdef"
ACCESS_KEY, SECRET_KEY, TOKEN = "AKIATASKROLE00000001", "task-role/secret+key", "the+session/token=="
EXPORTERS = 40
HEALTH_LIMIT_SECONDS = 2


def ecs_environment(region=REGION):
    """The variables that ECS puts into a container on Fargate."""
    return {
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": ROLE_PATH,
        "AWS_DEFAULT_REGION": region,
        "AWS_EXECUTION_ENV": "AWS_ECS_FARGATE",
        "AWS_REGION": region,
        "ECS_AGENT_URI": f"http://{AGENT_ADDRESS}/api/{TASK_ID}-1",
        "ECS_CONTAINER_METADATA_URI": f"http://{AGENT_ADDRESS}/v3/{TASK_ID}-1",
        "ECS_CONTAINER_METADATA_URI_V4": f"http://{AGENT_ADDRESS}/v4/{TASK_ID}-1",
        "HOSTNAME": "ip-10-0-0-1.eu-west-1.compute.internal",
    }


def bring_loopback_up():
    """Loopback with the address of the ECS agent beside its own; there is no other interface."""
    siocsifaddr, siocsifflags, up_running = 0x8916, 0x8914, 0x41
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, siocsifflags, struct.pack("16sH14x", b"lo", up_running))
        address = struct.pack("16sHH4s8x", b"lo:1", socket.AF_INET, 0, socket.inet_aton(AGENT_ADDRESS))
        fcntl.ioctl(control, siocsifaddr, address)


class EcsAgent:
    """Task metadata version 4 and the task role's credentials."""

    def __init__(self, region):
        arn = f"arn:aws:ecs:{region}:123456789012"
        metadata = {
            "Cluster": CLUSTER, "TaskARN": f"{arn}:task/{CLUSTER}/{TASK_ID}", "Family": "narthex",
            "Revision": "1", "AvailabilityZone": f"{region}a", "LaunchType": "FARGATE",
        }  # fmt: skip
        answers = {f"/v4/{TASK_ID}-1/task": metadata}
        self.asked = asked = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                asked.append(self.path)
                body = answers.get(self.path)
                if self.path == ROLE_PATH:
                    expires = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 21_600))
                    body = {
                        "AccessKeyId": ACCESS_KEY, "SecretAccessKey": SECRET_KEY, "Token": TOKEN,
                        "Expiration": expires, "RoleArn": "arn:aws:iam::123456789012:role/narthex",
                    }  # fmt: skip
                data = json.dumps(body or {}).encode()
                self.send_response(200 if body else 404)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer((AGENT_ADDRESS, 80), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def get(url):
    with urllib.request.urlopen(url, timeout=5) as answer:
        return answer.read().decode()


def wait_until(condition, seconds, what):
    deadline = time.monotonic() + seconds
    while True:
        try:
            value = condition()
        except OSError:
            value = None
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"after {seconds} s there was still no {what}")
        time.sleep(0.02)


def start_standins(program, workspace, region):
    child = subprocess.Popen(
        [
            program, f"--exporters={EXPORTERS}", "--series=50", "--addressing=addresses", "--ecs-port=0",
            "--amp-port=0", f"--cluster={CLUSTER}", f"--workspace={workspace}", f"--region={region}",
            f"--access-key={ACCESS_KEY}", f"--secret-key={SECRET_KEY}", f"--session-token={TOKEN}",
            "--keep-history", "--until-stdin-closes",
        ],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    return child, json.loads(child.stdout.readline())


def to_standins(text, amp_url):
    """The text with the host of every AMP address replaced by the stand-in's."""
    origin = re.match(r"https?://[^/]+", amp_url).group()
    return re.sub(r"https://aps-workspaces\.[a-z0-9-]+\.amazonaws\.com", origin, text)


class Container:
    """The command of a container: as it is, or in a root of its own as process 1 of a namespace."""

    def __init__(self, task, environment):
        self.task = task
        self.environment = environment
        # Where process 1 says when it became the program: making the namespaces takes its time.
        self.clock_end = None

    def start(self, words, **streams):
        """(process, the id to send signals to)."""
        if not self.task.get("root"):
            folder = self.task["folder"]
            os.makedirs(folder, exist_ok=True)
            process = subprocess.Popen(words, env=self.environment, cwd=folder, **streams)
            return process, process.pid
        enter = {
            **self.task, "words": words, "environment": self.environment, "clockEnd": self.clock_end,
        }  # fmt: skip
        process = subprocess.Popen(
            ["unshare", "--pid", "--mount", "--ipc", "--uts", "--fork", "--kill-child",
             sys.executable, __file__, "--enter", json.dumps(enter)],
            pass_fds=[self.clock_end] if self.clock_end else [], **streams,
        )  # fmt: skip
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        found = wait_until(lambda: children.read_text().split(), 10, "process of the container")
        return process, int(found[0])


def enter(task):
    """Process 1 of the namespace: a read-only root with writable volumes, then the container's user and its
    command.
    """

    def mount(*words):
        subprocess.run(["mount", *words], check=True)

    root = task["root"]
    mount("--bind", root, root)
    mount("-t", "proc", "proc", f"{root}/proc")
    for place, source in task["volumes"].items():
        mount("--bind", source, f"{root}{place}")
    mount("-o", "remount,bind,ro", root, root)
    os.chroot(root)
    os.chdir(task["workdir"])
    user, group = (int(number) for number in task["user"].split(":"))
    os.setgroups([])
    os.setgid(group)
    os.setuid(user)
    os.umask(0o022)
    if task.get("clockEnd"):
        os.write(task["clockEnd"], b"%d" % time.monotonic_ns())
        os.close(task["clockEnd"])
    os.execvpe(task["words"][0], task["words"], task["environment"])


def is_read_only(pid, place):
    """Whether the process has this place of its root mounted so that nothing can be written."""
    options = [line.split()[5] for line in Path(f"/proc/{pid}/mountinfo").read_text().splitlines()
               if line.split()[4] == place]  # fmt: skip
    return bool(options) and "ro" in options[-1].split(",")


def run(task):
    region, workspace = task.get("region", REGION), task["workspace"]
    bring_loopback_up()
    ecs_agent = EcsAgent(region)
    standins, places = start_standins(task["standins"], workspace, region)
    amp, ecs = places["amp"], places["ecs"]
    environment = {
        name: to_standins(value, amp["url"])
        for name, value in {**ecs_environment(region), **task["environment"]}.items()
    }
    environment |= {"AWS_ENDPOINT_URL_ECS": ecs["url"], "NARTHEX_SCRAPE_INTERVAL": "1s"}
    words = [to_standins(word, amp["url"]) for word in task["command"]]
    container = Container(task, environment)
    fleet = places["exporters"][0]["address"]
    before = {}
    if task.get("doctor"):
        # As a task of its own, with an override of the command.
        check, _ = container.start(task["doctor"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        before["doctor"] = {"said": check.communicate(timeout=60)[0].decode(), "status": check.returncode}
    with open(task["log"], "ab") as log:
        reading_end, container.clock_end = os.pipe()
        began_ns = time.monotonic_ns()
        process, pid = container.start(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        os.close(container.clock_end)
        container.clock_end = None
        try:
            began_ns = int(os.read(reading_end, 30) or began_ns)

            def first_scrape():
                if process.poll() is not None:
                    raise RuntimeError(f"the container ended with {process.returncode}")
                times = [line.split() for line in get(f"http://{fleet}/scrapes").splitlines()]
                firsts = [int(first) for count, first, *_ in times if int(count) > 0]
                return len(firsts) == EXPORTERS and min(firsts)

            first_ns = wait_until(first_scrape, 30, f"scrape of each of {EXPORTERS} exporters")

            def arrived():
                series = json.loads(get(f"http://127.0.0.1:{amp['port']}/series"))
                ups = [entry for entry in series if entry["labels"]["__name__"] == "up"]
                own = any(entry["labels"]["__name__"] == "narthex_build_info" for entry in series)
                return own and len(ups) > EXPORTERS and ups

            ups = wait_until(arrived, 30, "series of all exporters and the agent at the stand-in AMP")
            result = {
                **before,
                "firstScrapeMs": (first_ns - began_ns) / 1e6,
                "up": sum(float(entry["samples"][-1]["value"]) for entry in ups),
                "stats": json.loads(get(f"http://127.0.0.1:{amp['port']}/stats")),
                "asked": ecs_agent.asked,
                "uid": os.stat(f"/proc/{pid}").st_uid,
                "isReadOnly": is_read_only(pid, "/") if task.get("root") else None,
                # From another address than loopback's, as another task asks.
                "pages": get(f"http://{AGENT_ADDRESS}:9090/-/ready") if task.get("asksFromOutside") else None,
            }
            if task.get("healthcheck"):
                health_began = time.monotonic()
                check, _ = container.start(
                    task["healthcheck"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
                )
                said = check.communicate(timeout=30)[0].decode()
                result["health"] = {"status": check.returncode, "said": said,
                                    "seconds": time.monotonic() - health_began}  # fmt: skip
            os.kill(pid, signal.SIGTERM)
            term_began = time.monotonic()
            result["exit"] = process.wait(timeout=60)
            result["stopSeconds"] = time.monotonic() - term_began
            stats = json.loads(get(f"http://127.0.0.1:{amp['port']}/stats"))
            result["signaturesRefused"] = stats["signaturesRefused"]
            if task.get("healthcheck"):
                check, _ = container.start(
                    task["healthcheck"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
                )
                check.communicate(timeout=30)
                result["healthAfter"] = check.returncode
            return result
        finally:
            if process.poll() is None:
                process.kill()
                process.wait(10)
            standins.stdin.close()
            standins.wait(20)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--enter"]:
        enter(json.loads(sys.argv[2]))
    else:
        print(json.dumps(run(json.load(sys.stdin))))
