"""`narthex-bench race`: the same work for several agents, and a check of what they deliver that can fail."""

import ctypes
import json
import os
import signal
import subprocess
import time
import xml.etree.ElementTree
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from parts.agent import IS_NARTHEX, clean_environment, program
from parts.prometheus import PROGRAM as PROMETHEUS

pytestmark = pytest.mark.skipif(not IS_NARTHEX, reason="the race brings its own agents")

SMALL = [
    "--targets=10", "--series=100", "--interval-seconds=1", "--warmup-seconds=3", "--seconds=9",
    "--kill-outage-seconds=2", "--settle-seconds=6",
]  # fmt: skip
# Forgets all it has kept whenever it is started.
FORGETFUL = """#!/bin/sh
rm -rf "$1"/*
exec "$2" run --config.file="$3" --storage.agent.path="$1" --web.listen-address="$4"
"""
# Stand-ins that do nothing for two seconds again and again, as if they had more to do than they can.
STALLED = """#!/bin/sh
"$STAND_INS" "$@" & pid=$!
trap 'kill -CONT $pid; kill $pid; exit' TERM
while sleep 3 & wait $!; do
    kill -STOP $pid
    sleep 2
    kill -CONT $pid
done
"""


def executable(path, text):
    path.write_text(text)
    path.chmod(0o755)
    return path


def race(folder, *flags):
    """(exit status, what was said, results by (agent, scenario))"""
    folder.mkdir()
    report = folder / "race.json"
    ended = subprocess.run(
        [program("narthex-bench"), "race", *SMALL, f"--json={report}", *flags],
        capture_output=True, text=True, timeout=100,
        env=clean_environment(TMPDIR=str(folder), STAND_INS=program("narthex-standins")),
    )  # fmt: skip
    assert report.exists(), ended.stderr
    results = json.loads(report.read_text())["results"]
    print(ended.stdout, ended.stderr)
    text = ended.stdout + ended.stderr
    return ended.returncode, text, {(one["agent"], one["scenario"]): one for one in results}


@pytest.mark.timeout(150)
def test_agents_race_and_one_that_forgets_is_found_out(tmp_path):
    script = executable(tmp_path / "forgetful", FORGETFUL)
    plots = tmp_path / "new" / "plots"
    prometheus = f"--prometheus={PROMETHEUS}"
    forgetful = f"--agent=forgetful={script} {{dir}} {program('narthex')} {{config}} {{listen}}"
    runs = [
        ("--scenario=steady", prometheus, f"--plots={plots}"),
        ("--scenario=kill", forgetful),
        # It takes five seconds after a start before it scrapes, and five more before it sends.
        ("--scenario=kill", prometheus, "--without-narthex", "--seconds=20"),
    ]
    with ThreadPoolExecutor(len(runs)) as pool:
        races = [pool.submit(race, tmp_path / f"race-{n}", *flags) for n, flags in enumerate(runs)]
        ended = [one.result() for one in races]
    assert [status for status, _, _ in ended] == [0, 0, 0]
    results = {key: result for _, _, race_results in ended for key, result in race_results.items()}
    assert set(results) == {
        ("narthex", "steady"), ("prometheus", "steady"),
        ("narthex", "kill"), ("prometheus", "kill"), ("forgetful", "kill"),
    }  # fmt: skip
    for (agent, scenario), result in results.items():
        figures = result["figures"]
        assert figures["exposed"] >= 5_000, (agent, scenario)
        assert figures["surplus"] == 0 and figures["badlySigned"] == 0, (agent, scenario)
        assert 0 < figures["cpuMicrosecondsPerSample"] and 0 < figures["rssMeanMiB"], (agent, scenario)
        assert (figures["unsigned"] > 0) == (agent == "prometheus")
        if agent == "narthex" or scenario == "steady":
            assert figures["missing"] == figures["leftOut"] == 0, (agent, scenario, result.get("notes"))
    table = ended[0][1]
    assert "CPU, µs a sample" in table and "(×" in table
    # Two rounds of scrapes at least were not sent yet.
    assert results["forgetful", "kill"]["figures"]["missing"] >= 1_000
    drawn = sorted(path.name for path in plots.iterdir())
    assert {"cpu.svg", "rss.svg", "missing.svg", "steady-samples.svg"} <= set(drawn)
    for name in drawn:
        assert xml.etree.ElementTree.parse(plots / name).getroot().tag.endswith("svg")


