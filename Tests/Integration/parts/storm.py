"""A fleet of exporters that storms: huge bodies, ids in labels, gzip bombs, many targets. It runs as a
process of its own, so that neither the tests' threads nor the agent's cgroup carry its work:

    python -m parts.storm SEED

It prints its port. The place of a target is /KIND?n=NUMBER. /set?KEY=VALUE… changes what is played,
/books tells how many lines each answer had.
"""

import asyncio
import json
import random
import subprocess
import sys
import urllib.parse
import urllib.request
import zlib
from pathlib import Path

MEGABYTE = 1 << 20
COMMENT = b"# a comment line that says nothing and is read all the same\n"
PIECE = COMMENT * 16_384
HELP = b"# HELP a\n"  # becomes more than five times its bytes if each is kept until a sample comes
KNOWN = 20  # lines of a target that stand there always
MANY = 40  # more lines of each target that is one of many, with long ids
LATE = 20  # lines that come in the storm and stay
# What each kind plays while nothing is set.
CALM = {
    "ids": 0,  # lines that each scrape adds to those of before
    "length": 40,  # hexadecimal digits of the ids
    "bodies": 0,  # megabytes of a body, 200 in comments and less in lines that are all new
    "bombs": 0,  # megabytes that a gzip body comes to
    "late": 0,  # 1: the late lines are there
}


def new_lines(random, name, count, length):
    """Lines of series with an id of so many hexadecimal digits; an @ in it stands for what makes them new."""
    digits = b"%0*x" % (length * count, random.getrandbits(4 * length * count))
    ids = (digits[at : at + length] for at in range(0, len(digits), length))
    return b"".join(b'%s{id="%s@",path="/v1/%d"} 1\n' % (name, one, n % 17) for n, one in enumerate(ids))


def squeezed(piece, megabytes):
    """A gzip body of so many megabytes of the piece."""
    compressor = zlib.compressobj(1, zlib.DEFLATED, 31)
    parts = [compressor.compress(piece) for _ in range(megabytes * MEGABYTE // len(piece))]
    return b"".join(parts) + compressor.flush()


class Storm:
    """What is answered, and the books of it."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.state = dict(CALM)
        self.books = {}  # instance -> lines of each of its answers
        self._templates = {}
        self._grown = {}  # what a target has come to

    def answer(self, kind, number):
        """(head lines, body pieces) of one scrape."""
        answers = self.books.setdefault(f"{kind}-{number}", [])
        head = b"storm_scrape %d\n" % (len(answers) + 1)
        head += b"".join(b'storm_known{target="%d",line="%d"} 1\n' % (number, n) for n in range(KNOWN))
        if self.state["late"]:
            head += b"".join(b'storm_late{target="%d",line="%d"} 1\n' % (number, n) for n in range(LATE))
        lines = head.count(b"\n")
        pieces = [head]
        headers = []
        if kind == "ids" and self.state["ids"]:
            count, body = self._grown.get(f"ids-{number}", (0, b""))
            count += self.state["ids"]
            body += self._fresh(b"storm_new", self.state["ids"], self.state["length"])
            self._grown[f"ids-{number}"] = (count, body)
            pieces.append(body)
            lines += count
        elif kind == "many":
            if number not in self._grown:
                self._grown[number] = self._fresh(b"storm_many", MANY, 400)
            pieces.append(self._grown[number])
            lines += MANY
        elif kind == "bodies" and self.state["bodies"]:
            megabytes = self.state["bodies"]
            if megabytes >= 100:
                pieces += [PIECE] * (megabytes * MEGABYTE // len(PIECE))
            else:
                count = megabytes * MEGABYTE // 70
                pieces.append(self._fresh(b"storm_huge", count, 32))
                lines += count
        elif kind == "bombs" and self.state["bombs"]:
            megabytes = self.state["bombs"]
            if megabytes not in self._templates:
                fills = (bytes(MEGABYTE), PIECE[:MEGABYTE], HELP * (MEGABYTE // len(HELP)))
                fill = self.random.choice(fills)
                self._templates[megabytes] = squeezed(fill, megabytes)
            pieces = [zlib.compress(head, 1, 31), self._templates[megabytes]]
            headers.append("Content-Encoding: gzip")
        answers.append(lines)
        return headers, pieces

    def _fresh(self, name, count, length):
        key = (name, count, length)
        if key not in self._templates:
            self._templates[key] = new_lines(self.random, *key)
        return self._templates[key].replace(b"@", b"%08x" % self.random.getrandbits(32))

    async def serve(self, reader, writer):
        try:
            while True:
                request = await reader.readuntil(b"\r\n\r\n")
                await self._reply(request.split(b" ", 2)[1].decode(), writer)
        except (asyncio.IncompleteReadError, OSError):
            pass  # the agent does not want the rest
        finally:
            writer.close()

    async def _reply(self, target, writer):
        url = urllib.parse.urlsplit(target)
        query = dict(urllib.parse.parse_qsl(url.query))
        kind = url.path.strip("/")
        headers = []
        if kind == "set":
            self.state |= {key: int(value) for key, value in query.items()}
            pieces = [b"{}"]
        elif kind == "books":
            pieces = [json.dumps(self.books).encode()]
        else:
            headers, pieces = self.answer(kind, int(query["n"]))
        size = sum(len(piece) for piece in pieces)
        is_chunked = size > MEGABYTE and self.random.random() < 0.5
        headers += ["Content-Type: text/plain; version=0.0.4"]
        headers += ["Transfer-Encoding: chunked"] if is_chunked else [f"Content-Length: {size}"]
        writer.write("\r\n".join(["HTTP/1.1 200 OK", *headers, "", ""]).encode())
        for piece in pieces:
            if is_chunked:
                writer.write(b"%x\r\n" % len(piece))
            writer.write(piece)
            if is_chunked:
                writer.write(b"\r\n")
            await writer.drain()
        if is_chunked:
            writer.write(b"0\r\n\r\n")
        await writer.drain()


class StormProcess:
    """The fleet's process, as the tests hold it."""

    def __init__(self, seed, log):
        self.command = [sys.executable, "-m", "parts.storm", str(seed)]
        self.log = log
        self.process = None
        self.address = None

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                cwd=Path(__file__).resolve().parents[1],
            )  # fmt: skip
        port = int(self.process.stdout.readline())
        self.address = f"127.0.0.1:{port}"
        return self

    def stop(self):
        """Its standard input ends, and so does it."""
        self.process.stdin.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(5)
        self.process.stdout.close()

    def _get(self, path):
        with urllib.request.urlopen(f"http://{self.address}{path}", timeout=20) as answer:
            return json.load(answer)

    def set(self, **state):
        self._get("/set?" + urllib.parse.urlencode(state))

    def books(self):
        """{instance: [lines of each answer]}"""
        return self._get("/books")


async def _run(seed):
    storm = Storm(seed)
    server = await asyncio.start_server(storm.serve, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.buffer.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(_run(int(sys.argv[1])))
