"""Requests of remote write 2.0, decoded by what protoc makes of the schema: nothing is shared with the
agent's encoder.
"""

import importlib.util
import subprocess
import sys

import cramjam

from .process import ROOT
from .receiver import Answer

MESSAGE = "io.prometheus.write.v2.Request"
CONTENT_TYPE = "application/x-protobuf;proto=io.prometheus.write.v2.Request"
SCHEMA = "remote_write_v2.proto"


def compiled(folder, schema=SCHEMA):
    """The Python module that protoc makes of a schema in Protos, written to `folder`."""
    subprocess.run(
        [sys.executable, "-m", "grpc_tools.protoc", f"-I{ROOT / 'Protos'}", f"--python_out={folder}", schema],
        check=True,
        timeout=60,
    )
    path = folder / schema.replace(".proto", "_pb2.py")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def is_of_20(received):
    return received.header("Content-Type") == CONTENT_TYPE


class Requests:
    """The requests of 2.0 among those that came, decoded."""

    def __init__(self, module, received):
        self.received = [one for one in received if is_of_20(one)]
        assert self.received, "no request of remote write 2.0 came"
        self.messages = []
        for one in self.received:
            message = module.Request()
            message.ParseFromString(bytes(cramjam.snappy.decompress_raw(one.body)))
            self.messages.append(message)

    def series(self):
        """(labels as pairs in their order, TimeSeries, its Request) of each series of each request."""
        for message in self.messages:
            for one in message.timeseries:
                yield self.labels(one.labels_refs, message), one, message

    @staticmethod
    def labels(references, message):
        texts = [message.symbols[reference] for reference in references]
        return tuple(zip(texts[::2], texts[1::2], strict=True))

    def named(self, name, **wanted):
        """[(TimeSeries, Request)] of the series of that name with these labels."""
        return [
            (one, message)
            for labels, one, message in self.series()
            if dict(labels).get("__name__") == name and wanted.items() <= dict(labels).items()
        ]


def written(received):
    """What a receiver that has written everything says: more than any request has."""
    return counts(1_000_000)


def counts(number):
    """The headers of an answer to 2.0 that say that so many samples were written."""
    return tuple(
        (f"X-Prometheus-Remote-Write-{kind}-Written", str(number))
        for kind in ("Samples", "Histograms", "Exemplars")
    )


def takes_20(received):
    return Answer(status=204, headers=written(received) if is_of_20(received) else ())


def configuration(url, jobs, message=MESSAGE, **remote_write):
    return {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "external_labels": {"zone": "z"}},
        "scrape_configs": [
            {"job_name": job, "static_configs": [{"targets": [address]}], **options}
            for job, (address, options) in jobs.items()
        ],
        "remote_write": [
            {
                "url": url,
                "protobuf_message": message,
                "queue_config": {"batch_send_deadline": "200ms"},
                **remote_write,
            }
        ],
    }
