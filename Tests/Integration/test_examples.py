"""What lies in config/examples, run as it lies there: command, entry point and environment of each container
are taken from the files. A test puts its own in place of these alone: URLs of services, the port of the
agent's pages and the addresses of targets, the folders that are mounted, and the time between two scrapes. An
image of Narthex is the program with the links that docs/flags.md tells of.
"""

import base64
import json
import re
import subprocess

import pytest
import yaml
from parts.agent import IS_NARTHEX, ROOT, clean_environment, program
from parts.aws import BUCKET, REGION
from parts.cloud import Cloud
from parts.process import free_port, wait_until

pytestmark = pytest.mark.skipif(not IS_NARTHEX, reason="the examples are of Narthex")

EXAMPLES = ROOT / "config/examples"
ANYWHERE, FARGATE = EXAMPLES / "ecs-anywhere", EXAMPLES / "fargate"
IMAGE = "registry.example.com/narthex:1"
REMOTE_WRITE_URL = (
    f"https://aps-workspaces.{REGION}.amazonaws.com/workspaces/ws-EXAMPLE/api/v1/remote_write"
)


@pytest.mark.parametrize(
    ("folder", "original", "moved", "containers"),
    [
        (ANYWHERE, "docker-compose.original.yml", "docker-compose.yml", 1),
        (FARGATE, "task-definition.original.json", "task-definition.json", 2),
    ],
)
def test_the_image_is_all_that_changes(folder, original, moved, containers):
    before, after = (
        [line for line in (folder / name).read_text().splitlines() if not line.startswith("#")]
        for name in (original, moved)
    )
    assert len(before) == len(after)
    changed = [pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]]
    assert len(changed) == containers
    for old, new in changed:
        assert re.fullmatch(rf'\s*"?image"?: "?{re.escape(IMAGE)}"?,?', new), new
        assert "image" in old


@pytest.mark.parametrize("path", sorted(EXAMPLES.rglob("*.*")), ids=lambda path: path.name)
def test_no_example_has_an_account_or_a_secret(path):
    assert set(re.findall(r"(?<![0-9])[0-9]{12}(?![0-9])", path.read_text())) <= {"123456789012"}
    assert not re.search(r"AKIA|ASIA|password|secret_key", path.read_text())


class World:
    """AWS for one setup: a task role that moto's IAM knows, with the policies that the setup needs and no
    more; S3, Parameter Store, ECS and AMP that take its signatures only.
    """

    def __init__(self, moto, cloud, make_standins, tmp_path, policies):
        self.moto, self.folder = moto, tmp_path
        cloud.session = moto.session(moto.make_role("ecs-prometheus", *policies))
        self.cloud, self.keys, self.make_standins = cloud, cloud.session, make_standins

    def standins(self, name, *flags):
        return self.make_standins("--amp-port=0", "--keep-history", *flags, name=name, keys=self.keys)

    def environment(self, container, **endpoints):
        """As ECS gives it to a container of the task, and what the container's own definition adds."""
        own = container.get("environment", {})
        if isinstance(own, list):
            own = {entry["name"]: entry["value"] for entry in own}
        return clean_environment(**{
            "AWS_REGION": REGION, "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{self.cloud.url}/container",
            "AWS_ENDPOINT_URL_S3": self.moto.url, "AWS_ENDPOINT_URL_SSM": self.moto.url,
            **own, **endpoints,
        })  # fmt: skip

    def words(self, container, entry, mounts):
        """A container's command line, with what is mounted in a folder of the test."""
        words = container.get("entryPoint") or container.get("entrypoint") or [entry]
        for word in container.get("command", []):
            for mount in mounts:
                word = re.sub(rf"={mount}(?=/|$)", f"={self.folder}{mount}", word)
            words = [*words, word]
        return words


@pytest.fixture
def make_world(make_moto, make_standins, parts, tmp_path):
    """make_world(*policies) -> World"""

    def make(*policies):
        moto = make_moto(verifies=True)
        cloud = Cloud()
        parts.callback(cloud.stop)
        return World(moto, cloud, make_standins, tmp_path, policies)

    return make


@pytest.fixture
def link(tmp_path):
    """link(name) -> the program by that name, as an image of Narthex has it."""

    def make(name):
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        if not path.is_symlink():
            path.symlink_to(program("narthex"))
        return path

    return make


def series(standins):
    """{frozenset of labels} of what has arrived at AMP."""
    return {frozenset(one["labels"].items()) for one in standins.control(standins.amp, "/series")}


def newest(standins, name):
    """The newest timestamp of a metric's samples, in milliseconds; 0 without one."""
    return max(
        (
            sample["timestampMs"]
            for one in standins.control(standins.amp, "/series")
            for sample in one["samples"]
            if one["labels"]["__name__"] == name
        ),
        default=0,
    )


