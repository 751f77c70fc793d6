"""The Things Stack's uplinks, with the fields that it leaves out."""

import base64
import json
from typing import Any

import pytest

from devices.frame import gateway_key
from devices.registry import Registry
from ingest.envelopes import things_stack
from ingest.message import Message

RECEIVED = 1_581_520_600_000_000
TILT = bytes.fromhex("01755c03cf00000000282300")


def registry() -> Registry:
    return Registry.of(
        [],
        [
            {"sensor_id": "0004a30b001c0530", "model": "em310-tilt"},
            {"sensor_id": "lid-2", "model": "em310-tilt"},
        ],
    )


def message(body: object, device: str = "dev1", event: str = "up") -> Message:
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Message(f"v3/app1@ttn/devices/{device}/{event}", payload, RECEIVED)


def up(**uplink: Any) -> dict[str, Any]:
    return {
        "end_device_ids": {"device_id": "dev1", "dev_eui": "0004A30B001C0530"},
        "received_at": "2020-02-12T15:15:46.014773143Z",
        "uplink_message": {
            "frm_payload": base64.b64encode(TILT).decode(),
            "rx_metadata": [
                {"gateway_ids": {"gateway_id": "gtw2"}, "rssi": -90, "snr": 1},
                {"gateway_ids": {"gateway_id": "gtw1", "eui": "9C5C8E00001A05C4"}, "rssi": -35, "snr": 5},
            ],
            "received_at": "2020-02-12T15:15:45.789585559Z",
            **uplink,
        },
    }


def test_an_uplink_becomes_a_reading_though_zero_fields_are_left_out() -> None:
    batch = things_stack.decode([message(up())], registry())
    assert batch.dead_letters == ()
    assert batch.frame.sensor.tolist() == [0]
    assert batch.frame.seq.tolist() == [0]
    assert batch.frame.time.tolist() == [1_581_520_545_789_586]
    assert batch.frame.columns["tilt_deg"].tolist() == [0.0]
    assert batch.frame.columns["rssi_dbm"].tolist() == [-35.0]
    assert batch.frame.gateway.tolist() == [gateway_key("9c5c8e00001a05c4")]


def test_a_device_that_the_registry_knows_by_its_platform_name_is_found() -> None:
    body = up(f_cnt=12, f_port=85)
    body["end_device_ids"] = {"device_id": "lid-2", "dev_eui": "FFFFFFFFFFFFFFFF"}
    batch = things_stack.decode([message(body, "lid-2")], registry())
    assert batch.frame.sensor.tolist() == [1]
    assert batch.frame.seq.tolist() == [12]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (message(b"nonsense"), "json"),
        (message({}), "envelope"),
        (message({"end_device_ids": {"device_id": "dev1"}}), "envelope"),
        (message(up(), "dev2"), "envelope"),
        (message(up(frm_payload="%")), "base64"),
        (message(up(frm_payload="gkHe")), "codec"),
        (message(up(f_cnt=10**30)), "envelope"),
        (message(up(received_at="2020-02-12T16:15:45Z")), "clock"),
    ],
)
def test_a_bad_message_is_a_dead_letter_and_its_neighbour_a_reading(bad: Message, reason: str) -> None:
    batch = things_stack.decode([bad, message(up())], registry())
    assert [letter.reason for letter in batch.dead_letters] == [reason]
    assert len(batch.frame) == 1


def test_joins_and_empty_uplinks_are_notices() -> None:
    batch = things_stack.decode([message(up(), event="join"), message(up(frm_payload=""))], registry())
    assert (batch.notices, len(batch.frame), batch.dead_letters) == (2, 0, ())
