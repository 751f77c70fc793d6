"""CTWing (China Telecom): HTTP pushes, brought to the same path as MQTT by a synthetic topic.

`decode_push` cuts a push's body into messages of topic `ctwing/{deviceId}`; `decode` reads those. Opaque
(透传) data is base64 in `payload.APPdata` for the vendor's codec; with a profile, `payload.serviceData` has
values by name. The device is found by its IMEI or its deviceId. CTWing pushes again until it gets its 200:
a retry has the same packet number and timestamp, so it is dropped inside one push, and behind that it
repeats the sensor, time and number of a reading that is already known.
Source: ctwing.cn, data push documents; samples of live systems.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import msgspec

from devices.codecs.contract import NO_TIME
from devices.frame import NO_SEQ
from devices.registry import UNKNOWN, Registry
from ingest.envelopes.collect import Collector, Count, Stated, Uplink
from ingest.envelopes.json_messages import decode_json
from ingest.envelopes.named_values import quantities, versions
from ingest.message import DecodedBatch, Message

PREFIX: Final = "ctwing/"


class _Opaque(msgspec.Struct):
    app_data: bytes = msgspec.field(name="APPdata")


class _Service(msgspec.Struct, rename="camel"):
    service_data: dict[str, Any]


class _Push(msgspec.Struct, rename="camel"):
    device_id: str
    message_type: str = "dataReport"
    timestamp: Count | None = None
    up_packet_sn: Annotated[int, msgspec.Meta(ge=-1, le=2**42)] = msgspec.field(default=-1, name="upPacketSN")
    imei: str = msgspec.field(default="", name="IMEI")
    payload: msgspec.Raw = msgspec.Raw(b"null")
    event_type: int | None = None


class _Head(msgspec.Struct, rename="camel"):
    device_id: str
    timestamp: Count | None = None
    up_packet_sn: Annotated[int, msgspec.Meta(ge=-1, le=2**42)] = msgspec.field(default=-1, name="upPacketSN")


_decode_push: Final = msgspec.json.Decoder(_Push).decode
_decode_head: Final = msgspec.json.Decoder(_Head).decode
_decode_list: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_opaque: Final = msgspec.json.Decoder(_Opaque).decode
_decode_service: Final = msgspec.json.Decoder(_Service).decode
_decode_keys: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def decode_push(body: bytes, received: int) -> list[Message]:
    """The messages of one push: a JSON object, or an array of them.

    received : int  When it came [µs since 1970 UTC].
    What cannot be read goes under `ctwing/` whole, so that it ends in the dead letters and the platform can
    have its 200: to push it again would not mend it.
    """
    try:
        parts = [bytes(part) for part in _decode_list(body)] if body.lstrip()[:1] == b"[" else [body]
    except (msgspec.DecodeError, UnicodeDecodeError):
        return [Message(PREFIX, body, received)]
    messages: list[Message] = []
    seen: set[tuple[str, int | None, int, bytes]] = set()
    for part in parts:
        try:
            head = _decode_head(part)
        except (msgspec.DecodeError, UnicodeDecodeError):
            messages.append(Message(PREFIX, part, received))
            continue
        key = (head.device_id, head.timestamp, head.up_packet_sn, part)
        if key not in seen:
            seen.add(key)
            messages.append(Message(PREFIX + head.device_id, part, received))
    return messages


def retry_key(message: Message) -> tuple[str, int, int] | None:
    """Device, time and number of a pushed message: what a retry repeats. None where it states no time, so
    that a retry cannot be told from a device that says the same again."""
    try:
        head = _decode_head(message.payload)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return None if head.timestamp is None else (head.device_id, head.timestamp, head.up_packet_sn)


def matches(topic: str) -> bool:
    """Whether a message came by CTWing's push."""
    return topic.startswith(PREFIX)


def decode(messages: Sequence[Message], registry: Registry) -> DecodedBatch:
    """What a batch of messages means; their order is kept."""
    return decode_json(messages, registry, _take)


def _take(collector: Collector, i: int, message: Message) -> None:
    push = _decode_push(message.payload)
    ids = (push.device_id, push.imei)
    time = NO_TIME if push.timestamp is None else push.timestamp * 1000
    seq = push.up_packet_sn if push.up_packet_sn >= 0 else NO_SEQ
    if push.message_type == "deviceOnlineOfflineReport":
        _presence(collector, i, push, ids, time)
    elif push.message_type != "dataReport":
        collector.notices += 1
    elif "APPdata" in (keys := _decode_keys(push.payload)):
        collector.uplinks.append(Uplink(i, ids, time, _decode_opaque(push.payload).app_data, seq=seq))
    elif "serviceData" in keys:
        _service(collector, i, ids, time, seq, _decode_service(push.payload).service_data)
    else:
        collector.dead(i, "envelope", "payload has neither APPdata nor serviceData")


def _presence(collector: Collector, i: int, push: _Push, ids: tuple[str, ...], time: int) -> None:
    if push.event_type not in (0, 1):
        collector.dead(i, "envelope", f"eventType must be 0 (offline) or 1 (online), found {push.event_type}")
        return
    sensor = int(collector.sensors([ids])[0])
    if sensor == UNKNOWN:
        collector.dead(i, "unknown_sensor", f"no sensor {', '.join(filter(None, ids))} in the registry")
        return
    received = collector.messages[i].received
    collector.presence[sensor] = (push.event_type == 1, received if time == NO_TIME else min(time, received))
    collector.notices += 1


def _service(
    collector: Collector, i: int, ids: tuple[str, ...], time: int, seq: int, data: Mapping[str, object]
) -> None:
    values, unknown = quantities(data.items())
    collector.unknown_keys += unknown
    if (said := versions(data.items())) is not None:
        collector.introduces(i, int(collector.sensors([ids])[0]), said, time)
    if values:
        collector.stated.append(Stated(i, ids, time, values, seq))
    else:
        collector.notices += 1
