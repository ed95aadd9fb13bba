"""The schema that requests of remote write 2.0 are decoded by, beside the public one: each message, field,
enum and reserved number, by name, number and type. The public file itself is not kept here: what it says is
kept as a digest of that list.
"""

import hashlib
import subprocess
import sys

import pytest
from google.protobuf import descriptor_pb2

from parts.process import ROOT

# prompb/io/prometheus/write/v2/types.proto of github.com/prometheus/prometheus (Apache License 2.0) at commit
# 3c8f56c3931ca8c1a7d270ef124d092a1d0b8e41, which calls itself v2.0-rc.4. Its options for a generator of Go,
# which change no byte of a message, are not in the list.
PUBLIC = "1183215a233908cf82c2705f5aa54c2ce337c37a0905e8eb26ffdd4ac0c52f29"
TEXT = (ROOT / "Protos/remote_write_v2.proto").read_text()


def described(message, path=""):
    """A line for everything in a message that a reader of its bytes has to know."""
    path += f"/{message.name}"
    for field in message.field:
        union = message.oneof_decl[field.oneof_index].name if field.HasField("oneof_index") else ""
        yield f"{path} {field.number} {field.name} {field.label} {field.type} {field.type_name} {union}"
    for span in message.reserved_range:
        yield f"{path} reserved {span.start}..<{span.end}"
    for enum in message.enum_type:
        for value in enum.value:
            yield f"{path}/{enum.name} {value.number} {value.name}"
    for inner in message.nested_type:
        yield from described(inner, path)


def listed(folder, text):
    """What protoc reads in a schema, as lines."""
    (folder / "schema.proto").write_text(text)
    command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{folder}"]
    command += [f"--descriptor_set_out={folder}/schema.bin", "schema.proto"]
    subprocess.run(command, check=True, timeout=60)
    (file,) = descriptor_pb2.FileDescriptorSet.FromString((folder / "schema.bin").read_bytes()).file
    lines = [line for message in file.message_type for line in described(message)]
    return "\n".join([f"{file.syntax} {file.package}", *sorted(lines)])


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


def test_the_schema_is_the_public_one(tmp_path):
    found = listed(tmp_path, TEXT)
    assert digest(found) == PUBLIC, found


@pytest.mark.parametrize(
    "before, after",
    [
        ("start_timestamp = 17;", "start_timestamp = 18;"), ("sint32 schema", "int32 schema"),
        ("reserved 6;", ""), ("double sum = 3", "double total = 3"),
        ("METRIC_TYPE_INFO = 6", "METRIC_TYPE_INFO = 8"),
        ("repeated uint32 labels_refs", "uint32 labels_refs"),
    ],
)  # fmt: skip
def test_another_schema_is_noticed(tmp_path, before, after):
    assert before in TEXT
    assert digest(listed(tmp_path, TEXT.replace(before, after))) != PUBLIC
