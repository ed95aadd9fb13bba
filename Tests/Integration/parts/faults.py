"""A receiver that goes through every fault that there is, at random times, and the books of what it did."""

import email.utils
import socket
import struct
import threading
import time
from collections import Counter
from dataclasses import dataclass

from .receiver import Answer, CountingReceiver

# What Cortex and its like say of one series; they have judged each sample, so nobody asks again in halves.
REFUSAL = b'user=1: err: label value too long. series={__name__="load_moving"}'


@dataclass
class FaultyAnswer(Answer):
    """An answer with headers, and one that is no whole answer."""

    headers: tuple = ()
    manner: str = "whole"  # or: cut (half a body), endless (a body without end), reset (RST in its place)


class FaultyReceiver(CountingReceiver):
    """Its `decide` may give a FaultyAnswer. `seconds`: how long an endless body goes on."""

    def __init__(self, seconds=3.0):
        super().__init__()
        self.seconds = seconds

    def _send(self, exchange, answer):
        manner = getattr(answer, "manner", "whole")
        if manner == "reset":
            exchange.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            exchange.connection.close()
            exchange.close_connection = True
            return
        exchange.send_response(answer.status)
        for name, value in getattr(answer, "headers", ()):
            exchange.send_header(name, value)
        if manner == "endless":
            exchange.close_connection = True
            exchange.end_headers()
            deadline = time.monotonic() + self.seconds
            while time.monotonic() < deadline:
                exchange.wfile.write(b"and so on, ")
                exchange.wfile.flush()
                time.sleep(0.05)
            return
        missing = 100 if manner == "cut" else 0
        exchange.send_header("Content-Length", str(len(answer.body) + missing))
        exchange.end_headers()
        exchange.wfile.write(answer.body)
        exchange.wfile.flush()
        if missing:
            exchange.close_connection = True


class FaultSchedule:
    """Decides for a receiver: phases of random length, each with faults of its own. After `heal` there are
    none. `timeout`: the sender's, in seconds. `slowly`: also what a sender waits many seconds after.
    """

    QUICK = ["calm", "mixed", "failing", "broken", "throttling", "small", "slow", "silent", "cut", "refusing"]
    SLOW = ["unauthorized", "forbidden", "nowhere", "elsewhere"]

    def __init__(self, random, receiver, timeout, slowly):
        self._random = random
        self._receiver = receiver
        self._timeout = timeout
        self._kinds = self.QUICK + (self.SLOW if slowly else [])
        self._lock = threading.Lock()
        self._until = 0.0
        self._phase = "calm"
        self._limit = 0
        self.is_healed = False
        self.met = Counter()  # answers by what they were
        receiver.decide = self.decide

    def heal(self):
        self.is_healed = True

    def decide(self, received):
        with self._lock:
            now = time.monotonic()
            if now >= self._until:
                self._phase = self._random.choice(self._kinds)
                self._until = now + self._random.uniform(0.2, 1.5)
                self._limit = self._random.randint(700, 4000)
            phase = "calm" if self.is_healed else self._phase
            if phase == "mixed":
                phase = self._random.choice(self.QUICK)
            answer = self._answer(phase, received)
            self.met[f"{answer.status} {getattr(answer, 'manner', 'whole')}"] += 1
            return answer

    def _answer(self, phase, received):
        choice, number = self._random.choice, self._random.uniform
        refused = dict(stores=False, delay=number(0, 0.05))
        match phase:
            case "failing":
                return FaultyAnswer(choice([500, 502, 503, 503, 504]), headers=self._later(), **refused)
            case "broken":
                # Whether it took the samples nobody can know.
                return FaultyAnswer(500, stores=choice([True, False]), delay=number(0, 0.05))
            case "throttling":
                return FaultyAnswer(429, headers=self._later(), **refused)
            case "small" if len(received.body) > self._limit:
                return FaultyAnswer(413, **refused)
            case "slow":
                return FaultyAnswer(delay=number(0, self._timeout * 0.7))
            case "silent":
                return FaultyAnswer(delay=self._timeout * number(1.1, 1.5), stores=choice([True, False]))
            case "cut":
                manner = choice(["cut", "endless", "reset", "reset"])
                return FaultyAnswer(
                    200, manner=manner, stores=manner != "reset" or choice([True, False]), body=b"half"
                )
            case "refusing":
                return FaultyAnswer(400, body=REFUSAL, **refused)
            case "unauthorized" | "forbidden":
                return FaultyAnswer(401 if phase == "unauthorized" else 403, **refused)
            case "nowhere":
                return FaultyAnswer(404, **refused)
            case "elsewhere":
                return FaultyAnswer(302, headers=(("Location", "http://127.0.0.1:1/"),), **refused)
        if phase == "calm" and choice([False] * 9 + [True]) and "again" not in received.path:
            # Led back to the same place, with the same body.
            headers = (("Location", f"{self._receiver.url}?again"),)
            return FaultyAnswer(307, headers=headers, stores=False)
        return FaultyAnswer(delay=number(0, 0.1))

    def _later(self):
        """Retry-After in its two forms, or none."""
        when = self._random.choice([None, None, "0", "1", "date", "soon"])
        if when is None:
            return ()
        return (
            ("Retry-After", email.utils.formatdate(time.time() + 1, usegmt=True) if when == "date" else when),
        )


class Account:
    """What one receiver has of every series, judged request by request as they came."""

    def __init__(self, receiver):
        self.findings = []
        self.accepted = {}  # (labels, timestamp): bits
        self.refused = set()  # what a final answer said no to
        newest = {}
        for request in receiver.requests:
            answer = request.answer
            if answer is None or not (answer.stores or answer.status == 400):
                continue
            for labels, samples in receiver.decode(request):
                for timestamp, bits in samples:
                    key = (labels, timestamp)
                    if answer.status == 400:
                        self.refused.add(key)
                    elif key in self.accepted:
                        if self.accepted[key] != bits:
                            self.findings.append(f"request {request.number}: another value of {key}")
                    else:
                        if newest.get(labels, timestamp - 1) >= timestamp:
                            self.findings.append(
                                f"request {request.number}: {key} came after {newest[labels]}: out of order"
                            )
                        self.accepted[key] = bits
                        newest[labels] = max(newest.get(labels, 0), timestamp)

    @property
    def known(self):
        """Samples that were taken, or refused for good."""
        return self.accepted.keys() | self.refused
