"""Frames written from the makers' documents and what they say, for the codecs' tests and the fuzz."""

from typing import NamedTuple


class Vector(NamedTuple):
    """One frame.

    says : name → value  Quantities; None for a notice.
    """

    model: str
    port: int | None
    frame: str
    says: dict[str, float] | None


def nbiot(items: str) -> str:
    head = b"01010110" + b"6749D19056920012" + b"8" * 15 + b"4" * 15 + b"8" * 20 + b"\x1f"
    data = bytes.fromhex(items)
    length = 4 + len(head) + 2 + len(data)
    packet = b"\x02\x00\x01" + length.to_bytes(2, "big") + b"\x00\x00\x07\x01" + head
    return (packet + len(data).to_bytes(2, "big") + data).hex()


MILESIGHT = [
    # Angles are 0.01° counts; EM310 has them whole with a status byte, EM320 shifted left over a flag bit.
    Vector(
        "em310-tilt",
        85,
        "03cf00000000282300",
        {"tilt_deg": 0, "tilt_x_deg": 0, "tilt_y_deg": 0, "tilt_alarm": 0},
    ),
    Vector(
        "em310-tilt",
        85,
        "01756403cfe80318fc701704",
        {"battery_pct": 100, "tilt_deg": 30, "tilt_x_deg": 10, "tilt_y_deg": -10, "tilt_alarm": 1},
    ),
    Vector(
        "em310-tilt",
        85,
        "03cf0000000018fc00",
        {"tilt_deg": 100, "tilt_x_deg": 0, "tilt_y_deg": 0, "tilt_alarm": 0},
    ),
    Vector("em310-tilt", 85, "ff16613112345678000a", None),
    Vector("em310-tilt", 85, "fe030a00", None),
    Vector(
        "em320-tilt",
        85,
        "03d4d0072ff8e02e",
        {"tilt_deg": 30, "tilt_x_deg": 10, "tilt_y_deg": -10.01, "tilt_alarm": 1},
    ),
    Vector(
        "em320-tilt",
        None,
        "01755003d4d00730f8e02e",
        {"battery_pct": 80, "tilt_deg": 30, "tilt_x_deg": 10, "tilt_y_deg": -10, "tilt_alarm": 0},
    ),
    Vector(
        "em320-tilt",
        85,
        "ff0bff01755003d4d00730f8e02e",
        {"battery_pct": 80, "tilt_deg": 30, "tilt_x_deg": 10, "tilt_y_deg": -10, "tilt_alarm": 0},
    ),
    Vector("em320-tilt", 85, "ff0bffff0101ff166742d19048220011ff090310ff0a0101ff0f00", None),
    # From the user guides.
    Vector(
        "em320-tilt",
        85,
        "01756403d498fd44ff6b22",
        {"battery_pct": 100, "tilt_deg": 45.95, "tilt_x_deg": -3.08, "tilt_y_deg": -0.94, "tilt_alarm": 1},
    ),
    Vector("em320-tilt", 85, "ff0bffff0101ff166785c38144050018ff090110ff0a0101ff0f00", None),
    Vector(
        "em400-mud",
        85,
        "0175640367f80004820101050000",
        {"battery_pct": 100, "temperature_c": 24.8, "distance_mm": 257, "tilt_alarm": 0},
    ),
    Vector("em400-mud", 85, "8482330701", {"distance_mm": 1843, "water_alarm": 1}),
    Vector("em400-mud", 85, "8367220101", {"temperature_c": 29.0}),
    Vector("em310-udl", 85, "03820807040000", {"distance_mm": 1800, "tilt_alarm": 0}),
    Vector("em310-udl", 85, "0382ffff", None),
    Vector(
        "em400-mud",
        85,
        "8367e800018482010801",
        {"temperature_c": 23.2, "distance_mm": 2049, "water_alarm": 1},
    ),
    Vector("em400-mud", 85, "0367ceff", {"temperature_c": -5.0}),
    Vector("em400-udl", 85, "8482010800", {"distance_mm": 2049, "water_alarm": 0}),
    # The example of the maker's own user guide; fffd is a distance out of range.
    Vector(
        "em400-mud",
        None,
        "020001005f0000000130313031303130303637343844313132393031323030303338363835303830363139323435313334"
        "3630303833383833383036363836383938363034623831303232633034353636383610000e"
        "01750103677d000482fdff050000",
        {"battery_pct": 1, "temperature_c": 12.5, "tilt_alarm": 0},
    ),
    Vector(
        "em400-udl",
        None,
        nbiot("01755c0367010104824408050001"),
        {"battery_pct": 92, "temperature_c": 25.7, "distance_mm": 2116, "tilt_alarm": 1},
    ),
    Vector("em400-tld", 85, "01755c04823200050000", {"battery_pct": 92, "distance_mm": 50, "tilt_alarm": 0}),
    Vector("em400-tld", 85, "880001", None),
    Vector("em500-swl", 85, "0377f401", {"water_mm": 5000}),
    Vector("em500-swl", 85, "01755c0377ffff", {"battery_pct": 92}),
    Vector("em500-swl", 85, "01755c0377fdff", {"battery_pct": 92}),
    Vector("em500-swl", 85, "20ce009d55630a00", {"water_mm": 100}),
    Vector("em500-udl", 85, "01756403821e00", {"battery_pct": 100, "distance_mm": 30}),
    Vector("em500-udl", 85, "83e9c4090a0002", {"distance_mm": 250, "water_alarm": 0}),
    Vector("em500-udl", 85, "20ce009d5563f401", {"distance_mm": 500}),
]

