"""Records survive the way into the log and back, whatever is in them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.frame import Frame
from devices.quantities import QUANTITIES
from ingest.log import AccelerationBlock, Control, StrainBlock, Tick
from ingest.record_codec import decode_record, encode_record
from tests.ingest.log_contract import same

int64 = st.integers(-(2**63), 2**63 - 1)
float32 = st.floats(width=32)
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@st.composite
def frames(draw):
    n = draw(st.integers(0, 8))

    def column(values, dtype):
        return np.array(draw(st.lists(values, min_size=n, max_size=n)), dtype)

    names = draw(st.sets(st.sampled_from(sorted(QUANTITIES)), max_size=4))
    return Frame(
        column(st.integers(-1, 2**31 - 1), np.int32),
        column(int64, np.int64),
        column(int64, np.int64),
        column(int64, np.int64),
        column(st.integers(0, 255), np.uint8),
        {name: column(float32, np.float32) for name in sorted(names)},
        column(st.integers(0, 2**31 - 1), np.int32),
    )


raw = (
    st.integers(0, 2**31 - 1),
    int64,
    st.floats(0.001, 1e5),
    st.lists(float32, max_size=20).map(lambda values: np.array(values, np.float32)),
)
blocks = st.builds(StrainBlock, *raw) | st.builds(AccelerationBlock, *raw)
controls = st.builds(
    Control, st.text(max_size=10), st.dictionaries(st.text(max_size=5), json_values, max_size=4), int64
)


@settings(max_examples=200, deadline=None)
@given(st.one_of(frames(), blocks, controls, st.builds(Tick, int64)))
def test_a_record_comes_back_as_it_was(record):
    kind, _, body = encode_record(record)
    assert same(record, decode_record(kind, body))


def test_a_control_that_is_not_json_is_refused():
    with pytest.raises(TypeError):
        encode_record(Control("x", {"it": object()}, 0))


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_a_number_that_json_cannot_write_comes_back_as_none(number):
    kind, _, body = encode_record(Control("x", {"it": number}, 0))
    assert decode_record(kind, body) == Control("x", {"it": None}, 0)


def test_a_kind_of_a_later_version_is_named():
    with pytest.raises(ValueError, match="kind 99"):
        decode_record(99, b"")
