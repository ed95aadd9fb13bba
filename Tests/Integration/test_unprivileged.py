"""An agent that is nobody in particular: containers and units take every capability away."""

from parts.process import wait_until


def test_nothing_needs_a_capability(make_agent, text_exporter, receiver):
    agent = make_agent(
        {
            "global": {"scrape_interval": "1s"},
            "scrape_configs": [
                {"job_name": "job", "static_configs": [{"targets": [text_exporter("a 1\n").address]}]}
            ],
            "remote_write": [{"url": receiver.url, "queue_config": {"batch_send_deadline": "200ms"}}],
        }
    )
    agent.process.command = ["setpriv", "--bounding-set=-all", *agent.process.command]
    agent.start()
    wait_until(lambda: receiver.requests, 20, "a request")
    assert agent.metric("prometheus_target_scrape_pool_targets") == 1
