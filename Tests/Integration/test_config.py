"""Configuration, life cycle and the agent's own pages, as somebody at a shell meets them."""

import os
import re
import signal
import subprocess

import pytest
from parts.agent import IS_NARTHEX, clean_environment, program
from parts.exposition import from_bits
from parts.ledger import assert_balanced, read_ledger
from parts.process import wait_until
from parts.receiver import Answer
from parts.write_request import STALE_BITS

narthex_only = pytest.mark.skipif(not IS_NARTHEX, reason="this is about narthex' own words")


def series(receiver, name):
    """{instance: [(timestamp, bits)]} of one metric."""
    found = {}
    for labels, samples in receiver.samples().items():
        named = dict(labels)
        if named["__name__"] == name:
            found.setdefault(named["instance"], []).extend(samples)
    return found


def simple(receiver, targets, **remote_write):
    return {
        "global": {"scrape_interval": "500ms", "scrape_timeout": "500ms"},
        "scrape_configs": [{"job_name": "simple", "static_configs": [{"targets": targets}]}],
        "remote_write": [
            {"url": receiver.url, "queue_config": {"batch_send_deadline": "200ms"}} | remote_write
        ],
    }


# The configuration of the article on Fargate and AMP, its dashes made hyphens and its <…> filled in.
ARTICLE = """\
global:
  evaluation_interval: 1m
  scrape_interval: 30s
  scrape_timeout: 10s
remote_write:
  - url: {amp_endpoint}api/v1/remote_write
    sigv4:
      region: us-east-1
scrape_configs:
  - job_name: ecs
    file_sd_configs:
      - files:
          - {folder}/ecs_file_sd.yml
        refresh_interval: 1m
"""
# What prometheus-ecs-discovery writes.
ARTICLE_TARGETS = """\
- targets:
    - {address}
  labels:
    task_arn: arn:aws:ecs:us-east-1:123456789012:task/shop/0123456789abcdef
    task_name: cart
    job: cart-job
    task_revision: "3"
    cluster_arn: arn:aws:ecs:us-east-1:123456789012:cluster/shop
    container_name: cart
    __metrics_path__: /inner/metrics
"""


@pytest.mark.timeout(120)
def test_the_article_s_configuration_runs(make_agent, receiver, text_exporter, tmp_path):
    exporter = text_exporter("cart_requests_total 7\n")
    (tmp_path / "ecs_file_sd.yml").write_text(ARTICLE_TARGETS.format(address=exporter.address))
    endpoint = f"http://127.0.0.1:{receiver.port}/workspaces/ws-1234/"
    text = ARTICLE.format(amp_endpoint=endpoint, folder=tmp_path)
    keys = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "the-secret"}
    agent = make_agent(text, environment=keys).start()
    # Its interval is 30 s, so the first scrape comes within that.
    wait_until(lambda: series(receiver, "cart_requests_total"), 45, "samples of the article's target")
    labels = next(
        dict(labels) for labels in receiver.samples() if dict(labels)["__name__"] == "cart_requests_total"
    )
    assert labels == {
        "__name__": "cart_requests_total",
        "instance": exporter.address,
        "job": "cart-job",
        "task_arn": "arn:aws:ecs:us-east-1:123456789012:task/shop/0123456789abcdef",
        "task_name": "cart",
        "task_revision": "3",
        "cluster_arn": "arn:aws:ecs:us-east-1:123456789012:cluster/shop",
        "container_name": "cart",
    }
    assert exporter.last_path == "/inner/metrics"
    request = receiver.accepted()[0]
    assert request.path == "/workspaces/ws-1234/api/v1/remote_write"
    if IS_NARTHEX:
        assert "/us-east-1/aps/aws4_request" in request.header("Authorization")
    assert agent.stop() == 0


@narthex_only
def test_the_article_s_dashes_are_pointed_at(run_broken):
    text = ARTICLE.format(amp_endpoint="http://127.0.0.1:1/", folder="/nowhere").replace("- url", "– url")
    errors = run_broken(text)
    assert any(line.startswith("narthex.yml:6:") and "dash" in line for line in errors), errors


