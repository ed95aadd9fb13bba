"""The machine's clock jumps, or shows 1970 at the start: what the agent does is seen from outside.

A small library is loaded before the agent's own: it adds an offset from a file to the wall clock, and answers
for the kernel whether the clock is synchronised. The test moves both.
"""

import mmap
import shutil
import struct
import subprocess
import time

import pytest

from parts.agent import IS_NARTHEX
from parts.process import wait_until
from parts.receiver import Answer

pytestmark = pytest.mark.skipif(not IS_NARTHEX, reason="the agent's own promise")

LIBRARY = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

// Seconds to add to the wall clock, and whether the kernel calls it synchronised.
static volatile int64_t *state;
static long (*next)(long, ...);

__attribute__((constructor)) static void begin(void) {
    next = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
    int file = open(getenv("TEST_CLOCK"), O_RDONLY);
    state = mmap(NULL, 16, PROT_READ, MAP_SHARED, file, 0);
    close(file);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    if (next == NULL) begin();
    int result = (int)next(SYS_clock_gettime, clock, now);
    if (result == 0 && clock == CLOCK_REALTIME) now->tv_sec += state[0];
    return result;
}

long syscall(long number, ...) {
    va_list list;
    va_start(list, number);
    long a[6];
    for (int i = 0; i < 6; i++) a[i] = va_arg(list, long);
    va_end(list);
    if (next == NULL) begin();
    if (number != SYS_adjtimex) return next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
    ((struct timex *)a[0])->status = state[1] ? 0 : STA_UNSYNC;
    return 0;
}
"""


class MovedClock:
    """The clock that the agent sees."""

    def __init__(self, folder, offset=0):
        source = folder / "clock.c"
        source.write_text(LIBRARY)
        library = folder / "clock.so"
        # Swift's toolchain brings clang, where the system has no compiler.
        compiler = shutil.which("cc") or "clang"
        subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
        path = folder / "clock.state"
        path.write_bytes(bytes(16))
        with path.open("r+b") as file:
            self._state = mmap.mmap(file.fileno(), 16)
        self.set(offset)
        self.environment = {"LD_PRELOAD": str(library), "TEST_CLOCK": str(path)}

    def set(self, offset, synchronised=False):
        self._state[:] = struct.pack("qq", int(offset), int(synchronised))

    def close(self):
        self._state.close()


@pytest.fixture
def clock(tmp_path, parts):
    clock = MovedClock(tmp_path)
    parts.callback(clock.close)
    return clock


def configuration(exporter, receiver):
    return {
        "global": {"scrape_interval": "1s"},
        "scrape_configs": [{"job_name": "node", "static_configs": [{"targets": [exporter.address]}]}],
        "remote_write": [
            {
                "name": "main",
                "url": receiver.url,
                "queue_config": {
                    "batch_send_deadline": "100ms", "max_backoff": "500ms", "sample_age_limit": "1h",
                },
            }
        ],
    }  # fmt: skip


def stamps(receiver):
    """The times, in seconds, of the samples of `up` that were taken, as they came."""
    return [
        timestamp / 1000
        for request in receiver.accepted()
        for labels, samples in receiver.decode(request)
        if dict(labels)["__name__"] == "up"
        for timestamp, _ in samples
    ]


def doubted(agent):
    return agent.metric("narthex_clock_jump_seconds")


def test_a_clock_that_jumps_and_comes_back_costs_nothing(make_agent, text_exporter, receiver, clock):
    exporter = text_exporter("a 1\n")
    receiver.decide = lambda received: Answer(status=503, stores=False)
    agent = make_agent(configuration(exporter, receiver), environment=clock.environment).start()
    began = time.time()
    wait_until(lambda: exporter.scrapes >= 2, 15, "scrapes before the jump")
    for jump in (6 * 3600, -6 * 3600):
        before = exporter.scrapes
        clock.set(jump)
        wait_until(lambda: abs(doubted(agent) - jump) < 1, 10, "doubt")
        wait_until(lambda: exporter.scrapes >= before + 3, 15, "scrapes while the clock is wrong")
        clock.set(0)
        wait_until(lambda: doubted(agent) == 0, 10, "the clock's return")
    receiver.decide = lambda received: Answer()
    wait_until(lambda: len(stamps(receiver)) >= 8, 15, "samples at the receiver")
    times = stamps(receiver)
    assert times == sorted(times)
    assert began - 2 < times[0] and times[-1] < time.time() + 1
    assert max(later - earlier for earlier, later in zip(times, times[1:])) < 4
    assert "narthex_ledger_dropped_samples_total" not in {name for name, _ in agent.metrics()}
    assert len(agent.log_lines("has jumped ahead beyond the time that passed")) == 1
    assert len(agent.log_lines("has jumped back beyond the time that passed")) == 1


def test_a_jump_is_followed_once_the_kernel_is_synchronised(make_agent, text_exporter, receiver, clock):
    exporter = text_exporter("a 1\n")
    agent = make_agent(configuration(exporter, receiver), environment=clock.environment).start()
    wait_until(lambda: stamps(receiver), 15, "a first sample")
    clock.set(7200)
    wait_until(lambda: agent.log_lines("has jumped ahead"), 10, "doubt")
    clock.set(7200, synchronised=True)
    wait_until(lambda: stamps(receiver)[-1] > time.time() + 7000, 15, "the new time")
    assert agent.log_lines("the kernel says that it is synchronised")


def test_a_start_in_1970_waits_for_the_clock(make_agent, text_exporter, receiver, clock):
    exporter = text_exporter("a 1\n")
    clock.set(-time.time() + 100)
    agent = make_agent(configuration(exporter, receiver), environment=clock.environment).start()
    wait_until(lambda: agent.log_lines("scrapes wait until it is set"), 10, "the reason for the wait")
    time.sleep(3)
    assert exporter.scrapes == 0
    clock.set(0)
    wait_until(lambda: stamps(receiver), 15, "a first sample")
    assert abs(stamps(receiver)[0] - time.time()) < 10
    assert agent.stop() == 0
