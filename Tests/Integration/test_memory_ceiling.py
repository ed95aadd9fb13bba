"""Storms that an agent in a small memory cgroup must bear: it is never killed, its steady targets go on
without a gap, what it sheds it counts, and afterwards all is as before.

In short a mixed storm; with NARTHEX_TORTURE_SECONDS=1200 each kind of storm, and a mixed one, in both sizes,
which take so long together. NARTHEX_SEED repeats a run.
"""

import os
import random
import time

import pytest

from parts.agent import IS_NARTHEX
from parts.ceiling import MEBIBYTE
from parts.siege import KINDS, SETTLE_SECONDS, Siege

pytestmark = pytest.mark.skipif(not IS_NARTHEX, reason="the ceiling is Narthex' own")

LONG = float(os.environ.get("NARTHEX_TORTURE_SECONDS", "0"))
SIZES = (128, 256)
STORMS = (*KINDS, "mixed")
# About a minute of each is before and after the storm.
STORM_SECONDS = max(8, LONG / len(SIZES) / len(STORMS) - 60)
# A second storm in the same life, which must not add to what the first has left behind.
AGAIN_SECONDS = 8


@pytest.fixture
def siege(make_agent, parts, receiver, node_exporter, tmp_path):
    """siege(kind, MiB, seed): the storm's course and its judgement."""

    def run(kind, mebibytes, seed):
        print(f"storm {kind} in {mebibytes} MiB: NARTHEX_SEED={seed}")
        one = Siege(
            make_agent, parts, tmp_path / f"{kind}-{mebibytes}-{seed}", receiver,
            random.Random(seed), mebibytes * MEBIBYTE, extra=[node_exporter.address],
        )  # fmt: skip
        try:
            one.calm()
            one.storm(kind, STORM_SECONDS)
            one.settle()
            if kind == "mixed":
                one.storm(kind, AGAIN_SECONDS)
                one.settle()
            shed = one.examine()
        finally:
            print(one.told())
        print(f"shed {shed}")
        if (kind, mebibytes) == ("mixed", 128):
            # Others may have too little in them to need a step.
            assert one.seen.highest_step >= 4 and sum(shed.values()), "the storm was none"

    return run


@pytest.mark.timeout(STORM_SECONDS + AGAIN_SECONDS + 2 * SETTLE_SECONDS + 120)
def test_a_mixed_storm(siege, seeded):
    siege("mixed", 128, seeded.getrandbits(32))


@pytest.mark.skipif(not LONG, reason="NARTHEX_TORTURE_SECONDS is not set")
@pytest.mark.timeout(STORM_SECONDS + AGAIN_SECONDS + 2 * SETTLE_SECONDS + 120)
@pytest.mark.parametrize("mebibytes", SIZES)
@pytest.mark.parametrize("kind", STORMS)
def test_each_kind_of_storm(siege, seeded, kind, mebibytes):
    siege(kind, mebibytes, seeded.getrandbits(32))
