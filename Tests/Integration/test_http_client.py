"""The options of HTTP clients against a real nginx, a certificate authority of the test's, a proxy and a
token endpoint.
"""

import base64
import struct

import pytest

from parts.agent import IS_NARTHEX
from parts.authority import Authority
from parts.nginx import Nginx
from parts.process import wait_until
from parts.web import ForwardProxy, SocksProxy, TokenEndpoint

pytestmark = pytest.mark.skipif(not IS_NARTHEX, reason="what is asserted of logs is ours")

SECRETS = ["basicword", "bearerword", "headerword", "proxyword", "clientsecret", "writeword"]
PORTS = ["plain", "other", "tls", "mutual", "wrong", "expired", "old", "write"]


@pytest.fixture
def pki(tmp_path):
    """The files of an authority that everybody trusts here, and one that nobody does."""
    authority = Authority(tmp_path / "pki")
    return {
        "authority": authority,
        "ca": authority.certificate,
        "stranger": Authority(tmp_path / "stranger", "stranger").certificate,
        "server": authority.issue("server", ["127.0.0.1", "inside.example"]),
        "client": authority.issue("client", []),
        "wrong": authority.issue("wrong", ["elsewhere.example"]),
        "expired": authority.issue("expired", days=-2),
    }


@pytest.fixture
def nginx(tmp_path, parts, pki):
    password = "{PLAIN}basicword"
    (tmp_path / "users").write_text(f"me:{password}\n")

    def tls(name, which, more=""):
        certificate, key = pki[which]
        return f"""
            server {{
              listen 127.0.0.1:{name} ssl http2;
              ssl_certificate {certificate}; ssl_certificate_key {key}; {more}
              location / {{ return 200 "probe 1\\n"; }}
            }}"""

    def servers(ports):
        return f"""
            server {{
              listen 127.0.0.1:{ports['plain']}; listen unix:{tmp_path}/s.sock;
              location /open {{ return 200 "probe 1\\n"; }}
              location /basic {{
                auth_basic x; auth_basic_user_file {tmp_path}/users; alias {tmp_path}/basic.txt;
              }}
              location /bearer {{
                if ($http_authorization != "Bearer bearerword") {{ return 401; }}
                return 200 "probe 1\\n";
              }}
              location /token {{
                if ($http_authorization !~ "^Bearer token-[0-9]+$") {{ return 401; }}
                return 200 "probe 1\\n";
              }}
              location /here {{ return 302 /bearer; }}
              location /away {{ return 302 http://127.0.0.1:{ports['other']}/landed; }}
              location /round {{ return 302 /round; }}
              location /packed {{
                gzip on; gzip_types text/plain; gzip_min_length 1; alias {tmp_path}/packed.txt;
              }}
            }}
            server {{ listen 127.0.0.1:{ports['other']}; location / {{ return 200 "probe 1\\n"; }} }}
            {tls(ports['tls'], "server")}
            {tls(ports['mutual'], "server", f"ssl_client_certificate {pki['ca']}; ssl_verify_client on;")}
            {tls(ports['wrong'], "wrong")}
            {tls(ports['expired'], "expired")}
            {tls(ports['old'], "server", "ssl_protocols TLSv1.1; ssl_ciphers DEFAULT:@SECLEVEL=0;")}
            """

    (tmp_path / "basic.txt").write_text("probe 1\n")
    (tmp_path / "packed.txt").write_text("".join(f'probe{{n="{n}"}} 1\n' for n in range(500)))
    server = Nginx(tmp_path / "nginx", PORTS, servers)
    parts.callback(server.stop)
    return server.start()


def job(name, target, path="/metrics", **options):
    return {
        "job_name": name,
        "metrics_path": path,
        "fallback_scrape_protocol": "PrometheusText0.0.4",
        "static_configs": [{"targets": [target]}],
        **options,
    }


def configuration(receiver, jobs, **write):
    return {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
        "scrape_configs": jobs,
        "remote_write": [{"url": receiver.url, "queue_config": {"batch_send_deadline": "100ms"}, **write}],
    }


def ups(receiver):
    """{job: its values of up, in order}"""
    found = {}
    for labels, samples in receiver.samples().items():
        labels = dict(labels)
        if labels["__name__"] == "up":
            values = [struct.unpack("<d", struct.pack("<Q", bits))[0] for _, bits in samples]
            found.setdefault(labels["job"], []).extend(values)
    return found


