"""target_limit: with one target too many none is asked, as in Prometheus, which passes this too."""

import struct

from parts.agent import IS_NARTHEX
from parts.process import wait_until


def newest(receiver, name):
    """{job: newest values of a metric, by instance}"""
    found = {}
    for labels, samples in receiver.samples().items():
        labels = dict(labels)
        if labels["__name__"] == name:
            value = struct.unpack("<d", struct.pack("<Q", samples[-1][1]))[0]
            found.setdefault(labels["job"], {})[labels["instance"]] = value
    return found


def test_a_job_with_too_many_targets_asks_none(make_agent, receiver, text_exporter, tmp_path):
    exporters = [text_exporter("probe 1\n") for _ in range(2)]
    addresses = [exporter.address for exporter in exporters]
    listed = tmp_path / "targets.json"
    listed.write_text(f'[{{"targets": ["{addresses[0]}"]}}]')
    agent = make_agent(
        {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
            "scrape_configs": [
                {
                    "job_name": "limited",
                    "target_limit": 1,
                    "file_sd_configs": [{"files": [str(listed)], "refresh_interval": "1s"}],
                },
                {
                    "job_name": "wider",
                    "target_limit": 2,
                    "static_configs": [{"targets": addresses}],
                },
            ],
            "remote_write": [{"url": receiver.url, "queue_config": {"batch_send_deadline": "100ms"}}],
        }
    ).start()
    both = dict.fromkeys(addresses, 1.0)
    wait_until(
        lambda: newest(receiver, "up") == {"limited": {addresses[0]: 1.0}, "wider": both}, 30, "one target"
    )
    assert newest(receiver, "probe")["limited"] == {addresses[0]: 1.0}

    new = tmp_path / "new.json"
    new.write_text(f'[{{"targets": ["{addresses[0]}", "{addresses[1]}"]}}]')
    new.replace(listed)
    down = dict.fromkeys(addresses, 0.0)
    wait_until(lambda: newest(receiver, "up") == {"limited": down, "wider": both}, 30, "no target up")
    probe = newest(receiver, "probe")["limited"]
    assert list(probe) == [addresses[0]] and probe[addresses[0]] != probe[addresses[0]], "a stale marker"
    assert agent.metric("prometheus_target_scrape_pool_exceeded_target_limit_total") >= 1
    if IS_NARTHEX:  # Prometheus sets it at a reload only
        assert agent.metric("prometheus_target_scrape_pool_target_limit", scrape_job="limited") == 1

    new.write_text(f'[{{"targets": ["{addresses[1]}"]}}]')
    new.replace(listed)
    wait_until(
        lambda: newest(receiver, "probe")["limited"].get(addresses[1]) == 1.0, 30, "the other target alone"
    )
    assert agent.stop() == 0
