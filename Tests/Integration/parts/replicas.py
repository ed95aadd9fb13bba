"""A receiver that keeps the samples of one replica of a cluster, as Cortex' distributor and Amazon Managed
Service for Prometheus do: the first replica that writes is elected; while it writes, the others are answered
202 and nothing of theirs is kept; once it has been silent for the fail-over time, the next that writes takes
its place. The label of the replica is taken away.
"""

import threading
import time
from dataclasses import dataclass, field

from .receiver import Answer, CountingReceiver

CLUSTER, REPLICA = "cluster", "__replica__"


@dataclass
class Elected:
    replica: str
    heard: float  # monotonic, when it last wrote


@dataclass
class Deduplicated:
    """What the receiver keeps and has seen."""

    elected: dict = field(default_factory=dict)  # cluster: Elected
    elections: list = field(default_factory=list)  # (cluster, replica, monotonic)
    refused: dict = field(default_factory=dict)  # (cluster, replica): requests answered 202
    mixed: list = field(default_factory=list)  # requests with series of several replicas
    series: dict = field(default_factory=dict)  # labels without the replica's: [(timestamp, bits)]
    lock: threading.Lock = field(default_factory=threading.Lock)


class ReplicaReceiver(CountingReceiver):
    """`fail_over` is 30 s in both services."""

    def __init__(self, fail_over=30.0):
        super().__init__()
        self.fail_over = fail_over
        self.kept = Deduplicated()
        self.decide = self._judge

    def elected(self, cluster):
        with self.kept.lock:
            found = self.kept.elected.get(cluster)
            return found and found.replica

    def _judge(self, received):
        decoded = [(dict(labels), samples) for labels, samples in self.decode(received)]
        senders = {(labels.get(CLUSTER), labels.get(REPLICA)) for labels, _ in decoded}
        with self.kept.lock:
            if len(senders) != 1 or None in next(iter(senders)):
                # They look at the first series only: another replica's in the same request would get in.
                self.kept.mixed.append((received.number, senders))
                return Answer(status=400, stores=False, body=b"series of several replicas in a request")
            ((cluster, replica),) = senders
            now = time.monotonic()
            current = self.kept.elected.get(cluster)
            if current is None or current.replica != replica and now - current.heard >= self.fail_over:
                self.kept.elections.append((cluster, replica, now))
                current = self.kept.elected[cluster] = Elected(replica, now)
            if current.replica != replica:
                sender = (cluster, replica)
                self.kept.refused[sender] = self.kept.refused.get(sender, 0) + 1
                return Answer(status=202, stores=False)
            current.heard = now
            for labels, samples in decoded:
                key = frozenset(item for item in labels.items() if item[0] != REPLICA)
                self.kept.series.setdefault(key, []).extend(samples)
            return Answer()
