"""What the keys of a destination do, each with a receiver of its own: the ways to reach it, its queue, its
own limits, and troubles that come and go.
"""

import time

import pytest

from parts.agent import IS_NARTHEX
from parts.authority import Authority
from parts.dns import NameServer
from parts.ledger import assert_balanced, read_ledger
from parts.nginx import Nginx
from parts.process import wait_until
from parts.receiver import Answer, CountingReceiver
from parts.web import ForwardProxy, SocksProxy, TokenEndpoint

pytestmark = pytest.mark.skipif(not IS_NARTHEX, reason="Debian's Prometheus is too old for some of it")

SECRETS = ["bearerword", "proxyword", "clientsecret", "headerword", "fileword"]
SERIES = 100


@pytest.fixture
def receivers(parts):
    """receivers[name] -> CountingReceiver, started."""

    class Receivers(dict):
        def __missing__(self, name):
            self[name] = receiver = CountingReceiver().start()
            parts.callback(receiver.stop)
            return receiver

    return Receivers()


def entry(name, url, queue=None, **more):
    pace = {"batch_send_deadline": "100ms", "min_backoff": "50ms", "max_backoff": "500ms"}
    return {
        "name": name,
        "url": url,
        "queue_config": {**pace, **(queue or {})},
        "metadata_config": {"send": False},
        **more,
    }


def configuration(targets, writes, interval="500ms"):
    return {
        "global": {"scrape_interval": interval, "scrape_timeout": interval},
        "scrape_configs": [
            {"job_name": job, "static_configs": [{"targets": [target]}]} for job, target in targets.items()
        ],
        "remote_write": writes,
    }


def pages(agent):
    return agent.log_text() + agent.get("/metrics")[2].decode() + agent.get("/")[2].decode()


def test_every_way_to_reach_a_destination(make_agent, receivers, text_exporter, tmp_path, parts):
    pki = Authority(tmp_path / "pki")
    certificate, key = pki.issue("server", ["127.0.0.1", "inside.example"])
    client, client_key = pki.issue("client", [])
    (tmp_path / "bearer").write_text("bearerword")
    (tmp_path / "header").write_text("fileword")
    secured = ["one", "two", "tunnel"]

    def servers(ports):
        return "".join(
            f"""server {{
              listen 127.0.0.1:{ports[name]} ssl http2; client_max_body_size 8m;
              ssl_certificate {certificate}; ssl_certificate_key {key};
              ssl_client_certificate {pki.certificate}; ssl_verify_client on;
              location / {{ proxy_pass http://127.0.0.1:{receivers[name].port}; }}
            }}"""
            for name in secured
        )

    nginx = Nginx(tmp_path / "nginx", secured, servers)
    parts.callback(nginx.stop)
    nginx.start()
    proxy, socks, tokens = ForwardProxy(), SocksProxy(), TokenEndpoint()
    for server in (proxy, socks, tokens):
        parts.callback(server.start().stop)
    proxy_url = f"http://proxyuser:proxyword@127.0.0.1:{proxy.port}"
    bearer = {"credentials_file": str(tmp_path / "bearer")}
    tls = {"ca_file": str(pki.certificate), "cert_file": str(client), "key_file": str(client_key)}

    def moved(name):
        """Led on to another path of the same receiver."""
        receiver = receivers[name]
        receiver.decide = lambda received: (
            Answer()
            if received.path == "/there"
            else Answer(status=308, stores=False, headers=(("Location", "/there"),))
        )
        return receiver.url

    def far(name):
        return f"http://far.example:{receivers[name].port}/api/v1/write"

    def by_tls(name, host="127.0.0.1"):
        return f"https://{host}:{nginx.ports[name]}/api/v1/write"

    oauth2 = {"client_id": "client", "client_secret": "clientsecret", "token_url": tokens.url}
    writes = [
        entry("headers", receivers["headers"].url, headers={"X-Own": "own"}),
        entry(
            "http_headers",
            receivers["http_headers"].url,
            http_headers={
                "X-Some": {"values": ["some"]},
                "X-Secret": {"secrets": ["headerword"]},
                "X-File": {"files": [str(tmp_path / "header")]},
            },
        ),
        entry("bearer", receivers["bearer"].url, authorization=bearer),
        entry("oauth2", receivers["oauth2"].url, oauth2=oauth2),
        entry("follows", moved("follows")),
        entry("stays", moved("stays"), follow_redirects=False),
        entry("proxy", far("proxy"), proxy_url=proxy_url),
        entry("socks", far("socks"), proxy_url=proxy_url.replace("http:", "socks5:").replace(
            str(proxy.port), str(socks.port))),
        entry("environment", far("environment"), proxy_from_environment=True),
        entry("excepted", receivers["excepted"].url, proxy_url=proxy_url, no_proxy="127.0.0.1"),
        entry(
            "tunnel",
            by_tls("tunnel", "inside.example"),
            tls_config=tls,
            proxy_url=proxy_url,
            proxy_connect_header={"X-Connect": ["connectword"]},
        ),
        entry("one", by_tls("one"), tls_config=tls),
        entry("two", by_tls("two"), tls_config=tls, enable_http2=True),
    ]  # fmt: skip
    agent = make_agent(
        configuration({"one": text_exporter("probe 1\n").address}, writes),
        environment={"HTTP_PROXY": proxy_url},
    ).start()
    reached = [write["name"] for write in writes if write["name"] != "stays"]

    def missing():
        return [name for name in reached if len(receivers[name].accepted()) < 2]

    wait_until(lambda: not missing(), 30, "two requests by each way")
    first = {name: receivers[name].accepted()[0] for name in reached}
    assert first["headers"].header("X-Own") == "own"
    assert [first["http_headers"].header(name) for name in ("X-Some", "X-Secret", "X-File")] == [
        "some", "headerword", "fileword",
    ]  # fmt: skip
    assert first["bearer"].header("Authorization") == "Bearer bearerword"
    assert first["oauth2"].header("Authorization") == "Bearer token-1" and tokens.issued == 1
    assert first["follows"].path == "/there"
    asked = set(proxy.requests)
    assert ("POST", far("proxy"), None) in asked and ("POST", far("environment"), None) in asked
    assert ("CONNECT", f"inside.example:{nginx.ports['tunnel']}", "connectword") in asked
    assert not any(str(receivers["excepted"].port) in target for _, target, _ in asked)
    assert set(socks.requests) == {(3, "far.example", receivers["socks"].port)}
    assert {one["protocol"] for one in nginx.seen("one")} == {"HTTP/1.1"}
    assert {one["protocol"] for one in nginx.seen("two")} == {"HTTP/2.0"}
    assert all(one["client"] == "CN=client" for name in secured for one in nginx.seen(name))
    # A redirect that is not to be followed holds what it concerns, and nothing else.
    assert {one.path for one in receivers["stays"].requests} == {"/api/v1/write"}
    assert agent.log_lines(r"it redirects to .*/there.*remote_name=stays|remote_name=stays.*it redirects to")
    ledger = read_ledger(agent)
    assert_balanced(ledger)
    assert ledger[("stays", "one")].buffered > 0 and not ledger[("stays", "one")].dropped
    shown = pages(agent)
    assert not [secret for secret in [*SECRETS, "connectword"] if secret in shown]


