"""OneNET's thing model and data points: names are our quantities, others are counted."""

import json

import numpy as np
import pytest

from devices.frame import Flag
from devices.registry import Registry
from ingest.envelopes import onenet
from ingest.message import Message

RECEIVED = 1_700_000_100_000_000


def registry() -> Registry:
    return Registry.of([], [{"sensor_id": "lid-1"}, {"sensor_id": "lid-2"}])


def message(body: object, service: str, device: str = "lid-1") -> Message:
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Message(f"$sys/p1/{device}/{service}", payload, RECEIVED)


def thing(params: object, device: str = "lid-1") -> Message:
    return message({"id": "123", "version": "1.0", "params": params}, "thing/property/post", device)


def points(dp: object) -> Message:
    return message({"id": 123, "dp": dp}, "dp/post/json")


def test_properties_of_one_time_are_one_reading_and_unknown_names_are_counted() -> None:
    at = 1_700_000_000_000
    batch = onenet.decode(
        [
            thing(
                {
                    "tilt_deg": {"value": 1.5, "time": at},
                    "open": {"value": True, "time": at},
                    "power": {"value": 1},
                }
            )
        ],
        registry(),
    )
    assert batch.dead_letters == ()
    assert batch.unknown_keys == 1
    assert batch.frame.time.tolist() == [at * 1000]
    assert {name: column.tolist() for name, column in batch.frame.columns.items()} == {
        "tilt_deg": [1.5],
        "open": [1.0],
    }


def test_a_value_without_a_time_takes_the_time_of_arrival_and_is_suspect() -> None:
    batch = onenet.decode([thing({"water_mm": {"value": 12}}, "lid-2")], registry())
    assert batch.frame.sensor.tolist() == [1]
    assert batch.frame.time.tolist() == [RECEIVED]
    assert batch.frame.flag.tolist() == [Flag.SUSPECT]


def test_several_points_of_a_stream_are_readings_in_the_order_of_their_times() -> None:
    batch = onenet.decode(
        [
            points(
                {
                    "water_mm": [{"v": 30, "t": 1_700_000_060}, {"v": 10, "t": 1_700_000_000}],
                    "temperature_c": [{"v": 4.5, "t": 1_700_000_000}],
                }
            )
        ],
        registry(),
    )
    assert batch.frame.time.tolist() == [1_700_000_000_000_000, 1_700_000_060_000_000]
    assert batch.frame.columns["water_mm"].tolist() == [10.0, 30.0]
    assert batch.frame.columns["temperature_c"][0] == 4.5
    assert np.isnan(batch.frame.columns["temperature_c"][1])


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (message(b"\xff", "thing/property/post"), "json"),
        (thing([1]), "envelope"),
        (thing({"tilt_deg": {"value": "3"}}), "envelope"),
        (thing({"tilt_deg": {"value": True}}), "envelope"),
        (thing({"open": {"value": 2}}), "envelope"),
        (thing({"tilt_deg": {"value": 181}}), "range"),
        (thing({"tilt_deg": {"value": 1e300}}), "range"),
        (thing({"tilt_deg": {"value": 1, "time": 1_700_000_401_000}}), "clock"),
        (thing({"tilt_deg": {"value": 1, "time": 10**30}}), "envelope"),
        (thing({"tilt_deg": {"value": 1}}, "nobody"), "unknown_sensor"),
        (points({"water_mm": {"v": 1}}), "envelope"),
    ],
)
def test_a_bad_message_is_a_dead_letter_and_its_neighbour_a_reading(bad: Message, reason: str) -> None:
    batch = onenet.decode([bad, thing({"tilt_deg": {"value": 1}})], registry())
    assert [letter.reason for letter in batch.dead_letters] == [reason]
    assert len(batch.frame) == 1


def test_replies_and_messages_with_nothing_of_ours_are_notices() -> None:
    batch = onenet.decode(
        [message({"code": 200}, "thing/property/post/reply"), thing({"power": {"value": 1}})], registry()
    )
    assert (batch.notices, batch.unknown_keys, len(batch.frame)) == (2, 1, 0)