@pytest.mark.timeout(100)
def test_an_agent_catches_up_recovers_and_is_not_blamed_for_its_stand_ins(tmp_path):
    stalled = executable(tmp_path / "stalled", STALLED)
    runs = [
        ("--scenario=outage", "--outage-seconds=3"),
        ("--scenario=restart",),
        # It looks for a changed list of targets every three seconds.
        ("--scenario=overload", "--seconds=18"),
        ("--scenario=steady", f"--stand-ins={stalled}"),
    ]
    with ThreadPoolExecutor(len(runs)) as pool:
        races = [pool.submit(race, tmp_path / f"race-{n}", *flags) for n, flags in enumerate(runs)]
        ended = [one.result() for one in races]
    outage, restart, overload, steady = (results for _, _, results in ended)
    assert [status for status, _, _ in ended[:3]] == [0, 0, 0]
    said = ended[3][1]
    figures = outage["narthex", "outage"]["figures"]
    assert figures["missing"] == figures["leftOut"] == 0 and 1 <= figures["catchUpSeconds"]

    # The endpoint answers when the agent is told to end: so that need not try until its deadline of 20 s.
    figures = restart["narthex", "restart"]["figures"]
    assert figures["missing"] == figures["leftOut"] == 0 and 0 < figures["stopSeconds"] < 10

    result = overload["narthex", "overload"]
    figures = result["figures"]
    # Ten targets for 18 s, and 20 more for some of the 6 s in the middle.
    assert figures["exposed"] >= 20_000, result["notes"]
    assert figures["missing"] == figures["leftOut"] == figures["surplus"] == 0, result["notes"]
    assert 0.35 < figures["overloadScrapedShare"] < 1.5 and 0.5 < figures["scrapedShare"] < 1.5
    assert figures["overloadSamplesPerSecond"] > 0 and figures["endRSSMiB"] > 0
    for name in ("overloadLag99Seconds", "punctualAfterSeconds", "lagBackAfterSeconds"):
        assert figures[name] >= 0, name
    assert any("scraped an added target" in note for note in result["notes"])

    # The figures are not the agent's when the stand-ins were not there: the table and standard error say so.
    result = steady["narthex", "steady"]
    assert "may be the limit, and not the agent" in result["warning"] and "--number-sets" in result["warning"]
    assert result["figures"]["standInsAnswerSeconds"] >= 1 and said.count("WARNING: the stand-ins") == 2


def groups_of(pid):
    """The control groups that the race with this process id has made."""
    root = Path("/sys/fs/cgroup")
    return [path for path in root.glob(f"**/narthex-race-{pid}") if path.is_dir()]


