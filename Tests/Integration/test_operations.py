"""docs/operations.md against the program: every text that it quotes, every metric, flag, reason and status.

What the agent says stands there in code spans within double quotes, `…` for what varies. Tables that are to
be complete follow a comment that says of what.
"""

import re
import subprocess
import textwrap

import pytest
import yaml

from parts import sizing
from parts.agent import IS_NARTHEX, ROOT, program
from parts.aws import REGION
from parts.ledger import Entry, assert_balanced, read_ledger
from parts.process import wait_until
from parts.standins import ACCESS_KEY, SECRET_KEY
from test_docs import FAMILY, NOT_THE_AGENT

PAGE = (ROOT / "docs/operations.md").read_text()
# Blocks of code are no spans.
PROSE = re.sub(r"^ *```.*?^ *```$", "", PAGE, flags=re.MULTILINE | re.DOTALL)
SPANS = re.findall(r"`([^`\n]+)`", PROSE)
QUOTES = [span[1:-1] for span in SPANS if span[0] == span[-1] == '"' and len(span) > 2]

_COMMENT = re.compile(r"^\s*//.*$", re.MULTILINE)
_MULTILINE = re.compile(r'"""\n(.*?)\n\s*"""', re.DOTALL)
_JOINED = re.compile(r'"\s*\+\s*"')
_LITERAL = re.compile(r'"((?:[^"\\\n]|\\[^(]|\\\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\))*)"')
_VARIES = re.compile(r"\\\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)")


def literals(path):
    """The texts of a source file; `…` stands for what is put into them, joined ones are one."""
    text = _COMMENT.sub("", path.read_text())
    if path.suffix != ".swift":
        # A shell script continues lines within its sentences.
        return [re.sub(r'" *\\\n\s*"', " ", text)]
    long = [re.sub(r"\\\n\s*", "", found).strip() for found in _MULTILINE.findall(text)]
    text = _JOINED.sub("", _MULTILINE.sub("", text))
    # A literal within an interpolation may cut its surroundings, so both are looked at.
    inner = [part for found in _VARIES.findall(text) for part in _LITERAL.findall(found)]
    found = long + _LITERAL.findall(_VARIES.sub("…", text)) + inner
    return [_VARIES.sub("…", one).replace('\\"', '"') for one in found]


def sources():
    paths = [
        path
        for path in (ROOT / "Sources").rglob("*.swift")
        if path.relative_to(ROOT / "Sources").parts[0] not in NOT_THE_AGENT
    ]
    return {path: literals(path) for path in [*paths, ROOT / "config/systemd/when-configured"]}


def fixed(quote):
    return [part for part in quote.split("…") if part.strip()]


def table(comment):
    """The rows behind a comment, as lists of cells."""
    behind = PAGE.partition(f"<!-- {comment} -->\n")[2]
    assert behind, comment
    rows = re.match(r"(?:\|.*\n)+", behind)[0].splitlines()[2:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def names(rows, cell=0):
    """Code spans of one column."""
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row[cell])]


def raw_values(path, enum):
    """Raw values of an enumeration of strings."""
    body = re.search(rf"enum {enum}\b[^{{]*{{(.*?)^    }}|enum {enum}\b[^{{]*{{(.*?)^}}", path.read_text(),
                     re.MULTILINE | re.DOTALL)  # fmt: skip
    text = _COMMENT.sub("", body[1] or body[2]).partition("public var")[0]
    found = re.findall(r'\bcase (\w+)(?: = "(\w+)")?', text) + re.findall(r'static let (\w+) = "(\w+)"', text)
    return [value or name for name, value in found]


def test_quoted_texts_are_in_the_sources():
    found = sources()
    unknown = [
        quote
        for quote in QUOTES
        if not any(
            all(any(part.strip() in text for text in texts) for part in fixed(quote))
            for texts in found.values()
        )
    ]
    assert len(QUOTES) > 100
    assert unknown == []


def test_metrics_are_those_of_the_page_of_metrics():
    listed = set(re.findall(rf"`({FAMILY})`", (ROOT / "docs/metrics.md").read_text()))
    used = {name for span in SPANS for name in re.findall(rf"\b{FAMILY}\b", span)}
    assert len(used) > 30
    assert used - listed == set()


def test_flags_are_those_of_their_pages():
    """Which tests compare with what the commands offer."""
    offered = set()
    for name in ["flags", "discover", "doctor"]:
        offered |= set(re.findall(r"--[a-z][a-z.-]+", (ROOT / f"docs/{name}.md").read_text()))
    bench = ROOT / "Sources/narthex-bench"
    for path in [*bench.rglob("*Command.swift"), *bench.rglob("*Options.swift")]:
        # Its options are named as its properties.
        properties = re.findall(r"\bvar (\w+)", path.read_text())
        offered |= {"--" + re.sub(r"([A-Z])", r"-\1", name).lower() for name in properties}
    commands = re.findall(r"^    narthex .*", PAGE, re.MULTILINE)
    used = set(re.findall(r"(?<![\w-])--[a-z][a-z.-]+", " ".join(SPANS + commands)))
    assert len(used) > 10
    assert used - offered == set()


