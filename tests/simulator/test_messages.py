"""What the fleet sends is understood by the decoders, which were written by others, and means the same."""

from pathlib import Path

import numpy as np
import pytest

from devices.codecs.milesight import Milesight
from devices.import_csv import read_registry
from devices.registry import Registry
from ingest import native as native_decoder
from ingest.envelopes import chirpstack as chirpstack_decoder
from ingest.message import Message
from simulator import example_city, milesight, native
from simulator.fleet import Fleet, Outgoing
from simulator.scenario import Scenario

FOLDER = Path(example_city.__file__).parent.parent / "config" / "examples" / "ezhou"


@pytest.fixture(scope="module")
def city() -> Registry:
    return read_registry(FOLDER / "assets.csv", FOLDER / "sensors.csv")


def play(city: Registry, **more: object) -> list[Outgoing]:
    scene = Scenario.model_validate(
        {"name": "test", "start": "2026-03-02T00:00:00+08:00", "days": 2, "radio": {"late": 0}, **more}
    )
    return Fleet(city, scene, 3).advance(scene.end_us + 3_600_000_000)


def received(messages: list[Outgoing]) -> list[Message]:
    return [Message(m.topic, m.payload, m.at) for m in messages]


def test_every_native_message_decodes_with_nothing_unknown(city: Registry) -> None:
    messages = [m for m in play(city) if m.topic.startswith("jingqiao/")]
    batch = native_decoder.decode(received(messages), city)
    assert batch.dead_letters == ()
    assert batch.unknown_keys == 0
    readings = [m for m in messages if m.topic.endswith("/readings")]
    assert len(batch.frame) == len(readings)
    assert len(batch.presence) == 16
    sent_at = np.array([m.at for m in readings])
    assert np.all(sent_at - batch.frame.time > -60_000_000)


def test_every_uplink_decodes_to_an_angle_that_a_seated_lid_can_have(city: Registry) -> None:
    messages = [m for m in play(city) if m.topic.startswith("application/")]
    batch = chirpstack_decoder.decode(received(messages), city)
    assert batch.dead_letters == ()
    assert len(batch.frame) == len(messages) > 100
    tilt = batch.frame.columns["tilt_deg"]
    assert float(np.median(tilt)) < 5
    assert len(batch.gateways) > 1


def test_strain_blocks_decode(city: Registry) -> None:
    messages = play(city, days=0.2, bridge={"mode": "blocks", "every_s": 300, "block_s": 4})
    blocks = [m for m in messages if m.topic.endswith("/strain")]
    batch = native_decoder.decode(received(blocks), city)
    assert batch.dead_letters == ()
    assert len(batch.blocks) == len(blocks) == 12 * 58
    assert all(len(block.strain_ue) == 80 for block in batch.blocks)


def test_back_filled_arrays_decode_to_one_reading_each(city: Registry) -> None:
    outage = {"at": "0d 06:00", "kind": "gateway_outage", "gateway": 1, "hours": 18, "backfill": True}
    kept = [m for m in play(city, event=[outage]) if m.payload.startswith(b"[")]
    batch = native_decoder.decode(received(kept), city)
    assert batch.dead_letters == ()
    assert len(batch.frame) > len(kept) > 0


@pytest.mark.parametrize("model", ["em320-tilt", "em310-tilt"])
@pytest.mark.parametrize(
    "angles", [(0.0, 0.0, 0.0), (12.34, 8.0, -9.5), (90.0, -90.0, 1.0), (135.0, 40.0, 20.0)]
)
def test_milesight_bytes_mean_what_was_measured(model: str, angles: tuple[float, float, float]) -> None:
    tilt, x, y = angles
    encode = milesight.em320_tilt if model == "em320-tilt" else milesight.em310_tilt
    payload = encode(87.0, milesight.axes(tilt, x, y), (False, False, tilt > 10))
    decoded = Milesight().decode(model, [payload], [85])
    assert decoded.errors == {}
    got = {name: round(float(column[0]), 2) for name, column in decoded.columns.items()}
    want = {"tilt_deg": tilt, "tilt_x_deg": x, "tilt_y_deg": y, "battery_pct": 87.0, "tilt_alarm": tilt > 10}
    assert got == want


def test_the_makers_own_example_is_encoded_byte_for_byte() -> None:
    """The maker's frame: battery 92 %, x 0, y 0 with its threshold passed, z 90."""
    payload = milesight.em320_tilt(92.0, (0.0, 0.0, 90.0), (False, True, False))
    assert payload == bytes.fromhex("01755c03d4000001005046")


def test_open_is_a_yes_or_no_and_times_are_milliseconds() -> None:
    body = native.reading(1_700_000_000_123_456, 7, {"open": 1.0, "tilt_deg": 2.5})
    assert body == {"t": 1_700_000_000_123, "seq": 7, "open": True, "tilt_deg": 2.5}
