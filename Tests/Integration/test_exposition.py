"""The 211 OpenMetrics vectors, and random bodies, against python's reference parser."""

import json
import os
import random
import re

import pytest
import yaml

from parts import parser
from parts.agent import IS_NARTHEX, ROOT
from parts.exporters import _Serving
from parts.process import wait_until
from parts.prometheus import Prometheus

SHARED = os.environ.get("NARTHEX_SHARED") or ROOT / ".." / "shared"
VECTORS = os.path.join(SHARED, "vectors", "openmetrics")
PAGE = ROOT / "docs" / "exposition-formats.md"

needs_vectors = pytest.mark.skipif(
    not os.path.isdir(VECTORS), reason=f"no OpenMetrics vectors in {VECTORS} (set NARTHEX_SHARED)"
)


def vectors():
    for name in sorted(os.listdir(VECTORS)):
        with open(os.path.join(VECTORS, name, "test.json")) as file:
            description = json.load(file)
        with open(os.path.join(VECTORS, name, description["file"]), "rb") as file:
            yield name, file.read(), description["shouldParse"]


def exponent_free(samples):
    """`le` and `quantile` in one spelling: python normalises more of them than Prometheus does."""
    result = []
    for name, labels, *rest in samples:
        labels = dict(labels)
        for bound in ("le", "quantile"):
            try:
                labels[bound] = float(labels[bound])
            except (KeyError, ValueError):
                pass
        result.append((name, labels, *rest))
    return result


def collapsed(samples):
    """Without samples that repeat series and timestamp of the one before: python drops those whose
    nanoseconds are equal, and a scrape those whose milliseconds are."""
    result = []
    for sample in samples:
        last = result[-1] if result else (None, None, None, None)
        if sample[3] is None or (last[0], last[1], last[3]) != (sample[0], sample[1], sample[3]):
            result.append(sample)
    return result


ESCAPES = {"n": "\n", '"': '"', "\\": "\\"}


def unescaped(text):
    return re.sub(r'\\([n"\\])', lambda found: ESCAPES[found[1]], text)


def unescaped_exemplars(samples):
    """Prometheus keeps the backslashes of exemplars; python resolves them."""
    result = []
    for *head, exemplar in samples:
        if exemplar:
            exemplar = ({name: unescaped(value) for name, value in exemplar[0].items()}, *exemplar[1:])
        result.append((*head, exemplar))
    return result


def comparable(samples):
    return collapsed(exponent_free(unescaped_exemplars(samples)))


@needs_vectors
def test_every_good_vector_reads_as_in_python():
    good = [(name, body) for name, body, should_parse in vectors() if should_parse]
    assert len(good) == 44
    for (name, body), found in zip(good, parser.ours([body for _, body in good]), strict=True):
        assert not isinstance(found, str), f"{name}: {found}"
        assert comparable(found) == comparable(parser.pythons(body)), name


@needs_vectors
def test_bad_vectors_are_refused_but_for_those_of_the_page():
    bad = [(name, body) for name, body, should_parse in vectors() if not should_parse]
    assert len(bad) == 167
    found = parser.ours([body for _, body in bad])
    accepted = {name for (name, _), answer in zip(bad, found, strict=True) if not isinstance(answer, str)}
    listed = set(re.findall(r"`(bad_[a-z0-9_]+)`", PAGE.read_text()))
    assert accepted == listed


class Vectors(_Serving):
    """Each vector at the path of its name."""

    bodies = {}

    def answer(self, exchange):
        self.reply(exchange, self.bodies[exchange.path.strip("/")], "application/openmetrics-text")


# What Debian's Prometheus, 2.42, still refuses and Prometheus 3 takes: an exemplar behind any sample, and a
# comma behind the last label.
TAKEN_SINCE_2_42 = {
    *(f"bad_exemplars_on_unallowed_metric_types_{number}" for number in (0, 1, 2)),
    *(f"bad_exemplars_on_unallowed_samples_{number}" for number in (0, 1, 3)),
    "bad_missing_or_extra_commas_2",
}


@needs_vectors
@pytest.mark.skipif(not IS_NARTHEX, reason="looks at Prometheus alone")
def test_vectors_are_refused_where_prometheus_refuses_them(tmp_path, parts):
    """The page's table beside a real Prometheus, which scrapes each vector as a target."""
    exporter = Vectors()
    exporter.bodies = {name: body for name, body, _ in vectors()}
    parts.callback(exporter.start().stop)
    prometheus = Prometheus(tmp_path / "prometheus", tmp_path / "prometheus.log")
    parts.callback(lambda: prometheus.process.process and prometheus.process.kill())
    jobs = [
        {
            "job_name": name,
            "metrics_path": f"/{name}",
            "static_configs": [{"targets": [exporter.address]}],
        }
        for name in exporter.bodies
    ]
    (tmp_path / "prometheus/prometheus.yml").write_text(
        yaml.safe_dump({"global": {"scrape_interval": "2s", "scrape_timeout": "2s"}, "scrape_configs": jobs})
    )
    prometheus.start()

    def scraped():
        ups = {item["metric"]["job"]: item["value"][1] for item in prometheus.ask(query="up")}
        return ups if len(ups) == len(jobs) == 211 else None

    ups = wait_until(scraped, 30, "a scrape of each vector")
    refused = {name for name, value in ups.items() if value == "0"}
    bad = {name for name in exporter.bodies if name.startswith("bad_")}
    listed = set(re.findall(r"`(bad_[a-z0-9_]+)`", PAGE.read_text()))
    assert refused == (bad - listed) | TAKEN_SINCE_2_42