def take_signals():
    """What a program in the foreground of a terminal starts with, wherever the tests run."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may make control groups")
@pytest.mark.timeout(60)
def test_nothing_stays_behind_when_a_race_is_interrupted(tmp_path):
    with subprocess.Popen(
        [program("narthex-bench"), "race", *SMALL, "--seconds=60", "--cpus=1", "--memory-mib=256"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=clean_environment(TMPDIR=str(tmp_path)), preexec_fn=take_signals,
    ) as running:  # fmt: skip
        try:
            members = []
            while not members and running.poll() is None:
                time.sleep(0.1)
                members = [
                    int(pid)
                    for group in groups_of(running.pid)
                    for pid in (group / "cgroup.procs").read_text().split()
                ]
            if running.poll() is not None and "nothing was measured" in running.stderr.read():
                pytest.skip("this machine lets nobody make control groups")
            running.send_signal(signal.SIGINT)
            assert running.wait(20) == 130
        finally:
            running.kill()
        assert "interrupted" in running.stderr.read() and "FAILED: interrupted" in running.stdout.read()
    assert members and groups_of(running.pid) == [] and list(tmp_path.iterdir()) == []
    assert not any(Path(f"/proc/{pid}").exists() for pid in members)


PR_SET_CHILD_SUBREAPER = 36


def adopt_and_ignore_hang_up():
    """As process 1 of a container, and under nohup(1)."""
    take_signals()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def interrupted_race(folder, scenario):
    """(standard error, the result) of a race of a minute that Ctrl-C ends after some seconds."""
    folder.mkdir()
    report = folder / "race.json"
    with subprocess.Popen(
        [program("narthex-bench"), "race", *SMALL, "--seconds=60", f"--scenario={scenario}",
         f"--json={report}"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True,
        env=clean_environment(TMPDIR=str(folder)), preexec_fn=adopt_and_ignore_hang_up,
    ) as running:  # fmt: skip
        try:
            time.sleep(6)
            os.killpg(running.pid, signal.SIGHUP)
            time.sleep(4)
            assert running.poll() is None
            # To all processes in the terminal's foreground.
            os.killpg(running.pid, signal.SIGINT)
            assert running.wait(20) == 130
        finally:
            running.kill()
        said = running.stderr.read()
    (result,) = json.loads(report.read_text())["results"]
    print(said, result)
    report.unlink()
    assert list(folder.iterdir()) == []
    return said, result


@pytest.mark.timeout(60)
def test_an_interrupted_race_reports_what_was_measured(tmp_path):
    with ThreadPoolExecutor(2) as pool:
        races = [pool.submit(interrupted_race, tmp_path / name, name) for name in ("steady", "ramp")]
        (said, steady), (_, ramp) = [one.result() for one in races]
    assert said.count("interrupted: the race ends") == 1
    assert steady["fault"] == ramp["fault"] == "interrupted"
    figures = steady["figures"]
    assert figures["cpuMicrosecondsPerSample"] > 0 and figures["samplesPerSecond"] > 500
    assert "missing" not in figures and len(steady["points"]) >= 3
    assert any("until it was interrupted" in note for note in steady["notes"])
    # A load that was not measured to its end is neither borne nor not borne.
    assert ramp["notes"] == ["10 targets: interrupted"] and "borneTargets" not in ramp["figures"]


@pytest.mark.timeout(60)
def test_yardsticks_end_when_the_race_is_interrupted(tmp_path):
    with subprocess.Popen(
        [program("narthex-bench"), "race", *SMALL, "--seconds=60", "--yardsticks", "--without-narthex",
         "--agent=ends=/bin/false {config}"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True,
        env=clean_environment(TMPDIR=str(tmp_path)), preexec_fn=take_signals,
    ) as running:  # fmt: skip
        try:
            assert "ended by itself with status 1" in running.stderr.readline()
            time.sleep(3)
            os.killpg(running.pid, signal.SIGINT)
            assert running.wait(15) == 130
        finally:
            running.kill()
        assert "the yardsticks: interrupted" in running.stderr.read()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may put another folder over /sys/fs/cgroup")
def test_limits_that_cannot_be_had_are_refused(tmp_path):
    hide = 'mount -t tmpfs -o ro none /sys/fs/cgroup && exec "$@"'
    ended = subprocess.run(
        ["unshare", "--mount", "sh", "-c", hide, "sh",
         program("narthex-bench"), "race", *SMALL, "--cpus=0.25"],
        capture_output=True, text=True, timeout=60, env=clean_environment(TMPDIR=str(tmp_path)),
    )  # fmt: skip
    assert ended.returncode != 0 and "nothing was measured" in ended.stderr
    assert ended.stdout == "" and list(tmp_path.iterdir()) == []