def overlap(requests):
    """How many were on their way at once, at most."""
    ends = sorted(
        [(one.arrived, 1) for one in requests] + [(one.answered_at, -1) for one in requests if one.answered]
    )
    most = now = 0
    for _, step in ends:
        now += step
        most = max(most, now)
    return most


@pytest.mark.timeout(120)
def test_every_key_of_the_queue(make_agent, receivers, load_exporter, text_exporter):
    def tried(name, *answers):
        """Answers the first requests so, then with success."""
        left = list(answers)
        receivers[name].decide = lambda received: left.pop(0) if left else Answer()
        return receivers[name].url

    def always(name, **answer):
        receivers[name].decide = lambda received: Answer(**answer)
        return receivers[name].url

    no = {"stores": False}
    writes = [
        entry("small", always("small", delay=0.3),
              {"max_samples_per_send": 10, "max_shards": 3, "min_shards": 3}),
        entry("alone", always("alone", delay=0.02), {"max_samples_per_send": 50, "max_shards": 1}),
        entry("late", tried("late"), {"batch_send_deadline": "2s"}),
        entry("backoff", tried("backoff", *[Answer(503, **no)] * 4),
              {"min_backoff": "400ms", "max_backoff": "800ms", "max_shards": 1}),
        entry("drops", tried("drops", *[Answer(429, **no)] * 3), {"retry_on_http_429": False}),
        entry("retries", tried("retries", Answer(429, headers=(("Retry-After", "1"),), **no)),
              {"max_shards": 1}),
        entry("ages", tried("ages", *[Answer(503, **no)] * 400), {"sample_age_limit": "2s"}),
        entry("times", tried("times", Answer(delay=3.0, **no)), {"max_shards": 1}, remote_timeout="500ms"),
        entry("says", always("says", status=400, body=b"label value too long", **no),
              failed_request_logging=True),
        entry("picks", tried("picks"), write_relabel_configs=[
            {"source_labels": ["__name__"], "regex": "probe", "action": "keep"}]),
        entry("paced", tried("paced"), {"max_samples_per_send": 20}, limits={"requests_per_second": 2}),
        entry("daily", tried("daily"), limits={
            "bytes_per_day": "6KB", "high_priority_jobs": ["web"], "low_priority_jobs": ["load"]}),
    ]  # fmt: skip
    load, web = load_exporter("load:0", SERIES), text_exporter("probe 1\n")
    agent = make_agent(
        configuration({"load": load.address, "web": web.address}, writes), flags=["--log.level=debug"]
    ).start()

    def dropped(name, job, reason):
        one = read_ledger(agent).get((name, job))
        return one.dropped[reason] if one else 0

    # Where both jobs stand in each of the first three requests, five may use up the budget of 6,144 bytes.
    least = {write["name"]: 5 if write["name"] == "daily" else 6 for write in writes}
    wait_until(lambda: all(len(receivers[name].requests) >= least[name] for name in least), 60, "requests")
    wait_until(lambda: dropped("ages", "web", "too_old"), 30, "samples that are too old")
    wait_until(lambda: dropped("daily", "load", "daily_budget") > 2 * SERIES, 30, "a budget that is used up")
    ledger = read_ledger(agent)
    assert_balanced(ledger)

    def sizes(name, status=204):
        return [
            sum(len(samples) for _, samples in receivers[name].decode(one))
            for one in receivers[name].requests
            if one.answer and one.answer.status == status
        ]

    assert max(sizes("small")) <= 10 and overlap(receivers["small"].requests) == 3
    assert max(sizes("alone")) <= 50 and overlap(receivers["alone"].requests) == 1
    behind = time.time() - time.monotonic()
    for one in receivers["late"].requests:
        oldest = min(at for _, samples in receivers["late"].decode(one) for at, _ in samples)
        assert one.arrived + behind - oldest / 1000 >= 1.9, "it waited for its deadline"
    tries = [one.arrived for one in receivers["backoff"].requests]
    assert len({one.body for one in receivers["backoff"].requests[:5]}) == 1
    # Nine tenths of it at least, doubled once: 400 ms, then 800.
    assert all(0.35 <= after - before <= 2 for before, after in zip(tries, tries[1:5])), tries[:6]
    limited = [dropped("drops", job, "rate_limited") for job in ("load", "web")]
    assert sum(limited) == sum(sizes("drops", 429)) > 0
    assert len({one.body for one in receivers["drops"].requests[:4]}) == 4, "none of them came again"
    first, second = receivers["retries"].requests[:2]
    assert first.body == second.body and second.arrived - first.arrived >= 0.95
    first, second = receivers["times"].requests[:2]
    assert first.body == second.body and 0.5 <= second.arrived - first.arrived < 2.5
    assert {name for (name, _), one in ledger.items() if one.dropped["too_old"]} == {"ages"}
    assert agent.log_lines("remote_name=says.*this is what it holds|this is what it holds.*remote_name=says")
    assert {dict(labels)["__name__"] for labels in receivers["picks"].samples()} == {"probe"}
    paced = receivers["paced"].requests
    assert len(paced) <= 2 * (paced[-1].arrived - paced[0].arrived) + 4
    used = sum(len(one.body) for one in receivers["daily"].requests)
    assert used <= 6_000 + max(len(one.body) for one in receivers["daily"].requests)
    assert ledger[("daily", "web")].delivered > 0
    assert len(receivers["daily"].requests) > 0 and ledger[("daily", "load")].delivered > 0


