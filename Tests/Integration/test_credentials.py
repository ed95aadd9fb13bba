"""Which credentials and endpoints are used: botocore decides the same, moto's STS and metadata agree, and an
agent signs on while its credentials expire every few seconds.
"""

import json
import os
import re
import subprocess
import sys
import time

import botocore.endpoint_provider
import botocore.loaders
import botocore.session
import pytest
from parts.agent import IS_NARTHEX, clean_environment, program
from parts.aws import REGION
from parts.cloud import Cloud
from parts.process import wait_until

pytestmark = pytest.mark.skipif(not IS_NARTHEX, reason="compares `narthex credentials` with botocore")

ROLE = "arn:aws:iam::123456789012:role/"
KEYS = {"AWS_ACCESS_KEY_ID": "ENV", "AWS_SECRET_ACCESS_KEY": "env-secret"}
SERVICES = ("ecs", "ec2", "ssm", "sts", "s3")


def keys(name):
    return f"aws_access_key_id = {name}\naws_secret_access_key = secret-of-{name}\n"


# (name, environment, config file, credentials file, profile of the configuration). CLOUD is the stand-in's
# URL, FOLDER a folder with a token, TOOL a credential_process.
CASES = [
    ("environment", KEYS, "", "", None),
    ("environment before profile", KEYS, f"[default]\n{keys('C')}", f"[default]\n{keys('F')}", None),
    ("AWS_PROFILE is not before the environment", KEYS | {"AWS_PROFILE": "p"},
     f"[profile p]\n{keys('P')}", "", None),
    ("credentials file before config file", {}, f"[default]\n{keys('C')}", f"[default]\n{keys('F')}", None),
    ("config file", {}, f"[default]\n{keys('C')}", "", None),
    ("a profile by variable", {"AWS_PROFILE": "p"},
     f"[profile p]\n{keys('P')}", f"[default]\n{keys('F')}", None),
    ("a profile by configuration", KEYS, f"[profile p]\n{keys('P')}", "", "p"),
    ("a profile in quotes", KEYS, f'[profile "p q"]\n{keys("P")}', "", "p q"),
    (
        "web identity", {"AWS_WEB_IDENTITY_TOKEN_FILE": "FOLDER/token", "AWS_ROLE_ARN": f"{ROLE}web"},
        f"[default]\n{keys('C')}", "", None,
    ),
    (
        "environment before web identity",
        KEYS | {"AWS_WEB_IDENTITY_TOKEN_FILE": "FOLDER/token", "AWS_ROLE_ARN": f"{ROLE}web"}, "", "", None,
    ),
    (
        "role with source_profile", {},
        f"[default]\nrole_arn = {ROLE}r\nsource_profile = base\nexternal_id = xyz\n",
        f"[base]\n{keys('B')}", None,
    ),
    ("role before the same profile's keys", {}, f"[default]\nrole_arn = {ROLE}r\nsource_profile = default\n",
     f"[default]\n{keys('F')}", None),
    (
        "role over role", KEYS,
        f"[profile a]\nrole_arn = {ROLE}a\nsource_profile = b\n"
        f"[profile b]\nrole_arn = {ROLE}b\nsource_profile = c\n[profile c]\n{keys('C')}", "", "a",
    ),
    (
        "keys end a chain", KEYS,
        f"[profile a]\nrole_arn = {ROLE}a\nsource_profile = b\n"
        f"[profile b]\nrole_arn = {ROLE}b\nsource_profile = c\n{keys('B')}[profile c]\n{keys('C')}", "", "a",
    ),
    ("credential_source Environment", KEYS,
     f"[profile p]\nrole_arn = {ROLE}r\ncredential_source = Environment\n", "", "p"),
    (
        "credential_source EcsContainer", {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "CLOUD/container"},
        f"[default]\nrole_arn = {ROLE}r\ncredential_source = EcsContainer\n", "", None,
    ),
    (
        "credential_source Ec2InstanceMetadata",
        {"AWS_EC2_METADATA_DISABLED": "false", "AWS_EC2_METADATA_SERVICE_ENDPOINT": "CLOUD"},
        f"[default]\nrole_arn = {ROLE}r\ncredential_source = Ec2InstanceMetadata\n", "", None,
    ),
    ("web identity in a profile", KEYS,
     f"[profile p]\nrole_arn = {ROLE}r\nweb_identity_token_file = FOLDER/token\n", "", "p"),
    (
        "web identity below a role", KEYS,
        f"[profile p]\nrole_arn = {ROLE}r\nsource_profile = q\n"
        f"[profile q]\nrole_arn = {ROLE}q\nweb_identity_token_file = FOLDER/token\n", "", "p",
    ),
    ("credential_process", {}, "[default]\ncredential_process = TOOL 'PROCESS' \"a b\"\n", "", None),
    ("credential_process below a role", {},
     f"[default]\nrole_arn = {ROLE}r\nsource_profile = q\n[profile q]\ncredential_process = TOOL PROCESS\n",
     "", None),
    ("credentials file before credential_process", {}, "[default]\ncredential_process = TOOL PROCESS\n",
     f"[default]\n{keys('F')}", None),
    ("container", {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "CLOUD/container"}, "", "", None),
    ("a profile without credentials leads to the container",
     {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "CLOUD/container", "AWS_PROFILE": "p"},
     "[profile p]\nregion = x-1\n", "", None),
    ("files before container", {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "CLOUD/container"}, "",
     f"[default]\n{keys('F')}", None),
    ("instance metadata",
     {"AWS_EC2_METADATA_DISABLED": "false", "AWS_EC2_METADATA_SERVICE_ENDPOINT": "CLOUD"}, "", "", None),
    (
        "container before instance metadata",
        {"AWS_EC2_METADATA_DISABLED": "false", "AWS_EC2_METADATA_SERVICE_ENDPOINT": "CLOUD",
         "AWS_CONTAINER_CREDENTIALS_FULL_URI": "CLOUD/container"}, "", "", None,
    ),
    # What both refuse.
    ("half a pair", {"AWS_ACCESS_KEY_ID": "ENV"}, "", f"[default]\n{keys('F')}", None),
    ("a circle", {}, f"[default]\nrole_arn = {ROLE}a\nsource_profile = b\n"
     f"[profile b]\nrole_arn = {ROLE}b\nsource_profile = default\n", "", None),
    ("a profile that is not there", {"AWS_PROFILE": "gone"}, "", f"[default]\n{keys('F')}", None),
    ("both sources", KEYS,
     f"[profile p]\nrole_arn = {ROLE}r\nsource_profile = q\ncredential_source = Environment\n"
     f"[profile q]\n{keys('Q')}", "", "p"),
    ("role without source", {}, f"[default]\nrole_arn = {ROLE}r\n", "", None),
    ("nothing", {}, "", "", None),
]  # fmt: skip


