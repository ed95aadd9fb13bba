"""Where a program's arguments come from, and that command lines of the programs that Narthex replaces work as
they are, by their names too.
"""

import re
import shutil
import socket
import subprocess
import urllib.error
import urllib.request

import pytest
import yaml
from parts.agent import IS_NARTHEX, clean_environment, program
from parts.aws import REGION
from parts.process import free_port, wait_until
from parts.prometheus import PROGRAM as PROMETHEUS
from parts.standins import ACCESS_KEY, SECRET_KEY

pytestmark = pytest.mark.skipif(not IS_NARTHEX, reason="this is about Narthex' own command lines")

# What tracing injectors and libfaketime do: it moves `environ` away from the arguments.
INJECTOR = """
#include <stdlib.h>
__attribute__((constructor)) static void inject(void) { setenv("INJECTED", "by a preloaded library", 1); }
"""


@pytest.fixture(scope="session")
def injector(tmp_path_factory):
    compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if compiler is None:
        pytest.skip("there is no C compiler (cc, gcc, clang) to make the preloaded library with")
    folder = tmp_path_factory.mktemp("injector")
    (folder / "injector.c").write_text(INJECTOR)
    library = folder / "injector.so"
    command = [compiler, "-shared", "-fPIC", "-o", library, folder / "injector.c"]
    subprocess.run(command, check=True, timeout=60)
    return library


def run(name, *arguments, **environment):
    return subprocess.run(
        [program(name), *arguments],
        env=clean_environment(**environment), capture_output=True, timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "arguments", "status", "said"),
    [
        ("narthex", ["--version"], 0, b"narthex "),
        ("narthex", ["discover", "--config.file=/nonexistent"], 2, b"/nonexistent: the configuration file"),
        ("narthex", ["run", "--config.file", ""], 2, b"--config.file is empty"),
        ("narthex", ["run", ""], 64, b'"" is not expected'),
        ("narthex-standins", ["--exporters=1", "--moving-share=2"], 64, b"is 0 to 1"),
    ],
)
def test_a_preloaded_library_takes_no_arguments_away(injector, name, arguments, status, said):
    for environment in ({}, {"LD_PRELOAD": str(injector)}):
        ended = run(name, *arguments, **environment)
        assert said in ended.stdout + ended.stderr, (environment, ended)
        assert ended.returncode == status, (environment, ended)


def test_the_programs_help_lists_the_commands():
    asked = run("narthex", "--help")
    assert asked.returncode == 0 and b"discover" in asked.stdout


def test_an_argument_that_is_no_text_is_refused_with_its_place():
    ended = run("narthex", "run", b"--config.file=/x/\xff.yml")
    assert ended.returncode == 64
    assert b"argument 2 (--config.file) is not valid UTF-8" in ended.stderr


@pytest.fixture
def link(tmp_path):
    """link(name) -> a link of that name to the program, as an image has it in place of another program."""

    def make(name):
        path = tmp_path / name
        path.symlink_to(program("narthex"))
        return path

    return make