@pytest.mark.timeout(120)
def test_troubles_that_come_and_go(make_agent, receivers, load_exporter, tmp_path, parts):
    """Names without a server, and certificates that are not to be trusted: samples wait, the others' do not,
    and all of them arrive once it is over.
    """
    pki, stranger = Authority(tmp_path / "pki"), Authority(tmp_path / "stranger", "stranger")
    good = pki.issue("good", ["127.0.0.1"])
    bad = {
        "expired": pki.issue("expired", ["127.0.0.1"], days=-2),
        "misnamed": pki.issue("misnamed", ["elsewhere.example"]),
        "untrusted": stranger.issue("untrusted", ["127.0.0.1"]),
    }

    def served(certificates):
        return lambda ports: "".join(
            f"""server {{
              listen 127.0.0.1:{ports[name]} ssl; client_max_body_size 8m;
              ssl_certificate {certificates[name][0]}; ssl_certificate_key {certificates[name][1]};
              location / {{ proxy_pass http://127.0.0.1:{receivers[name].port}; }}
            }}"""
            for name in bad
        )

    nginx = Nginx(tmp_path / "bad", list(bad), served(bad))
    parts.callback(nginx.stop)
    nginx.start()
    names = NameServer(tmp_path / "names", ["receiver IN A 127.0.0.1"])
    parts.callback(lambda: names.process.process and names.process.kill())
    names.start()
    # A connection a request, and none by an address that is remembered.
    receivers["named"].decide = lambda received: Answer(headers=(("Connection", "close"),))
    port = receivers["named"].port
    writes = [entry("steady", receivers["steady"].url)]
    writes += [entry("named", f"http://receiver.test:{port}/api/v1/write", round_robin_dns=True)]
    writes += [
        entry(name, f"https://127.0.0.1:{nginx.ports[name]}/", tls_config={"ca_file": str(pki.certificate)})
        for name in bad
    ]
    exporter = load_exporter("load:0", SERIES)
    agent = make_agent(configuration({"load": exporter.address}, writes))
    names.ask_it(agent.process)
    agent.start()
    wait_until(lambda: len(receivers["named"].requests) > 2, 20, "requests by name")
    names.process.kill()
    since = time.monotonic()

    def waits(name):
        one = read_ledger(agent)[(name, "load")]
        return one.buffered > 4 * SERIES

    wait_until(lambda: all(waits(name) for name in ["named", *bad]), 30, "samples that wait")
    for name in ["named", *bad]:
        assert agent.metric("narthex_remote_write_answers_total", remote_name=name, code="error") > 0
        assert agent.log_lines(f"level=WARN.*remote_name={name}\\b|remote_name={name}\\b.*level=WARN")
    assert not any(receivers[name].requests for name in bad)
    # Nobody else is slowed down.
    assert read_ledger(agent)[("steady", "load")].buffered <= 2 * (SERIES + 40)
    seen = [one.arrived for one in receivers["steady"].requests if one.arrived > since]
    assert max(after - before for before, after in zip(seen, seen[1:])) < 2

    nginx.stop()
    mended = Nginx(tmp_path / "good", [], lambda _: served(dict.fromkeys(bad, good))(nginx.ports))
    parts.callback(mended.stop)
    mended.start()
    names.start()
    wait_until(lambda: not any(waits(name) for name in ["named", *bad]), 60, "all of it to arrive")
    assert agent.stop() == 0
    whole = receivers["steady"].samples()
    for name in ["named", *bad]:
        found = receivers[name].samples()
        assert found.keys() == whole.keys()
        for labels, samples in found.items():
            times = [at for at, _ in samples]
            assert times == sorted(set(times)), f"{name}: {labels}"
            assert dict(samples) == dict(whole[labels]), f"{name}: {labels}"


