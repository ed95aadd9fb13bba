"""script/torture: what it reads of its parts' reports, and that a part which shows nothing is no success."""

import importlib.machinery
import importlib.util
import json
import signal

import pytest

from parts.process import ROOT


@pytest.fixture
def torture(tmp_path, monkeypatch):
    loader = importlib.machinery.SourceFileLoader("torture", str(ROOT / "script/torture"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("torture", loader))
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    loader.exec_module(module)
    module.REPORTS = tmp_path / "report"
    module.REPORTS.mkdir()
    module.PAGE = tmp_path / "torture.md"
    return module


@pytest.mark.parametrize("count", ["found", "finding_count"])
def test_a_report_of_the_program(count, torture):
    report = {"part": "points", "seed": 1, "counts": {"died": 12_345, "power": {"torn": 2}}, count: 3}
    (torture.REPORTS / "points.json").write_text(json.dumps(report | {"findings": ["a"]}))
    assert torture.examine("points", 1, []) == ("died 12,345; power torn 2", 3)


def test_a_part_that_has_shown_nothing_is_a_finding(torture):
    assert torture.examine("points", 0, ["one", ""])[1] == 1
    (torture.REPORTS / "points.json").write_text('{"counts": {}, "findings": []}')
    assert torture.examine("points", 0, [])[1] == 1
    (torture.REPORTS / "points.json").write_text('{"counts": {"died": 1}, "findings": []}')
    assert torture.examine("points", 0, []) == ("died 1", 0)
    assert torture.examine("points", 133, ["a trap"]) == ("ended with 133: a trap", 1)
    assert torture.examine("races", 1, ["a race"])[1] == 1
    assert torture.examine("outage", 0, [])[1] == 1
    assert torture.examine("agent", 0, [])[1] == 1


def test_tests_that_were_skipped_are_named(torture):
    (torture.REPORTS / "agent.xml").write_text(
        '<testsuites><testsuite><testcase name="a"/><testcase name="b"><skipped message="no cgroup"/>'
        '</testcase><testcase name="c"><failure/></testcase></testsuite></testsuites>'
    )
    assert torture.examine("agent", 1, []) == ("2 tests; not run: b (no cgroup)", 1)
    # Tests that are skipped one and all show nothing.
    (torture.REPORTS / "agent.xml").write_text(
        '<testsuites><testsuite><testcase name="b"><skipped message="x"/></testcase></testsuite></testsuites>'
    )
    assert torture.examine("agent", 0, [])[1] == 1


def test_a_table_of_the_benchmark(torture):
    lines = [
        "figure                                    measured  budget",
        "samples scraped in all                    36000000",
        "memory at a tenth, the middle and the end, % apart    1.25  5  ok",
        "samples dropped                           1  0  EXCEEDED",
    ]
    tried, findings = torture.examine("outage", 1, lines)
    assert findings == 1
    memory = "memory at a tenth, the middle and the end, % apart: 1.25"
    assert tried == f"samples scraped in all: 36000000; {memory}"


def test_the_page_keeps_what_was_not_run(torture):
    begin, end = torture.MARKS
    torture.PAGE.write_text(
        f"text\n{begin}\n| part | form |\n|---|---|\n"
        f"| start | long | old |\n| points | short | old |\n{end}\nrest\n"
    )
    torture.renew(["| points | long | new |", "| points | short | new |"])
    assert torture.PAGE.read_text() == (
        f"text\n{begin}\n| part | form |\n|---|---|\n| points | long | new |\n| points | short | new |\n"
        f"| start | long | old |\n{end}\nrest\n"
    )


def test_the_page_is_one_that_can_be_renewed(torture):
    page = (ROOT / "docs/torture.md").read_text()
    assert all(page.count(mark) == 1 for mark in torture.MARKS)
    for name in torture.PARTS:
        assert f"\n| `{name}` | " in page, name


def test_a_part_is_ended_at_its_limit(torture):
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    try:
        children = torture.Children()
        status, lines = children.run(["sleep", "60"], {}, 0.5)
        assert status == -signal.SIGTERM and lines == ["it was ended at its limit of 0.5 s"]
        assert children.run(["sh", "-c", "echo $A; exit 3"], {"A": 5}, 20) == (3, ["5"])
        assert children.run(["/nonexistent/program"], {}, 20)[0] == 127
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