@pytest.fixture
def cloud(parts):
    cloud = Cloud()
    parts.callback(cloud.stop)
    return cloud


def credentials(*flags, environment):
    """({field: value}, exit status, standard error) of `narthex credentials`."""
    ended = subprocess.run(
        [program("narthex"), "credentials", *flags],
        capture_output=True, text=True, timeout=60, check=False, env=environment,
    )  # fmt: skip
    fields = dict(line.split(": ", 1) for line in ended.stdout.splitlines())
    return fields, ended.returncode, ended.stderr


def botocore_session(environment, profile, monkeypatch):
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    for name, value in environment.items():
        if name.startswith("AWS_") or name in ("HOME", "PATH"):
            monkeypatch.setenv(name, value)
    return botocore.session.Session(profile=profile)


@pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])
def test_botocore_finds_the_same_key(case, cloud, tmp_path, monkeypatch):
    _, variables, config, credentials_file, profile = case
    (tmp_path / "token").write_text("identity")
    tool = tmp_path / "tool.py"
    document = {"Version": 1, "SecretAccessKey": "s", "SessionToken": "t"}
    tool.write_text(
        "import json, sys\nkey = '.'.join(sys.argv[1:]).replace(' ', '_')\n"
        f"print(json.dumps({document!r} | {{'AccessKeyId': key}}))\n"
    )

    def filled(text):
        text = text.replace("CLOUD", cloud.url).replace("FOLDER", str(tmp_path))
        return text.replace("TOOL", f"{sys.executable} '{tool}'")

    (tmp_path / "config").write_text(filled(config))
    (tmp_path / "credentials").write_text(filled(credentials_file))
    environment = clean_environment(
        AWS_CONFIG_FILE=str(tmp_path / "config"), AWS_SHARED_CREDENTIALS_FILE=str(tmp_path / "credentials"),
        AWS_ENDPOINT_URL_STS=cloud.url, AWS_DEFAULT_REGION=REGION,
    )  # fmt: skip
    environment |= {name: filled(value) for name, value in variables.items()}

    flags = [f"--profile={profile}"] if profile else []
    ours, status, said = credentials(*flags, environment=environment)
    try:
        theirs = botocore_session(environment, profile, monkeypatch).get_credentials()
        expected = theirs.access_key if theirs else None
    except botocore.exceptions.BotoCoreError:
        expected = None
    assert ours.get("access_key") == expected, (ours, said)
    assert (status == 0) == (expected is not None)
    assert "-secret" not in said and "secret-of" not in said