def wait_for(receiver, jobs, count=2, timeout=30):
    wait_until(
        lambda: all(len(ups(receiver).get(name, [])) >= count for name in jobs),
        timeout,
        f"{count} scrapes of each job",
    )
    return ups(receiver)


def assert_no_secret_shows(agent, secrets=SECRETS):
    pages = agent.log_text() + agent.get("/metrics")[2].decode() + agent.get("/")[2].decode()
    for secret in secrets:
        assert secret not in pages
        assert base64.b64encode(secret.encode()).decode().rstrip("=") not in pages


def test_ways_to_reach_a_target(make_agent, receiver, nginx, pki, tmp_path):
    def at(name):
        return f"127.0.0.1:{nginx.ports[name]}"

    certificate, key = map(str, pki["client"])
    https = {"scheme": "https"}
    ca = {"ca_file": str(pki["ca"])}
    basic = {"basic_auth": {"username": "me", "password": "basicword"}}
    bearer = {"authorization": {"credentials": "bearerword"}}
    socket = {
        "static_configs": [{"targets": ["any.name"], "labels": {"__unix_socket__": f"{tmp_path}/s.sock"}}]
    }
    good = {
        "plain": job("plain", at("plain"), "/open"),
        "packed": job("packed", at("plain"), "/packed"),
        "unpacked": job("unpacked", at("plain"), "/packed", enable_compression=False),
        "basic": job("basic", at("plain"), "/basic", **basic),
        "bearer": job("bearer", at("plain"), "/bearer", **bearer),
        "redirected": job("redirected", at("plain"), "/here", **bearer),
        "away": job(
            "away", at("plain"), "/away", **bearer, http_headers={"X-Secret": {"secrets": ["headerword"]}}
        ),
        "socket": job("socket", "", "/open") | socket,
        "tls": job("tls", at("tls"), **https, tls_config=ca),
        "inline": job("inline", at("tls"), **https, tls_config={"ca": pki["ca"].read_text()}),
        "http1": job("http1", at("tls"), "/http1", **https, tls_config=ca, enable_http2=False),
        "named": job("named", at("tls"), "/sni", **https, tls_config=ca | {"server_name": "inside.example"}),
        "unverified": job("unverified", at("wrong"), **https, tls_config={"insecure_skip_verify": True}),
        "renamed": job("renamed", at("wrong"), **https, tls_config=ca | {"server_name": "elsewhere.example"}),
        "mutual": job(
            "mutual", at("mutual"), **https, tls_config=ca | {"cert_file": certificate, "key_file": key}
        ),
        "old": job("old", at("old"), **https, tls_config=ca | {"min_version": "TLS10"}),
    }
    bad = {
        "nobody": job("nobody", at("plain"), "/basic"),
        "stays": job("stays", at("plain"), "/here", **bearer, follow_redirects=False),
        "round": job("round", at("plain"), "/round", **bearer),
        "untrusted": job("untrusted", at("tls"), **https),
        "strange": job("strange", at("tls"), **https, tls_config={"ca_file": str(pki["stranger"])}),
        "misnamed": job("misnamed", at("wrong"), **https, tls_config=ca),
        "expired": job("expired", at("expired"), **https, tls_config=ca),
        "nocert": job("nocert", at("mutual"), **https, tls_config=ca),
        "tooold": job("tooold", at("old"), **https, tls_config=ca),
        "toonew": job("toonew", at("old"), **https, tls_config=ca | {"min_version": "TLS13"}),
        "nofile": job("nofile", at("tls"), **https, tls_config={"ca_file": str(tmp_path / "none.pem")}),
        "nosocket": job("nosocket", "")
        | {"static_configs": [{"targets": ["a"], "labels": {"__unix_socket__": "/nonexistent.sock"}}]},
    }
    agent = make_agent(configuration(receiver, [*good.values(), *bad.values()])).start()
    found = wait_for(receiver, [*good, *bad])
    assert {name: set(found[name]) for name in good} == {name: {1.0} for name in good}
    assert {name: set(found[name]) for name in bad} == {name: {0.0} for name in bad}
    assert_no_secret_shows(agent)

    def protocols(uri):
        return {one["protocol"] for one in nginx.seen("tls") if one["uri"] == uri}

    # Jobs of equal options share connections, and an offer is content with one of HTTP/1.1: so this asks a
    # job that has its own.
    assert protocols("/sni") == {"HTTP/2.0"} and protocols("/http1") == {"HTTP/1.1"}
    packed = {one["encoding"] for one in nginx.seen("plain") if one["uri"] == "/packed"}
    assert packed == {"gzip", "-"}
    landed = nginx.seen("other")
    assert landed and {(one["authorization"], one["secret"]) for one in landed} == {("-", "-")}
    left = [one for one in nginx.seen("plain") if one["uri"] == "/away"]
    assert {(one["authorization"], one["secret"]) for one in left} == {("Bearer bearerword", "headerword")}
    subjects = {one["client"] for one in nginx.seen("mutual") if one["client"] != "-"}
    assert subjects == {"CN=client"}
    for reason in ("certificate has expired", "no such file"):
        assert agent.log_lines(reason), reason


