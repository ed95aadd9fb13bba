"""The agent where the kernel makes it no threads, as under a container's pids limit."""

import os
import resource
import subprocess

import pytest

from parts.agent import IS_NARTHEX, clean_environment, program

NOBODY = 65534

pytestmark = pytest.mark.skipif(not IS_NARTHEX, reason="the agent's own promise")


@pytest.mark.parametrize("limit", [1, 2, 4])
def test_a_start_without_room_for_its_threads_ends_with_a_sentence(tmp_path, limit):
    tmp_path.chmod(0o777)
    ended = subprocess.run(
        [program("narthex"), "run", f"--storage.agent.path={tmp_path}/storage"],
        env=clean_environment(),
        cwd="/",
        capture_output=True,
        text=True,
        timeout=20,
        # The limit does not bind root.
        user=NOBODY if os.getuid() == 0 else None,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NPROC, (limit, limit)),
    )
    assert ended.returncode == 71, ended.stderr
    assert ended.stderr.startswith("the process cannot start: the thread ")
    assert "raise the process' limit of tasks" in ended.stderr
