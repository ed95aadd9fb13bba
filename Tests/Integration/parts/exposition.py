"""Series as (name, labels, value), written to and read from text format 0.0.4."""

import math
import struct
from decimal import Decimal

from prometheus_client.parser import text_string_to_metric_families

from .write_request import value_bits


def parse(text):
    """{(name, frozenset of labels): value} by prometheus_client's parser: not ours."""
    return {
        (sample.name, frozenset((k, v) for k, v in sample.labels.items() if v)): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def escape(value):
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def line(name, labels, value_text):
    inside = ",".join(f'{key}="{escape(value)}"' for key, value in labels.items())
    return f"{name}{{{inside}}} {value_text}\n" if inside else f"{name} {value_text}\n"


def open_metrics_float(text):
    """`le` and `quantile` values as Prometheus 3 stores them: 1 becomes 1.0."""
    value = float(text)
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if math.isnan(value):
        return "NaN"
    # The shortest digits that read back the same, in Go's %g: an exponent from 1e6 on and below 1e-4.
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    digits = "".join(map(str, digits))
    point = len(digits) + exponent
    minus = "-" if sign else ""
    if value and not -4 <= point - 1 < 6:
        fraction = f".{digits[1:]}" if len(digits) > 1 else ""
        return f"{minus}{digits[0]}{fraction}e{'-' if point - 1 < 0 else '+'}{abs(point - 1):02d}"
    if point <= 0:
        return f"{minus}0.{'0' * -point}{digits}"
    if point >= len(digits):
        return f"{minus}{digits}{'0' * (point - len(digits))}.0"
    return f"{minus}{digits[:point]}.{digits[point:]}"


def stored(name, labels, target_labels):
    """The label set that a receiver holds for a scraped series: as Prometheus 3, honor_labels off."""
    result = {key: value for key, value in labels.items() if value}
    for key in ("le", "quantile"):
        if key in result:
            try:
                result[key] = open_metrics_float(result[key])
            except ValueError:
                pass
    for key in list(result):
        if key in target_labels:
            renamed = "exported_" + key
            while renamed in result or renamed in target_labels:
                renamed = "exported_" + renamed
            result[renamed] = result.pop(key)
    return frozenset((result | target_labels | {"__name__": name}).items())


def same_value(left, right):
    """Equal to the bit, but any NaN equals any other: PromQL shows no payload."""
    if math.isnan(left) or math.isnan(right):
        return math.isnan(left) and math.isnan(right)
    return value_bits(left) == value_bits(right)


def from_bits(bits):
    return struct.unpack("<d", struct.pack("<Q", bits))[0]