# Each broken file: what stands where, and what the error must say.
BROKEN = {
    "unknown key": (
        "global:\n  scrape_intervall: 15s\nscrape_configs:\n  - job_name: a\n    static_configs: []\n",
        [(2, 3, "scrape_intervall", "scrape_interval")],
    ),
    "wrong types": (
        "global:\n  scrape_interval: [15s]\nscrape_configs:\n  - job_name: a\n    honor_labels: maybe\n",
        [(2, 20, "scrape_interval"), (5, 19, "honor_labels", "true")],
    ),
    "impossible values": (
        "global:\n  scrape_interval: 10s\n  scrape_timeout: 20s\nscrape_configs:\n"
        "  - job_name: a\n    scheme: gopher\n  - job_name: a\n    metrics_path: nowhere\n",
        [(3, None, "scrape_timeout"), (6, 13, "gopher", "http", "https"), (7, None, "job_name", "a")],
    ),
    "not supported yet": (
        "scrape_configs:\n  - job_name: a\n    consul_sd_configs:\n      - server: a\n",
        [(3, 5, "consul_sd_configs", "does not support yet")],
    ),
    "no YAML": ("global:\n\tscrape_interval: 15s\n", [(2, None, "")]),
    "all at once": (
        "global:\n  nonsense: 1\nscrape_configs:\n  - job_nam: a\nremote_write:\n  - ulr: x\n"
        "    sigv4: 7\n    queue_config:\n      max_shards: many\n",
        [
            (2, 3, "nonsense"),
            (4, 5, "job_nam", "job_name"),
            (6, 5, "ulr", "url"),
            (7, 12, "sigv4"),
            (9, 19, "max_shards"),
        ],
    ),
}


@pytest.fixture
def run_broken(tmp_path):
    """run_broken(text) -> the lines on standard error of a start that must fail soon, with status 2."""

    def run(text):
        (tmp_path / "narthex.yml").write_text(text)
        done = subprocess.run(
            [program("narthex"), "run", "--config.file=narthex.yml", "--web.listen-address=127.0.0.1:0"],
            cwd=tmp_path,
            env=clean_environment(),
            capture_output=True,
            text=True,
            timeout=20,
        )
        assert done.returncode == 2, done
        assert "Fatal" not in done.stderr and not (tmp_path / "data-agent").exists()
        return done.stderr.splitlines()

    return run


@narthex_only
@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_configuration_is_refused_with_every_place(run_broken, name):
    text, expected = BROKEN[name]
    lines = run_broken(text)
    places = [re.match(r"narthex\.yml:(\d+):(\d+): (.+)", line) for line in lines]
    found = [(int(m.group(1)), int(m.group(2)), m.group(3)) for m in places if m]
    assert found == sorted(found, key=lambda error: error[:2])
    for line, column, *words in expected:
        assert any(
            line == at and column in (None, col) and all(word in message for word in words)
            for at, col, message in found
        ), f"nothing about {words} at {line}:{column} in {lines}"