def test_settings_are_keys():
    """The first column of the settings is flags and keys of the configuration."""
    rows = table("the settings")
    pages = [(ROOT / f"docs/{name}.md").read_text() for name in ["configuration", "flags"]]
    unknown = [name for name in names(rows) if not any(f"| `{name}`" in page for page in pages)]
    assert len(rows) > 10
    assert unknown == []


def test_reasons_of_failed_scrapes_are_complete():
    known = raw_values(ROOT / "Sources/Scrape/ScrapeError.swift", "Code")
    assert sorted(names(table("every reason of a scrape's failure"))) == sorted(known)


def test_reasons_of_the_ledger_are_complete():
    shipping = ROOT / "Sources/RemoteWrite"
    known = (
        raw_values(ROOT / "Sources/WriteAheadBuffer/Books/BufferDropReason.swift", "BufferDropReason")
        + raw_values(shipping / "DropReason.swift", "DropReason")
        + raw_values(shipping / "Answers/RefusalReason.swift", "RefusalReason")
    )
    assert len(known) > 30
    assert sorted(names(table("every reason of the ledger"))) == sorted(known)


def test_reasons_of_ecs_discovery_are_complete():
    """Each sentence with which a task or a container is left out."""
    folder = ROOT / "Sources/Discovery/ECS"
    said = [
        text
        for name in ["ECSAddress", "ECSTargets", "ECSEndpoints", "ECSHostName"]
        for text in literals(folder / f"{name}.swift")
        if re.search(r"[a-z]+ [a-z]+ [a-z]+", text)
    ] + [text for text in literals(folder / "ECSGroupMaker.swift") if text.startswith("it waits")]
    assert len(said) > 20
    quoted = [part.strip() for quote in QUOTES for part in fixed(quote) if len(part) > 8]
    missing = [
        text for text in said if not any(part in text or text.strip() in part for part in quoted)
    ]
    # No sentence of its own: what an address in another sentence is.
    assert missing == ["the address of … in Systems Manager"]


def test_exit_statuses_are_complete():
    text = (ROOT / "Sources/Agent/AgentError.swift").read_text()
    known = [int(number) for number in re.findall(r"case \w+ = (\d+)", text)]
    text = (ROOT / "Sources/Platform/SystemThread.swift").read_text()
    known.append(int(re.search(r"noThreadStatus: Int32 = (\d+)", text)[1]))
    known.append(int(re.search(r"exit (\d+)", (ROOT / "config/systemd/when-configured").read_text())[1]))
    # EX_OK and EX_USAGE, which ArgumentParser gives.
    known += [0, 64]
    listed = [int(row[0]) for row in table("every exit status")]
    assert listed == sorted(set(known))


@pytest.mark.skipif(not IS_NARTHEX, reason="the command is ours")
def test_examples_are_valid(tmp_path):
    blocks = re.findall(r"^ *```yaml\n(.*?)^ *```$", PAGE, re.MULTILINE | re.DOTALL)
    assert blocks
    whole = {"remote_write": [{"url": "https://example.com/write"}]}
    paths = []
    for number, block in enumerate(blocks):
        text = yaml.safe_load(textwrap.dedent(block))
        job = {"job_name": "a", "static_configs": [{"targets": ["127.0.0.1:9100"]}]}
        if "global" not in text and "scrape_configs" not in text:
            job, text = job | text, {}
        paths.append(tmp_path / f"{number}.yml")
        paths[-1].write_text(yaml.safe_dump({"scrape_configs": [job]} | whole | text))
    ended = subprocess.run(
        [program("narthex"), "check-config", *paths], capture_output=True, text=True, timeout=30,
        env={"HOSTNAME": "a", "PATH": "/bin"},
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_links_lead_somewhere():
    """Files that are there, and headings, as GitHub names them."""

    def anchors(path):
        text = re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)
        titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
        return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}

    wrong = []
    for target in re.findall(r"\]\(([^)]+)\)", PAGE):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        path = (ROOT / "docs" / name).resolve() if name else ROOT / "docs/operations.md"
        if not path.exists() or anchor and anchor not in anchors(path):
            wrong.append(target)
    assert wrong == []


