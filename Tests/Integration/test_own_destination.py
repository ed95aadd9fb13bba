"""A destination that would be the agent itself: refused with its place at the start and at a reload. A scrape
of oneself is usual and goes on.
"""

import socket
import subprocess

import pytest
import yaml
from parts.agent import IS_NARTHEX, clean_environment, program
from parts.process import free_port, wait_until

pytestmark = pytest.mark.skipif(not IS_NARTHEX, reason="Prometheus lets itself be its destination")


def run(tmp_path, url, *listening, more=()):
    file = tmp_path / "a.yml"
    file.write_text(f"# The receiver.\nremote_write:\n  - url: {url}\n")
    return subprocess.run(
        [program("narthex"), "run", f"--config.file={file}", f"--storage.agent.path={tmp_path}/data",
         *(f"--web.listen-address={address}" for address in listening), *more],
        env=clean_environment(), capture_output=True, text=True, timeout=30,
    )  # fmt: skip


def own_address():
    """An address of this machine that is not loopback; None without one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # Sends nothing: the kernel chooses the interface that would lead there.
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        return probe.getsockname()[0]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "0.0.0.0", "own"])
def test_the_start_is_refused_and_nothing_is_made(host, tmp_path):
    port = free_port()
    host = own_address() if host == "own" else host
    if host is None:
        pytest.skip("this machine has loopback addresses only")
    listening = "127.0.0.1" if host in ("127.0.0.1", "localhost", "0.0.0.0") else ""
    prefix = "--web.external-url=https://example.com/prom/"
    ended = run(
        tmp_path, f"http://{host}:{port}/api/v1/write?token=hush", f"127.0.0.1:{free_port()}",
        f"{listening}:{port}", more=[prefix],
    )  # fmt: skip
    assert ended.returncode == 2, ended.stderr
    assert f"{tmp_path}/a.yml:3:10: the url of this remote_write leads to the agent itself" in ended.stderr
    assert f"{listening}:{port} (--web.listen-address)" in ended.stderr and "hush" not in ended.stderr
    assert not (tmp_path / "data").exists()


def test_a_url_without_a_file_is_refused_too(tmp_path):
    ended = subprocess.run(
        [program("narthex"), "run", "--remote-write.url=http://localhost:9090/write"],
        env=clean_environment(NARTHEX_CLUSTERS="shop", AWS_REGION="eu-west-1"), cwd=tmp_path,
        capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    assert ended.returncode == 2, ended.stderr
    assert "the url of this remote_write leads to the agent itself" in ended.stderr


def test_a_reload_is_refused_and_scraping_oneself_goes_on(make_agent, receiver):
    agent = make_agent("")
    own = f"127.0.0.1:{agent.port}"
    configuration = {
        "global": {"scrape_interval": "500ms", "scrape_timeout": "500ms"},
        "scrape_configs": [{"job_name": "self", "static_configs": [{"targets": [own]}]}],
        "remote_write": [{"url": receiver.url, "queue_config": {"batch_send_deadline": "100ms"}}],
    }
    agent.configure(configuration)
    agent.start()
    agent.configure(configuration | {"remote_write": [{"url": f"http://{own}/"}]})
    agent.process.process.send_signal(1)
    fault = rf"narthex\.yml:\d+:\d+: .* itself, which listens on {own}"
    wait_until(lambda: agent.log_lines(fault), 20, "refusal in the log")
    assert agent.metric("prometheus_config_last_reload_successful") == 0

    # A list of targets at one's own address is asked for: what it holds is no matter here.
    listed = {"job_name": "listed", "http_sd_configs": [{"url": f"http://{own}/targets"}]}
    agent.configure(configuration | {"scrape_configs": [*configuration["scrape_configs"], listed]})
    agent.process.process.send_signal(1)
    wait_until(lambda: agent.metric("prometheus_config_last_reload_successful") == 1, 20, "reload")
    count = len(receiver.requests)
    wait_until(lambda: len(receiver.requests) > count + 1, 20, "samples of oneself")
    names = {dict(labels)["__name__"] for labels in receiver.samples()}
    assert "prometheus_build_info" in names
    assert agent.stop() == 0


def test_check_config_warns_where_the_agent_listens_by_default(tmp_path):
    file = tmp_path / "a.yml"
    file.write_text(yaml.safe_dump({"remote_write": [{"url": "http://localhost:9090/api/v1/write"}]}))
    command = [program("narthex"), "check-config", file]
    ended = subprocess.run(command, env=clean_environment(), capture_output=True, text=True, timeout=30)
    assert ended.returncode == 0, ended.stdout
    assert f"warning: {file}:2:8: the url of this remote_write leads to 127.0.0.1:9090" in ended.stdout
