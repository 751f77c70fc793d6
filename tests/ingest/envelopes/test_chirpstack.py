"""ChirpStack's events become readings, notices or dead letters; none harms its neighbours."""

import base64
import json
from typing import Any

import numpy as np
import pytest

from devices.frame import NO_SEQ, Flag, gateway_key
from devices.registry import Registry
from ingest.envelopes import chirpstack
from ingest.message import Message

EUI = "24e1247130000001"
RECEIVED = 1_658_136_900_000_000
EVENT_AT = 1_658_136_855_775_023
TILT = bytes.fromhex("01755c03d4000001005046")


def registry() -> Registry:
    return Registry.of(
        [],
        [
            {"sensor_id": EUI, "model": "em320-tilt"},
            {"sensor_id": "24E1247130000002", "model": "EM500-UDL"},
            {"sensor_id": "named-lid", "model": "em310-tilt"},
            {"sensor_id": "24e1247130000004", "model": "native"},
        ],
    )


def up(eui: str = EUI, data: bytes | str = TILT, **fields: Any) -> Message:
    body: dict[str, Any] = {
        "time": "2022-07-18T09:34:15.775023242+00:00",
        "deviceInfo": {"devEui": eui, "deviceName": "lid"},
        "fCnt": 7,
        "fPort": 85,
        "data": data if isinstance(data, str) else base64.b64encode(data).decode(),
        "rxInfo": [
            {"gatewayId": "far", "rssi": -110, "snr": -5.5},
            {"gatewayId": "near", "rssi": -36, "snr": 10.5},
        ],
        **fields,
    }
    return event("up", eui, {key: value for key, value in body.items() if value is not None})


def event(name: str, eui: str, body: object) -> Message:
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Message(f"application/a/device/{eui}/event/{name}", payload, RECEIVED)


def reasons(batch: Any) -> list[str]:
    return [letter.reason for letter in batch.dead_letters]


def test_an_uplink_becomes_a_reading_with_its_radio_facts() -> None:
    batch = chirpstack.decode([up()], registry())
    frame = batch.frame
    assert frame.sensor.tolist() == [0]
    assert frame.time.tolist() == [EVENT_AT]
    assert frame.received.tolist() == [RECEIVED]
    assert frame.seq.tolist() == [7]
    assert frame.flag.tolist() == [Flag.GOOD]
    assert frame.gateway.tolist() == [gateway_key("near")]
    assert batch.gateways[gateway_key("near")] == "near"
    values = {name: column.tolist() for name, column in frame.columns.items()}
    assert values == {
        "tilt_deg": [0.0],
        "tilt_x_deg": [0.0],
        "tilt_y_deg": [0.0],
        "tilt_alarm": [1.0],
        "battery_pct": [92.0],
        "rssi_dbm": [-36.0],
        "snr_db": [10.5],
    }


def test_a_device_is_found_however_its_eui_is_spelt_and_else_by_its_name() -> None:
    batch = chirpstack.decode(
        [
            up(EUI.upper()),
            up("24e1247130000002", bytes.fromhex("0382f401")),
            up(
                "24e1247130009999",
                bytes.fromhex("03cf00000000282300"),
                deviceInfo={"devEui": "24e1247130009999", "deviceName": "named-lid"},
            ),
        ],
        registry(),
    )
    assert reasons(batch) == []
    assert batch.frame.sensor.tolist() == [0, 1, 2]


def test_a_stored_record_keeps_its_own_time_and_order_follows_the_messages() -> None:
    record = bytes.fromhex("20ce") + (1_658_000_000).to_bytes(4, "little") + bytes.fromhex("f401")
    batch = chirpstack.decode(
        [up("24e1247130000002", record), up(), up("24e1247130000002", record)], registry()
    )
    assert batch.frame.sensor.tolist() == [1, 0, 1]
    assert batch.frame.time.tolist() == [1_658_000_000_000_000, EVENT_AT, 1_658_000_000_000_000]
    distance = batch.frame.columns["distance_mm"]
    assert distance[[0, 2]].tolist() == [500.0, 500.0]
    assert np.isnan(distance[1])


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (event("up", EUI, b"{"), "json"),
        (event("up", EUI, b"[]"), "envelope"),
        (event("up", EUI, {"deviceInfo": {}}), "envelope"),
        (up(data="***"), "base64"),
        (up(data=TILT[:-1]), "codec"),
        (up("24e1247130000004"), "codec"),
        (up("ffffffffffffffff"), "unknown_sensor"),
        (up(data=bytes.fromhex("01ff") + b"\xff"), "codec"),
        (up(data=bytes.fromhex("0175ff")), "range"),
        (up(time="2022-07-18T09:50:00+00:00"), "clock"),
        (up(time="2022-07-18T09:30:00"), "envelope"),
        (up(deviceInfo={"devEui": "24e1247130000002"}), "envelope"),
        (event("up", EUI, b" " * (256 * 1024 + 1)), "too_large"),
    ],
)
def test_a_bad_message_is_kept_whole_with_its_reason_and_harms_no_neighbour(
    message: Message, reason: str
) -> None:
    batch = chirpstack.decode([up(), message, up()], registry())
    assert reasons(batch) == [reason]
    letter = batch.dead_letters[0]
    assert (letter.topic, letter.payload, letter.received) == (message.topic, message.payload, RECEIVED)
    assert letter.detail
    assert "\n" not in letter.detail
    assert batch.frame.sensor.tolist() == [0, 0]


def test_an_unknown_sensor_is_named_in_the_words_that_discovery_reads() -> None:
    batch = chirpstack.decode([up("ffffffffffffffff")], registry())
    assert batch.dead_letters[0].detail == "no sensor ffffffffffffffff, lid in the registry"


def test_a_status_gives_the_battery_and_everything_else_is_a_notice() -> None:
    device = {"deviceInfo": {"devEui": EUI}, "time": "2022-07-18T09:34:15.775023242+00:00"}
    batch = chirpstack.decode(
        [
            event("status", EUI, {**device, "margin": 10, "batteryLevel": 88.3}),
            event("status", EUI, {**device, "margin": 10, "batteryLevelUnavailable": True}),
            event("join", EUI, device),
            event("txack", EUI, device),
            up(data="", fPort=None),
        ],
        registry(),
    )
    assert batch.frame.columns["battery_pct"].tolist() == pytest.approx([88.3])
    assert batch.frame.seq.tolist() == [NO_SEQ]
    assert batch.notices == 4
    assert batch.dead_letters == ()


def test_an_uplink_without_a_time_takes_the_time_of_arrival_and_is_suspect() -> None:
    batch = chirpstack.decode([up(time=None)], registry())
    assert batch.frame.time.tolist() == [RECEIVED]
    assert batch.frame.flag.tolist() == [Flag.SUSPECT]


def test_its_topics_are_known_from_others() -> None:
    assert chirpstack.matches(f"application/a/device/{EUI}/event/up")
    assert not chirpstack.matches(f"application/a/device/{EUI}/command/down")
    assert not chirpstack.matches("jingqiao/v1/a/readings")


def test_an_acknowledgement_is_handed_on_as_a_possible_answer() -> None:
    ack = Message(
        "application/7/device/24e124136b000001/event/ack",
        b'{"queueItemId": "x", "acknowledged": true}',
        1_700_000_000_000_000,
    )
    join = Message("application/7/device/24e124136b000001/event/join", b"{}", 1_700_000_000_000_000)
    batch = chirpstack.decode([ack, join], Registry.of([], []))
    assert batch.answers == (ack,)
    assert batch.notices == 2
