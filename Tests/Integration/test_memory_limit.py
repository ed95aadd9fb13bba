"""A memory limit, and targets that answer more than fits into it: the agent lives, and says why they fail."""

import os
import pathlib
import time

import pytest

from parts.agent import IS_NARTHEX
from parts.exporters import TEXT_FORMAT, _Serving
from parts.exposition import from_bits
from parts.process import wait_until

pytestmark = pytest.mark.skipif(not IS_NARTHEX, reason="the reasons are ours")

LIMIT = 512 << 20
COMMENT = b"# a comment line that says nothing and is read all the same\n" * 16_384
PIECES = 200 * 1_000_000 // len(COMMENT)


class Exporter(_Serving):
    """200 MB of comment lines: at /length with their length, at /chunks without; /small is a good target."""

    def answer(self, exchange):
        kind = exchange.path.strip("/")
        if kind == "small":
            self.reply(exchange, b"fine 1\n")
            return
        exchange.close_connection = True
        exchange.send_response(200)
        exchange.send_header("Content-Type", TEXT_FORMAT)
        exchange.send_header("Connection", "close")
        if kind == "length":
            exchange.send_header("Content-Length", str(PIECES * len(COMMENT)))
        else:
            exchange.send_header("Transfer-Encoding", "chunked")
        exchange.end_headers()
        try:
            for _ in range(PIECES):
                if kind == "chunks":
                    exchange.wfile.write(b"%x\r\n" % len(COMMENT) + COMMENT + b"\r\n")
                else:
                    exchange.wfile.write(COMMENT)
            if kind == "chunks":
                exchange.wfile.write(b"0\r\n\r\n")
        except OSError:
            pass  # the agent does not want the rest


def memory_cgroup():
    """(folder, file of the limit) of a new cgroup of version 2 or 1; skips where none can be made."""
    for root, limit in (("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")):
        folder = pathlib.Path(root) / f"narthex-test-{os.getpid()}"
        try:
            folder.mkdir()
            (folder / limit).write_text(str(LIMIT))
            return folder
        except OSError:
            if folder.is_dir():
                folder.rmdir()
    pytest.skip("no memory cgroup can be made here")


@pytest.mark.timeout(120)
def test_huge_bodies_do_not_get_the_agent_killed(make_agent, parts, receiver):
    folder = memory_cgroup()
    exporter = Exporter().start()
    parts.callback(exporter.stop)
    jobs = {"length": 5, "chunks": 5, "small": 1}
    agent = make_agent(
        {
            "global": {"scrape_interval": "5s", "scrape_timeout": "4s"},
            "scrape_configs": [
                {
                    "job_name": job,
                    "metrics_path": f"/{job}",
                    "static_configs": [
                        {"targets": [exporter.address], "labels": {"number": str(number)}}
                        for number in range(count)
                    ],
                }
                for job, count in jobs.items()
            ],
            "remote_write": [{"url": receiver.url, "queue_config": {"batch_send_deadline": "200ms"}}],
        }
    )
    # The limit is read at the start, so the agent has to begin inside: this process goes in and out again.
    own = next(
        line.split(":", 2)[2]
        for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines()
        if "memory" in line.split(":", 2)[1] or line.startswith("0::") and folder.parent.name == "cgroup"
    )
    procs = pathlib.Path(f"{folder.parent}{own}") / "cgroup.procs"
    (folder / "cgroup.procs").write_text(str(os.getpid()))
    try:
        agent.start()
    finally:
        procs.write_text(str(os.getpid()))
    try:
        assert agent.metric("narthex_memory_limit_bytes", kind="bodies") == LIMIT / 4
        time.sleep(12)
        assert agent.process.is_running()
        peak = agent.process.peak_rss_bytes()
        print(f"peak resident memory {peak >> 20} MiB of {LIMIT >> 20}")
        assert peak < LIMIT * 3 // 4
        assert agent.log_lines(r"/length.*the body of \d+ bytes needs more than the \d+ bytes of memory")
        assert agent.log_lines(r"/chunks.*memory")

        def ups(job):
            found = [
                from_bits(bits)
                for labels, samples in receiver.samples().items()
                if dict(labels)["__name__"] == "up" and dict(labels)["job"] == job
                for _, bits in samples
            ]
            return found if len(found) >= 3 * jobs[job] else None

        for job in ("length", "chunks"):
            assert set(wait_until(lambda job=job: ups(job), 30, f"reports of {job}")) == {0.0}
        good = wait_until(lambda: ups("small"), 30, "reports of the good target")
        assert set(good) == {1.0}
    finally:
        agent.stop()
        wait_until(lambda: (folder / "cgroup.procs").read_text() == "", 20, "an empty cgroup")
        folder.rmdir()


def test_malloc_has_no_arena_for_each_thread(make_agent, receiver):
    """Each arena keeps memory of its own and fragments of it. A limit that comes after more than eight
    threads is none: the main arena and one other are there, whatever threads ask for room before the agent.
    """
    agent = make_agent({"remote_write": [{"url": receiver.url}]})
    agent.start()
    maps = pathlib.Path(f"/proc/{agent.process.pid}/maps").read_text().splitlines()
    mapped = [line.split() for line in maps]
    reserved = 64 << 20
    arenas = 0
    for (used, mode, *_, name), (free, other, *_) in zip(mapped, mapped[1:]):
        low, end = (int(word, 16) for word in used.split("-"))
        begin, high = (int(word, 16) for word in free.split("-"))
        is_heap = name == "0" and mode.startswith("rw") and other.startswith("---") and begin == end
        arenas += is_heap and low % reserved == 0 and high == low + reserved
    assert arenas == 1
