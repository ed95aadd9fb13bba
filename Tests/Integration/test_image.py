"""The Dockerfile: what it says, and that script/image, which runs without an engine, does the same steps."""

import json
import re
import subprocess
import sys

import pytest
from dockerfile_parse import DockerfileParser
from parts.agent import IS_NARTHEX, program
from parts.process import ROOT

pytestmark = pytest.mark.skipif(not IS_NARTHEX, reason="the image is Narthex'")


@pytest.fixture(scope="module")
def steps(tmp_path_factory):
    """[(instruction, value)] as another reader than script/image's sees the Dockerfile."""
    parser = DockerfileParser(path=str(tmp_path_factory.mktemp("dockerfile")))
    parser.content = (ROOT / "Dockerfile").read_text()
    return [
        (step["instruction"], re.sub(r"\s+", " ", step["value"])) for step in parser.structure
        if step["instruction"] != "COMMENT"
    ]  # fmt: skip


def last(steps, instruction):
    """The value of the instruction in the last stage."""
    begins = max(index for index, (word, _) in enumerate(steps) if word == "FROM")
    values = [value for word, value in steps[begins:] if word == instruction]
    assert len(values) == 1, f"{instruction}: {values}"
    return values[0]


def test_script_image_does_the_steps_of_the_dockerfile(steps):
    plan = json.loads(
        subprocess.run([ROOT / "script/image", "--plan"], capture_output=True, check=True, timeout=60).stdout
    )
    found = []
    for stage in plan:
        name = f" AS {stage['name']}" if stage["name"] else ""
        found.append(("FROM", stage["base"] + name))
        found += [tuple(step) for step in stage["steps"]]
    assert found == steps


def test_every_instruction_is_one_that_script_image_carries_out(steps):
    text = (ROOT / "script/image").read_text()
    known = set(re.findall(r'word == "([A-Z]+)"', text)) | {"FROM"}
    assert {word for word, _ in steps} <= known


def test_the_stages_and_their_bases(steps):
    assert [value for word, value in steps if word == "FROM"] == [
        "swift:6.3.1-bookworm AS build", "scratch AS symbols", "debian:12-slim",
    ]  # fmt: skip


def test_the_image_is_as_prometheus_image_where_that_matters(steps):
    assert last(steps, "USER") == "65534:65534"
    assert json.loads(last(steps, "VOLUME")) == ["/prometheus", "/output"]
    assert last(steps, "WORKDIR") == "/prometheus"
    assert json.loads(last(steps, "ENTRYPOINT")) == ["narthex"]
    assert last(steps, "HEALTHCHECK").endswith('CMD ["narthex", "healthcheck"]')
    environment = last(steps, "ENV")
    assert 'NARTHEX_WEB_LISTEN_ADDRESS="0.0.0.0:9090"' in environment
    assert 'NARTHEX_DEFAULT_CONFIG_FILE="/etc/prometheus/prometheus.yml"' in environment
    install = last(steps, "RUN")
    assert "--owner=65534 --group=65534 /prometheus /output" in install


def test_the_version_is_the_programs(steps):
    shown = subprocess.run(
        [program("narthex"), "--version"], capture_output=True, text=True, check=True, timeout=30
    ).stdout
    version = re.match(r"narthex (\S+)", shown).group(1)
    assert f'org.opencontainers.image.version="{version}"' in last(steps, "LABEL")
    for path in [
        "cloudformation.yml", "compose.yml", "task-definition.json", "terraform/main.tf", "README.md",
    ]:
        tags = re.findall(r"narthex:(\d[\d.]*\d)", (ROOT / "config/fargate" / path).read_text())
        assert tags and set(tags) == {version}, path


def test_the_page_has_the_figures_that_script_image_checks():
    page = (ROOT / "docs/image.md").read_text()
    stated = dict(re.findall(r"^\| ([a-z][^|]*) \| ([\d.]+) MB \|$", page, re.MULTILINE))
    assert set(stated) == {"beyond the base", "program", "program as it is built", "symbols"}
    assert float(stated["program"]) < float(stated["beyond the base"]) <= 40
    # The health check that ECS is told is the Dockerfile's.
    told = json.loads("{" + re.search(r'"healthCheck": \{.*?\n    \}', page, re.DOTALL).group() + "}")
    kept = json.loads((ROOT / "config/fargate/task-definition.json").read_text())
    assert told["healthCheck"] == kept["containerDefinitions"][0]["healthCheck"]


def libraries():
    """The names of the shared libraries that the program names itself."""
    said = subprocess.run(
        ["readelf", "--dynamic", "--wide", program("narthex")], capture_output=True, text=True, check=True
    ).stdout
    return set(re.findall(r"\(NEEDED\).*\[lib([\w+-]+)(?:-[\d.]+)?\.so", said))


def test_the_image_has_the_libraries_that_are_linked(steps):
    """By name, and not since another package happens to want them."""
    # The C library is in every image; a debug build also names Swift's own.
    others = {"c", "m", "resolv", "gcc_s", "BlocksRuntime", "dispatch"}
    names = {name for name in libraries() - others if not re.match("swift|_?Foundation", name)}
    assert len(names) >= 8
    packages = {"crypto": "ssl3", "stdc++": "stdc++6", "z": "z1"}
    installed = last(steps, "RUN").replace("zlib1g", "libz1").split()
    for name in names:
        wanted = f"lib{packages.get(name, name)}"
        assert any(word.startswith(wanted) for word in installed), f"{name}: no {wanted} in the image"


@pytest.mark.skipif("swiftCore" in libraries(), reason="this debug build has the Swift runtime beside it")
def test_the_licences_are_those_of_what_is_linked():
    build = ROOT / ".build/release"
    said = subprocess.run(
        [sys.executable, ROOT / "script/licences", build], capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    assert said.returncode == 0, said.stderr
    objects = (build / "narthex.product/Objects.LinkFileList").read_text()
    linked, _, texts = said.stdout.partition("\n\n====")
    for module, package in [("NIOCore", "swift-nio"), ("ArgumentParser", "swift-argument-parser"),
                            ("HeapModule", "swift-collections"), ("Logging", "swift-log")]:  # fmt: skip
        assert f"/{module}.build/" in objects and module in linked and f"{package}: LICENSE" in texts
    # HTTP's parser is code of others inside a package.
    assert "Sources/CNIOLLHTTP/LICENSE" in texts
    assert "libcurl4 " in linked and "libssl3 " in linked and "Apache License" in texts
    # Not linked into the program, although the tests and the benchmark use it.
    assert "swift-testing" not in linked and "XCTest" not in linked
