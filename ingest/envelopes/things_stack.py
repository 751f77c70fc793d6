"""The Things Stack v3 (JSON): `v3/{application}@{tenant}/devices/{device}/up`.

Zero, false and empty fields are omitted, so that an absent `f_cnt` is 0. Joins, downlink events and location
solutions are notices. Time is that of the network server, which is nearer to the event than the application
server's. Source: thethingsstack.io, integrations/data-formats.
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
from ingest.envelopes.collect import Collector, Count, Uplink, microseconds
from ingest.envelopes.json_messages import decode_json
from ingest.message import DecodedBatch, Message

_TOPIC: Final = re.compile(r"v3/[^/]+/devices/([^/]+)/(.+)\Z")


class _Ids(msgspec.Struct, gc=False):
    device_id: str = ""
    dev_eui: str = ""


class _GatewayIds(msgspec.Struct, frozen=True, gc=False):
    gateway_id: str = ""
    eui: str = ""


class _Reception(msgspec.Struct):
    gateway_ids: _GatewayIds = _GatewayIds()
    rssi: float = math.nan
    snr: float = math.nan


class _UplinkMessage(msgspec.Struct):
    f_port: Count | None = None
    f_cnt: Count = 0
    frm_payload: bytes = b""
    rx_metadata: list[_Reception] = []
    received_at: datetime | None = None


class _Up(msgspec.Struct):
    end_device_ids: _Ids
    uplink_message: _UplinkMessage | None = None
    received_at: datetime | None = None


_decode_up: Final = msgspec.json.Decoder(_Up).decode


def matches(topic: str) -> bool:
    """Whether a topic is one of The Things Stack."""
    return topic.startswith("v3/") and _TOPIC.match(topic) is not None


def decode(messages: Sequence[Message], registry: Registry) -> DecodedBatch:
    """What a batch of messages means; their order is kept."""
    return decode_json(messages, registry, _take)


def _take(collector: Collector, i: int, message: Message) -> None:
    topic = _TOPIC.match(message.topic)
    if topic is None:
        collector.dead(i, "envelope", "topic is none of The Things Stack's")
        return
    if topic.group(2) != "up":
        collector.notices += 1
        return
    up = _decode_up(message.payload)
    device = up.end_device_ids
    if device.device_id != topic.group(1):
        collector.dead(
            i, "envelope", f"end_device_ids.device_id {device.device_id} is not the topic's device"
        )
        return
    uplink = up.uplink_message
    if uplink is None:
        collector.dead(i, "envelope", "uplink_message is missing")
        return
    if not uplink.frm_payload:
        collector.notices += 1  # only commands of the radio layer
        return
    best = max(uplink.rx_metadata, key=_loudness, default=_NOT_HEARD)
    time = uplink.received_at or up.received_at
    if time is not None and time.tzinfo is None:
        collector.dead(i, "envelope", "received_at must have its zone")
        return
    collector.uplinks.append(
        Uplink(
            i,
            (device.dev_eui, device.device_id),
            NO_TIME if time is None else microseconds(time),
            uplink.frm_payload,
            uplink.f_port,
            uplink.f_cnt,
            best.rssi,
            best.snr,
            best.gateway_ids.eui.lower() or best.gateway_ids.gateway_id,
        )
    )


_NOT_HEARD: Final = _Reception()


def _loudness(reception: _Reception) -> float:
    return -math.inf if math.isnan(reception.rssi) else reception.rssi