def test_metadata_is_that_of_the_comments():
    body = (
        b'# TYPE a_seconds counter\n# UNIT a_seconds seconds\n# HELP a_seconds one\\ntwo "three"\n'
        b"a_seconds_total 1\n# EOF\n"
    )
    assert parser.metadata(body) == {
        "a_seconds": {
            "family": "a_seconds",
            "type": "counter",
            "help": 'one\ntwo "three"',
            "unit": "seconds",
        }
    }


def random_body(rng):
    """A body that is right by the specification: what it holds is python's to say."""
    lines = []
    for number in range(rng.randint(1, 6)):
        kind = rng.choice(["counter", "gauge", "histogram", "summary", "unknown", "info", "stateset"])
        name = f"m{number}"
        lines.append(f"# TYPE {name} {kind}")
        if rng.random() < 0.5:
            lines.append(f"# HELP {name} some \\\\ help \\n é # {{")
        for series in range(rng.randint(1, 4)):
            label = rng.choice(["x", 'q\\"uote', "é {} # ", "a\\\\b", "n\\nl", " "])
            labels = f'a="{series}",b="{label}"'
            value = rng.choice(["0", "1", "2.5", "1e3", "+Inf", "12345678901", "0.001"])
            when = rng.choice(["", " 1700000000", " 1700000000.25", " 0.001"])
            exemplar = rng.choice(["", ' # {id="ab c"} 0.5', ' # {id="1",x="{"} 0.5 1700000000.5'])
            if kind == "counter":
                lines.append(f"{name}_total{{{labels}}} {value}{when}{exemplar}")
            elif kind == "histogram":
                lines.append(f'{name}_bucket{{{labels},le="1.0"}} 1{exemplar}')
                lines.append(f'{name}_bucket{{{labels},le="+Inf"}} 2')
                lines.append(f"{name}_count{{{labels}}} 2")
                lines.append(f"{name}_sum{{{labels}}} 1.5")
            elif kind == "summary":
                lines.append(f'{name}{{{labels},quantile="0.5"}} {value}')
                lines.append(f"{name}_count{{{labels}}} 2")
            elif kind == "info":
                lines.append(f"{name}_info{{{labels}}} 1")
            elif kind == "stateset":
                lines.append(f'{name}{{{labels},{name}="on"}} {rng.choice("01")}')
            else:
                lines.append(f"{name}{{{labels}}} {rng.choice(['NaN', '-Inf', value])}{when}")
    return ("\n".join(lines) + "\n# EOF\n").encode()


def broken(body, rng):
    """The body with a byte changed, taken out or put in."""
    place = rng.randrange(len(body))
    byte = rng.choice(b'\n {}"\\,=#0129.eE+-_:az')
    return rng.choice(
        [
            body[:place] + bytes([byte]) + body[place + 1 :],
            body[:place] + body[place + 1 :],
            body[:place] + bytes([byte]) + body[place:],
        ]
    )


def test_random_bodies_read_as_in_python(seeded):
    bodies = [random_body(seeded) for _ in range(400)]
    for body, found in zip(bodies, parser.ours(bodies), strict=True):
        assert not isinstance(found, str), f"{found}\n{body.decode()}"
        assert comparable(found) == comparable(parser.pythons(body)), body.decode()


# What python's parser passes over and Prometheus refuses, by the words of our refusal.
LAX_PYTHON = [
    r"a value is expected after the metric",
    r"a space is expected after #",
    r"a label name or } is expected, found \"[: ]",
    r", or } is expected after a label, found \" ",
    r"= is expected after the label name, found \" ",
    r"a quoted label value is expected, found \" ",
    r"a metric name is expected, found \" ",
    r"\" \w+\" is no metric type",
    r"\"[^ ]*[\"_{][^ ]*\" is no number",
    # Infinite in python; beyond the range of a float64 in Go.
    r"\"[^ ]*e\d{3,}\" is no number",
]


def test_what_python_takes_of_broken_bodies_reads_the_same():
    """The bodies are the same in every run, as what python's parser passes over beyond this list is no fault
    of ours."""
    rng = random.Random(20261121)
    bodies = [broken(random_body(rng), rng) for _ in range(1_500)]
    compared = 0
    for body, found in zip(bodies, parser.ours(bodies), strict=True):
        try:
            expected = parser.pythons(body)
        except Exception:  # python's parser refuses with whatever error comes up
            continue
        if isinstance(found, str):
            assert any(re.search(words, found) for words in LAX_PYTHON), f"{found}\n{body!r}"
            continue
        compared += 1
        assert comparable(found) == comparable(expected), body
    assert compared > 300
