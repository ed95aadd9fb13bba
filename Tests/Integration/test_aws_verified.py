"""Every way to credentials with moto's checks on: the calls that follow are signed by a session that moto's
IAM knows, and allowed by the policies of config/iam and nothing more. And a configuration that lies in S3.
"""

import json
import os
import subprocess
import urllib.parse

import botocore.config
import botocore.session
import pytest
import yaml
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from parts.agent import IS_NARTHEX, clean_environment, program
from parts.aws import BUCKET, REGION
from parts.cloud import Cloud
from parts.process import free_port, wait_until
from parts.web import TargetList

pytestmark = pytest.mark.skipif(not IS_NARTHEX, reason="Debian's Prometheus knows neither ECS nor S3")


@pytest.fixture
def shop(make_moto):
    """moto with its checks on, and one task."""
    moto = make_moto(verifies=True)
    moto.client("ecs").create_cluster(clusterName="shop")
    moto.shop_port = free_port()
    labels = {"PROMETHEUS_EXPORTER_PORT": str(moto.shop_port)}
    _, moto.shop_address = moto.run_task("shop", "cart", labels, moto.make_network())
    return moto


@pytest.fixture
def cloud(parts):
    cloud = Cloud()
    parts.callback(cloud.stop)
    return cloud


def put(moto, key, text, bucket=BUCKET):
    s3 = moto.client("s3")
    if bucket not in [known["Name"] for known in s3.list_buckets()["Buckets"]]:
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket=bucket, Key=key, Body=text if isinstance(text, str) else yaml.safe_dump(text))
    return f"s3://{bucket}/{key}"


def job(**more):
    return {"job_name": "ecs", "ecs_sd_configs": [{"clusters": ["shop"], "refresh_interval": "1s", **more}]}


