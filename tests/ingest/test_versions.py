"""What devices say of their firmware, on every way in: kept beside the readings, never in their way."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from devices.registry import Registry
from devices.versions import Versions
from ingest.decode import Router
from ingest.envelopes.catalogue import routes
from ingest.envelopes.ctwing import decode_push
from ingest.envelopes.sparkplug import SparkplugDecoder
from ingest.envelopes.sparkplug_payload import PayloadMessage
from ingest.log import Control
from ingest.message import DecodedBatch, Message
from ingest.record_codec import decode_record, encode_record

NOW = 1_760_000_000_000_000
NOW_MS = NOW // 1000
EUI = "24e1247130000001"
REGISTRY = Registry.of(
    [], [{"sensor_id": "a"}, {"sensor_id": "b"}, {"sensor_id": EUI, "model": "em320-tilt"}]
)
A, B, TILT = 0, 1, 2
STRING = 12


def decode(*messages: Message) -> DecodedBatch:
    return Router(routes(SparkplugDecoder()))(messages, REGISTRY)


def native(payload: Any, kind: str = "readings", sensor: str = "a") -> Message:
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return Message(f"jingqiao/v1/{sensor}/{kind}", data, NOW)


def chirpstack(data: str, eui: str = EUI) -> Message:
    body = {
        "time": "2025-10-09T08:53:00+00:00",
        "deviceInfo": {"devEui": eui},
        "fCnt": 0,
        "fPort": 85,
        "data": base64.b64encode(bytes.fromhex(data)).decode(),
    }
    return Message(f"application/1/device/{eui}/event/up", json.dumps(body).encode(), NOW)


def test_a_native_status_may_say_what_the_device_runs_and_when() -> None:
    batch = decode(
        native(
            {
                "state": "online",
                "t": NOW_MS - 5000,
                "firmware": "2.1",
                "hardware": "B",
                "serial_number": "0042",
            },
            "status",
        )
    )
    assert batch.versions == {A: (Versions("2.1", "B", "0042"), NOW - 5_000_000)}
    assert batch.presence == {A: (True, NOW - 5_000_000)}
    assert batch.dead_letters == ()


def test_a_native_reading_may_carry_it_and_is_the_reading_it_would_be_without() -> None:
    plain, told = {"t": NOW_MS, "tilt_deg": 3}, {"t": NOW_MS, "tilt_deg": 3, "firmware": "2.1"}
    batch = decode(native(told), native(plain, sensor="b"), native([plain, told | {"t": NOW_MS + 1}]))
    assert batch.frame.columns["tilt_deg"].tolist() == [3, 3, 3, 3]
    assert batch.versions == {A: (Versions("2.1"), NOW)}
    assert (batch.unknown_keys, batch.dead_letters) == (0, ())


@pytest.mark.parametrize("nonsense", [7, None, "", "x" * 65, ["1"], {"a": 1}])
def test_what_is_no_version_costs_no_reading(nonsense: Any) -> None:
    batch = decode(
        native({"t": NOW_MS, "tilt_deg": 3, "firmware": nonsense}),
        native({"state": "online", "firmware": nonsense}, "status"),
    )
    assert len(batch.frame) == 1
    assert batch.versions == {}
    assert batch.dead_letters == ()


def test_a_broken_payload_or_a_stranger_says_nothing() -> None:
    batch = decode(
        native(b'{"t": 1, "firmware": "2.1"'),
        native({"state": "away", "firmware": "2.1"}, "status"),
        native({"state": "online", "firmware": "2.1"}, "status", sensor="stranger"),
        chirpstack("ff0a0110", eui="24e1247139999999"),
    )
    assert batch.versions == {}
    assert len(batch.dead_letters) == 4


def test_a_joining_device_says_it_through_its_network_server() -> None:
    join = chirpstack("ff0bffff0101ff166742d19048220011ff090310ff0a0101ff0f00")
    batch = decode(join, native({"t": NOW_MS, "tilt_deg": 1}))
    assert batch.versions[TILT][0] == Versions("v1.1", "v3.1", "6742d19048220011")
    assert batch.versions[TILT][1] <= NOW
    assert batch.notices == 1
    assert batch.dead_letters == ()


def sparkplug(kind: str, seq: int, device: str = "", **texts: str) -> Message:
    payload = PayloadMessage(timestamp=NOW_MS - 1000, seq=seq)
    payload.metrics.add(name=b"bdSeq", long_value=0)
    for name, value in texts.items():
        payload.metrics.add(name=name.encode(), datatype=STRING, string_value=value.encode())
    topic = f"spBv1.0/east/{kind}/gate" + (f"/{device}" if device else "")
    return Message(topic, payload.SerializeToString(), NOW)


def test_a_sparkplug_birth_says_it_in_its_properties() -> None:
    birth = sparkplug(
        "DBIRTH", 1, "a", **{"Properties/Firmware Version": "3.0.1", "Properties/HW": "C", "vendor": "x"}
    )
    batch = decode(sparkplug("NBIRTH", 0), birth)
    assert batch.versions == {A: (Versions("3.0.1", "C"), NOW - 1_000_000)}
    assert batch.unknown_keys == 1
    assert batch.dead_letters == ()


def test_onenet_and_ctwing_say_it_by_name() -> None:
    thing = {"params": {"firmware": {"value": "1.0", "time": NOW_MS - 60_000}, "tilt_deg": {"value": 2}}}
    push = {
        "deviceId": "b",
        "timestamp": NOW_MS - 5000,
        "upPacketSN": 1,
        "payload": {"serviceData": {"firmware": "9", "serial_number": "77"}},
    }
    batch = decode(
        Message("$sys/p/a/thing/property/post", json.dumps(thing).encode(), NOW),
        *decode_push(json.dumps(push).encode(), NOW),
    )
    assert batch.versions == {
        A: (Versions("1.0"), NOW - 60_000_000),
        B: (Versions("9", "", "77"), NOW - 5_000_000),
    }
    assert len(batch.frame) == 1


def test_it_goes_into_the_log_behind_the_readings_and_comes_out_as_it_went() -> None:
    batch = decode(native({"t": NOW_MS, "tilt_deg": 3, "firmware": "2.1"}))
    frame, control = batch.records
    assert len(frame) == 1  # type: ignore[arg-type]
    kind, at, body = encode_record(control)
    assert decode_record(kind, body) == Control("versions", {"sensors": [[A, "2.1", "", "", NOW]]}, NOW)
    assert at == NOW
    assert decode(native({"t": NOW_MS, "tilt_deg": 3})).records[1:] == []