def assert_signed(standins):
    counts = standins.control(standins.amp, "/stats")
    assert counts["signaturesChecked"] > 0 and counts["signaturesRefused"] == 0, counts


def assert_a_policy_is_needed(world, policy, words, environment):
    """Without it the same command line ends, with the name of what is missing."""
    world.moto.client("iam").delete_role_policy(RoleName="ecs-prometheus", PolicyName=policy)
    ended = subprocess.run(
        words, env=environment, cwd=world.folder, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 2 and f"{policy}.json" in ended.stderr, ended.stderr


# Setup A: ECS Anywhere, ECS Compose-X, a job of ECS Files Composer.


def compose(name):
    return yaml.safe_load((ANYWHERE / name).read_text())["services"]


def mounts(service):
    return [volume.rpartition(":")[2] for volume in service["volumes"]]


def put_job(world, port, exporter):
    """The job in Parameter Store, as docs and the files say, with this test's addresses."""
    text = (ANYWHERE / "prometheus-init.yml").read_text()
    for old, new in {
        "localhost:9090": f"localhost:{port}", "192.0.2.10:9100": exporter.address,
        "scrape_interval: 1m": "scrape_interval: 1s", "/prom/config": f"{world.folder}/prom/config",
    }.items():  # fmt: skip
        assert old in text
        text = text.replace(old, new)
    content = base64.b64encode(text.encode()).decode()
    world.moto.client("ssm").put_parameter(Name="/prometheus/init", Value=content, Type="String")


def run_composer(world, service, standins):
    """What the composer's image does with this command line: it is somebody else's, and unchanged."""
    assert service["command"][0] == "--from-ssm" and "--decode-base64" in service["command"]
    parameter = world.moto.client("ssm").get_parameter(Name=service["command"][1])["Parameter"]
    job = base64.b64decode(parameter["Value"]).decode()
    assert service["environment"]["AMP_REMOTE_WRITE_URL"] == REMOTE_WRITE_URL
    variables = service["environment"] | {"AMP_REMOTE_WRITE_URL": standins.amp["url"]}
    job = re.sub(r"\{\{ env_var\('(\w+)'\) \| safe \}\}", lambda found: variables[found[1]], job)
    for path, file in yaml.safe_load(job)["files"].items():
        assert path.startswith(f"{world.folder}/prom/config/")
        (world.folder / "prom/config").mkdir(parents=True, exist_ok=True)
        (world.folder / path).write_text(file["content"])


@pytest.mark.parametrize(
    ("form", "entry"),
    [
        ("docker-compose.yml", "narthex"), ("docker-compose.yml", "prometheus"),
        ("docker-compose.one-container.yml", "narthex"),
    ],
)  # fmt: skip
def test_setup_a_runs(form, entry, make_world, make_child, link, text_exporter):
    exporter = text_exporter("shop_temperature_celsius 21\n")
    world = make_world("remote-write", "config-ssm")
    standins = world.standins("amp")
    port = free_port()
    put_job(world, port, exporter)
    services = compose(form)
    service = services["prometheus"]
    assert service["image"] == IMAGE
    environment = world.environment(service)
    if form == "docker-compose.yml":
        run_composer(world, services["prometheus-config"], standins)
    else:
        assert environment["AMP_REMOTE_WRITE_URL"] == REMOTE_WRITE_URL
        environment["AMP_REMOTE_WRITE_URL"] = standins.amp["url"]
    words = world.words(service, link(entry), mounts(service))
    words.append(f"--web.listen-address=127.0.0.1:{port}")
    agent = make_child("agent", words, environment)
    expected = {
        frozenset({
            "__name__": name, "job": job, "instance": instance, "site": "home",
        }.items())
        for name, job, instance in [
            ("shop_temperature_celsius", "node", exporter.address),
            ("up", "node", exporter.address), ("up", "prometheus", f"localhost:{port}"),
            ("prometheus_config_last_reload_successful", "prometheus", f"localhost:{port}"),
        ]
    }  # fmt: skip
    wait_until(lambda: expected <= series(standins), 30, "series of both jobs")
    assert_signed(standins)
    assert (world.folder / "prometheus").is_dir(), "the buffer is where --storage.tsdb.path says"
    assert agent.stop(timeout=30) == 0
    log = agent.log_text()
    assert "--web.console.libraries, --web.console.templates have no effect: " in log
    assert "queue_config.capacity" in log and "level=ERROR" not in log
    if form != "docker-compose.yml":
        assert_a_policy_is_needed(world, "config-ssm", words, environment)


# Setup B: a discovery container that writes a file for another one, on Fargate.


def containers(name):
    return json.loads((FARGATE / name).read_text())["containerDefinitions"]


def put_configuration(world, name, standins):
    """The file in S3, with this test's receiver and folder."""
    text = (FARGATE / name).read_text()
    for old, new in {
        REMOTE_WRITE_URL: standins.amp["url"], "scrape_interval: 30s": "scrape_interval: 1s",
        "scrape_timeout: 10s": "scrape_timeout: 1s",
    }.items():  # fmt: skip
        assert old in text
        text = text.replace(old, new)
    text = text.replace(" /output/", f" {world.folder}/output/")
    s3 = world.moto.client("s3")
    if not s3.list_buckets()["Buckets"]:
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket=BUCKET, Key=name, Body=text)


