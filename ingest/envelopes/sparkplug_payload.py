"""Sparkplug B's protobuf payload, described at run time from the field numbers of the specification.

The two Python libraries for Sparkplug (pysparkplug 0.6, mqtt-spb-wrapper 2.1) pin paho-mqtt below 2, which
the rest of Jingqiao needs, so only `protobuf` itself is used.
Source: Sparkplug 3.0.0 specification (Eclipse Foundation), chapter 6, Google protocol buffer schema.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

_FIELD: Final = descriptor_pb2.FieldDescriptorProto

_METRIC_FIELDS: Final = (
    ("name", 1, _FIELD.TYPE_BYTES),
    ("alias", 2, _FIELD.TYPE_UINT64),
    ("timestamp", 3, _FIELD.TYPE_UINT64),
    ("datatype", 4, _FIELD.TYPE_UINT32),
    ("is_historical", 5, _FIELD.TYPE_BOOL),
    ("is_null", 7, _FIELD.TYPE_BOOL),
    ("int_value", 10, _FIELD.TYPE_UINT32),
    ("long_value", 11, _FIELD.TYPE_UINT64),
    ("float_value", 12, _FIELD.TYPE_FLOAT),
    ("double_value", 13, _FIELD.TYPE_DOUBLE),
    ("boolean_value", 14, _FIELD.TYPE_BOOL),
    ("string_value", 15, _FIELD.TYPE_BYTES),
)
"""Fields that are read. Names are bytes here, so that text which is no UTF-8 is our fault to report; data
sets, templates and properties stay unknown fields, which protobuf skips."""

_VALUES: Final = ("int_value", "long_value", "float_value", "double_value", "boolean_value", "string_value")

BOOLEAN: Final = 11
_SIGNED_BITS: Final = {1: 8, 2: 16, 3: 32, 4: 64}
"""Data types Int8 to Int64 → bits: they travel as unsigned two's complement."""


class NotSparkplugError(ValueError):
    """Bytes that are no Sparkplug B payload; the message is one line for a technician."""


class Metric(NamedTuple):
    """One metric.

    timestamp : int | None  [ms since 1970 UTC]
    value : object  None where it is null or of a kind that is not read.
    """

    name: str
    alias: int | None
    timestamp: int | None
    datatype: int | None
    value: object


class Payload(NamedTuple):
    """timestamp : int | None  [ms since 1970 UTC]; seq : int | None  0 to 255."""

    timestamp: int | None
    seq: int | None
    metrics: Sequence[Metric]


def _payload_class() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="jingqiao_sparkplug_b.proto", package="jingqiao.spb")
    payload = file.message_type.add(name="Payload")
    metric = payload.nested_type.add(name="Metric")
    for name, number, kind in _METRIC_FIELDS:
        metric.field.add(name=name, number=number, type=kind, label=_FIELD.LABEL_OPTIONAL)
    for name, number in (("timestamp", 1), ("seq", 3)):
        payload.field.add(name=name, number=number, type=_FIELD.TYPE_UINT64, label=_FIELD.LABEL_OPTIONAL)
    payload.field.add(
        name="metrics",
        number=2,
        type=_FIELD.TYPE_MESSAGE,
        type_name=".jingqiao.spb.Payload.Metric",
        label=_FIELD.LABEL_REPEATED,
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("jingqiao.spb.Payload"))


PayloadMessage: Final = _payload_class()
"""The protobuf class, for those who write payloads (commands, tests)."""


def parse(data: bytes) -> Payload:
    """Read a payload. Raises NotSparkplugError."""
    message = PayloadMessage()
    try:
        message.ParseFromString(data)
        metrics = [_metric(metric) for metric in message.metrics]
    except DecodeError as fault:
        raise NotSparkplugError(f"no protobuf of Sparkplug B: {fault}".replace("\n", " ")) from None
    except UnicodeDecodeError:
        raise NotSparkplugError("a metric's name is no UTF-8") from None
    return Payload(_optional(message, "timestamp"), _optional(message, "seq"), metrics)


def _optional(message: Any, name: str) -> Any:
    return getattr(message, name) if message.HasField(name) else None


def _metric(metric: Any) -> Metric:
    datatype = _optional(metric, "datatype")
    value: object = None
    if not metric.is_null:
        for name in _VALUES:
            if metric.HasField(name):
                value = getattr(metric, name)
    return Metric(
        metric.name.decode("utf-8"),
        _optional(metric, "alias"),
        _optional(metric, "timestamp"),
        datatype,
        value,
    )


def typed(value: object, datatype: int | None) -> object:
    """A metric's value by its data type: signed integers and yes/no as such."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, int) and not isinstance(value, bool):
        if datatype == BOOLEAN and value in (0, 1):
            return bool(value)
        bits = _SIGNED_BITS.get(datatype or 0)
        if bits is not None:
            value &= (1 << bits) - 1
            return value - (1 << bits) if value >> (bits - 1) else value
    return value


def rebirth_command(timestamp_ms: int) -> bytes:
    """The payload of an NCMD that asks an edge node to announce itself and its devices anew."""
    message = PayloadMessage(timestamp=timestamp_ms)
    message.metrics.add(
        name=b"Node Control/Rebirth", timestamp=timestamp_ms, datatype=BOOLEAN, boolean_value=True
    )
    return bytes(message.SerializeToString())
