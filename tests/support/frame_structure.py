"""The slow, obvious twin of every codec's strictness: is a frame well-formed, told from the tables alone.

Written apart from the codecs, so that a codec which accepts a broken frame is caught. It knows lengths,
heads and ends, and nothing of values.
"""

from collections.abc import Mapping

MILESIGHT_ITEMS: Mapping[str, Mapping[str, int]] = {
    "em310-tilt": {"0175": 1, "03cf": 7},
    "em320-tilt": {"0175": 1, "03d4": 6},
    "em310-udl": {"0175": 1, "0382": 2, "0400": 1},
    "em400-mud": {"0175": 1, "0367": 2, "0482": 2, "0500": 1, "0688": 9, "8367": 3, "8482": 3},
    "em400-udl": {"0175": 1, "0367": 2, "0482": 2, "0500": 1, "0688": 9, "8367": 3, "8482": 3},
    "em400-tld": {"0175": 1, "0367": 2, "0482": 2, "0500": 1, "0688": 9, "8367": 3, "8482": 3, "8800": 1},
    "em500-swl": {"0175": 1, "0377": 2, "20ce": 6},
    "em500-udl": {"0175": 1, "0382": 2, "83e9": 5, "20ce": 6},
}
MILESIGHT_HOUSE = (
    "01:1 02:2 03:2 06:9 09:2 0a:2 0b:1 0f:1 10:1 11:4 13:1 16:8 17:2 1b:5 1c:2 27:1 28:1 35:8 3b:1 "
    "3e:1 4a:1 56:1 62:1 63:8 68:1 69:1 6a:3 70:2 71:1 77:2 84:1 96:8 a1:1 a2:2 a3:1 a4:1 f1:4 f2:2 f5:1 "
    "fe:1 ff:2"
)
DECENTLAB_WORDS = {"dl-kl66": (3, 1), "dl-dlr2-012": (2, 1), "dl-ctd10": (4, 1), "dl-lid": (11, 1)}
DINGTEK_LENGTHS = {
    "dc410": (17,),
    "dc413": (17,),
    "df530": (17, 25),
    "df555": (17, 25),
    "df702": (17, 25),
    "do200": (21,),
}
NETVOX_TYPES = {"r718e": 0x1C, "r718ea": 0x9A, "r718eb": 0xC8, "r718x": 0x34}
DRAGINO_LENGTHS = {
    "ldds04": (11,),
    "ldds20": (4, 5, 8),
    "ldds45": (4, 5, 8),
    "ldds75": (4, 5, 8),
    "llds12": (11,),
}
ELSYS_LENGTHS = (
    "01:2 02:1 03:3 04:2 05:1 06:2 07:2 08:2 09:6 0a:2 0b:4 0c:2 0d:1 0e:2 0f:1 10:4 11:1 12:1 13:65 14:4 "
    "15:2 16:2 17:4 18:2 19:2 1a:1 1b:4 1c:2 3d:4"
)


def _table(text: str) -> dict[str, int]:
    return {key: int(length) for key, length in (entry.split(":") for entry in text.split())}


def well_formed(model: str, frame: bytes, port: int | None) -> bool:
    """Whether a frame has the structure that the maker's tables give it."""
    if model in MILESIGHT_ITEMS:
        return _milesight(model, frame)
    if model in DINGTEK_LENGTHS:
        return port in (None, 3) and _dingtek(model, frame)
    if model in NETVOX_TYPES:
        return port in (None, 6, 7) and _netvox(model, frame, port)
    if model in DECENTLAB_WORDS:
        return port in (None, 1) and _decentlab(model, frame)
    if model in DRAGINO_LENGTHS:
        return port in (None, 2) and len(frame) in DRAGINO_LENGTHS[model] and _dragino_flags(frame)
    assert model == "elsys"
    return port in (None, 5) and _elsys(frame)


ONLY_FF = ("01", "09", "0a", "0b", "0f", "16", "1b", "fe", "ff")
"""Attributes: channel `ff` sends them, `fe` does not."""


def _milesight(model: str, frame: bytes) -> bool:
    if model.startswith("em400") and frame[:1] == b"\x02":
        lengths_fit = frame[3:5] == (len(frame) - 5).to_bytes(2, "big", signed=True) and frame[84:86] == (
            (len(frame) - 86) % 65536
        ).to_bytes(2, "big")
        return len(frame) > 86 and lengths_fit and _milesight_items(model, frame[86:].hex())
    return len(frame) > 0 and _milesight_items(model, frame.hex())


def _milesight_items(model: str, text: str) -> bool:
    while text:
        length = _milesight_length(model, text[:4])
        if length is None or len(text) < 4 + 2 * length:
            return False
        text = text[4 + 2 * length :]
    return True


def _milesight_length(model: str, head: str) -> int | None:
    if head[:2] == "ff" or (head[:2] == "fe" and head[2:] not in ONLY_FF):
        return _table(MILESIGHT_HOUSE).get(head[2:])
    return MILESIGHT_ITEMS[model].get(head)


def _dingtek(model: str, frame: bytes) -> bool:
    if len(frame) < 17 or frame[:2] != b"\x80\x00" or frame[-1] != 0x81 or frame[4] != len(frame):
        return False
    if frame[2] != (2 if model == "do200" else 1):
        return False
    if frame[3] == 3:
        return len(frame) in (17, 25)
    return frame[3] in (1, 2) and len(frame) in DINGTEK_LENGTHS[model]


def _decentlab(model: str, frame: bytes) -> bool:
    words = DECENTLAB_WORDS[model]
    if len(frame) < 5 or frame[0] != 2 or frame[3] != 0 or frame[4] > 3:
        return False
    return len(frame) == 5 + 2 * sum(count for bit, count in enumerate(words) if frame[4] & (1 << bit))


def _netvox(model: str, frame: bytes, port: int | None) -> bool:
    if len(frame) != 11 or frame[1] != NETVOX_TYPES[model]:
        return False
    if port == 7 or (port is None and frame[0] != 1):
        return 0x80 < frame[0] < 0x90
    return frame[0] == 1 and frame[2] <= (2 if model == "r718e" else 1)


def _dragino_flags(frame: bytes) -> bool:
    if len(frame) == 11:
        return frame[10] in (1, 2)
    return all(flag in (0, 1) for flag in (*frame[4:5], *frame[7:8]))


def _elsys(frame: bytes) -> bool:
    text, lengths = frame.hex(), _table(ELSYS_LENGTHS)
    while text:
        length = lengths.get(text[:2])
        if length is None or len(text) < 2 + 2 * length:
            return False
        text = text[2 + 2 * length :]
    return len(frame) > 0
