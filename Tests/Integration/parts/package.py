"""The Debian package of the program under test."""

import os
import shutil
import subprocess

import pytest

from .agent import needs_swift
from .process import ROOT

# What the tests pack is not sent anywhere, and packing well takes its time.
ENVIRONMENT = os.environ | {
    "SOURCE_DATE_EPOCH": "1764374400", "DPKG_DEB_COMPRESSOR_TYPE": "gzip", "DPKG_DEB_COMPRESSOR_LEVEL": "1",
}  # fmt: skip


@pytest.fixture(scope="session")
def packages(tmp_path_factory):
    """{revision: file}: what script/package makes, and the same with a higher revision."""
    if needs_swift():
        pytest.skip("the binary needs the Swift runtime: it is not the one that is shipped")
    said = subprocess.run(
        [ROOT / "script/package"], capture_output=True, text=True, timeout=300, env=ENVIRONMENT
    )
    assert said.returncode == 0, said.stderr
    print(said.stdout)
    first = ROOT / said.stdout.partition(":")[0]
    assert first.name.endswith("-1_amd64.deb")
    folder = tmp_path_factory.mktemp("package")
    second = folder / first.name.replace("-1_amd64", "-2_amd64")
    tree = folder / "tree"
    subprocess.run(["dpkg-deb", "--raw-extract", first, tree], check=True, timeout=60)
    control = tree / "DEBIAN/control"
    text = control.read_text()
    [version] = [line for line in text.splitlines() if line.startswith("Version: ")]
    control.write_text(text.replace(version, version.removesuffix("1") + "2"))
    command = ["dpkg-deb", "--root-owner-group", "-Znone", "--build", tree, second]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    shutil.rmtree(tree)
    return {1: first, 2: second}
