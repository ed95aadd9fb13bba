"""Profiles of the agent, and which stage of a sample's way each function belongs to.

A function that a rule names belongs to that rule's stage. Every other one, malloc or memmove for instance,
belongs to whoever called it: callgrind tells what each caller's calls cost, and perf the whole stack.
"""

import re
from collections import defaultdict
from functools import cache

# In the order of a sample's way. What is in none of them is REST, and UNKNOWN is what no rule names.
STAGES = [
    "network in",
    "inflate",
    "match and number",
    "buffer",
    "encode",
    "snappy",
    "hash and signature",
    "network out",
    "hand-offs",
]
REST, UNKNOWN = "rest", "unattributed"

# The first that fits counts. They see "owner [file that holds it]", with the owner as `owner_of` gives it.
_RULES = [
    (stage, re.compile(pattern))
    for stage, pattern in [
        ("snappy", r"[Ss]nappy|RequestScratch\.compress"),
        ("inflate", r"libdeflate|^Compression\.|HTTPBody\.unpacked"),
        ("hash and signature", r"libcrypto|^Cryptography\.|^AWS\."),
        ("network out", r"libcurl|libnghttp2|EasyHandle|startWithCurl|finishDone|HTTPClient\.perform"),
        ("network out", r"^RemoteWrite\.(RequestSender|ReceiverAnswer)"),
        ("network in", r"^Scrape\.ScrapeExchange"),
        ("network in", r"^HTTPTransport\.(Plain|Body|HTTPBody|HostLookup|TransferLoop\.finishPlain)"),
        # The loop of the HTTP thread, its deadlines, and what others submit to it. What both directions use,
        # the headers for instance, belongs to its callers.
        ("hand-offs", r"^HTTPTransport\.(TransferLoop|SubmissionQueue|SocketWatch|MultiHandle|Deadline)"),
        ("hand-offs", r"^Scrape\.(ScrapeLoop|LoopStateMachine|ScrapeSchedule|ScrapePool)"),
        ("match and number", r"^Scrape\."),
        ("buffer", r"^WriteAheadBuffer\.|BufferAppender|^Platform\.(CRC32C|POSIXFiles)"),
        (
            "encode",
            r"^RemoteWrite\.(BatchCollector|FrameSlice|Prepared|WholeFrames|Scratch|Frame(Walk|Encoding)"
            r"|Request(Cursor|Scratch|Text|Options|Encoder)|Label|SampleFields|Timestamp|Symbol|ChunkSymbol"
            r"|Encod|Escap)",
        ),
        ("hand-offs", r"^RemoteWrite\."),
        ("hand-offs", r"^Platform\.(WorkerPool|ConditionQueue|Event|DeadlineQueue|SystemThread|Shared)"),
        ("hand-offs", r"swift_(task|job|continuation)|AsyncStream|TaskGroup|swift::.*(Task|Executor|Job)"),
        ("hand-offs", r"runJob|[Dd]ispatch|futex|pthread_cond|asynccancel|epoll|eventfd|timerfd"),
        (REST, r"^(Agent|Telemetry|Discovery|StatusServer|HTTPServer|Configuration|Logging|JSON|NIO\w*)\."),
        (REST, r"^(HTTPAccess|Relabel)\.|^Platform\.(ProgramPages|Heap|ClockJudge)"),
    ]
]


@cache
def owner_of(function):
    """A function's type and name, or the type of a value that a witness is for, without what specialises it,
    its arguments and its result; what is not of Swift loses its arguments alone.
    """
    name, _, place = function.rpartition(" [")
    name = re.sub(r"\((\w+) in _[0-9A-F]{8,}\)", r"\1", name).replace("->", "")
    before = None
    while before != name:
        before = name
        name = re.sub(r"<[^<>]*>|\([^()]*\)", "", name)
    if closure := re.search(r"closure #\d+ .* in ([A-Z]\w*\..*)", name):
        name = closure[1]
    if path := re.search(r"\b[A-Z]\w*(\.\w+)+", name):
        name = path[0]
    return f"{name} [{place}"


@cache
def stage_of(function):
    """The stage that a rule gives "function [file that holds it]"; None where it belongs to its caller."""
    owner = owner_of(function)
    return next((stage for stage, pattern in _RULES if pattern.search(owner)), None)


# A call into the kernel. What the kernel does without one, for a page fault or an interrupt, belongs to the
# function that it interrupts.
_SYSTEM_CALL = re.compile(r"__(?:x64|arm64)_sys_(\w+)")
_HAND_OFF_CALL = re.compile(r"futex|epoll_|eventfd|timerfd|nanosleep|clock_nanosleep|sched_|restart_syscall")


def stage_of_stack(frames):
    """(stage, whether the kernel worked) of a stack, innermost frame first. Frames are as for `stage_of`."""
    kernel = [frame for frame in frames if "[kernel" in frame]
    call = next(filter(None, map(_SYSTEM_CALL.search, kernel)), None)
    if call and _HAND_OFF_CALL.match(call[1]):
        return "hand-offs", True
    named = next(filter(None, map(stage_of, frames[len(kernel) :])), None)
    return named or UNKNOWN, bool(kernel)


def read_callgrind(text):
    """({function: own cost}, {(caller, callee): cost of the calls}) of a profile with uncompressed names."""
    own, calls = defaultdict(int), defaultdict(int)
    function = place = called_place = callee = None
    for line in text.splitlines():
        key, is_key, value = line.partition("=")
        if is_key and key == "ob":
            place = value.rsplit("/", 1)[-1]
        elif is_key and key == "fn":
            function = f"{value} [{place}]"
        elif is_key and key == "cob":
            called_place = value.rsplit("/", 1)[-1]
        elif is_key and key == "cfn":
            callee = f"{value} [{called_place or place}]"
            called_place = None
        elif line[:1].isdigit():
            cost = int(line.split()[1])
            # The line behind `calls=` is the cost of what was called.
            if callee:
                calls[function, callee] += cost
                callee = None
            else:
                own[function] += cost
    return dict(own), dict(calls)


def share_out(own, calls, stage_of=stage_of):
    """{stage: cost}: each function's own cost goes to its stage, or up to its callers by what their calls of
    it cost, until a stage has it. What nobody has called is UNKNOWN.
    """
    callers = defaultdict(list)
    for (caller, callee), cost in calls.items():
        # A function that calls itself would be handed its own cost again and again.
        if caller != callee and cost:
            callers[callee].append((caller, cost))
    totals = defaultdict(float)
    left = dict(own)
    # A cycle of functions without a stage hands a part of its cost around; each round there is less of it.
    for _ in range(200):
        above = defaultdict(float)
        for function, cost in left.items():
            stage = stage_of(function)
            if stage or not callers[function]:
                totals[stage or UNKNOWN] += cost
                continue
            whole = sum(share for _, share in callers[function])
            for caller, share in callers[function]:
                above[caller] += cost * share / whole
        left = above
    totals[UNKNOWN] += sum(left.values())
    return dict(totals)


def read_perf(lines):
    """The stacks of `perf script -F comm,ip,sym,dso`: lists of frames, innermost first."""
    stack = None
    for line in lines:
        if not line.strip():
            if stack is not None:
                yield stack
            stack = None
        elif stack is None:
            stack = []
        else:
            _, _, frame = line.strip().partition(" ")
            name, _, place = frame.rpartition(" (")
            place = place.removesuffix(")").rsplit("/", 1)[-1].strip("[]")
            stack.append(f"{name} [{place}]")
    if stack is not None:
        yield stack
