"""A remote-write receiver that keeps every request as it came and answers as it is told."""

import http.server
import socket
import threading
import time
from dataclasses import dataclass, field

from .write_request import Decoder

# A request may be taken from the kernel's queue when its sender is long dead, and another life runs: only the
# sender can say whose it is.
LIFE = "X-Life"


@dataclass
class Answer:
    """What the receiver does with one request."""

    status: int = 204
    stores: bool = True  # as far as this receiver's books go: whether the samples count as taken
    delay: float = 0.0  # seconds between having the body and answering
    hangs_up: bool = False  # no answer: the connection is closed
    body: bytes = b""
    headers: tuple = ()  # (name, value), beside Content-Length


@dataclass
class Received:
    """One request, whole."""

    number: int
    path: str
    headers: list  # (name, value) as sent, in order
    body: bytes
    arrived: float  # monotonic, when the body was complete
    life: int  # which life of the agent sent it: by the header LIFE, or else the receiver's `life`
    answer: Answer = None
    answered: bool = False  # the answer's bytes were handed to the kernel
    method: str = "POST"
    answered_at: float = 0.0  # monotonic, when that was

    def header(self, name):
        for candidate, value in self.headers:
            if candidate.lower() == name.lower():
                return value
        return None


@dataclass
class _Books:
    requests: list = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


class CountingReceiver:
    """Listens on loopback. `decide(received) -> Answer` may be replaced at any time; so may `life`."""

    def __init__(self, host="127.0.0.1", port=0):
        self._books = _Books()
        self._decoder = Decoder()
        self._connections = set()
        self._server = None
        self.host = host
        self.port = port
        self.life = 0
        self.decide = lambda received: Answer()

    @property
    def url(self):
        return f"http://{self.host}:{self.port}/api/v1/write"

    @property
    def requests(self):
        with self._books.lock:
            return list(self._books.requests)

    def accepted(self):
        return [request for request in self.requests if request.answer and request.answer.stores]

    def open_connections(self):
        with self._books.lock:
            return len(self._connections)

    def decode(self, received):
        """[(labels, [(timestamp, bits)])]"""
        return self._decoder.decode(received.body)

    def samples(self):
        """{labels: [(timestamp, bits)]} of what was accepted, in the order of arrival, duplicates
        included.
        """
        series = {}
        for received in self.accepted():
            for labels, samples in self.decode(received):
                series.setdefault(labels, []).extend(samples)
        return series

    def start(self):
        """Begins to listen; the first time on any port, later on the same one."""
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 60
            disable_nagle_algorithm = True

            def do_POST(self):
                receiver._handle(self)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True
            request_queue_size = 128  # a window of requests opens its connections at once

            def process_request(self, request, client_address):
                with receiver._books.lock:
                    receiver._connections.add(request)
                super().process_request(request, client_address)

            def shutdown_request(self, request):
                with receiver._books.lock:
                    receiver._connections.discard(request)
                super().shutdown_request(request)

            def handle_error(self, request, client_address):
                pass  # a connection cut by the other side is part of these tests

        self._server = Server((self.host, self.port), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def stop(self):
        """Refuses connections from now on and cuts those that are open."""
        if self._server is None:
            return
        self._server.shutdown()
        self._server.server_close()
        self._server = None
        with self._books.lock:
            open_now = list(self._connections)
        for connection in open_now:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # the other side was faster

    def _handle(self, exchange):
        size = int(exchange.headers.get("Content-Length", "0"))
        body = exchange.rfile.read(size)
        if len(body) < size:
            exchange.close_connection = True  # the sender died in the middle: nothing of it counts
            return
        with self._books.lock:
            received = Received(
                len(self._books.requests),
                exchange.path,
                list(exchange.headers.items()),
                body,
                time.monotonic(),
                int(exchange.headers.get(LIFE, self.life)),
                method=exchange.command,
            )
            self._books.requests.append(received)
        received.answer = answer = self.decide(received)
        if answer.delay:
            time.sleep(answer.delay)
        if answer.hangs_up:
            exchange.close_connection = True
            return
        self._send(exchange, answer)
        received.answered_at = time.monotonic()
        received.answered = True

    def _send(self, exchange, answer):
        exchange.send_response(answer.status)
        exchange.send_header("Content-Length", str(len(answer.body)))
        for name, value in answer.headers:
            exchange.send_header(name, value)
        exchange.end_headers()
        exchange.wfile.write(answer.body)
        exchange.wfile.flush()