def targets(file):
    return sorted(target for group in yaml.safe_load(file.read_text()) for target in group["targets"])


class SetupB:
    """The task of two containers, or of one, with three tasks of exporters in its cluster."""

    def __init__(self, world, make_child, link, entries):
        self.world, self.make_child, self.link, self.entries = world, make_child, link, entries
        fleet = ["--exporters=3", "--series=5", "--addressing=addresses", "--ecs-port=0", "--cluster=alpha"]
        self.standins = world.standins("standins", *fleet)
        self.exporters = sorted(place["address"] for place in self.standins.exporters)
        self.file = world.folder / "output/ecs_file_sd.yml"

    def command(self, container, entry):
        """(words, environment)"""
        folders = [mount["containerPath"] for mount in container.get("mountPoints", [])]
        words = self.world.words(container, self.link(entry), folders)
        return words, self.world.environment(container, AWS_ENDPOINT_URL_ECS=self.standins.ecs["url"])

    def start_two(self):
        """The discovery container and the other one, once all tasks are scraped."""
        put_configuration(self.world, "prometheus.yml", self.standins)
        discovery, prometheus = containers("task-definition.json")
        assert discovery["image"] == prometheus["image"] == IMAGE
        self.file.parent.mkdir()
        finder = self.make_child("discovery", *self.command(discovery, self.entries[0]))
        agent = self.start(prometheus)
        wait_until(lambda: self.standins.ups().keys() == set(self.exporters), 30, "scrapes of every task")
        assert targets(self.file) == self.exporters
        return finder, agent

    def start(self, container):
        words, environment = self.command(container, self.entries[1])
        words.append(f"--web.listen-address=127.0.0.1:{free_port()}")
        return self.make_child("agent", words, environment)


def test_setup_b_runs_by_the_names_of_the_programs_before(make_world, make_child, link):
    world = make_world("remote-write", "ecs-tasks", "config-s3")
    setup = SetupB(world, make_child, link, ("prometheus-ecs-discovery", "prometheus"))
    finder, agent = setup.start_two()
    assert_signed(setup.standins)
    assert agent.stop(timeout=30) == 0 and finder.stop() == 0


def test_setup_b_survives_restarts_and_yields_the_same_series_as_one_container(make_world, make_child, link):
    world = make_world("remote-write", "ecs-tasks", "config-s3")
    setup = SetupB(world, make_child, link, ("narthex", "narthex"))
    standins, exporters, file = setup.standins, setup.exporters, setup.file
    finder, agent = setup.start_two()

    # The discovery container is killed and begins again while ECS refuses its calls: the file stays.
    before = file.read_bytes()
    standins.control(standins.ecs, "/fault", {"fault": "accessDenied", "operation": "ListTasks"})
    finder.kill()
    assert file.read_bytes() == before
    finder.start()
    wait_until(lambda: "AccessDenied" in finder.log_text(), 20, "refused call")
    assert file.read_bytes() == before
    finder.kill()
    standins.control(standins.ecs, "/fault", {"fault": "none", "operation": "ListTasks"})
    finder.start()
    # The other one begins again and goes on with the file that is there.
    assert agent.stop(timeout=30) == 0
    at = newest(standins, "up")
    agent.start()
    wait_until(lambda: newest(standins, "up") > at, 20, "scrapes after the restart")
    wait_until(lambda: set(standins.ups().values()) == {standins.ups()[exporters[0]]}, 20, "up of every task")
    assert file.read_bytes() == before
    assert agent.stop(timeout=30) == 0 and finder.stop() == 0
    assert_signed(standins)

    # As one container, which ships to a workspace of its own here.
    other = world.standins("other")
    put_configuration(world, "prometheus.one-container.yml", other)
    (single,) = containers("task-definition.one-container.json")
    assert single["image"] == IMAGE
    agent = setup.start(single)
    wait_until(lambda: other.ups().keys() == set(exporters), 30, "scrapes of every task")
    wait_until(lambda: series(other) == series(standins), 20, "the same series")
    assert {"cluster_arn", "task_arn", "container_name", "docker_image"} <= {
        name for one in series(other) for name, _ in one
    }
    assert agent.stop(timeout=30) == 0
    assert_signed(other)
    assert_a_policy_is_needed(world, "config-s3", *setup.command(single, "narthex"))
