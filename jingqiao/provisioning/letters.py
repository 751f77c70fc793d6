"""Dead letters, tried again once what was wrong is mended: a model, a binding, an older program."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from devices.registry import Registry
from ingest.dead_letters import StoredLetter, mark_retried, one
from ingest.log import Control, DeadLetter, Record
from ingest.message import DecodedBatch, Message
from jingqiao.controls import RETRY

AT_ONCE: Final = 1000
"""Letters of one request."""

Decode = Callable[[Sequence[Message], Registry], DecodedBatch]


@dataclass(frozen=True, slots=True)
class Trial:
    """What would become of a letter now. trouble : Why it is still dead; None = it is not."""

    readings: int
    trouble: DeadLetter | None


def trial(letter: StoredLetter, decode: Decode, registry: Registry) -> Trial:
    """Decode a letter as if it came now; nothing is stored."""
    decoded = decode([Message(letter.topic, letter.payload, letter.received)], registry)
    return Trial(len(decoded.frame), decoded.dead_letters[0] if decoded.dead_letters else None)


async def put_letters_through(
    path: Path,
    numbers: Sequence[int],
    registry: Registry,
    decode: Decode,
    write: Callable[[Sequence[Record]], Awaitable[int | None]],
    now: Callable[[], int],
) -> int | None:
    """Append what letters of these numbers say to the log, as late readings; how many went through.

    Before each goes the word that it is history: nobody is paged for what is long past. A letter that still
    cannot be used stays as it is. None = the log cannot store now: try again.
    """
    done = 0
    for number in numbers[:AT_ONCE]:
        letter = await asyncio.to_thread(one, path, number)
        if letter is None or letter.retried is not None:
            continue
        decoded = decode([Message(letter.topic, letter.payload, letter.received)], registry)
        if decoded.dead_letters:
            continue
        sensors = {*np.unique(decoded.frame.sensor).tolist(), *(block.sensor for block in decoded.blocks)}
        ids = [registry.sensor_id(int(sensor)) for sensor in sorted(sensors)]
        word = Control(RETRY, {"sensor_ids": ids}, letter.received)
        if ids and await write([word]) is None:
            return None
        records = decoded.records
        if records and await write(records) is None:
            return None
        await asyncio.to_thread(mark_retried, path, letter.number, now())
        done += 1
    return done
