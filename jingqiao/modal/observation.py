"""One hour of a bridge: the modes of ten minutes of it, or why there are none; kept in the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Final

import sqlalchemy as sa

from jingqiao.database import reading, writing
from jingqiao.modal.tables import modal_window

HOUR_US: Final = 3_600_000_000


@dataclass(frozen=True, slots=True)
class Mode:
    """One mode of one window.

    frequency_hz, deviation_hz : Its natural frequency and the standard deviation of that.
    damping : Share of the critical damping. share : Of the model orders at which it was stable.
    shape : float for each channel, the greatest 1; signs tell the phase.
    """

    frequency_hz: float
    deviation_hz: float
    damping: float
    share: float
    shape: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Observation:
    """What an hour showed.

    start : int  Begin of the ten minutes [µs]; of the hour where none could be analysed.
    problem : "" or `channels`, `gaps`, `rate`, `still` (see `window.NoWindow`), `modes` (nothing stable).
    temperature_c : float | None  Of the structure. left_out : sensor id → why it did not take part.
    """

    start: int
    sensor_ids: tuple[str, ...] = ()
    modes: tuple[Mode, ...] = ()
    problem: str = ""
    temperature_c: float | None = None
    rate_hz: float | None = None
    left_out: Mapping[str, str] = field(default_factory=dict)


def keep(database: sa.Engine, asset_id: str, observations: Sequence[Observation]) -> None:
    """Write hours down; one that is there already is replaced."""
    if not observations:
        return
    table = modal_window
    rows = [
        {
            "asset_id": asset_id,
            "hour": one.start // HOUR_US * HOUR_US,
            "start": one.start,
            "problem": one.problem,
            "temperature_c": one.temperature_c,
            "rate_hz": one.rate_hz,
            "sensor_ids": list(one.sensor_ids),
            "left_out": dict(one.left_out),
            "modes": [asdict(mode) for mode in one.modes],
        }
        for one in observations
    ]
    with writing(database) as connection:
        hours = [row["hour"] for row in rows]
        connection.execute(sa.delete(table).where(table.c.asset_id == asset_id, table.c.hour.in_(hours)))
        connection.execute(sa.insert(table), rows)


def kept(database: sa.Engine, asset_id: str, since: int = 0, until: int | None = None) -> list[Observation]:
    """What is known of a bridge's hours that begin in `since` ≤ t < `until` [µs], by time."""
    table = modal_window
    wanted = [table.c.asset_id == asset_id, table.c.hour >= since]
    if until is not None:
        wanted.append(table.c.hour < until)
    with reading(database) as connection:
        rows = connection.execute(sa.select(table).where(*wanted).order_by(table.c.hour)).mappings().all()
    return [
        Observation(
            row["start"],
            tuple(row["sensor_ids"]),
            tuple(Mode(**{**mode, "shape": tuple(mode["shape"])}) for mode in row["modes"]),
            row["problem"],
            row["temperature_c"],
            row["rate_hz"],
            row["left_out"],
        )
        for row in rows
    ]


def hours_known(database: sa.Engine, asset_id: str, since: int, until: int) -> set[int]:
    """Hours that have modes: those without are tried again as long as their samples are there."""
    table = modal_window
    with reading(database) as connection:
        rows = connection.execute(
            sa.select(table.c.hour).where(
                table.c.asset_id == asset_id,
                table.c.hour >= since,
                table.c.hour < until,
                table.c.problem == "",
            )
        )
        return {int(row.hour) for row in rows}