def run_in(folder, command, *arguments, **environment):
    return subprocess.run(
        [command, *arguments],
        env=clean_environment(**environment), cwd=folder, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


# What people have in compose files, task definitions and units: a server's flags, in every way of writing.
PROMETHEUS_FLAGS = [
    "--storage.tsdb.retention.time=15d", "--storage.tsdb.retention.size", "50GB",
    "--storage.tsdb.wal-compression", "--storage.tsdb.no-lockfile", "--storage.tsdb.min-block-duration=2h",
    "--web.console.libraries=/usr/share/prometheus/console_libraries",
    "--web.console.templates=/usr/share/prometheus/consoles", "--web.enable-lifecycle",
    "--web.enable-admin-api", "--no-web.enable-remote-write-receiver", "--web.page-title=Shop",
    "--web.max-connections=512", "--query.timeout", "2m", "--query.max-concurrency=20",
    "--rules.alert.resend-delay=1m", "--alertmanager.notification-queue-capacity=10000", "--agent",
    "--auto-gomemlimit.ratio=0.9", "--web.config.file=", "--config.auto-reload-interval=30s",
    "--enable-feature=exemplar-storage,memory-snapshot-on-shutdown", "--enable-feature=no-such-feature",
    "--log.level=info", "--log.format", "logfmt",
]  # fmt: skip


def get(port, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
        return answer.status, answer.geturl(), answer.read().decode()


def is_up(port, path):
    try:
        return get(port, path)[0] == 200
    except OSError:
        return False


def test_a_command_line_of_prometheus_runs_by_that_name(link, make_child, receiver, text_exporter, tmp_path):
    exporter = text_exporter("shop_requests_total 7\n")
    job = {"job_name": "shop", "static_configs": [{"targets": [exporter.address]}]}
    destination = {"url": receiver.url, "queue_config": {"batch_send_deadline": "100ms"}}
    configuration = {
        "global": {"scrape_interval": "500ms", "scrape_timeout": "500ms"},
        "scrape_configs": [job], "remote_write": [destination],
    }  # fmt: skip
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(configuration))
    ports = [free_port(), free_port()]
    command = [
        link("prometheus"), "--config.file=prometheus.yml", "--storage.tsdb.path=data",
        f"--web.listen-address=127.0.0.1:{ports[0]}", "--web.listen-address", f"127.0.0.1:{ports[1]}",
        "--web.external-url=https://example.com/prom/", *PROMETHEUS_FLAGS,
    ]  # fmt: skip
    agent = make_child("agent", command, clean_environment())
    for port in ports:
        wait_until(lambda port=port: is_up(port, "/prom/-/ready"), 20, f"pages at port {port}")
    names = lambda: {dict(labels)["__name__"] for labels in receiver.samples()}  # noqa: E731
    wait_until(lambda: "shop_requests_total" in names(), 20, "samples")
    # `/` leads to the pages, whose links hold there and behind a proxy that adds a path.
    status, url, page = get(ports[1], "/")
    assert status == 200 and url.endswith(f":{ports[1]}/prom/") and 'href="metrics"' in page
    with pytest.raises(urllib.error.HTTPError, match="404"):
        get(ports[0], "/metrics")
    assert (tmp_path / "data").is_dir() and not (tmp_path / "data-agent").exists()
    assert agent.stop() == 0
    log = agent.log_text()
    for flags in (
        "--storage.tsdb.retention.time, --storage.tsdb.retention.size have",
        "--web.console.libraries, --web.console.templates, --web.page-title have",
        "--web.enable-admin-api has",
        "--query.timeout, --query.max-concurrency have", "--auto-gomemlimit.ratio has",
        "--rules.alert.resend-delay, --alertmanager.notification-queue-capacity have",
    ):  # fmt: skip
        assert log.count(flags + " no effect: ") == 1, log
    assert "--enable-feature: no-such-feature is not known" in log
    for flag in ("--agent", "--web.config.file", "--no-web.enable-remote-write-receiver"):
        assert f"{flag} has" not in log and f"{flag}, " not in log


def test_a_command_line_of_prometheus_ecs_discovery_discovers(link, make_standins, tmp_path):
    standins = make_standins(
        "--exporters=2", "--series=5", "--addressing=addresses", "--tasks-each=2", "--ecs-port=0",
    )  # fmt: skip
    keys = {
        "AWS_ENDPOINT_URL": standins.ecs["url"], "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
    }  # fmt: skip
    flags = ["-config.cluster=demo", "-config.write-to=found.yml", "-config.scrape-times=1"]
    expected = sorted(place["address"] for place in standins.exporters)
    # By the link, and by one dash alone.
    for command in (link("prometheus-ecs-discovery"), program("narthex")):
        ended = run_in(tmp_path, command, *flags, **keys)
        assert ended.returncode == 0, ended.stderr
        groups = yaml.safe_load((tmp_path / "found.yml").read_text())
        assert sorted(target for group in groups for target in group["targets"]) == expected
        (tmp_path / "found.yml").unlink()


def test_everything_that_is_wrong_with_a_command_line_is_said_at_once(tmp_path):
    (tmp_path / "more").write_text("# of this host\n--log.level\ntrace\n")
    ended = run_in(
        tmp_path, program("narthex"), "--config.file=a", "--config.file=b", "--web.config.file=web.yml",
        "--web.listen-adress=:1", "--query.timeout", "--storage.agent.wal-segment-size=1KB", "@more",
        "--enable-feature=type-and-unit-labels", "--web.enable-lifecycle=true", "extra",
        "--remote-write.url=http://user:hush@127.0.0.1:1/", "--web.listen-address=9090",
        "--web.route-prefix=/a b",
    )  # fmt: skip
    assert ended.returncode == 64 and ended.stdout == ""
    for fault in (
        "the command line has 12 faults:", "--config.file stands more than once",
        "--web.config.file is refused",
        "did you mean --web.listen-address?", "--query.timeout needs a value", "between 1MB and 256MB",
        '--log.level: "trace" is not one of', "type-and-unit-labels is not supported",
        "--web.enable-lifecycle takes no value", '"extra" is not expected', "exclude each other",
        "'9090' is no listen address", "--web.route-prefix: the path",
    ):  # fmt: skip
        assert fault in ended.stderr, (fault, ended.stderr)
    assert "hush" not in ended.stderr and "'narthex run --help'" in ended.stderr


def test_a_listen_address_in_use_is_named_and_the_other_let_go(tmp_path):
    (tmp_path / "prometheus.yml").write_text("remote_write: [{url: 'http://127.0.0.1:1/'}]\n")
    free = free_port()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        flags = [f"--web.listen-address=127.0.0.1:{one}" for one in (free, port)]
        ended = run_in(tmp_path, program("narthex"), *flags)
    assert ended.returncode == 4 and f"127.0.0.1:{port}" in ended.stderr, ended
    assert str(free) not in ended.stderr.partition("--web.listen-address")[2]


def test_without_a_command_a_variable_names_the_configuration(make_moto, tmp_path):
    moto = make_moto()
    s3 = moto.client("s3")
    s3.create_bucket(Bucket="shop", CreateBucketConfiguration={"LocationConstraint": REGION})
    # It is read, and wrong: the error has its name.
    s3.put_object(Bucket="shop", Key="prometheus.yml", Body="no_such_key: 1\n")
    keys = {
        "AWS_ENDPOINT_URL": moto.url, "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": moto.access_key, "AWS_SECRET_ACCESS_KEY": moto.secret_key,
    }  # fmt: skip
    for name in ("S3_CONFIG_LOCATION", "CONFIG_LOCATION"):
        ended = run_in(tmp_path, program("narthex"), **keys, **{name: "s3://shop/prometheus.yml"})
        assert ended.returncode == 2, ended
        assert "s3://shop/prometheus.yml:1:1" in ended.stderr and "no_such_key" in ended.stderr


def test_what_a_bare_call_runs_on(link, tmp_path):
    bare = run_in(tmp_path, program("narthex"))
    assert bare.returncode == 64 and bare.stdout == ""
    for command in ("run", "discover", "scrape", "credentials"):
        assert f"\n  {command}: " in bare.stderr
    # By the other's name it is a run, which says what file it lacks.
    named = run_in(tmp_path, link("prometheus"))
    assert named.returncode == 2 and "prometheus.yml: the configuration file cannot be" in named.stderr
    unread = run_in(tmp_path, program("narthex"), CONFIG_LOCATION="https://user:hush@host/")
    assert unread.returncode == 2 and "hush" not in unread.stderr
    assert "CONFIG_LOCATION is not used" in unread.stderr and "Give --config.file" in unread.stderr
    content = run_in(tmp_path, program("narthex"), ECS_CONFIG_CONTENT="bm9fc3VjaF9rZXk6IDEK")
    assert content.returncode == 2
    assert "env:ECS_CONFIG_CONTENT:1:1" in content.stderr and "no_such_key" in content.stderr
    (tmp_path / "prometheus.yml").write_text("no_such_key: 1\n")
    for arguments in ([], ["--log.level=warn"], ["--config.file=prometheus.yml"], ["run"]):
        read = run_in(tmp_path, program("narthex"), *arguments)
        assert read.returncode == 2 and "prometheus.yml:1:1" in read.stderr, read
    other = run_in(tmp_path, program("narthex"), "bogus")
    assert other.returncode == 64 and '"bogus" is no command' in other.stderr


def test_a_wrong_flag_is_said_without_a_configuration_too(tmp_path):
    ended = run_in(tmp_path, program("narthex"), "--web.bogus=1")
    assert ended.returncode == 64 and "neither a command nor a configuration" in ended.stderr
    assert "--web.bogus is no flag of narthex run" in ended.stderr


def test_a_role_that_no_call_could_use_is_refused(tmp_path):
    for words, said in (
        (["--external-id=x"], "--external-id without --role-arn"),
        (["--role-arn=reader"], '"reader" is not a role'),
    ):
        ended = run_in(tmp_path, program("narthex"), "credentials", *words)
        assert ended.returncode == 64 and said in ended.stderr, ended


COMMANDS_THAT_SHOW = [
    ["--help"], ["--version"], ["run", "--help"], ["discover", "--help"], ["help", "scrape"],
    ["--generate-completion-script", "bash"], ["credentials"], ["doctor"],
    ["discover", "--config.file=prometheus.yml"],
    ["discover", "--config.file=prometheus.yml", "--format=json"],
    ["run", "--config.print", "--remote-write.url=http://127.0.0.1:1/write"],
]  # fmt: skip


@pytest.mark.parametrize("words", COMMANDS_THAT_SHOW, ids=" ".join)
def test_what_is_lost_on_a_full_disk_is_no_success(tmp_path, words):
    (tmp_path / "prometheus.yml").write_text(
        "scrape_configs: [{job_name: a, static_configs: [{targets: ['a:1']}]}]\n"
    )
    keys = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "hush", "AWS_REGION": REGION}
    environment = clean_environment(NARTHEX_CLUSTERS="shop", **keys)
    with open("/dev/full", "w") as full:
        ended = subprocess.run(
            [program("narthex"), *words],
            env=environment, cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60,
        )  # fmt: skip
    assert ended.returncode == 74, ended
    assert "standard output cannot be written: No space left on device" in ended.stderr


