"""The durable log: contract. What is in it has happened; everything after it can be rebuilt from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from devices.frame import Frame


@dataclass(frozen=True, slots=True)
class Tick:
    """The passing of time: `now` is event time [µs since 1970 UTC]."""

    now: int


@dataclass(frozen=True, slots=True)
class Control:
    """A change of what is known or wanted: registry, rules, maintenance window, intervention, re-baseline.

    name : str  What kind of change: registry, rules, permit, intervention, rebaseline, …
    payload : Mapping[str, Any]  JSON-ready; complete, so that a replay needs nothing else.
    at : int  When it takes effect [µs since 1970 UTC].
    """

    name: str
    payload: Mapping[str, Any]
    at: int


@dataclass(frozen=True, slots=True)
class StrainBlock:
    """One raw block of a fast gauge, kept for the archive; the rules see its features in a frame.

    sensor : int  Registry index.
    start : int  Event time of the first sample [µs].
    rate_hz : float  Samples a second.
    strain_ue : float32[n]  [µε], tension positive.
    """

    sensor: int
    start: int
    rate_hz: float
    strain_ue: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class AccelerationBlock:
    """One raw block of an accelerometer, kept for the archive; the rules see its features in a frame.

    sensor : int  Registry index.
    start : int  Event time of the first sample [µs].
    rate_hz : float  Samples a second.
    acceleration_g : float32[n]  [g], as the sensor gives it: with gravity where it has that.
    """

    sensor: int
    start: int
    rate_hz: float
    acceleration_g: npt.NDArray[np.float32]


RawBlock = StrainBlock | AccelerationBlock

Record = Frame | Tick | Control | RawBlock


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that could not be used, kept whole with its reason.

    received : int  [µs since 1970 UTC]
    reason : str  Kind of fault, a short stable word: `json`, `range`, `clock`, `unknown_sensor`, `codec`, …
    detail : str  One line for a technician: field, value, what would be right.
    """

    received: int
    topic: str
    payload: bytes
    reason: str
    detail: str


class Log(Protocol):
    """Ordered, durable records. Sequence numbers start at 1, grow by one, and are never used again."""

    async def append(self, records: Sequence[Record], dead_letters: Sequence[DeadLetter] = ()) -> int:
        """Store records and dead letters durably in one commit; return the last record's sequence number.

        Concurrent calls share commits (group commit, at most 20 ms). Raises LogUnavailableError when the
        disk is full or gone: then nothing of the call is stored, and the caller must not acknowledge.
        """
        ...

    def read(self, after_seq: int, limit: int = 1000) -> Iterator[tuple[int, Record]]:
        """Records with a greater sequence number, in order, at most `limit`."""
        ...

    async def truncate(self, before_seq: int) -> None:
        """Forget records with a smaller sequence number."""
        ...

    def last_seq(self) -> int:
        """Sequence number of the newest record; 0 in a new log."""
        ...

    def close(self) -> None:
        """Finish pending commits and let go of the storage."""
        ...


class LogUnavailableError(RuntimeError):
    """The log cannot store now (disk full, read-only, gone). Nothing may be acknowledged until it can."""
