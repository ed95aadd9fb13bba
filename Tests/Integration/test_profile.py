"""script/profile gives the cost of functions to stages as it says."""

import pytest

import profile_figures
from parts import profiles


@pytest.mark.parametrize(
    "function, stage",
    [
        ("libdeflate_deflate_decompress_ex [libdeflate.so.0]", "inflate"),
        ("0x000000000029ad80 [libcrypto.so.3]", "hash and signature"),
        (
            "RemoteWrite.SnappyEncoder.encode(_: Swift.UnsafeRawPointer, count: Swift.Int,"
            " to: Swift.UnsafeMutableRawPointer) -> Swift.Int [narthex]",
            "snappy",
        ),
        (
            "RemoteWrite.SnappyOutput.(putLiteral in _392AA94FCD4CA316BC17785E85BF3CD5)"
            "(Swift.UnsafeRawPointer, Swift.Int) -> () [narthex]",
            "snappy",
        ),
        ("RemoteWrite.RequestScratch.compress() -> Swift.Array<Swift.UInt8> [narthex]", "snappy"),
        ("[unknown] [libcurl.so.4.8.0]", "network out"),
        (
            "HTTPTransport.PlainConnection.(takeLines in _392AA94FCD4CA316BC17785E85BF3CD5)"
            "(_: inout HTTPTransport.PlainHead) -> Swift.Bool [narthex]",
            "network in",
        ),
        # What stands in a signature does not count.
        (
            "function signature specialization <Arg[0] = [Closure Propagated : closure #1 in AWS.X.y()]>"
            " of RemoteWrite.ShippingWindow.look(samples: Swift.Int) throws(WriteAheadBuffer.BufferError)"
            " -> RemoteWrite.FrameSlice [narthex]",
            "hand-offs",
        ),
        (
            "closure #1 (sending inout AWS.State) -> sending () in WriteAheadBuffer.RecentFrames.append(X)"
            " -> () [narthex]",
            "buffer",
        ),
        ("initializeWithCopy value witness for RemoteWrite.BatchCollector [narthex]", "encode"),
        ("(4) await resume partial function for RemoteWrite.SlotRunner.look(X) [narthex]", "hand-offs"),
        ("static Scrape.TemplateMatcher.readLines(X) -> Swift.Int [narthex]", "match and number"),
        ("Telemetry.Histogram.observe(Swift.Double) -> () [narthex]", profiles.REST),
        # These belong to their callers.
        ("malloc [libc.so.6]", None),
        ("generic specialization <Scrape.Line> of Swift.Array.append(A) -> () [narthex]", None),
        ("HTTPTransport.HTTPHeaders.append(line: Swift.Span<Swift.UInt8>) -> () [narthex]", None),
    ],
)
def test_a_function_has_the_stage_of_what_owns_it(function, stage):
    assert profiles.stage_of(function) == stage


def test_what_has_no_stage_is_paid_for_by_its_callers():
    stages = {"parse": "match and number", "send": "network out"}
    own = {"parse": 100, "send": 10, "copy": 40, "grow": 8, "grow more": 2, "alone": 5}
    calls = {
        ("parse", "copy"): 30, ("send", "copy"): 10,
        # Two that call each other, and one that calls itself.
        ("send", "grow"): 10, ("grow", "grow more"): 4, ("grow more", "grow"): 3, ("copy", "copy"): 100_000,
        # A call that costs nothing.
        ("parse", "grow"): 0,
    }  # fmt: skip
    assert profiles.share_out(own, calls, stages.get) == pytest.approx(
        {"match and number": 130, "network out": 30, profiles.UNKNOWN: 5}
    )


def test_a_profile_by_callgrind_is_read():
    text = """\
version: 1
positions: line
events: Ir

ob=/usr/bin/narthex
fl=???
fn=work
0 50
cob=/lib/libc.so.6
cfi=???
cfn=malloc
calls=9 0
0 60
cfn=help
calls=1 0
0 7
3 2

ob=/lib/libc.so.6
fl=???
fn=malloc
0 60

totals: 119
"""
    own, calls = profiles.read_callgrind(text)
    assert own == {"work [narthex]": 52, "malloc [libc.so.6]": 60}
    assert calls == {
        ("work [narthex]", "malloc [libc.so.6]"): 60, ("work [narthex]", "help [narthex]"): 7
    }  # fmt: skip


def test_stacks_of_perf_are_read_and_have_stages():
    text = """\
http-http
\tffffffff8143f961 tcp_recvmsg ([kernel.kallsyms])
\tffffffff81e2ead0 __x64_sys_recvfrom ([kernel.kallsyms])
\t          10a974 __libc_recv (/usr/lib/libc.so.6)
\t          60a0fd HTTPTransport.PlainConnection.receive() -> () (/tmp/x/narthex)

worker
\tffffffff8143f961 ep_poll_callback ([kernel.kallsyms])
\tffffffff81e2ead0 __x64_sys_futex ([kernel.kallsyms])
\t          10a974 syscall (/usr/lib/libc.so.6)
\t          60a0fd Scrape.BodyReader.read() -> () (/tmp/x/narthex)

worker
\t          10a974 malloc (inlined)
\t          60a0fd Scrape.BodyReader.read() -> () (/tmp/x/narthex)

worker
\t          10a974 malloc (/usr/lib/libc.so.6)
"""
    stacks = list(profiles.read_perf(text.splitlines()))
    assert stacks[2] == ["malloc [inlined]", "Scrape.BodyReader.read() -> () [narthex]"]
    assert [profiles.stage_of_stack(stack) for stack in stacks] == [
        ("network in", True),
        ("hand-offs", True),
        ("match and number", False),
        (profiles.UNKNOWN, False),
    ]


def test_the_table_has_a_line_for_each_stage_and_their_sum():
    shown = profile_figures.table(
        [""], {"plain": {"snappy": (2.0,), "inflate": (1.0,)}, "gzip": {"snappy": (3.25,)}}
    )
    lines = shown.splitlines()
    assert lines[0] == "| stage | plain | gzip |"
    assert [line.split("|")[1].strip() for line in lines[2:]] == [
        *profiles.STAGES, profiles.REST, profiles.UNKNOWN, "together"
    ]  # fmt: skip
    assert "| snappy | 2.0 | 3.2 |" in lines and lines[-1] == "| together | 3.0 | 3.2 |"
