"""OneNET (China Mobile): thing model `…/thing/property/post` and data points `…/dp/post/json`.

A device's properties or data streams bear the names of our quantities; others are passed over and counted.
Thing model: `params: {name: {value, time [ms]}}`. Data points: `dp: {name: [{v, t [s]}, …]}`, several
points a name when a device makes up for an outage. Points of one time are one reading. Replies and other
services are notices. Source: open.iot.10086.cn, OneJSON and MQTT access documents.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from devices.codecs.contract import NO_TIME
from devices.registry import Registry
from ingest.envelopes.collect import Collector, Count
from ingest.envelopes.json_messages import decode_json
from ingest.envelopes.named_points import take
from ingest.message import DecodedBatch, Message

_TOPIC: Final = re.compile(r"\$sys/[^/]+/([^/]+)/(.+)\Z")
_THING: Final = "thing/property/post"
_POINTS: Final = "dp/post/json"


class _Property(msgspec.Struct):
    value: Any
    time: Count | None = None


class _Thing(msgspec.Struct):
    params: dict[str, _Property]


class _Point(msgspec.Struct):
    v: Any
    t: Count | None = None


class _Points(msgspec.Struct):
    dp: dict[str, list[_Point]]


_decode_thing: Final = msgspec.json.Decoder(_Thing).decode
_decode_points: Final = msgspec.json.Decoder(_Points).decode


def matches(topic: str) -> bool:
    """Whether a topic is one of OneNET."""
    return topic.startswith("$sys/") and _TOPIC.match(topic) is not None


def decode(messages: Sequence[Message], registry: Registry) -> DecodedBatch:
    """What a batch of messages means; their order is kept."""
    return decode_json(messages, registry, _take)


def _take(collector: Collector, i: int, message: Message) -> None:
    topic = _TOPIC.match(message.topic)
    if topic is None:
        collector.dead(i, "envelope", "topic is none of OneNET's")
        return
    device, service = topic.groups()
    if service == _THING:
        take(collector, i, (device,), _properties(message.payload))
    elif service == _POINTS:
        take(collector, i, (device,), _streams(message.payload))
    else:
        collector.notices += 1


def _properties(payload: bytes) -> Iterator[tuple[int, str, object]]:
    for name, stated in _decode_thing(payload).params.items():
        yield NO_TIME if stated.time is None else stated.time * 1000, name, stated.value


def _streams(payload: bytes) -> Iterator[tuple[int, str, object]]:
    for name, points in _decode_points(payload).dp.items():
        for point in points:
            yield NO_TIME if point.t is None else point.t * 1_000_000, name, point.v
