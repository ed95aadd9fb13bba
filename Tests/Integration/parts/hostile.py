"""An exporter that does everything wrong, one wrong thing a path. It answers in raw bytes, below any HTTP
library.
"""

import contextlib
import gzip
import random
import socket
import struct
import threading
import time
import zlib

MEGABYTE = 1 << 20
_STREAM_FOR = 8.0  # seconds that endless answers go on, should the agent not hang up


def _head(*headers, status="200 OK"):
    fixed = (
        ["Content-Type: text/plain; version=0.0.4"] if not any("Content-Type" in h for h in headers) else []
    )
    return ("\r\n".join([f"HTTP/1.1 {status}", *fixed, *headers]) + "\r\n\r\n").encode()


def _whole(body, *headers, status="200 OK"):
    return _head(f"Content-Length: {len(body)}", *headers, status=status) + body


def _gzip_bomb():
    """Sixteen megabytes of zeros, sixteen times over: 256 megabytes in a quarter of one."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, 31)
    zeros = bytes(16 * MEGABYTE)
    return b"".join(compressor.compress(zeros) for _ in range(16)) + compressor.flush()


def _lines(count):
    return b"".join(b'flood_total{index="%d"} %d\n' % (number, number) for number in range(count))


class HostileExporter:
    """Listens on loopback, a thread a connection, a connection a request."""

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.asked = {}  # path -> how often
        self._stopping = threading.Event()
        noise = random.Random(1).randbytes(64 * 1024)
        good = _lines(1000)
        self._fixed = {
            "binary": _whole(noise),
            "invalid_utf8": _whole(b'good 1\nbad{label="\xff\xfe\x80"} 1\n'),
            "wrong_content_type": _whole(b"good 1\n", "Content-Type: text/html; charset=utf-8"),
            "no_content_type": _whole(b"good 1\n", "X-Not-Content-Type: none"),
            "html": _whole(b"<html><body><h1>It works!</h1></body></html>\n"),
            "nul": _whole(b"good 1\nbad\0name 1\n"),
            "carriage_returns": _whole(b"good 1\r\nbetter 2\r\n"),
            "last_line_broken": _whole(good + b'flood_total{index="x} 1\n'),
            "gzip_that_is_none": _whole(b"good 1\n" * 100, "Content-Encoding: gzip"),
            "gzip_cut": _whole(gzip.compress(good)[:-2000], "Content-Encoding: gzip"),
            "gzip_bomb": _whole(_gzip_bomb(), "Content-Encoding: gzip"),
            "unknown_encoding": _whole(zlib.compress(good)[2:], "Content-Encoding: compress"),
            "status_500": _whole(b"good 1\n", status="500 Internal Server Error"),
            "status_204": b"HTTP/1.1 204 No Content\r\n\r\n",
            # It says that it closes: else libcurl may send the next request on a connection that is ending,
            # and gives up after five of these instead of after the most redirects that it follows.
            "redirect_loop": _whole(
                b"", "Location: /redirect_loop", "Connection: close", status="302 Found"
            ),
            "redirect_to_file": _whole(b"", "Location: file:///etc/hostname", status="302 Found"),
            "no_http": b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n" + noise[:1000],
            "nothing": b"",
            "truncated": _head("Content-Length: 50000") + good[:20000],
        }

    def cases(self):
        streaming = [name.removeprefix("_serve_") for name in dir(self) if name.startswith("_serve_")]
        return sorted([*self._fixed, *streaming])

    def start(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def stop(self):
        self._stopping.set()
        self._listener.close()

    def _accept(self):
        while not self._stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return  # stopped
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        # That the agent hangs up in the middle is what should happen.
        with connection, contextlib.suppress(OSError):
            connection.settimeout(_STREAM_FOR)
            request = b""
            while b"\r\n\r\n" not in request:
                piece = connection.recv(65536)
                if not piece:
                    return
                request += piece
            name = request.split(b" ")[1].decode().lstrip("/")
            self.asked[name] = self.asked.get(name, 0) + 1
            if name in self._fixed:
                connection.sendall(self._fixed[name])
            else:
                getattr(self, f"_serve_{name}")(connection)
            connection.shutdown(socket.SHUT_WR)

    def _until_end(self):
        deadline = time.monotonic() + _STREAM_FOR
        while time.monotonic() < deadline and not self._stopping.is_set():
            yield

    def _serve_fifty_megabytes(self, connection):
        block = _lines(2000)
        count = 50 * MEGABYTE // len(block)
        connection.sendall(_head(f"Content-Length: {count * len(block)}"))
        for _ in range(count):
            connection.sendall(block)

    def _serve_endless_line(self, connection):
        connection.sendall(_head("Connection: close") + b"good 1\n")
        for _ in self._until_end():
            connection.sendall(b"x" * MEGABYTE)

    def _serve_endless_label(self, connection):
        connection.sendall(_head("Connection: close") + b'good{label="')
        for _ in self._until_end():
            connection.sendall(b"y" * MEGABYTE)

    def _serve_endless_headers(self, connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        for _ in self._until_end():
            connection.sendall(b"X-More: " + b"z" * 1000 + b"\r\n")

    def _serve_slow_headers(self, connection):
        for byte in _whole(b"good 1\n"):
            connection.sendall(bytes([byte]))
            time.sleep(0.1)

    def _serve_slow_body(self, connection):
        connection.sendall(_head("Transfer-Encoding: chunked"))
        for _ in self._until_end():
            connection.sendall(b"7\r\ngood 1\n\r\n")
            time.sleep(0.1)

    def _serve_silence(self, connection):
        self._stopping.wait(_STREAM_FOR)

    def _serve_cut_in_the_middle(self, connection):
        connection.sendall(_head("Transfer-Encoding: chunked") + b"4e20\r\n" + _lines(1000)[:10000])
        time.sleep(0.05)
        # Closing with a zero linger sends RST instead of FIN.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    def _serve_cut_between_chunks(self, connection):
        connection.sendall(_head("Transfer-Encoding: chunked") + b"7\r\ngood 1\n\r\n")

    def _serve_bad_chunk(self, connection):
        connection.sendall(_head("Transfer-Encoding: chunked") + b"zz\r\ngood 1\n\r\n")