def test_help_and_version_by_every_name(link, tmp_path):
    prometheus = link("prometheus")
    for flag in ("-h", "--help", "--help-long"):
        shown = run_in(tmp_path, prometheus, flag)
        assert shown.returncode == 0 and "--storage.agent.path" in shown.stdout
    for command in (prometheus, program("narthex")):
        shown = run_in(tmp_path, command, "--version")
        assert shown.returncode == 0 and shown.stdout.startswith("narthex "), shown


def test_every_flag_of_debians_prometheus_is_known(tmp_path):
    shown = subprocess.run([PROMETHEUS, "--help"], capture_output=True, text=True, timeout=30, check=True)
    flags = re.findall(r"^ {2,6}(?:-\w, )?--([a-z][a-z.-]+)(=?)", shown.stdout, re.MULTILINE)
    assert len(flags) > 40
    flags = [flag for flag in flags if flag[0] not in ("help", "help-long", "version")]
    words = [f"--{name}=1" if has_value else f"--{name}" for name, has_value in flags]
    ended = run_in(tmp_path, program("narthex"), "run", *words)
    # What is refused, and what takes no value of 1.
    wrong = re.findall(r"^  --([a-z.-]+)", ended.stderr, re.MULTILINE)
    expected = {
        "web.config.file", "storage.agent.retention.max-time", "storage.remote.flush-deadline", "log.level",
        "log.format", "web.listen-address",
    }  # fmt: skip
    assert ended.returncode == 64 and set(wrong) == expected, ended.stderr
    assert len(wrong) == len(expected)