def constant(symbol):
    """(least, most) of a constant of the formulae, as the page says what was measured."""
    found = re.search(rf"^\| `{symbol}` \|[^|]*\|[^|]*\| ([\d.]+) to ([\d.]+) \|", PAGE, re.MULTILINE)
    return float(found[1]), float(found[2])


@pytest.mark.skipif(not IS_NARTHEX, reason="the figures are ours")
def test_bytes_a_sample_are_those_of_the_page(make_agent, make_standins):
    """On disk and on the way, of stand-ins that move as a node_exporter does; the formulae have them."""
    standins = make_standins("--exporters=4", "--series=500", "--amp-port=0")
    groups = [
        {
            "targets": [place["address"]],
            "labels": {"__metrics_path__": place["path"], "instance": f"exporter-{number}"},
        }
        for number, place in enumerate(standins.exporters)
    ]
    keys = {"region": REGION, "access_key": ACCESS_KEY, "secret_key": SECRET_KEY}
    queue = {"batch_send_deadline": "500ms"}
    agent = make_agent(
        {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
            "scrape_configs": [{"job_name": "fleet", "static_configs": groups}],
            "remote_write": [
                {"name": "amp", "url": standins.amp["url"], "sigv4": keys, "queue_config": queue}
            ],
        }
    ).start()

    def figures():
        entry = read_ledger(agent).get(("amp", "fleet"), Entry())
        return (
            entry.scraped, agent.metric("narthex_buffer_written_bytes_total"), entry.delivered,
            agent.metric("prometheus_remote_storage_bytes_total"),
        )  # fmt: skip

    # The first scrapes state what the series are.
    wait_until(lambda: figures()[2] > 2 * 4 * 505, 20, "two rounds")
    before = figures()
    wait_until(lambda: figures()[2] - before[2] > 3 * 4 * 505, 20, "three more")
    scraped, written, delivered, sent = (after - first for after, first in zip(figures(), before))
    assert_balanced(read_ledger(agent))
    for symbol, found in [("b", written / scraped), ("n", sent / delivered)]:
        least, most = constant(symbol)
        # A quarter either way, as the page says.
        assert 0.75 * least <= found <= 1.25 * most, (symbol, found)


def test_the_table_is_what_the_formulae_give():
    """With the constants as they stand there, to the digits that it shows."""
    constants = sizing.planned(PAGE)
    rows = table("what the formulae give")
    assert len(rows) > 5
    for row in rows:
        cells = [float(number.replace(",", "")) for number in re.findall(r"[\d,.]+", " ".join(row))]
        expected = sizing.formulae(constants, *cells[:4])
        texts = re.findall(r"[\d,.]+", " ".join(row))[4:]
        digits = [len(text.partition(".")[2]) for text in texts]
        assert [float(text.replace(",", "")) for text in texts] == [
            pytest.approx(value, abs=0.6 * 10**-places) for value, places in zip(expected, digits)
        ], row


def test_what_the_smallest_task_bears_is_what_the_formulae_give():
    """In millions, rounded down to a tenth."""
    sentence = (
        r"that is ([\d.]+) million series every 30 s\. Memory alone would let in ([\d.]+) million\s+"
        r"series of equal tasks, or ([\d.]+) million of which each is another"
    )
    [found] = re.findall(sentence, PAGE)
    expected = [int(series / 1e5) / 10 for series in sizing.smallest_task(PAGE)]
    assert [float(number) for number in found] == expected


def test_constants_come_back_from_the_figures_that_they_give():
    """`script/sizing-figures` makes constants of what it has measured."""
    given = dict(c=0.7, s=0.09, m=25.5, t=6_000, e=31, d=177, a=14, b=0.5, n=19)
    fleets = {}
    for name, targets, series, interval, is_different in [
        ("few", 10, 1_000, 30, False), ("equal", 100, 1_000, 15, False),
        ("different", 100, 1_000, 15, True), ("many", 1_000, 100, 15, False),
        ("large", 1_000, 1_000, 30, False),
    ]:  # fmt: skip
        different = targets * series if is_different else series
        fleets[name] = {
            "targets": targets, "series": series, "interval": interval,
            "rate": targets * (series + 5) / interval,
            "cores": sizing.vcpu(given, targets, series, interval),
            # The first fleet's memory is what the constant `m` is.
            "MiB": given["m"] if name == "few" else sizing.mebibytes(given, targets, series, different),
            "stated bytes": given["a"] * different + 4 * targets * series,
            "buffer bytes": given["b"], "sent bytes": given["n"],
        }  # fmt: skip
    found = sizing.measured(fleets)
    assert list(found) == list(sizing.SYMBOLS)
    for symbol, figures in found.items():
        assert figures == [pytest.approx(given[symbol], rel=1e-3)] * len(figures), symbol
    del fleets["many"]
    assert list(sizing.measured(fleets)) == list("mdabn")