def test_files_are_read_again_when_they_change(make_agent, receiver, nginx, pki, tmp_path):
    word, ca = tmp_path / "word", tmp_path / "trusted.pem"
    word.write_text("wrong\n")
    ca.write_bytes(pki["stranger"].read_bytes())
    jobs = [
        job(
            "basic",
            f"127.0.0.1:{nginx.ports['plain']}",
            "/basic",
            basic_auth={"username": "me", "password_file": str(word)},
        ),
        job(
            "tls",
            f"127.0.0.1:{nginx.ports['tls']}",
            scheme="https",
            tls_config={"ca_file": str(ca)},
        ),
    ]
    agent = make_agent(configuration(receiver, jobs)).start()
    assert all(set(values) == {0.0} for values in wait_for(receiver, ["basic", "tls"]).values())
    for path, text in ((word, b"basicword\n"), (ca, pki["ca"].read_bytes())):
        new = path.with_suffix(".new")
        new.write_bytes(text)
        new.replace(path)
    wait_until(lambda: all(values[-1] == 1 for values in ups(receiver).values()), 20, "both up")
    # A connection that stands is not trusted for what an older file said.
    ca.write_bytes(pki["stranger"].read_bytes())
    wait_until(lambda: ups(receiver)["tls"][-1] == 0, 20, "a target that is trusted no more")
    assert_no_secret_shows(agent)


def test_proxies(make_agent, receiver, nginx, pki, parts):
    proxy = ForwardProxy().start()
    parts.callback(proxy.stop)
    url = f"http://proxyuser:proxyword@127.0.0.1:{proxy.port}"
    socks = SocksProxy().start()
    parts.callback(socks.stop)
    socks_url = f"socks5://proxyuser:proxyword@127.0.0.1:{socks.port}"
    plain, tls = nginx.ports["plain"], nginx.ports["tls"]
    ca = {"ca_file": str(pki["ca"])}
    jobs = [
        job("plain", f"far.example:{plain}", "/open", proxy_url=url),
        job(
            "tls",
            f"inside.example:{tls}",
            scheme="https",
            tls_config=ca,
            proxy_url=url,
            proxy_connect_header={"X-Connect": ["connectword"]},
        ),
        job("loopback", f"127.0.0.1:{plain}", "/open?direct", proxy_url=url, no_proxy="some.example"),
        job("excepted", f"no.such.name.invalid:{plain}", "/open", proxy_url=url, no_proxy=".invalid"),
        job("environment", f"env.example:{plain}", "/open", proxy_from_environment=True),
        job("denied", f"inside.example:{tls}", scheme="https", tls_config=ca)
        | {"proxy_url": f"http://proxyuser:badword@127.0.0.1:{proxy.port}"},
        job("socks", f"far.example:{plain}", "/open", proxy_url=socks_url),
        job("nosocks", f"far.example:{plain}", "/open", proxy_url=socks_url.replace("word", "badword")),
        job("ignored", f"no.such.name.invalid:{plain}", "/open"),
    ]
    jobs[2]["metrics_path"] = "/open"
    environment = {"HTTP_PROXY": url, "NO_PROXY": "other.example"}
    agent = make_agent(configuration(receiver, jobs), environment=environment).start()
    found = wait_for(receiver, [one["job_name"] for one in jobs])
    last = {name: values[-1] for name, values in found.items()}
    assert last == {
        "plain": 1,
        "tls": 1,
        "loopback": 1,
        "excepted": 0,
        "environment": 1,
        "denied": 0,
        "socks": 1,
        "nosocks": 0,
        "ignored": 0,
    }
    assert set(socks.requests) == {(3, "far.example", plain)}, "the proxy resolves the name"
    asked = set(proxy.requests)
    assert ("GET", f"http://far.example:{plain}/open", None) in asked
    assert ("CONNECT", f"inside.example:{tls}", "connectword") in asked
    assert ("GET", f"http://env.example:{plain}/open", None) in asked
    assert not any("127.0.0.1" in target or "invalid" in target for _, target, _ in asked)
    assert_no_secret_shows(agent, [*SECRETS, "connectword", "badword"])


