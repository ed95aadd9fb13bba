"""`narthex-bench race`: the same work for several agents, and a check of what they deliver that can fail."""

import json
import os
import subprocess
import xml.etree.ElementTree
from concurrent.futures import ThreadPoolExecutor

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


def race(folder, *flags):
    """(exit status, standard output, figures by (agent, scenario))"""
    folder.mkdir()
    report = folder / "race.json"
    ended = subprocess.run(
        [program("narthex-bench"), "race", *SMALL, f"--json={report}", *flags],
        capture_output=True, text=True, timeout=100, env=clean_environment(TMPDIR=str(folder)),
    )  # fmt: skip
    assert report.exists(), ended.stderr
    results = json.loads(report.read_text())["results"]
    print(ended.stdout, ended.stderr)
    return ended.returncode, ended.stdout, {(one["agent"], one["scenario"]): one for one in results}


@pytest.mark.timeout(150)
def test_agents_race_and_one_that_forgets_is_found_out(tmp_path):
    script = tmp_path / "forgetful"
    script.write_text(FORGETFUL)
    script.chmod(0o755)
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
            assert figures["missing"] == 0, (agent, scenario, result.get("notes"))
    table = ended[0][1]
    assert "CPU, µs a sample" in table and "(×" in table
    # Two rounds of scrapes at least were not sent yet.
    assert results["forgetful", "kill"]["figures"]["missing"] >= 1_000
    drawn = sorted(path.name for path in plots.iterdir())
    assert {"cpu.svg", "rss.svg", "missing.svg", "steady-samples.svg"} <= set(drawn)
    for name in drawn:
        assert xml.etree.ElementTree.parse(plots / name).getroot().tag.endswith("svg")


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
