"""docs/moving-from-*.md: what people have is what it says it is, the configurations beside it run, the tables
are whole and name nothing that is not there, and a moved Prometheus ships the same series.
"""

import json
import re
import shlex
import subprocess
import textwrap
from functools import cache

import pytest
import yaml
from parts import moving
from parts.agent import IS_NARTHEX, ROOT, clean_environment, program
from parts.aws import REGION
from parts.process import ChildProcess, free_port, wait_until
from parts.prometheus import PROGRAM as PROMETHEUS
from parts.standins import ACCESS_KEY, SECRET_KEY
from parts.vocabulary import assert_is_ours, offered

pytestmark = pytest.mark.skipif(not IS_NARTHEX, reason="the pages are about Narthex")

PAGES = {path.stem.removeprefix("moving-from-"): path for path in (ROOT / "docs").glob("moving-from-*.md")}
SECTIONS = [
    "What you have", "The same for Narthex", "Step by step", "What has no counterpart", "How series change",
    "Both side by side", "Is anything missing?", "Going back",
]  # fmt: skip
VARIABLES = {"SITE": "berlin", "NODE_ADDRESS": "10.0.0.1"}


@cache
def sections(page):
    """{title: text} of the sections of a page, in order."""
    parts = re.split(r"^## (.+)$", PAGES[page].read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def blocks(page, language, *titles):
    """The fenced texts of a language in the named sections, or in all."""
    text = "\n".join(part for title, part in sections(page).items() if not titles or title in titles)
    found = re.findall(rf"^( *)```{language}\n(.*?)^\1```$", text, re.DOTALL | re.MULTILINE)
    return [textwrap.dedent(block) for _, block in found]


def configurations(page, *titles):
    """Whole ones; those with `global` alone are put into the page's own."""
    whole = None
    for text in blocks(page, "yaml", *titles):
        read = yaml.safe_load(text)
        if isinstance(read, dict) and "scrape_configs" in read and "remote_write" in read:
            whole = whole or read
            yield text
        elif isinstance(read, dict) and read.keys() == {"global"}:
            labels = read["global"]["external_labels"]
            yield yaml.safe_dump(whole | {"global": whole["global"] | {"external_labels": labels}})


def after(page):
    return list(configurations(page, *(title for title in sections(page) if title != "What you have")))


def test_each_page_has_the_way_from_the_first_to_the_last():
    assert PAGES.keys() == {"prometheus", "prometheus-ecs-discovery", "adot", "vmagent"}
    for page in PAGES:
        titles = list(sections(page))
        assert [title for title in titles if title in SECTIONS] == SECTIONS, page
        assert any(title.startswith("Every ") for title in titles), page


def slug(heading):
    """The anchor that GitHub gives a heading."""
    plain = re.sub(r"\]\([^)]*\)|[`*\[]", "", heading)
    return re.sub(r"[^\w -]", "", plain).strip().lower().replace(" ", "-")


def test_links_lead_somewhere():
    for page in [*PAGES.values(), ROOT / "config/examples/README.md"]:
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
            if target.startswith("https://"):
                continue
            path, _, anchor = target.partition("#")
            file = (page.parent / path).resolve() if path else page
            assert file.exists(), f"{page.name}: {target}"
            headings = re.findall(r"^#+ (.+)$", file.read_text(), re.MULTILINE) if anchor else []
            assert not anchor or anchor in map(slug, headings), f"{page.name}: {target}"


# What people have.


def test_what_people_have_can_be_read():
    for page in PAGES:
        for text in blocks(page, "yaml"):
            assert yaml.safe_load(text), text
        for text in blocks(page, "json"):
            json.loads(text)
    collector = yaml.safe_load(blocks("adot", "yaml", "What you have")[0])
    known = {"receivers", "processors", "exporters", "extensions"}
    assert collector.keys() == known | {"service"}
    used = collector["service"]["pipelines"]["metrics"] | {"extensions": collector["service"]["extensions"]}
    assert all(set(used[kind]) == set(collector[kind]) for kind in known)
    (command,) = blocks("vmagent", "sh", "What you have")
    words = shlex.split(command.replace("\\\n", " "))
    assert words[0] == "vmagent"
    assert {word.partition("=")[0] for word in words[1:]} <= set(moving.VMAGENT)
    jobs = yaml.safe_load(blocks("vmagent", "yaml", "What you have")[0])["scrape_configs"]
    own = {key for job in jobs for key in job} & set(moving.VMAGENT_KEYS)
    assert len(own) > 3, "the example shows what is vmagent's own"
    proxy = yaml.safe_load(blocks("prometheus", "yaml", "What you have")[1])["services"]["sigv4-proxy"]
    assert {word.partition("=")[0] for word in proxy["command"]} <= set(moving.SIGV4_PROXY)


def check(path, *flags):
    return subprocess.run(
        [program("narthex"), "check-config", *flags, path],
        env=clean_environment(**VARIABLES), capture_output=True, text=True, timeout=60,
    )  # fmt: skip


def test_promtool_takes_what_is_prometheus_own(tmp_path):
    texts = [
        *configurations("prometheus", "What you have"),
        *configurations("prometheus-ecs-discovery", "What you have"), *after("prometheus"),
    ]  # fmt: skip
    assert len(texts) == 5
    for number, text in enumerate(texts):
        (tmp_path / f"{number}.yml").write_text(text)
        checked = subprocess.run(
            [PROMETHEUS.with_name("promtool"), "check", "config", tmp_path / f"{number}.yml"],
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert checked.returncode == 0, checked.stderr
        ours = check(tmp_path / f"{number}.yml")
        assert ours.returncode == 0, ours.stdout


@pytest.mark.parametrize(
    ("page", "number"), [("prometheus", 3), ("prometheus-ecs-discovery", 3), ("adot", 2), ("vmagent", 3)]
)
def test_the_configurations_for_narthex_are_right(page, number, tmp_path):
    texts = after(page)
    assert len(texts) == number
    for index, text in enumerate(texts):
        path = tmp_path / f"{index}.yml"
        path.write_text(text)
        checked = check(path, "--config.expand-env")
        assert checked.returncode == 0, checked.stdout
        # A job without a limit and a file that is not here are the reader's.
        warned = re.findall(r"^warning: [^ ]+ (.*)$", checked.stdout, re.MULTILINE)
        own = [text for text in warned if "has no sample_limit" not in text and "targets/*.yml" not in text]
        assert not own, own


@pytest.mark.parametrize(
    ("page", "number", "others"),
    [("adot", 5, []), ("vmagent", 6, ["%{NODE_ADDRESS}", "but this is a list"])],
)
def test_what_another_agent_has_is_refused_with_the_page_s_name(page, number, others, tmp_path):
    path = tmp_path / "theirs.yml"
    path.write_text(blocks(page, "yaml", "What you have")[0])
    checked = check(path)
    errors = re.findall(r"^error: (.*)$", checked.stdout, re.MULTILINE)
    named = [text for text in errors if f"docs/{PAGES[page].name}" in text]
    rest = [text for text in errors if text not in named]
    assert checked.returncode == 2 and len(named) == number, checked.stdout
    assert len(rest) == len(others) and all(map(str.__contains__, rest, others)), rest


def test_a_variable_that_vmagent_would_replace_is_told_of(tmp_path):
    text = after("vmagent")[0]
    assert "values: [agent]" in text
    (tmp_path / "left.yml").write_text(text.replace("values: [agent]", 'values: ["%{SHOP}"]'))
    checked = check(tmp_path / "left.yml", "--config.expand-env")
    assert checked.returncode == 0 and "%{SHOP} stands as it is here: write ${SHOP}" in checked.stdout


# The tables.


def rows(text, columns):
    """[(name, [cells])] of the tables of a section with that many columns, without their heads."""
    found = []
    for line in text.splitlines():
        if line.startswith("| `"):
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            assert len(cells) == columns, line
            found.append((re.match(r"`([^`]+)`", cells[0])[1], cells[1:]))
    return found


def assert_whole(found, wanted, theirs=1):
    """Each wanted name has its row, and the cells that are about Narthex name only what it has."""
    listed = [name for name, _ in found]
    assert sorted(listed) == sorted(set(wanted)), set(listed) ^ set(wanted)
    for name, cells in found:
        for cell in cells[:theirs]:
            tokens = re.findall(r"`([^`]+)`", cell)
            assert tokens or cell == "nothing", f"{name}: {cell}"
            for token in tokens:
                assert_is_ours(token, name)


def test_the_tables_are_whole_and_name_what_there_is():
    proxy = rows(sections("prometheus")["Every flag of aws-sigv4-proxy"], 3)
    assert_whole(proxy, moving.SIGV4_PROXY)
    tool = rows(sections("prometheus-ecs-discovery")["Every flag"], 4)
    assert_whole(tool, moving.ECS_DISCOVERY, theirs=2)
    assert {cells[0].strip("`") for _, cells in tool} <= offered()["discover"]
    assert_whole(rows(sections("vmagent")["Every flag"], 3), moving.VMAGENT)
    keys = sections("vmagent")["Keys of its file"]
    own, rules = re.split(r"^and in relabelling rules.*$", keys, flags=re.MULTILINE)
    assert_whole(rows(own, 3), moving.VMAGENT_KEYS)
    assert len(rows(rules, 3)) == 7
    for name, cells in rows(rules, 3):
        for token in re.findall(r"`([^`]+)`", cells[0]):
            assert_is_ours(token, name)
    parts = re.split(r"^### (.+)$", sections("adot")["Every key"], flags=re.MULTILINE)
    assert parts[1::2] == list(moving.ADOT)
    for title, text in zip(parts[1::2], parts[2::2], strict=True):
        assert_whole(rows(text, 3), moving.ADOT[title])


@pytest.mark.parametrize(
    "wrong",
    [
        "--web.listen", "narthex check-config --format", "AWS_NONE", "sigv4.role", "jobs",
        "remote_write.queue_config.shards", "label: x",
    ],
)  # fmt: skip
def test_a_name_that_is_not_there_is_found(wrong):
    with pytest.raises(AssertionError, match="here: "):
        assert_is_ours(wrong, "here")


# prometheus-ecs-discovery: the command line of the page by that name, and the same targets by one container.


def test_the_discovery_tool_s_command_line_and_one_container_find_the_same(make_standins, tmp_path):
    standins = make_standins(
        "--exporters=2", "--series=1", "--addressing=addresses", "--ecs-port=0", "--cluster=shop"
    )
    environment = clean_environment(
        AWS_ENDPOINT_URL=standins.ecs["url"], AWS_REGION=REGION, AWS_ACCESS_KEY_ID=ACCESS_KEY,
        AWS_SECRET_ACCESS_KEY=SECRET_KEY,
    )  # fmt: skip
    (line,) = blocks("prometheus-ecs-discovery", "sh")
    name, *flags = shlex.split(line)
    (definition, *_) = [json.loads(text) for text in blocks("prometheus-ecs-discovery", "json")]
    assert flags == definition["containerDefinitions"][0]["command"]
    link = tmp_path / name
    link.symlink_to(program("narthex"))
    flags = [flag.replace("=/output", f"={tmp_path}") for flag in flags]
    # Each flag of the tool is taken, with the value that it has by default where there is one.
    defaults = {
        "-config.scrape-interval": "1m0s", "-config.port-label": "PROMETHEUS_EXPORTER_PORT",
        "-config.path-label": "PROMETHEUS_EXPORTER_PATH",
        "-config.scheme-label": "PROMETHEUS_EXPORTER_SCHEME",
        "-config.server-name-label": "PROMETHEUS_EXPORTER_SERVER_NAME", "-config.scrape-times": "1",
        "-config.job-name-label": "PROMETHEUS_EXPORTER_JOB_NAME", "-config.filter-label": "",
        "-config.role-arn": "", "-config.dynamic-port-detection": "false",
    }  # fmt: skip
    assert {*defaults, *(flag.partition("=")[0] for flag in flags)} == set(moving.ECS_DISCOVERY)
    subprocess.run(
        [link, *flags, *(f"{flag}={value}" for flag, value in defaults.items())],
        env=environment, check=True, timeout=60, capture_output=True,
    )  # fmt: skip
    written = yaml.safe_load((tmp_path / "ecs_file_sd.yml").read_text())
    assert len(written) == 2

    (tmp_path / "narthex.yml").write_text(after("prometheus-ecs-discovery")[0])
    ended = subprocess.run(
        [program("narthex"), "discover", f"--config.file={tmp_path}/narthex.yml", "--format=json"],
        env=environment, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    (found,) = json.loads(ended.stdout)
    one = {
        target["labels"]["instance"]: target["labels"] | {"job": "", "instance": ""}
        for target in found["targets"]
    }
    two = {
        group["targets"][0]: {
            name: value for name, value in group["labels"].items() if not name.startswith("__")
        } | {"job": "", "instance": ""}
        for group in written
    }  # fmt: skip
    assert one == two


# A moved Prometheus: Debian's ships the original, Narthex the same beside it, to one receiver.

EXPOSED = """\
# TYPE shop_orders_total counter
shop_orders_total{kind="a \\"b\\""} 3
# TYPE go_goroutines gauge
go_goroutines 7
# TYPE shop_seconds histogram
shop_seconds_bucket{le="0.5"} 1
shop_seconds_bucket{le="1"} 1
shop_seconds_bucket{le="+Inf"} 2
shop_seconds_sum 1.5
shop_seconds_count 2
"""


def moved(text, addresses, url):
    """A configuration of the page with this test's targets, receiver and times."""
    read = yaml.safe_load(text)
    read["global"] |= {"scrape_interval": "1s", "scrape_timeout": "1s"}
    for job, address in zip(read["scrape_configs"], addresses, strict=True):
        job["static_configs"][0]["targets"] = [address]
    read.pop("alerting", None)
    queue = read["remote_write"][0].get("queue_config", {}) | {"batch_send_deadline": "100ms"}
    read["remote_write"] = [{"url": url, "queue_config": queue}]
    return yaml.safe_dump(read)


def queries(page):
    return [text.strip() for text in blocks(page, "promql", "Is anything missing?")]


def test_a_moved_prometheus_ships_the_same_series(
    make_prometheus, make_agent, text_exporter, tmp_path, parts
):
    addresses = [text_exporter(EXPOSED).address for _ in range(2)]
    receiver = make_prometheus("receiver")
    missing, fewer, down = queries("prometheus")
    (before,) = configurations("prometheus", "What you have")
    (tmp_path / "prometheus.yml").write_text(moved(before, addresses, receiver.write_url))
    old = ChildProcess(
        "old",
        [
            PROMETHEUS, "--enable-feature=agent", f"--config.file={tmp_path}/prometheus.yml",
            f"--storage.agent.path={tmp_path}/old", f"--web.listen-address=127.0.0.1:{free_port()}",
        ],
        tmp_path / "old.log",
    )  # fmt: skip
    # Agent mode, which `--storage.tsdb.path` of the page turns off, refuses files of rules.
    text = (tmp_path / "prometheus.yml").read_text()
    (tmp_path / "prometheus.yml").write_text(text.replace("rule_files:\n- rules/*.yml\n", ""))
    old.start()
    parts.callback(old.kill)
    wait_until(lambda: len(receiver.ask(query=missing)) > 10, 20, "series of the Prometheus")

    agents_label = next(text for text in after("prometheus") if "agent: narthex" in text)
    make_agent(moved(agents_label, addresses, receiver.write_url)).start()
    wait_until(lambda: not receiver.ask(query=missing), 20, "every series of Narthex")
    for expression in (fewer, down):
        wait_until(
            lambda asked=expression: {
                item["metric"]["job"]: float(item["value"][1]) for item in receiver.ask(query=asked)
            } == {"node": 0, "shop": 0},
            20, f"zeros of {expression}",
        )  # fmt: skip

    def shipped(agent):
        """{labels: value}; how long a scrape took is nobody's to compare."""
        return {
            frozenset((name, value) for name, value in item["metric"].items() if name != "agent"): (
                item["metric"]["__name__"].startswith("scrape_") or item["value"][1]
            )
            for item in receiver.ask(query=f'{{job!="",agent="{agent}"}}')
        }

    # The page tells of one difference to 2.x, which Debian's is.
    renamed = {
        frozenset((name, "1.0" if (name, text) == ("le", "1") else text) for name, text in labels): value
        for labels, value in shipped("").items()
    }
    ours = shipped("narthex")
    assert renamed == ours and renamed.keys() != shipped("").keys() and len(ours) > 15
    assert not any(("__name__", "go_goroutines") in has and ("job", "shop") in has for has in ours)


def test_the_labels_of_a_replica_are_shipped(make_agent, receiver, text_exporter):
    addresses = [text_exporter(EXPOSED).address for _ in range(2)]
    (text,) = [text for text in after("prometheus") if "__replica__" in text]
    make_agent(moved(text, addresses, receiver.url)).start()
    wait_until(lambda: receiver.samples(), 20, "samples")
    for labels in map(dict, receiver.samples()):
        assert (labels["cluster"], labels["__replica__"]) == ("berlin", "narthex"), labels


def test_the_queries_of_the_pages_are_promql(make_prometheus):
    receiver = make_prometheus("receiver")
    asked = [(page, text) for page in PAGES for text in queries(page)]
    assert len(asked) == 11
    for _, text in asked:
        receiver.ask(query=text)
