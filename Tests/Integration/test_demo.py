"""script/demo's program, not on a terminal: it says what happens, and Ctrl-C ends it with a summary that
adds up.
"""

import re
import signal
import subprocess
import time

from parts.agent import clean_environment, program
from parts.process import wait_until

# The summary: scraped = delivered + buffered + dropped, and the numbers in a line below.
EQUATION = re.compile(
    r"^scraped += +delivered +\+ +buffered +\+ +dropped\n"
    r"([\d,]+) += +([\d,]+) +\+ +([\d,]+) +\+ +([\d,]+)$",
    re.MULTILINE,
)


def numbers(match):
    return [int(value.replace(",", "")) for value in match.groups()]


def test_the_demo_runs_and_its_summary_adds_up(make_child):
    demo = make_child("demo", ["narthex-demo"], clean_environment())
    wait_until(
        lambda: re.search(r"http://127\.0\.0\.1:\d+", demo.log_text()), 30, "address of the status page"
    )
    time.sleep(8)
    text = demo.log_text()
    for word in ("discovered", "scraped", "buffered", "acknowledged"):
        assert word in text.lower(), text[-2000:]
    assert demo.stop(timeout=30, with_signal=signal.SIGINT) == 0
    text = demo.log_text()
    assert "\x1b[" not in text, "no control sequences where there is no terminal"
    match = EQUATION.search(text[-4000:])
    assert match, text[-2000:]
    scraped, delivered, buffered, dropped = numbers(match)
    assert scraped == delivered + buffered + dropped
    assert scraped > 0 and delivered > 0 and dropped == 0


def test_help_helps_and_other_arguments_are_refused():
    for arguments, status in ((["--help"], 0), (["-h"], 0), (["--bogus"], 64), ([""], 64)):
        ended = subprocess.run(
            [program("narthex-demo"), *arguments],
            env=clean_environment(), capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert ended.returncode == status, ended
        assert "Usage: narthex-demo" in (ended.stderr if status else ended.stdout)
