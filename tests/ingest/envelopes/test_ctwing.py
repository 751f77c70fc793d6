"""CTWing's pushes: cut into messages, read by the same path, retries known."""

import base64
import json
from typing import Any

import pytest

from devices.frame import NO_SEQ
from devices.registry import Registry
from ingest.envelopes import ctwing
from ingest.message import Message

RECEIVED = 1_650_554_830_000_000
DEVICE = "40edca19b0124480864366de4621de99"
IMEI = "860000000000000"
HEADER = (
    b"\x02\x00\x01\x00\x00\x00\x00\x07\x01"
    + b"01010110"
    + b"6749D19056920012"
    + IMEI.encode()
    + b"460043000000000"
    + b"89860430000000000000"
    + b"\x1f"
)
ITEMS = bytes.fromhex("01755c0367010104824408050001")


def nbiot() -> bytes:
    packet = HEADER + len(ITEMS).to_bytes(2, "big") + ITEMS
    return packet[:3] + (len(packet) - 5).to_bytes(2, "big") + packet[5:]


def registry(by: str = IMEI) -> Registry:
    return Registry.of([], [{"sensor_id": by, "model": "em400-mud"}])


def push(payload: object, **fields: Any) -> dict[str, Any]:
    return {
        "upPacketSN": -1,
        "upDataSN": -1,
        "topic": "v1/up/ad",
        "timestamp": 1_650_554_828_842,
        "tenantId": "2000033629",
        "protocol": "lwm2m",
        "payload": payload,
        "messageType": "dataReport",
        "deviceId": DEVICE,
        "IMEI": IMEI,
        **fields,
    }


def opaque(data: bytes = b"") -> dict[str, Any]:
    return {"APPdata": base64.b64encode(data or nbiot()).decode()}


def messages(*bodies: object) -> list[Message]:
    return [m for body in bodies for m in ctwing.decode_push(json.dumps(body).encode(), RECEIVED)]


@pytest.mark.parametrize("by", [IMEI, DEVICE])
def test_opaque_data_goes_to_the_vendors_codec(by: str) -> None:
    batch = ctwing.decode(messages(push(opaque())), registry(by))
    assert batch.dead_letters == ()
    assert batch.frame.sensor.tolist() == [0]
    assert batch.frame.time.tolist() == [1_650_554_828_842_000]
    assert batch.frame.seq.tolist() == [NO_SEQ]
    assert {name: column.tolist() for name, column in batch.frame.columns.items()} == {
        "battery_pct": [92.0],
        "temperature_c": pytest.approx([25.7]),
        "distance_mm": [2116.0],
        "tilt_alarm": [1.0],
    }


def test_data_of_a_profile_is_read_by_name() -> None:
    data = {"serviceId": "n", "serviceData": {"battery_pct": 80, "SNR": 1, "CSQ": 5}}
    batch = ctwing.decode(messages(push(data, upPacketSN=9)), registry())
    assert batch.frame.columns["battery_pct"].tolist() == [80.0]
    assert batch.frame.seq.tolist() == [9]
    assert batch.unknown_keys == 2


def test_a_push_holds_one_message_or_several_and_repeats_count_once() -> None:
    one = push(opaque(), upPacketSN=3)
    made = messages([one, one, push(opaque(), upPacketSN=4)])
    assert [message.topic for message in made] == [f"ctwing/{DEVICE}"] * 2
    assert ctwing.matches(made[0].topic)


def test_coming_and_going_online_is_presence() -> None:
    gone = push(None, messageType="deviceOnlineOfflineReport", eventType=0)
    batch = ctwing.decode(messages(gone), registry())
    assert batch.presence == {0: (False, 1_650_554_828_842_000)}
    assert batch.dead_letters == ()


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"not json", "json"),
        (b"[1,", "envelope"),
        (b'{"a":1}', "envelope"),
        (b"[3]", "envelope"),
        (json.dumps(push({})).encode(), "envelope"),
        (json.dumps(push(None)).encode(), "envelope"),
        (json.dumps(push({"APPdata": "!"})).encode(), "base64"),
        (json.dumps(push(opaque(nbiot()[:-1]))).encode(), "codec"),
        (json.dumps(push(opaque(), timestamp=1_650_559_999_999)).encode(), "clock"),
        (json.dumps(push(opaque(), IMEI="1", deviceId="2")).encode(), "unknown_sensor"),
        (json.dumps(push({"serviceData": {"battery_pct": "full"}})).encode(), "envelope"),
        (json.dumps(push(None, messageType="deviceOnlineOfflineReport", eventType=7)).encode(), "envelope"),
    ],
)
def test_what_cannot_be_read_is_kept_whole_with_its_reason(body: bytes, reason: str) -> None:
    batch = ctwing.decode(ctwing.decode_push(body, RECEIVED), registry())
    assert [letter.reason for letter in batch.dead_letters] == [reason]
    assert len(batch.frame) == 0