def test_a_restart_with_another_url_under_the_same_name(make_agent, receivers, load_exporter):
    """The agent is killed while requests have no answer, and its destination has another URL afterwards. The
    new receiver calls the first request out of order. The old one would say so of samples that it has stored,
    but the new one was never sent them: they are booked as refused, and not as delivered.
    """
    old, new = receivers["old"], receivers["new"]
    old.decide = lambda received: Answer(delay=30, stores=False)
    new.decide = lambda received: (
        Answer(status=400, stores=False, body=b"err: out of order sample, series={}")
        if received.number == 0
        else Answer()
    )
    exporter = load_exporter("load:0", SERIES)
    agent = make_agent(configuration({"load": exporter.address}, [entry("one", old.url)])).start()
    wait_until(lambda: old.requests, 20, "a request that is not answered")
    agent.kill()
    lost = old.requests
    agent.configure(configuration({"load": exporter.address}, [entry("one", new.url)]))
    agent.start()
    wait_until(lambda: len(new.accepted()) > 5, 30, "requests that the new receiver takes")

    def count(requests):
        return sum(len(samples) for request in requests for _, samples in new.decode(request))

    def booked():
        return read_ledger(agent)[("one", "load")]

    first = new.requests[0]
    assert first.body == lost[0].body, "what was in flight goes first"
    dropped = {reason: samples for reason, samples in booked().dropped.items() if samples}
    assert dropped == {"sample_out_of_order": count([first])}
    wait_until(lambda: booked().delivered == count(new.accepted()), 20, "books of what is stored alone")
    assert_balanced(read_ledger(agent))
    assert agent.stop() == 0
