"""What people really scrape: Debian's RabbitMQ, PostgreSQL and nginx with their exporters, each in a folder
of its own, on loopback.
"""

import base64
import json
import os
import pwd
import signal
import tempfile
import urllib.parse
import urllib.request
from pathlib import Path

from .agent import clean_environment
from .exporters import fetch
from .process import TOOLS, ChildProcess, free_port, wait_until

_DEBIAN = TOOLS / "debian"
_POSTGRES = _DEBIAN / "postgresql/usr/lib/postgresql/15/bin"


def _answers(process, address, path="/metrics"):
    def look():
        assert process.is_running(), f"{process.name} ended: see {process.log}"
        try:
            return fetch(address, path)
        except OSError:
            return None

    return look


class GoExporter:
    """An exporter of Debian's that is one program: `flag` tells it where to listen."""

    def __init__(self, package, folder, flag, arguments=(), environment=None):
        self.address = f"127.0.0.1:{free_port()}"
        self.process = ChildProcess(
            package,
            [_DEBIAN / package / "usr/bin" / package, f"{flag}={self.address}", *arguments],
            folder / f"{package}.log",
            clean_environment(**(environment or {})),
            folder,
        )

    def start(self):
        self.process.start()
        wait_until(_answers(self.process, self.address), 30, f"answering {self.process.name}")
        return self

    def stop(self):
        self.process.kill()


