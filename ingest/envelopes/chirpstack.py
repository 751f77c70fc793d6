"""ChirpStack v4 (JSON): `application/{id}/device/{eui}/event/{event}`.

`up` carries a payload for the vendor's codec; `status` the battery that the network asked for; `join`,
`txack`, `log`, `location`, `integration` are notices, and `ack` is one that may answer a command.
Protobuf's JSON omits zeros: an absent `fCnt` is 0.
Source: chirpstack.io, integrations/events.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from devices.codecs.contract import NO_TIME
from devices.registry import Registry
from ingest.envelopes.collect import Collector, Count, Stated, Uplink, microseconds
from ingest.envelopes.json_messages import decode_json
from ingest.message import DecodedBatch, Message

_TOPIC: Final = re.compile(r"application/[^/]+/device/([^/]+)/event/([^/]+)\Z")
_UP: Final = "/event/up"
_STATUS: Final = "/event/status"
_ACK: Final = "/event/ack"


class _Device(msgspec.Struct, gc=False, rename="camel"):
    dev_eui: str
    device_name: str = ""


class _Reception(msgspec.Struct, gc=False, rename="camel"):
    gateway_id: str = ""
    rssi: float = math.nan
    snr: float = math.nan


class _Up(msgspec.Struct, rename="camel"):
    device_info: _Device
    time: datetime | None = None
    f_cnt: Count = 0
    f_port: Count | None = None
    data: bytes = b""
    rx_info: list[_Reception] = []


class _Status(msgspec.Struct, rename="camel"):
    device_info: _Device
    time: datetime | None = None
    battery_level: float | None = None
    battery_level_unavailable: bool = False
    external_power_source: bool = False


_decode_up: Final = msgspec.json.Decoder(_Up).decode
_decode_status: Final = msgspec.json.Decoder(_Status).decode
_decode_any: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def matches(topic: str) -> bool:
    """Whether a topic is one of ChirpStack's events."""
    return topic.startswith("application/") and _TOPIC.match(topic) is not None


def decode(messages: Sequence[Message], registry: Registry) -> DecodedBatch:
    """What a batch of messages means; their order is kept."""
    return decode_json(messages, registry, _take)


def _take(collector: Collector, i: int, message: Message) -> None:
    if message.topic.endswith(_UP):
        _take_up(collector, i, message)
    elif message.topic.endswith(_STATUS):
        _take_status(collector, i, message)
    else:
        _decode_any(message.payload)
        collector.notices += 1
        if message.topic.endswith(_ACK):
            collector.answers.append(message)


def _take_up(collector: Collector, i: int, message: Message) -> None:
    up = _decode_up(message.payload)
    device = up.device_info
    if not _same_device(collector, i, message, device):
        return
    if not up.data:
        collector.notices += 1  # only commands of the radio layer
        return
    best = up.rx_info[0] if up.rx_info else _NOT_HEARD
    for reception in up.rx_info:
        if reception.rssi > best.rssi:
            best = reception
    collector.uplinks.append(
        Uplink(
            i,
            (device.dev_eui, device.device_name),
            NO_TIME if up.time is None else _zoned(up.time),
            up.data,
            up.f_port,
            up.f_cnt,
            best.rssi,
            best.snr,
            best.gateway_id,
        )
    )


_NOT_HEARD: Final = _Reception()


def _same_device(collector: Collector, i: int, message: Message, device: _Device) -> bool:
    if device.dev_eui in message.topic or device.dev_eui.lower() in message.topic.lower():
        return True
    collector.dead(i, "envelope", f"deviceInfo.devEui {device.dev_eui} is not the device of the topic")
    return False


def _zoned(time: datetime) -> int:
    if time.tzinfo is None:
        raise msgspec.ValidationError("Expected a time with its zone - at `$.time`")
    return microseconds(time)


def _take_status(collector: Collector, i: int, message: Message) -> None:
    status = _decode_status(message.payload)
    if not _same_device(collector, i, message, status.device_info):
        return
    if status.battery_level is None or status.battery_level_unavailable or status.external_power_source:
        collector.notices += 1
        return
    device = status.device_info
    time = NO_TIME if status.time is None else _zoned(status.time)
    collector.stated.append(
        Stated(i, (device.dev_eui, device.device_name), time, {"battery_pct": status.battery_level})
    )
