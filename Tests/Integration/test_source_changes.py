"""Agents whose configuration is elsewhere: a new version is taken up, a wrong one changes nothing, and the
last good one serves while the source is away. moto has its checks on.
"""

import base64
import json
import os
import stat

import pytest
import yaml
from parts.agent import IS_NARTHEX
from parts.aws import BUCKET, REGION
from parts.process import free_port, wait_until
from test_sources import TextServer, keys_of

pytestmark = pytest.mark.skipif(not IS_NARTHEX, reason="Debian's Prometheus reads files only")

POLICIES = ["config-s3", "config-ssm", "config-secretsmanager"]


def text(job):
    return yaml.safe_dump({
        "scrape_configs": [{
            "job_name": job, "scrape_interval": "1s", "basic_auth": {"username": "u", "password": "hush"},
            "static_configs": [{"targets": ["127.0.0.1:1"]}],
        }],
        "remote_write": [{"url": "http://127.0.0.1:9/write?token=hush"}],
    })  # fmt: skip


class Stores:
    """Puts a text into each of the services."""

    def __init__(self, moto, pages):
        self.moto, self.pages = moto, pages
        self.s3, self.ssm = moto.client("s3"), moto.client("ssm")
        self.secrets = moto.client("secretsmanager")
        self.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        self.secrets.create_secret(Name="shop/narthex", SecretString="{}")

    def put(self, text):
        self.s3.put_object(Bucket=BUCKET, Key="narthex.yml", Body=text)
        self.ssm.put_parameter(Name="/shop/narthex", Value=text, Type="SecureString", Overwrite=True)
        self.secrets.put_secret_value(
            SecretId="shop/narthex", SecretString=json.dumps({"config": text, "other": "hush"}))  # fmt: skip
        self.pages.text = text

    def locations(self, folder):
        """{name: (location, environment, whether it is base64 or a job)}"""
        job = {
            "files": {
                f"{folder}/prometheus.yml": {
                    "source": {"Ssm": {"ParameterName": "/{{ env_var('SHOP') }}/narthex"}},
                },
                f"{folder}/beside.txt": {"content": "hush", "mode": "0600"},
            }
        }  # fmt: skip
        content = base64.b64encode(yaml.safe_dump(job).encode()).decode()
        return {
            "s3": (f"s3://{BUCKET}/narthex.yml", {}),
            "ssm": ("ssm:/shop/narthex", {}),
            "secret": ("secretsmanager:shop/narthex#config", {}),
            "web": (f"http://127.0.0.1:{self.pages.port}/a?token=hush", {}),
            "job": ("env:ECS_CONFIG_CONTENT", {
                "ECS_CONFIG_CONTENT": content, "DECODE_BASE64": "True", "SHOP": "shop",
            }),
        }  # fmt: skip


@pytest.fixture
def stores(make_moto, parts):
    pages = TextServer()
    parts.callback(pages.stop)
    return Stores(make_moto(verifies=True), pages)


def start(make_agent, stores, tmp_path, names):
    moto = stores.moto
    keys = keys_of(moto, moto.make_role("reader", *POLICIES)) | {"AWS_REGION": REGION}
    agents = {}
    for name, (location, environment) in stores.locations(tmp_path).items():
        if name not in names:
            continue
        flags = [
            f"--config.file={location}", "--config.auto-reload-interval=1s",
            "--storage.remote.flush-deadline=1s",
        ]  # fmt: skip
        agents[name] = make_agent("", name, keys | environment, flags).start()
    return agents


def jobs(agent):
    """Names of the jobs that have targets."""
    return {
        dict(labels)["scrape_job"]
        for (name, labels), value in agent.metrics().items()
        if name == "prometheus_target_scrape_pool_targets" and value
    }


def is_successful(agent):
    return agent.metric("prometheus_config_last_reload_successful")


def assert_no_secret(agent):
    shown = agent.log_text() + "".join(
        agent.get(page)[2].decode() for page in ("/", "/metrics", "/targets", "/config"))  # fmt: skip
    assert "hush" not in shown


def test_every_source_is_watched(make_agent, stores, tmp_path):
    stores.put(text("one"))
    agents = start(make_agent, stores, tmp_path, ["s3", "ssm", "secret", "web", "job"])
    assert all(jobs(agent) == {"one"} for agent in agents.values())
    stores.put(text("two"))
    for name, agent in agents.items():
        wait_until(lambda: jobs(agent) == {"two"}, 15, f"reload from {name}")
        assert agent.log_lines("configuration was reloaded.*config.auto-reload"), name
    wrong = text("three").replace("job_name", "job_nam")
    stores.put(wrong)
    for name, agent in agents.items():
        wait_until(lambda: is_successful(agent) == 0, 15, f"refusal of {name}")
        assert jobs(agent) == {"two"}, name
        assert agent.log_lines(r':\d+:\d+: unknown key \\"job_nam\\"'), agent.log_text()
    stores.put(text("four"))
    for name, agent in agents.items():
        wait_until(lambda: jobs(agent) == {"four"} and is_successful(agent) == 1, 15, f"mend of {name}")
        assert_no_secret(agent)
        assert agent.stop() == 0


