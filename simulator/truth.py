"""The ground truth: what really happened to which asset, kept as JSON lines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def rfc3339(time_us: int) -> str:
    """An instant as RFC 3339 text in UTC, to the millisecond."""
    text = (_EPOCH + timedelta(microseconds=time_us)).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def parse_time(text: str) -> int:
    """µs since 1970 of RFC 3339 text. Raises ValueError when it is none or lacks a zone."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text} has no zone")
    return (moment - _EPOCH) // timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class TruthEvent:
    """One thing that really happened.

    asset_id : str  "" where no single asset is meant (a gateway).
    hazard : str  Name of a hazard of the rules.
    onset : int  [µs]  When it began.
    reaches_limit_at : int | None  [µs]  When a growing hazard passes its limit (15 mm sunk, 4 mm loose).
    ended : int | None  [µs]  When it was over by itself.
    severity : str  How suddenly it comes: sudden, fast (days), slow (weeks).
    required : bool  False = finding it is right, missing it is no fault (too small, or blind sensors).
    """

    asset_id: str
    sensor_ids: tuple[str, ...]
    hazard: str
    onset: int
    severity: str
    reaches_limit_at: int | None = None
    ended: int | None = None
    required: bool = True
    params: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """JSON-ready, times as RFC 3339."""
        return {
            "asset_id": self.asset_id,
            "sensor_ids": list(self.sensor_ids),
            "hazard": self.hazard,
            "onset": rfc3339(self.onset),
            "severity": self.severity,
            "reaches_limit_at": None if self.reaches_limit_at is None else rfc3339(self.reaches_limit_at),
            "ended": None if self.ended is None else rfc3339(self.ended),
            "required": self.required,
            "params": dict(self.params),
        }

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> TruthEvent:
        """What `to_json` gave. Raises KeyError or ValueError when something is missing or no time."""
        limit, ended = row.get("reaches_limit_at"), row.get("ended")
        return cls(
            asset_id=str(row["asset_id"]),
            sensor_ids=tuple(str(i) for i in row.get("sensor_ids", ())),
            hazard=str(row["hazard"]),
            onset=parse_time(row["onset"]),
            severity=str(row.get("severity", "sudden")),
            reaches_limit_at=None if limit is None else parse_time(limit),
            ended=None if ended is None else parse_time(ended),
            required=bool(row.get("required", True)),
            params=row.get("params", {}),
        )


def write(path: Path, events: Iterable[TruthEvent]) -> None:
    """Write JSON lines."""
    lines = (json.dumps(event.to_json(), ensure_ascii=False) for event in events)
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")


def read(path: Path) -> list[TruthEvent]:
    """Read JSON lines. Raises ValueError that names the line, its fault, and what would be right."""
    found = []
    for number, line in enumerate(path.read_text("utf-8-sig").splitlines(), 1):
        if not line.strip():
            continue
        try:
            found.append(TruthEvent.from_json(json.loads(line)))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"line {number}: {_fault(error)}") from None
    return found


def _fault(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"no JSON ({error.msg}): one event a line is needed"
    if isinstance(error, KeyError):
        return f"{error.args[0]} is missing: an event needs asset_id, hazard and onset"
    if isinstance(error, ValueError):
        return f"{error}: times are RFC 3339 with a zone, 2026-03-01T08:00:00+08:00"
    return "an event is an object whose times are text: {asset_id, hazard, onset, severity, ended, …}"
