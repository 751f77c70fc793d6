"""The native protocol (jingqiao/v1): readings, raw blocks and status messages of a whole batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from devices.frame import Frame, Int64, concat
from devices.registry import UNKNOWN, Registry
from devices.versions import Versions
from ingest.log import DeadLetter, RawBlock
from ingest.message import DecodedBatch, Message
from ingest.native_faults import Refusal, one_refusal
from ingest.native_others import (
    BlockRow,
    block_frame,
    decode_acceleration,
    decode_status,
    decode_strain,
)
from ingest.native_readings import decode_readings
from ingest.native_schema import PREFIX
from ingest.native_versions import versions_in

_READINGS: Final = "/readings"


def decode(messages: Sequence[Message], registry: Registry) -> DecodedBatch:
    """What native messages mean (protocol.md), by topic: readings, raw blocks, status.

    A reading that cannot be used is refused; its message becomes a dead letter, whole, while the good
    readings of the same array still count. A reading without `t` takes the receive time and is SUSPECT.
    The row of a raw block bears the block's features and the time of its end. Rows are in the order
    of the messages.
    """
    if not messages:
        return DecodedBatch()
    topics = [message[0] for message in messages]
    lines = "\n".join(topics) + "\n"
    if lines.count("/readings\n") == len(topics) == lines.count("\n"):
        parts = _Parts()
        return _batch(messages, parts, *_readings(parts, messages, topics, registry))
    return _decode_mixed(messages, topics, registry)


class _Parts:
    """What is gathered beside plain readings."""

    def __init__(self) -> None:
        self.refusals: dict[int, list[Refusal]] = {}
        self.blocks: list[tuple[int, BlockRow]] = []
        self.presence: dict[int, tuple[bool, int]] = {}
        self.answers: list[Message] = []
        self.versions: dict[int, tuple[Versions, int]] = {}


def _readings(
    parts: _Parts, messages: Sequence[Message], topics: Sequence[str], registry: Registry
) -> tuple[Frame, Int64, dict[int, list[Refusal]], int]:
    """Messages that are all readings: frame, owner of each row, refusals by message row, unknown keys."""
    first, last = len(PREFIX), -len(_READINGS)
    sensor = registry.sensor_indices([topic[first:last] for topic in topics])
    received = np.fromiter([message[2] for message in messages], np.int64, len(messages))
    payloads = [message[1] for message in messages]
    if sensor.min() != UNKNOWN:
        decoded = decode_readings(payloads, sensor, received)
        parts.versions |= decoded.versions
        return decoded.frame, decoded.owner, decoded.refusals, decoded.unknown_keys
    unknown = sensor == UNKNOWN
    known = np.flatnonzero(~unknown)
    decoded = decode_readings([payloads[i] for i in known], sensor[known], received[known])
    parts.versions |= decoded.versions
    refusals = {int(known[row]): why for row, why in decoded.refusals.items()}
    refusals.update({row: [_unknown_sensor(topics[row])] for row in np.flatnonzero(unknown).tolist()})
    return decoded.frame, known[decoded.owner], refusals, decoded.unknown_keys


def _decode_mixed(messages: Sequence[Message], topics: Sequence[str], registry: Registry) -> DecodedBatch:
    parts = _Parts()
    rows: list[int] = []
    for row, topic in enumerate(topics):
        prefix, _, kind = topic.rpartition("/")
        if kind == "readings" and prefix.startswith(PREFIX):
            rows.append(row)
            continue
        try:
            _take_other(parts, row, kind, prefix.removeprefix(PREFIX), messages[row], registry)
        except Refusal as refusal:
            parts.refusals[row] = [refusal]
    if not rows:
        return _batch(messages, parts, concat([]), np.empty(0, np.int64), {}, 0)
    picked = [messages[row] for row in rows]
    frame, owner, refusals, unknown = _readings(parts, picked, [topics[row] for row in rows], registry)
    place = np.array(rows, np.int64)
    moved = {int(place[row]): why for row, why in refusals.items()}
    return _batch(messages, parts, frame, place[owner], moved, unknown)


def _take_other(
    parts: _Parts, row: int, kind: str, sensor_id: str, message: Message, registry: Registry
) -> None:
    if kind not in ("strain", "acceleration", "status"):
        raise Refusal(
            "topic",
            f"topic: {message.topic!r}; jingqiao/v1/SENSOR/readings, strain, acceleration or status is taken",
        )
    sensor = registry.sensor_index(sensor_id)
    if sensor == UNKNOWN:
        raise _unknown_sensor(message.topic)
    if kind == "strain":
        parts.blocks.append((row, decode_strain(message.payload, sensor, message.received)))
    elif kind == "acceleration":
        parts.blocks.append((row, decode_acceleration(message.payload, sensor, message.received)))
    else:
        parts.presence[sensor] = decode_status(message.payload, message.received)
        if (said := versions_in(message.payload)) is not None:
            parts.versions[sensor] = said, parts.presence[sensor][1]
        if b'"ack"' in message.payload:
            parts.answers.append(message)


def _unknown_sensor(topic: str) -> Refusal:
    sensor_id = topic.removeprefix(PREFIX).rpartition("/")[0]
    return Refusal("unknown_sensor", f"topic: sensor {sensor_id!r} is not in the registry; import it first")


def _batch(
    messages: Sequence[Message],
    parts: _Parts,
    frame: Frame,
    owner: Int64,
    refusals: dict[int, list[Refusal]],
    unknown_keys: int,
) -> DecodedBatch:
    blocks: tuple[RawBlock, ...] = ()
    if parts.blocks:
        blocks = tuple(row.block for _, row in parts.blocks)
        places = np.array([place for place, _ in parts.blocks], np.int64)
        frame = concat([frame, block_frame([row for _, row in parts.blocks])])
        order: npt.NDArray[np.int64] = np.argsort(np.concatenate([owner, places]), kind="stable")
        frame = frame.take(order)
    refusals = {**refusals, **parts.refusals}
    letters = tuple(_letter(messages[row], refusals[row]) for row in sorted(refusals))
    return DecodedBatch(
        frame,
        blocks,
        letters,
        {},
        parts.presence,
        unknown_keys,
        answers=tuple(parts.answers),
        versions=parts.versions,
    )


def _letter(message: Message, refusals: list[Refusal]) -> DeadLetter:
    return DeadLetter(message.received, message.topic, message.payload, *one_refusal(refusals))
