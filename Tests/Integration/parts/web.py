"""Small web servers for what nginx cannot play: a forward proxy, a token endpoint, a list of targets."""

import base64
import http.server
import json
import select
import socket
import socketserver
import threading
import urllib.parse


def relay(client, server):
    """Carries bytes both ways until one side ends or half a minute passes without any."""
    while True:
        ready, _, _ = select.select([client, server], [], [], 30)
        for side in ready:
            piece = side.recv(65536)
            if not piece:
                return
            (server if side is client else client).sendall(piece)
        if not ready:
            return


class _Server:
    """One HTTP server on loopback; subclasses answer in `handle(exchange, body)`."""

    def __init__(self):
        outer = self
        self.lock = threading.Lock()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 30

            def _any(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                outer.handle(self, body)

            do_GET = do_POST = do_CONNECT = _any

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                pass  # a connection that the other side cuts is part of these tests

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]

    def start(self):
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def stop(self):
        self._server.shutdown()
        self._server.server_close()

    @staticmethod
    def answer(exchange, status, body=b"", headers=()):
        exchange.send_response(status)
        for name, value in headers:
            exchange.send_header(name, value)
        exchange.send_header("Content-Length", str(len(body)))
        exchange.end_headers()
        exchange.wfile.write(body)


class ForwardProxy(_Server):
    """Takes absolute URLs and CONNECT from those who give user and password; everything goes to the port that
    stands in the request, on loopback, whatever the host.
    """

    def __init__(self, user="proxyuser", password="proxyword"):
        super().__init__()
        pair = base64.b64encode(f"{user}:{password}".encode()).decode()
        self._wanted = f"Basic {pair}"
        self.requests = []  # (method, target, value of X-Connect)

    def handle(self, exchange, body):
        with self.lock:
            self.requests.append((exchange.command, exchange.path, exchange.headers.get("X-Connect")))
        if exchange.headers.get("Proxy-Authorization") != self._wanted:
            return self.answer(exchange, 407, headers=[("Proxy-Authenticate", "Basic realm=x")])
        if exchange.command == "CONNECT":
            return self._tunnel(exchange)
        url = urllib.parse.urlsplit(exchange.path)
        path = url.path + (f"?{url.query}" if url.query else "")
        with socket.create_connection(("127.0.0.1", url.port), timeout=10) as server:
            lines = [f"{exchange.command} {path} HTTP/1.1"]
            lines += [
                f"{name}: {value}" for name, value in exchange.headers.items() if "proxy" not in name.lower()
            ]
            server.sendall("\r\n".join([*lines, "Connection: close", "", ""]).encode() + body)
            exchange.close_connection = True
            while piece := server.recv(65536):
                exchange.wfile.write(piece)

    @staticmethod
    def _tunnel(exchange):
        port = int(exchange.path.rsplit(":", 1)[1])
        exchange.close_connection = True
        with socket.create_connection(("127.0.0.1", port), timeout=10) as server:
            exchange.send_response(200, "Connection established")
            exchange.end_headers()
            relay(exchange.connection, server)


class SocksProxy:
    """SOCKS 5 (RFC 1928) for those who give user and password (RFC 1929); everything goes to the port asked
    for, on loopback, whatever the host.
    """

    def __init__(self, user="proxyuser", password="proxyword"):
        outer = self
        self.requests = []  # (kind of address: 3 is a name, host, port)

        class Handler(socketserver.StreamRequestHandler):
            timeout = 30

            def handle(self):
                _, count = self.rfile.read(2)
                self.rfile.read(count)
                self.connection.sendall(b"\x05\x02")
                self.rfile.read(1)
                pair = [self.rfile.read(self.rfile.read(1)[0]).decode() for _ in range(2)]
                is_known = pair == [user, password]
                self.connection.sendall(b"\x01\x00" if is_known else b"\x01\x01")
                if not is_known:
                    return
                _, _, _, kind = self.rfile.read(4)
                size = {1: 4, 4: 16}.get(kind) or self.rfile.read(1)[0]
                host = self.rfile.read(size)
                port = int.from_bytes(self.rfile.read(2), "big")
                outer.requests.append((kind, host.decode("latin-1"), port))
                with socket.create_connection(("127.0.0.1", port), timeout=10) as server:
                    self.connection.sendall(b"\x05\x00\x00\x01" + bytes(6))
                    relay(self.connection, server)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True

            def handle_error(self, request, client_address):
                pass  # a connection that the other side cuts is part of these tests

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]

    start, stop = _Server.start, _Server.stop


class TokenEndpoint(_Server):
    """OAuth 2 client credentials: tokens `token-1`, `token-2`, … that hold for `life` seconds."""

    def __init__(self, client="client", secret="clientsecret", life=3600):
        super().__init__()
        pair = base64.b64encode(f"{client}:{secret}".encode()).decode()
        self._wanted = f"Basic {pair}"
        self.life = life
        self.forms = []
        self.issued = 0

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/token"

    def handle(self, exchange, body):
        with self.lock:
            self.forms.append(dict(urllib.parse.parse_qsl(body.decode())))
            if exchange.headers.get("Authorization") != self._wanted:
                return self.answer(exchange, 401, b'{"error":"invalid_client"}')
            self.issued += 1
            reply = {
                "access_token": f"token-{self.issued}",
                "token_type": "bearer",
                "expires_in": self.life,
            }
        self.answer(exchange, 200, json.dumps(reply).encode(), [("Content-Type", "application/json")])


class TargetList(_Server):
    """An http_sd server: `reply` is (status, content type, body), or a function of the exchange."""

    def __init__(self):
        super().__init__()
        self.reply = (200, "application/json", b"[]")
        self.requests = []  # headers as dictionaries

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/targets"

    def serve(self, groups):
        self.reply = (200, "application/json", json.dumps(groups).encode())

    def handle(self, exchange, body):
        with self.lock:
            self.requests.append(dict(exchange.headers.items()))
            reply = self.reply
        if callable(reply):
            return reply(exchange)
        status, kind, text = reply
        self.answer(exchange, status, text, [("Content-Type", kind)])
