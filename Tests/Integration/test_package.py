"""The Debian package: what is in it. What becomes of a machine that has it, test_machine.py shows."""

import gzip
import os
import re
import subprocess

import pytest
from parts.agent import IS_NARTHEX, program
from parts.package import ENVIRONMENT
from parts.process import ROOT

pytestmark = [
    pytest.mark.skipif(not IS_NARTHEX, reason="Prometheus has a package of its own"),
    pytest.mark.timeout(600),
]


@pytest.fixture(scope="session")
def tree(packages, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tree")
    subprocess.run(["dpkg-deb", "--raw-extract", packages[1], folder], check=True, timeout=60)
    return folder


def test_lintian_finds_no_errors(packages):
    ended = subprocess.run(
        ["lintian", "--fail-on=error", "--allow-root", "--tag-display-limit=0", packages[1]],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    print(ended.stdout)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_it_is_made_the_same_twice(packages):
    before = packages[1].read_bytes()
    subprocess.run([ROOT / "script/package"], check=True, capture_output=True, timeout=300, env=ENVIRONMENT)
    assert packages[1].read_bytes() == before


def test_what_is_in_it(tree):
    files = {str(path.relative_to(tree)) for path in tree.rglob("*") if path.is_file()}
    # Keys may be written into it.
    assert (tree / "etc/default/narthex").stat().st_mode & 0o777 == 0o600
    changelog = gzip.decompress((tree / "usr/share/doc/narthex/changelog.Debian.gz").read_bytes()).decode()
    command = [program("narthex"), "--version"]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60).stdout
    commit = re.search(r"commit: +(\S+)", said)[1]
    assert ("does not say its commit" if commit == "unknown" else f"of commit {commit[:12]}") in changelog
    assert {
        "usr/bin/narthex", "etc/narthex/narthex.yml", "etc/default/narthex",
        "lib/systemd/system/narthex.service", "lib/systemd/system/narthex-credentials.path",
        "usr/share/man/man1/narthex.1.gz", "usr/share/man/man5/narthex.yml.5.gz",
        "usr/share/doc/narthex/copyright",
    } <= files  # fmt: skip
    assert (tree / "DEBIAN/conffiles").read_text() == "/etc/default/narthex\n/etc/narthex/narthex.yml\n"
    sections = subprocess.run(
        ["readelf", "--sections", tree / "usr/bin/narthex"], capture_output=True, text=True, timeout=60
    ).stdout
    assert ".symtab" not in sections and ".gnu_debuglink" in sections
    [control] = re.findall(r"^Depends: (.*)$", (tree / "DEBIAN/control").read_text(), re.MULTILINE)
    assert {"adduser", "libcurl4", "libssl3", "libc6"} <= {name.split()[0] for name in control.split(", ")}
    copyright = (tree / "usr/share/doc/narthex/copyright").read_text()
    for name in ("swift-nio", "swift-argument-parser", "swift-log", "Runtime Library Exception"):
        assert name in copyright


def test_it_is_a_working_program(tree):
    said = subprocess.run([tree / "usr/bin/narthex", "--version"], capture_output=True, text=True, timeout=60)
    version, *more = said.stdout.splitlines()
    assert re.fullmatch(r"narthex \d+\.\d+\.\d+", version)
    told = dict(line.strip().split(": ", 1) for line in more)
    assert set(told) == {"commit", "build date", "swift", "platform"}
    # Nothing is wrong with the configuration but that it is not filled in.
    said = subprocess.run(
        [tree / "usr/bin/narthex", "check-config", tree / "etc/narthex/narthex.yml"],
        capture_output=True, text=True, timeout=60, env=os.environ | {"HOSTNAME": "edge"},
    )  # fmt: skip
    assert said.returncode == 0, said.stdout + said.stderr


@pytest.mark.parametrize(("shell", "file"), [
    ("bash", "usr/share/bash-completion/completions/narthex"),
    ("zsh", "usr/share/zsh/vendor-completions/_narthex"),
    ("fish", "usr/share/fish/vendor_completions.d/narthex.fish"),
])  # fmt: skip
def test_shells_read_their_completions(tree, shell, file):
    ended = subprocess.run([shell, "-n", tree / file], capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "config.file" in (tree / file).read_text()


@pytest.mark.parametrize(("page", "has"), [
    ("man1/narthex.1.gz", ["--storage.agent.path", "SIGHUP", "NARTHEX DOCTOR", "WATCHDOG"]),
    ("man5/narthex.yml.5.gz", ["remote_write", "max_samples_per_send", "PROMETHEUS_EXPORTER_PORT"]),
])  # fmt: skip
def test_manual_pages_are_sound(tree, page, has):
    file = tree / "usr/share/man" / page
    shown = subprocess.run(
        ["man", "--warnings", "-E", "UTF-8", "-l", file],
        capture_output=True, text=True, timeout=60, env=os.environ | {"MANWIDTH": "200", "LC_ALL": "C.UTF-8"},
    )  # fmt: skip
    assert (shown.returncode, shown.stderr) == (0, "")
    for text in has:
        assert text in shown.stdout
    for section in ("SYNOPSIS", "SEE ALSO"):
        assert f"\n{section}\n" in shown.stdout
    # What is named is there.
    named = set(re.findall(r"/usr/share/doc/narthex/[\w./-]*\w", shown.stdout))
    assert named and all((tree / name.lstrip("/")).exists() for name in named), named
    assert re.findall(r"(?<![\w/-])[\w-]+\.md\b", shown.stdout) == []
    if page.startswith("man1"):
        command = [program("narthex"), "--help"]
        text = subprocess.run(command, capture_output=True, text=True, timeout=60).stdout
        for command in re.findall(r"^  ([a-z][a-z-]+)  ", text.partition("SUBCOMMANDS:")[2], re.MULTILINE):
            assert f"\n       narthex {command} " in shown.stdout
    # Nothing of the Markdown is left over.
    assert "](" not in shown.stdout and "\n#" not in shown.stdout
    source = gzip.decompress(file.read_bytes()).decode()
    assert not re.search(r"^\|", source, re.MULTILINE)