def discover(file, **environment):
    return subprocess.run(
        [program("narthex"), "discover", f"--config.file={file}", "--format=json"],
        env=clean_environment(AWS_REGION=REGION, **environment),
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip


def environment_of(kind, moto, cloud, role, folder):
    """What makes a machine one that has its credentials in this way."""
    if kind == "keys":
        found = moto.session(role)
        return {
            "AWS_ACCESS_KEY_ID": found["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": found["SecretAccessKey"],
            "AWS_SESSION_TOKEN": found["Token"],
        }
    if kind == "web identity":
        token = folder / "token"
        token.write_text("header.claims.signature")
        return {"AWS_ROLE_ARN": role, "AWS_WEB_IDENTITY_TOKEN_FILE": str(token)}
    cloud.session = moto.session(role)
    if kind == "task role":
        return {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{cloud.url}/container"}
    return {"AWS_EC2_METADATA_DISABLED": "false", "AWS_EC2_METADATA_SERVICE_ENDPOINT": cloud.url}


WAYS = ["keys", "web identity", "task role", "instance metadata"]


@pytest.mark.parametrize("way", WAYS)
def test_discovery_and_s3_are_signed_by_a_session_that_iam_knows(way, shop, cloud, tmp_path):
    role = shop.make_role("agent", "ecs-tasks", "config-s3")
    file = put(shop, "eu/narthex.yml", {"scrape_configs": [job()]})
    environment = environment_of(way, shop, cloud, role, tmp_path) | {"AWS_ENDPOINT_URL": shop.url}
    shown = discover(file, **environment)
    assert shown.returncode == 0, shown.stderr
    (found,) = json.loads(shown.stdout)
    addresses = [target["labels"]["instance"] for target in found["targets"]]
    assert addresses == [f"{shop.shop_address}:{shop.shop_port}"]

    # The same session without the one permission or the other: it is IAM that lets the calls through.
    shop.client("iam").delete_role_policy(RoleName="agent", PolicyName="ecs-tasks")
    shown = discover(file, **environment)
    assert shown.returncode == 1 and "AccessDenied" in shown.stderr + shown.stdout, shown
    shop.client("iam").delete_role_policy(RoleName="agent", PolicyName="config-s3")
    shown = discover(file, **environment)
    assert shown.returncode == 2 and "AccessDenied" in shown.stderr, shown
    assert "s3:GetObject" in shown.stderr and "config-s3.json" in shown.stderr


@pytest.mark.parametrize(
    ("policy", "keys", "call"),
    [
        ("ecs-all-clusters", {"clusters": ["*"]}, "ListClusters"),
        ("ecs-service-labels", {"describe_services": True}, "DescribeServices"),
        ("ecs-cluster-labels", {"describe_clusters": True}, "DescribeClusters"),
        ("ecs-public-addresses", {"describe_network_interfaces": True}, "DescribeNetworkInterfaces"),
        ("ecs-tasks", {}, "ListTasks"),
    ],
)
def test_a_features_policy_is_what_it_needs(policy, keys, call, shop, cloud, tmp_path):
    role = shop.make_role("agent", "ecs-tasks", policy)
    file = tmp_path / "narthex.yml"
    file.write_text(yaml.safe_dump({"scrape_configs": [job(**keys)]}))
    environment = environment_of("keys", shop, cloud, role, tmp_path) | {"AWS_ENDPOINT_URL": shop.url}

    def shown():
        ended = discover(file, **environment)
        return ended.stdout + ended.stderr

    assert '"url"' in shown() and "not authorized" not in shown()
    shop.client("iam").delete_role_policy(RoleName="agent", PolicyName=policy)
    refused = shown()
    assert call in refused and "not authorized" in refused, refused


@pytest.mark.parametrize("way", WAYS)
def test_a_role_is_assumed_with_each_of_them(way, shop, cloud, tmp_path):
    """A call to STS signed by the session, and calls to ECS signed by what it gave."""
    first = shop.make_role("agent", "assume-role")
    iam = shop.client("iam")
    reader = shop.make_role("reader", "ecs-tasks")
    file = tmp_path / "narthex.yml"
    file.write_text(yaml.safe_dump({"scrape_configs": [job(role_arn=reader)]}))
    environment = environment_of(way, shop, cloud, first, tmp_path) | {"AWS_ENDPOINT_URL": shop.url}
    shown = discover(file, **environment)
    assert shown.returncode == 0, shown.stderr
    assert len(json.loads(shown.stdout)[0]["targets"]) == 1
    iam.delete_role_policy(RoleName="reader", PolicyName="ecs-tasks")
    shown = discover(file, **environment)
    assert shown.returncode == 1 and "reader" in shown.stderr + shown.stdout, shown


@pytest.mark.parametrize("way", ["web identity", "task role", "instance metadata"])
def test_a_session_that_is_not_the_one_given_out_is_refused(way, shop, cloud, tmp_path):
    """moto does look: with one letter of the secret changed on the way nothing is found."""
    role = shop.make_role("agent", "ecs-tasks")
    file = tmp_path / "narthex.yml"
    file.write_text(yaml.safe_dump({"scrape_configs": [job()]}))
    environment = environment_of(way, shop, cloud, role, tmp_path) | {"AWS_ENDPOINT_URL": shop.url}
    if way == "web identity":
        # The stand-in's STS gives a key that moto has never seen.
        environment["AWS_ENDPOINT_URL_STS"] = cloud.url
        word = "InvalidClientTokenId"
    else:
        given = cloud.session["SecretAccessKey"]
        cloud.session["SecretAccessKey"] = ("y" if given[0] == "x" else "x") + given[1:]
        word = "SignatureDoesNotMatch"
    shown = discover(file, **environment)
    assert shown.returncode == 1 and word in shown.stdout + shown.stderr, shown
    secret = (cloud.session or {"SecretAccessKey": "secret-of"})["SecretAccessKey"]
    assert secret not in shown.stdout + shown.stderr


def user(moto, **more):
    keys = {"AWS_ACCESS_KEY_ID": moto.access_key, "AWS_SECRET_ACCESS_KEY": moto.secret_key}
    return keys | {"AWS_ENDPOINT_URL": moto.url, "AWS_REGION": REGION} | more


def test_an_agent_runs_on_a_configuration_in_s3(make_agent, shop, receiver, text_exporter):
    text_exporter("shop_requests_total 7\n", host=shop.shop_address, port=shop.shop_port)
    configuration = {
        "global": {"scrape_interval": "500ms", "scrape_timeout": "500ms"},
        "scrape_configs": [job()],
        "remote_write": [{"url": receiver.url, "queue_config": {"batch_send_deadline": "100ms"}}],
    }
    file = put(shop, "eu/narthex.yml", configuration)
    agent = make_agent("no: configuration", environment=user(shop), flags=[f"--config.file={file}"]).start()
    names = lambda: {dict(labels)["__name__"] for labels in receiver.samples()}  # noqa: E731
    wait_until(lambda: "shop_requests_total" in names(), 20, "samples of the task")
    assert shop.secret_key not in agent.log_text()
    assert agent.stop() == 0


@pytest.mark.parametrize(
    "key", ["a b.yml", "ü/€.yml", "a//b/../c/./d", "%41+b&c=d?e#f", "~(x)!*'$@:,;[].yml", "/", "..", "a/"]
)
def test_botocore_signs_every_key_alike(key, cloud):
    """moto reads such paths decoded, and refuses botocore's signatures of them too."""
    text = yaml.safe_dump({"scrape_configs": [{"job_name": "j", "static_configs": [{"targets": ["h:1"]}]}]})
    cloud.decide = lambda path: (200, text)
    keys = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "t/+="}
    shown = discover(f"s3://{BUCKET}/{key}", AWS_ENDPOINT_URL_S3=cloud.url, **keys)
    assert shown.returncode == 0, shown.stderr
    ((method, path, headers, _),) = cloud.asked
    lower = {name.lower(): value for name, value in headers.items()}
    signed = lower["authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
    assert signed == ["host", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"]

    # What botocore sends for that key, and how it signs that.
    client = botocore.session.Session().create_client(
        "s3", region_name=REGION, endpoint_url=cloud.url, aws_access_key_id="AKID",
        aws_secret_access_key="secret", config=botocore.config.Config(s3={"addressing_style": "path"}),
    )  # fmt: skip
    url = client.generate_presigned_url("get_object", {"Bucket": BUCKET, "Key": key})
    assert path == urllib.parse.urlsplit(url).path
    request = AWSRequest(method, cloud.url + path, headers={name: lower[name] for name in signed})
    request.context["timestamp"] = lower["x-amz-date"]
    auth = S3SigV4Auth(Credentials("AKID", "secret", "t/+="), "s3", REGION)
    expected = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
    assert lower["authorization"].endswith(f"Signature={expected}")


def test_a_bucket_in_another_region_is_asked_for_there(cloud):
    text = yaml.safe_dump({"scrape_configs": [{"job_name": "j", "static_configs": [{"targets": ["h:1"]}]}]})
    refusal = (
        "<Error><Code>AuthorizationHeaderMalformed</Code><Message>the region 'eu-west-1' is wrong; expecting "
        "'us-east-2'</Message><Region>us-east-2</Region></Error>"
    )
    cloud.decide = lambda path: (400, refusal) if len(cloud.asked) == 1 else (200, text)
    keys = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret"}
    shown = discover(f"s3://{BUCKET}/k.yml", AWS_ENDPOINT_URL_S3=cloud.url, **keys)
    assert shown.returncode == 0, shown.stderr
    scopes = [headers["Authorization"].split("/")[2:4] for _, _, headers, _ in cloud.asked]
    assert scopes == [["eu-west-1", "s3"], ["us-east-2", "s3"]]

    # Each says that it is in the other: that ends.
    cloud.decide = lambda path: (400, refusal)
    shown = discover(f"s3://{BUCKET}/k.yml", AWS_ENDPOINT_URL_S3=cloud.url, **keys)
    assert shown.returncode == 2 and "the bucket is in us-east-2" in shown.stderr, shown.stderr


@pytest.mark.parametrize(
    ("key", "changes", "words"),
    [
        ("gone.yml", {}, "NoSuchKey"),
        ("narthex.yml", {"AWS_SECRET_ACCESS_KEY": "hunter2"}, "SignatureDoesNotMatch"),
        ("narthex.yml", {"AWS_ACCESS_KEY_ID": "AKIA1234567890ABCDEF"}, "InvalidAccessKeyId"),
        ("big.yml", {}, "exceeds the limit of 4194304 bytes"),
        ("wrong.yml", {}, "wrong.yml:1:1"),
    ],
)
def test_what_is_wrong_with_it_is_said(key, changes, words, shop, tmp_path):
    put(shop, "narthex.yml", {"scrape_configs": [job()]})
    put(shop, "big.yml", "#" * (5 << 20))
    put(shop, "wrong.yml", "scrap_configs: []\n")
    file = f"s3://{BUCKET}/{key}"
    ended = subprocess.run(
        [program("narthex"), "run", f"--config.file={file}", f"--storage.agent.path={tmp_path}/data"],
        env=clean_environment(**user(shop, **changes)), capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert ended.returncode == 2, ended.stderr
    assert ended.stderr.startswith(file) and words in ended.stderr, ended.stderr
    assert "hunter2" not in ended.stderr and shop.secret_key not in ended.stderr


def test_a_service_that_is_not_well_is_waited_for(parts):
    """Two answers of 503, three attempts each, and then the configuration."""
    server = TargetList().start()
    parts.callback(server.stop)
    text = yaml.safe_dump({"scrape_configs": [{"job_name": "j", "static_configs": [{"targets": ["h:1"]}]}]})
    server.reply = (503, "application/xml", b"<Error><Code>SlowDown</Code></Error>")
    environment = clean_environment(
        AWS_ACCESS_KEY_ID="AKID", AWS_SECRET_ACCESS_KEY="s", AWS_REGION=REGION,
        AWS_ENDPOINT_URL_S3=f"http://127.0.0.1:{server.port}",
    )  # fmt: skip
    process = subprocess.Popen(
        [program("narthex"), "discover", f"--config.file=s3://{BUCKET}/k.yml", "--format=file_sd"],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    parts.callback(process.kill)
    wait_until(lambda: len(server.requests) >= 4, 20, "requests after the first three")
    server.reply = (200, "text/yaml", text.encode())
    output, said = process.communicate(timeout=40)
    assert process.returncode == 0 and "h:1" in output, said
    assert "the configuration cannot be read yet" in said


def test_a_start_that_waits_for_s3_can_be_stopped(parts, tmp_path, make_child):
    server = TargetList().start()
    parts.callback(server.stop)
    server.reply = (503, "application/xml", b"<Error><Code>SlowDown</Code></Error>")
    environment = clean_environment(
        AWS_ACCESS_KEY_ID="AKID", AWS_SECRET_ACCESS_KEY="s", AWS_REGION=REGION,
        AWS_ENDPOINT_URL_S3=f"http://127.0.0.1:{server.port}",
    )  # fmt: skip
    flags = [f"--config.file=s3://{BUCKET}/k.yml", f"--storage.agent.path={tmp_path}/data"]
    child = make_child("narthex", ["narthex", "run", *flags], environment)
    wait_until(lambda: "the configuration cannot be read yet" in child.log_text(), 20, "first warning")
    assert child.stop(timeout=5) == 0
    assert "stopped before it had started" in child.log_text()


@pytest.mark.parametrize("command", ["discover", "scrape"])
def test_a_pipe_is_read_to_its_end(command, text_exporter, tmp_path):
    exporter = text_exporter("one 1\n")
    text = yaml.safe_dump(
        {"scrape_configs": [{"job_name": "piped", "static_configs": [{"targets": [exporter.address]}]}]}
    )
    more = {"discover": ["--format=json"], "scrape": [f"http://{exporter.address}/metrics"]}[command]
    for path in ("/dev/stdin", f"{tmp_path}/pipe"):
        arguments = [program("narthex"), command, *more, f"--config.file={path}"]
        if path != "/dev/stdin":
            os.mkfifo(path)
        process = subprocess.Popen(
            arguments, env=clean_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        if path != "/dev/stdin":
            with open(path, "w") as pipe:
                pipe.write(text)
        output, said = process.communicate(text if path == "/dev/stdin" else None, timeout=60)
        assert process.returncode == 0, said
        assert {"discover": "piped", "scrape": "one"}[command] in output, output
