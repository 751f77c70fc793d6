"""The vectors that the makers publish, where they lie beside the repository, in our quantities and units."""

import json
from pathlib import Path

import numpy as np
import pytest

from devices.codecs.believable import unbelievable
from devices.codecs.catalogue import CODECS

VECTORS = Path(__file__).resolve().parents[4] / "shared" / "vectors"

EXPECTED: dict[str, dict[str, float] | None] = {
    "0207d9000390888081006400000c60": {"water_mm": 4232, "temperature_c": 12.9, "battery_v": 3.168},
    "0203d400033bf67fff3bf60c60": {"strain_ue": 10.588269, "battery_v": 3.168},
    "800001021106a400160100000000010081": {
        "distance_mm": 1700,
        "temperature_c": 22,
        "tilt_deg": 0,
        "tilt_alarm": 0,
        "water_alarm": 0,
        "battery_alarm": 0,
    },
    "800001011107d000190000000000000081": {
        "distance_mm": 2000,
        "temperature_c": 25,
        "tilt_deg": 0,
        "tilt_alarm": 0,
        "water_alarm": 0,
        "battery_alarm": 0,
    },
    "800002011500000000016f0079ffb0fff500000081": {
        "distance_mm": 0,
        "battery_v": 3.67,
        "water_alarm": 0,
        "battery_alarm": 0,
    },
    "0d4a03160318031a031501": {"battery_v": 3.402, "distance_mm": 790},
    "0e1c0b05": {"battery_v": 3.612},
    "0100ea0237": {"temperature_c": 23.4},
    "0100c6022a070e0a": {"temperature_c": 19.8, "battery_v": 3.594},
    "01755c03824408040001": {"battery_pct": 92, "distance_mm": 2116, "tilt_alarm": 1},
    "01755c03d4000001005046": {
        "battery_pct": 92,
        "tilt_deg": 0,
        "tilt_x_deg": 0,
        "tilt_y_deg": 0,
        "tilt_alarm": 1,
    },
    "01755c0367010104824408050001": {
        "battery_pct": 92,
        "temperature_c": 25.7,
        "distance_mm": 2116,
        "tilt_alarm": 1,
    },
    "01755c03770200": {"battery_pct": 92, "water_mm": 20},
    "011c006402202012080000": None,
    "011c0124b340b2c06a3e00": {"battery_v": 3.6, "battery_alarm": 0, "vibration_g": 0.80476},
    "011c02333d003cb340ff97": {"temperature_c": -10.5},
    "01c8006402202012080000": None,
    "01c8012400ce00a6ffa600": {
        "battery_v": 3.6,
        "battery_alarm": 0,
        "tilt_deg": 26.9506,
        "tilt_x_deg": 20.6,
        "tilt_y_deg": 16.6,
    },
    "0134006401202008110000": None,
    "0134012401012c0107320a": {
        "battery_v": 3.6,
        "battery_alarm": 0,
        "distance_mm": 300,
        "temperature_c": 26.3,
        "tilt_deg": 10,
    },
    "8134000000000000000000": None,
}
"""Bytes → quantities; None = a notice."""


@pytest.mark.skipif(
    not VECTORS.is_dir(), reason=f"the shared vectors are not beside the checkout ({VECTORS})"
)
def test_every_shared_vector_reads_as_its_maker_says_in_our_units() -> None:
    for path in sorted(VECTORS.glob("*.json")):
        model = path.stem.partition("_")[2]
        for vector in json.loads(path.read_text("utf-8")):
            decoded = CODECS[model].decode(model, [bytes.fromhex(vector["bytes_hex"])], [vector["fPort"]])
            expected = EXPECTED[vector["bytes_hex"]]
            assert dict(decoded.errors) == {}, (model, vector["bytes_hex"])
            assert dict(unbelievable(decoded)) == {}
            if expected is None:
                assert list(decoded.notices) == [0]
                assert len(decoded.row) == 0
                continue
            values = {name: float(c[0]) for name, c in decoded.columns.items() if not np.isnan(c[0])}
            assert values == pytest.approx(expected, rel=1e-5), (model, vector["bytes_hex"])