DINGTEK = [
    # Heartbeat, alarms (level, fall, battery), angle either way, and below freezing.
    Vector(
        "dc410",
        3,
        "800001021100fa00f6002d101100020081",
        {
            "distance_mm": 250,
            "temperature_c": -10,
            "tilt_deg": 45,
            "water_alarm": 1,
            "tilt_alarm": 1,
            "battery_alarm": 1,
        },
    ),
    Vector(
        "dc413",
        3,
        "800001021106a40016011e001000010081",
        {
            "distance_mm": 1700,
            "temperature_c": 22,
            "tilt_deg": 30,
            "water_alarm": 0,
            "tilt_alarm": 1,
            "battery_alarm": 0,
        },
    ),
    Vector("dc413", 3, "80000103190302063c1e4b1401010100000000000000000081", None),
    Vector(
        "df702",
        3,
        "800001011907d001cd03e942ef272042190000000000000081",
        {
            "distance_mm": 2000,
            "temperature_c": 25,
            "tilt_deg": 0,
            "water_alarm": 0,
            "tilt_alarm": 0,
            "battery_alarm": 0,
        },
    ),
    Vector(
        "df555",
        3,
        "800001011107d000190000000000010081",
        {"distance_mm": 2000, "temperature_c": 25, "water_alarm": 0, "battery_alarm": 0},
    ),
    Vector(
        "df555",
        3,
        "800001011907d001cd03e942ef272042190000000000010081",
        {"distance_mm": 2000, "temperature_c": 25, "water_alarm": 0, "battery_alarm": 0},
    ),
    Vector("df555", 3, "8000010311010418011e4b1e0002000081", None),
    Vector(
        "df530",
        3,
        "8000010211000f00190000100000000081",
        {"water_mm": 15, "temperature_c": 25, "battery_alarm": 0},
    ),
    Vector(
        "df530",
        3,
        "8000010219001e01cd03e942ef272042190000100000000081",
        {"water_mm": 30, "temperature_c": 25, "battery_alarm": 0},
    ),
    Vector(
        "do200",
        3,
        "800002021503e80111016d0079ffb0fff500070081",
        {"distance_mm": 1000, "battery_v": 3.65, "water_alarm": 1, "battery_alarm": 1},
    ),
    Vector("do200", 3, "8000020311000b18020a05a0003c000081", None),
]

