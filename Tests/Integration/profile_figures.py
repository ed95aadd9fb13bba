"""script/profile: where the agent's instructions, or its processor time, go by stage.

The release agent scrapes a fleet of stand-ins, with plain bodies and then with gzip, and sends to a stand-in
of AMP. Instructions are counted by callgrind, in the program alone. Time, in the program and in the kernel,
is sampled by perf 4,000 times a second of processor time.
"""

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from datetime import date
from pathlib import Path

import yaml

from parts.agent import clean_environment, program
from parts.aws import REGION
from parts.process import ROOT, ChildProcess, wait_until
from parts.profiles import REST, STAGES, UNKNOWN, read_callgrind, read_perf, share_out, stage_of
from parts.profiles import stage_of_stack
from parts.standins import ACCESS_KEY, SECRET_KEY, StandIns


class Run:
    """A fleet and an agent that scrapes it, in `folder`. `tool` is put before the agent's command."""

    def __init__(self, options, folder, gzip, tool=()):
        self.options, self.folder = options, folder
        flags = [f"--exporters={options.targets}", f"--series={options.series}", "--amp-port=0"]
        # The stand-ins are not what is measured, and under callgrind they share the machine with it.
        flags += ["--verify-one-in=10"] + (["--gzip"] if gzip else [])
        self.stand_ins = StandIns(folder / "stand-ins.log", *flags)
        # Valgrind cannot read the debug information that Swift writes.
        self.binary = folder / "narthex"
        command = ["strip", "--strip-debug", "-o", self.binary, program("narthex")]
        subprocess.run(command, check=True, timeout=60)
        self.agent = ChildProcess(
            "narthex",
            [*tool, self.binary, "run", f"--config.file={folder}/narthex.yml"]
            + [f"--storage.agent.path={folder}/storage", "--web.listen-address=127.0.0.1:0"],
            folder / "agent.log",
            clean_environment(TMPDIR=str(folder), SWIFT_BACKTRACE="enable=no"),
        )

    def start(self, stack):
        self.stand_ins.start()
        stack.callback(self.stand_ins.process.stop)
        groups = [
            {
                "targets": [exporter["address"]],
                "labels": {"__metrics_path__": exporter["path"], "instance": f"exporter-{number}"},
            }
            for number, exporter in enumerate(self.stand_ins.exporters)
        ]
        (self.folder / "targets.json").write_text(json.dumps(groups))
        seconds = self.options.interval
        configuration = {
            "global": {"scrape_interval": f"{seconds}s", "scrape_timeout": f"{min(10, seconds)}s"},
            "scrape_configs": [
                {"job_name": "fleet", "file_sd_configs": [{"files": [f"{self.folder}/targets.json"]}]}
            ],
            "remote_write": [
                {
                    "url": self.stand_ins.amp["url"],
                    "sigv4": {"region": REGION, "access_key": ACCESS_KEY, "secret_key": SECRET_KEY},
                }
            ],
        }
        (self.folder / "narthex.yml").write_text(yaml.safe_dump(configuration))
        self.agent.start()
        stack.callback(self.agent.kill)
        whole = self.options.targets * self.options.series
        wait_until(self.has_taken(self.options.warm_up * whole), 300, "steady state", every=0.5)

    def has_taken(self, samples):
        def look():
            assert self.agent.is_running(), f"the agent ended: {self.agent.log_text()[-2000:]}"
            return self.samples() >= samples

        return look

    def samples(self):
        """Samples that the receiver has taken so far."""
        return self.stand_ins.control(self.stand_ins.amp, "/stats")["samples"]

    def measure(self):
        """Waits for the measured scrapes to pass; the samples that have come meanwhile."""
        before = self.samples()
        time.sleep(self.options.scrapes * self.options.interval)
        taken = self.samples() - before
        due = self.options.scrapes * self.options.targets * self.options.series
        if not 0.9 * due < taken < 1.1 * due:
            print(f"{taken:,} samples came where {due:,} were due: use a longer --interval", file=sys.stderr)
        return taken

    def cpu_seconds(self):
        """Processor time of the agent so far, by the clock of clock_getcpuclockid(3) for a process."""
        return time.clock_gettime((~self.agent.pid << 3) | 2)