class Nginx:
    """nginx with stub_status, and its exporter."""

    def __init__(self, folder):
        self.server_address = f"127.0.0.1:{free_port()}"
        temporary = "".join(
            f"{kind}_temp_path {folder}/{kind}; "
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        configuration = folder / "nginx.conf"
        configuration.write_text(
            f"daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr warn;\n"
            f"events {{ worker_connections 64; }}\n"
            f"http {{ {temporary} access_log off;\n"
            f"  server {{ listen {self.server_address}; location /stub_status {{ stub_status; }} }} }}\n"
        )
        self.server = ChildProcess(
            "nginx",
            [_DEBIAN / "nginx/usr/sbin/nginx", "-p", folder, "-c", configuration, "-e", "stderr"],
            folder / "nginx.log",
            clean_environment(),
        )
        self.exporter = GoExporter(
            "prometheus-nginx-exporter",
            folder,
            "-web.listen-address",
            [f"-nginx.scrape-uri=http://{self.server_address}/stub_status"],
        )
        self.address = self.exporter.address

    def start(self):
        self.server.start()
        wait_until(_answers(self.server, self.server_address, "/stub_status"), 20, "answering nginx")
        self.exporter.start()
        return self

    def stop(self):
        self.exporter.stop()
        self.server.kill()


class Postgres:
    """A PostgreSQL server on a unix socket, with a database of two tables, and its exporter."""

    def __init__(self, folder):
        # The server wants a folder that is its user's alone, and a short path for its socket.
        self._folder = tempfile.TemporaryDirectory(prefix="narthex-pg-")
        home = Path(self._folder.name)
        self._log = folder / "postgres.log"
        self._as_user = []
        if os.geteuid() == 0:
            # It refuses root. The capability lets it read programs that lie in root's own folders.
            user = pwd.getpwnam("nobody")
            os.chown(home, user.pw_uid, user.pw_gid)
            self._as_user = [
                "setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups",
                "--inh-caps=-all,+dac_override", "--ambient-caps=-all,+dac_override", "--pdeathsig=KILL",
            ]  # fmt: skip
        self._data = home / "data"
        port = free_port()
        self.server = self._child(
            "postgres", "-D", self._data, "-k", home, "-p", port, "-c", "listen_addresses=", "-F"
        )
        self.exporter = GoExporter(
            "prometheus-postgres-exporter",
            folder,
            "--web.listen-address",
            ["--auto-discover-databases"],
            {"DATA_SOURCE_NAME": f"host={home} port={port} user=postgres dbname=postgres sslmode=disable"},
        )
        self.address = self.exporter.address

    def _child(self, program, *arguments):
        # setpriv becomes the program, which so keeps the process' id.
        command = [*self._as_user, _POSTGRES / program, *arguments]
        return ChildProcess(program, command, self._log, clean_environment(LC_ALL="C"), self._folder.name)

    def start(self):
        made = self._child(
            "initdb", "-D", self._data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C",
            "--no-sync", "--no-instructions",
        ).start()  # fmt: skip
        assert made.wait(60) == 0, made.log_text()[-2000:]
        self.server.start()
        self.exporter.start()
        wait_until(self._shows_the_database, 30, "pg_up 1 of PostgreSQL's exporter")
        return self

    def _shows_the_database(self):
        assert self.server.is_running(), f"PostgreSQL ended: see {self._log}"
        page = fetch(self.address)
        return "\npg_up 1\n" in page and 'datname="postgres"' in page

    def stop(self):
        self.exporter.stop()
        # SIGTERM would wait for the exporter's connections, and SIGKILL leave shared memory behind.
        self.server.process and self.server.stop(with_signal=signal.SIGINT)
        self._folder.cleanup()


class RabbitMQ:
    """A broker with its management and Prometheus plugins, and queues with messages in them."""

    # The per-object page does not escape quotes in names; both refuse it then.
    QUEUES = {"orders": 5, "mails": 0, "a queue, {odd} = names; ünïcödé": 3}

    def __init__(self, folder):
        self.folder = folder
        erlang = _DEBIAN / "rabbitmq-server/usr/lib/erlang"
        home = _DEBIAN / "rabbitmq-server/usr/lib/rabbitmq/lib"
        (home,) = home.glob("rabbitmq_server-*")
        (programs,) = erlang.glob("erts-*/bin")
        self._management = f"127.0.0.1:{free_port()}"
        self.address = f"127.0.0.1:{free_port()}"
        plugins = folder / "enabled_plugins"
        plugins.write_text("[rabbitmq_management,rabbitmq_prometheus].\n")
        configuration = folder / "rabbitmq.conf"
        configuration.write_text(
            f"listeners.tcp.1 = 127.0.0.1:{free_port()}\n"
            + f"management.tcp.ip = 127.0.0.1\nmanagement.tcp.port = {self._management.split(':')[1]}\n"
            + f"prometheus.tcp.ip = 127.0.0.1\nprometheus.tcp.port = {self.address.split(':')[1]}\n"
        )
        environment = clean_environment(
            # The port mapper and the distribution would listen everywhere.
            ERL_EPMD_ADDRESS="127.0.0.1", ERL_EPMD_PORT=str(free_port()),
            ROOTDIR=str(erlang), BINDIR=str(programs), EMU="beam", PROGNAME="erl", HOME=str(folder),
            ERL_LIBS=str(home / "plugins"), RABBITMQ_HOME=str(home),
            RABBITMQ_PLUGINS_DIR=str(home / "plugins"), RABBITMQ_NODENAME="rabbit@localhost",
            RABBITMQ_DIST_PORT=str(free_port()), RABBITMQ_MNESIA_BASE=str(folder / "mnesia"),
            RABBITMQ_LOG_BASE=str(folder), RABBITMQ_LOGS="-", RABBITMQ_CONFIG_FILE=str(configuration),
            RABBITMQ_ENABLED_PLUGINS_FILE=str(plugins), RABBITMQ_CONF_ENV_FILE="/dev/null",
        )  # fmt: skip
        self.mapper = ChildProcess("epmd", [programs / "epmd"], folder / "epmd.log", environment, folder)
        self.broker = ChildProcess(
            "rabbitmq",
            # What Debian's script runs, without the script: it knows only the places of an installation.
            [programs / "erlexec", "-noinput", "-s", "rabbit", "boot", "-boot", "start_sasl", "+W", "w",
             "+S", "1:1", "-syslog", "logger", "[]", "-syslog", "syslog_error_logger", "false", "-kernel",
             "prevent_overlapping_partitions", "false", "-kernel", "inet_dist_use_interface",
             "{127,0,0,1}"],
            folder / "rabbitmq.log", environment, folder,
        )  # fmt: skip

    def begin(self):
        """Starts it without waiting, for it takes its time."""
        self.mapper.start()
        self.broker.start()
        return self

    def finish(self):
        wait_until(_answers(self.broker, self.address), 60, "answering RabbitMQ")
        for queue, messages in self.QUEUES.items():
            name = urllib.parse.quote(queue, safe="")
            self._ask("PUT", f"queues/%2f/{name}", {"durable": False})
            message = {"properties": {}, "routing_key": queue, "payload": "x", "payload_encoding": "string"}
            for _ in range(messages):
                assert self._ask("POST", "exchanges/%2f/amq.default/publish", message) == {"routed": True}
        return self

    def _ask(self, method, path, body):
        request = urllib.request.Request(
            f"http://{self._management}/api/{path}",
            json.dumps(body).encode(),
            {
                "Authorization": "Basic " + base64.b64encode(b"guest:guest").decode(),
                "Content-Type": "application/json",
            },
            method=method,
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def stop(self):
        self.broker.process and self.broker.kill()
        self.mapper.process and self.mapper.kill()
