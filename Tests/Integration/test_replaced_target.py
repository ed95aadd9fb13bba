"""A target that another one replaces under the same labels: its series go on."""

import os

from parts.exposition import from_bits
from parts.process import wait_until
from parts.write_request import STALE_BITS

PAIRS = 8
REPORT = 5


def test_no_stale_marker_follows_the_new_targets_first_sample(
    make_agent, receiver, text_exporter, tmp_path
):
    body = "".join(f'number{{n="{n}"}} {{0}}\n' for n in range(10))
    old, new = ([text_exporter(body.replace("{0}", value)) for _ in range(PAIRS)] for value in "12")
    targets = tmp_path / "targets.yml"

    def point_at(exporters):
        # Phases differ from address to address: among eight pairs every order of old and new occurs.
        text = "".join(
            f"- targets: ['{exporter.address}']\n  labels: {{slot: '{slot}'}}\n"
            for slot, exporter in enumerate(exporters)
        )
        (tmp_path / "new.yml").write_text(text)
        os.replace(tmp_path / "new.yml", targets)

    def of_slots(name):
        found = {}
        for labels, samples in receiver.samples().items():
            named = dict(labels)
            if named["__name__"] == name:
                found.setdefault(named["instance"], []).extend(samples)
        return found

    def newest(name):
        return [from_bits(samples[-1][1]) for samples in of_slots(name).values()]

    point_at(old)
    agent = make_agent(
        {
            "global": {"scrape_interval": "1s", "scrape_timeout": "500ms"},
            "scrape_configs": [
                {
                    "job_name": "slots",
                    "file_sd_configs": [{"files": [str(targets)]}],
                    "relabel_configs": [{"source_labels": ["slot"], "target_label": "instance"}],
                }
            ],
            "remote_write": [{"url": receiver.url, "queue_config": {"batch_send_deadline": "200ms"}}],
        }
    ).start()
    wait_until(lambda: newest("number").count(1) == PAIRS, 20, "all old targets")
    point_at(new)
    wait_until(lambda: newest("number").count(2) == PAIRS, 20, "all new targets")
    # Two intervals and a timeout later every marker that would come has come.
    taken = new[0].scrapes
    wait_until(lambda: new[0].scrapes >= taken + 4, 20, "four scrapes more")
    assert agent.stop() == 0

    began = {
        slot: min(at for at, bits in samples if from_bits(bits) == 2)
        for slot, samples in of_slots("number").items()
    }
    late = [
        (dict(labels)["__name__"], dict(labels)["instance"], at)
        for labels, samples in receiver.samples().items()
        for at, bits in samples
        if bits == STALE_BITS and at >= began[dict(labels)["instance"]]
    ]
    assert late == []
    assert len(receiver.samples()) == PAIRS * (10 + REPORT)
    for samples in receiver.samples().values():
        assert [at for at, _ in samples] == sorted(at for at, _ in samples)
