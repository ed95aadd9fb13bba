"""STS, a container's credential endpoint and EC2's instance metadata in one server on loopback. A key it
gives tells how it was got: that of an assumed role names the role and whose key signed.
"""

import http.server
import json
import re
import threading
import time
import urllib.parse

_NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"


class Cloud:
    def __init__(self, life=3600):
        self.life = life
        self.asked = []
        self.given = 0
        self.numbered = False
        self.session = None
        self.decide = lambda path: None
        cloud = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self):
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length).decode()
                cloud.asked.append((self.command, self.path, dict(self.headers.items()), body))
                status, text = cloud.answer(self.command, self.path, self.headers, body)
                data = text.encode()
                self.send_response(status)
                self.send_header("Content-Type", "text/xml" if data.startswith(b"<") else "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PUT = _answer

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(10)

    def expiration(self):
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + self.life))

    def answer(self, method, path, headers, body):
        decided = self.decide(path)
        if decided is not None:
            return decided
        if method == "POST":
            return self._sts(headers, urllib.parse.parse_qs(body))
        if (method, path) == ("PUT", "/latest/api/token"):
            return 200, "metadata-token"
        if path.startswith("/latest/meta-data/"):
            if headers.get("x-aws-ec2-metadata-token") != "metadata-token":
                return 401, ""
            rest = path.removeprefix("/latest/meta-data/")
            if rest == "placement/region":
                return 200, "ap-south-1"
            if rest == "iam/security-credentials/":
                return 200, "the-role"
            return 200, self._document("INSTANCE", Code="Success")
        if path == "/container":
            return 200, self._document("CONTAINER")
        return 404, "{}"

    def _document(self, key, **more):
        """With `session` that one, whatever is asked for."""
        self.given += 1
        if self.session:
            return json.dumps(self.session | {"Expiration": self.expiration()} | more)
        if self.numbered:
            key = f"{key}{self.given:04}"
        fields = {"AccessKeyId": key, "SecretAccessKey": f"secret-of-{key}", "Token": "token"}
        return json.dumps(fields | {"Expiration": self.expiration()} | more)

    def _sts(self, headers, form):
        action = form["Action"][0]
        role = form["RoleArn"][0].rpartition("/")[2]
        signer = re.search(r"Credential=([^/]+)/", headers.get("Authorization") or "")
        key = f"{role}<{signer[1]}" if signer else f"{role}<{form['WebIdentityToken'][0]}"
        key = key.replace("<", ".") + "".join(f".{value}" for value in form.get("ExternalId", []))
        return 200, (
            f'<{action}Response xmlns="{_NAMESPACE}"><{action}Result><Credentials>'
            f"<AccessKeyId>{key}</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"
            f"<SessionToken>t</SessionToken><Expiration>{self.expiration()}</Expiration></Credentials>"
            f"<AssumedRoleUser><AssumedRoleId>A:b</AssumedRoleId><Arn>arn:aws:sts::1:assumed-role/{role}/b"
            f"</Arn></AssumedRoleUser></{action}Result></{action}Response>"
        )