@narthex_only
def test_the_collector_s_dollars_are_warned_of_at_the_start(make_agent, receiver):
    wanted = simple(receiver, [])
    wanted["scrape_configs"][0]["relabel_configs"] = [{"target_label": "a", "replacement": "$$1"}]
    agent = make_agent(wanted).start(until_ready=True)
    place = rf"{re.escape(str(agent.configuration_file))}:\d+:\d+: in the replacement, "
    assert agent.log_lines(place + r".*\$\$1.* gives the text ")
    looked = subprocess.run(
        [program("narthex"), "discover", f"--config.file={agent.configuration_file}"],
        env=clean_environment(), capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert re.search(place, looked.stderr)


@narthex_only
def test_a_missing_file_and_a_wrong_flag_are_said(tmp_path):
    def run(*flags):
        return subprocess.run(
            [program("narthex"), "run", *flags], cwd=tmp_path, env=clean_environment(), capture_output=True,
            text=True, timeout=20,
        )  # fmt: skip

    missing = run("--config.file=not-there.yml")
    assert missing.returncode == 2 and "not-there.yml" in missing.stderr, missing
    wrong = run("--config.fil=x")
    assert wrong.returncode not in (0, None) and "--config.file" in wrong.stderr, wrong
    # A space that is none, as a web page gives it to whoever copies.
    unseen = run("--storage.agent.retention.max-time=1\u00a0h")
    assert unseen.returncode == 64 and '"1\\u{a0}h" is no duration' in unseen.stderr, unseen
    level = run("--log.level=loud")
    assert level.returncode not in (0, None) and "debug" in level.stderr, level


@narthex_only
def test_secrets_of_a_broken_configuration_are_not_shown(run_broken):
    errors = run_broken(
        "remote_write:\n  - url: http://127.0.0.1:1/\n    sigv4:\n      secret_key: hunter2-hunter2\n"
        "      nonsense: 1\n"
    )
    assert errors and "hunter2" not in "\n".join(errors)


@narthex_only
def test_help_lists_the_flags():
    text = subprocess.run([program("narthex"), "run", "--help"], capture_output=True, text=True, timeout=20)
    assert text.returncode == 0
    for flag in (
        "--config.file", "--storage.agent.path", "--web.listen-address", "--log.level", "--log.format",
        "--storage.agent.retention.max-time", "--storage.remote.flush-deadline",
    ):  # fmt: skip
        assert flag in text.stdout, text.stdout


def test_file_sd_follows_its_files(make_agent, receiver, text_exporter, tmp_path):
    first, second, third = (text_exporter(f"number {index}\n") for index in range(3))
    folder = tmp_path / "targets"
    folder.mkdir()
    wanted = simple(receiver, [])
    wanted["scrape_configs"] = [
        {
            "job_name": "files",
            "file_sd_configs": [
                {"files": [f"{folder}/*.yml", f"{folder}/*.json"], "refresh_interval": "5m"}
            ],
        }
    ]

    def write(name, text):
        # As a careful writer does it: a new file under another name, then renamed over the old one.
        (folder / f".{name}.new").write_text(text)
        os.replace(folder / f".{name}.new", folder / name)

    write("a.yml", f"- targets: ['{first.address}']\n  labels:\n    origin: yaml\n")
    agent = make_agent(wanted).start()
    wait_until(lambda: series(receiver, "number").keys() == {first.address}, 20, "the first target")

    write("b.json", f'[{{"targets": ["{second.address}"], "labels": {{"origin": "json"}}}}]')
    wait_until(lambda: second.address in series(receiver, "number"), 20, "a target of a new file")

    write("a.yml", f"- targets: ['{third.address}']\n")
    wait_until(lambda: third.address in series(receiver, "number"), 20, "a target of a changed file")
    wait_until(
        lambda: series(receiver, "number")[first.address][-1][1] == STALE_BITS,
        20,
        "staleness of the one replaced",
    )

    seen = third.scrapes
    write("a.yml", "- targets: [\n")
    if IS_NARTHEX:
        wait_until(
            lambda: agent.metric("prometheus_sd_file_read_errors_total") >= 1,
            20,
            "count of the unreadable file",
        )
        assert agent.log_lines(r"a\.yml:\d+"), "the log names the bad file and its line"
    wait_until(lambda: third.scrapes > seen + 4, 20, "scrapes by the last good content")
    assert agent.stop() == 0
    assert all(
        from_bits(bits) == 1 or bits == STALE_BITS for s in series(receiver, "up").values() for _, bits in s
    )


def test_sigterm_ships_what_is_buffered_and_ends_with_0(make_agent, receiver, text_exporter):
    exporter = text_exporter("number 1\n")
    # Nothing would be sent by itself for a minute: what arrives after SIGTERM came by the drain.
    wanted = simple(receiver, [exporter.address], queue_config={"batch_send_deadline": "1m"})
    agent = make_agent(wanted).start()
    wait_until(lambda: exporter.scrapes >= 4, 20, "four scrapes")
    sent_before = len(receiver.accepted())
    assert agent.stop(timeout=25) == 0
    if IS_NARTHEX:
        assert sent_before == 0
    values = series(receiver, "number")[exporter.address]
    assert len(values) >= 3
    # A restart must not blink: no stale markers on the way out.
    assert all(bits != STALE_BITS for _, bits in values)


@narthex_only
def test_what_cannot_be_shipped_in_time_is_kept_for_the_next_start(make_agent, receiver, text_exporter):
    exporter = text_exporter("number 1\n")
    receiver.decide = lambda received: Answer(503, stores=False)
    agent = make_agent(
        simple(receiver, [exporter.address]), flags=["--storage.remote.flush-deadline=2s"]
    ).start()
    wait_until(lambda: exporter.scrapes >= 6, 20, "six scrapes")
    assert agent.stop(timeout=10) == 0
    kept = exporter.scrapes
    assert not receiver.accepted()
    receiver.decide = lambda received: Answer()
    agent.start()
    wait_until(
        lambda: len(series(receiver, "number").get(exporter.address, [])) >= kept - 1,
        20,
        "samples of the last run",
    )
    assert agent.stop() == 0


@narthex_only
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_signals_before_anything_was_sent_end_it_too(make_agent, receiver, name):
    agent = make_agent(simple(receiver, [])).start(until_ready=True)
    assert agent.process.stop(timeout=10, with_signal=getattr(signal, name)) == 0


@narthex_only
def test_the_agent_s_own_pages(make_agent, receiver, text_exporter):
    exporter = text_exporter("number 1\n")
    agent = make_agent(simple(receiver, [exporter.address], name="main")).start()
    assert agent.get("/-/healthy")[0] == 200
    assert agent.get("/-/ready")[0] == 200
    assert agent.get("/")[0] == 200
    assert agent.get("/nonsense")[0] == 404
    wait_until(lambda: len(receiver.accepted()) >= 3, 20, "three requests")
    status, headers, page = agent.get("/metrics")
    assert status == 200 and headers["Content-Type"].startswith("text/plain; version=0.0.4")
    names = {name for name, _ in agent.metrics()}
    for name in (
        "narthex_build_info",
        "prometheus_ready",
        "process_resident_memory_bytes",
        "process_cpu_seconds_total",
        "prometheus_remote_storage_bytes_total",
        "prometheus_sd_discovered_targets",
    ):
        assert name in names, f"{name} is not in {sorted(names)}"
    # The books balance on every page, whatever is in flight.
    for _ in range(20):
        ledger = read_ledger(agent)
        assert_balanced(ledger)
        assert ledger.keys() == {("main", "simple")}
    assert agent.stop() == 0


@narthex_only
def test_the_ledger_agrees_with_the_receiver(make_agent, receiver, text_exporter):
    exporters = [text_exporter(f"number {index}\nother 2\n") for index in range(3)]
    wanted = simple(receiver, [exporter.address for exporter in exporters], name="main")
    agent = make_agent(wanted).start()
    wait_until(lambda: len(receiver.accepted()) >= 6, 20, "six requests")
    for exporter in exporters:
        exporter.stop()
    wait_until(
        lambda: sum(1 for s in series(receiver, "up").values() if from_bits(s[-1][1]) == 0) == 3,
        20,
        "three downs",
    )

    def agrees():
        before = sum(len(samples) for samples in receiver.samples().values())
        entry = read_ledger(agent)[("main", "simple")]
        after = sum(len(samples) for samples in receiver.samples().values())
        return before == after == entry.delivered and not entry.dropped

    wait_until(agrees, 20, "moment at which delivered is what the receiver holds")
    assert agent.stop() == 0


@narthex_only
def test_one_storage_takes_one_agent(make_agent, receiver, tmp_path):
    agent = make_agent(simple(receiver, [])).start()
    second = subprocess.run(
        [
            program("narthex"), "run", f"--config.file={agent.configuration_file}",
            f"--storage.agent.path={agent.storage}", "--web.listen-address=127.0.0.1:0",
        ],
        env=clean_environment(), capture_output=True, text=True, timeout=20,
    )  # fmt: skip
    assert second.returncode == 3, second
    assert "storage" in second.stderr and "lock" in second.stderr.lower(), second.stderr
    assert agent.stop() == 0
