"""Debian's nginx from .tools, in a folder of its own, on loopback ports."""

import urllib.request

from .process import TOOLS, ChildProcess, free_port, wait_until

PROGRAM = TOOLS / "debian/nginx/usr/sbin/nginx"

# What a request looked like: protocol, whole URI, Authorization, a header of the tests', the client's
# certificate, the connection's number.
LOG_FORMAT = (
    "$server_port|$server_protocol|$request_uri|$http_authorization|$http_x_secret|$ssl_client_s_dn"
    "|$connection|$sent_http_content_encoding"
)


class Nginx:
    """`servers(ports) -> str` writes the server blocks; ports are taken from `ports[name]`."""

    def __init__(self, folder, port_names, servers):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.ports = {name: free_port() for name in port_names}
        self.ready_port = free_port()
        self.access_log = folder / "access.txt"
        temporary = "\n".join(
            f"{kind}_temp_path {folder}/{kind};"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        (folder / "nginx.conf").write_text(f"""
            daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr warn;
            events {{ worker_connections 512; }}
            http {{
              {temporary}
              log_format seen '{LOG_FORMAT}';
              access_log {self.access_log} seen;
              default_type text/plain;
              server {{ listen 127.0.0.1:{self.ready_port}; access_log off; return 200 ready; }}
              {servers(self.ports)}
            }}
            """)
        self.process = ChildProcess(
            "nginx",
            [PROGRAM, "-p", folder, "-c", folder / "nginx.conf", "-e", "stderr"],
            folder / "nginx.log",
        )

    def start(self):
        self.process.start()
        wait_until(self._is_ready, 20, "ready nginx")
        return self

    def stop(self):
        if self.process.is_running():
            self.process.kill()

    def seen(self, port=None):
        """Requests as dictionaries, in order; those of one port when it is named."""
        names = ["port", "protocol", "uri", "authorization", "secret", "client", "connection", "encoding"]
        text = self.access_log.read_text() if self.access_log.exists() else ""
        found = [dict(zip(names, line.split("|"))) for line in text.splitlines()]
        return [one for one in found if port is None or one["port"] == str(self.ports[port])]

    def _is_ready(self):
        assert self.process.is_running(), "nginx ended: see its log"
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.ready_port}/", timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False
