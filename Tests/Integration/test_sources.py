"""Configurations from everywhere they may be. moto has its checks on: a text is read by a session that moto's
IAM knows, and that a policy of config/iam allows this and nothing more.
"""

import base64
import http.server
import json
import subprocess
import threading

import pytest
import yaml
from parts.agent import IS_NARTHEX, clean_environment, program
from parts.aws import BUCKET, REGION
from parts.process import free_port

pytestmark = pytest.mark.skipif(not IS_NARTHEX, reason="Debian's Prometheus reads files only")

TEXT = yaml.safe_dump({
    "scrape_configs": [{"job_name": "found", "static_configs": [{"targets": ["127.0.0.1:1"]}]}],
    "remote_write": [{"url": "http://127.0.0.1:9/write"}],
})  # fmt: skip


def printed(location, *flags, **environment):
    """`narthex run --config.print`: the configuration as it would be run."""
    return subprocess.run(
        [program("narthex"), "run", f"--config.file={location}", "--config.print", *flags],
        env=clean_environment(AWS_REGION=REGION, AWS_EC2_METADATA_DISABLED="true", **environment),
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip


def assert_found(ended):
    assert ended.returncode == 0, ended.stderr
    assert yaml.safe_load(ended.stdout)["scrape_configs"][0]["job_name"] == "found"


@pytest.fixture
def shop(make_moto):
    return make_moto(verifies=True)


def store(moto, kind, text):
    """The location of a text that is put there."""
    if kind == "config-s3":
        s3 = moto.client("s3")
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_object(Bucket=BUCKET, Key="a b.yml", Body=text)
        return f"s3://{BUCKET}/a b.yml"
    if kind == "config-ssm":
        moto.client("ssm").put_parameter(Name="/shop/narthex", Value=text, Type="SecureString")
        return "ssm:/shop/narthex"
    value = json.dumps({"config": text})
    moto.client("secretsmanager").create_secret(Name="shop/narthex", SecretString=value)
    return "secretsmanager:shop/narthex#config"


def keys_of(moto, role):
    found = moto.session(role)
    return {
        "AWS_ENDPOINT_URL": moto.url, "AWS_ACCESS_KEY_ID": found["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": found["SecretAccessKey"], "AWS_SESSION_TOKEN": found["Token"],
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["config-s3", "config-ssm", "config-secretsmanager"])
def test_a_service_gives_the_text_to_whom_its_policy_allows(kind, shop):
    location = store(shop, kind, TEXT)
    allowed = keys_of(shop, shop.make_role("reader", kind))
    assert_found(printed(location, **allowed))
    shop.client("iam").delete_role_policy(RoleName="reader", PolicyName=kind)
    refused = printed(location, **allowed)
    assert refused.returncode == 2 and f"{kind}.json" in refused.stderr, refused


def test_a_variable_gives_the_text_and_base64_is_decoded():
    assert_found(printed("env:CONTENT", CONTENT=TEXT))
    assert_found(printed("env:CONTENT", CONTENT=base64.encodebytes(TEXT.encode()).decode()))
    missing = printed("env:CONTENT")
    assert missing.returncode == 2 and "the environment has no CONTENT" in missing.stderr


class TextServer:
    """Gives its text for /a; other paths lead there."""

    def __init__(self, text=TEXT):
        self.text, self.port = text, free_port()
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = owner.text.encode() if self.path.startswith("/a") else b""
                self.send_response(200 if body else 302)
                self.send_header("Location", "ftp://h/a" if self.path.startswith("/elsewhere") else "/a")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def test_a_server_gives_the_text():
    server = TextServer()
    try:
        assert_found(printed(f"http://127.0.0.1:{server.port}/a?token=hush"))
        assert_found(printed(f"http://127.0.0.1:{server.port}/b?token=hush"))
        moved = printed(f"http://127.0.0.1:{server.port}/elsewhere?token=hush")
        assert moved.returncode == 2 and "redirect" in moved.stderr and "hush" not in moved.stderr
    finally:
        server.stop()


def test_a_composers_job_brings_its_files(shop, tmp_path):
    parameter = store(shop, "config-ssm", TEXT).removeprefix("ssm:")
    job = yaml.safe_dump({
        "files": {
            f"{tmp_path}/prometheus.yml": {"source": {"Ssm": {"ParameterName": "${PARAMETER}"}}},
            f"{tmp_path}/other.txt": {
                "context": "jinja2", "content": "{{ env_var('WORD') }}", "owner": "nobody",
            },
        }
    })  # fmt: skip
    allowed = keys_of(shop, shop.make_role("reader", "config-ssm")) | {"PARAMETER": parameter, "WORD": "w"}
    content = base64.b64encode(job.encode()).decode()
    assert_found(printed("env:ECS_CONFIG_CONTENT", ECS_CONFIG_CONTENT=content, **allowed))
    # Printing takes nothing into use.
    assert not (tmp_path / "other.txt").exists()


def test_variables_are_replaced_in_every_value():
    text = TEXT.replace("found", "${JOB}").replace("http://", "${SCHEME:-http}://")
    assert_found(printed("env:CONTENT", "--config.expand-env", CONTENT=text, JOB="found"))
    unset = printed("env:CONTENT", "--config.expand-env", CONTENT=text)
    assert unset.returncode == 2 and "the environment has no JOB" in unset.stderr