def test_tokens_are_bought_kept_and_renewed(make_agent, receiver, nginx, parts):
    endpoint = TokenEndpoint(life=8).start()
    parts.callback(endpoint.stop)

    def oauth2(**more):
        block = {"client_id": "client", "client_secret": "clientsecret", "token_url": endpoint.url, **more}
        return {"oauth2": block}

    target = f"127.0.0.1:{nginx.ports['plain']}"
    jobs = [
        job("good", target, "/token", **oauth2(scopes=["a", "b"], endpoint_params={"audience": "x"})),
        job("refused", target, "/token", **oauth2(client_secret="other")),
    ]
    agent = make_agent(configuration(receiver, jobs)).start()
    found = wait_for(receiver, ["good", "refused"], count=10)
    assert set(found["good"]) == {1.0} and set(found["refused"]) == {0.0}
    assert {"grant_type": "client_credentials", "scope": "a b", "audience": "x"} in endpoint.forms
    # Ten seconds and more: one token at first, another before its eight seconds were over.
    assert 2 <= endpoint.issued <= 3
    assert agent.log_lines("it answered with status 401: invalid_client")
    assert_no_secret_shows(agent)


@pytest.mark.parametrize("redirects", [False, True])
def test_remote_write_by_tls_and_password(make_agent, receiver, pki, tmp_path, parts, redirects):
    certificate, key = pki["server"]
    password = "{PLAIN}writeword"
    (tmp_path / "writers").write_text(f"writer:{password}\n")

    def servers(ports):
        return f"""
            server {{
              listen 127.0.0.1:{ports['write']} ssl;
              ssl_certificate {certificate}; ssl_certificate_key {key};
              ssl_client_certificate {pki['ca']}; ssl_verify_client on; client_max_body_size 8m;
              location /moved {{ return 308 /write; }}
              location /write {{
                auth_basic x; auth_basic_user_file {tmp_path}/writers; proxy_pass {receiver.url};
              }}
            }}"""

    nginx = Nginx(tmp_path / "receiver-nginx", PORTS, servers)
    parts.callback(nginx.stop)
    nginx.start()
    client, client_key = map(str, pki["client"])
    (tmp_path / "word").write_text("writeword")
    settings = configuration(
        receiver,
        [job("self", "127.0.0.1:1")],
        basic_auth={"username": "writer", "password_file": str(tmp_path / "word")},
        tls_config={"ca_file": str(pki["ca"]), "cert_file": client, "key_file": client_key},
        http_headers={"X-Scope-OrgID": {"values": ["tenant"]}},
    )
    path = "/moved" if redirects else "/write"
    settings["remote_write"][0]["url"] = f"https://127.0.0.1:{nginx.ports['write']}{path}"
    agent = make_agent(settings).start()
    wait_for(receiver, ["self"])
    assert receiver.requests[0].header("X-Scope-OrgID") == "tenant"
    assert all(one["client"] == "CN=client" for one in nginx.seen("write"))
    assert_no_secret_shows(agent)


def test_a_wrong_password_of_remote_write_holds_the_samples(make_agent, receiver, tmp_path):
    from parts.receiver import Answer

    good = "Basic " + base64.b64encode(b"writer:writeword").decode()
    receiver.decide = lambda received: (
        Answer() if received.header("Authorization") == good else Answer(status=401, stores=False)
    )
    word = tmp_path / "word"
    word.write_text("wrong")
    agent = make_agent(
        configuration(
            receiver,
            [job("self", "127.0.0.1:1")],
            basic_auth={"username": "writer", "password_file": str(word)},
        )
    ).start()
    wait_until(lambda: receiver.requests, 20, "a request")
    word.write_text("writeword")
    wait_for(receiver, ["self"], count=2, timeout=60)
    assert_no_secret_shows(agent)
