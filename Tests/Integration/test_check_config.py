"""`narthex check-config`, and the JSON schema against every configuration of the corpus and of the docs."""

import json
import re
import shutil
import subprocess

import jsonschema
import pytest
import yaml
from parts.agent import IS_NARTHEX, ROOT, clean_environment, program
from test_corpus import cases, with_destination

pytestmark = pytest.mark.skipif(not IS_NARTHEX, reason="this is a command of Narthex")


def check(*arguments, **environment):
    return subprocess.run(
        [program("narthex"), "check-config", *arguments],
        env=clean_environment(**environment), capture_output=True, text=True, timeout=120,
    )  # fmt: skip


def test_the_exit_status_says_what_was_found(tmp_path):
    good = "global: {sample_limit: 9}\nscrape_configs: [{job_name: a}]"
    (tmp_path / "good.yml").write_text(with_destination(good))
    (tmp_path / "warned.yml").write_text(with_destination("scrape_configs: [{job_name: a}]"))
    (tmp_path / "bad.yml").write_text(with_destination("globl: {}"))
    good, warned, bad = (tmp_path / f"{name}.yml" for name in ("good", "warned", "bad"))
    assert check(good).returncode == 0 and check(good, "--lint-fatal").returncode == 0
    assert check(warned).returncode == 0 and check(warned, "--lint-fatal").returncode == 1
    ended = check(good, bad, warned, "--lint-fatal")
    assert ended.returncode == 2 and f'error: {bad}:1:1: unknown key "globl"' in ended.stdout
    assert check().returncode == 64
    far = check("s3://shop/narthex.yml")
    assert far.returncode == 2 and "not on this machine" in far.stdout


@pytest.mark.parametrize("kind", ["good", "bad"])
def test_the_corpus_has_its_verdicts(kind, tmp_path):
    for number, (name, _, text) in enumerate(cases(kind)):
        path = tmp_path / f"{number}.yml"
        path.write_text(with_destination(text))
        ended = check(path)
        assert ended.returncode == (0 if kind == "good" else 2), f"{name}\n{ended.stdout}"
        errors = [line for line in ended.stdout.splitlines() if line.startswith("error: ")]
        assert (kind == "bad") == bool(errors), name
        placed = re.compile(rf"error: {re.escape(str(tmp_path))}/[^:]+:\d+:\d+: .{{10,}}")
        assert all(placed.match(line) for line in errors), f"{name}\n{ended.stdout}"


COSTLY = """\
global: {scrape_interval: 5s}
scrape_configs:
  - job_name: a
    static_configs: [{targets: ["h:1", "h:2"]}]
    metric_relabel_configs:
      - {action: labeldrop, regex: instance|le}
      - {source_labels: [a], regex: (.*), target_label: b, replacement: $$1}
remote_write:
  - url: https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1/api/v1/remote_write
    sigv4: {region: eu-west-1}
"""


def test_what_costs_is_a_warning_with_its_place(tmp_path):
    path = tmp_path / "costly.yml"
    path.write_text(COSTLY)
    ended = check(path, "--lint-fatal")
    assert ended.returncode == 1, ended.stdout
    assert ended.stdout.splitlines()[-1] == "  job a: 2 static targets; every 5s"
    for place, words in [
        ("3:5", "no sample_limit"), ("3:5", "every 5s"), ("6:36", "labeldrop takes le, instance away"),
        ("7:73", "$1"),
    ]:  # fmt: skip
        lines = [line for line in ended.stdout.splitlines() if line.startswith(f"warning: {path}:{place}: ")]
        assert any(words in line for line in lines), f"{place} {words}\n{ended.stdout}"


