"""The examiner of the crash and outage tests, shown wrong books: each fault must be found, and right ones
pass.
"""

import struct
from dataclasses import replace

import cramjam
import pytest

from parts.custody import REPORT, Custody
from parts.exporters import LoadExporter, Served
from parts.receiver import Answer, CountingReceiver, Received
from parts.write_request import STALE_BITS, MalformedRequest, value_bits

INSTANCE = "load:1"


def varint(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def field(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def request_body(samples):
    """A WriteRequest of [(labels, timestamp, bits)], a series each."""
    plain = b""
    for labels, timestamp, bits in samples:
        series = b"".join(
            field(1, field(1, n.encode()) + field(2, v.encode())) for n, v in sorted(labels.items())
        )
        plain += field(
            1, series + field(2, b"\x09" + struct.pack("<Q", bits) + b"\x10" + varint(timestamp))
        )
    return bytes(cramjam.snappy.compress_raw(plain))


class Story:
    """Six scrapes in two lives, a request each, told right unless a test spoils them."""

    def __init__(self):
        self.exporter = LoadExporter.__new__(LoadExporter)
        self.exporter.series = 3
        self.exporter.served = [Served(n, 1 if n <= 3 else 2, float(n), True) for n in range(1, 7)]
        self.frames = {n: self.frame(n) for n in range(1, 7)}
        self.requests = [self.request(n) for n in range(1, 7)]

    def frame(self, number):
        values = {key: value_bits(value) for key, value in self.exporter.expected(number).items()}
        if number > 1 and self.exporter.blinks(number - 1) and not self.exporter.blinks(number):
            values |= {("load_blinking", str(index)): STALE_BITS for index in range(LoadExporter.BLINKING)}
        return values | {(name, ""): value_bits(1.0) for name in REPORT}

    def samples(self, number):
        for (name, index), bits in self.frames[number].items():
            labels = {"__name__": name, "instance": INSTANCE} | ({"index": index} if index else {})
            yield labels, 1000 * number, bits

    def request(self, number, samples=None, life=None):
        body = request_body(list(self.samples(number)) if samples is None else samples)
        life = life or self.exporter.served[number - 1].life
        return Received(number, "/", [], body, float(number), life, Answer(), True)

    def examine(self, lanes=1, ends=None):
        receiver = CountingReceiver()
        receiver._books.requests = self.requests
        return Custody({INSTANCE: self.exporter}, receiver, lanes, ends)

    def must_find(self, words, lanes=1, ends=None):
        findings = self.examine(lanes, ends).findings
        assert any(words in finding for finding in findings), findings


def test_right_books_are_clean():
    custody = Story().examine()
    custody.assert_clean()
    assert custody.unique_samples == sum(len(frame) for frame in Story().frames.values())


def test_a_missing_scrape_is_found():
    story = Story()
    del story.requests[1]
    story.must_find("scrape 2 was appended and is missing")


def test_the_last_scrape_of_a_life_may_be_missing():
    story = Story()
    del story.requests[2]
    assert story.examine().findings == []


def test_one_missing_sample_is_found():
    story = Story()
    del story.frames[3][("load_constant", "07")]
    story.requests[2] = story.request(3)
    story.must_find("scrape 3 is torn")


def test_a_wrong_value_is_found():
    story = Story()
    story.frames[3][("load_moving", "0001")] = value_bits(2.0)
    story.requests[2] = story.request(3)
    story.must_find("scrape 3 is torn")


def test_a_missing_report_series_is_found():
    story = Story()
    del story.frames[2][("scrape_series_added", "")]
    story.requests[1] = story.request(2)
    story.must_find("report series ['scrape_series_added'] are missing")


def test_a_missing_stale_marker_is_found():
    story = Story()
    del story.frames[3][("load_blinking", "0")]
    story.requests[2] = story.request(3)
    story.must_find("left and has no stale marker")


def test_a_stale_marker_for_nothing_is_found():
    story = Story()
    story.frames[1][("load_other", "0")] = STALE_BITS
    story.requests[0] = story.request(1)
    story.must_find("which was not there before")


def test_requests_out_of_order_are_found():
    story = Story()
    story.requests[0], story.requests[1] = story.requests[1], story.requests[0]
    story.must_find("out of order")


def test_the_same_request_again_after_a_crash_is_right_but_not_more_than_in_flight():
    story = Story()
    again = [replace(story.requests[i], number=90 + i, life=2) for i in (1, 2)]
    story.requests[3:3] = again[1:]
    custody = story.examine(lanes=1)
    assert custody.findings == [] and custody.resent_requests == 1
    story.requests[3:3] = again[:1]
    story.must_find("life 2 sent 2 requests again")


def test_a_request_of_a_dead_agent_may_be_read_late():
    story = Story()
    story.requests[3:3] = [replace(story.requests[2], number=90, life=2)]
    story.requests.insert(5, replace(story.requests[2], number=91))
    assert story.examine(lanes=1).findings == []


def test_a_request_that_was_answered_long_before_the_kill_must_not_come_again():
    story = Story()
    story.requests[2].answered_at = 5.0
    story.requests[3:3] = [replace(story.requests[2], number=90, life=2)]
    assert story.examine(ends={1: 5.5}).findings == []
    story.must_find("it was not in flight", ends={1: 6.5})
    story.requests[2].answered = False
    assert story.examine(ends={1: 6.5}).findings == []


def test_the_same_samples_cut_otherwise_are_found():
    story = Story()
    samples = list(story.samples(3))
    story.requests[3:3] = [story.request(3, samples[:10], life=2), story.request(3, samples[10:], life=2)]
    story.must_find("is not the same request again")


def test_an_answered_request_sent_again_in_the_same_life_is_found():
    story = Story()
    story.requests.insert(2, replace(story.requests[1], number=99))
    story.must_find("though it was answered")


def test_a_refused_request_must_come_again():
    story = Story()
    story.requests[0].answer = Answer(status=503, stores=False)
    story.must_find("was refused and never came again")
    story.requests.insert(1, replace(story.requests[0], number=99, answer=Answer()))
    assert story.examine().findings == []


def test_an_invented_scrape_is_found():
    story = Story()
    story.exporter.served[5].complete = False
    story.must_find("was never served whole")


@pytest.mark.parametrize(
    "labels",
    [
        [("b", "1"), ("__name__", "x")],
        [("__name__", "x"), ("a", "")],
        [("__name__", "x"), ("a", "1"), ("a", "2")],
        [("a", "1")],
    ],
    ids=["unsorted", "empty value", "twice", "no name"],
)
def test_label_sets_that_amp_refuses_are_found(labels):
    series = b"".join(
        field(1, field(1, name.encode()) + field(2, value.encode())) for name, value in labels
    )
    body = bytes(cramjam.snappy.compress_raw(field(1, series)))
    with pytest.raises(MalformedRequest):
        CountingReceiver().decode(Received(0, "/", [], body, 0.0, 1))