WAYS_OF_WRITING = [
    ["--web.enable-lifecycle"], ["--no-web.enable-lifecycle"], ["--web.enable-lifecycle=true"],
    ["--web.enable-lifecycle"] * 2, ["--web.enable-lifecycle", "--no-web.enable-lifecycle"],
    ["--query.timeout", "2m"], ["--query.timeout=2m"] * 2, ["--query.timeout"], ["--no-query.timeout"],
    ["--query.timeout", "--web.enable-lifecycle"], ["-web.page-title=x"], ["--web.list=x"], ["extra"], [""],
    ["--"], ["--", "extra"], ["--", "--web.enable-lifecycle"], ["--enable-feature=a,b", "--enable-feature=c"],
    ["@good"], ["@bad"], ["@missing"], ["@"], ["@nested"], ["--web.page-title", "@good"],
    ["--web.page-title", "@value"], ["--web.page-title=@bad"], ["--web.page-title="],
    ["--web.page-title", ""], ["--web.page-title", "-"], ["--web.page-title", "-x"],
    ["--web.page-title=-x"], ["--log.level=trace"],
    ["--log.level", "warn", "--log.format=json"], ["--storage.remote.flush-deadline=1"],
    ["--storage.remote.flush-deadline=1m30s"], ["---web.enable-lifecycle"], ["--web"], ["--=x"],
]  # fmt: skip


def test_what_prometheus_takes_is_taken_and_what_it_refuses_is_refused(tmp_path):
    """The oracle is Debian's 2.42; it reads no file that is not there, so both end soon."""
    (tmp_path / "good").write_text("# a comment\n--web.page-title=a b\n--web.enable-lifecycle\n")
    (tmp_path / "bad").write_text("--no-such-flag\n")
    (tmp_path / "nested").write_text("@good\n--log.level=warn\n")
    (tmp_path / "value").write_text("a title")
    for words in WAYS_OF_WRITING:
        line = ["--config.file=/nonexistent.yml", *words]
        theirs = run_in(tmp_path, PROMETHEUS, *line)
        ours = run_in(tmp_path, program("narthex"), *line)
        assert theirs.returncode in (1, 2), (words, theirs)
        refused = "Error parsing commandline arguments" in theirs.stderr
        assert ours.returncode == (64 if refused else 2), (words, theirs.stderr[:200], ours)
