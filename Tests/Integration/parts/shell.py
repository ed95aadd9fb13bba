"""A shell that runs what a page gives to paste, while the programs that it calls are played by a test."""

import os
import socketserver
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .agent import clean_environment

# A program that is played: sends its name, its folder and its words to the test, and says what that answers.
# By the shell's own means, since a page calls some fifty of them.
_CLIENT = """#!/bin/bash
[[ ! -p /dev/stdin ]] || cat >/dev/null
exec 3<>/dev/tcp/127.0.0.1/{port}
printf '%s\\0' "$#" "${{0##*/}}" "$PWD" "$@" >&3
IFS= read -r status <&3
if [[ $status == 0 ]]; then cat <&3; else cat <&3 >&2; fi
exit "$status"
"""


class Shell:
    """`play(name, words, folder)` gives what a program prints; an exception is its failure."""

    def __init__(self, folder, play, played, linked=None):
        self.folder, self.log = Path(folder), []
        self.bin, self.home = self.folder / "bin", self.folder / "home"
        self.bin.mkdir(parents=True)
        self.home.mkdir()
        # One thread for all, which stays: a child process ends with the thread that started it.
        self._player = ThreadPoolExecutor(1)
        shell = self

        class Handler(socketserver.StreamRequestHandler):
            def _text(self):
                text = b""
                while not text.endswith(b"\0"):
                    byte = self.rfile.read(1)
                    if not byte:
                        raise ConnectionError("the program has ended within a word")
                    text += byte
                return text[:-1].decode()

            def handle(self):
                count, name, where = int(self._text()), self._text(), self._text()
                words = [self._text() for _ in range(count)]
                shell.log.append([name, *words])
                try:
                    said = shell._player.submit(play, name, words, where).result()
                    answer = f"0\n{said or ''}"
                except Exception as error:
                    answer = f"1\n{name}: {type(error).__name__}: {error}\n"
                self.wfile.write(answer.encode())

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        for name in played:
            self.put(self.bin / name)
        for name, program in (linked or {}).items():
            (self.bin / name).symlink_to(program)
        (self.bin / "sudo").write_text('#!/bin/sh\nexec "$@"\n')
        (self.bin / "sudo").chmod(0o755)

    def put(self, path):
        """A program that is played, at this place."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_CLIENT.format(port=self._server.server_address[1]))
        path.chmod(0o755)

    def run(self, text, folder, timeout=120):
        return subprocess.run(
            ["/bin/bash", "-eu", "-o", "pipefail", "-c", text], cwd=folder, capture_output=True, text=True,
            timeout=timeout, stdin=subprocess.DEVNULL,
            env=clean_environment(HOME=str(self.home), PATH=f"{self.bin}:{os.environ['PATH']}"),
        )  # fmt: skip

    def stop(self):
        self._server.shutdown()
        self._server.server_close()
        self._player.shutdown()
