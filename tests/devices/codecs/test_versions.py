"""What devices say of themselves, from the makers' frames."""

from __future__ import annotations

import pytest

from devices.codecs.catalogue import CODECS
from devices.versions import Versions, version_text
from tests.support.codec_vectors import nbiot

FRAMES = [
    # Milesight on joining: hardware 03 10, firmware 01 01, serial number of eight bytes.
    (
        "em320-tilt",
        85,
        "ff0bffff0101ff166742d19048220011ff090310ff0a0101ff0f00",
        Versions("v1.1", "v3.1", "6742d19048220011"),
    ),
    # The maker's own examples of two digits behind the point: 0110 is hardware v1.1, but firmware v1.10.
    ("em310-tilt", 85, "ff090110ff0a0110", Versions("v1.10", "v1.1")),
    ("em500-swl", 85, "ff0a0211", Versions("v2.11")),
    # Netvox: report 0 has software 0x64 / 10 and hardware 2.
    ("r718e", 6, "011c006402202012080000", Versions("10.0", "2")),
    # DingTek: a parameter frame begins with the two parts of its firmware.
    ("dc410", 3, "800001031101" + "02" + "00" * 9 + "81", Versions("1.2")),
    # Dragino: device status, firmware 0x0140, battery 3.33 V.
    ("ldds75", 5, "2701400101" + "0d02", Versions("v1.4.0")),
]


@pytest.mark.parametrize(("model", "port", "frame", "says"), FRAMES)
def test_a_device_says_what_it_runs(model: str, port: int, frame: str, says: Versions) -> None:
    decoded = CODECS[model].decode(model, [bytes.fromhex(frame)], [port])
    assert dict(decoded.errors) == {}
    assert dict(decoded.versions) == {0: says}


def test_versions_beside_readings_take_nothing_from_them() -> None:
    usual, joined = bytes.fromhex("03d4d00730f8e02e"), bytes.fromhex("ff0a010503d4d00730f8e02e")
    decoded = CODECS["em320-tilt"].decode("em320-tilt", [usual, joined, usual], [85] * 3)
    assert decoded.row.tolist() == [0, 1, 2]
    assert len(set(decoded.columns["tilt_deg"].tolist())) == 1
    assert dict(decoded.versions) == {1: Versions("v1.5")}
    assert dict(decoded.notices) == {}


def test_a_dragino_status_brings_its_battery_too() -> None:
    decoded = CODECS["ldds75"].decode("ldds75", [bytes.fromhex("27014001010d02")], [5])
    assert decoded.columns["battery_v"].tolist() == [pytest.approx(3.33)]


def test_every_packet_of_an_nbiot_device_has_its_versions_in_the_head() -> None:
    packet = bytes.fromhex(nbiot("017564"))
    decoded = CODECS["em400-mud"].decode("em400-mud", [packet], [None])
    assert dict(decoded.versions) == {0: Versions("v1.1", "v1.1", "6749D19056920012")}
    assert decoded.columns["battery_pct"].tolist() == [100]


def test_usual_frames_say_nothing_of_the_device() -> None:
    decoded = CODECS["em310-tilt"].decode("em310-tilt", [bytes.fromhex("03cf00000000282300")], [85])
    assert dict(decoded.versions) == {}


def test_what_is_no_version_is_none() -> None:
    assert version_text(" v1.2\0") == "v1.2"
    for nonsense in (3, None, "", "  ", "x" * 65, "a\nb", ["1"]):
        assert version_text(nonsense) == ""
