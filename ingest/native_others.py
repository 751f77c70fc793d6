"""Native raw blocks and status messages, one by one: they come once a second at most."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Annotated, Final, Literal, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

from devices.acceleration import shaking_features
from devices.frame import Flag, Frame, empty
from devices.strain import block_features
from ingest.log import AccelerationBlock, RawBlock, StrainBlock
from ingest.native_faults import Refusal, check_bytes, check_range, check_seq, event_time
from ingest.native_schema import EARLIEST_US, MAX_AHEAD_US, UNSET_SEQ, UNSET_T

_MAX_RATE_HZ: Final = 100_000.0
_T = TypeVar("_T")
_Raw = TypeVar("_Raw", StrainBlock, AccelerationBlock)


class _Strain(msgspec.Struct, gc=False):
    """A strain block as it is written; t: its first sample."""

    rate_hz: float
    strain_ue: list[float]
    t: int | str = UNSET_T
    temperature_c: float = math.nan
    seq: Annotated[int, msgspec.Meta(ge=0)] = UNSET_SEQ


class _Acceleration(msgspec.Struct, gc=False):
    """A block of acceleration as it is written; t: its first sample."""

    rate_hz: float
    acceleration_g: list[float]
    t: int | str = UNSET_T
    temperature_c: float = math.nan
    seq: Annotated[int, msgspec.Meta(ge=0)] = UNSET_SEQ


class Status(msgspec.Struct, gc=False):
    """A status as it is written."""

    state: Literal["online", "offline"]
    t: int | str = UNSET_T


class BlockRow(msgspec.Struct, gc=False):
    """A block that holds, with what its row in the frame needs beside its features."""

    block: RawBlock
    end: int
    received: int
    seq: int
    flag: int
    temperature_c: float


_STRAIN: Final = msgspec.json.Decoder(_Strain)
_ACCELERATION: Final = msgspec.json.Decoder(_Acceleration)
_STATUS: Final = msgspec.json.Decoder(Status)


def decode_strain(payload: bytes, sensor: int, received: int) -> BlockRow:
    """One strain block. Raises Refusal.

    `t` is the time of the first sample; a block without it ended when it was received, and is SUSPECT.
    """
    block = _parse(payload, _STRAIN, 'like {"t":…,"rate_hz":50,"strain_ue":[…]}')
    start, end, flag = _span(block, "strain_ue", block.strain_ue, received)
    raw = StrainBlock(sensor, start, block.rate_hz, np.array(block.strain_ue, np.float32))
    return BlockRow(raw, end, received, block.seq, flag, block.temperature_c)


def decode_acceleration(payload: bytes, sensor: int, received: int) -> BlockRow:
    """One block of acceleration, like `decode_strain`. Raises Refusal."""
    block = _parse(payload, _ACCELERATION, 'like {"t":…,"rate_hz":100,"acceleration_g":[…]}')
    start, end, flag = _span(block, "acceleration_g", block.acceleration_g, received)
    raw = AccelerationBlock(sensor, start, block.rate_hz, np.array(block.acceleration_g, np.float32))
    return BlockRow(raw, end, received, block.seq, flag, block.temperature_c)


def _span(
    block: _Strain | _Acceleration, name: str, samples: list[float], received: int
) -> tuple[int, int, int]:
    """(start, end, flag) of a block whose every value is believable. Raises Refusal."""
    if not 0 < block.rate_hz <= _MAX_RATE_HZ:
        raise Refusal(
            "range", f"rate_hz: {block.rate_hz:g}; more than 0, at most {_MAX_RATE_HZ:g} is believed"
        )
    if not samples:
        raise Refusal("empty", f"{name}: an empty array; at least one sample is needed")
    check_seq(block.seq)
    if not math.isnan(block.temperature_c):
        check_range("temperature_c", block.temperature_c)
    check_range(name, min(samples))
    check_range(name, max(samples))
    length = round(len(samples) / block.rate_hz * 1e6)
    if block.t is UNSET_T:
        start, flag = received - length, Flag.SUSPECT
    else:
        start, flag = event_time(block.t, received), Flag.GOOD
    if start < EARLIEST_US or start + length > received + MAX_AHEAD_US:
        raise Refusal("clock", f"t: the block's {len(samples)} samples last {length / 1e6:g} s: beyond now")
    return start, start + length, flag


def block_frame(rows: Sequence[BlockRow]) -> Frame:
    """A row of features for each block; its event time is the block's END: only then it was all there."""
    if not rows:
        return empty()
    columns: dict[str, npt.NDArray[np.float32]] = {}
    for place, features in (
        _features(rows, StrainBlock, lambda block: block.strain_ue, block_features),
        _features(rows, AccelerationBlock, lambda block: block.acceleration_g, shaking_features),
    ):
        for name, values in features.items():
            columns[name] = np.full(len(rows), np.nan, np.float32)
            columns[name][place] = values
    temperature = np.array([row.temperature_c for row in rows], np.float32)
    if not np.isnan(temperature).all():
        columns["temperature_c"] = temperature
    return Frame(
        np.array([row.block.sensor for row in rows], np.int32),
        np.array([row.end for row in rows], np.int64),
        np.array([row.received for row in rows], np.int64),
        np.array([row.seq for row in rows], np.int64),
        np.array([row.flag for row in rows], np.uint8),
        columns,
    )


def _features(
    rows: Sequence[BlockRow],
    kind: type[_Raw],
    samples: Callable[[_Raw], npt.NDArray[np.float32]],
    reduce: Callable[[Sequence[npt.NDArray[np.float32]]], dict[str, npt.NDArray[np.float32]]],
) -> tuple[list[int], dict[str, npt.NDArray[np.float32]]]:
    """Places of the blocks of one kind among the rows, and their features."""
    place, own = [], []
    for i, row in enumerate(rows):
        if isinstance(row.block, kind):
            place.append(i)
            own.append(samples(row.block))
    return place, reduce(own) if own else {}


def decode_status(payload: bytes, received: int) -> tuple[bool, int]:
    """Whether the sensor says that it is there, and since when [µs]. Raises Refusal."""
    status = _parse(payload, _STATUS, 'like {"state":"online","t":…}')
    return status.state == "online", received if status.t is UNSET_T else event_time(status.t, received)


def _parse(payload: bytes, decoder: msgspec.json.Decoder[_T], example: str) -> _T:
    check_bytes(payload)
    try:
        return decoder.decode(payload)
    except msgspec.ValidationError as error:
        what = str(error)
        reason = "range" if "out of range" in what or ">=" in what else "type"
        path = what.rpartition("`$.")[2].rstrip("`") if "`$." in what else "payload"
        raise Refusal(reason, f"{path}: {what}; one JSON object is taken, {example}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refusal("json", f"payload: {error}; one JSON object is taken, {example}") from None
    except RecursionError:
        raise Refusal("json", f"payload: nested too deep; one JSON object is taken, {example}") from None
