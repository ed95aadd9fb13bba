"""script/costs: what the stages of a scrape's way cost, in instructions a sample and allocations a unit.

Callgrind counts while `narthex-bench instructions` runs a stage over a fixed input: on one thread or, where
the stage hands work from thread to thread, on the HTTP client's thread and one worker. Valgrind
shows the program a processor of its own kind, which has AVX2 where the machine has it: libdeflate, OpenSSL
and the C library choose their code by that, so the figures hold for x86-64 with AVX2. They also hold for one
version of the Swift compiler and of Debian's libraries only.
"""

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from parts.agent import program

TABLE = Path(__file__).resolve().parents[1] / "costs.json"
# What a stage's units are.
UNITS = {
    "first": "scrape",
    "scrape": "scrape",
    "gzip": "scrape",
    "append": "frame",
    "read": "frame",
    "encode": "request",
    "snappy": "request",
    "together": "request",
    "packed": "request",
    "hash": "request",
    # A page of which a tenth changes each time, by what changes, from the text until it is in the buffer.
    "lines": "scrape",
    "front": "scrape",
    "buckets": "scrape",
    "shuffle": "scrape",
    # The same as lines, with protobuf.
    "messages": "scrape",
    # A scrape of 300 samples by the HTTP client, without what is done with the page.
    "network": "scrape",
    # What a request costs whatever it holds: this one has a single sample.
    "request": "request",
}
# How far a figure may be from the table. Two runs of one program differ by half a percent at most.
INSTRUCTIONS_SHARE = 0.03
ALLOCATIONS_SHARE = 0.03
# An allocation in two units: so much may come from a table that grows.
ALLOCATIONS_LEAST = 0.5
# Below which function callgrind counts: that of the benchmark around a stage or, for stages that run on the
# agent's own kinds of threads, the one that each of these begins with (`SystemThread.start`).
_COUNTED = "$s13narthex_bench12countedStage*"
_THREAD = "$s8Platform12SystemThreadO5start*U_To"
_ON_THREADS = {"network", "request"}
# Each of these scrapes is another one, so that a figure is of more of them.
_CHANGING = {"lines", "front", "buckets", "shuffle", "messages"}
_CHANGING_ROUNDS = 12
_ALLOCATORS = {"malloc", "calloc", "realloc", "posix_memalign", "aligned_alloc"}


def why_not_here():
    """Why there is nothing to compare with on this machine; None where there is."""
    machine = platform.machine()
    if machine not in json.loads(TABLE.read_text()):
        return f"{TABLE.name} has no figures for {machine}: script/costs --renew adds them"
    if machine == "x86_64" and not {"avx2", "bmi2"} <= set(Path("/proc/cpuinfo").read_text().split()):
        return "libdeflate and OpenSSL take other code on a processor without AVX2"
    return None


def measure(stages=tuple(UNITS)):
    """{stage: {"instructions": a sample, "allocations": a unit}} of the release build.

    How far an array grows depends on the block that malloc finds, and so on all that was allocated before:
    the program's path, its arguments and its environment are as long in each run.
    """
    with tempfile.TemporaryDirectory(prefix="narthex-costs-", dir="/tmp") as name:
        folder = Path(name)
        # Valgrind cannot read the debug information that Swift writes.
        bench = folder / "narthex-bench"
        command = ["strip", "--strip-debug", "-o", bench, program("narthex-bench")]
        subprocess.run(command, check=True, timeout=60)
        with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
            return dict(zip(stages, pool.map(lambda stage: _count(folder, bench, stage), stages)))


def _count(folder, bench, stage):
    output = folder / f"callgrind.{stage}"
    counted = _THREAD if stage in _ON_THREADS else _COUNTED
    result = subprocess.run(
        ["valgrind", "--quiet", "--tool=callgrind", f"--callgrind-out-file={output}"]
        + ["--dump-instr=yes", "--compress-pos=no", "--compress-strings=no", f"--toggle-collect={counted}"]
        + [f"./{bench.name}", "instructions", "--stage", stage]
        + (["--rounds", str(_CHANGING_ROUNDS)] if stage in _CHANGING else []),
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "SWIFT_DETERMINISTIC_HASHING": "1", "TMPDIR": "."},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr
    said = re.fullmatch(r"stage (\w+) samples (\d+) units (\d+)\n", result.stdout)
    assert said and said[1] == stage, result.stdout
    instructions, allocations = read_profile(output.read_text())
    assert instructions, f"callgrind has counted nothing: the program has no function {counted}"
    return {
        "instructions": round(instructions / int(said[2]), 2),
        "allocations": round(allocations / int(said[3]), 2),
    }


def read_profile(text):
    """The instructions, and the calls of the allocator, of a profile with absolute addresses and names.

    Callgrind counts calls also where it does not count instructions. So a call is seen by the first
    instruction of the allocator's function, which runs once a call.
    """
    instructions = int(re.search(r"^totals: (\d+)$", text, re.MULTILINE)[1])
    entries = {}
    function = None
    is_call = False
    for line in text.splitlines():
        if line.startswith("fn="):
            function = line[3:] if line[3:] in _ALLOCATORS else None
        elif line.startswith("calls="):
            is_call = True
        elif line.startswith("0x"):
            # The line behind `calls=` is the cost of what was called.
            if function and not is_call:
                address, _, cost = line.split()
                first = entries.setdefault(function, {})
                first[int(address, 16)] = first.get(int(address, 16), 0) + int(cost)
            is_call = False
    return instructions, sum(costs[min(costs)] for costs in entries.values())


def read_table():
    return json.loads(TABLE.read_text()).get(platform.machine(), {})


def compare(table, measured):
    """A sentence for each figure that is too far from the table's."""
    findings = []
    for stage, figures in measured.items():
        unit = UNITS[stage]
        if stage not in table:
            findings.append(f"{stage}: the table has no figures")
            continue
        for what, share, least, of in [
            ("instructions", INSTRUCTIONS_SHARE, 0, "sample"),
            ("allocations", ALLOCATIONS_SHARE, ALLOCATIONS_LEAST, unit),
        ]:
            before, now = table[stage][what], figures[what]
            if abs(now - before) <= max(before * share, least):
                continue
            change = f"{(now / before - 1) * 100:+.1f} %" if before else f"{now - before:+g}"
            findings.append(f"{stage}: {now:g} {what} a {of}, {before:g} in the table ({change})")
    return findings


def advice(findings):
    return "\n".join(
        ["costs have changed:"]
        + [f"  {finding}" for finding in findings]
        + [
            "Where it is on purpose, or where the compiler or Debian's libraries are others than before:",
            "`script/costs --renew` writes the new figures to Tests/Integration/costs.json, and the commit",
            "says why. What has become cheaper is renewed, too, so that the gain is kept.",
        ]
    )


def main():
    parser = argparse.ArgumentParser(prog="script/costs", description=__doc__)
    parser.add_argument("--renew", action="store_true", help="write the figures to the table")
    options = parser.parse_args()
    measured = measure()
    print(f"{'stage':8} {'instructions a sample':>22} {'allocations':>14}")
    for stage, figures in measured.items():
        allocations = f"{figures['allocations']:g} a {UNITS[stage]}"
        print(f"{stage:8} {figures['instructions']:22g} {allocations:>14}")
    if options.renew:
        table = json.loads(TABLE.read_text())
        table[platform.machine()] = measured
        TABLE.write_text(json.dumps(table, indent=2) + "\n")
        return 0
    findings = compare(read_table(), measured)
    if findings:
        print(advice(findings))
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
