"""Labels of one name, from a series, its target and the configuration."""

from parts.process import wait_until


def test_labels_of_one_name_that_meet(make_agent, receiver, text_exporter):
    """The series, its target and `external_labels` may each have a label: which one is sent."""
    values = {"absent": None, "empty": "", "filled": "own"}
    names = ("both", "target", "external", "job", "instance")
    exporter = text_exporter(
        "".join(
            f'g{{of="{name}",case="{case}"' + ("" if value is None else f',{name}="{value}"') + "} 1\n"
            for name in names
            for case, value in values.items()
        )
    )
    external = {"both": "outer", "external": "outer", "job": "outer", "instance": "outer"}
    make_agent(
        {
            "global": {
                "scrape_interval": "500ms",
                "scrape_timeout": "500ms",
                "external_labels": external,
            },
            "scrape_configs": [
                {
                    "job_name": f"honor-{honors}",
                    "honor_labels": honors,
                    "static_configs": [
                        {"targets": [exporter.address], "labels": {"both": "inner", "target": "inner"}}
                    ],
                }
                for honors in (True, False)
            ],
            "remote_write": [{"url": receiver.url, "queue_config": {"batch_send_deadline": "200ms"}}],
        }
    ).start()

    def stored(honors, name, case):
        target = {"both": "inner", "target": "inner", "job": f"honor-{honors}", "instance": exporter.address}
        labels = external | target | {"__name__": "g", "of": name, "case": case}
        if name not in target:
            labels[name] = values[case] or external[name]
        elif honors and case == "filled":
            labels[name] = "own"
        elif honors and case == "empty":
            # The empty label takes the target's away, and what is outside comes forth.
            labels[name] = external.get(name, "")
        elif case == "filled":
            labels[f"exported_{name}"] = "own"
        return tuple(sorted((key, value) for key, value in labels.items() if value))

    def found():
        return {labels for labels in receiver.samples() if dict(labels)["__name__"] == "g"}

    wait_until(lambda: len(found()) == 2 * len(names) * len(values), 20, "all series")
    assert found() == {
        stored(honors, name, case) for honors in (True, False) for name in names for case in values
    }