NETVOX = [
    Vector(
        "r718e", 6, "011c01246a3e883e1f4100", {"battery_v": 3.6, "battery_alarm": 0, "vibration_g": 1.01458}
    ),
    Vector("r718e", 6, "011c0212422b42c7440107", {"temperature_c": 26.3}),
    Vector("r718e", 7, "811c000000000000000000", None),
    Vector(
        "r718ea",
        6,
        "019a012400cea6ff970000",
        {
            "battery_v": 3.6,
            "battery_alarm": 0,
            "tilt_x_deg": 0,
            "tilt_y_deg": -50,
            "tilt_deg": 50,
            "temperature_c": -10.5,
        },
    ),
    Vector("r718ea", 7, "829a0384070801050a0000", None),
    Vector(
        "r718eb",
        6,
        "01c801a000640000032000",
        {"battery_v": 3.2, "battery_alarm": 1, "tilt_x_deg": 10, "tilt_y_deg": 0, "tilt_deg": 10},
    ),
    Vector(
        "r718x",
        6,
        "013401a400ffffff9c000f",
        {"battery_v": 3.6, "battery_alarm": 1, "temperature_c": -10.0, "tilt_deg": 15},
    ),
    Vector("r718x", 7, "8334000000000000000000", None),
]

DECENTLAB = [
    Vector("dl-kl66", 1, "0203d400020c60", {"battery_v": 3.168}),
    Vector("dl-kl66", 1, "0203d4000300007fff00000c60", {"battery_v": 3.168}),
    Vector("dl-kl66", 1, "0203d40000", None),
    Vector("dl-dlr2-012", 1, "0211660003000000800bd4", {"strain_ue": 0, "battery_v": 3.028}),
    Vector("dl-dlr2-012", 1, "0211660001086f0080", {"strain_ue": 7.964}),
    Vector("dl-ctd10", 1, "0207d900020c60", {"battery_v": 3.168}),
    Vector("dl-ctd10", 1, "0207d900017fff7f9b00640000", {"water_mm": -1, "temperature_c": -10.1}),
    Vector(
        "dl-lid",
        1,
        "0211c90003119b117611bc119e118a119411a811a81194006401990abd",
        {"distance_mm": 4510, "battery_v": 2.749},
    ),
    Vector("dl-lid", 1, "0211c900020abd", {"battery_v": 2.749}),
    Vector("dl-lid", 1, "0211c90003" + "0000" * 10 + "01990abd", {"battery_v": 2.749}),
]

DRAGINO = [
    Vector("ldds04", 2, "8d4a0000ffff031a031501", {"battery_v": 3.402}),
    Vector("ldds04", 2, "0d4a03e8ffff031a031501", {"battery_v": 3.402, "distance_mm": 1000}),
    Vector("ldds04", 2, "0300000000000000000002", None),
    Vector("ldds20", 2, "0e1c0b0500010501", {"battery_v": 3.612, "distance_mm": 2821, "temperature_c": 26.1}),
    Vector("ldds45", 2, "0d3b0aef00000001", {"battery_v": 3.387, "distance_mm": 2799, "temperature_c": 0}),
    Vector("ldds45", 2, "0d3b00140000ff01", {"battery_v": 3.387, "temperature_c": 25.5}),
    Vector("ldds45", 2, "0d3b0aef00000000", {"battery_v": 3.387, "temperature_c": 0}),
    Vector("ldds75", 2, "0b45080500", {"battery_v": 2.885, "distance_mm": 2053}),
    Vector(
        "ldds75", 2, "0b450b0501ff3f01", {"battery_v": 2.885, "distance_mm": 2821, "temperature_c": -19.3}
    ),
    Vector("ldds75", 2, "0b450b05007fff01", {"battery_v": 2.885, "distance_mm": 2821}),
    Vector(
        "llds12", 2, "0d5c00000b1801b1001e01", {"battery_v": 3.42, "distance_mm": 2840, "temperature_c": 0}
    ),
    Vector("llds12", 2, "0d5cf0010b180063001e01", {"battery_v": 3.42}),
    Vector("llds12", 2, "0300000000000000000002", None),
]

ELSYS = [
    Vector("elsys", 5, "0100e202290400270506060308070d62", {"temperature_c": 22.6, "battery_v": 3.426}),
    Vector("elsys", 5, "0cff9c0e04d21201", {"temperature_c": -10.0, "distance_mm": 1234, "water_alarm": 1}),
    Vector("elsys", 5, "0c00640100c8", {"temperature_c": 20.0}),
    Vector("elsys", 5, "030102401200", {"water_alarm": 0}),
    Vector("elsys", 5, "0237", None),
]

VECTORS = [*MILESIGHT, *DINGTEK, *NETVOX, *DECENTLAB, *DRAGINO, *ELSYS]
