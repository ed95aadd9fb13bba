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
    ("command", "name"), [("run", "flags"), ("discover", "discover"), ("doctor", "doctor")]
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


def test_functions_of_the_walk_through_the_shipping_half_are_there():
    """Each is a function of its type, in the type's file or in an extension's."""
    page = (ROOT / "docs/architecture.md").read_text()
    walk = page.partition("## From the reader to the moved cursor\n")[2].partition("\n## ")[0]
    rows = [line.split(" | ") for line in walk.splitlines() if re.match(r"\| \d+\. ", line)]
    assert [int(row[0].strip("| ").split(".")[0]) for row in rows] == list(range(1, len(rows) + 1))
    named = [name for row in rows for name in re.findall(r"`([A-Za-z.]+)`", row[1])]
    missing = []
    for name in named:
        type_name, _, function = name.partition(".")
        patterns = (f"{type_name}.swift", f"{type_name}+*.swift")
        files = [file for pattern in patterns for file in (ROOT / "Sources").rglob(pattern)]
        declared = {"": rf"\b{type_name}\b", "init": r"\binit\("}.get(function, rf"\bfunc {function}\(")
        if not any(re.search(declared, file.read_text()) for file in files):
            missing.append(name)
    assert len(named) > 25 and missing == []


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