def test_the_last_good_one_serves_while_the_source_is_away(make_agent, stores, tmp_path):
    stores.put(text("one"))
    agents = start(make_agent, stores, tmp_path, ["ssm", "job"])
    for agent in agents.values():
        assert agent.stop() == 0
        kept = agent.storage / "last-good-configuration"
        assert stat.S_IMODE(os.stat(kept).st_mode) == 0o600
    beside = tmp_path / "beside.txt"
    assert beside.read_text() == "hush" and stat.S_IMODE(os.stat(beside).st_mode) == 0o600
    # A fresh container on the old volume.
    beside.unlink()
    stores.moto.process.kill()
    for agent in agents.values():
        agent.start(until_ready=False)
    for agent in agents.values():
        wait_until(agent.is_ready, 60, "agent on its last good configuration")
        assert jobs(agent) == {"one"}
        assert agent.log_lines("(?i:level=error).*the last good one is used")
        assert agent.metric("prometheus_config_last_reload_successful") == 0
        assert "the last good text is used" in agent.get("/")[2].decode()
        assert_no_secret(agent)
    assert beside.read_text() == "hush"


def test_a_second_agent_leaves_the_first_ones_copy_alone(make_agent, stores, tmp_path):
    stores.put(text("one"))
    first = start(make_agent, stores, tmp_path, ["ssm"])["ssm"]
    kept = (first.storage / "last-good-configuration").read_bytes()
    stores.put(text("two"))
    second = make_agent(
        "", "second", first.process.environment,
        ["--config.file=ssm:/shop/narthex", f"--storage.agent.path={first.storage}"],
    )  # fmt: skip
    first.process.process.send_signal(19)
    try:
        second.start(until_ready=False)
        wait_until(lambda: not second.process.is_running(), 20, "end of the second agent")
        assert second.process.process.returncode == 3, second.log_text()
        assert (first.storage / "last-good-configuration").read_bytes() == kept
    finally:
        first.process.process.send_signal(18)


def test_a_job_brings_files_from_everywhere(make_agent, stores, tmp_path):
    stores.put("from a service")
    files = {
        f"{tmp_path}/prometheus.yml": {
            "context": "jinja2", "encoding": "base64",
            "content": base64.b64encode(text("{{ env.JOB }}").encode()).decode(),
        },
        f"{tmp_path}/deep/er/ssm.txt": {
            "source": {"Ssm": {"ParameterName": "$SHOP/narthex"}}, "mode": "0640",
        },
        f"{tmp_path}/s3.txt": {"source": {"S3": {"BucketName": "${BUCKET}", "Key": "narthex.yml"}}},
        f"{tmp_path}/uri.txt": {"source": {"S3": {"S3Uri": f"s3://{BUCKET}/narthex.yml"}}},
        f"{tmp_path}/secret.txt": {
            "source": {"Secret": {"SecretId": "shop/narthex", "JsonKey": "config"}}, "owner": "nobody",
        },
        f"{tmp_path}/url.txt": {"source": {"Url": {"Url": f"http://127.0.0.1:{stores.pages.port}/moved"}}},
        f"{tmp_path}/gone.txt": {"source": {"Ssm": {"ParameterName": "/none"}}, "ignore_if_failed": True},
    }  # fmt: skip
    keys = keys_of(stores.moto, stores.moto.make_role("reader", *POLICIES))
    content = yaml.safe_dump({"files": files})
    agent = make_agent(
        "", "job", keys | {
            "AWS_REGION": REGION, "JOB": "found", "SHOP": "/shop", "BUCKET": BUCKET,
            "ECS_CONFIG_CONTENT": content,
        }, ["--config.file=env:ECS_CONFIG_CONTENT"],
    ).start()  # fmt: skip
    assert jobs(agent) == {"found"}
    for name in ["deep/er/ssm.txt", "s3.txt", "uri.txt", "secret.txt", "url.txt"]:
        assert (tmp_path / name).read_text() == "from a service", name
    assert stat.S_IMODE(os.stat(tmp_path / "deep/er/ssm.txt").st_mode) == 0o640
    assert stat.S_IMODE(os.stat(tmp_path / "s3.txt").st_mode) == 0o644
    assert not (tmp_path / "gone.txt").exists() and not (tmp_path / "prometheus.yml").exists()
    assert agent.log_lines("(?i:level=warn).*gone.txt: left out")
    assert_no_secret(agent)


def test_variables_name_the_place(make_agent, stores, tmp_path):
    """The images that are replaced read these, with a flag for the file that they write."""
    stores.put(text("one"))
    keys = keys_of(stores.moto, stores.moto.make_role("reader", *POLICIES)) | {"AWS_REGION": REGION}
    place = f"s3://{BUCKET}/narthex.yml"
    for number, (variables, flags) in enumerate([
        ({"S3_CONFIG_LOCATION": place + "\n"}, []),
        ({"CONFIG_LOCATION": "ssm:/shop/narthex"}, []),
        ({"S3_CONFIG_LOCATION": place}, ["--config.file=/nonexistent/prometheus.yml"]),
    ]):  # fmt: skip
        agent = make_agent("", f"agent{number}", keys | variables, [*flags, "--web.enable-lifecycle"])
        if not flags:
            agent.process.command = [
                part for part in agent.process.command if not str(part).startswith("--config.file")
            ]
        agent.start()
        assert jobs(agent) == {"one"}
        agent.kill()
