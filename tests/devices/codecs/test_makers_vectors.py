"""Every codec on frames written from its maker's documents, and its strictness around them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.codecs.believable import unbelievable
from devices.codecs.catalogue import CODECS
from devices.codecs.contract import NO_TIME, Decoded
from devices.quantities import QUANTITIES
from tests.support.codec_vectors import VECTORS, Vector
from tests.support.frame_structure import well_formed

MODELS = [
    "em310-tilt",
    "em320-tilt",
    "em310-udl",
    "em400-mud",
    "em400-udl",
    "em400-tld",
    "em500-swl",
    "em500-udl",
    "dc410",
    "dc413",
    "do200",
    "df530",
    "df555",
    "df702",
    "r718e",
    "r718ea",
    "r718eb",
    "r718x",
    "dl-kl66",
    "dl-dlr2-012",
    "dl-ctd10",
    "dl-lid",
    "ldds04",
    "ldds20",
    "ldds45",
    "ldds75",
    "llds12",
    "elsys",
]


def decode(model: str, *frames: bytes, port: int | None = None) -> Decoded:
    return CODECS[model].decode(model, frames, [port] * len(frames))


def assert_contract(decoded: Decoded, payloads: int) -> None:
    """Each payload is a reading, an error or a notice, and the columns fit."""
    assert (np.diff(decoded.row) >= 0).all()
    ends = [*set(decoded.row.tolist()), *decoded.errors, *decoded.notices]
    assert sorted(ends) == list(range(payloads))
    for name, column in decoded.columns.items():
        assert name in QUANTITIES
        assert column.dtype == np.float32
        assert len(column) == len(decoded.row) == len(decoded.time)
    for words in (*decoded.errors.values(), *decoded.notices.values()):
        assert words
        assert "\n" not in words


def test_every_model_of_the_domain_has_a_codec() -> None:
    assert sorted(CODECS) == sorted(MODELS)


def test_every_model_has_vectors() -> None:
    assert {vector.model for vector in VECTORS} == set(MODELS)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector.model} {vector.frame}")
def test_a_frame_says_what_its_maker_documents(vector: Vector) -> None:
    decoded = decode(vector.model, bytes.fromhex(vector.frame), port=vector.port)
    assert_contract(decoded, 1)
    assert dict(decoded.errors) == {}
    assert dict(unbelievable(decoded)) == {}
    if vector.says is None:
        assert list(decoded.notices) == [0]
    else:
        values = {name: float(c[0]) for name, c in decoded.columns.items() if not np.isnan(c[0])}
        assert values == pytest.approx(vector.says, abs=1e-3)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector.model} {vector.frame}")
def test_every_valid_frame_is_well_formed_by_the_tables_too(vector: Vector) -> None:
    assert well_formed(vector.model, bytes.fromhex(vector.frame), vector.port)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector.model} {vector.frame}")
def test_a_byte_too_many_is_refused(vector: Vector) -> None:
    decoded = decode(vector.model, bytes.fromhex(vector.frame) + b"\0", port=vector.port)
    assert list(decoded.errors) == [0]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector.model} {vector.frame}")
def test_a_frame_cut_anywhere_is_accepted_only_where_it_is_whole_again(vector: Vector) -> None:
    frame = bytes.fromhex(vector.frame)
    cut = [frame[:length] for length in range(len(frame))]
    decoded = decode(vector.model, *cut, port=vector.port)
    assert_contract(decoded, len(cut))
    for row, part in enumerate(cut):
        if row not in decoded.errors:
            assert well_formed(vector.model, part, vector.port), part.hex()


@pytest.mark.parametrize("model", [model for model in MODELS if not model.startswith("em")])
def test_a_wrong_port_is_refused_and_no_port_is_not(model: str) -> None:
    vector = next(vector for vector in VECTORS if vector.model == model)
    frame = bytes.fromhex(vector.frame)
    assert "port must be" in decode(model, frame, port=199).errors[0]
    assert dict(decode(model, frame, port=None).errors) == {}


@pytest.mark.parametrize("model", [model for model in MODELS if model.startswith("em")])
def test_milesight_does_not_care_for_the_port(model: str) -> None:
    vector = next(vector for vector in VECTORS if vector.model == model)
    assert dict(decode(model, bytes.fromhex(vector.frame), port=7).errors) == {}


def test_stored_records_come_with_their_times_before_the_present_value() -> None:
    frame = "20ce009d5563f401" + "20ce3ca05563f501" + "01755c0382f601"
    decoded = decode("em500-udl", bytes.fromhex(frame))
    assert decoded.row.tolist() == [0, 0, 0]
    assert decoded.time.tolist() == [0x63559D00 * 1_000_000, 0x6355A03C * 1_000_000, NO_TIME]
    assert decoded.columns["distance_mm"].tolist() == [500.0, 501.0, 502.0]


@pytest.mark.parametrize(
    ("model", "frame", "words"),
    [
        ("em320-tilt", "03cf00000000282300", "byte 0: unknown item 03 cf for em320-tilt"),
        ("em320-tilt", "01755c01755c", "byte 3: item 01 75 for the second time"),
        ("em310-tilt", "03cf00000000282308", "byte 8: three threshold bits"),
        ("em310-udl", "040002", "byte 2: position (0 normal, 1 tilt) must be 0 or 1, found 2"),
        ("em310-udl", "ffee00", "byte 0: unknown item ff ee"),
        ("em500-swl", "20ce009d5563", "byte 2: stored record 20 ce needs 6 bytes of data, found 4"),
        ("em310-udl", "20ce009d5563f401", "unknown item 20 ce"),
        ("dc410", "800001021206a400160100000000010081", "byte 4: length states 18, found 17 bytes"),
        ("dc410", "800001021106a400160100000000010082", "byte 16: end must be 0x81"),
        ("dc410", "810001021106a400160100000000010081", "byte 0: head must be 0x80"),
        ("dc410", "800001091106a400160100000000010081", "byte 3: kind of frame"),
        ("dc410", "800001021106a401160100000000010081", "byte 7: this model has no positioning"),
        ("df555", "800001011107d001190000000000010081", "byte 7: position flag 1 does not fit"),
        ("r718e", "01c80124b340b2c06a3e00", "byte 1: device type must be 0x1c, found 0xc8"),
        ("r718e", "011c0924b340b2c06a3e00", "byte 2: report type"),
        ("r718e", "801c000000000000000000", "byte 0: answer must be 0x81 to 0x8f, found 0x80"),
        ("r718e", "011c0124807fb2c06a3e00", "byte 4: accelerations must be finite"),
        ("dl-kl66", "0103d400033bf67fff3bf60c60", "byte 0: protocol version must be 2, found 1"),
        ("dl-kl66", "0203d400073bf67fff3bf60c60", "byte 3: flags may set 2 sensors, found 0x0007"),
        ("dl-kl66", "0203d400033bf67fff3bf6", "byte 3: flags 0x0003 announce 13 bytes, found 11"),
        ("dl-kl66", "0203d400033bf600003bf60c60", "byte 7: measurement interval is 0"),
        (
            "dl-dlr2-012",
            "0211660001086f0180",
            "byte 7: upper word of 24 bits must be 0 to 0xff, found 0x0180",
        ),
        ("ldds75", "0b450805", ""),
        ("ldds75", "0b45080502", "byte 4: interrupt must be 0x00 or 0x01, found 0x02"),
        ("llds12", "0d5c00000b1801b1001e03", "byte 10: message type must be 0x01 or 0x02"),
        ("elsys", "4100ea", "byte 0: unknown type 0x41"),
        ("elsys", "0100ea0100eb", "byte 3: type 0x01 for the second time"),
        ("elsys", "", "empty payload"),
    ],
)
def test_a_refusal_says_where_what_was_found_and_what_would_be_right(
    model: str, frame: str, words: str
) -> None:
    decoded = decode(model, bytes.fromhex(frame))
    if words:
        assert words in decoded.errors[0]
    else:
        assert dict(decoded.errors) == {}


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(VECTORS), st.data())
def test_no_mutation_of_a_frame_raises_or_is_accepted_malformed(vector: Vector, data: st.DataObject) -> None:
    frame = bytearray(bytes.fromhex(vector.frame))
    for _ in range(data.draw(st.integers(1, 3))):
        frame[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))
    mutated = (
        bytes(frame[: data.draw(st.integers(0, len(frame)))]) if data.draw(st.booleans()) else bytes(frame)
    )
    decoded = decode(vector.model, mutated, port=vector.port)
    assert_contract(decoded, 1)
    assert 0 in decoded.errors or well_formed(vector.model, mutated, vector.port)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(MODELS), st.lists(st.binary(max_size=32), max_size=5), st.sampled_from([None, 1, 6, 7])
)
def test_no_bytes_at_all_raise(model: str, payloads: list[bytes], port: int | None) -> None:
    assert_contract(CODECS[model].decode(model, payloads, [port] * len(payloads)), len(payloads))
