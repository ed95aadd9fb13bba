"""The pages of metrics and flags say what the program has, both ways; and what a page links is there."""

import re
import subprocess

import pytest
from parts.agent import IS_NARTHEX, ROOT, program
from parts.pages import Page, pages
from parts.process import wait_until

FAMILY = r"(?:prometheus|narthex|process|net_conntrack)_[a-z0-9_]+"
# They play or measure the agent; the families in them are the agent's.
NOT_THE_AGENT = {"StandIns", "narthex-bench", "narthex-standins", "narthex-demo"}


def families_in_sources():
    found = set()
    for path in (ROOT / "Sources").rglob("*.swift"):
        if path.relative_to(ROOT / "Sources").parts[0] not in NOT_THE_AGENT:
            found |= set(re.findall(rf'"({FAMILY})"', path.read_text()))
    return found


def test_the_page_of_metrics_lists_every_family():
    page = (ROOT / "docs/metrics.md").read_text().partition("## Families that Prometheus has and this")[0]
    listed = re.findall(rf"^\| `({FAMILY})` \|", page, re.MULTILINE)
    assert len(listed) == len(set(listed))
    assert set(listed) == families_in_sources()


@pytest.mark.skipif(not IS_NARTHEX, reason="Prometheus has a page of its own")
def test_the_page_of_metrics_lists_what_a_running_agent_shows(make_agent, receiver, text_exporter):
    """Also families whose names no source holds as a whole."""
    job = {"job_name": "a", "static_configs": [{"targets": [text_exporter("probe 1").address]}]}
    agent = make_agent(
        {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
            "scrape_configs": [job],
            "remote_write": [{"url": receiver.url, "queue_config": {"batch_send_deadline": "100ms"}}],
        }
    ).start()
    wait_until(lambda: receiver.requests, 20, "a request")
    shown = set(re.findall(rf"^# TYPE ({FAMILY}) ", agent.get("/metrics")[2].decode(), re.MULTILINE))
    page = (ROOT / "docs/metrics.md").read_text()
    listed = set(re.findall(rf"^\| `({FAMILY})` \|", page, re.MULTILINE))
    assert len(shown) > 50 and not shown - listed


@pytest.mark.skipif(not IS_NARTHEX, reason="Prometheus has a page of its own")
@pytest.mark.parametrize(
    ("command", "name"),
    [("run", "flags"), ("discover", "discover"), ("doctor", "doctor"), ("buffer", "buffer")],
)
def test_the_page_of_flags_lists_every_flag(command, name):
    # Prometheus' other flags have a table of their own there, which unit tests compare.
    page = (ROOT / f"docs/{name}.md").read_text().partition("## Every flag of Prometheus")[0]
    listed = set(re.findall(r"^\| `(--[a-z.-]+)` \|", page, re.MULTILINE))

    def offered(command):
        shown = subprocess.run(
            [program("narthex"), command, "--help"], capture_output=True, text=True, timeout=30, check=True
        ).stdout
        line = r"^  (?:-\w, )?(--[a-z][a-z.-]+)(?:, (--[a-z][a-z.-]+))?"
        return {flag for pair in re.findall(line, shown, re.MULTILINE) for flag in pair if flag}

    # The doctor takes those of the agent, which have their page.
    others = offered("run") if command == "doctor" else set()
    assert others <= offered(command)
    assert listed == offered(command) - others - {"--help", "--version"}


def test_files_that_the_architecture_names_are_there():
    page = (ROOT / "docs/architecture.md").read_text()
    named = set(re.findall(r"`([A-Za-z0-9/+]+\.swift)`", page))
    there = {path.relative_to(ROOT / "Sources").as_posix() for path in (ROOT / "Sources").rglob("*.swift")}
    # A name without a folder stands where the room is clear.
    missing = {name for name in named if not any(f"/{path}".endswith(f"/{name}") for path in there)}
    assert len(named) > 30 and missing == set()


SWIFT = {path: path.read_text() for path in sorted((ROOT / "Sources").rglob("*.swift"))}
TYPES = r"(?:struct|class|enum|actor|protocol|extension)"


def walk_through_the_shipping_half():
    page = (ROOT / "docs/architecture.md").read_text()
    return page.partition("## From the reader to the moved cursor\n")[2].partition("\n## ")[0]


