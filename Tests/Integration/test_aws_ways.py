"""The ways to AWS: proxies of the environment, as AWS' own SDKs take them, and the options of a block."""

import json

import pytest

from parts.agent import IS_NARTHEX
from parts.authority import Authority
from parts.aws import REGION
from parts.nginx import Nginx
from parts.process import free_port, wait_until
from parts.web import ForwardProxy, TargetList

pytestmark = pytest.mark.skipif(not IS_NARTHEX, reason="Debian's Prometheus knows no ecs_sd_configs")

SECRETS = ["proxyword", "headerword", "taskword"]


@pytest.fixture
def proxy(parts):
    server = ForwardProxy().start()
    parts.callback(server.stop)
    return server


@pytest.fixture
def shop(make_moto, text_exporter):
    """moto with one task that is an exporter."""
    moto = make_moto()
    moto.client("ecs").create_cluster(clusterName="shop")
    port = free_port()
    _, address = moto.run_task("shop", "cart", {"PROMETHEUS_EXPORTER_PORT": str(port)}, moto.make_network())
    text_exporter("shop_requests_total 7\n", host=address, port=port)
    return moto


def configuration(receiver, blocks):
    return {
        "global": {"scrape_interval": "500ms", "scrape_timeout": "500ms"},
        "scrape_configs": [
            {
                "job_name": name,
                "ecs_sd_configs": [
                    {"clusters": ["shop"], "region": REGION, "refresh_interval": "1s", **block}
                ],
            }
            for name, block in blocks.items()
        ],
        "remote_write": [{"url": receiver.url, "queue_config": {"batch_send_deadline": "100ms"}}],
    }


def jobs_with_samples(receiver):
    found = map(dict, receiver.samples())
    return {labels["job"] for labels in found if labels["__name__"] == "shop_requests_total"}


def assert_no_secret_shows(agent):
    pages = agent.log_text() + agent.get("/metrics")[2].decode() + agent.get("/")[2].decode()
    for secret in SECRETS:
        assert secret not in pages


def test_proxies_of_the_environment_hold_for_aws_but_never_for_metadata(
    make_agent, receiver, proxy, shop, parts
):
    metadata = TargetList().start()
    parts.callback(metadata.stop)
    keys = {
        "AccessKeyId": shop.access_key,
        "SecretAccessKey": shop.secret_key,
        "Token": "taskword",
        "Expiration": "2099-01-01T00:00:00Z",
    }
    metadata.reply = (200, "application/json", json.dumps(keys).encode())
    url = f"http://proxyuser:proxyword@127.0.0.1:{proxy.port}"
    environment = {
        "http_proxy": url,
        "NO_PROXY": "other.example",
        # Nobody can resolve this name but the proxy.
        "AWS_ENDPOINT_URL": f"http://aws.far.invalid:{shop.port}",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://127.0.0.1:{metadata.port}/credentials",
    }
    roles = {"role_arn": "arn:aws:iam::123456789012:role/scraper"}
    agent = make_agent(
        configuration(receiver, {"plain": {}, "role": roles}), environment=environment
    ).start()
    wait_until(lambda: jobs_with_samples(receiver) == {"plain", "role"}, 30, "samples of both jobs")
    asked = {(method, target) for method, target, _ in proxy.requests}
    assert asked == {("POST", f"http://aws.far.invalid:{shop.port}/")}
    assert metadata.requests
    assert agent.metric("narthex_aws_credentials_refreshes_total", identity=roles["role_arn"]) >= 1
    assert_no_secret_shows(agent)


def test_a_block_has_a_way_of_its_own(make_agent, receiver, proxy, shop, parts, tmp_path):
    authority = Authority(tmp_path / "pki")
    certificate, key = authority.issue("server", ["inside.example"])

    def servers(ports):
        return f"""
            server {{
              listen 127.0.0.1:{ports['aws']} ssl; client_max_body_size 8m;
              ssl_certificate {certificate}; ssl_certificate_key {key};
              location / {{
                if ($http_x_secret != "headerword") {{ return 403; }}
                proxy_pass {shop.url};
              }}
            }}"""

    nginx = Nginx(tmp_path / "nginx", ["aws"], servers)
    parts.callback(nginx.stop)
    nginx.start()
    word = tmp_path / "word"
    word.write_text("headerword\n")
    there = {
        "endpoint": f"https://inside.example:{nginx.ports['aws']}",
        "access_key": shop.access_key,
        "secret_key": shop.secret_key,
        "proxy_url": f"http://proxyuser:proxyword@127.0.0.1:{proxy.port}",
        "http_headers": {"X-Secret": {"files": [str(word)]}},
    }
    trusted = {"tls_config": {"ca_file": str(authority.certificate)}}
    stranger = {"tls_config": {"ca_file": str(Authority(tmp_path / "other", "other").certificate)}}
    blocks = {
        "file": there | trusted,
        "bundle": there,
        "untrusted": there | stranger,
        "unproxied": {**there, **trusted, "proxy_url": ""},
        "unknown": there | trusted | {"http_headers": {"X-Secret": {"secrets": ["wrong"]}}},
    }
    agent = make_agent(
        configuration(receiver, blocks), environment={"AWS_CA_BUNDLE": str(authority.certificate)}
    ).start()
    wait_until(lambda: jobs_with_samples(receiver) >= {"file", "bundle"}, 30, "samples of the good jobs")
    wait_until(
        lambda: agent.metric("prometheus_sd_refresh_failures_total", mechanism="ecs") >= 3,
        30,
        "failures of the others",
    )
    assert jobs_with_samples(receiver) == {"file", "bundle"}
    assert {target for _, target, _ in proxy.requests} == {f"inside.example:{nginx.ports['aws']}"}
    assert agent.log_lines("self.signed|unable to get local issuer")
    assert_no_secret_shows(agent)
    assert agent.stop() == 0

    # Without that variable the authorities are the profile's: the block's own, else the one in use.
    config = tmp_path / "config"
    keys = f"aws_access_key_id = {shop.access_key}\naws_secret_access_key = {shop.secret_key}\n"
    config.write_text(
        f"[profile inside]\nca_bundle = {authority.certificate}\n{keys}"
        f"[default]\nca_bundle = {stranger['tls_config']['ca_file']}\n"
    )
    named = {key: value for key, value in there.items() if not key.endswith("_key")} | {"profile": "inside"}
    second = make_agent(
        configuration(receiver, {"profile": named, "default": there}), name="second",
        environment={"AWS_CONFIG_FILE": str(config)},
    ).start()  # fmt: skip
    wait_until(lambda: "profile" in jobs_with_samples(receiver), 30, "samples by the profile's bundle")
    wait_until(
        lambda: second.metric("prometheus_sd_refresh_failures_total", config="default") >= 2,
        30,
        "failures of the other",
    )
    assert "default" not in jobs_with_samples(receiver)
    assert_no_secret_shows(second)