REGIONS = [
    "us-east-1", "eu-west-1", "us-gov-west-1", "cn-north-1", "us-iso-east-1", "us-isob-east-1",
    "eu-isoe-west-1", "us-isof-south-1", "eusc-de-east-1",
]  # fmt: skip


@pytest.mark.parametrize("region", REGIONS)
def test_botocore_finds_the_same_endpoints(region):
    loader = botocore.loaders.create_loader()
    partitions = loader.load_data("partitions")
    for fips in (False, True):
        for dual in (False, True):
            environment = clean_environment(
                AWS_REGION=region, AWS_USE_FIPS_ENDPOINT=str(fips).lower(),
                AWS_USE_DUALSTACK_ENDPOINT=str(dual).lower(), **KEYS,
            )  # fmt: skip
            ours, _, said = credentials(environment=environment)
            for service in SERVICES:
                rules = loader.load_service_model(service, "endpoint-rule-set-1")
                provider = botocore.endpoint_provider.EndpointProvider(rules, partitions)
                if service == "s3" and fips and region.startswith("cn-"):
                    continue  # botocore refuses: China has none for S3
                parameters = {"Region": region, "UseFIPS": fips, "UseDualStack": dual}
                if service == "sts":
                    parameters["UseGlobalEndpoint"] = False
                expected = provider.resolve_endpoint(**parameters).url
                assert ours.get(f"endpoint_{service}") == expected, (service, fips, dual, said)


SERVICES_SECTION = (
    "[default]\nservices = mine\nendpoint_url = http://127.0.0.1:4/\n"
    "[services mine]\necs =\n  endpoint_url = http://127.0.0.1:5\n"
    "ssm =\n    endpoint_url=http://127.0.0.1:6/x\n"
)


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"},
        {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ENDPOINT_URL_SSM": "http://127.0.0.1:2"},
        {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true", "AWS_ENDPOINT_URL": "http://127.0.0.1:1"},
        {"AWS_PROFILE": "other"},
    ],
)
def test_botocore_heeds_the_same_endpoint_settings(variables, tmp_path, monkeypatch):
    (tmp_path / "config").write_text(SERVICES_SECTION + "[profile other]\nuse_fips_endpoint = true\n")
    environment = clean_environment(
        AWS_CONFIG_FILE=str(tmp_path / "config"), AWS_REGION="us-east-1", AWS_DEFAULT_REGION="us-east-1",
        # botocore alone still has S3's us-east-1 in one place for the world unless told so.
        AWS_S3_US_EAST_1_REGIONAL_ENDPOINT="regional", **KEYS, **variables,
    )  # fmt: skip
    ours, _, said = credentials(environment=environment)
    session = botocore_session(environment, None, monkeypatch)
    for service in SERVICES:
        expected = session.create_client(service).meta.endpoint_url.rstrip("/")
        assert ours.get(f"endpoint_{service}") == expected, (service, said)


def test_an_endpoints_password_and_a_containers_path_are_not_shown():
    environment = clean_environment(
        AWS_REGION=REGION, AWS_ENDPOINT_URL="http://user:hunter2@127.0.0.1:1/base", **KEYS
    )
    ours, _, said = credentials(environment=environment)
    assert ours["endpoint_ecs"] == "http://127.0.0.1:1/base", said
    environment = clean_environment(
        AWS_REGION=REGION, AWS_CONTAINER_CREDENTIALS_FULL_URI="http://127.0.0.1:1/hunter2"
    )
    _, status, said = credentials(environment=environment)
    assert status == 2 and "127.0.0.1:1" in said and "hunter2" not in said


def test_motos_sts_takes_our_signature_and_tells_a_wrong_one(make_moto):
    moto = make_moto(verifies=True)
    keys = {"AWS_ACCESS_KEY_ID": moto.access_key, "AWS_SECRET_ACCESS_KEY": moto.secret_key}
    environment = clean_environment(AWS_ENDPOINT_URL=moto.url, AWS_REGION=REGION, **keys)
    flags = [f"--role-arn={ROLE}writer", "--external-id=x/+&y"]
    ours, _, said = credentials(*flags, environment=environment)
    assert re.fullmatch("ASIA[A-Z0-9]+", ours.get("access_key", "")), said
    assert ours["source"] == f"role {ROLE}writer assumed with the environment"
    assert ours["session_token"] == "yes"
    assert 3500 <= int(ours["expires_in"].rstrip("s")) <= 3600
    wrong = environment | {"AWS_SECRET_ACCESS_KEY": "hunter2"}
    ours, status, said = credentials(*flags, environment=wrong)
    assert (ours, status) == ({}, 2)
    assert "SignatureDoesNotMatch" in said and f"{ROLE}writer" in said and "hunter2" not in said


