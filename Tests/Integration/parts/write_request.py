"""Remote-write 1.0 requests, read by hand: snappy from cramjam, protobuf from the field numbers of the
specification.

Nothing here is generated and nothing is shared with the agent, so an error of the agent's encoder is not
repeated.
"""

import struct

import cramjam

STALE_BITS = 0x7FF0000000000002


def value_bits(value):
    return struct.unpack("<Q", struct.pack("<d", value))[0]


class MalformedRequest(Exception):
    pass


def _varint(data, at):
    result = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise MalformedRequest(f"varint runs past the end or past 64 bits at byte {at}")
        byte = data[at]
        at += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result, at
        shift += 7


def _fields(data):
    """(number, wire type, value): the value is an int for varints, bytes for the rest."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, at = _varint(data, at)
        else:
            size = 8 if wire == 1 else 4 if wire == 5 else None
            if wire == 2:
                size, at = _varint(data, at)
            if size is None or at + size > len(data):
                raise MalformedRequest(
                    f"field {number} with wire type {wire} at byte {at} runs past the end"
                )
            value = data[at : at + size]
            at += size
        yield number, wire, value


def _expect(wire, expected, what):
    if wire != expected:
        raise MalformedRequest(f"{what} has wire type {wire}, not {expected}")


def _label(data):
    name = value = ""
    for number, wire, field in _fields(data):
        _expect(wire, 2, "a label's field")
        if number == 1:
            name = field.decode("utf-8")
        elif number == 2:
            value = field.decode("utf-8")
    return name, value


def _sample(data):
    # Nine times out of ten: value and timestamp in order, as every writer writes them.
    value_raw, timestamp = b"\0" * 8, 0
    for number, wire, field in _fields(data):
        if number == 1:
            _expect(wire, 1, "a sample's value")
            value_raw = field
        elif number == 2:
            _expect(wire, 0, "a sample's timestamp")
            timestamp = field - (1 << 64) if field >= 1 << 63 else field
    return timestamp, struct.unpack("<Q", value_raw)[0]


class Decoder:
    """Decodes requests and remembers label sets, so that equal ones are one tuple and compare fast."""

    def __init__(self):
        self._labels = {}

    def decode(self, body):
        """[(labels, [(timestamp ms, value's bits)])] of a snappy-compressed WriteRequest."""
        try:
            plain = bytes(cramjam.snappy.decompress_raw(body))
        except Exception as error:
            raise MalformedRequest(f"not a snappy block: {error}") from None
        series = []
        for number, wire, field in _fields(plain):
            if number == 1:
                _expect(wire, 2, "a time series")
                series.append(self._series(field))
        return series

    def _series(self, data):
        label_fields, samples = [], []
        for number, wire, field in _fields(data):
            if number == 1:
                _expect(wire, 2, "a label")
                label_fields.append(field)
            elif number == 2:
                _expect(wire, 2, "a sample")
                samples.append(_sample(field))
        key = tuple(label_fields)
        labels = self._labels.get(key)
        if labels is None:
            labels = self._labels[key] = tuple(_label(field) for field in label_fields)
            self._check(labels)
        return labels, samples

    @staticmethod
    def _check(labels):
        """What the specification demands of a label set, and AMP refuses otherwise."""
        names = [name for name, _ in labels]
        if names != sorted(names, key=lambda name: name.encode()):
            raise MalformedRequest(f"labels are not sorted by name: {names}")
        if len(set(names)) != len(names):
            raise MalformedRequest(f"a label name stands twice: {names}")
        if any(not name or not value for name, value in labels):
            raise MalformedRequest(f"an empty label name or value: {labels}")
        if "__name__" not in names:
            raise MalformedRequest(f"no metric name: {labels}")
