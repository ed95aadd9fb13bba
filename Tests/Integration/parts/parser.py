"""The agent's parser, called through `narthex-bench parse`, and python's reference parser, in one form."""

import json
import math
import os
import struct
import subprocess

from prometheus_client.openmetrics.parser import text_string_to_metric_families

from parts.agent import program

# Exposition without what a sample is not: (name, labels, value's bits, timestamp in ms, exemplar).
ORDINARY_NAN = 0x7FF8000000000001


def _command(openmetrics):
    """NARTHEX_BENCH_BIN names another build of the program."""
    bench = os.environ.get("NARTHEX_BENCH_BIN") or program("narthex-bench")
    return [bench, "parse"] + (["--openmetrics"] if openmetrics else [])


def ours(bodies, openmetrics=True):
    """What the agent's parser makes of each body: a list of samples, or an error's text."""
    feed = b"".join(str(len(body)).encode() + b"\n" + body for body in bodies)
    done = subprocess.run(_command(openmetrics), input=feed, capture_output=True, timeout=120, check=True)
    answers = [json.loads(line) for line in done.stdout.decode().split("\n") if line]
    assert len(answers) == len(bodies)
    return [answer["error"] if "error" in answer else _ours(answer) for answer in answers]


def metadata(body, openmetrics=True):
    feed = str(len(body)).encode() + b"\n" + body
    done = subprocess.run(_command(openmetrics), input=feed, capture_output=True, timeout=30, check=True)
    return {family["family"]: family for family in json.loads(done.stdout)["metadata"]}


def _ours(answer):
    samples = []
    for sample in answer["samples"]:
        labels = dict(sample["labels"])
        exemplar = sample["exemplar"]
        samples.append(
            (
                labels.pop("__name__"),
                labels,
                int(sample["bits"], 16),
                sample["timestamp_ms"],
                exemplar and (exemplar["labels"], int(exemplar["bits"], 16), exemplar["timestamp_ms"]),
            )
        )
    return samples


def bits(value):
    if math.isnan(value):
        return ORDINARY_NAN
    return struct.unpack("<Q", struct.pack("<d", value))[0]


def milliseconds(timestamp):
    """As Prometheus: seconds as a float, times 1000, the rest cut off; what 64 bits do not hold is the
    smallest number."""
    if timestamp is None:
        return None
    result = int(float(timestamp) * 1000)
    return result if -(1 << 63) <= result < 1 << 63 else -(1 << 63)


def pythons(body):
    """What python's parser makes of a body; raises where it refuses."""
    samples = []
    for family in text_string_to_metric_families(body.decode()):
        for sample in family.samples:
            exemplar = sample.exemplar and (
                {name: value for name, value in sample.exemplar.labels.items() if value},
                bits(sample.exemplar.value),
                milliseconds(sample.exemplar.timestamp),
            )
            labels = {name: value for name, value in sample.labels.items() if value}
            samples.append(
                (sample.name, labels, bits(sample.value), milliseconds(sample.timestamp), exemplar or None)
            )
    return samples