def declares(text, type_name, member):
    """Whether a file has the type or an extension of it, and a member of this name."""
    kind = r"\binit\(" if member == "init" else rf"\b(?:func|var|let|case) {member}\b"
    # A search for the bare word is quick, and most files do not have it.
    return (
        type_name in text
        and re.search(rf"\b{TYPES} (?:\w+\.)*{type_name}\b", text)
        and re.search(kind, text)
    )


def test_functions_of_the_walk_through_the_shipping_half_are_there():
    """Each step's functions stand in its files, and a file that the walk has named so far calls each."""
    rows = [line.split(" | ") for line in walk_through_the_shipping_half().splitlines()]
    rows = [row for row in rows if re.match(r"\| \d+\. ", row[0])]
    assert [int(row[0].strip("| ").split(".")[0]) for row in rows] == list(range(1, len(rows) + 1))
    wrong, steps, so_far = [], 0, set()
    for step, row in enumerate(rows, 1):
        files = [ROOT / "Sources" / name for name in re.findall(r"`([\w/+]+\.swift)`", row[2])]
        wrong += [f"{step}: no file {file}" for file in files if file not in SWIFT]
        so_far |= {file for file in files if file in SWIFT}
        used = set()
        for name in re.findall(r"`([A-Za-z.]+)`", row[1]):
            steps += 1
            type_name, _, function = name.partition(".")
            homes = {file for file in files if declares(SWIFT.get(file, ""), type_name, function)}
            wrong += [] if homes else [f"{step}: {name} stands in none of the step's files"]
            used |= homes
            call = rf"\b{type_name}\(" if function == "init" else rf"(?<!func )\b{function}\("
            if not any(re.search(call, SWIFT[file]) for file in so_far):
                wrong.append(f"{step}: nothing so far calls {name}")
        # Each file is there for one of the step's functions.
        wrong += [f"{step}: nothing of {file.name} is named" for file in files if file not in used]
    assert steps > 40 and wrong == []


def test_members_that_the_architecture_names_are_there():
    page = (ROOT / "docs/architecture.md").read_text()
    named = set(re.findall(r"`([A-Z]\w+)\.([a-z]\w+)`", page))
    named = {(type_name, member) for type_name, member in named if member != "swift"}
    missing = [
        f"{type_name}.{member}"
        for type_name, member in sorted(named)
        if not any(declares(text, type_name, member) for text in SWIFT.values())
    ]
    assert len(named) > 50 and missing == []


def test_types_and_rooms_that_the_walk_names_are_there():
    named = set(re.findall(r"`([A-Z][a-z]\w*)`", walk_through_the_shipping_half()))
    rooms = {path.name for path in (ROOT / "Sources").rglob("*") if path.is_dir()}
    types = {name for text in SWIFT.values() for name in re.findall(rf"\b{TYPES} (\w+)", text)}
    assert len(named) > 20 and named - rooms - types == set()


def test_every_link_leads_somewhere():
    """To a file or a folder of the repository, and to a heading where it names one."""
    found = {page.path: page for page in map(Page, pages())}
    wrong = []
    for page in found.values():
        for link in page.links():
            file, _, anchor = link.partition("#")
            path = (page.path.parent / file).resolve() if file else page.path
            where = f"{page.path.relative_to(ROOT)}: {link}"
            if not path.exists():
                wrong.append(f"{where}: is not there")
            elif anchor and path.suffix == ".md" and anchor not in (found.get(path) or Page(path)).anchors():
                wrong.append(f"{where}: there is no such heading")
    assert not wrong, "\n".join(wrong)


def test_every_page_is_reached_from_the_readme():
    reached, ahead = set(), [ROOT / "README.md"]
    while ahead:
        page = ahead.pop()
        if page in reached:
            continue
        reached.add(page)
        for link in Page(page).links():
            path = (page.parent / link.partition("#")[0]).resolve()
            # GitHub shows a folder's README with the folder.
            path = path / "README.md" if path.is_dir() else path
            if path.suffix == ".md" and path.exists():
                ahead.append(path)
    assert not set(pages()) - reached


def test_headings_have_the_names_that_github_gives_them(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "# `narthex run`: a, b!\n## Two words\n## Two words\n```\n# no heading\n```\n## A [link](b.md) here\n"
        "[a](#x) `[b](#y)` [c `d`](e.md#f) ![g](h.png) [i](https://e.example/)\n```sh\n[j](k)\n```\n"
    )
    assert Page(page).anchors() == {"narthex-run-a-b", "two-words", "two-words-1", "a-link-here"}
    assert Page(page).links() == ["b.md", "#x", "e.md#f", "h.png"]