def demangled(names):
    """{name: as Swift writes it}."""
    names = list(names)
    command = ["swift", "demangle", "--compact"]
    result = subprocess.run(command, input="\n".join(names), capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    shown = result.stdout.splitlines()
    assert len(shown) == len(names), "swift demangle has given another number of lines"
    return dict(zip(names, shown))


def count_instructions(options, folder, gzip):
    """{stage: instructions a sample} and {(stage, function): own instructions a sample}."""
    output = folder / "callgrind"
    tool = ["valgrind", "--quiet", "--tool=callgrind", f"--callgrind-out-file={output}"]
    # Slow while it counts, so that it counts only once all targets are known.
    tool += ["--instr-atstart=no", "--compress-strings=no", "--compress-pos=no", "--fair-sched=try"]
    with contextlib.ExitStack() as stack:
        run = Run(options, folder, gzip, tool)
        run.start(stack)
        _control(run, "--instr=on")
        samples = run.measure()
        _control(run, "--dump=measured")
        output = wait_until(lambda: _dump(folder), 60, "profile by callgrind")
    own, calls = read_callgrind(output.read_text(errors="replace"))
    names = demangled(set(own) | {name for pair in calls for name in pair})
    stages = {name: stage_of(shown) for name, shown in names.items()}
    totals = share_out(own, calls, stages.get)
    functions = {(stages[name] or "callers'", names[name]): cost / samples for name, cost in own.items()}
    return {stage: (cost / samples,) for stage, cost in totals.items()}, functions


def _control(run, word):
    command = ["callgrind_control", word, str(run.agent.pid)]
    environment = clean_environment(TMPDIR=str(run.folder))
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0 and "Error" not in result.stdout, result.stdout + result.stderr


def _dump(folder):
    """The profile that `callgrind_control` has asked for, once all of it is written."""
    for path in folder.glob("callgrind.*"):
        text = path.read_text(errors="replace")
        if "\ndesc: Trigger: dump measured\n" in text and "\ntotals: " in text:
            return path
    return None


def sample_time(options, folder, gzip):
    """{stage: nanoseconds a sample (user, kernel)} and {(stage, innermost frames): nanoseconds a sample}."""
    with contextlib.ExitStack() as stack:
        run = Run(options, folder, gzip)
        run.start(stack)
        # Stacks by the tables for exceptions: the C libraries keep no frame pointers.
        recording = ["perf", "record", "-e", "cpu-clock", "-F", "4000", "--call-graph=dwarf,8192"]
        perf = ChildProcess(
            "perf", [*recording, "-o", folder / "perf", "-p", run.agent.pid], folder / "perf.log"
        )
        perf.start()
        stack.callback(perf.kill)
        time.sleep(1)
        assert perf.is_running(), perf.log_text()
        before = run.cpu_seconds()
        samples = run.measure()
        seconds = run.cpu_seconds() - before
        perf.stop(60, signal.SIGINT)
        command = ["perf", "script", "-i", folder / "perf", "-F", "comm,ip,sym,dso"]
        script = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=300)
    stacks = Counter(tuple(stack) for stack in read_perf(script.stdout.splitlines()))
    assert stacks, f"perf has no samples: {script.stderr}"
    names = demangled({frame for stack in stacks for frame in stack})
    share = seconds * 1e9 / samples / sum(stacks.values())
    totals, functions = defaultdict(lambda: [0.0, 0.0]), defaultdict(float)
    for stack, count in stacks.items():
        shown = [names[frame] for frame in stack]
        stage, is_kernel = stage_of_stack(shown)
        totals[stage][is_kernel] += count * share
        functions[stage, " < ".join(frame[:60] for frame in shown[:5])] += count * share
    return {stage: tuple(parts) for stage, parts in totals.items()}, dict(functions)


def commit():
    """What is checked out; the programs are of that if they were built since."""
    command = ["git", "-C", ROOT, "describe", "--always", "--dirty", "--abbrev=7", "--exclude=*"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60).stdout.strip() or "unknown"


def table(columns, measured):
    """A table in Markdown: a line for each stage, with the columns of each kind of bodies in `measured`."""
    none = (0.0,) * len(columns)
    heads = [f"{kind}{column}" for kind in measured for column in columns]
    lines = ["| stage | " + " | ".join(heads) + " |", "|---|" + "---|" * len(heads)]
    rows = [
        (stage, [figure for figures in measured.values() for figure in figures.get(stage, none)])
        for stage in [*STAGES, REST, UNKNOWN]
    ]
    sums = [sum(column) for column in zip(*(figures for _, figures in rows))]
    for stage, figures in [*rows, ("together", sums)]:
        lines.append(f"| {stage} | " + " | ".join(f"{figure:.1f}" for figure in figures) + " |")
    return "\n".join(lines)


def print_functions(kind, functions, count):
    by_stage = defaultdict(list)
    for (stage, name), cost in functions.items():
        by_stage[stage].append((cost, name))
    for stage, costs in by_stage.items():
        print(f"\n{kind}, {stage}:")
        for cost, name in sorted(costs, reverse=True)[:count]:
            print(f"{cost:9.2f} {name[:180]}")


def main():
    parser = argparse.ArgumentParser(prog="script/profile", description=__doc__)
    parser.add_argument("--perf", action="store_true", help="time by perf in place of instructions")
    parser.add_argument("--targets", type=int, default=200)
    parser.add_argument("--series", type=int, default=1000, help="of each target")
    parser.add_argument("--interval", type=int, default=10, help="seconds between two scrapes of a target")
    parser.add_argument("--scrapes", type=int, default=4, help="scrapes of each target that are measured")
    parser.add_argument("--warm-up", type=int, default=3, help="scrapes of each target before these")
    parser.add_argument("--only", choices=["plain", "gzip"], help="measure one kind of bodies alone")
    parser.add_argument(
        "--functions", type=int, default=0, metavar="COUNT", help="also shows the largest ones of each stage"
    )
    options = parser.parse_args()
    for needed in ["swift", "perf"] if options.perf else ["swift", "valgrind", "callgrind_control"]:
        if not shutil.which(needed):
            parser.error(f"{needed} is missing: script/setup test, and the Swift toolchain in PATH")
    take = sample_time if options.perf else count_instructions
    figures = {}
    for kind in [options.only] if options.only else ["plain", "gzip"]:
        with tempfile.TemporaryDirectory(prefix="narthex-profile-") as folder:
            figures[kind], functions = take(options, Path(folder), kind == "gzip")
        if options.functions:
            print_functions(kind, functions, options.functions)
    what = "Nanoseconds of processor time" if options.perf else "Instructions"
    load = f"{options.targets} × {options.series:,} every {options.interval} s"
    print(f"\n{what} a sample, {load}, {date.today()}, commit {commit()}, {os.cpu_count()} processors:\n")
    print(table([" user", " kernel"] if options.perf else [""], figures))


if __name__ == "__main__":
    main()
