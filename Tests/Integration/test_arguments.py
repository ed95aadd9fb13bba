"""Where a program's arguments come from, and what it says to a command line that says nothing."""

import shutil
import subprocess

import pytest
from parts.agent import IS_NARTHEX, clean_environment, program

pytestmark = pytest.mark.skipif(not IS_NARTHEX, reason="this is about Narthex' own command lines")

# What tracing injectors and libfaketime do: it moves `environ` away from the arguments.
INJECTOR = """
#include <stdlib.h>
__attribute__((constructor)) static void inject(void) { setenv("INJECTED", "by a preloaded library", 1); }
"""


@pytest.fixture(scope="session")
def injector(tmp_path_factory):
    compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if compiler is None:
        pytest.skip("there is no C compiler (cc, gcc, clang) to make the preloaded library with")
    folder = tmp_path_factory.mktemp("injector")
    (folder / "injector.c").write_text(INJECTOR)
    library = folder / "injector.so"
    command = [compiler, "-shared", "-fPIC", "-o", library, folder / "injector.c"]
    subprocess.run(command, check=True, timeout=60)
    return library


def run(name, *arguments, **environment):
    return subprocess.run(
        [program(name), *arguments],
        env=clean_environment(**environment), capture_output=True, timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "arguments", "status", "said"),
    [
        ("narthex", ["--version"], 0, b"narthex "),
        ("narthex", ["discover", "--config.file=/nonexistent"], 2, b"/nonexistent: the configuration file"),
        ("narthex", ["run", "--config.file", ""], 2, b": the configuration file cannot be read"),
        ("narthex", ["run", ""], 64, b"Unexpected argument ''"),
        ("narthex-standins", ["--exporters=1", "--moving-share=2"], 64, b"is 0 to 1"),
    ],
)
def test_a_preloaded_library_takes_no_arguments_away(injector, name, arguments, status, said):
    for environment in ({}, {"LD_PRELOAD": str(injector)}):
        ended = run(name, *arguments, **environment)
        assert said in ended.stdout + ended.stderr, (environment, ended)
        assert ended.returncode == status, (environment, ended)


def test_a_command_line_without_a_command_is_wrong():
    ended = run("narthex")
    assert ended.returncode == 64 and ended.stdout == b""
    assert b"a command is missing; to run the agent: narthex run [FLAGS]" in ended.stderr
    asked = run("narthex", "--help")
    assert asked.returncode == 0 and b"discover" in asked.stdout


def test_an_argument_that_is_no_text_is_refused_with_its_place():
    ended = run("narthex", "run", b"--config.file=/x/\xff.yml")
    assert ended.returncode == 64
    assert b"argument 2 (--config.file) is not valid UTF-8" in ended.stderr