def test_motos_web_identity_and_instance_metadata_are_read(make_moto, tmp_path):
    moto = make_moto()
    (tmp_path / "token").write_text("a.b.c\n")
    ours, _, said = credentials(
        environment=clean_environment(
            AWS_ENDPOINT_URL=moto.url, AWS_REGION=REGION, AWS_ROLE_ARN=f"{ROLE}web",
            AWS_WEB_IDENTITY_TOKEN_FILE=str(tmp_path / "token"),
        )
    )  # fmt: skip
    assert re.fullmatch("ASIA[A-Z0-9]+", ours.get("access_key", "")), said
    ours, _, said = credentials(
        environment=clean_environment(
            AWS_EC2_METADATA_DISABLED="false", AWS_EC2_METADATA_SERVICE_ENDPOINT=moto.url
        )
    )
    assert ours.get("source") == "EC2 instance metadata", said
    assert ours["region"] != "none"


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        ({"/latest/api/token": (500, ""), }, "HTTP 500"),
        ({"/latest/meta-data/iam/security-credentials/": (404, "")}, "no instance profile is attached"),
        ({"/latest/meta-data/iam/security-credentials/the-role": (200, '{"Code":"Failed"}')}, "says Failed"),
        ({"/latest/meta-data/iam/security-credentials/the-role": (200, "<html>")}, "not the JSON expected"),
        ({"/latest/api/token": (403, "")}, "HttpPutResponseHopLimit"),
    ],
)  # fmt: skip
def test_what_instance_metadata_lacks_is_said_with_everything_tried(cloud, faults, words):
    cloud.decide = faults.get
    ours, status, said = credentials(
        environment=clean_environment(
            AWS_EC2_METADATA_DISABLED="false", AWS_EC2_METADATA_SERVICE_ENDPOINT=cloud.url
        )
    )
    assert (ours, status) == ({}, 2)
    for part in (words, "AWS_ACCESS_KEY_ID is not set", "there is no profile default", "FULL_URI is set"):
        assert part in said, said


def test_an_agent_signs_on_while_its_credentials_expire(make_agent, receiver, text_exporter, cloud, tmp_path):
    cloud.life, cloud.numbered = 12, True
    exporter = text_exporter("one 1\n")
    configuration = {
        "global": {"scrape_interval": "250ms", "scrape_timeout": "250ms"},
        "scrape_configs": [{"job_name": "one", "static_configs": [{"targets": [exporter.address]}]}],
        "remote_write": [
            {
                "url": receiver.url,
                "sigv4": {"region": REGION},
                "queue_config": {"batch_send_deadline": "100ms"},
            }
        ],
    }
    token = tmp_path / "container-token"
    token.write_text("first")
    environment = {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{cloud.url}/container",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(token),
    }
    agent = make_agent(configuration, environment=environment).start()

    def used():
        found = [re.search(r"Credential=([^/]+)/", received.header("Authorization") or "") for received in
                 receiver.requests]  # fmt: skip
        return [match[1] for match in found if match]

    wait_until(lambda: len(set(used())) >= 2, 30, "second key")
    # The endpoint fails for a while, and its token is replaced: the old keys serve on.
    (tmp_path / "new-token").write_text("second")
    os.replace(tmp_path / "new-token", token)
    cloud.decide = lambda path: (500, "{}")
    wait_until(lambda: agent.log_lines("the old ones serve on"), 30, "refresh that fails")
    cloud.decide = lambda path: None
    before = len(set(used()))
    wait_until(lambda: len(set(used())) > before, 30, "key after the fault")
    assert used() == sorted(used()), "never back to an older key"
    assert cloud.asked[0][2]["Authorization"] == "first"
    assert cloud.asked[-1][2]["Authorization"] == "second"
    assert agent.metric("narthex_aws_credentials_refreshes_total", identity="default") >= 3
    assert agent.metric("narthex_aws_credentials_refresh_failures_total", identity="default") >= 1
    ends = agent.metric("narthex_aws_credentials_expiry_timestamp_seconds", identity="default")
    assert -10 < ends - time.time() < 13
    text = agent.log_text()
    assert len(agent.log_lines("AWS credentials could not be refreshed")) == 1
    assert agent.log_lines("AWS credentials were refreshed again")
    assert "secret-of" not in text and json.dumps("token") not in text
    assert agent.stop() == 0
