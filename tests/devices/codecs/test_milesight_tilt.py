"""The fast path of the tilt sensors yields what the plain one does, whatever stands beside what."""

import struct

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.codecs.milesight import Milesight, decode_items
from devices.codecs.one_by_one import decode_each

ANGLE = st.integers(-32768, 32767)


@st.composite
def frames(draw: st.DrawFn, model: str) -> bytes:
    """Usual frames with and without battery, attributes before them, and damage."""
    angles = struct.pack("<hhh", draw(ANGLE), draw(ANGLE), draw(ANGLE))
    frame = b"\x03\xd4" + angles
    if model == "em310-tilt":
        frame = b"\x03\xcf" + angles + bytes([draw(st.integers(0, 9))])
    if draw(st.booleans()):
        frame = b"\x01\x75" + bytes([draw(st.integers(0, 255))]) + frame
    kind = draw(st.sampled_from(["whole", "whole", "whole", "attribute", "cut", "other"]))
    if kind == "attribute":
        return b"\xff\x0b\xff" + frame
    if kind == "cut":
        return frame[: draw(st.integers(0, len(frame)))]
    return b"\x04" + frame[1:] if kind == "other" else frame


@settings(max_examples=150, deadline=None)
@given(st.data(), st.sampled_from(["em310-tilt", "em320-tilt"]))
def test_the_fast_path_agrees_with_the_plain_one(data: st.DataObject, model: str) -> None:
    payloads = data.draw(st.lists(frames(model), max_size=12))
    ports: list[int | None] = [None] * len(payloads)
    fast = Milesight().decode(model, payloads, ports)
    plain = decode_each(lambda payload, port: decode_items(model, payload), payloads, ports)
    assert fast.row.tolist() == plain.row.tolist()
    assert fast.time.tolist() == plain.time.tolist()
    assert dict(fast.errors) == dict(plain.errors)
    assert dict(fast.notices) == dict(plain.notices)
    for name in {*fast.columns, *plain.columns}:
        missing = np.full(len(fast.row), np.nan, np.float32)
        np.testing.assert_array_equal(fast.columns.get(name, missing), plain.columns.get(name, missing))