EVERY_WAY_OUT = """\
scrape_configs:
  - job_name: a
    sample_limit: 9
    http_sd_configs: [{url: "http://sd.example:1/targets"}]
    dns_sd_configs: [{names: [dns.example]}]
    ecs_sd_configs: [{clusters: [shop]}]
    oauth2: {client_id: a, client_secret: b, token_url: "https://token.example/t"}
    static_configs: [{targets: ["host.example:1"]}]
remote_write:
  - url: https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1/api/v1/remote_write
    sigv4: {}
"""


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_nothing_is_asked(tmp_path):
    """No socket of the network is made, neither for a configuration nor for a job that names services."""
    (tmp_path / "all.yml").write_text(EVERY_WAY_OUT)
    (tmp_path / "job.yml").write_text(yaml.safe_dump({
        "files": {
            "/a/a.txt": {"source": {"Ssm": {"ParameterName": "/a"}}},
            "/a/b.txt": {"source": {"Url": {"Url": "https://web.example/b"}}},
            "/a/prometheus.yml": {"content": EVERY_WAY_OUT},
        }
    }))  # fmt: skip
    trace = tmp_path / "trace"
    ended = subprocess.run(
        ["strace", "-f", "-e", "trace=network", "-o", trace, program("narthex"), "check-config",
         tmp_path / "all.yml", tmp_path / "job.yml"],
        env=clean_environment(AWS_REGION="eu-west-1", AWS_EC2_METADATA_DISABLED="false"),
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout.count("not checked") == 2
    said = trace.read_text()
    assert "exited with 0" in said
    assert "AF_INET" not in said and "AF_UNIX" not in said and "connect(" not in said, said


def test_every_good_configuration_is_printed(tmp_path):
    """With every default; what is printed is YAML, and a configuration again where it holds no secret."""
    for number, (name, _, text) in enumerate(cases("good")):
        path = tmp_path / f"{number}.yml"
        path.write_text(with_destination(text))
        ended = subprocess.run(
            [program("narthex"), "run", f"--config.file={path}", "--config.print"],
            env=clean_environment(), capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert ended.returncode == 0, f"{name}\n{ended.stderr}"
        assert yaml.safe_load(ended.stdout)["global"]["scrape_interval"], name
        if "<secret>" in ended.stdout:
            continue
        path.write_text(ended.stdout)
        again = check(path)
        assert again.returncode == 0, f"{name}\n{again.stdout}\n{ended.stdout}"


SECTIONS = {"scrape_configs", "remote_write", "global"}
# What the job of ECS Files Composer among the examples names.
JOB_VARIABLES = {"AMP_REMOTE_WRITE_URL": "https://receiver.example/write", "AWS_DEFAULT_REGION": "eu-west-1"}


def examples_of_config():
    """(path, configurations in it) of each file under config/ that the agent reads: a configuration, or a
    composer's job with one in it. What else lies there are compose files, Prometheus' alerts, and the kit for
    Fargate, which has tests of its own.
    """
    for path in sorted((ROOT / "config").rglob("*.y*ml")):
        if path.parent == ROOT / "config/fargate":
            continue
        value = yaml.safe_load(path.read_text())
        if SECTIONS & value.keys():
            yield path, [value]
        elif "files" in value:
            texts = [file["content"] for file in value["files"].values()]
            for name, variable in JOB_VARIABLES.items():
                texts = [text.replace(f"{{{{ env_var('{name}') | safe }}}}", variable) for text in texts]
            yield path, [yaml.safe_load(text) for text in texts]
        else:
            assert {"services", "groups"} & value.keys(), path


@pytest.mark.parametrize("path", [path for path, _ in examples_of_config()], ids=lambda path: path.name)
def test_every_example_would_be_run(path):
    ended = check(path, HOSTNAME="edge", **JOB_VARIABLES)
    assert ended.returncode == 0, ended.stdout
    # A job without a sample_limit is what people have.
    assert "leads to" not in ended.stdout and ended.stdout.count("warning:") <= 4, ended.stdout


def examples_of_docs():
    for page in [*(ROOT / "docs").glob("*.md"), ROOT / "README.md"]:
        for text in re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL):
            value = yaml.safe_load(text)
            if isinstance(value, dict) and SECTIONS & value.keys():
                yield page.name, value
    for path, values in examples_of_config():
        for value in values:
            yield path.name, value


def test_the_schema_takes_every_good_configuration():
    schema = json.loads((ROOT / "config/narthex.schema.json").read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    validator = jsonschema.Draft7Validator(schema)
    found = [*examples_of_docs(), *((name, yaml.safe_load(text)) for name, _, text in cases("good"))]
    assert len(found) > 60
    wrong = {
        name: [f"{list(error.path)}: {error.message}" for error in validator.iter_errors(value)]
        for name, value in found
    }
    assert not {name: errors for name, errors in wrong.items() if errors}


def test_the_schema_refuses_what_no_key_is():
    validator = jsonschema.Draft7Validator(json.loads((ROOT / "config/narthex.schema.json").read_text()))
    for value in [
        {"globl": {}}, {"global": {"scrape_interval": "15 seconds"}}, {"scrape_configs": {}},
        {"scrape_configs": [{"job_name": "a", "honor_labels": "maybe"}]},
    ]:  # fmt: skip
        assert not validator.is_valid(value), value


def test_the_schema_sees_the_faults_of_names_and_types():
    """What depends on several keys, on files or on texts within values is for check-config alone."""
    validator = jsonschema.Draft7Validator(json.loads((ROOT / "config/narthex.schema.json").read_text()))
    seen, unseen = [], []
    for name, _, text in cases("bad"):
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError:
            continue
        (unseen if validator.is_valid(value) else seen).append(name)
    assert len(seen) >= 90, unseen
    # By the kinds that the page names.
    assert {"two jobs of one name", "a target with a path"} <= set(unseen)


def test_the_schema_is_that_of_the_program():
    assert check("--schema").stdout == (ROOT / "config/narthex.schema.json").read_text()
